"""Between the coordinates of a site and longitude and latitude."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from pyproj import CRS, Transformer

from sightgrid.gis.crs import WGS84

if TYPE_CHECKING:
    from numpy.typing import NDArray

DECIMALS = 7  # of a degree: about a centimetre


def write_shapes(shapes: NDArray[np.object_], crs: str) -> list[str]:
    """Write shapes as GeoJSON geometries in longitude and latitude."""
    into = find_transformer(crs)

    def turn(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[Any, Any]:
        longitude, latitude = into.transform(x, y)
        return np.round(longitude, DECIMALS), np.round(latitude, DECIMALS)

    return shapely.to_geojson(shapely.transform(shapes, turn, interleaved=False)).tolist()


@lru_cache(maxsize=64)
def find_crs(text: str) -> CRS:
    """Return a coordinate system by what the store calls it."""
    return CRS.from_user_input(text)


@lru_cache(maxsize=64)
def find_transformer(crs: str, *, back: bool = False) -> Transformer:
    """Return what turns coordinates of a site into longitude and latitude, or back."""
    pair = (WGS84, find_crs(crs)) if back else (find_crs(crs), WGS84)
    return Transformer.from_crs(*pair, always_xy=True)
