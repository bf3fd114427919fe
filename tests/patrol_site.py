"""A town of 400 m with cameras, a lake and a street apart: what the tests of patrol reports plan a shift for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from patrol_town import CRS, grid_streets, point

from sightgrid import schemas
from sightgrid.site import Site

if TYPE_CHECKING:
    from pathlib import Path

SHIFT = "2026-11-23T08:00/10:00"
UNITS = f"""
zone = "Europe/Helsinki"

[kinds.walk]
mode = "foot"
speed_kph = 6
break_min = 10
break_after_min = 30
break_before_min = 90

[kinds.car]
speed_kph = 30

[[units]]
id = "walk 1"
kind = "walk"
depot = "school"

[[units]]
id = "map"
kind = "car"
crew = "mixed"
depot = [{point(4, 4).x}, {point(4, 4).y}]
"""


def make_town(*, cameras: bool = True) -> Site:
    """Streets on a grid of 5 x 5 crossings, two of them one-way, and one street that hangs on nothing."""
    town = grid_streets(5, oneway=(0, 11))
    apart = grid_streets(2, origin=9.0, first=900, closed=(1, 2, 3))
    streets = gpd.GeoDataFrame(pd.concat([town, apart]), crs=CRS)
    streets["name"] = [f"{n} street" if n % 4 else None for n in range(len(streets))]
    streets["highway"] = ["residential" if n % 4 else "footway" for n in range(len(streets))]
    streets["speed_kph"] = streets["speed_kph"].astype(float)
    spots = [(1.0, 1.1), (3.0, 2.9)] if cameras else []
    rows = {
        "camera_id": [f"camera {n}" for n in range(len(spots))],
        "kind": "dome",
        "mount_height_m": 4.0,
        "azimuth_deg": np.nan,
        "max_range_m": 60.0,
        "width_px": 1920.0,
        "height_px": 1080.0,
    }
    return Site(
        name="town",
        cameras=_frame("cameras", rows, [point(*spot) for spot in spots]),
        obstacles=_frame("obstacles", {"obstacle_id": ["hall"], "height_m": [9.0]}, [_box(0.2, 0.2, 0.8, 0.8)]),
        streets=schemas.complete(streets, "streets"),
        water=_frame("water", {"water_id": ["lake"], "kind": ["water"]}, [_box(2.2, 2.2, 2.8, 2.8)]),
        places=_frame(
            "places",
            {
                "place_id": ["school", "market", "mill", "island"],
                "name": ["School", "<b>Market</b> & hall", None, "Island"],
                "category": ["school", "square", "station_entrance", "square"],
                "priority": [1, 1, 2, 2],
                "required_views": 1,
            },
            [point(0, 0.1), point(3.1, 1), point(1, 3), point(9.5, 0)],
        ),
        posts=_frame("posts", {"post_id": ["lamp"], "kind": ["street_lamp"], "height_m": [6.0]}, [point(0.5, 0)]),
        zones=_frame("zones", {"zone_id": ["all"], "name": ["Town"], "rule": ["study"]}, [_box(-0.5, -0.5, 10.5, 4.5)]),
    )


def write_units(folder: Path, text: str = UNITS, *, name: str = "units.toml") -> Path:
    """Write a units file."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def _frame(kind: str, columns: dict[str, object], shapes: list[shapely.Geometry]) -> gpd.GeoDataFrame:
    frame = gpd.GeoDataFrame(columns, geometry=shapes, crs=CRS).set_index(next(iter(columns)))
    frame.index = frame.index.astype("str")
    return schemas.complete(frame, kind)


def _box(west: float, south: float, east: float, north: float) -> shapely.Polygon:
    return shapely.box(*shapely.get_coordinates(point(west, south))[0], *shapely.get_coordinates(point(east, north))[0])


def block(x: float, y: float) -> tuple[float, float]:
    """Coordinates of a place counted in blocks."""
    return point(x, y).x, point(x, y).y
