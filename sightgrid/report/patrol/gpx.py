"""A unit's plan as GPX: a track with times and a waypoint for each visit, to take along and to read back."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from gpxpy.gpx import GPX, GPXTrack, GPXTrackPoint, GPXTrackSegment, GPXWaypoint

from sightgrid.errors import InputError
from sightgrid.gis.crs import WGS84
from sightgrid.patrol.tracks.gpx_files import parse_gpx
from sightgrid.patrol.tracks.tracks import Tracks, read_tracks

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray
    from pyproj import CRS

    from sightgrid.patrol.shift.plan import Plan

DECIMALS = 8  # of a degree: about a millimetre
NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # characters XML cannot hold


class GPXPlan(NamedTuple):
    """What a GPX file of a plan holds.

    Attributes
    ----------
    tracks : Tracks
        The planned track, as `patrol.read_tracks` reads it.
    visits : GeoDataFrame
        In order of time: ``stop_id``, ``name``, ``arrive_at`` (UTC), ``minutes`` (planned dwell), the stop's place.
    """

    tracks: Tracks
    visits: gpd.GeoDataFrame


def write_gpx(plan: Plan, path: str | os.PathLike[str], *, unit_id: str) -> Path:
    """Write what one unit is to do as GPX 1.1 in WGS 84, times in UTC.

    The track has a point at every bend of every street and two where the unit stays: one for its arrival, one for its
    leaving. Each visit is a waypoint at its stop: time of arrival, the stop's id as comment, the stay as description.

    Parameters
    ----------
    plan : Plan
        The plan.
    path : path-like
        The file to write.
    unit_id : str
        One of the plan's units.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    InputError
        The plan has no such unit.
    """
    if unit_id not in plan.units.index:
        raise InputError(f"units: unit_id: {unit_id!r} is not in the plan")
    gpx = GPX()
    gpx.creator = "sightgrid"
    gpx.name = _clean(f"Patrol plan of {unit_id}")
    segment = GPXTrackSegment()
    points, times = trace_unit(plan, unit_id)
    for (lon, lat), time in zip(_to_lonlat(points, plan.units.crs), times, strict=True):
        segment.points.append(GPXTrackPoint(lat, lon, time=time))
    track = GPXTrack(name=_clean(unit_id))
    track.segments.append(segment)
    gpx.tracks.append(track)
    visits = plan.visits[(plan.visits["unit_id"] == unit_id) & (plan.visits["what"] == "visit")]
    stops = plan.stops.loc[visits["stop_id"]]
    places = _to_lonlat(shapely.get_coordinates(stops.geometry.to_numpy()), stops.crs)
    rows = zip(visits["stop_id"], stops["name"], visits["arrive_at"], visits["dwell_s"], places, strict=True)
    for stop_id, name, arrive_at, dwell_s, (lon, lat) in rows:
        label = _clean(name) if isinstance(name, str) and name else _clean(stop_id)
        stay = f"stay {dwell_s / 60:g} min"
        time = arrive_at.tz_convert("UTC").to_pydatetime(warn=False)
        waypoint = GPXWaypoint(lat, lon, time=time, name=label, description=stay, type="visit", comment=_clean(stop_id))
        gpx.waypoints.append(waypoint)
    path = Path(path)
    path.write_text(gpx.to_xml(), encoding="utf-8")
    return path


def read_gpx(path: str | os.PathLike[str], *, crs: CRS | str | int) -> GPXPlan:
    """Read a GPX file that `write_gpx` has written.

    Parameters
    ----------
    path : path-like
        The file.
    crs : anything pyproj understands
        Metric coordinate system of the result.

    Returns
    -------
    GPXPlan

    Raises
    ------
    SourceError
        The file is missing or no GPX.
    InputError
        Times without a zone.
    """
    tracks = read_tracks(path, crs=crs)
    waypoints = parse_gpx(path).waypoints
    stays = [re.fullmatch(r"stay ([\d.e+-]+) min", point.description or "") for point in waypoints]
    columns: dict[str, Any] = {
        "stop_id": [point.comment or "" for point in waypoints],
        "name": [point.name or "" for point in waypoints],
        "arrive_at": pd.to_datetime(pd.Series([point.time for point in waypoints], dtype="object"), utc=True),
        "minutes": [float(stay[1]) if stay else np.nan for stay in stays],
    }
    places = gpd.points_from_xy(
        [point.longitude for point in waypoints], [point.latitude for point in waypoints], crs=WGS84
    )
    visits = gpd.GeoDataFrame(columns, geometry=places).to_crs(crs).sort_values("arrive_at", ignore_index=True)
    return GPXPlan(tracks, visits)


def trace_unit(plan: Plan, unit_id: str) -> tuple[NDArray[np.float64], list[Any]]:
    """Tell where a unit is when: every bend of its streets, and where it stays arrival and leaving.

    Parameters
    ----------
    plan : Plan
        The plan.
    unit_id : str
        One of the plan's units.

    Returns
    -------
    xy : ndarray, shape (n, 2)
        In the coordinate system of the plan.
    times : list of datetime
        In UTC, strictly increasing, whole milliseconds.
    """
    legs = plan.legs[plan.legs["unit_id"] == unit_id]
    visits = plan.visits[plan.visits["unit_id"] == unit_id]
    network = plan.networks[unit_id]
    places = [np.empty((0, 2))]
    times: list[Any] = []
    for shape, start, end in zip(legs.geometry, legs["start_at"], legs["end_at"], strict=True):
        bends = shapely.get_coordinates(shape)
        along = np.r_[0.0, np.cumsum(np.hypot(*np.diff(bends, axis=0).T))]
        share = along / along[-1] if along[-1] > 0.0 else np.linspace(0.0, 1.0, len(bends))
        places.append(bends)
        times += [start + (end - start) * part for part in share.tolist()]
    for node, arrive, leave in zip(visits["node"], visits["arrive_at"], visits["leave_at"], strict=True):
        place = network.xy[network.positions([node])]
        places.append(np.repeat(place, 2, axis=0))
        times += [arrive, leave]
    xy = np.concatenate(places)
    clock = pd.DatetimeIndex(times).tz_convert("UTC").round("ms") if times else pd.DatetimeIndex([], tz="UTC")
    stamp = clock.tz_localize(None).to_numpy("datetime64[ms]").astype("int64")
    # streets meet in one point at one time; bends less than a millisecond apart are one
    _, first = np.unique(stamp, return_index=True)
    return xy[first], list(clock[first].to_pydatetime())


def _to_lonlat(xy: NDArray[np.float64], crs: Any) -> list[tuple[float, float]]:
    points = gpd.GeoSeries(gpd.points_from_xy(*xy.T), crs=crs).to_crs(WGS84)
    return list(zip(points.x.round(DECIMALS).tolist(), points.y.round(DECIMALS).tolist(), strict=True))


def _clean(text: str) -> str:
    return NO_XML.sub(" ", str(text))
