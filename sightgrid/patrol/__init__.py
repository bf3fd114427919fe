"""Patrols that look where cameras do not: streets, risk, beats, routes, response, and how much of a plan was driven.

Names are loaded when they are first asked for: reading a track needs none of the search kernels of routes.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from sightgrid.gis.compiled import drop_stale_kernels

if TYPE_CHECKING:
    from sightgrid.patrol.arcs.postman import cover_streets
    from sightgrid.patrol.beats.balance import measure_work
    from sightgrid.patrol.beats.beats import Beats, draw_beats
    from sightgrid.patrol.response.isochrones import isochrones
    from sightgrid.patrol.response.moving_response import reach_over_time
    from sightgrid.patrol.response.response import Response, lose_unit, nearest_units, reach
    from sightgrid.patrol.risks.attention_shares import attention, spread_by_cell
    from sightgrid.patrol.risks.evaluation import Evaluation, evaluate_risk
    from sightgrid.patrol.risks.incidents import read_incidents
    from sightgrid.patrol.risks.risks import risk
    from sightgrid.patrol.routes.replan import replan
    from sightgrid.patrol.routes.routes import plan_routes
    from sightgrid.patrol.routes.variants import Variants, choose_variant, plan_variants
    from sightgrid.patrol.shift.checker import check_plan
    from sightgrid.patrol.shift.dosage import dose
    from sightgrid.patrol.shift.plan import Plan
    from sightgrid.patrol.shift.shifts import Shift, parse_shift
    from sightgrid.patrol.shift.stops import check_stops, propose_stops
    from sightgrid.patrol.shift.unit_files import read_units
    from sightgrid.patrol.shift.units import check_units, unit_networks
    from sightgrid.patrol.streets.network import Network, build_network
    from sightgrid.patrol.tours.idleness import measure_idleness
    from sightgrid.patrol.tours.orienteering import plan_orienteering
    from sightgrid.patrol.tours.recurrent import plan_recurrent
    from sightgrid.patrol.tours.staffing import count_units
    from sightgrid.patrol.tours.tours import plan_tour
    from sightgrid.patrol.tracks.compliance import Compliance, compare
    from sightgrid.patrol.tracks.matching import Matched, match_tracks
    from sightgrid.patrol.tracks.tracks import Tracks, clean_tracks, read_tracks

drop_stale_kernels()

_HOMES = {
    "Beats": "beats.beats",
    "Compliance": "tracks.compliance",
    "Evaluation": "risks.evaluation",
    "Matched": "tracks.matching",
    "Network": "streets.network",
    "Plan": "shift.plan",
    "Response": "response.response",
    "Shift": "shift.shifts",
    "Tracks": "tracks.tracks",
    "Variants": "routes.variants",
    "attention": "risks.attention_shares",
    "build_network": "streets.network",
    "check_plan": "shift.checker",
    "check_stops": "shift.stops",
    "check_units": "shift.units",
    "choose_variant": "routes.variants",
    "clean_tracks": "tracks.tracks",
    "compare": "tracks.compliance",
    "count_units": "tours.staffing",
    "cover_streets": "arcs.postman",
    "dose": "shift.dosage",
    "draw_beats": "beats.beats",
    "evaluate_risk": "risks.evaluation",
    "isochrones": "response.isochrones",
    "lose_unit": "response.response",
    "match_tracks": "tracks.matching",
    "measure_idleness": "tours.idleness",
    "measure_work": "beats.balance",
    "nearest_units": "response.response",
    "parse_shift": "shift.shifts",
    "plan_orienteering": "tours.orienteering",
    "plan_recurrent": "tours.recurrent",
    "plan_routes": "routes.routes",
    "plan_tour": "tours.tours",
    "plan_variants": "routes.variants",
    "propose_stops": "shift.stops",
    "reach": "response.response",
    "reach_over_time": "response.moving_response",
    "read_incidents": "risks.incidents",
    "read_tracks": "tracks.tracks",
    "read_units": "shift.unit_files",
    "replan": "routes.replan",
    "risk": "risks.risks",
    "spread_by_cell": "risks.attention_shares",
    "unit_networks": "shift.units",
}

__all__ = [
    "Beats",
    "Compliance",
    "Evaluation",
    "Matched",
    "Network",
    "Plan",
    "Response",
    "Shift",
    "Tracks",
    "Variants",
    "attention",
    "build_network",
    "check_plan",
    "check_stops",
    "check_units",
    "choose_variant",
    "clean_tracks",
    "compare",
    "count_units",
    "cover_streets",
    "dose",
    "draw_beats",
    "evaluate_risk",
    "isochrones",
    "lose_unit",
    "match_tracks",
    "measure_idleness",
    "measure_work",
    "nearest_units",
    "parse_shift",
    "plan_orienteering",
    "plan_recurrent",
    "plan_routes",
    "plan_tour",
    "plan_variants",
    "propose_stops",
    "reach",
    "reach_over_time",
    "read_incidents",
    "read_tracks",
    "read_units",
    "replan",
    "risk",
    "spread_by_cell",
    "unit_networks",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        text = f"module 'sightgrid.patrol' has no attribute {name!r}"
        raise AttributeError(text)
    return getattr(import_module(f"sightgrid.patrol.{home}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
