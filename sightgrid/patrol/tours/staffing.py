"""Staffing of recurrent patrols: how many units it takes so that no place waits longer than wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.cluster import hierarchy
from scipy.sparse import csgraph
from scipy.spatial.distance import squareform

from sightgrid.errors import UnitRangeError
from sightgrid.patrol.tours.recurrent import plan_recurrent
from sightgrid.patrol.tours.tours import check_amounts, check_matrix, check_reach

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sightgrid.patrol.tours.recurrent import RecurrentPlan

_DUST = 1e-9  # relative rounding error of a sum of times


@dataclass(frozen=True, eq=False)
class Staffing:
    """Units for a wanted gap.

    Attributes
    ----------
    units : int
        Smallest number for which a plan was found.
    lower_bound : int
        No fewer can do it, whatever their routes.
    basis : str
        What the bound rests on: ``"forest"``, ``"apart"`` or ``"visits"``.
    plan : RecurrentPlan
        The plan for ``units``.
    """

    units: int
    lower_bound: int
    basis: str
    plan: RecurrentPlan


def count_units(
    seconds_matrix: ArrayLike,
    *,
    max_gap_s: float,
    weights: ArrayLike = 1.0,
    dwell_s: ArrayLike = 0.0,
    seed: int = 0,
    rounds: int | None = None,
) -> Staffing:
    """Find how few units keep every stop's gap within a limit, and how few are needed in any case.

    The units are searched for by halving between the bound and a number that surely does, so the answer is the smallest
    for which a plan was found; it is the smallest of all where it equals the bound. The bound is the largest of:

    - ``forest``: in any span as long as the gap every stop is reached; k units cover all stops with k paths, which are
      at least as long as the shortest forest of k trees that spans the stops (in the shorter direction of each pair);
    - ``apart``: stops that are further from each other than the gap, either way, need a unit each;
    - ``visits``: a visit takes at least the way from the nearest other stop and the dwell, or a unit that stays.

    Parameters
    ----------
    seconds_matrix : array_like of float, shape (n, n)
        Travel time from row to column in s; need not be symmetric.
    max_gap_s : float
        Longest time between two visits to a stop of weight 1, in s; one of weight w may wait ``max_gap_s / w``.
    weights, dwell_s, seed, rounds
        As in ``plan_recurrent``.

    Returns
    -------
    Staffing

    Raises
    ------
    InputError
        If times, weights or dwell times are not numbers of at least 0.
    InfeasibleError
        If a stop cannot be reached from another.
    UnitRangeError
        If the gap is not longer than 0.

    Examples
    --------
    >>> import numpy as np
    >>> place = np.array([0.0, 10.0, 1000.0, 1010.0])
    >>> found = count_units(abs(place[:, None] - place), max_gap_s=60.0)
    >>> found.units, found.lower_bound, found.plan.worst_s
    (2, 2, 20.0)
    """
    cost = check_matrix(seconds_matrix)
    check_reach(cost)
    n = len(cost)
    weight, dwell = check_amounts(weights, "weights", n), check_amounts(dwell_s, "dwell_s", n)
    if not (np.isfinite(max_gap_s) and max_gap_s > 0.0):
        raise UnitRangeError(f"max_gap_s: {max_gap_s} is not above 0")
    with np.errstate(divide="ignore"):
        gaps_s = max_gap_s / weight
    bounds = bound_units(cost, gaps_s, dwell)
    basis = max(bounds, key=bounds.__getitem__)
    allowed = max_gap_s * (1.0 + _DUST)
    plans: dict[int, RecurrentPlan] = {}

    def fits(units: int) -> bool:
        plans[units] = plan_recurrent(cost, units=units, weights=weight, dwell_s=dwell, seed=seed, rounds=rounds)
        return plans[units].weighted_worst_s <= allowed

    low = bounds[basis]
    if fits(low):
        return Staffing(low, low, basis, plans[low])
    # low is too few; k units on the common cycle wait a k-th of its time, and a unit at every stop is always enough
    high = min(n, max(low + 1, int(np.ceil(plans[low].strategies[1] * low / max_gap_s))))
    while not fits(high):
        high = min(n, high + 1)
    while high - low > 1:
        middle = (low + high) // 2
        if fits(middle):
            high = middle
        else:
            low = middle
    return Staffing(high, bounds[basis], basis, plans[high])


def bound_units(cost: NDArray[np.float64], gaps_s: NDArray[np.float64], dwell: NDArray[np.float64]) -> dict[str, int]:
    """Units without which the gaps cannot be kept, by what the bound rests on."""
    through = csgraph.shortest_path(np.where(cost > 0.0, cost, _tiny(cost)), method="FW")  # ways by other stops count
    nearer = np.minimum(through, through.T)
    np.fill_diagonal(nearer, 0.0)
    bounds = {"forest": 1, "apart": 1, "visits": 1}
    for gap_s in np.unique(gaps_s[np.isfinite(gaps_s)]):
        chosen = np.flatnonzero(gaps_s <= gap_s)
        bounds["forest"] = max(bounds["forest"], _bound_by_forest(nearer[np.ix_(chosen, chosen)], dwell[chosen], gap_s))
    bounds["apart"] = _bound_by_distance(nearer, gaps_s)
    away = through.copy()
    np.fill_diagonal(away, np.inf)
    if len(cost) > 1:
        timed = np.isfinite(gaps_s)
        share = np.minimum(1.0, (away.min(axis=0) + dwell)[timed] / gaps_s[timed])
        bounds["visits"] = max(1, int(np.ceil(share.sum() - _DUST * len(cost))))
    return bounds


def _tiny(cost: NDArray[np.float64]) -> float:
    """A time for pairs at the same place, because zeros are no edges to scipy; small enough to change no bound."""
    return 1e-15 * max(float(cost.max()), 1e-9)


def _bound_by_forest(nearer: NDArray[np.float64], dwell: NDArray[np.float64], gap_s: float) -> int:
    """Smallest k for which the shortest forest of k trees, and the dwell at all but k stops, take k gaps or less."""
    n = len(nearer)
    if n == 1:
        return 1
    # the heights of single linkage are the edges of the shortest spanning tree
    edges = np.sort(hierarchy.linkage(squareform(nearer, checks=False), "single")[:, 2])
    stays = np.sort(dwell)
    for units in range(1, n):
        if edges[: n - units].sum() + stays[: n - units].sum() <= units * gap_s * (1.0 + _DUST):
            return units
    return n


def _bound_by_distance(nearer: NDArray[np.float64], gaps_s: NDArray[np.float64]) -> int:
    """Stops picked one after another, each further from those before than the longer gap of the two."""
    picked: list[int] = []
    for stop in np.argsort(gaps_s, kind="stable"):
        if np.isfinite(gaps_s[stop]) and all(nearer[stop, other] > gaps_s[stop] * (1.0 + _DUST) for other in picked):
            picked.append(int(stop))
    return max(1, len(picked))
