"""Local search for the best plan under a limit: swap one camera for another, then wander with a tabu list.

The gain of every candidate that is out and the loss of every one that is in are kept up to date with each move, so a
swap costs as much as the points it changes and one look at all candidates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sightgrid.coverage.covering.instance import Instance

_SIZE, _CLOCK, _RANDOM, _BEST_SIZE, _IDLE = range(5)
_VALUE, _SPENT, _BEST = range(3)
_SLACK = 1e-9
# Share of what a point is worth that its views before the last needed one are given while searching; nothing of it
# counts in the end.
_HOPE = 0.1
# Rounds without a better plan before the search goes back to the best one, shaken.
_PATIENCE = 400


@njit(cache=True, nogil=True)
def _worth(k, r, need, early, last, second):
    """What view number k + 1 of a point is worth to the search."""
    if k + 1 < need[r]:
        return early[r]
    if k + 1 == need[r]:
        return last[r]
    return second[r] if k == need[r] else 0.0


@njit(cache=True, nogil=True)
def _move(j, add, matrix, points, search):
    """Add a candidate or remove it."""
    row_start, row_cols, col_start, col_rows = matrix
    need, first, second, early, last, cost, group = points
    views, sole, score, chosen, members, place, holder, _, _, ints, floats = search
    sign = 1 if add else -1
    own = score[j]
    chosen[j] = add
    for p in range(col_start[j], col_start[j + 1]):
        r = col_rows[p]
        before = views[r]
        views[r] = before + sign
        sole[r] ^= j
        k = before if add else before - 1  # views of the point without this candidate
        if k + 1 == need[r]:
            floats[_VALUE] += sign * first[r]
        elif k == need[r]:
            floats[_VALUE] += sign * second[r]
        here = _worth(k, r, need, early, last, second)
        outside = sign * (_worth(k + 1, r, need, early, last, second) - here)
        inside = sign * (here - _worth(k - 1, r, need, early, last, second)) if k > 0 else 0.0
        if outside != 0.0:
            for q in range(row_start[r], row_start[r + 1]):
                i = row_cols[q]
                if chosen[i]:
                    score[i] += inside
                else:
                    score[i] += outside
        elif inside != 0.0:
            if k == 1:  # exactly one other camera sees it
                score[sole[r] ^ j if add else sole[r]] += inside
            else:
                for q in range(row_start[r], row_start[r + 1]):
                    i = row_cols[q]
                    if chosen[i]:
                        score[i] += inside
    score[j] = own
    floats[_SPENT] += sign * cost[j]
    if group[j] >= 0:
        holder[group[j]] = j if add else -1
    if add:
        members[ints[_SIZE]] = j
        place[j] = ints[_SIZE]
        ints[_SIZE] += 1
    else:
        ints[_SIZE] -= 1
        moved = members[ints[_SIZE]]
        members[place[j]] = moved
        place[moved] = place[j]


@njit(cache=True, nogil=True)
def _draw(ints, below):
    """A whole number from 0 to below, from a linear congruence of our own."""
    ints[_RANDOM] = ints[_RANDOM] * 6364136223846793005 + 1442695040888963407
    return ((ints[_RANDOM] >> 33) & 0x7FFFFFFF) % below


@njit(cache=True, nogil=True)
def _best_out(points, search, price, by_price, count, budget, now):
    """The candidate outside that gains most within the limits; -1 if none gains anything."""
    cost, group = points[5], points[6]
    score, chosen, holder, tabu, ints, floats = search[2], search[3], search[6], search[7], search[9], search[10]
    found, most = -1, 0.0
    if ints[_SIZE] >= count:
        return found
    left = budget - floats[_SPENT] + _SLACK
    for j in range(len(cost)):
        gain = score[j] / price[j] if by_price else score[j]
        if gain <= most or chosen[j] or cost[j] > left or tabu[j] > now:
            continue
        if group[j] >= 0 and holder[group[j]] >= 0:
            continue
        found, most = j, gain
    return found


@njit(cache=True, nogil=True)
def _keep_best(search, scale):
    members, best, ints, floats = search[4], search[8], search[9], search[10]
    if floats[_VALUE] > floats[_BEST] + _SLACK * scale:
        floats[_BEST] = floats[_VALUE]
        ints[_BEST_SIZE] = ints[_SIZE]
        best[: ints[_SIZE]] = members[: ints[_SIZE]]
        ints[_IDLE] = 0
        return True
    return False


@njit(cache=True, nogil=True)
def _swap(matrix, points, search, price, count, budget, scale, from_member):
    """Try each camera in turn: out with it, in with the best in its place. Returns whether one swap helped."""
    members, ints, floats = search[4], search[9], search[10]
    order = members[: ints[_SIZE]].copy()
    for i in range(len(order)):
        j = order[(i + from_member) % len(order)]
        value = floats[_VALUE]
        _move(j, False, matrix, points, search)
        added, size = np.empty(8, np.int64), 0
        while size < 8:
            k = _best_out(points, search, price, False, count, budget, -1)
            if k < 0:
                break
            _move(k, True, matrix, points, search)
            added[size] = k
            size += 1
        if floats[_VALUE] > value + _SLACK * scale:
            return True
        for k in range(size - 1, -1, -1):
            _move(added[k], False, matrix, points, search)
        _move(j, True, matrix, points, search)
    return False


@njit(cache=True, nogil=True)
def _wander(matrix, points, search, price, priced, count, budget, scale, rounds, goal):
    """Some rounds of tabu search. Returns the rounds done."""
    score, members, tabu, best, ints, floats = search[2], search[4], search[7], search[8], search[9], search[10]
    for done in range(rounds):
        if floats[_BEST] >= goal - _SLACK * scale:
            return done
        ints[_CLOCK] += 1
        ints[_IDLE] += 1
        now = ints[_CLOCK]
        leave = 1
        if ints[_IDLE] >= _PATIENCE:  # back to the best plan, less a part of it
            ints[_IDLE] = 0
            while ints[_SIZE] > 0:
                _move(members[ints[_SIZE] - 1], False, matrix, points, search)
            for i in range(ints[_BEST_SIZE]):
                _move(best[i], True, matrix, points, search)
            leave = 1 + _draw(ints, 1 + ints[_SIZE] // 3)
        for _ in range(min(leave, ints[_SIZE])):
            out, least = -1, np.inf
            if leave > 1 or _draw(ints, 20) == 0:
                out = members[_draw(ints, ints[_SIZE])]
            else:
                for m in range(ints[_SIZE]):
                    j = members[m]
                    loss = score[j] / price[j] if priced else score[j]
                    if loss < least and tabu[j] <= now:
                        out, least = j, loss
            if out < 0:
                out = members[_draw(ints, ints[_SIZE])]
            _move(out, False, matrix, points, search)
            tabu[out] = now + 3 + _draw(ints, 8 + ints[_SIZE] // 4)
        by_price = priced and _draw(ints, 2) == 0
        while True:
            k = _best_out(points, search, price, by_price, count, budget, now)
            if k < 0:
                break
            _move(k, True, matrix, points, search)
            tabu[k] = now + 1 + _draw(ints, 1 + ints[_SIZE] // 4)
        if _keep_best(search, scale):
            while _swap(matrix, points, search, price, count, budget, scale, _draw(ints, ints[_SIZE])):
                _keep_best(search, scale)
    return rounds


class PlanSearch:
    """A search for the plan of most worth within a number of cameras and a budget.

    Parameters
    ----------
    instance : Instance
    count : int
        Largest number of cameras.
    budget : float
        Largest total cost, may be infinite.
    first : ndarray of float
        Worth of the points, where it is not the instance's own.
    seed : int
        Of the random choices.

    Attributes
    ----------
    best : ndarray of int
        Numbers of the candidates of the best plan so far.
    value : float
        What it is worth.
    rounds : int
        Rounds done.
    """

    def __init__(
        self, instance: Instance, *, count: int, budget: float, first: NDArray[np.float64], seed: int = 0
    ) -> None:
        points, n = instance.shape
        self.rounds, self._count, self._budget = 0, min(count, n), float(budget)
        self._priced = np.isfinite(budget) and bool(np.ptp(instance.cost) > 0)
        self._price, self._scale = instance.price, float(first.sum()) + 1e-300
        early = np.where(instance.need > 1, _HOPE * first / instance.need, 0.0)
        last = first - early * (instance.need - 1)
        self._matrix = instance.matrix
        self._points = (instance.need, first, instance.second, early, last, instance.cost, instance.group)
        at_first = np.where(instance.need > 1, early, last)
        ints = np.zeros(5, np.int64)
        ints[_RANDOM] = np.random.default_rng(seed).integers(1 << 62)
        self._search = (
            np.zeros(points, np.int64), np.zeros(points, np.int64), instance.sees.T.astype(np.float64) @ at_first,
            np.zeros(n, np.bool_), np.zeros(n, np.int64), np.zeros(n, np.int64),
            np.full(int(instance.group.max(initial=-1)) + 1, -1, np.int64), np.zeros(n, np.int64),
            np.zeros(n, np.int64), ints, np.zeros(3),
        )  # fmt: skip

    @property
    def best(self) -> NDArray[np.int64]:  # noqa: D102
        return self._search[8][: self._search[9][_BEST_SIZE]].copy()

    @property
    def value(self) -> float:  # noqa: D102
        return float(self._search[10][_BEST])

    def start(self, chosen: NDArray[np.int64]) -> None:
        """Begin at a plan within the limits."""
        for j in chosen:
            _move(int(j), True, self._matrix, self._points, self._search)
        _keep_best(self._search, self._scale)

    def improve(self) -> bool:
        """Swap once for a better plan; False where no swap is left that helps."""
        helped = bool(
            _swap(self._matrix, self._points, self._search, self._price, self._count, self._budget, self._scale, 0)
        )
        _keep_best(self._search, self._scale)
        return helped

    def run(self, rounds: int, *, goal: float = np.inf) -> bool:
        """Search on for some rounds, or until a plan is worth the goal; whether a better one was found."""
        before = self.value
        self.rounds += _wander(
            self._matrix, self._points, self._search, self._price, self._priced, self._count, self._budget,
            self._scale, rounds, goal,
        )  # fmt: skip
        return self.value > before
