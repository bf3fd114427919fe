"""The count raster: how many cameras see each square metre, as a cloud-optimised GeoTIFF."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import rasterio
import rasterio.shutil

from sightgrid import coverage

if TYPE_CHECKING:
    from pathlib import Path

    from sightgrid.coverage import Coverage

NODATA = 65535
MAX_PIXELS = 4e8
BLOCK_PX = 512


def write_count_raster(path: Path, seen: Coverage, *, max_pixels: float = MAX_PIXELS) -> float:
    """Write the number of cameras that see each pixel of observable ground.

    Windows are streamed, so memory does not grow with the city.

    Parameters
    ----------
    path : pathlib.Path
        The GeoTIFF to write (uint16, 65535 where there is no observable ground).
    seen : Coverage
        The measured coverage.
    max_pixels : float
        Larger rasters are made coarser, by whole metres, until they fit.

    Returns
    -------
    float
        The pixel size [m].
    """
    resolution_m = fit_resolution(seen, max_pixels=max_pixels)
    height, width, transform = coverage.raster_shape(seen, resolution_m=resolution_m)
    plain = path.with_suffix(".plain.tif")
    profile = {
        "driver": "GTiff",
        "dtype": "uint16",
        "count": 1,
        "nodata": NODATA,
        "height": height,
        "width": width,
        "transform": transform,
        "crs": seen.site.crs.to_wkt(),
        "tiled": True,
        "blockxsize": BLOCK_PX,
        "blockysize": BLOCK_PX,
        "sparse_ok": True,  # windows never written read as nodata
        "bigtiff": "if_safer",
    }
    try:
        with rasterio.open(plain, "w", **profile) as target:
            target.set_band_description(1, "cameras that see the ground")
            target.set_band_unit(1, "cameras")
            target.update_tags(
                TITLE="Number of cameras that see each pixel of observable ground",
                NODATA_MEANS="not observable ground: buildings, water, private zones or outside the study area",
                STANDARD=seen.standard,
                RESOLUTION_M=f"{resolution_m:g}",
            )
            for window, counts in coverage.count_raster(seen, resolution_m=resolution_m):
                target.write(counts, 1, window=window)
        # overviews keep real counts: no camera is seen half
        options = {"compress": "DEFLATE", "predictor": "2", "blocksize": BLOCK_PX, "overview_resampling": "NEAREST"}
        rasterio.shutil.copy(plain, path, driver="COG", **options)
    finally:
        plain.unlink(missing_ok=True)
    return resolution_m


def fit_resolution(seen: Coverage, *, max_pixels: float = MAX_PIXELS) -> float:
    """Return the finest whole number of metres at which the raster has at most `max_pixels` pixels."""
    west, south, east, north = seen.site.study.bounds
    resolution_m = max(1, math.floor(math.sqrt((east - west) * (north - south) / max_pixels)))
    while math.prod(coverage.raster_shape(seen, resolution_m=resolution_m)[:2]) > max_pixels:
        resolution_m += 1
    return float(resolution_m)
