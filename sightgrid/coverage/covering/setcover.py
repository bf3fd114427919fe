"""Local search for the least costly cover: remove cameras, repair at random, and learn which points are hard.

Every point carries a weight that grows while the point stays unseen, so that the search is drawn to what is hard to see
(row weighting, after Gao et al., "An efficient local search heuristic with row weighting for the unicost set covering
problem", EJOR 2015). Here it also takes costs, several views of a point, and at most one candidate of a group.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sightgrid.coverage.covering.instance import Instance

# Places in the vector of counters that the kernel keeps between calls.
_SIZE, _UNSEEN, _CLOCK, _SINCE, _RANDOM, _BEST_SIZE = range(6)
_SLACK = 1e-9


@njit(cache=True, nogil=True)
def _flip(j, add, row_start, row_cols, col_start, col_rows, need, state, views, weight, score, chosen, sole):
    """Add a candidate or remove it, and keep what every other candidate would gain or lose."""
    members, place, unseen, where, seen_at, flipped_at, counters = state
    counters[_CLOCK] += 1
    clock = counters[_CLOCK]
    sign = 1 if add else -1
    chosen[j] = add
    own = score[j]
    for p in range(col_start[j], col_start[j + 1]):
        r = col_rows[p]
        before = views[r]
        after = before + sign
        views[r] = after
        sole[r] ^= j
        seen_at[r] = clock
        least = min(before, after)
        w = weight[r]
        if least == need[r] - 1:  # the point becomes seen, or unseen
            for q in range(row_start[r], row_start[r + 1]):
                k = row_cols[q]
                if not chosen[k]:
                    score[k] -= sign * w
            if add:
                last = counters[_UNSEEN] - 1
                moved = unseen[last]
                unseen[where[r]] = moved
                where[moved] = where[r]
                counters[_UNSEEN] = last
            else:
                unseen[counters[_UNSEEN]] = r
                where[r] = counters[_UNSEEN]
                counters[_UNSEEN] += 1
        elif least == need[r]:  # its last views become spare, or needed
            if least == 1:
                k = sole[r] if not add else sole[r] ^ j
                score[k] -= sign * w
            else:
                for q in range(row_start[r], row_start[r + 1]):
                    k = row_cols[q]
                    if chosen[k] and k != j:
                        score[k] -= sign * w
    score[j] = own  # what it gained is what it would lose again
    flipped_at[j] = clock
    if add:
        members[counters[_SIZE]] = j
        place[j] = counters[_SIZE]
        counters[_SIZE] += 1
    else:
        counters[_SIZE] -= 1
        moved = members[counters[_SIZE]]
        members[place[j]] = moved
        place[moved] = place[j]


@njit(cache=True, nogil=True)
def _cheapest(members, size, score, price, flipped_at, tabu_since):
    """The chosen candidate that would be missed least, the longest unmoved among equals; -1 if all are tabu."""
    found, least, oldest = -1, np.inf, 0
    for i in range(size):
        j = members[i]
        if flipped_at[j] > tabu_since:
            continue
        loss = score[j] / price[j]
        if loss < least or (loss == least and flipped_at[j] < oldest):
            found, least, oldest = j, loss, flipped_at[j]
    return found


@njit(cache=True, nogil=True)
def _best_for(r, row_start, row_cols, col_start, col_rows, score, price, chosen, group, holder, seen_at, flipped_at):
    """The candidate that sees point r and helps most; if possible one around which something moved since it left."""
    found, most, oldest = -1, -np.inf, 0
    longest_gone = -1  # where nothing moved around any of them: a point with a single candidate, for example
    for q in range(row_start[r], row_start[r + 1]):
        j = row_cols[q]
        if chosen[j]:
            continue
        if longest_gone < 0 or flipped_at[j] < flipped_at[longest_gone]:
            longest_gone = j
        gain = score[j]
        if group[j] >= 0 and holder[group[j]] >= 0:
            gain -= score[holder[group[j]]]
        gain /= price[j]
        if gain < most or (gain == most and flipped_at[j] >= oldest):
            continue
        if flipped_at[j] > 0:
            free = False
            for p in range(col_start[j], col_start[j + 1]):
                if seen_at[col_rows[p]] > flipped_at[j]:
                    free = True
                    break
            if not free:
                continue
        found, most, oldest = j, gain, flipped_at[j]
    return found if found >= 0 else longest_gone


@njit(cache=True, nogil=True)
def _search(
    matrix, need, cost, price, group, holder, state, views, weight, score, chosen, sole, best, spent, rounds, goal
):
    """Some rounds of the search; ``spent`` holds the cost of now and of the best cover. Returns the rounds done."""
    row_start, row_cols, col_start, col_rows = matrix
    members, _, unseen, _, seen_at, flipped_at, counters = state
    for done in range(rounds):
        while counters[_UNSEEN] == 0:
            if spent[0] < spent[1] - _SLACK:
                spent[1] = spent[0]
                counters[_BEST_SIZE] = counters[_SIZE]
                best[: counters[_SIZE]] = members[: counters[_SIZE]]
                if spent[1] <= goal + _SLACK:
                    return done
            if counters[_SIZE] == 0:
                return done
            j = _cheapest(members, counters[_SIZE], score, price, flipped_at, counters[_CLOCK])
            spent[0] -= cost[j]
            if group[j] >= 0:
                holder[group[j]] = -1
            _flip(j, False, row_start, row_cols, col_start, col_rows, need, state, views, weight, score, chosen, sole)
        j = _cheapest(members, counters[_SIZE], score, price, flipped_at, counters[_SINCE])
        if j >= 0:
            spent[0] -= cost[j]
            if group[j] >= 0:
                holder[group[j]] = -1
            _flip(j, False, row_start, row_cols, col_start, col_rows, need, state, views, weight, score, chosen, sole)
        counters[_SINCE] = counters[_CLOCK]
        repairs = 0
        while counters[_UNSEEN] > 0 and repairs < 1000:
            repairs += 1
            # Our own draws (a linear congruence): the same on every machine and untouched by others'.
            counters[_RANDOM] = counters[_RANDOM] * 6364136223846793005 + 1442695040888963407
            r = unseen[((counters[_RANDOM] >> 33) & 0x7FFFFFFF) % counters[_UNSEEN]]
            j = _best_for(
                r, row_start, row_cols, col_start, col_rows, score, price, chosen, group, holder, seen_at, flipped_at
            )
            if j < 0:
                break
            mate = holder[group[j]] if group[j] >= 0 else -1
            after = spent[0] + cost[j] - (cost[mate] if mate >= 0 else 0.0)
            if after >= spent[1] - _SLACK:
                break
            if mate >= 0:
                _flip(
                    mate,
                    False,
                    row_start,
                    row_cols,
                    col_start,
                    col_rows,
                    need,
                    state,
                    views,
                    weight,
                    score,
                    chosen,
                    sole,
                )
            if group[j] >= 0:
                holder[group[j]] = j
            spent[0] = after
            _flip(j, True, row_start, row_cols, col_start, col_rows, need, state, views, weight, score, chosen, sole)
            for i in range(counters[_UNSEEN]):
                u = unseen[i]
                weight[u] += 1
                for q in range(row_start[u], row_start[u + 1]):
                    score[row_cols[q]] += 1
    return rounds


class CoverSearch:
    """A search for the least costly set of candidates that sees every point as often as it needs.

    Parameters
    ----------
    instance : Instance
        Points and candidates left after reduction.
    seed : int
        Of the random choices.

    Attributes
    ----------
    best : ndarray of int
        Candidates of the best cover so far; empty before the first.
    cost : float
        Its cost; infinite before the first.
    rounds : int
        Rounds done.
    """

    def __init__(self, instance: Instance, *, seed: int = 0) -> None:
        n_points, n_candidates = instance.shape
        self._instance, self.rounds = instance, 0
        self._views = np.zeros(n_points, np.int64)
        self._weight = np.ones(n_points, np.int64)
        self._score = np.diff(instance.matrix[2]).astype(np.int64)
        self._chosen = np.zeros(n_candidates, np.bool_)
        self._sole = np.zeros(n_points, np.int64)
        self._holder = np.full(int(instance.group.max(initial=-1)) + 1, -1, np.int64)
        self._best = np.zeros(n_candidates, np.int64)
        self._spent = np.array([0.0, np.inf])
        counters = np.zeros(6, np.int64)
        counters[_UNSEEN] = n_points
        counters[_RANDOM] = np.random.default_rng(seed).integers(1 << 62)
        self._state = (
            np.zeros(n_candidates, np.int64),
            np.zeros(n_candidates, np.int64),
            np.arange(n_points),
            np.arange(n_points),
            np.zeros(n_points, np.int64),
            np.zeros(n_candidates, np.int64),
            counters,
        )

    @property
    def best(self) -> NDArray[np.int64]:  # noqa: D102
        return self._best[: self._state[-1][_BEST_SIZE]].copy()

    @property
    def cost(self) -> float:  # noqa: D102
        return float(self._spent[1])

    def start(self, chosen: NDArray[np.int64]) -> None:
        """Begin at a set of candidates, such as the greedy one."""
        instance = self._instance
        for j in chosen:
            _flip(
                int(j), True, *instance.matrix, instance.need, self._state, self._views, self._weight, self._score,
                self._chosen, self._sole,
            )  # fmt: skip
            self._spent[0] += instance.cost[j]
            if instance.group[j] >= 0:
                self._holder[instance.group[j]] = j
        self._state[-1][_SINCE] = self._state[-1][_CLOCK]

    def run(self, rounds: int, *, goal: float = 0.0) -> bool:
        """Search on for some rounds, or until a cover costs no more than the goal; whether a better one was found."""
        before, instance = self.cost, self._instance
        self.rounds += _search(
            instance.matrix, instance.need, instance.cost, instance.price, instance.group, self._holder, self._state,
            self._views, self._weight, self._score, self._chosen, self._sole, self._best, self._spent, rounds, goal,
        )  # fmt: skip
        return self.cost < before
