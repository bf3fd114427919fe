"""Plan the rest of a shift anew when a unit leaves or is bound by an alarm; what is done stays as it is."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from sightgrid.errors import InputError
from sightgrid.patrol.routes.checkpoints import Head, build_problem
from sightgrid.patrol.routes.inputs import check_locked
from sightgrid.patrol.routes.routes import Engine, search_routes, survey
from sightgrid.patrol.routes.schedule import write_diary
from sightgrid.patrol.routes.shortfalls import find_shortfalls
from sightgrid.patrol.routes.walks import number_streets
from sightgrid.patrol.shift.plan import DONE_COLUMNS, Plan, build_legs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Progress = Callable[[str, int, int], None]


def replan(
    plan: Plan,
    *,
    at: pd.Timestamp,
    lost_units: Sequence[str] = (),
    attention: pd.Series[float] | None = None,
    locked: pd.DataFrame | None = None,
    engine: Engine = "auto",
    seconds: float = 20.0,
    seed: int = 0,
    snap_m: float = 200.0,
    progress: Progress | None = None,
) -> Plan:
    """Plan the rest of a shift anew.

    All streets, visits and breaks that began before `at` stay as they are; a unit on its way goes on from the end of
    the street it is on, one at a stop or on its break from there when that is over. A lost unit stops at the end of
    its street; a visit or break it is at is cut off, and the visit is wanted again.

    Parameters
    ----------
    plan : Plan
        From `plan_routes` or `replan`.
    at : Timestamp
        When, with a time zone.
    lost_units : sequence of str
        Units that do nothing more.
    attention : Series, optional
        Attention from now on, indexed as the plan's; the plan's if not given.
    locked : DataFrame, optional
        ``unit_id``, ``stop_id``, ``arrive_at`` from `at` on; the plan's locked visits of the units that stay if not
        given.
    engine, seconds, seed, snap_m, progress
        See `plan_routes`.

    Returns
    -------
    Plan
        Of the whole shift; its ``units`` say when a unit was ``lost_at``.

    Raises
    ------
    InputError
        `at` has no zone, a unit is unknown or was lost before, or the attention is indexed differently.
    InfeasibleError
        The locked visits of a unit do not fit into the rest of its shift.
    """
    if at.tzinfo is None:
        raise InputError("at: must have a time zone")
    at = at.tz_convert("UTC").as_unit("ms")
    units = mark_lost(plan.units, lost_units, at)
    if plan.attention is None:
        raise InputError("plan: it knows no attention, so its streets cannot be planned anew")
    worth = plan.attention if attention is None else attention.astype(float)
    if not worth.index.equals(plan.attention.index):
        raise InputError("attention: its index is not that of the plan's streets")
    lost = units.index[units["lost_at"].notna()]
    legs = plan.legs[plan.legs["start_at"] < at]
    rows = keep_rows(plan.visits, at, lost)
    ended = {*rows.loc[rows["what"] == "end", "unit_id"]}
    over = {*lost, *ended}
    heads: dict[str, Head] = {}
    for unit in units.index:
        head = find_head(plan, rows, legs, str(unit), at, gone=unit in over)
        if head is not None:
            heads[str(unit)] = head
    made = rows.loc[rows["what"] == "visit", list(DONE_COLUMNS)]
    done = pd.concat([plan.done, made], ignore_index=True) if len(plan.done) else made.reset_index(drop=True)
    if locked is None:
        open_rows = plan.visits[plan.visits["locked"] & ~plan.visits.index.isin(rows.index)]
        locked = open_rows.loc[~open_rows["unit_id"].isin(lost), ["unit_id", "stop_id", "arrive_at"]]
    held = check_locked(locked, units, plan.stops, done=done)
    problem, routes = search_routes(
        partial(
            build_problem, units, plan.stops, plan.networks, locked=held, done=done, heads=heads,
            snap_m=snap_m, seed=seed,
        ),
        engine=engine, seconds=seconds, seed=seed, progress=progress,
    )  # fmt: skip
    terrains = survey(plan.networks, worth.index)
    diary = write_diary(
        problem, routes, terrains=terrains, worth=np.asarray(worth, np.float64),
        last_s=_last_passes(plan, legs, worth.index, problem.origin), seed=seed, heads=heads,
    )  # fmt: skip
    fresh = build_legs(diary.legs(problem.origin), plan.networks, crs=units.crs)
    kept = pd.concat([part for part in (legs, fresh) if len(part)] or [fresh], ignore_index=True)
    left = {unit: head for unit, head in heads.items() if head.gone and unit not in ended}
    parts = [rows, diary.visits(problem.origin), _ends_of_lost(left, problem.origin)]
    visits = pd.concat([part for part in parts if len(part)], ignore_index=True)
    order = {unit: place for place, unit in enumerate(units.index)}
    legs = gpd.GeoDataFrame(_sort(kept, order, ["start_at", "end_at"]), crs=units.crs)
    visits = _sort(visits, order, ["arrive_at", "leave_at"])
    return Plan(
        units=units, stops=plan.stops, legs=legs, visits=visits,
        shortfalls=find_shortfalls(problem, routes, visits, plan.done), networks=plan.networks, attention=worth,
        observed=plan.observed, done=plan.done,
    )  # fmt: skip


def mark_lost(units: gpd.GeoDataFrame, lost_units: Sequence[str], at: pd.Timestamp) -> gpd.GeoDataFrame:
    """Note when units left.

    Raises
    ------
    InputError
        A unit is unknown or was lost before.
    """
    units = units.copy()
    if "lost_at" not in units.columns:
        units["lost_at"] = pd.Series(pd.NaT, index=units.index, dtype="datetime64[ms, UTC]")
    unknown = [unit for unit in lost_units if unit not in units.index]
    if unknown:
        raise InputError(f"lost_units: unknown ids ({len(unknown)}: {', '.join(map(str, unknown[:5]))})")
    again = [unit for unit in lost_units if not pd.isna(units["lost_at"][unit])]
    if again:
        raise InputError(f"lost_units: lost before ({len(again)}: {', '.join(again[:5])})")
    units.loc[list(lost_units), "lost_at"] = at
    return units


def keep_rows(visits: pd.DataFrame, at: pd.Timestamp, lost: pd.Index[str]) -> pd.DataFrame:
    """Rows of a plan that stay: what began before a time; of lost units only what was over by then.

    Patrols in spare time are cut at that time. A lost unit keeps its start, even if its shift has not begun.
    """
    ended = (visits["what"] == "end") & (visits["leave_at"] <= at)
    begun = (visits["arrive_at"] < at) & (visits["what"] != "end")
    cut = visits["unit_id"].isin(lost) & (visits["leave_at"] > at) & (visits["what"] != "street")
    never = visits["unit_id"].isin(lost) & (visits["what"] == "start")
    rows = visits[(begun & ~cut) | ended | never].copy()
    patrol = (rows["what"] == "street") & (rows["leave_at"] > at)
    rows.loc[patrol, "leave_at"] = at
    rows.loc[patrol, "dwell_s"] = (rows["leave_at"] - rows["arrive_at"]).dt.total_seconds()[patrol]
    return rows


def find_head(
    plan: Plan, rows: pd.DataFrame, legs: pd.DataFrame, unit: str, at: pd.Timestamp, *, gone: bool
) -> Head | None:
    """Where and when a unit becomes free; None if its shift has not begun."""
    own = rows[rows["unit_id"] == unit]
    if not len(own):
        return None
    origin = plan.units["start_at"].min()
    stays = own[own["what"] != "street"]
    last = stays.iloc[-1]
    node, free = int(last["node"]), max(at, last["leave_at"])
    driven = legs[legs["unit_id"] == unit]
    if len(driven) and driven["end_at"].iloc[-1] > last["arrive_at"]:
        node, free = int(driven["v"].iloc[-1]), max(at, driven["end_at"].iloc[-1])
    had_break = bool((own["what"] == "break").any())
    return Head(node, float((free - origin).total_seconds()), had_break=had_break, gone=gone)


def _last_passes(plan: Plan, legs: gpd.GeoDataFrame, streets: pd.Index, origin: pd.Timestamp) -> NDArray[np.float64]:
    """When each street was last driven; -inf for never."""
    number = number_streets(streets)
    last_s = np.full(len(streets), -np.inf)
    edges = zip(legs["unit_id"], legs["u"], legs["v"], legs["key"], strict=True)
    rows = [number[plan.networks[unit].graph.edges[u, v, key]["street"]] for unit, u, v, key in edges]
    np.maximum.at(last_s, np.array(rows, np.intp), (legs["end_at"] - origin).dt.total_seconds().to_numpy(float))
    return last_s


def _ends_of_lost(heads: dict[str, Head], origin: pd.Timestamp) -> pd.DataFrame:
    """Rows ``end`` of the units that are lost, where they are."""
    rows = []
    for unit, head in heads.items():
        moment = origin + pd.Timedelta(milliseconds=round(head.at_s * 1000.0))
        rows.append((unit, "", "end", moment, moment, 0.0, head.node, 0, False))
    names = ["unit_id", "stop_id", "what", "arrive_at", "leave_at", "dwell_s", "node", "priority", "locked"]
    return pd.DataFrame(rows, columns=names).astype({"locked": bool})


def _sort(frame: pd.DataFrame, order: dict[str, int], by: list[str]) -> pd.DataFrame:
    """In the order of units, then of time."""
    rank = frame["unit_id"].map(order)
    return frame.assign(_unit=rank).sort_values(["_unit", *by], kind="stable", ignore_index=True).drop(columns="_unit")
