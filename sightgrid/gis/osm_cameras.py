"""Cameras from map tags: one row per camera head, with what was mapped and nothing invented.

``camera:angle`` is not used: mappers write both the tilt and the width of the view into it, and nothing tells which.
The tilt comes from ``camera:tilt``, the width of the view from a direction range.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely import Point

from sightgrid.columns import COLUMNS
from sightgrid.gis.directions import Direction, parse_directions, parse_metres, parse_tilt
from sightgrid.gis.layers import tell

if TYPE_CHECKING:
    from collections.abc import Mapping

KINDS = {"fixed": "fixed", "dome": "dome", "panning": "ptz", "ptz": "ptz", "panorama": "panorama"}
MOUNTS = {
    "pole": "pole", "mast": "pole", "gantry": "pole", "wall": "wall", "facade": "wall", "roof": "roof",
    "ceiling": "ceiling", "street_lamp": "street_lamp", "lamp_post": "street_lamp", "lamp": "street_lamp",
    "traffic_signals": "traffic_signals", "traffic_light": "traffic_signals", "building": "building",
}  # fmt: skip
OWNERS = {"public": "government", "government": "government", "private": "society", "business": "society"}
MAX_HEIGHT_M = 60.0
HALF_TURN = 180.0
NUMBERS = tuple(column.name for column in COLUMNS["cameras"] if column.dtype in {"number", "whole"})


def is_camera(tags: Mapping[str, str]) -> bool:
    """Tell cameras from guards, number-plate readers and microphones; surveillance of no stated type is a camera."""
    types = tags.get("surveillance:type", "camera").lower().split(";")
    return "camera" in [text.strip() for text in types]


class Notes:
    """Counts what was odd, by reason, and tells it in one line each."""

    def __init__(self) -> None:
        self._names: dict[str, list[str]] = defaultdict(list)

    def add(self, reason: str, name: str) -> None:
        """Count one oddity of one camera."""
        self._names[reason].append(name)

    def lines(self) -> list[str]:
        """Return a line for each reason, in alphabetical order."""
        return [tell("cameras", reason, names) for reason, names in sorted(self._names.items())]


def build_cameras(nodes: list[tuple[int, dict[str, str], float, float]]) -> tuple[gpd.GeoDataFrame, list[str]]:
    """Build the camera layer in longitude and latitude from ``(node number, tags, lon, lat)``.

    Several directions or types on one node are several heads ``n1``, ``n1#2``, …

    Returns
    -------
    cameras : GeoDataFrame
        One row per head.
    notes : list of str
        Unreadable and impossible values, counted; they are left empty.
    """
    notes = Notes()
    rows: list[dict[str, Any]] = []
    for number, tags, lon, lat in nodes:
        if not is_camera(tags):
            notes.add("other surveillance devices left out", f"n{number}")
            continue
        rows += [{**row, "geometry": Point(lon, lat)} for row in _read_heads(f"n{number}", tags, notes)]
    names = ["camera_id", *(column.name for column in COLUMNS["cameras"]), "geometry"]
    table = pd.DataFrame(rows, columns=names)
    table[list(NUMBERS)] = table[list(NUMBERS)].astype(float)
    table.index = pd.Index(table.pop("camera_id"), name="camera_id", dtype="str")
    return gpd.GeoDataFrame(table, geometry="geometry", crs=4326), notes.lines()


def _read_heads(name: str, tags: Mapping[str, str], notes: Notes) -> list[dict[str, Any]]:
    common = _read_common(name, tags, notes)
    text = tags.get("camera:direction") or tags.get("direction") or ""
    directions = parse_directions(text)
    types = [part.strip().lower() for part in tags.get("camera:type", "").split(";") if part.strip()]
    rows = []
    for head in range(max(len(directions), len(types), 1)):
        label = name if head == 0 else f"{name}#{head + 1}"
        direction = directions[head] if head < len(directions) else None
        if head < len(directions) and direction is None:
            notes.add("directions that cannot be read, taken as unknown", label)
        written = types[min(head, len(types) - 1)] if types else ""
        kind, assumed = KINDS.get(written, "fixed"), "" if written in KINDS else "kind"
        if written and assumed:
            notes.add("unknown camera types taken as fixed", label)
        row = {**common, "camera_id": label, "kind": kind, "assumed": assumed}
        rows.append(row | _read_direction(direction, kind))
    return rows


def _read_direction(direction: Direction | None, kind: str) -> dict[str, Any]:
    if direction is None:
        return {"azimuth_deg": np.nan, "hfov_deg": np.nan}
    width = np.nan if direction.width_deg is None else direction.width_deg
    # no pinhole camera sees half the horizon: a range that wide is a lens of another kind
    wide = kind == "fixed" and width >= HALF_TURN
    return {"azimuth_deg": direction.azimuth_deg, "hfov_deg": width, "kind": "panorama" if wide else kind}


def _read_common(name: str, tags: Mapping[str, str], notes: Notes) -> dict[str, Any]:
    height = tilt = np.nan
    if "height" in tags:
        metres = parse_metres(tags["height"])
        if metres is not None and 0 < metres <= MAX_HEIGHT_M:
            height = metres
        else:
            notes.add(f"heights outside (0, {MAX_HEIGHT_M:g}] m or unreadable, taken as unknown", name)
    if "camera:tilt" in tags:
        degrees = parse_tilt(tags["camera:tilt"])
        if degrees is None:
            notes.add("tilts that cannot be read, taken as unknown", name)
        else:
            tilt = degrees
    if "camera:angle" in tags:
        notes.add("camera:angle not used, its meaning is not settled", name)
    mounts = [part.strip().lower() for part in tags.get("camera:mount", "").split(";") if part.strip()]
    mount = next((MOUNTS[part] for part in mounts if part in MOUNTS), None)
    if mounts and mount is None:
        notes.add("unknown mounts left empty", name)
    indoor = tags.get("surveillance") == "indoor" or tags.get("indoor", "no") not in {"no", "0"}
    if indoor:
        notes.add("indoor, kept but not watching the street", name)
    return {
        "name": tags.get("name") or tags.get("ref"),
        "mount": mount,
        "mount_height_m": height,
        "tilt_deg": tilt,
        "owner_class": OWNERS.get(tags.get("operator:type", "")),
        "purpose": tags.get("surveillance:zone"),
        "indoor": indoor,
    }
