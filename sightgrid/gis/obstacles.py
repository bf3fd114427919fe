"""What blocks a view: buildings from map tags, with a height for each and where that height came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd

from sightgrid.gis.directions import parse_levels, parse_metres
from sightgrid.gis.layers import tell

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

LEVEL_M = 3.0
DEFAULT_HEIGHT_M = 9.0
# height where neither height nor storeys are mapped, by kind of building
DEFAULT_HEIGHTS_M = {
    "garage": 3.0, "garages": 3.0, "shed": 3.0, "kiosk": 3.0, "hut": 3.0, "cabin": 3.0, "carport": 3.0, "roof": 4.0,
    "greenhouse": 3.0, "toilets": 3.0, "container": 3.0, "bungalow": 4.0, "service": 3.0, "canopy": 4.0,
    "house": 6.0, "detached": 6.0, "semidetached_house": 6.0, "terrace": 6.0, "farm": 6.0, "barn": 6.0,
    "school": 9.0, "kindergarten": 6.0, "retail": 6.0, "supermarket": 6.0, "warehouse": 8.0, "industrial": 8.0,
    "apartments": 15.0, "office": 15.0, "hotel": 15.0, "hospital": 15.0, "commercial": 12.0,
    "church": 15.0, "cathedral": 25.0, "train_station": 10.0,
}  # fmt: skip
MAX_HEIGHT_M = 1000.0
OPEN_BELOW = frozenset({"roof", "carport", "canopy"})
CLEARANCE_M = 2.5  # a part that begins higher than this lets a view pass below it


def solid_rows(obstacles: gpd.GeoDataFrame) -> NDArray[np.intp]:
    """Positions of the obstacles that hide something: all but open canopies (kind ``roof``)."""
    if "kind" not in obstacles:
        return np.arange(len(obstacles))
    return np.flatnonzero((obstacles["kind"] != "roof").to_numpy())


class Height(NamedTuple):
    """Height of a building and its source: ``height``, ``levels`` or ``assumed``."""

    height_m: float
    source: str


def read_height(tags: Mapping[str, str]) -> Height:
    """Take a building's height from its tags: ``height``, else storeys of 3 m, else the default of its kind."""
    metres = parse_metres(tags.get("height", ""))
    if metres and metres <= MAX_HEIGHT_M:
        return Height(metres, "height")
    levels = parse_levels(tags.get("building:levels", ""))
    if levels:
        levels += parse_levels(tags.get("roof:levels", "")) or 0.0
        if levels * LEVEL_M <= MAX_HEIGHT_M:
            return Height(levels * LEVEL_M, "levels")
    return Height(DEFAULT_HEIGHTS_M.get(tags.get("building", ""), DEFAULT_HEIGHT_M), "assumed")


def read_kind(tags: Mapping[str, str]) -> str:
    """Tell canopies and raised parts (``roof``), which a view passes below, from buildings."""
    raised = (parse_metres(tags.get("min_height", "")) or 0.0) >= CLEARANCE_M
    raised = raised or (parse_levels(tags.get("building:min_level", "")) or 0.0) >= 1
    return "roof" if raised or tags.get("building") in OPEN_BELOW else "building"


def is_hidden(tags: Mapping[str, str]) -> bool:
    """Tell whether a building lies below the ground and blocks nothing."""
    if tags.get("location") == "underground":
        return True
    layer = tags.get("layer", "0").strip()
    return layer.startswith("-") and layer[1:].isdigit() and int(layer) < 0


def build_obstacles(elements: list[tuple[str, dict[str, str], Any]]) -> tuple[gpd.GeoDataFrame, list[str]]:
    """Build the obstacle layer in longitude and latitude from ``(id, tags, shape)``, and note what is left out."""
    hidden = [name for name, tags, _ in elements if is_hidden(tags)]
    kept = [element for element in elements if not is_hidden(element[1])]
    heights = [read_height(tags) for _, tags, _ in kept]
    frame = gpd.GeoDataFrame(
        {
            "height_m": np.array([height.height_m for height in heights], float),
            "kind": np.array([read_kind(tags) for _, tags, _ in kept], object),
            "height_source": np.array([height.source for height in heights], object),
        },
        index=pd.Index([name for name, _, _ in kept], name="obstacle_id", dtype="str"),
        geometry=[shape for _, _, shape in kept],
        crs=4326,
    )
    notes = [tell("obstacles", "below the ground, left out", hidden)] if hidden else []
    assumed = frame.index[frame["height_source"] == "assumed"]
    if len(assumed):
        notes.append(tell("obstacles", "without a mapped height, taking the default of their kind", list(assumed)))
    return frame, notes


def assume_heights(frame: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, list[str]]:
    """Fill the unknown heights of a building table with the default, and mark them as assumed."""
    frame = frame.copy(deep=False)
    if "height_m" not in frame.columns:
        frame["height_m"] = np.nan
    unknown = frame["height_m"].isna()
    if not unknown.any():
        return frame, []
    source = frame["height_source"].fillna("height") if "height_source" in frame.columns else "height"
    frame["height_source"] = pd.Series(source, index=frame.index, dtype="object").where(~unknown, "assumed")
    frame["height_m"] = frame["height_m"].where(~unknown, DEFAULT_HEIGHT_M)
    return frame, [tell("obstacles", f"without a height, taking {DEFAULT_HEIGHT_M:g} m", list(frame.index[unknown]))]
