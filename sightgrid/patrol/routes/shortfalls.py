"""Shortfalls: every wanted visit that is not in the plan, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sightgrid.patrol.routes.windows import NO_TIME
from sightgrid.patrol.shift.plan import DONE_COLUMNS, SHORTFALL_COLUMNS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sightgrid.patrol.routes.checkpoints import Problem
    from sightgrid.patrol.routes.improvement import Routes


def find_shortfalls(problem: Problem, routes: Routes, visits: pd.DataFrame, done: pd.DataFrame) -> pd.DataFrame:
    """List the visits left out, by priority, required ones first.

    Parameters
    ----------
    problem : Problem
        What was asked.
    routes : list of list of int
        What is served.
    visits : DataFrame
        The plan's.
    done : DataFrame
        Visits made before.

    Returns
    -------
    DataFrame
        ``stop_id``, ``missing`` (number of visits), ``priority``, ``required``, ``reason``: "no unit may serve it"
        (crew or category), "unreachable" (no way leads there and back, or it is too far from a street), "window outside
        the shifts", "gap" (no more visits fit between the least gaps), "no time"; with the longest time between two
        visits where it is over the one allowed (0 missing: locked or done visits lie that far apart).
    """
    stops = problem.stops
    left = count_missing(problem, routes)
    rows = [(stop_id, int(count), NO_TIME) for stop_id, count in zip(stops.index, left, strict=True) if count]
    rows += list(problem.lost.itertuples(index=False, name=None))
    over = _long_gaps(stops, visits, done)
    named = {stop_id for stop_id, *_ in rows}
    rows += [(stop_id, 0, "gap") for stop_id in over if stop_id not in named]
    table = pd.DataFrame(rows, columns=["stop_id", "missing", "reason"])
    table["reason"] = [
        f"{reason}; gap of {over[stop_id]}" if stop_id in over else reason
        for stop_id, reason in zip(table["stop_id"], table["reason"], strict=True)
    ]
    known = stops.reindex(table["stop_id"])
    table["priority"] = known["priority"].to_numpy(np.int64) if len(table) else np.empty(0, np.int64)
    table["required"] = known["required"].to_numpy(bool) if len(table) else np.empty(0, bool)
    table = table.sort_values(["required", "priority", "stop_id"], ascending=[False, True, True], ignore_index=True)
    return table[list(SHORTFALL_COLUMNS)].astype({"stop_id": "str", "missing": np.int64, "reason": "str"})


def count_missing(problem: Problem, routes: Routes) -> NDArray[np.int64]:
    """Number of visits of each stop that have a slot but are in no route."""
    out = np.ones(len(problem.stop), bool)
    out[[v for route in routes for v in route]] = False
    return np.bincount(problem.stop[out], minlength=len(problem.stops))


def rank_plan(problem: Problem, routes: Routes) -> tuple[int, ...]:
    """Number of visits left out: required ones by priority, then the others; less is better."""
    stops = problem.stops
    table = pd.DataFrame(
        {
            "optional": ~stops["required"].to_numpy(bool),
            "priority": np.where(stops["required"], stops["priority"], 0),
            "missing": count_missing(problem, routes),
        }
    )
    return tuple(table.groupby(["optional", "priority"])["missing"].sum().tolist())


def _long_gaps(stops: pd.DataFrame, visits: pd.DataFrame, done: pd.DataFrame) -> dict[str, str]:
    """Longest gap of each stop where it is over the one allowed, in words."""
    made = visits.loc[visits["what"] == "visit", list(DONE_COLUMNS)]
    made = (pd.concat([done, made]) if len(done) else made).sort_values("arrive_at")
    over = {}
    for stop_id, part in made.groupby("stop_id", sort=False):
        most_s = float(stops["max_gap_s"][stop_id])
        gap_s = (part["arrive_at"] - part["leave_at"].shift()).dt.total_seconds().max()
        if most_s > 0.0 and gap_s > most_s + 1.0:
            over[str(stop_id)] = f"{gap_s / 60.0:.0f} min where {most_s / 60.0:.0f} are allowed"
    return over
