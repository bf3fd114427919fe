"""What every layer of a site holds: its columns with their units and ranges, its index, its kind of geometry.

This table is the contract; `sightgrid.schemas` checks frames against it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Dtype = Literal["text", "number", "whole", "flag"]
KINDS = ("cameras", "obstacles", "streets", "water", "places", "posts", "zones")


@dataclass(frozen=True)
class Column:
    """What one column must hold; ``range`` is in interval notation: ``(0, 60]`` leaves out 0 and lets 60 in."""

    name: str
    dtype: Dtype
    range: str | None = None
    choices: tuple[str, ...] = ()
    required: bool = False
    default: str | float | bool | None = None

    @property
    def filled(self) -> bool:
        """True if no row may leave the column empty."""
        return self.required or self.default is not None

    @property
    def bounds(self) -> tuple[float, float, bool, bool]:
        """Low, high, low allowed, high allowed."""
        if self.range is None:
            return -math.inf, math.inf, True, True
        low, high = (float(part) for part in self.range[1:-1].split(","))
        return low, high, self.range[0] == "[", self.range[-1] == "]"


CAMERA_KINDS = ("fixed", "dome", "ptz", "panorama")
MOUNTS = ("pole", "wall", "roof", "ceiling", "street_lamp", "traffic_signals", "building")
POST_KINDS = ("street_lamp", "pole")
ZONE_RULES = ("study", "private", "forbidden", "consent", "observable")

INDEX: dict[str, tuple[str, ...]] = {
    "cameras": ("camera_id",),
    "obstacles": ("obstacle_id",),
    "streets": ("u", "v", "key"),
    "water": ("water_id",),
    "places": ("place_id",),
    "posts": ("post_id",),
    "zones": ("zone_id",),
}

GEOMETRY: dict[str, tuple[str, ...]] = {
    "cameras": ("Point",),
    "obstacles": ("Polygon",),
    "streets": ("LineString",),
    "water": ("Polygon",),
    "places": ("Point", "Polygon"),
    "posts": ("Point",),
    "zones": ("Polygon",),
}

COLUMNS: dict[str, tuple[Column, ...]] = {
    "cameras": (
        Column("name", "text"),
        Column("kind", "text", choices=CAMERA_KINDS, required=True),
        Column("mount", "text", choices=MOUNTS),
        Column("mount_height_m", "number", "(0, 60]"),
        Column("azimuth_deg", "number", "[0, 360)"),
        Column("tilt_deg", "number", "[-90, 90]"),
        Column("hfov_deg", "number", "(0, 360]"),
        Column("vfov_deg", "number", "(0, 180]"),
        Column("sensor_width_mm", "number", "(0, 100]"),
        Column("focal_mm", "number", "(0, 2000]"),
        Column("width_px", "whole", "[1, 100000]"),
        Column("height_px", "whole", "[1, 100000]"),
        Column("ir_range_m", "number", "[0, inf)"),
        Column("max_range_m", "number", "(0, 5000]"),
        Column("owner_class", "text"),
        Column("purpose", "text"),
        Column("stream_url", "text"),
        Column("assumed", "text", default=""),
        Column("indoor", "flag", default=False),
    ),
    "obstacles": (
        Column("height_m", "number", "(0, inf)", required=True),
        Column("kind", "text", choices=("building", "wall", "roof"), default="building"),
        Column("height_source", "text", choices=("height", "levels", "assumed"), default="height"),
    ),
    "streets": (
        Column("osmid", "whole", default=0),
        Column("name", "text"),
        Column("highway", "text"),
        Column("oneway", "flag", default=False),
        Column("reversed", "flag", default=False),
        Column("length_m", "number", "[0, inf)", required=True),
        Column("speed_kph", "number", "(0, 500]"),
        Column("walkable", "flag", default=True),
        Column("cyclable", "flag", default=True),
        Column("drivable", "flag", default=True),
        Column("covered", "flag", default=False),
    ),
    "water": (Column("kind", "text"),),
    "places": (
        Column("name", "text"),
        Column("category", "text", required=True),
        Column("priority", "whole", "[1, 1000]", default=1),
        Column("required_density_px_m", "number", "(0, 10000]"),
        Column("required_views", "whole", "[1, 100]", default=1),
    ),
    "posts": (
        Column("kind", "text", choices=POST_KINDS, default="pole"),
        Column("height_m", "number", "(0, 60]"),
    ),
    "zones": (Column("name", "text"), Column("rule", "text", choices=ZONE_RULES, required=True)),
}
