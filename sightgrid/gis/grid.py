"""Grids: square cells over a study area, aligned to the coordinate system so that their ids stay the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import geopandas as gpd
import numpy as np
import shapely

from sightgrid.errors import UnitRangeError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyproj import CRS

MOST_CELLS = 2_000_000
LARGEST_CELL_M = 100_000.0


class Grid(NamedTuple):
    """Square cells; column and row numbers count from the origin of the coordinate system.

    Attributes
    ----------
    cell_m : float
    column0, row0 : int
        The lowest column and row.
    columns, rows : int
        How many there are.
    """

    cell_m: float
    column0: int
    row0: int
    columns: int
    rows: int

    def boxes(self, column: NDArray[np.int64], row: NDArray[np.int64]) -> NDArray[np.object_]:
        """Squares of cells given by their column and row, counted from the grid's own corner."""
        x, y = (column + self.column0) * self.cell_m, (row + self.row0) * self.cell_m
        boxes: NDArray[np.object_] = shapely.box(x, y, x + self.cell_m, y + self.cell_m)
        return boxes


def lay_grid(study: shapely.Geometry, *, cell_m: float) -> Grid:
    """Lay the smallest aligned grid over an area.

    Raises
    ------
    UnitRangeError
        The cell is not above 0, larger than 100 km, or so small that there would be more than two million of them.
    """
    if not 0.0 < cell_m <= LARGEST_CELL_M:
        raise UnitRangeError(f"cell_m: {cell_m} must be above 0 and at most {LARGEST_CELL_M:g}")
    x0, y0, x1, y1 = study.bounds
    column0, row0 = int(np.floor(x0 / cell_m)), int(np.floor(y0 / cell_m))
    columns, rows = int(np.ceil(x1 / cell_m)) - column0, int(np.ceil(y1 / cell_m)) - row0
    if columns * rows > MOST_CELLS:
        raise UnitRangeError(
            f"cell_m: {cell_m} m makes {columns * rows:,} cells, more than {MOST_CELLS:,}; choose larger cells"
        )
    return Grid(cell_m, column0, row0, max(columns, 1), max(rows, 1))


def draw_cells(grid: Grid, study: shapely.Geometry, crs: CRS) -> gpd.GeoDataFrame:
    """Draw the cells that touch the study area.

    Returns
    -------
    geopandas.GeoDataFrame
        Index ``cell_id`` (column and row from the origin of the CRS), squares, and their ``column`` and ``row`` within
        the grid; south to north, then west to east.
    """
    number = np.arange(grid.columns * grid.rows)
    column, row = number % grid.columns, number // grid.columns
    boxes = grid.boxes(column, row)
    shapely.prepare(study)
    touching = shapely.intersects(study, boxes) & ~shapely.touches(study, boxes)
    column, row, boxes = column[touching], row[touching], boxes[touching]
    ids = [f"{c}_{r}" for c, r in zip(column + grid.column0, row + grid.row0, strict=True)]
    frame = gpd.GeoDataFrame({"column": column, "row": row}, geometry=boxes, index=ids, crs=crs)
    return frame.rename_axis("cell_id")
