"""Check a plan against the streets and its own promises, without any of the planner's code.

Edges and travel times are looked up in the networkx graph; all else follows from the plan's tables.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sightgrid.patrol.shift.plan import Plan
    from sightgrid.patrol.streets.network import Network

# Times are kept to the millisecond; two of them are compared.
TOLERANCE_S = 0.003
_KINDS = frozenset({"start", "visit", "street", "break", "end"})


def check_plan(plan: Plan, networks: Mapping[str, Network] | None = None) -> list[str]:
    """List every rule that a plan breaks.

    Streets exist and are driven in a legal direction, without jumps, at the network's travel times, by a unit that is
    at one place at a time; shifts start and end at the depot, within the overtime; breaks are taken in their window;
    visits are where their stop is, last as long as they should, keep windows, crews, categories and gaps; every wanted
    visit is made once or listed as missing.

    Parameters
    ----------
    plan : Plan
        Its gaps over ``max_gap_s`` are accepted where its shortfalls name them. A unit with a ``lost_at`` need not
        come home.
    networks : mapping from unit_id to Network, optional
        The plan's own if not given.

    Returns
    -------
    list of str
        Empty for a sound plan.
    """
    networks = plan.networks if networks is None else networks
    broken: list[str] = []
    for unit_id in plan.units.index:
        unit = plan.units.loc[unit_id]
        legs = plan.legs[plan.legs["unit_id"] == unit_id]
        visits = plan.visits[plan.visits["unit_id"] == unit_id]
        for found in (
            _check_legs(legs, networks[unit_id]),
            _check_kinds(visits),
            _check_shift(unit, visits, legs),
            _check_break(unit, visits[visits["what"] == "break"]),
            _check_stays(visits),
            _check_course(visits, legs),
        ):
            broken += [f"unit {unit_id}: {text}" for text in found]
    strangers = {*plan.legs["unit_id"], *plan.visits["unit_id"]} - {*plan.units.index}
    broken += [f"unit {unit_id}: unknown" for unit_id in sorted(strangers)]
    made = plan.visits[plan.visits["what"] == "visit"]
    unknown = sorted({*made["stop_id"], *plan.shortfalls["stop_id"]} - {*plan.stops.index})
    broken += [f"stop {stop_id}: unknown" for stop_id in unknown]
    for stop_id in plan.stops.index:
        here = made[made["stop_id"] == stop_id]
        for found in (
            _check_count(plan, stop_id, here),
            _check_visits(plan, stop_id, here, networks),
            _check_gaps(plan, stop_id, here),
        ):
            broken += [f"stop {stop_id}: {text}" for text in found]
    return broken


def _check_legs(legs: pd.DataFrame, network: Network) -> Iterator[str]:
    """Existing edges, legal direction, travel times, no jumps."""
    for row in _rows(legs):
        edge = (row.u, row.v, row.key)
        if not network.graph.has_edge(*edge):
            yield f"leg {row.Index}: no edge {edge} by {network.mode}"
            continue
        data = network.graph.edges[edge]
        lasts = (row.end_at - row.start_at).total_seconds()
        if abs(lasts - data["seconds"]) > TOLERANCE_S:
            yield f"leg {row.Index}: takes {lasts:.3f} s, the street {data['seconds']:.3f} s"
        if abs(row.length_m - data["length_m"]) > TOLERANCE_S or bool(row.reversed) != bool(data["reversed"]):
            yield f"leg {row.Index}: length or direction is not that of edge {edge}"
        if not row.geometry.equals_exact(data["geometry"], TOLERANCE_S):
            yield f"leg {row.Index}: its line is not that of edge {edge}"
    for before, row in pairwise(_rows(legs)):
        if row.u != before.v:
            yield f"leg {row.Index}: begins at {row.u}, the one before ended at {before.v}"
        if _late(before.end_at, row.start_at):
            yield f"leg {row.Index}: begins before the one before ends"


def _check_kinds(visits: pd.DataFrame) -> Iterator[str]:
    """Known rows, one start and one end."""
    strange = set(visits["what"]) - _KINDS
    if strange:
        yield f"unknown rows {', '.join(sorted(strange))}"
    for what in ("start", "end"):
        count = int((visits["what"] == what).sum())
        if count != 1:
            yield f"{count} rows {what}"


def _check_shift(unit: Any, visits: pd.DataFrame, legs: pd.DataFrame) -> Iterator[str]:
    """Start, end, overtime, depot."""
    starts, ends = (visits[visits["what"] == what] for what in ("start", "end"))
    if not len(starts) or not len(ends):
        return
    begin, end = starts["arrive_at"].iloc[0], ends["leave_at"].iloc[-1]
    if _late(unit["start_at"], begin):
        yield "begins before its shift"
    last = unit["end_at"] + pd.Timedelta(seconds=unit["overtime_s"])
    if _late(end, last):
        yield f"ends {(end - last).total_seconds():.0f} s after its shift and overtime"
    firsts, lasts = [visits["arrive_at"].min()], [visits["leave_at"].max()]
    if len(legs):
        firsts, lasts = [*firsts, legs["start_at"].min()], [*lasts, legs["end_at"].max()]
    if _late(begin, min(firsts)):
        yield "does something before it starts"
    if _late(max(lasts), end):
        yield "does something after it ends"
    if not _is_lost(unit) and starts["node"].iloc[0] != ends["node"].iloc[-1]:
        yield "does not end at its depot"


def _check_break(unit: Any, breaks: pd.DataFrame) -> Iterator[str]:
    """One break, in its window, of its length."""
    if len(breaks) > 1 or (len(breaks) != int(unit["break_s"] > 0.0) and not _is_lost(unit)):
        yield f"{len(breaks)} breaks"
    for row in _rows(breaks):
        begun = (row.arrive_at - unit["start_at"]).total_seconds()
        if not unit["break_after_s"] - TOLERANCE_S <= begun <= unit["break_before_s"] + TOLERANCE_S:
            yield f"its break begins {begun:.0f} s after its shift, outside its window"
        if abs((row.leave_at - row.arrive_at).total_seconds() - unit["break_s"]) > TOLERANCE_S:
            yield "its break has not its length"


def _check_stays(visits: pd.DataFrame) -> Iterator[str]:
    """Rows last as long as they say, one after the other."""
    for row in _rows(visits):
        lasts = (row.leave_at - row.arrive_at).total_seconds()
        if lasts < 0.0 or abs(lasts - row.dwell_s) > TOLERANCE_S:
            yield f"row {row.Index}: dwell_s is not the time between arrival and leaving"
    stays = visits[visits["what"] != "street"].sort_values(["arrive_at", "leave_at"], kind="stable")
    for before, row in pairwise(_rows(stays)):
        if _late(before.leave_at, row.arrive_at):
            yield f"row {row.Index}: begins before row {before.Index} ends"


def _check_course(visits: pd.DataFrame, legs: pd.DataFrame) -> Iterator[str]:
    """Whether the unit is where it says it stays, and does not move meanwhile."""
    stays = visits[visits["what"] != "street"].sort_values(["arrive_at", "leave_at"], kind="stable")
    for row in _rows(stays):
        over = (legs["end_at"] - row.arrive_at).dt.total_seconds() <= TOLERANCE_S
        ahead = (legs["start_at"] - row.leave_at).dt.total_seconds() >= -TOLERANCE_S
        if not (over | ahead).all():
            yield f"row {row.Index}: {row.what}, but the unit moves meanwhile"
        before, after = legs["v"][over & ~ahead], legs["u"][ahead & ~over]
        if len(before) and before.iloc[-1] != row.node:
            yield f"row {row.Index}: {row.what} at node {row.node}, but the unit is at {before.iloc[-1]}"
        elif not len(before) and len(after) and after.iloc[0] != row.node:
            yield f"row {row.Index}: {row.what} at node {row.node}, but the unit leaves from {after.iloc[0]}"
    if not len(legs) and len(set(stays["node"])) > 1:
        yield "is at several places without moving"


def _check_count(plan: Plan, stop_id: str, made: pd.DataFrame) -> Iterator[str]:
    """Visits wanted are made or missing, and none is made beyond."""
    before = int((plan.done["stop_id"] == stop_id).sum())
    missing = int(plan.shortfalls.loc[plan.shortfalls["stop_id"] == stop_id, "missing"].sum())
    wanted = max(int(plan.stops["visits"][stop_id]), before)
    if before + len(made) > wanted:
        yield f"{before + len(made)} visits where {wanted} are wanted"
    elif before + len(made) + missing != wanted:
        yield f"{before + len(made)} visits made and {missing} listed as missing, {wanted} wanted"


def _check_visits(plan: Plan, stop_id: str, made: pd.DataFrame, networks: Mapping[str, Network]) -> Iterator[str]:
    """Dwell, window, crew, category and place of each visit."""
    stop: Any = plan.stops.loc[stop_id]
    for row in _rows(made):
        if not stop["dwell_s"] - TOLERANCE_S <= row.dwell_s <= stop["dwell_max_s"] + TOLERANCE_S:
            yield f"visit {row.Index}: lasts {row.dwell_s:.0f} s"
        if not pd.isna(stop["open_at"]) and _late(stop["open_at"], row.arrive_at):
            yield f"visit {row.Index}: before the stop opens"
        if not pd.isna(stop["close_at"]) and _late(row.leave_at, stop["close_at"]):
            yield f"visit {row.Index}: after the stop closes"
    for unit_id, visits in made[made["unit_id"].isin(plan.units.index)].groupby("unit_id"):
        unit: Any = plan.units.loc[unit_id]
        if stop["crew"] not in {"", unit["crew"]} or (unit["places"] and stop["category"] not in unit["places"]):
            yield f"unit {unit_id} may not serve it"
        node = networks[str(unit_id)].snap(plan.stops.geometry.loc[[stop_id]])["node"].iloc[0]
        if (visits["node"] != node).any():
            yield f"unit {unit_id} is not at node {node}, where the stop is"


def _check_gaps(plan: Plan, stop_id: str, made: pd.DataFrame) -> Iterator[str]:
    """Time between visits that follow each other, by whichever unit."""
    stop: Any = plan.stops.loc[stop_id]
    before = plan.done[plan.done["stop_id"] == stop_id]
    columns = ["arrive_at", "leave_at"]
    times = pd.concat([before[columns], made[columns]]) if len(before) else made[columns]
    reasons = plan.shortfalls.loc[plan.shortfalls["stop_id"] == stop_id, "reason"]
    told = any("gap" in str(reason) for reason in reasons)
    ordered = list(_rows(times.sort_values("arrive_at")))
    for first, second in pairwise(ordered):
        gap = (second.arrive_at - first.leave_at).total_seconds()
        if gap < stop["min_gap_s"] - TOLERANCE_S:
            yield f"a gap of {gap:.0f} s, at least {stop['min_gap_s']:.0f} s are wanted"
        if 0.0 < stop["max_gap_s"] < gap - TOLERANCE_S and not told:
            yield f"a gap of {gap:.0f} s, at most {stop['max_gap_s']:.0f} s are wanted"


def _rows(frame: pd.DataFrame) -> Iterator[Any]:
    yield from frame.itertuples()


def _is_lost(unit: Any) -> bool:
    """Whether the unit left during its shift."""
    return not pd.isna(unit.get("lost_at", pd.NaT))


def _late(first: pd.Timestamp, second: pd.Timestamp) -> bool:
    """Whether the first time lies after the second, beyond rounding."""
    return bool((first - second).total_seconds() > TOLERANCE_S)
