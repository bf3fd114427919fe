"""A patrol plan as a folder: layers for QGIS, the map, the timeline, the summary, and what each unit takes along."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np

from sightgrid.patrol.shift.plan import SHORTFALL_COLUMNS
from sightgrid.report.folder import write_files, write_json
from sightgrid.report.geopackage import write_layers
from sightgrid.report.patrol import patrol_styles as styles
from sightgrid.report.patrol.briefing import UNIT_SUFFIXES, describe_row, list_files, locate_visits
from sightgrid.report.patrol.gpx import write_gpx
from sightgrid.report.patrol.patrol_cards import draw_card
from sightgrid.report.patrol.patrol_map import attention_levels, draw_patrol, stop_table
from sightgrid.report.patrol.timeline import draw_timeline
from sightgrid.report.patrol.turns import list_turns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from sightgrid.report.patrol.briefing import Briefing
    from sightgrid.site import Site

PATROL_OUTPUTS = ("patrol.gpkg", "timeline.svg", "map.html", "summary.json")
# SQLite would replay a stale journal into the new GeoPackage
PATROL_OURS = (*PATROL_OUTPUTS, "patrol.gpkg-journal", "patrol.gpkg-shm", "patrol.gpkg-wal")

_SUMMARY = "summary.json"


def write_patrol(
    folder: Path,
    briefing: Briefing,
    *,
    summary: dict[str, Any],
    progress: Callable[[str, int, int], None] | None = None,
) -> list[Path]:
    """Write a patrol plan into a folder, all of it or nothing; files of units of a former plan go.

    Parameters
    ----------
    briefing : Briefing
        The shift.
    summary : dict
        What ``summary.json`` says; see `summarise_patrol`.
    folder, progress
        See `sightgrid.report.folder.write_files`, also for what is returned and raised.
    """
    writers: dict[str, Callable[[Path], object]] = {
        "patrol.gpkg": lambda path: write_layers(path, list_layers(briefing)),
        "timeline.svg": lambda path: path.write_text(draw_timeline(briefing), encoding="utf-8"),
        "map.html": lambda path: draw_patrol(briefing).save(str(path)),
        _SUMMARY: lambda path: write_json(path, summary),
        **_unit_writers(briefing),
    }
    return write_files(folder, writers, ours=list_ours(folder, writers), progress=progress)


def list_ours(folder: Path, new: Sequence[str] | Mapping[str, object] = ()) -> list[str]:
    """Names of the files in a folder that a new plan replaces: yesterday's cards must not lie beside today's."""
    former: list[str] = []
    try:
        units = json.loads((folder / _SUMMARY).read_text(encoding="utf-8"))["routes"]
        former = [str(name) for unit in units for name in unit["files"]]
    except (OSError, ValueError, KeyError, TypeError):
        pass  # none, or not ours
    plain = [name for name in former if name.endswith(UNIT_SUFFIXES) and "/" not in name and "\\" not in name]
    return list(dict.fromkeys([*PATROL_OURS, *new, *plain]))


def _unit_writers(briefing: Briefing) -> dict[str, Callable[[Path], object]]:
    writers: dict[str, Callable[[Path], object]] = {}
    for unit_id, (gpx, geojson, card) in list_files(briefing.stems).items():
        writers[gpx] = partial(write_gpx, briefing.plan, unit_id=unit_id)
        writers[geojson] = partial(_write_geojson, briefing=briefing, unit_id=unit_id)
        writers[card] = partial(_write_card, briefing=briefing, unit_id=unit_id)
    return writers


def _write_card(path: Path, *, briefing: Briefing, unit_id: str) -> None:
    path.write_text(draw_card(briefing, unit_id), encoding="utf-8")


def list_layers(briefing: Briefing) -> dict[str, tuple[gpd.GeoDataFrame, str, str]]:
    """Return the layers of ``patrol.gpkg``: each frame with its kind of geometry and its QGIS style."""
    plan, site = briefing.plan, briefing.site
    looks = {str(unit): briefing.look(str(unit)) for unit in plan.units.index}
    stops = stop_table(briefing)
    visits = _tell_local(briefing, locate_visits(plan), "arrive_at", "leave_at")
    routes = _tell_local(briefing, plan.routes, "start_at")
    units = _tell_local(briefing, plan.units.drop(columns="places"), "start_at", "end_at")
    units["places"] = [", ".join(places) for places in plan.units["places"]]
    short = plan.shortfalls[list(SHORTFALL_COLUMNS)].copy()
    points = plan.stops.geometry.reindex(short["stop_id"]).reset_index(drop=True)
    attention = briefing.attention.assign(attention_level=attention_levels(briefing), name=site.streets["name"])
    attention = attention.drop(columns=[c for c in ("observed_share",) if briefing.seen is None])
    layers: dict[str, tuple[gpd.GeoDataFrame, str, str]] = {
        "routes": (_measured(routes), "LineString", styles.unit_style(looks)),
        "legs": (
            _tell_local(briefing, plan.legs, "start_at", "end_at"),
            "LineString",
            styles.unit_style(looks, width_mm=0.4),
        ),
        "stops": (stops.drop(columns=["open_at", "close_at"]), "Point", styles.stop_style()),
        "visits": (visits, "Point", styles.row_style()),
        "shortfalls": (
            _frame(short, points, site),
            "Point",
            styles.shortfall_style(sorted(short["reason"].unique())),
        ),
        "depots": (units, "Point", styles.depot_style()),
        "attention": (_frame(attention, site.streets.geometry, site), "LineString", styles.attention_style()),
    }
    if briefing.beats is not None:
        beats = briefing.beats.beats
        layers["beats"] = (beats, "MultiLineString", styles.beat_style(looks, beats["unit_id"]))
    return layers


def _frame(table: pd.DataFrame, geometry: gpd.GeoSeries, site: Site) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(table, geometry=geometry.to_numpy(), crs=site.crs)


def _measured(routes: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Routes that lead anywhere: a unit that stays at its depot has no line."""
    return routes[~routes.geometry.is_empty]


