"""Checks the GPX of a plan against the street layer alone: nothing of the planner is used, only gpxpy and geometry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import gpxpy
import numpy as np
import pandas as pd
import shapely
from scipy.spatial import KDTree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODES = {"foot": "walkable", "bicycle": "cyclable", "car": "drivable"}
NEAR_M = 0.05  # a GPX keeps degrees to about a millimetre
NEAR_S = 0.01
SNAP_M = 200.0  # the farthest a stop may lie from the street it is served at


def check_gpx(path: Path, unit: Any, streets: gpd.GeoDataFrame, stops: gpd.GeoDataFrame) -> Iterator[str]:
    """Tell what is wrong with a unit's track: streets, directions, speed, shift, visits."""
    gpx = gpxpy.parse(path.read_text(encoding="utf-8"))
    points = [point for track in gpx.tracks for segment in track.segments for point in segment.points]
    xy = _project([(p.longitude, p.latitude) for p in points], streets.crs)
    at = pd.DatetimeIndex([p.time for p in points]).tz_convert("UTC")
    seconds = (at - at[0]).total_seconds().to_numpy()
    if (np.diff(seconds) <= 0.0).any():
        yield "the clock does not run forward"
    if at[0] < unit["start_at"] or at[-1] > unit["end_at"] + pd.Timedelta(seconds=unit["overtime_s"] + NEAR_S):
        yield f"the shift is not kept: {at[0]} to {at[-1]}"
    if np.hypot(*(xy[0] - xy[-1])) > NEAR_M:
        yield "does not come back to where it started"
    moved = np.hypot(*np.diff(xy, axis=0).T)
    yield from _check_streets(xy, moved, seconds, unit, streets)
    if len(gpx.waypoints) != len({(w.comment, w.time) for w in gpx.waypoints}):
        yield "a visit is told twice"
    for visit in gpx.waypoints:
        stay_s = 60.0 * float(visit.description.removeprefix("stay ").removesuffix(" min"))
        begin = (pd.Timestamp(visit.time) - at[0]).total_seconds()
        inside = (seconds >= begin - NEAR_S) & (seconds <= begin + stay_s + NEAR_S)
        here = xy[inside]
        if inside.sum() < 2 or seconds[inside].max() - seconds[inside].min() < stay_s - 2 * NEAR_S:
            yield f"stop {visit.comment}: no stay of {stay_s:g} s"
        elif np.hypot(*(here - here[0]).T).max() > NEAR_M:
            yield f"stop {visit.comment}: moves during the visit"
        elif stops.geometry[visit.comment].distance(shapely.Point(here[0])) > SNAP_M:
            yield f"stop {visit.comment}: visited from afar"


def count_visits(paths: list[Path]) -> dict[str, int]:
    """Visits by stop in some files."""
    waypoints = [w for path in paths for w in gpxpy.parse(path.read_text(encoding="utf-8")).waypoints]
    return pd.Series([w.comment for w in waypoints], dtype=object).value_counts().to_dict()


def _check_streets(xy: Any, moved: Any, seconds: Any, unit: Any, streets: gpd.GeoDataFrame) -> Iterator[str]:
    """Every move follows one piece of an open street, in its direction, no faster than the unit can."""
    usable = streets[streets[MODES[unit["mode"]]].to_numpy(bool)]
    pieces = []
    for line, oneway in zip(usable.geometry, usable["oneway"], strict=True):
        ends = shapely.get_coordinates(line)
        forward = np.hstack([ends[:-1], ends[1:]])
        pieces.append(forward)
        if unit["mode"] == "foot" or not oneway:
            pieces.append(forward[:, [2, 3, 0, 1]])
    known = KDTree(np.concatenate(pieces))
    steps = np.hstack([xy[:-1], xy[1:]])[moved > NEAR_M]
    if len(steps):
        away, _ = known.query(steps)
        if (away > 2 * NEAR_M).any():
            yield f"{(away > 2 * NEAR_M).sum()} of {len(steps)} moves follow no street that is open that way"
    most_m = unit["speed_kph"] / 3.6 * (np.diff(seconds) + NEAR_S) + NEAR_M
    if (moved > most_m).any():
        yield f"{(moved > most_m).sum()} moves are faster than {unit['speed_kph']:g} km/h"


def _project(lonlat: list[tuple[float, float]], crs: Any) -> np.ndarray:
    places = gpd.GeoSeries(gpd.points_from_xy(*np.array(lonlat).T), crs=4326).to_crs(crs)
    return np.column_stack([places.x, places.y])
