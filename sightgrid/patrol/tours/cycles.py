"""One cycle for a group of units: a tour, or for unequal weights a chain of tours that pass heavy stops more often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DEPTH = 4  # heavy stops are visited up to 2 ** 4 times as often as light ones
_DUST = 1e-9  # relative rounding error of a sum of times


@dataclass(frozen=True, eq=False)
class Cycle:
    """A closed route that one or more units drive again and again, equally spaced.

    Attributes
    ----------
    stops : ndarray of int
        Stops in order, those passed on the way included; a stop may stand there several times.
    arrive_s : ndarray of float
        Arrival at each after the first one, in s.
    period_s : float
        Time of one round; 0 where the units stay at a single stop.
    units : int
        Units on the cycle; each is ``period_s / units`` behind the one before.
    """

    stops: NDArray[np.int64]
    arrive_s: NDArray[np.float64]
    period_s: float
    units: int

    def list_gaps(self, stop: int) -> NDArray[np.float64]:
        """Times between visits to one of its stops, by whichever unit, over the time in which they repeat."""
        step_s = self.period_s / self.units
        if step_s <= 0.0:
            return np.zeros(1)
        at = np.sort(self.arrive_s[self.stops == stop] % step_s)
        return np.diff(np.append(at, at[0] + step_s))

    def rate(self, weights: NDArray[np.float64]) -> tuple[float, float]:
        """Worst product of weight and gap, and the sum over its stops of weight times mean idleness."""
        worst, total = 0.0, 0.0
        for stop in np.unique(self.stops):
            gaps = self.list_gaps(int(stop))
            if gaps[0] > 0.0 or len(gaps) > 1:
                worst = max(worst, float(weights[stop] * gaps.max()))
                total += float(weights[stop] * (gaps**2).sum() / (2.0 * gaps.sum()))
        return worst, total


def close_cycle(stops: NDArray[np.int64], cost: NDArray[np.float64], units: int) -> Cycle:
    """Drive stops in their order and back to the first; ``cost`` is travel plus the dwell before it."""
    stops = stops[np.append(True, stops[1:] != stops[:-1])]
    if len(stops) > 1 and stops[-1] == stops[0]:
        stops = stops[:-1]
    if len(stops) == 1:
        return Cycle(stops, np.zeros(1), 0.0, units)
    stops = _pass_stops(stops, cost)
    arrive_s = np.concatenate([[0.0], np.cumsum(cost[stops, np.roll(stops, -1)])])
    return Cycle(stops, arrive_s[:-1], float(arrive_s[-1]), units)


def plan_cycle(
    tour: NDArray[np.int64], cost: NDArray[np.float64], weights: NDArray[np.float64], units: int
) -> tuple[Cycle, tuple[float, float]]:
    """Choose how often a cycle passes each stop, and rate it.

    Stops that weigh half as much may wait twice as long. With depth d the cycle is a chain of 2 ** d rounds: the
    heaviest stops are on each of them, those of half the weight on every second one, and so on (powers of two as in
    Alamdari, Fata and Smith, "Persistent monitoring in discrete environments: minimizing the maximum weighted latency
    between observations", IJRR 2014). Every round keeps the order of the tour. The depth with the least worst wins.

    Parameters
    ----------
    tour : ndarray of int
        All stops of the group in the order of a short tour.
    cost : ndarray of float
        Travel plus the dwell before it, in s, between all stops.
    weights : ndarray of float
        Of all stops.
    units : int
        Units on the cycle.
    """
    best = close_cycle(tour, cost, units)
    least = best.rate(weights)
    heaviest = weights[tour].max()
    if heaviest <= 0.0 or (weights[tour] == heaviest).all():
        return best, least
    with np.errstate(divide="ignore"):
        half = np.minimum(np.floor(np.log2(heaviest / weights[tour]) + _DUST), _DEPTH).astype(np.int64)
    for depth in range(1, int(half.max()) + 1):
        cycle = close_cycle(_chain_rounds(tour, np.minimum(half, depth), 2**depth), cost, units)
        rating = cycle.rate(weights)
        if is_better(rating, least):
            best, least = cycle, rating
    return best, least


def is_better(rating: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether the worst is less, or as good with a lesser mean."""
    margin = _DUST * other[0]
    return rating[0] < other[0] - margin or (rating[0] <= other[0] + margin and rating[1] < other[1])


def _pass_stops(stops: NDArray[np.int64], cost: NDArray[np.float64]) -> NDArray[np.int64]:
    """Name the stops that lie on a shortest way from one stop to the next: to pass one without a dwell is a visit."""
    margin = _DUST * float(cost[stops, np.roll(stops, -1)].max())
    chain: list[int] = []
    for at, goal in zip(stops.tolist(), np.roll(stops, -1).tolist(), strict=True):
        here = at
        while here != goal:
            chain.append(here)
            between = (cost[here] + cost[:, goal] <= cost[here, goal] + margin) & (cost[here] > margin)
            between &= cost[:, goal] > margin
            between[[here, goal]] = False
            passed = np.flatnonzero(between)
            here = int(passed[np.argmin(cost[here, passed])]) if len(passed) else goal
    return np.array(chain, np.int64)


def _chain_rounds(tour: NDArray[np.int64], half: NDArray[np.int64], rounds: int) -> NDArray[np.int64]:
    """Chain rounds in which a stop of class h stands in every (2 ** h)th; each class is dealt out by stretches."""
    turn = np.zeros(len(tour), np.int64)
    for level in np.unique(half):
        members = np.flatnonzero(half == level)
        turn[members] = np.arange(len(members)) * 2**level // len(members)
    return np.concatenate([tour[turn == number % 2**half] for number in range(rounds)])
