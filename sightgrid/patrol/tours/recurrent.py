"""Recurrent patrols: periodic routes for several units on which no place waits long.

Two strategies are compared (Chevaleyre, "Theoretical analysis of the multi-agent patrolling problem", IAT 2004): all
units follow each other, equally spaced, on one tour of all stops; or each unit has its own region and tours it. Between
the two lie regions that several units share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sightgrid.errors import UnitRangeError
from sightgrid.patrol.tours.cycles import is_better, plan_cycle
from sightgrid.patrol.tours.tours import (
    check_amounts,
    check_matrix,
    check_reach,
    check_stopping,
    measure_tour,
    plan_tour,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sightgrid.patrol.tours.cycles import Cycle

_NEAR = 8  # neighbours to whose regions a stop may move
_ROUNDS = 40_000  # rounds of balancing unless told otherwise
_TOURS = 48  # tours that are compared
_TOUR_ROUNDS = 2  # rounds of the search a stop, for each of them but the first
_DUST = 1e-9  # relative rounding error of a sum of times
_STARTS = 4  # the tour is cut into regions in so many ways
_STAY_S = 60.0  # a unit that stays at its only stop is listed there once a minute


@dataclass(frozen=True, eq=False)
class RecurrentPlan:
    """Periodic routes and how long places wait under them.

    Attributes
    ----------
    cycles : tuple of Cycle
        One a region; every stop is on exactly one of them.
    stops : pandas.DataFrame
        Index stop (number): ``cycle`` (number), ``weight``, ``period_s`` (mean time between visits), ``mean_s``,
        ``quadratic_mean_s`` and ``worst_s`` idleness.
    worst_s, mean_s, quadratic_mean_s : float
        Idleness over all stops; the means weigh stops by their weight.
    weighted_worst_s : float
        The largest product of weight and worst idleness: what was made small.
    strategies : dict of int to float
        Weighted worst idleness found for each number of regions; 1 is a common cycle.
    spare_units : int
        Units with nothing to do, because there is one at every stop already.
    """

    cycles: tuple[Cycle, ...]
    stops: pd.DataFrame
    worst_s: float
    mean_s: float
    quadratic_mean_s: float
    weighted_worst_s: float
    strategies: dict[int, float]
    spare_units: int

    def list_visits(self, *, until_s: float) -> pd.DataFrame:
        """List all visits from the start until a time, all units being in their places at the start.

        Parameters
        ----------
        until_s : float
            End in s.

        Returns
        -------
        pandas.DataFrame
            ``unit_id`` ("1", "2", …), ``stop_id`` (number of the stop), ``arrive_at`` in s; in order of time.
        """
        unit, parts = 0, []
        for cycle in self.cycles:
            for follower in range(cycle.units):
                unit += 1
                period_s = cycle.period_s or _STAY_S
                begin_s = follower * cycle.period_s / cycle.units - cycle.period_s
                rounds = np.arange(int(np.ceil(until_s / period_s)) + 2) * period_s + begin_s
                at = (rounds[:, None] + cycle.arrive_s).ravel()
                stop = np.tile(cycle.stops, len(rounds))
                shown = (at >= 0.0) & (at <= until_s)
                parts.append(pd.DataFrame({"unit_id": str(unit), "stop_id": stop[shown], "arrive_at": at[shown]}))
        return pd.concat(parts).sort_values(["arrive_at", "unit_id"], ignore_index=True)


def plan_recurrent(
    seconds_matrix: ArrayLike,
    *,
    units: int,
    weights: ArrayLike = 1.0,
    dwell_s: ArrayLike = 0.0,
    seed: int = 0,
    rounds: int | None = None,
) -> RecurrentPlan:
    """Plan periodic routes that keep the worst weighted idleness small.

    For every number of regions that divides the units evenly, from one common cycle to a region for each unit, stops
    are dealt out to regions of equal value (heaviest weight times length of the tour), each region gets a short
    tour, and its units drive it equally spaced. The best of them is kept; of equals the one with the lesser mean.

    Parameters
    ----------
    seconds_matrix : array_like of float, shape (n, n)
        Travel time from row to column in s, by the shortest way; need not be symmetric. A stop on the shortest way
        between two others is passed, and so visited, unless time is spent there.
    units : int
        Units, all of the same speed.
    weights : float or array_like of float
        Of the stops, >= 0: a stop of weight 2 may wait half as long as one of weight 1.
    dwell_s : float or array_like of float
        Time spent at each visit in s.
    seed : int
        Of the random choices; the same seed and rounds give the same plan.
    rounds : int, optional
        Rounds of balancing the regions, 40 000 if not given.

    Returns
    -------
    RecurrentPlan

    Raises
    ------
    InputError
        If times, weights or dwell times are not numbers of at least 0.
    InfeasibleError
        If a stop cannot be reached from another.
    UnitRangeError
        If there is no unit.

    Examples
    --------
    >>> import numpy as np
    >>> place = np.array([0.0, 10.0, 1000.0, 1010.0])
    >>> plan = plan_recurrent(abs(place[:, None] - place), units=2)
    >>> plan.worst_s, plan.mean_s, plan.strategies
    (20.0, 10.0, {1: 1010.0, 2: 20.0})
    """
    cost = check_matrix(seconds_matrix)
    check_reach(cost)
    check_stopping(rounds, 0.0)
    n = len(cost)
    weight, dwell = check_amounts(weights, "weights", n), check_amounts(dwell_s, "dwell_s", n)
    if units < 1:
        raise UnitRangeError(f"units: {units} is below 1")
    cost += dwell[:, None]
    np.fill_diagonal(cost, 0.0)
    busy = min(units, n)
    tours = _list_tours(cost, seed)
    ratings: dict[int, tuple[float, float]] = {}
    found: dict[int, tuple[Cycle, ...]] = {}
    for regions in [number for number in range(1, busy + 1) if busy % number == 0]:
        if regions == 1:
            options = [[tour] for tour in tours]
        else:
            options = [_balance(tours[0], cost, weight, regions, seed, rounds)]
        for parts in options:
            planned = [plan_cycle(part, cost, weight, busy // regions) for part in parts]
            rating = max(worst for _, (worst, _) in planned), sum(mean for _, (_, mean) in planned)
            if regions not in found or is_better(rating, ratings[regions]):
                ratings[regions], found[regions] = rating, tuple(cycle for cycle, _ in planned)
    best = 1
    for regions in found:
        if is_better(ratings[regions], ratings[best]):
            best = regions
    worst = {regions: rating[0] for regions, rating in ratings.items()}
    return _measure(found[best], weight, worst, units - busy)


def _list_tours(cost: NDArray[np.float64], seed: int) -> list[NDArray[np.int64]]:
    """Find the shortest tour and others as short: the mean depends on which stops they pass twice, and when."""
    tours = [plan_tour(cost, seed=seed)]
    limit_s = measure_tour(tours[0], cost) * (1.0 + _DUST)
    for number in range(1, _TOURS):
        tour = plan_tour(cost, seed=seed + number, rounds=_TOUR_ROUNDS * len(cost))
        length_s = measure_tour(tour, cost)
        if length_s < limit_s * (1.0 - 2.0 * _DUST):
            tours, limit_s = [tour], length_s * (1.0 + _DUST)
        elif length_s <= limit_s:
            tours.append(tour)
    return tours


def _balance(
    tour: NDArray[np.int64],
    cost: NDArray[np.float64],
    weight: NDArray[np.float64],
    regions: int,
    seed: int,
    rounds: int | None,
) -> list[NDArray[np.int64]]:
    """Deal stops out to regions; each as a tour."""
    n = len(tour)
    if regions == n:
        return [tour[i : i + 1] for i in range(n)]
    from sightgrid.patrol.tours import region_search  # noqa: PLC0415  (numba loads with the first plan)

    away = cost + cost.T
    np.fill_diagonal(away, np.inf)
    near = np.ascontiguousarray(np.argsort(away, axis=1, kind="stable")[:, : min(_NEAR, n - 1)])
    pull = weight if weight.any() else np.ones(n)
    eps = 1e-9 * max(float(cost.max()), 1e-9)
    counters = np.array([seed + 1])
    each = (_ROUNDS if rounds is None else rounds) // _STARTS
    least, found = np.inf, _cut(tour, cost, regions)
    for start in range(_STARTS):
        state = _cut(np.roll(tour, -(start * n) // (_STARTS * regions)), cost, regions)
        best = tuple(part.copy() for part in state)
        value = region_search.balance(cost, near, pull, state, best, counters, each, eps)
        if value < least:
            least, found = value, best
    parts = []
    for row, size in zip(found[0], found[1], strict=True):
        part = np.sort(row[: size - 1])
        parts.append(part[plan_tour(cost[np.ix_(part, part)], seed=seed)])
    return parts


def _cut(tour: NDArray[np.int64], cost: NDArray[np.float64], regions: int) -> tuple[NDArray[Any], ...]:
    """Cut a tour into pieces of about equal length, none of them empty; the state of the search for regions."""
    n = len(tour)
    along = np.concatenate([[0.0], np.cumsum(cost[tour[:-1], tour[1:]])])
    number = np.arange(1, regions)
    cuts = np.searchsorted(along, number * along[-1] / regions)
    cuts = np.maximum.accumulate(np.maximum(cuts - number, 0)) + number
    cuts = np.minimum(cuts, n - regions + number)
    routes, sizes = np.zeros((regions, n + 2), np.int64), np.zeros(regions, np.int64)
    times, region = np.zeros(regions), np.zeros(n, np.int64)
    for u, part in enumerate(np.split(tour, cuts)):
        routes[u, : len(part) + 1] = np.append(part, part[0])
        sizes[u], region[part], times[u] = len(part) + 1, u, measure_tour(part, cost)
    return routes, sizes, times, region, np.empty(0), np.empty(0, np.int64), np.empty(0, np.int64)


def _measure(
    cycles: tuple[Cycle, ...], weight: NDArray[np.float64], strategies: dict[int, float], spare_units: int
) -> RecurrentPlan:
    """Idleness of every stop in closed form: a gap g adds g^2 / 2 to its sum over time, g^3 / 3 to that of squares."""
    rows = {}
    for number, cycle in enumerate(cycles):
        for stop in np.unique(cycle.stops):
            gaps = cycle.list_gaps(int(stop))
            span_s = gaps.sum()
            rows[int(stop)] = {
                "cycle": number,
                "weight": weight[stop],
                "period_s": gaps.mean(),
                "mean_s": (gaps**2).sum() / (2.0 * span_s) if span_s else 0.0,
                "quadratic_mean_s": np.sqrt((gaps**3).sum() / (3.0 * span_s)) if span_s else 0.0,
                "worst_s": gaps.max(),
            }
    table = pd.DataFrame.from_dict(rows, orient="index").sort_index().rename_axis("stop")
    share = weight / weight.sum() if weight.any() else np.full(len(weight), 1.0 / len(weight))
    return RecurrentPlan(
        cycles=cycles,
        stops=table,
        worst_s=float(table["worst_s"].max()),
        mean_s=float((share * table["mean_s"]).sum()),
        quadratic_mean_s=float(np.sqrt((share * table["quadratic_mean_s"] ** 2).sum())),
        weighted_worst_s=float((weight * table["worst_s"]).max()),
        strategies=strategies,
        spare_units=spare_units,
    )
