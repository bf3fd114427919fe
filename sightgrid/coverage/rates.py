"""Monitoring rates: how much of the observable ground the cameras see, by cell, street and place."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from sightgrid.coverage import tiles
from sightgrid.coverage.exact import Clipper
from sightgrid.coverage.sampling import Sampler
from sightgrid.coverage.survey import Settings, Survey, survey_site
from sightgrid.errors import InputError, UnitRangeError
from sightgrid.gis.grid import Grid, draw_cells, lay_grid
from sightgrid.gis.ground import require_ground
from sightgrid.schemas import validate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sightgrid.coverage.visibility import Progress
    from sightgrid.site import Site

# Fast mode measures cells exactly whose ground is a sliver of so few samples that counting them would be coarse.
FEWEST_SAMPLES = 4000


@dataclass(frozen=True)
class Coverage:
    """What the cameras of a site see.

    Attributes
    ----------
    survey : Survey
        The cameras and their views.
    grid : Grid
        The cells' grid.
    exact : bool
        Whether areas were clipped and united, or counted on a lattice.
    areas : geopandas.GeoDataFrame
        Square metres by cell; `cells` gives rates.
    street_m, place_m2 : ndarray
        Metres by street (open, seen); square metres by place (ground, covered, summed views).
    seconds : float
        How long the measuring took.
    """

    survey: Survey
    grid: Grid
    exact: bool
    areas: gpd.GeoDataFrame
    street_m: NDArray[np.float64]
    place_m2: NDArray[np.float64]
    seconds: float

    @property
    def site(self) -> Site:
        """The site that was measured."""
        return self.survey.site

    @property
    def cell_m(self) -> float:
        """Side of a cell."""
        return self.grid.cell_m

    @property
    def standard(self) -> str:
        """Edition of IEC 62676-4 whose density classes are meant."""
        return self.survey.settings.standard

    @property
    def seen(self) -> gpd.GeoDataFrame:
        """What each camera sees; see `view_areas`."""
        return self.survey.seen

    @cached_property
    def cells(self) -> gpd.GeoDataFrame:
        """Rates by cell.

        Columns ``observable_m2``, ``covered_m2``, ``rate``, ``rate_2`` (seen at least twice), ``views_mean``,
        ``rate_<class>`` for each density class, ``assumed_share`` (of the covered ground, seen only by cameras with
        assumed attributes). NaN where a cell has no observable ground.
        """
        square_m = self.areas[_columns(self.survey.settings)].to_numpy()
        frame = gpd.GeoDataFrame(
            {"observable_m2": square_m[:, tiles.GROUND], "covered_m2": square_m[:, tiles.COVERED]},
            geometry=self.areas.geometry,
            index=self.areas.index,
        )
        ground, covered = square_m[:, tiles.GROUND], square_m[:, tiles.COVERED]
        frame["rate"] = _share(covered, ground)
        frame["rate_2"] = _share(square_m[:, tiles.TWICE], ground)
        frame["views_mean"] = _share(square_m[:, tiles.VIEWS], ground)
        for c, name in enumerate(self.survey.settings.classes):
            frame[f"rate_{name}"] = _share(square_m[:, tiles.CLASSES + c], ground)
        frame["assumed_share"] = 1.0 - _share(square_m[:, tiles.GIVEN], covered)
        return frame

    @cached_property
    def streets(self) -> pd.DataFrame:
        """Metres of each street on open ground, metres seen, and their ratio; indexed like the site's streets."""
        open_m, seen_m = self.street_m.T
        columns = {"observable_m": open_m, "observed_m": seen_m, "rate": _share(seen_m, open_m)}
        return pd.DataFrame(columns, index=self.site.streets.index)

    @cached_property
    def places(self) -> pd.DataFrame:
        """Rates of each place and 20 m around it; indexed like the site's places."""
        ground, covered, views = self.place_m2.T
        columns = {
            "observable_m2": ground,
            "covered_m2": covered,
            "rate": _share(covered, ground),
            "views_mean": _share(views, ground),
        }
        return pd.DataFrame(columns, index=self.site.places.index)

    @cached_property
    def totals(self) -> dict[str, Any]:
        """The figures of the whole site."""
        settings = self.survey.settings
        square_m = self.areas[_columns(settings)].to_numpy().sum(axis=0)
        ground, covered = square_m[tiles.GROUND], square_m[tiles.COVERED]
        open_m, seen_m = self.street_m.sum(axis=0)
        measured = int(self.seen["measured"].sum())
        return {
            "cameras_total": len(self.seen),
            "cameras_measured": measured,
            "cameras_moved": int((self.seen["moved_m"] > 0.0).sum()),
            "cameras_not_measured": len(self.seen) - measured,
            "assumed_share": _ratio(covered - square_m[tiles.GIVEN], covered),
            "direction_assumed_share": _ratio(covered - square_m[tiles.LOWER], covered),
            "observable_m2": float(ground),
            "covered_m2": float(covered),
            "coverage_rate": _ratio(covered, ground),
            "coverage_rate_lower": _ratio(square_m[tiles.LOWER], ground),
            "coverage_rate_upper": _ratio(square_m[tiles.UPPER], ground),
            "rate_seen_twice": _ratio(square_m[tiles.TWICE], ground),
            "views_mean": _ratio(square_m[tiles.VIEWS], ground),
            "street_rate": _ratio(seen_m, open_m),
            "street_observable_m": float(open_m),
            "street_observed_m": float(seen_m),
            "density_rates": {
                name: _ratio(square_m[tiles.CLASSES + c], ground) for c, name in enumerate(settings.classes)
            },
        }

    def summary(self, spots: gpd.GeoDataFrame | None = None) -> dict[str, Any]:
        """Everything ``summary.json`` holds; the counts of blind spots need ``blind_spots``'s frame."""
        blind = {} if spots is None else {"blind_spots": len(spots), "blind_area_m2": float(spots["area_m2"].sum())}
        about = {"site": self.site.name, "cell_m": self.cell_m, "standard": self.standard, "exact": self.exact}
        return {**about, **self.totals, **blind, "seconds": self.seconds}

    def replace(self, camera: gpd.GeoDataFrame) -> Coverage:
        """Change or add one camera: its view and the cells it touched or touches now are measured again, no others.

        Street and place figures follow the cells' lattice and are taken over unchanged; measure the site again for
        them.

        Parameters
        ----------
        camera : geopandas.GeoDataFrame
            One row of the cameras frame; its id decides which camera it replaces.

        Raises
        ------
        SchemaError
            The row breaks the cameras' contract.
        """
        start = time.perf_counter()
        if len(camera) != 1:
            raise InputError(f"camera: {len(camera)} rows given, one camera at a time can be replaced")
        validate(camera, "cameras")
        survey = self.survey.with_camera(camera)
        touched = np.zeros(len(self.areas), bool)
        boxes = self.areas.geometry.to_numpy()
        for of in (self.survey, survey):
            if camera.index[0] in of.seen.index:
                row = of.seen.index.get_loc(camera.index[0])
                for view in (of.seen.geometry.iloc[row], of.all_round[row]):
                    touched |= shapely.intersects(view, boxes)
        areas = self.areas.copy()
        if touched.any():
            columns = _columns(survey.settings)
            areas.loc[touched, columns] = _measure_cells(survey, self.grid, self.areas[touched], exact=self.exact)
        return Coverage(survey, self.grid, self.exact, areas, self.street_m, self.place_m2, time.perf_counter() - start)


