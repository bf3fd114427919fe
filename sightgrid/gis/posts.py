"""Posts that could carry a camera: street lamps and poles, from one table of map tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from sightgrid.columns import COLUMNS
from sightgrid.gis.directions import parse_metres

if TYPE_CHECKING:
    from collections.abc import Mapping

# tag -> kind of post; a signal's node marks the stop line on the carriageway, not a post
MARKS = {
    ("highway", "street_lamp"): "street_lamp",
    ("man_made", "utility_pole"): "pole",
    ("power", "pole"): "pole",
}
# a lamp that hangs from a wall or a wire gives nothing to climb
NO_POST = ("wall", "wall_mounted", "suspended", "ceiling")


def read_post(tags: Mapping[str, str]) -> str | None:
    """Find the kind of a mapped post, or None if it is none."""
    if tags.get("support") in NO_POST or tags.get("lamp_mount") in NO_POST:
        return None
    return next((kind for mark, kind in MARKS.items() if tags.get(mark[0]) == mark[1]), None)


def build_posts(nodes: list[tuple[int, dict[str, str], float, float]]) -> gpd.GeoDataFrame:
    """Build the post layer in longitude and latitude from ``(number, tags, lon, lat)``."""
    (limits,) = (column.bounds for column in COLUMNS["posts"] if column.name == "height_m")
    heights = [parse_metres(tags.get("height", "")) for _, tags, _, _ in nodes]
    return gpd.GeoDataFrame(
        {
            "kind": np.array([read_post(tags) for _, tags, _, _ in nodes], object),
            "height_m": [m if m is not None and limits[0] < m <= limits[1] else np.nan for m in heights],
        },
        index=pd.Index([f"n{number}" for number, *_ in nodes], name="post_id", dtype="str"),
        geometry=gpd.points_from_xy([lon for *_, lon, _ in nodes], [lat for *_, lat in nodes]),
        crs=4326,
    )
