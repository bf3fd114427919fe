"""Lazy greedy choice: the best candidate next, looking again only at those whose gain may still be the largest.

Gains only fall while candidates are added, so a gain from an earlier step is an upper bound: the largest one is
computed anew, and if it stays on top it is the best of all (Minoux 1978; "CELF", Leskovec et al. 2007).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sightgrid.coverage.covering.instance import Instance

_SLACK = 1e-9


@njit(cache=True, nogil=True)
def _sink(heap, key, size):
    """Move the top of the heap down to where it belongs; lower numbers first among equals."""
    at, item = 0, heap[0]
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        left = heap[child]
        if child + 1 < size:
            right = heap[child + 1]
            if key[right] > key[left] or (key[right] == key[left] and right < left):
                child, left = child + 1, right
        if key[left] < key[item] or (key[left] == key[item] and left > item):
            break
        heap[at] = left
        at = child
    heap[at] = item


@njit(cache=True, nogil=True)
def _choose(heap, col_start, col_rows, need, view, spare, cost, price, group, taken, count, budget):
    """Candidates in the order of choice: each view up to ``need`` is worth ``view``, the next one ``spare``."""
    n = len(cost)
    views, fresh = np.zeros(len(need), np.int64), np.full(n, -1)
    key, chosen = np.empty(n), np.empty(min(count, n), np.int64)
    size, done, spent = n, 0, 0.0
    for j in range(n):
        total = 0.0
        for p in range(col_start[j], col_start[j + 1]):
            total += view[col_rows[p]]
        key[j] = total / price[j]
        fresh[j] = 0
    order = np.argsort(-key, kind="mergesort")
    for i in range(n):
        heap[i] = order[i]
    while size > 0 and done < len(chosen):
        j = heap[0]
        if key[j] <= 0.0:
            break
        if spent + cost[j] > budget + _SLACK or (group[j] >= 0 and taken[group[j]]):
            size -= 1
            heap[0] = heap[size]
            _sink(heap, key, size)
            continue
        if fresh[j] < done:
            total = 0.0
            for p in range(col_start[j], col_start[j + 1]):
                r = col_rows[p]
                if views[r] < need[r]:
                    total += view[r]
                elif views[r] == need[r]:
                    total += spare[r]
            key[j], fresh[j] = total / price[j], done
            _sink(heap, key, size)
            continue
        chosen[done] = j
        done += 1
        spent += cost[j]
        if group[j] >= 0:
            taken[group[j]] = True
        for p in range(col_start[j], col_start[j + 1]):
            views[col_rows[p]] += 1
        size -= 1
        heap[0] = heap[size]
        _sink(heap, key, size)
    return chosen[:done]


def choose_greedily(
    instance: Instance,
    *,
    count: int | None = None,
    budget: float = np.inf,
    by_price: bool = False,
    seed: int | None = None,
    first: NDArray[np.float64] | None = None,
) -> NDArray[np.int64]:
    """Candidates in the order in which a greedy planner takes them, until nothing is gained or may be spent.

    A point that needs several views pays for each of them in equal parts, so that the gains never rise.

    Parameters
    ----------
    instance : Instance
    count : int, optional
        Largest number of candidates.
    budget : float
        Largest total cost.
    by_price : bool
        Compare gains per cost instead of gains.
    seed : int, optional
        Draws among candidates of equal gain; the first one wins if not given.
    first : ndarray of float, optional
        Worth of the points, instead of the instance's own.

    Returns
    -------
    ndarray of int
        Numbers in the instance.
    """
    n = instance.shape[1]
    if not n:
        return np.empty(0, np.int64)
    first = instance.first if first is None else first
    order = np.arange(n) if seed is None else np.random.default_rng(seed).permutation(n)
    _, _, col_start, col_rows = instance.matrix
    price = instance.price if by_price else np.ones(n)
    if seed is not None:
        shuffled = instance.sees[:, order]
        col_start, col_rows = shuffled.indptr.astype(np.int64), shuffled.indices.astype(np.int32)
    chosen = _choose(
        np.empty(n, np.int64), col_start, col_rows, instance.need, first / instance.need, instance.second,
        instance.cost[order], price[order], instance.group[order],
        np.zeros(int(instance.group.max(initial=-1)) + 1, np.bool_), n if count is None else count, float(budget),
    )  # fmt: skip
    return order[chosen]
