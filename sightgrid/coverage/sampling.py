"""The fast way to rates: count sample points, tile by tile."""

from __future__ import annotations

import math
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sightgrid.coverage import tiles
from sightgrid.coverage.painting import Layers, Painter, Palette, Tile
from sightgrid.gis.rasterize import Lattice, bin_boxes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import geopandas as gpd
    from numpy.typing import NDArray

    from sightgrid.coverage.survey import Survey
    from sightgrid.coverage.visibility import Progress
    from sightgrid.gis.grid import Grid

TILE_M = 400.0  # larger cells are sampled in parts
TILE_SAMPLES = 1_000_000
STRIP_TILES = 8  # rows of tiles whose layers are flattened at a time
ROW_M = 0.25  # distance of sample rows; samples in a row are four times farther apart
ROWS_PER_CELL = 400  # at least, so that small cells are as accurate as large ones


class Block(NamedTuple):
    """A rectangle of the grid that is sampled at once, in units from the part's corner."""

    row: int
    rows: int
    column: int
    columns: int


class Counts(NamedTuple):
    """Counted samples.

    Attributes
    ----------
    cells : ndarray, shape (rows * columns, 7 + density classes)
        Ground, covered, seen twice, views, seen by fully given cameras, lower bound, upper bound, then one per class.
    streets : ndarray, shape (n, 2)
        Points on open ground, and seen.
    places : ndarray, shape (n, 3)
        Ground, covered ground and views in the surroundings.
    """

    cells: NDArray[np.int64]
    streets: NDArray[np.int64]
    places: NDArray[np.int64]