def measure(
    site: Site,
    *,
    cell_m: float = 100.0,
    exact: bool = False,
    standard: str = "iec2014",
    density_px_m: float | None = None,
    target_height_m: float = 1.5,
    heights: bool = True,
    open_courtyards: bool = False,
    progress: Progress | None = None,
) -> Coverage:
    """Measure how much of a site its cameras see.

    Parameters
    ----------
    site : Site
    cell_m : float
        Side of a grid cell, metres.
    exact : bool
        Clip and unite polygons instead of counting sample points; slower, and at most 0.3 percentage points different.
    standard : {'iec2014', 'iec2025'}
        Edition of IEC 62676-4 whose density classes are reported.
    density_px_m : float, optional
        Count only what is drawn with at least this many pixels per metre.
    target_height_m : float
        Height above ground of what is to be seen.
    heights : bool
        Let cameras look over lower obstacles.
    open_courtyards : bool
        Count courtyards that no street enters as observable.
    progress : callable, optional
        Called as ``progress(stage, done, total)`` with the stages "seen areas" and "rates".

    Returns
    -------
    Coverage

    Raises
    ------
    SchemaError
        The site has no cameras, or a layer breaks its contract.
    InfeasibleError
        No observable ground is left.
    UnitRangeError
        An argument lies outside its range.

    Examples
    --------
    >>> import sightgrid as sg
    >>> seen = measure(sg.open_site("helsinki"))
    >>> 0.0 < seen.totals["coverage_rate"] < 1.0
    True
    """
    start = time.perf_counter()
    if density_px_m is not None and not 0.0 < density_px_m < np.inf:
        raise UnitRangeError(f"density_px_m: {density_px_m} must be above 0")
    settings = Settings(standard, density_px_m, target_height_m, heights, open_courtyards=open_courtyards)
    settings.least_px_m  # noqa: B018  (raises for an unknown standard before anything is computed)
    if not len(site.cameras):
        raise InputError(f"{site.name}: cameras: the layer is empty, so there is nothing to measure")
    grid = lay_grid(site.study, cell_m=cell_m)
    cells = draw_cells(grid, site.study, site.crs)
    survey = survey_site(site, settings, progress=progress)
    columns = _columns(settings)
    if exact:
        clipper = Clipper(survey)
        square_m = clipper.measure_cells(cells, progress=progress)
        street_m, place_m2 = clipper.measure_streets(), clipper.measure_places()
    else:
        sampler = Sampler(grid)
        counts = sampler.count(survey, progress=progress)
        in_study = cells["row"].to_numpy() * grid.columns + cells["column"].to_numpy()
        square_m = _refine(survey, cells, counts.cells[in_study], sampler.sample_m2)
        lengths = site.streets.geometry.length.to_numpy()
        per_point = lengths / np.maximum(np.ceil(lengths), 1.0)
        street_m = counts.streets * per_point[:, None]
        place_m2 = np.asarray(counts.places * sampler.sample_m2, dtype=np.float64)
    require_ground(float(square_m[:, tiles.GROUND].sum()), site.name)
    areas = gpd.GeoDataFrame(cells[["column", "row"]], geometry=cells.geometry)
    areas[columns] = square_m
    return Coverage(survey, grid, exact, areas, street_m, place_m2, time.perf_counter() - start)


def _measure_cells(survey: Survey, grid: Grid, cells: gpd.GeoDataFrame, *, exact: bool) -> NDArray[np.float64]:
    if exact:
        return Clipper(survey).measure_cells(cells)
    sampler = Sampler(grid)
    return _refine(survey, cells, sampler.count(survey, cells=cells).cells, sampler.sample_m2)


def _refine(
    survey: Survey, cells: gpd.GeoDataFrame, counts: NDArray[np.int64], sample_m2: float
) -> NDArray[np.float64]:
    """Square metres from counted samples; slivers of ground that somebody sees are measured exactly."""
    square_m = np.asarray(counts * sample_m2, dtype=np.float64)
    ground = counts[:, tiles.GROUND]
    sliver = np.flatnonzero((ground < FEWEST_SAMPLES) & (counts[:, tiles.UPPER] > 0))
    if len(sliver):
        square_m[sliver] = Clipper(survey).measure_cells(cells.iloc[sliver])
    return square_m


def _columns(settings: Settings) -> list[str]:
    names = ["ground_m2", "covered_m2", "twice_m2", "views_m2", "given_m2", "lower_m2", "upper_m2"]
    return names + [f"{name}_m2" for name in settings.classes]


def _share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0.0)


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0.0 else float("nan")
