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
from sightgrid.coverage.faults import apply_health
from sightgrid.coverage.figures import Figures, clip_figures, count_figures
from sightgrid.coverage.survey import Settings, Survey, survey_site
from sightgrid.coverage.visibility import check_options
from sightgrid.errors import CRSError, InputError
from sightgrid.gis.grid import Grid, draw_cells, lay_grid
from sightgrid.gis.ground import require_ground
from sightgrid.schemas import validate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sightgrid.coverage.visibility import Progress
    from sightgrid.site import Site


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
    layout : geopandas.GeoDataFrame
        The cells' squares; `cells` has them with rates.
    figures : Figures
        Square metres by cell and place, metres by street.
    seconds : float
        How long the measuring took.
    """

    survey: Survey
    grid: Grid
    exact: bool
    layout: gpd.GeoDataFrame
    figures: Figures
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
        square_m = self.figures.cells_m2
        frame = gpd.GeoDataFrame(
            {"observable_m2": square_m[:, tiles.GROUND], "covered_m2": square_m[:, tiles.COVERED]},
            geometry=self.layout.geometry,
            index=self.layout.index,
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
        open_m, seen_m = self.figures.street_m.T
        columns = {"observable_m": open_m, "observed_m": seen_m, "rate": _share(seen_m, open_m)}
        return pd.DataFrame(columns, index=self.site.streets.index)

    @cached_property
    def places(self) -> pd.DataFrame:
        """Rates of each place and 20 m around it; indexed like the site's places."""
        ground, covered, views = self.figures.place_m2.T
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
        square_m = self.figures.cells_m2.sum(axis=0)
        ground, covered = square_m[tiles.GROUND], square_m[tiles.COVERED]
        open_m, seen_m = self.figures.street_m.sum(axis=0)
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
        """Change or add one camera; only its view and the cells, streets and places it touches are measured again.

        Parameters
        ----------
        camera : geopandas.GeoDataFrame
            One row of the cameras frame; its id decides which camera it replaces.

        Returns
        -------
        Coverage
            What `measure` would find for the changed site.

        Raises
        ------
        InputError
            Not exactly one row is given.
        CRSError
            The row is not in the site's coordinate system.
        SchemaError
            The row breaks the cameras' contract.
        """
        start = time.perf_counter()
        if len(camera) != 1:
            raise InputError(f"camera: {len(camera)} rows given, one camera at a time can be replaced")
        if camera.crs != self.site.crs:
            name = camera.crs.name if camera.crs else "none"
            raise CRSError(f"cameras: {name} is not the coordinate system of the site, {self.site.crs.name}")
        validate(camera, "cameras")
        survey = self.survey.with_camera(camera)
        views = np.array([view for of in (self.survey, survey) for view in of.views_of(camera.index[0])], dtype=object)
        shapely.prepare(views)
        touched = shapely.intersects(views[:, None], self.layout.geometry.to_numpy()).any(axis=0)
        if not touched.any():
            return Coverage(survey, self.grid, self.exact, self.layout, self.figures, time.perf_counter() - start)
        cells = self.layout[touched]
        if self.exact:
            now = clip_figures(survey, cells, before=self.figures)
        else:
            was = count_figures(self.survey, self.grid, cells, whole=False)
            now = count_figures(survey, self.grid, cells, whole=False)
            now = now._replace(
                streets=self.figures.streets + now.streets - was.streets,
                places=self.figures.places + now.places - was.places,
            )
        cells_m2 = self.figures.cells_m2.copy()
        cells_m2[touched] = now.cells_m2
        now = now._replace(cells_m2=cells_m2)
        return Coverage(survey, self.grid, self.exact, self.layout, now, time.perf_counter() - start)


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
    health: pd.DataFrame | None = None,
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
    health : pandas.DataFrame, optional
        How the cameras are; see `faults.apply_health`. Those that are down see nothing, blurred ones less far.
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
    check_options(standard=standard, density_px_m=density_px_m, target_height_m=target_height_m)
    settings = Settings(standard, density_px_m, target_height_m, heights, open_courtyards=open_courtyards)
    if not len(site.cameras):
        raise InputError(f"{site.name}: cameras: the layer is empty, so there is nothing to measure")
    validate(site.cameras, "cameras")
    if health is not None:
        site = site.with_cameras(apply_health(site.cameras, health))
    grid = lay_grid(site.study, cell_m=cell_m)
    cells = draw_cells(grid, site.study, site.crs)
    survey = survey_site(site, settings, progress=progress)
    figures = (
        clip_figures(survey, cells, progress=progress)
        if exact
        else count_figures(survey, grid, cells, whole=True, progress=progress)
    )
    require_ground(float(figures.cells_m2[:, tiles.GROUND].sum()), site.name)
    return Coverage(survey, grid, exact, cells, figures, time.perf_counter() - start)


def _share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0.0)


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0.0 else float("nan")