def _tell_local(briefing: Briefing, frame: gpd.GeoDataFrame, *columns: str) -> gpd.GeoDataFrame:
    """Add the time of day that people read beside each moment, which a GeoPackage keeps in UTC."""
    local = {f"{c.removesuffix('_at')}_local": briefing.local(frame[c]).dt.strftime("%Y-%m-%d %H:%M") for c in columns}
    return frame.assign(**local)


def _write_geojson(path: Path, *, briefing: Briefing, unit_id: str) -> None:
    """Write a unit's steps and visits as RFC 7946 wants them: WGS 84, and no member that names a coordinate system."""
    plan = briefing.plan
    turns = list_turns(plan, unit_id)
    visits = locate_visits(plan)
    visits = visits[visits["unit_id"] == unit_id]
    features = []
    for n, (row, line) in enumerate(
        zip(turns.drop(columns="geometry").to_dict("records"), turns.geometry.to_crs(4326), strict=True), start=1
    ):
        told = {"unit_id": unit_id, "step": n, "turn": row["turn"], "street": row["street"]}
        told |= {"length_m": round(float(row["length_m"]), 1), **_told_times(briefing, row, "start_at", "end_at")}
        features.append(_feature("LineString", np.asarray(line.coords), told))
    for row, point in zip(
        visits.drop(columns="geometry").to_dict("records"), visits.geometry.to_crs(4326), strict=True
    ):
        stop = {"stop_id": row["stop_id"], "number": briefing.numbers[row["stop_id"]]} if row["stop_id"] else {}
        told = {"unit_id": unit_id, "what": row["what"], "name": describe_row(briefing, row), **stop}
        told |= {"dwell_s": float(row["dwell_s"]), **_told_times(briefing, row, "arrive_at", "leave_at")}
        features.append(_feature("Point", np.array([point.x, point.y]), told))
    write_json(path, {"type": "FeatureCollection", "features": features})


def _feature(kind: str, places: NDArray[np.float64], told: dict[str, Any]) -> dict[str, Any]:
    shape = {"type": kind, "coordinates": np.round(places, 7).tolist()}
    return {"type": "Feature", "geometry": shape, "properties": told}


def _told_times(briefing: Briefing, row: dict[Any, Any], *columns: str) -> dict[str, str]:
    return {name: row[name].tz_convert(briefing.clock).isoformat(timespec="seconds") for name in columns}
