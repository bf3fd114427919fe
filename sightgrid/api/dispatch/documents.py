"""A planned shift as a document and as layers of a map."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd

from sightgrid.gis.crs import WGS84
from sightgrid.report.patrol.briefing import describe_row, locate_visits
from sightgrid.report.patrol.patrol_map import stop_table
from sightgrid.report.patrol.patrol_summary import FIGURES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sightgrid.api.dispatch.inputs import PatrolInputs
    from sightgrid.report.patrol.briefing import Briefing

DECIMALS = 6  # of a degree: a decimetre
LEGS = ["unit_id", "u", "v", "key", "name", "start_at", "end_at", "length_m", "position"]
STOPS = [
    "number", "title", "category", "status", "priority", "required", "visits", "planned", "when", "worst_gap_min",
    "reason",
]  # fmt: skip


def write_document(briefing: Briefing, summary: Mapping[str, Any], options: PatrolInputs) -> dict[str, Any]:
    """Write what is kept of a plan, as `sightgrid.api.dispatch.models.PlanDocument` describes it.

    Parameters
    ----------
    briefing : Briefing
        The shift.
    summary : mapping
        See `sightgrid.report.patrol.patrol_summary.summarise_patrol`.
    options : PatrolInputs
        What was asked for.

    Returns
    -------
    dict
        As JSON has it, without ``result_id``.
    """
    units = briefing.plan.units
    document = {
        "scenario_id": options.scenario_id,
        "shift": summary["shift"],
        "clock": options.clock,
        "start_at": _tell(units["start_at"].min()),
        "end_at": _tell(units["end_at"].max()),
        "figures": {name: summary[name] for name in FIGURES},
        "options": options.model_dump(mode="json"),
        "units": list(_list_units(briefing, summary)),
        "stops": list(_list_stops(briefing)),
        "shortfalls": summary["shortfalls"],
        "within_min": summary["within_min"],
        "beats": summary["beats"],
        "assumed": summary["assumed"],
        "notes": summary["notes"],
    }
    plain: dict[str, Any] = _plain(document)
    return plain


def list_map_layers(briefing: Briefing) -> dict[str, gpd.GeoDataFrame]:
    """Return the layers of a plan by the names of `sightgrid.api.roles.RESULTS`."""
    plan = briefing.plan
    legs = plan.legs.assign(position=plan.legs.groupby("unit_id").cumcount() + 1)
    legs = legs[[*LEGS, "geometry"]].set_axis(
        [f"{u}/{n}" for u, n in zip(legs["unit_id"], legs["position"], strict=True)]
    )
    visits = locate_visits(plan)
    visits["name"] = [describe_row(briefing, row) for row in visits.drop(columns="geometry").to_dict("records")]
    visits["number"] = [briefing.numbers.get(stop_id) for stop_id in visits["stop_id"]]
    visits.index = visits["unit_id"] + "/" + (visits.groupby("unit_id").cumcount() + 1).astype(str)
    looks = [briefing.look(str(unit_id)) for unit_id in plan.units.index]
    units = plan.units[["mode", "crew", "speed_kph", "start_at", "end_at", "geometry"]].assign(
        unit_id=plan.units.index, colour=[colour for colour, _ in looks], dashes=[dashes for _, dashes in looks]
    )
    ground = briefing.ground.sort_values("minutes")
    layers = {
        "legs": legs,
        "visits": visits.drop(columns=["node", "locked"]),
        "units": units,
        "stops": stop_table(briefing)[[*STOPS, "geometry"]],
        "response": ground.set_axis([f"{minutes:g} min" for minutes in ground["minutes"]]),
    }
    if briefing.beats is not None:
        beats = briefing.beats.beats
        layers["beats"] = beats[beats["level"] == briefing.beats.level]
    return layers


def _list_units(briefing: Briefing, summary: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    plan = briefing.plan
    visits = locate_visits(plan)
    lon, lat = _place(visits.geometry)
    visits = pd.DataFrame(visits.drop(columns="geometry")).assign(lon=lon, lat=lat)
    lon, lat = _place(plan.units.geometry)
    for at, (unit_id, told) in enumerate(zip(plan.units.index, summary["routes"], strict=True)):
        unit: Any = plan.units.loc[unit_id]
        own = visits[visits["unit_id"] == unit_id]
        colour, dashes = briefing.look(str(unit_id))
        yield {
            "unit_id": str(unit_id),
            "mode": unit["mode"],
            "crew": unit["crew"],
            "speed_kph": unit["speed_kph"],
            "lon": lon[at],
            "lat": lat[at],
            "start_at": _tell(unit["start_at"]),
            "end_at": _tell(unit["end_at"]),
            "back_at": _tell(own["leave_at"].max()),
            "colour": colour,
            "dashes": dashes,
            **{name: told[name] for name in ("beat_id", "distance_m", "work_s", "patrol_s", "overtime_min")},
            "visits": [
                {
                    "what": row["what"],
                    "arrive_at": _tell(row["arrive_at"]),
                    "leave_at": _tell(row["leave_at"]),
                    "lon": row["lon"],
                    "lat": row["lat"],
                    "name": describe_row(briefing, row),
                    "stop_id": row["stop_id"],
                    "number": briefing.numbers.get(row["stop_id"]),
                }
                for row in own.to_dict("records")
            ],
            "files": told["files"],
        }


def _list_stops(briefing: Briefing) -> Iterator[dict[str, Any]]:
    stops = stop_table(briefing)
    gaps = briefing.plan.stop_gaps["mean_gap_s"].reindex(stops.index) / 60.0
    lon, lat = _place(stops.geometry)
    rows = stops.drop(columns="geometry").to_dict("records")
    for stop_id, row, mean_min, x, y in zip(stops.index, rows, gaps, lon, lat, strict=True):
        kept = {name: row[name] for name in STOPS if name != "title"}
        yield {"stop_id": str(stop_id), "name": row["title"], "lon": x, "lat": y, "mean_gap_min": mean_min, **kept}


def _place(shapes: gpd.GeoSeries) -> tuple[list[float], list[float]]:
    points = shapes.to_crs(WGS84)
    return points.x.round(DECIMALS).tolist(), points.y.round(DECIMALS).tolist()


def _tell(moment: pd.Timestamp) -> str:
    return moment.tz_convert("UTC").isoformat()


def _plain(value: Any) -> Any:
    """Make a value what JSON can hold."""
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value
