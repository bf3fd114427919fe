"""A made-up block of 300 x 200 m, small enough to check by eye: what the reports' tests draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import shapely

from sightgrid.columns import KINDS
from sightgrid.site import Site

if TYPE_CHECKING:
    from pathlib import Path

CRS = "EPSG:3067"
X0, Y0 = 385_000.0, 6_671_500.0
SCRIPT_NAME = "<script>alert('seen')</script>"
STREAM = "rtsp://user:secret@camera.example/live"


def make_site(name: str = "block", *, notes: tuple[str, ...] = ()) -> Site:
    """Two buildings, two streets, a pond, and four cameras: free, at a wall, deep inside, all-round."""
    return Site(
        name=name,
        cameras=_frame(
            "camera_id",
            {
                "camera_id": ["free", "wall", "inside", "round"],
                "name": [SCRIPT_NAME, "West & Co", None, "Plaza"],
                "kind": ["fixed", "fixed", "fixed", "dome"],
                "mount": ["pole", "wall", None, None],
                "mount_height_m": [4.0, 4.0, np.nan, 5.0],
                "azimuth_deg": [90.0, 0.0, 45.0, np.nan],
                "tilt_deg": [np.nan] * 4,
                "hfov_deg": [90.0, 60.0, np.nan, np.nan],
                "vfov_deg": [np.nan] * 4,
                "width_px": [1920.0] * 4,
                "height_px": [1080.0] * 4,
                "ir_range_m": [np.nan] * 4,
                "max_range_m": [60.0, 40.0, 40.0, 30.0],
                "owner_class": [None] * 4,
                "purpose": [None] * 4,
                "stream_url": [STREAM] * 4,
                "assumed": [""] * 4,
            },
            [_point(20, 100), _point(150, 149.9), _point(110, 120), _point(240, 60)],
        ),
        obstacles=_frame(
            "obstacle_id",
            {"obstacle_id": ["low", "tall"], "height_m": [9.0, 20.0], "kind": "building", "height_source": "height"},
            [_box(80, 90, 180, 150), _box(200, 110, 260, 170)],
        ),
        streets=_frame(
            ["u", "v", "key"],
            {
                "u": [1, 3],
                "v": [2, 4],
                "key": [0, 0],
                "osmid": [11, 12],
                "name": ["High street", None],
                "highway": ["primary", "footway"],
                "oneway": [False, False],
                "reversed": [False, False],
                "length_m": [300.0, 200.0],
                "speed_kph": [30.0, np.nan],
                "walkable": [True, True],
                "cyclable": [True, False],
                "drivable": [True, False],
                "covered": [False, False],
            },
            [_line((0, 80), (300, 80)), _line((190, 0), (190, 200))],
        ),
        water=_frame("water_id", {"water_id": ["pond"], "kind": ["water"]}, [_box(270, 0, 300, 40)]),
        places=_frame(
            "place_id",
            {
                "place_id": ["school"],
                "name": ["School"],
                "category": ["school"],
                "priority": [1],
                "required_density_px_m": [np.nan],
                "required_views": [1],
            },
            [_point(130, 85)],
        ),
        posts=_frame("post_id", {"post_id": ["lamp"], "kind": ["street_lamp"], "height_m": [6.0]}, [_point(40, 76)]),
        zones=_frame("zone_id", {"zone_id": ["all"], "name": ["Block"], "rule": ["study"]}, [_box(0, 0, 300, 200)]),
        notes=notes,
    )


def _frame(index: str | list[str], columns: dict[str, object], shapes: list[shapely.Geometry]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=CRS).set_index(index)


def _point(x: float, y: float) -> shapely.Point:
    return shapely.Point(X0 + x, Y0 + y)


def _box(west: float, south: float, east: float, north: float) -> shapely.Polygon:
    return shapely.box(X0 + west, Y0 + south, X0 + east, Y0 + north)


def _line(*ends: tuple[float, float]) -> shapely.LineString:
    return shapely.LineString([(X0 + x, Y0 + y) for x, y in ends])


def write_folder(site: Site, folder: Path) -> Path:
    """Write a site as a folder of layers, the way a user would bring one."""
    folder.mkdir(parents=True)
    for layer in KINDS:
        getattr(site, layer).reset_index().to_file(folder / f"{layer}.gpkg", layer=layer, driver="GPKG")
    return folder
