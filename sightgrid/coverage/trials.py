"""Trials: a measured coverage without one of its cameras, kept so that this camera can be tried out again and again.

What all others see is painted once. Each try then lays one more view over a copy of the samples it touches, which takes
a few milliseconds, however many cameras look there.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import geopandas as gpd
import numpy as np
import shapely

from sightgrid.coverage import tiles
from sightgrid.coverage.exact import Clipper
from sightgrid.coverage.figures import FEWEST_SAMPLES
from sightgrid.coverage.sampling import Sampler
from sightgrid.gis.rasterize import flatten_shapes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sightgrid.coverage.rates import Coverage
    from sightgrid.coverage.survey import Survey

NOWHERE = shapely.Polygon()
ARC, ARC_M = 1.001, 0.01  # the corners of a chain lie a little outside its arc


class Sliver(NamedTuple):
    """What all others see of a cell with little ground, as shapes; the classes from the lowest on."""

    ground: shapely.Geometry
    once: shapely.Geometry
    twice: shapely.Geometry
    views_m2: float
    given: shapely.Geometry
    lower: shapely.Geometry
    upper: shapely.Geometry
    classes: list[shapely.Geometry]


class Trial:
    """A coverage without one of its cameras.

    Parameters
    ----------
    coverage : Coverage
        Of counted samples, on a small grid: every sample is kept.
    camera_id : str
        The camera that is left out; it need not be there.

    Examples
    --------
    >>> import sightgrid as sg
    >>> from sightgrid.coverage import measure
    >>> site = sg.open_site("helsinki")
    >>> site = site.with_cameras(site.cameras.iloc[:40])
    >>> seen = measure(site)
    >>> trial = Trial(seen, site.cameras.index[3])
    >>> turned = site.cameras.iloc[[3]].assign(azimuth_deg=90.0)
    >>> cells = np.arange(len(seen.layout))
    >>> figures = trial.measure(cells, seen.survey.look(turned))
    >>> bool(np.allclose(figures, seen.replace(turned).figures.cells_m2))
    True
    """

    def __init__(self, coverage: Coverage, camera_id: str) -> None:
        survey = coverage.survey
        seen, all_round = survey.seen.geometry.to_numpy().copy(), survey.all_round.copy()
        mine = np.asarray(survey.seen.index == camera_id)
        seen[mine] = all_round[mine] = NOWHERE
        shapes = gpd.GeoSeries(seen, index=survey.seen.index, crs=survey.seen.crs)
        self.others = replace(survey, seen=survey.seen.set_geometry(shapes), all_round=all_round)
        for name in ("ground", "optics", "trust"):  # worked out already
            self.others.__dict__[name] = getattr(survey, name)
        self.layout, self.grid = coverage.layout, coverage.grid
        self._sampler = Sampler(coverage.grid)
        self._samples = self._paint()
        self._slivers: dict[int, Sliver] = {}

    @cached_property
    def _clipper(self) -> Clipper:
        return Clipper(self.others)

    def measure(self, cells: NDArray[np.intp], camera: Survey | None) -> NDArray[np.float64]:
        """Count some cells with the camera as it would be, or without it.

        Parameters
        ----------
        cells : ndarray of int
            Their places in the layout.
        camera : Survey or None
            What the camera would see; see `Survey.look`.

        Returns
        -------
        ndarray, shape (n, 7 + density classes)
            Square metres, in the columns of `tiles`.
        """
        width = tiles.CLASSES + len(self.others.settings.classes)
        if not len(cells):
            return np.empty((0, width))
        split = self._sampler.split
        column, row = (self.layout[name].to_numpy()[cells] for name in ("column", "row"))
        left, low = int(column.min()), int(row.min())
        across, up = int(column.max()) - left + 1, int(row.max()) - low + 1
        sums = np.zeros((up * split * across * split, width), np.int64)
        tile, samples = self._copy(low * split, up * split, left * split, across * split)
        if camera is not None:
            self._add(camera, tile, samples)
        tiles.sum_cells(self._sampler.rows_per_unit, self._sampler.columns_per_unit, tile, samples, sums)
        summed = sums.reshape(up, split, across, split, width).sum(axis=(1, 3))[row - low, column - left]
        figures = np.asarray(summed * self._sampler.sample_m2, dtype=np.float64)
        # as `count_figures` does
        sliver = np.flatnonzero((summed[:, tiles.GROUND] < FEWEST_SAMPLES) & (summed[:, tiles.UPPER] > 0))
        if len(sliver):
            views = None if camera is None else camera.all_class_views(0)
            for place in sliver:
                figures[place] = self._clip(int(cells[place]), camera, views)
        return figures

    def _paint(self) -> tuple[NDArray[Any], ...]:
        """Paint the whole grid with what the others see."""
        sampler, grid = self._sampler, self.grid
        high, wide = sampler.rows_per_unit, sampler.columns_per_unit
        shape = grid.rows * sampler.split * high, grid.columns * sampler.split * wide
        whole = tuple(np.zeros(shape, dtype) for dtype in (np.uint8, np.uint16, np.uint8, np.uint8))
        for block, painter in sampler.paint_all(self.others):
            if painter is None:
                continue
            rows, columns = block.rows * high, block.columns * wide
            y, x = block.row * high, block.column * wide
            parts: tuple[NDArray[Any], ...] = painter.samples
            for samples, part in zip(whole, parts, strict=True):
                samples[y : y + rows, x : x + columns] = part[:rows, :columns]
        return whole

    def _copy(self, row: int, rows: int, column: int, columns: int) -> tuple[Any, tuple[NDArray[Any], ...]]:
        """Copy the samples of a rectangle of units; return its tile and the copies."""
        sampler, grid = self._sampler, self.grid
        high, wide = sampler.rows_per_unit, sampler.columns_per_unit
        here = slice(row * high, (row + rows) * high), slice(column * wide, (column + columns) * wide)
        first_row, first_column = grid.row0 * sampler.split + row, grid.column0 * sampler.split + column
        tile = (first_row * high, rows * high, first_column * wide, columns * wide)
        return tile, tuple(samples[here].copy() for samples in self._samples)

    def _add(self, camera: Survey, tile: Any, samples: tuple[NDArray[Any], ...]) -> None:
        scratch = (np.empty(tile[1], np.int64), np.empty(tile[1], np.int64), np.empty(1024))
        lattice, first = self._sampler.lattice, np.zeros(1, np.int64)
        seen = camera.seen.geometry.to_numpy()
        if not seen[0].is_empty:
            shapes = flatten_shapes(seen)
            scratch = tiles.add_views(shapes, first, camera.optics, camera.trust, tile, lattice, samples, scratch)
        if not camera.all_round[0].is_empty:
            tiles.add_trust(flatten_shapes(camera.all_round), first, tiles.ALL_ROUND, tile, lattice, samples, scratch)

    def _clip(self, place: int, camera: Survey | None, class_views: NDArray[np.object_] | None) -> NDArray[np.float64]:
        """Square metres of a cell with little ground, clipped exactly."""
        known = self._slivers.get(place)
        if known is None:
            known = self._slivers[place] = self._cut(place)
        view = round_ = NOWHERE
        classes, trust = known.classes, 0
        if camera is not None and class_views is not None:
            view, round_ = shapely.intersection([camera.seen.geometry.iloc[0], camera.all_round[0]], known.ground)
            trust = int(camera.trust[0])
            mine = shapely.intersection(class_views, known.ground)
            classes = list(shapely.union(known.classes, mine))
        figures = np.zeros(tiles.CLASSES + len(classes))
        once = shapely.union(known.once, view)
        figures[tiles.GROUND], figures[tiles.COVERED] = known.ground.area, once.area
        figures[tiles.TWICE] = shapely.union(known.twice, shapely.intersection(known.once, view)).area
        figures[tiles.VIEWS] = known.views_m2 + view.area
        figures[tiles.GIVEN] = shapely.union(known.given, view if trust & tiles.FULL else NOWHERE).area
        figures[tiles.LOWER] = shapely.union(known.lower, view if trust & tiles.AIMED else NOWHERE).area
        figures[tiles.UPPER] = shapely.union_all([once, known.upper, round_]).area
        figures[tiles.CLASSES :] = shapely.area(classes)
        return figures

    def _cut(self, place: int) -> Sliver:
        """Clip what all others see to a cell, as `Clipper.measure_cells` does."""
        box = self.layout.geometry.iloc[place]
        ground = self._clipper.ground(box)
        here = self._clipper.seen.rows(box)
        clipped = shapely.intersection(self._clipper.seen.geometries[here], ground)
        once = twice = NOWHERE
        for view in clipped:
            twice = shapely.union(twice, shapely.intersection(once, view))
            once = shapely.union(once, view)
        trust = self.others.trust[here]
        classes = self._cut_classes(here, box, ground)
        return Sliver(
            ground,
            once,
            twice,
            float(shapely.area(clipped).sum()),
            shapely.union_all(clipped[trust & tiles.FULL > 0]),
            shapely.union_all(clipped[trust & tiles.AIMED > 0]),
            shapely.intersection(self._clipper.all_round.union(box), ground),
            classes,
        )

    def _cut_classes(
        self, here: NDArray[np.intp], box: shapely.Geometry, ground: shapely.Geometry
    ) -> list[shapely.Geometry]:
        """Clip what is seen of a cell with each density class; cameras too far away for a class are not looked at."""
        settings = self.others.settings
        densities = np.maximum(list(settings.classes.values()), settings.least_px_m)
        row, of_class = np.repeat(here, len(densities)), np.tile(np.arange(len(densities)), len(here))
        plan = self.others.plan.take(row)
        footprints = plan.footprints(target_height_m=settings.target_height_m, density_px_m=densities[of_class])
        away_m = shapely.distance(shapely.points(plan.standpoints.xy), box)
        near = footprints.far_m * ARC + ARC_M >= away_m
        views = shapely.intersection(self.others.views_at(row[near], densities[of_class[near]]), ground)
        return [shapely.union_all(views[of_class[near] == each]) for each in range(len(densities))]