class Sampler:
    """Samples a survey on a lattice, tile by tile.

    Parameters
    ----------
    grid : Grid
        Cells to count by.
    resolution_m : float, optional
        Distance of samples on a square lattice, for rasters; without it rows are dense and staggered, for accuracy.
    """

    def __init__(self, grid: Grid, *, resolution_m: float | None = None) -> None:
        self.grid = grid
        self.split = max(1, math.ceil(grid.cell_m / TILE_M)) if resolution_m is None else 1
        self.unit_m = grid.cell_m / self.split
        if resolution_m is None:
            rows = max(self.unit_m / ROW_M, ROWS_PER_CELL / self.split)
            self.columns_per_unit = 8 * math.ceil(rows / 32)  # the kernels take eight samples at once
            self.rows_per_unit = 4 * self.columns_per_unit
        else:
            self.rows_per_unit = self.columns_per_unit = round(grid.cell_m / resolution_m)
        self.lattice = Lattice(
            self.unit_m / self.columns_per_unit, self.unit_m / self.rows_per_unit, staggered=resolution_m is None
        )

    @property
    def units_per_tile(self) -> int:
        """Units along a tile's side."""
        return max(1, math.isqrt(TILE_SAMPLES // (self.rows_per_unit * self.columns_per_unit)))

    @property
    def sample_m2(self) -> float:
        """The ground one sample stands for."""
        return self.lattice.dx_m * self.lattice.dy_m

    def count(
        self, survey: Survey, *, cells: gpd.GeoDataFrame | None = None, progress: Progress | None = None
    ) -> Counts:
        """Count everything, or around the given cells only.

        The counts of cells come in the order of ``cells`` if given, else for the whole grid, row by row. Streets and
        places are counted as far as they lie in the rectangle around the cells.
        """
        part = self.grid if cells is None else _around(self.grid, cells)
        width = tiles.CLASSES + len(survey.settings.classes)
        units = np.zeros((part.rows * self.split, part.columns * self.split, width), np.int64)

        def count_block(painter: Painter, block: Block) -> None:
            sums = np.zeros((block.rows * block.columns, width), np.int64)
            tiles.sum_cells(self.rows_per_unit, self.columns_per_unit, painter.tile, painter.samples, sums)
            here = slice(block.row, block.row + block.rows), slice(block.column, block.column + block.columns)
            units[here] = sums.reshape(block.rows, block.columns, width)
            painter.add_streets()
            painter.add_places()

        streets, places, _ = self._run(survey, part, count_block, progress)
        summed = units.reshape(part.rows, self.split, part.columns, self.split, width).sum(axis=(1, 3))
        if cells is not None:
            summed = summed[
                cells["row"].to_numpy() + self.grid.row0 - part.row0,
                cells["column"].to_numpy() + self.grid.column0 - part.column0,
            ]
        return Counts(summed.reshape(-1, width), streets, places[:, :3])

    def count_alone(self, survey: Survey, *, progress: Progress | None = None) -> NDArray[np.int64]:
        """Samples each camera sees, and those that it alone sees."""
        return self._run(survey, self.grid, lambda painter, _: painter.add_alone(), progress)[2][:, [1, 3]]

    def paint_all(self, survey: Survey) -> Iterator[tuple[Block, Painter | None]]:
        """Paint one tile after the other; None stands for a tile outside the study area."""
        for blocks, new_painter in self._strips(Palette(survey), self.grid):
            painter = new_painter()
            for number, block in enumerate(blocks):
                yield block, painter if painter.paint(number, self._tile(self.grid, block)) else None

    def _run(
        self, survey: Survey, part: Grid, use: Callable[[Painter, Block], None], progress: Progress | None
    ) -> list[NDArray[np.int64]]:
        """Paint every tile of a part of the grid and use it; returns the painters' sums by street, place, camera."""
        palette = Palette(survey)
        sums = [np.zeros((len(of), columns), np.int64) for of, columns in palette.countable]
        side = self.units_per_tile
        total, done = -(-part.rows * self.split // side) * -(-part.columns * self.split // side), 0
        for blocks, new_painter in self._strips(palette, part):
            tiled = [(number, block, self._tile(part, block)) for number, block in enumerate(blocks)]
            painters: list[Painter] = []
            for _ in _paint_in_threads(tiled, new_painter, use, painters):
                done += 1
                if progress:
                    progress("rates", done, total)
            for painter in painters:
                for k, of_painter in enumerate((painter.streets, painter.places, painter.alone)):
                    sums[k] += of_painter
        return sums

    def _strips(self, palette: Palette, part: Grid) -> Iterator[tuple[list[Block], Callable[[], Painter]]]:
        """Cut a part of the grid into strips of tiles, and flatten one strip at a time."""
        side = self.units_per_tile
        across, up = part.columns * self.split, part.rows * self.split
        rows, columns = side * self.rows_per_unit, side * self.columns_per_unit
        left, bottom, side_m = part.column0 * part.cell_m, part.row0 * part.cell_m, side * self.unit_m
        for begin in range(0, up, STRIP_TILES * side):
            end = min(begin + STRIP_TILES * side, up)
            low = bottom + begin * self.unit_m
            layers = palette.flatten((left, low, left + across * self.unit_m, bottom + end * self.unit_m))
            corner, shape = (left, low), (-(-across // side), -(-(end - begin) // side))
            bins = Layers._make(bin_boxes(shapes.bounds, *corner, side_m, side_m, *shape) for shapes in layers)
            blocks = [
                Block(r, min(side, end - r), c, min(side, across - c))
                for r in range(begin, end, side)
                for c in range(0, across, side)
            ]
            yield blocks, partial(Painter, palette, layers, bins, self.lattice, rows, columns)

    def _tile(self, part: Grid, block: Block) -> Tile:
        return (
            (block.row + part.row0 * self.split) * self.rows_per_unit,
            block.rows * self.rows_per_unit,
            (block.column + part.column0 * self.split) * self.columns_per_unit,
            block.columns * self.columns_per_unit,
        )


def _paint_in_threads(
    tiled: list[tuple[int, Block, Tile]],
    new_painter: Callable[[], Painter],
    use: Callable[[Painter, Block], None],
    painters: list[Painter],
) -> Iterator[None]:
    """Paint tiles, each thread with a painter of its own, which joins ``painters``; yields after each tile."""
    local = threading.local()

    def run(numbered: tuple[int, Block, Tile]) -> None:
        number, block, tile = numbered
        if not hasattr(local, "painter"):
            local.painter = new_painter()
            painters.append(local.painter)
        if local.painter.paint(number, tile):
            use(local.painter, block)

    if len(tiled) == 1:
        run(tiled[0])
        yield None
    else:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            yield from pool.map(run, tiled)


def _around(grid: Grid, cells: gpd.GeoDataFrame) -> Grid:
    """The smallest part of a grid that holds some of its cells."""
    column, row = cells["column"], cells["row"]
    return grid._replace(
        column0=grid.column0 + int(column.min()),
        row0=grid.row0 + int(row.min()),
        columns=int(column.max() - column.min()) + 1,
        rows=int(row.max() - row.min()) + 1,
    )
