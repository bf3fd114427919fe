"""Unpredictability: several plans that are almost as good as the best, and one drawn for each day.

What a watcher could learn is told by the entropy of the visits of a place over the time slots of the shift, and by the
coefficient of variation of the gaps between visits; beside them stands what the randomness costs, in driving and in
the worst gap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sightgrid.errors import UnitRangeError
from sightgrid.patrol.routes.improvement import Routes, Search
from sightgrid.patrol.routes.routes import prepare, search_routes, write_plan
from sightgrid.patrol.routes.shortfalls import rank_plan

if TYPE_CHECKING:
    import datetime as dt

    import geopandas as gpd

    from sightgrid.patrol.routes.checkpoints import Problem
    from sightgrid.patrol.shift.plan import Plan

SLOT_S = 3600.0
_ROUNDS = 1500


@dataclass(frozen=True, eq=False)
class Variants:
    """Near-optimal plans of one shift.

    Attributes
    ----------
    plans : tuple of Plan
        The one that drives least comes first.
    table : DataFrame
        By variant: ``drive_s`` (seconds on the fastest ways between appointments, all units), ``excess`` over the
        first (a share), ``stops_planned``, ``worst_gap_min``, ``mean_gap_min``, ``attention_share``.
    figures : dict
        ``entropy``: mean over the stops of the entropy of their visits over the time slots in all variants, over the
        largest possible (0: always the same slot, 1: every slot equally likely); ``gap_cv``: standard deviation over
        mean of the gaps between visits; ``worst_gap_min``: of all variants.
    """

    plans: tuple[Plan, ...]
    table: pd.DataFrame
    figures: dict[str, Any]

    def choose(self, day: dt.date, *, seed: int) -> Plan:
        """The plan of a day: drawn evenly, the same again for the same day and seed; keep the seed secret."""
        draw = np.random.default_rng([abs(seed), day.toordinal()])
        return self.plans[int(draw.integers(len(self.plans)))]


def plan_variants(
    streets: gpd.GeoDataFrame,
    units: gpd.GeoDataFrame,
    stops: gpd.GeoDataFrame,
    *,
    count: int = 5,
    excess: float = 0.10,
    seconds: float = 10.0,
    seed: int = 0,
    **options: Any,
) -> Variants:
    """Plan a shift several times, each almost as good as the best.

    Each variant is found with its own order of chance and travel times that are wrong by up to 30 %, then timed with
    the right ones; it is kept if it leaves out no more than the first plan and drives at most `excess` longer than
    the one that drives least.

    Parameters
    ----------
    streets, units, stops
        See `plan_routes`.
    count : int
        Variants wanted; there may be fewer.
    excess : float
        Largest share by which a variant's driving is longer than the least.
    seconds : float
        Time limit of the search for the best plan; each variant takes less.
    seed : int
        The same seed gives the same variants unless a time limit stops the search.
    **options
        ``attention``, ``observed``, ``locked``, ``done``, ``snap_m`` of `plan_routes`.

    Returns
    -------
    Variants

    Raises
    ------
    UnitRangeError
        `count` is below 1, or `excess` below 0.
    SchemaError, InputError, InfeasibleError
        See `plan_routes`.
    """
    if count < 1:
        raise UnitRangeError(f"count: {count} must be at least 1")
    if not excess >= 0.0:
        raise UnitRangeError(f"excess: {excess} must be at least 0")
    task = prepare(streets, units, stops, seed=seed, **options)
    problem, routes = search_routes(task.build, engine="own", seconds=seconds, seed=seed)
    best_s, best_rank = drive_time(problem, routes), rank_plan(problem, routes)
    found: list[tuple[int, Routes]] = [(seed, routes)]
    for turn in range(1, 3 * count):
        if len(found) == count:
            break
        other = _vary(problem, routes, seed=seed + turn, seconds=seconds)
        fits = rank_plan(problem, other) <= best_rank and drive_time(problem, other) <= (1.0 + excess) * best_s
        if fits:
            found.append((seed + turn, other))
    found.sort(key=lambda item: drive_time(problem, item[1]))
    best_s = drive_time(problem, found[0][1])
    found = [item for item in found if drive_time(problem, item[1]) <= (1.0 + excess) * best_s]
    plans = tuple(
        write_plan(problem, chosen, worth=task.worth, observed=task.observed, done=task.done, seed=number)
        for number, chosen in found
    )
    driven = np.array([drive_time(problem, chosen) for _, chosen in found])
    names = ("stops_planned", "worst_gap_min", "mean_gap_min", "attention_share")
    table = pd.DataFrame(
        {"drive_s": driven, "excess": driven / max(best_s, 1e-9) - 1.0}
        | {name: [plan.figures[name] for plan in plans] for name in names}
    ).rename_axis("variant")
    figures = {
        "entropy": visit_entropy(plans),
        "gap_cv": gap_variation(plans),
        "worst_gap_min": max((plan.figures["worst_gap_min"] or 0.0 for plan in plans), default=0.0),
    }
    return Variants(plans, table, figures)


def choose_variant(variants: Variants, day: dt.date, *, seed: int) -> Plan:
    """The plan of a day; see `Variants.choose`."""
    return variants.choose(day, seed=seed)


def drive_time(problem: Problem, routes: Routes) -> float:
    """Seconds on the fastest ways between appointments, all units."""
    case, total = problem.case, 0.0
    for k, visits in enumerate(routes):
        places = [case.units.first[k], *case.visits.place[visits], case.units.last[k]]
        total += float(case.travel_s[case.units.profile[k], places[:-1], places[1:]].sum())
    return total


def visit_entropy(plans: tuple[Plan, ...], *, slot_s: float = SLOT_S) -> float:
    """How evenly the visits of each stop fall on the time slots, over several plans: mean of H / log(slots)."""
    units = plans[0].units
    first, last = units["start_at"].min(), units["end_at"].max()
    slots = max(2, int(np.ceil((last - first).total_seconds() / slot_s)))
    visits = pd.concat([plan.visits[plan.visits["what"] == "visit"] for plan in plans])
    slot = ((visits["arrive_at"] - first).dt.total_seconds() // slot_s).astype(int)
    values = []
    for _, part in slot.groupby(visits["stop_id"]):
        share = part.value_counts(normalize=True).to_numpy(float)
        values.append(float(-(share * np.log(share)).sum() / np.log(slots)))
    return float(np.mean(values)) if values else 0.0


def gap_variation(plans: tuple[Plan, ...]) -> float:
    """Coefficient of variation of the gaps between visits of a stop: mean over the stops with at least two gaps."""
    gaps: dict[str, list[float]] = {}
    for plan in plans:
        visits = plan.visits[plan.visits["what"] == "visit"].sort_values("arrive_at")
        for stop_id, part in visits.groupby("stop_id"):
            between = (part["arrive_at"] - part["leave_at"].shift()).dt.total_seconds().dropna()
            gaps.setdefault(str(stop_id), []).extend(between.tolist())
    spread = [float(np.std(of) / np.mean(of)) for of in gaps.values() if len(of) > 1 and np.mean(of) > 0.0]
    return float(np.mean(spread)) if spread else 0.0


def _vary(problem: Problem, routes: Routes, *, seed: int, seconds: float) -> Routes:
    """Other routes, found on travel times that are somewhat wrong and brought back to the right ones."""
    rng = np.random.default_rng([seed, 2])
    case = problem.case
    wrong = case._replace(travel_s=case.travel_s * rng.uniform(1.0, 1.3, case.travel_s.shape))
    search = Search(wrong, routes)
    search.improve(seconds=seconds, seed=seed, rounds=_ROUNDS)
    right = Search(case, search.routes)
    return right.routes
