"""Figures: the square metres and metres that rates are made of, counted on a lattice or clipped exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from sightgrid.coverage import tiles
from sightgrid.coverage.exact import Clipper
from sightgrid.coverage.painting import boxes_meet
from sightgrid.coverage.sampling import Sampler

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from sightgrid.coverage.survey import Survey
    from sightgrid.coverage.visibility import Progress
    from sightgrid.gis.grid import Grid

# Fast mode measures cells exactly whose ground is a sliver of so few samples that counting them would be coarse.
FEWEST_SAMPLES = 4000


class Figures(NamedTuple):
    """What was measured.

    Attributes
    ----------
    cells_m2 : ndarray, shape (n, 7 + density classes)
        By cell; the columns are those of `tiles`: ground, covered, seen twice, summed views, seen by fully given
        cameras, lower bound, upper bound, then one for each density class, lowest first.
    streets : ndarray, shape (n, 2)
        Sample points (or metres) of each street on open ground, and seen.
    street_step_m : ndarray, shape (n,)
        The metres one of them stands for.
    places : ndarray, shape (n, 3)
        Samples (or square metres) of ground around each place, of covered ground, and summed over views.
    place_step_m2 : float
        The square metres one of them stands for.
    """

    cells_m2: NDArray[np.float64]
    streets: NDArray[np.float64]
    street_step_m: NDArray[np.float64]
    places: NDArray[np.float64]
    place_step_m2: float

    @property
    def street_m(self) -> NDArray[np.float64]:
        """Metres of each street: open, seen."""
        return self.streets * self.street_step_m[:, None]

    @property
    def place_m2(self) -> NDArray[np.float64]:
        """Square metres around each place: ground, covered, summed views."""
        return self.places * self.place_step_m2


def count_figures(
    survey: Survey, grid: Grid, cells: gpd.GeoDataFrame, *, whole: bool, progress: Progress | None = None
) -> Figures:
    """Count samples in all cells of the grid (``whole``), or in and around some of them."""
    sampler = Sampler(grid)
    counts = sampler.count(survey, cells=None if whole else cells, progress=progress)
    of_cells = counts.cells
    if whole:
        of_cells = of_cells[cells["row"].to_numpy() * grid.columns + cells["column"].to_numpy()]
    cells_m2 = np.asarray(of_cells * sampler.sample_m2, dtype=np.float64)
    sliver = np.flatnonzero((of_cells[:, tiles.GROUND] < FEWEST_SAMPLES) & (of_cells[:, tiles.UPPER] > 0))
    if len(sliver):
        cells_m2[sliver] = Clipper(survey).measure_cells(cells.iloc[sliver])
    length_m = survey.site.streets.geometry.length.to_numpy()
    step_m = length_m / np.maximum(np.ceil(length_m), 1.0)
    return Figures(cells_m2, counts.streets.astype(float), step_m, counts.places.astype(float), sampler.sample_m2)


def clip_figures(
    survey: Survey, cells: gpd.GeoDataFrame, *, before: Figures | None = None, progress: Progress | None = None
) -> Figures:
    """Clip and unite polygons; with figures from before, only streets and places that meet the cells change."""
    clipper = Clipper(survey)
    cells_m2 = clipper.measure_cells(cells, progress=progress)
    lines, around = survey.ground.streets, survey.ground.surroundings
    if before is None:
        streets, places = clipper.measure_streets(np.arange(len(lines))), clipper.measure_places(np.arange(len(around)))
    else:
        window = tuple(cells.total_bounds)
        streets, places = before.streets.copy(), before.places.copy()
        of_streets, of_places = (np.flatnonzero(boxes_meet(shapely.bounds(of), window)) for of in (lines, around))
        streets[of_streets] = clipper.measure_streets(of_streets)
        places[of_places] = clipper.measure_places(of_places)
    return Figures(cells_m2, streets, np.ones(len(streets)), places, 1.0)
