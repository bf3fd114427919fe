"""Orienteering: which places to visit, and in which order, when there is not time for all of them."""

from __future__ import annotations

import time
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sightgrid.errors import InfeasibleError, InputError, UnitRangeError
from sightgrid.patrol.tours.tours import check_amounts, check_matrix, check_stopping

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_SLICE = 50  # rounds between two looks at the clock
_ROUNDS = 10_000  # rounds unless told otherwise
_DUST = 1e-12  # relative rounding error that a sum of times may carry


@dataclass(frozen=True, eq=False)
class PrizeRoutes:
    """Routes that collect prizes within their time limits.

    Attributes
    ----------
    routes : tuple of ndarray of int
        One a unit: nodes in the order of travel, its start and end included.
    seconds : ndarray of float
        Time of each route: travel and dwell.
    prize : float
        Sum over the nodes that are visited, starts and ends included.
    left_out : ndarray of int
        Nodes that no route visits.
    """

    routes: tuple[NDArray[np.int64], ...]
    seconds: NDArray[np.float64]
    prize: float
    left_out: NDArray[np.int64]


def plan_orienteering(
    prizes: ArrayLike,
    seconds_matrix: ArrayLike,
    *,
    limit_s: ArrayLike,
    start: int | ArrayLike = 0,
    end: int | ArrayLike | None = None,
    dwell_s: ArrayLike = 0.0,
    seed: int = 0,
    rounds: int | None = None,
    stop_s: float = np.inf,
) -> PrizeRoutes:
    """Collect as much prize as one or more units can within their time (the team orienteering problem).

    A node is visited at most once, by one unit. The search is an iterated local search: insertion by prize per extra
    time, 2-opt, or-opt, exchange of visited and other nodes, and part of the route taken out and filled again.

    Parameters
    ----------
    prizes : array_like of float, shape (n,)
        Worth of a visit, >= 0; a node of prize 0 is not visited. What a start or end is worth counts in any case.
    seconds_matrix : array_like of float, shape (n, n)
        Travel time from row to column in s; need not be symmetric, infinite where there is no way.
    limit_s : float or array_like of float
        Time of each unit from start to end in s, travel and dwell; a list for several units.
    start, end : int or array_like of int
        Node where each unit starts and ends; the end is the start if not given.
    dwell_s : float or array_like of float, shape (n,)
        Time spent at each visited node in s; none is spent at starts and ends.
    seed : int
        Of the random choices; the same seed and rounds give the same routes.
    rounds : int, optional
        Rounds of the search, 10 000 if not given.
    stop_s : float
        The search ends after so many seconds even if rounds are left; the routes then depend on the machine.

    Returns
    -------
    PrizeRoutes

    Raises
    ------
    InputError
        If prizes, times or dwell times are negative or not numbers, or numbers of units differ.
    UnitRangeError
        If a start or end is no node, or a limit is negative.
    InfeasibleError
        If a unit cannot get from its start to its end within its limit.

    Examples
    --------
    >>> import numpy as np
    >>> place = np.array([0.0, 10.0, 20.0, 90.0])
    >>> found = plan_orienteering([0, 5, 5, 8], abs(place[:, None] - place), limit_s=100.0)
    >>> sorted(found.routes[0].tolist()), found.prize, found.left_out.tolist()
    ([0, 0, 1, 2], 10.0, [3])
    """
    from sightgrid.patrol.tours import prize_search  # noqa: PLC0415  (numba loads with the first plan, not with the package)

    cost = check_matrix(seconds_matrix)
    n = len(cost)
    worth, dwell = check_amounts(prizes, "prizes", n), check_amounts(dwell_s, "dwell_s", n)
    check_stopping(rounds, stop_s)
    starts, ends, limit = _read_units(start, end, limit_s, cost)
    fixed = np.union1d(starts, ends)
    dwell[fixed] = 0.0
    cost += dwell
    np.fill_diagonal(cost, 0.0)
    state = _start(starts, ends, cost, fixed)
    kept, best = deepcopy(state), deepcopy(state)
    finite = cost[np.isfinite(cost)]
    cost[~np.isfinite(cost)] = 1.0 + 4.0 * (limit.max() + finite.max())  # longer than any route may be
    counters = np.array([seed + 1, 0, 0])
    amounts = np.array([-1.0, np.inf, -1.0, np.inf, 1e-9 * max(float(finite.mean()), 1e-9)])
    slack = limit + _DUST * (limit + finite.max())
    left = 1 + (_ROUNDS if rounds is None else rounds)
    stop = time.monotonic() + stop_s
    while left > 0:
        prize_search.search(worth, cost, slack, state, kept, best, counters, amounts, min(left, _SLICE))
        left -= _SLICE
        if time.monotonic() >= stop:
            break
    routes = tuple(row[:size].copy() for row, size in zip(best[0], best[1], strict=True))
    visited = np.unique(np.concatenate(routes))
    return PrizeRoutes(
        routes=routes,
        seconds=np.array([cost[route[:-1], route[1:]].sum() for route in routes]),
        prize=float(worth[visited].sum()),
        left_out=np.setdiff1d(np.arange(n), visited),
    )


def _read_units(
    start: int | ArrayLike, end: int | ArrayLike | None, limit_s: ArrayLike, cost: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Start, end and limit of each unit; one value stands for all units."""
    end = start if end is None else end
    try:
        given = [np.atleast_1d(np.asarray(value, np.float64)) for value in (start, end, limit_s)]
        starts, ends, limit = np.broadcast_arrays(*given)
    except (TypeError, ValueError) as error:
        raise InputError("start, end, limit_s: one value, or as many numbers as units") from error
    n = len(cost)
    if starts.ndim != 1 or not len(starts):
        raise InputError("start, end, limit_s: one value, or as many numbers as units")
    for name, nodes in (("start", starts), ("end", ends)):
        bad = nodes[~((nodes >= 0) & (nodes < n) & (nodes == np.floor(nodes)))]
        if len(bad):
            raise UnitRangeError(f"{name}: nodes are numbered 0 to {n - 1} ({bad[0]:g} is not)")
    if not (np.isfinite(limit) & (limit >= 0.0)).all():
        raise UnitRangeError("limit_s: finite times >= 0 are needed")
    starts, ends = starts.astype(np.int64), ends.astype(np.int64)
    short = np.flatnonzero(cost[starts, ends] > limit)
    if len(short):
        unit = short[0]
        raise InfeasibleError(
            f"limit_s: {len(short)} of {len(limit)} units cannot get from start to end in time "
            f"(unit {unit}: {cost[starts[unit], ends[unit]]:g} s of {limit[unit]:g} s)"
        )
    return starts, ends, limit.copy()


def _start(
    starts: NDArray[np.int64], ends: NDArray[np.int64], cost: NDArray[np.float64], fixed: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.int64], NDArray[np.float64],
           NDArray[np.int64], NDArray[np.int64]]:  # fmt: skip
    """State of the search in which every unit goes straight from start to end."""
    n, units = len(cost), len(starts)
    routes = np.zeros((units, n + 2), np.int64)
    routes[:, 0], routes[:, 1] = starts, ends
    visitor = np.full(n, -1)
    visitor[fixed] = -2
    times = cost[starts, ends].copy()
    return routes, np.full(units, 2), times, visitor, np.full(n, np.inf), np.full(n, -1), np.full(n, -1)
