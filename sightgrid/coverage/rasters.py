"""The coverage as pictures and layers: views by density class, and a raster of how many cameras see each spot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from affine import Affine
from rasterio.windows import Window

from sightgrid.coverage import tiles
from sightgrid.coverage.sampling import Sampler
from sightgrid.errors import UnitRangeError
from sightgrid.gis.grid import Grid, lay_grid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from sightgrid.coverage.rates import Coverage

NOT_GROUND = 65535  # nodata: buildings, water, private and closed ground, and everything outside the study area
_WINDOW_PX = 256


def class_areas(seen: Coverage) -> gpd.GeoDataFrame:
    """Draw, for each camera and density class, the part of its view that is at least that dense.

    Returns
    -------
    geopandas.GeoDataFrame
        Index ``camera_id, density_class``; column ``px_m``; empty views are left out.
    """
    rows = np.flatnonzero(seen.seen["measured"].to_numpy())
    frames = []
    for name, px_m in seen.survey.settings.classes.items():
        views = seen.survey.class_views(rows, px_m)
        index = pd.MultiIndex.from_product([seen.seen.index[rows], [name]], names=["camera_id", "density_class"])
        frame = gpd.GeoDataFrame({"px_m": px_m}, geometry=views, index=index, crs=seen.site.crs)
        frames.append(frame[~shapely.is_empty(views)])
    return gpd.GeoDataFrame(pd.concat(frames), crs=seen.site.crs)


def raster_shape(seen: Coverage, *, resolution_m: float = 1.0) -> tuple[int, int, Affine]:
    """Height, width and transform of the count raster.

    Raises
    ------
    UnitRangeError
        The resolution is not above 0.
    """
    grid = _windows(seen, resolution_m)
    height, width = grid.rows * _WINDOW_PX, grid.columns * _WINDOW_PX
    west, north = grid.column0 * grid.cell_m, (grid.row0 + grid.rows) * grid.cell_m
    return height, width, Affine(resolution_m, 0.0, west, 0.0, -resolution_m, north)


def count_raster(seen: Coverage, *, resolution_m: float = 1.0) -> Iterator[tuple[Window, NDArray[np.uint16]]]:
    """Count the cameras that see each square, window by window; 65535 is not observable ground.

    Parameters
    ----------
    seen : Coverage
    resolution_m : float
        Side of a square, metres.

    Yields
    ------
    window : rasterio.windows.Window
        Where the counts belong, in the raster of `raster_shape`.
    counts : ndarray of uint16
        North up.
    """
    grid = _windows(seen, resolution_m)
    sampler = Sampler(grid, resolution_m=resolution_m)
    for block, painter in sampler.paint_all(seen.survey):
        rows, columns = block.rows * _WINDOW_PX, block.columns * _WINDOW_PX
        counts = np.full((rows, columns), NOT_GROUND, np.uint16)
        if painter is not None:
            ground = painter.samples[0][:rows, :columns] == tiles.STUDY
            counts[ground] = painter.samples[1][:rows, :columns][ground]
        top = (grid.rows - block.row) * _WINDOW_PX - rows
        yield Window(block.column * _WINDOW_PX, top, columns, rows), counts[::-1]


def _windows(seen: Coverage, resolution_m: float) -> Grid:
    if not 0.0 < resolution_m < np.inf:
        raise UnitRangeError(f"resolution_m: {resolution_m} must be above 0")
    return lay_grid(seen.site.study, cell_m=_WINDOW_PX * resolution_m)
