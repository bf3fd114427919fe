"""Layers of a town of 100 m, to be written to files in the tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import pyogrio
from shapely import Point, box

if TYPE_CHECKING:
    from pathlib import Path

UTM = 32635
X, Y = 385000.0, 6671000.0


def at(x: float, y: float) -> Point:
    return Point(X + x, Y + y)


def cameras(*points: Point, **columns: list[object]) -> gpd.GeoDataFrame:
    spots = list(points) or [at(10, 10), at(90, 90)]
    data = {"camera_id": [f"c{i}" for i in range(len(spots))], "kind": ["dome"] * len(spots), **columns}
    return gpd.GeoDataFrame(data, geometry=spots, crs=UTM)


def buildings(*shapes: object, **columns: list[object]) -> gpd.GeoDataFrame:
    areas = list(shapes) or [box(X + 40, Y + 40, X + 60, Y + 60)]
    data = {"obstacle_id": [f"b{i}" for i in range(len(areas))], "height_m": [12.0] * len(areas), **columns}
    return gpd.GeoDataFrame(data, geometry=areas, crs=UTM)


def study() -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"zone_id": ["z"], "rule": ["study"]}, geometry=[box(X, Y, X + 100, Y + 100)], crs=UTM)


def write(target: Path, **layers: gpd.GeoDataFrame) -> Path:
    for name, frame in layers.items():
        pyogrio.write_dataframe(frame, target, layer=name, append=target.exists())
    return target
