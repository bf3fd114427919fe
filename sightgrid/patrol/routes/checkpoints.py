"""The checkpoint patrol as a problem in numbers: units, wanted visits with their slots, travel times.

A vehicle routing problem with time windows, several depots, breaks, prizes and optional copies of stops. Seconds count
from the start of the first shift.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from sightgrid.errors import InputError
from sightgrid.patrol.routes.slots import EVEN, LOOSE, Slot
from sightgrid.patrol.routes.windows import NO_UNIT, UNREACHABLE, Windows, to_seconds
from sightgrid.patrol.shift.dosage import draw_dwells

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd
    from numpy.typing import NDArray

    from sightgrid.patrol.streets.network import Network

# Largest penalty: sums of it must keep whole seconds apart.
_MOST_PENALTY = 1e14


UNIT = np.dtype([
    ("profile", np.int64),  # row of the travel times
    ("first", np.int64), ("last", np.int64),  # places where it starts and ends
    ("start_s", np.float64), ("end_s", np.float64),  # regular shift
    ("limit_s", np.float64),  # end with all overtime
    ("break_s", np.float64),  # 0 for none
    ("break_from_s", np.float64), ("break_to_s", np.float64),  # the break starts between these two
])  # fmt: skip
VISIT = np.dtype([
    ("place", np.int64),
    ("dwell_s", np.float64),
    ("open_s", np.float64), ("close_s", np.float64),  # arrival between these two
    ("penalty", np.float64),  # for leaving it out
    ("locked", np.bool_),  # must stay where it is
])  # fmt: skip


class Case(NamedTuple):
    """The numbers that engines need.

    Places are the stops, then where units start, then where they end.
    """

    travel_s: NDArray[np.float64]  # [profile, place, place], inf where no way leads
    units: np.recarray[Any, Any]  # of UNIT
    visits: np.recarray[Any, Any]  # of VISIT
    allowed: NDArray[np.bool_]  # [unit, visit]


@dataclass(frozen=True, eq=False)
class Problem:
    """What an engine solves, and what it takes to turn the answer into a plan.

    Attributes
    ----------
    case : Case
        The numbers.
    units, stops : GeoDataFrame
        Checked.
    networks : mapping from unit_id to Network
    origin : Timestamp
        Second 0.
    stop : ndarray of int
        Row of the stop of each visit.
    nodes : ndarray of int, shape (k, p)
        Node of each place in each unit's network.
    lost : DataFrame
        Wanted visits that no plan can hold: ``stop_id``, ``missing``, ``reason``.
    """

    case: Case
    units: gpd.GeoDataFrame
    stops: gpd.GeoDataFrame
    networks: Mapping[str, Network]
    origin: pd.Timestamp
    stop: NDArray[np.intp]
    nodes: NDArray[np.int64]
    lost: pd.DataFrame


@dataclass(frozen=True)
class Head:
    """Where and when a unit becomes free, if not at its depot when its shift starts; gone: it does nothing more."""

    node: int
    at_s: float
    had_break: bool = False
    gone: bool = False


def build_problem(
    units: gpd.GeoDataFrame,
    stops: gpd.GeoDataFrame,
    networks: Mapping[str, Network],
    *,
    locked: pd.DataFrame,
    done: pd.DataFrame,
    heads: Mapping[str, Head],
    snap_m: float,
    seed: int,
    loose: NDArray[np.bool_] | None = None,
) -> Problem:
    """Put a checkpoint patrol into numbers.

    Parameters
    ----------
    units, stops : GeoDataFrame
        Checked.
    networks : mapping from unit_id to Network
        The streets each unit may use.
    locked : DataFrame
        ``unit_id``, ``stop_id``, ``arrive_at``: visits that are part of any plan.
    done : DataFrame
        ``stop_id``, ``arrive_at``, ``leave_at``: visits already made.
    heads : mapping from unit_id to Head
        Units that do not start at their depot at the start of their shift.
    snap_m : float
        Farthest a stop or depot may lie from a street.
    seed : int
        For the dwells, and for how far the slots of each stop are shifted.
    loose : ndarray of bool, one per stop
        Stops whose slots are as wide as their gaps allow; none if not given.

    Raises
    ------
    InputError
        A depot is too far from a street its unit may use.
    """
    origin = units["start_at"].min()
    table = _tabulate_units(units, len(stops), origin, heads)
    nodes, away_m = snap_places(units, stops, networks, snap_m=snap_m)
    units = units.assign(snap_m=np.diagonal(away_m[:, len(stops) :]))
    stops = stops.assign(snap_m=away_m[:, : len(stops)].min(axis=0))
    for k, unit_id in enumerate(units.index):
        if unit_id in heads:
            nodes[k, table[k].first] = heads[unit_id].node
            nodes[k, table[k].last] = heads[unit_id].node if heads[unit_id].gone else nodes[k, table[k].last]
    travel, table["profile"] = _travel(units, networks, nodes)
    rows = np.arange(len(stops))
    there = travel[table.profile[:, None], table.first[:, None], rows]
    back = travel[table.profile[:, None], rows, table.last[:, None]]
    staying = np.array([unit_id not in heads or not heads[unit_id].gone for unit_id in units.index], bool)
    serves = may_serve(units, stops) & staying[:, None]
    reach = serves & np.isfinite(there + back) & (away_m[:, : len(stops)] <= snap_m)
    windows = Windows(
        stops, origin, table.start_s[:, None] + there, table.end_s[:, None] - back, table.limit_s - table.end_s
    )
    copies: list[tuple[int, Slot, int]] = []
    lost: list[tuple[str, int, str]] = []
    rng = np.random.default_rng(seed)
    phases = np.random.default_rng([seed, 3]).uniform(-1.0, 1.0, len(stops)).tolist()
    for s, stop_id in enumerate(stops.index):
        made = done[done["stop_id"] == stop_id]
        fixed = sorted(zip(*(to_seconds(made[name], origin) for name in ("arrive_at", "leave_at")), strict=True))
        wanted = int(stops["visits"].iloc[s])
        # drawn for all visits, so that what is done does not change the rest
        dwells = draw_dwells(stops, np.full(wanted, s), rng).tolist()[len(fixed) :]
        held = locked[locked["stop_id"] == stop_id].sort_values("arrive_at")
        for unit_id, at_s in zip(held["unit_id"], to_seconds(held["arrive_at"], origin), strict=True):
            slot = Slot(float(at_s), float(at_s), dwells.pop(0))
            copies.append((s, slot, units.index.get_loc(unit_id)))
            fixed = sorted([*fixed, (slot.open_s, slot.open_s + slot.dwell_s)])
        if not dwells:
            continue
        if not reach[:, s].any():
            lost.append((stop_id, len(dwells), UNREACHABLE if serves[:, s].any() else NO_UNIT))
            continue
        looseness = EVEN if loose is None or not loose[s] else LOOSE
        slots, reason = windows.slots(s, reach[:, s], dwells, fixed, looseness=looseness, phase=phases[s])
        copies += [(s, slot, -1) for slot in slots]
        if len(slots) < len(dwells):
            lost.append((stop_id, len(dwells) - len(slots), reason))
    stop, only = (np.array([copy[at] for copy in copies], np.int64) for at in (0, 2))
    visits = np.recarray(len(copies), VISIT)
    visits["place"], visits["locked"] = stop, only >= 0
    for name in ("dwell_s", "open_s", "close_s"):
        visits[name] = [getattr(slot, name) for _, slot, _ in copies]
    horizon_s = float((table.limit_s - table.start_s).max(initial=1.0))
    visits["penalty"] = weigh_visits(stops, stop, horizon_s=horizon_s, units=len(units))
    allowed = np.where(only >= 0, np.arange(len(units))[:, None] == only, reach[:, stop])
    lost_frame = pd.DataFrame(lost, columns=["stop_id", "missing", "reason"])
    return Problem(Case(travel, table, visits, allowed), units, stops, networks, origin, stop, nodes, lost_frame)


def _tabulate_units(
    units: gpd.GeoDataFrame, stops: int, origin: pd.Timestamp, heads: Mapping[str, Head]
) -> np.recarray[Any, Any]:
    """The units as records, in seconds since the origin; without their profile."""
    table = np.recarray(len(units), UNIT)
    start_s = to_seconds(units["start_at"], origin)
    table["first"], table["last"] = (stops + turn * len(units) + np.arange(len(units)) for turn in (0, 1))
    table["start_s"] = [heads[u].at_s if u in heads else s for u, s in zip(units.index, start_s, strict=True)]
    table["end_s"] = to_seconds(units["end_at"], origin)
    table["limit_s"] = np.maximum(table["end_s"] + units["overtime_s"].to_numpy(float), table["start_s"])
    rested = np.array([u in heads and (heads[u].had_break or heads[u].gone) for u in units.index], bool)
    table["break_s"] = np.where(rested, 0.0, units["break_s"].to_numpy(float))
    table["break_from_s"] = start_s + units["break_after_s"].to_numpy(float)
    table["break_to_s"] = start_s + units["break_before_s"].to_numpy(float)
    return table


def snap_places(
    units: gpd.GeoDataFrame, stops: gpd.GeoDataFrame, networks: Mapping[str, Network], *, snap_m: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Nodes of stops, starts and ends in each unit's network; metres from there to stops and depots.

    Raises
    ------
    InputError
        A depot lies farther than `snap_m` from a street its unit may use.
    """
    nodes = np.empty((len(units), len(stops) + 2 * len(units)), np.int64)
    away_m = np.empty((len(units), len(stops) + len(units)))
    cache: dict[int, tuple[pd.DataFrame, pd.DataFrame]] = {}
    astray = []
    for k, unit_id in enumerate(units.index):
        network = networks[unit_id]
        if id(network) not in cache:
            cache[id(network)] = network.snap(stops.geometry), network.snap(units.geometry)
        at_stops, at_depots = cache[id(network)]
        nodes[k] = np.concatenate([at_stops["node"], at_depots["node"], at_depots["node"]])
        away_m[k] = np.concatenate([at_stops["distance_m"], at_depots["distance_m"]])
        distance = float(at_depots["distance_m"].iloc[k])
        if distance > snap_m:
            astray.append(f"{unit_id} ({distance:.0f} m)")
    if astray:
        rule = f"the depot must lie within {snap_m:.0f} m of a street the unit may use"
        raise InputError(f"units: geometry: {rule} ({len(astray)} units: {', '.join(astray[:5])})")
    return nodes, away_m


def may_serve(units: gpd.GeoDataFrame, stops: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    """Which units may serve which stops, by crew and category of place: shape (k, s)."""
    crew, asked = units["crew"].to_numpy(object), stops["crew"].to_numpy(object)
    by_crew = (asked == "") | (crew[:, None] == asked)
    category = stops["category"].to_numpy(object)
    every = np.ones(len(stops), bool)
    by_place = np.stack([np.isin(category, list(kinds)) if kinds else every for kinds in units["places"]])
    return np.asarray(by_crew & by_place, bool)


def weigh_visits(
    stops: gpd.GeoDataFrame, stop: NDArray[np.intp], *, horizon_s: float, units: int
) -> NDArray[np.float64]:
    """Penalty for leaving a visit out.

    One visit of priority p outweighs all of lower priority together, all required ones outweigh all optional ones, and
    an optional one, by its weight, outweighs any detour. Where that needs numbers beyond exact sums, the steps between
    the priorities get smaller.
    """
    weight = stops["weight"].to_numpy(float)
    required = stops["required"].to_numpy(bool)
    detour = (units + 2.0) * 2.0 * horizon_s
    top = float(weight.max(initial=0.0)) or 1.0
    penalty = detour * (1.0 + 10.0 * weight / top)[stop]
    ranks = np.unique(stops["priority"].to_numpy()[required])[::-1]
    counts = [int((required & (stops["priority"].to_numpy() == rank))[stop].sum()) for rank in ranks]
    below = float(penalty[~required[stop]].sum()) + detour
    room = max(_MOST_PENALTY / below, 1.0) ** (1.0 / max(len(ranks), 1))
    for rank, count in zip(ranks, counts, strict=True):
        chosen = required[stop] & (stops["priority"].to_numpy()[stop] == rank)
        penalty[chosen] = below
        below *= min(count + 1.0, room)
    return penalty


def _travel(
    units: gpd.GeoDataFrame, networks: Mapping[str, Network], nodes: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Travel times between all places by profile, and each unit's profile."""
    distinct: list[int] = []
    profile = np.empty(len(units), np.int64)
    tables = []
    for k, unit_id in enumerate(units.index):
        network = networks[unit_id]
        if id(network) not in distinct:
            distinct.append(id(network))
            mine = [at for at, other in enumerate(units.index) if networks[other] is network]
            places = nodes[k].copy()
            for at in mine:  # where the others of this profile start and end
                places[[-2 * len(units) + at, -len(units) + at]] = nodes[at, [-2 * len(units) + at, -len(units) + at]]
            known = np.isin(places, network.nodes)
            table = np.full((len(places), len(places)), np.inf)
            table[np.ix_(known, known)] = network.travel_matrix(places[known], places[known])
            tables.append(table)
        profile[k] = distinct.index(id(network))
    return np.stack(tables), profile
