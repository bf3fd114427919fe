"""Dominance: points that are seen whenever another one is, candidates that see no more than a cheaper one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_CHUNK = 256


@njit(cache=True, nogil=True)
def _holds(items, begin, end, item):
    """Whether a sorted stretch holds an item."""
    while begin < end:
        middle = (begin + end) >> 1
        if items[middle] < item:
            begin = middle + 1
        else:
            end = middle
    return begin


@njit(cache=True, nogil=True)
def _find_subsets(todo, start, items, back_start, back_items, rank, family, alive, drop_subset):
    """Look for pairs of sets, one inside the other, and strike the smaller (or the larger) one.

    A set that holds another one holds its rarest item, so only the sets around that item are compared.
    A set may only be struck in favour of one of its own family, or of family -1, whose rank is not higher.
    """
    for a in todo:
        first, last = start[a], start[a + 1]
        if not alive[a] or first == last:
            continue
        rarest = items[first]
        for p in range(first, last):
            b = items[p]
            if back_start[b + 1] - back_start[b] < back_start[rarest + 1] - back_start[rarest]:
                rarest = b
        hard = first  # the item that the last comparison missed is tried first: it is often missing again
        for p in range(back_start[rarest], back_start[rarest + 1]):
            b = back_items[p]
            if b == a or not alive[b] or start[b + 1] - start[b] < last - first:
                continue
            keep, strike = (b, a) if drop_subset else (a, b)
            if rank[keep] > rank[strike] or (family[keep] != -1 and family[keep] != family[strike]):
                continue
            inside = True
            for k in range(-1, last - first):
                at = hard if k < 0 else first + k
                q = _holds(items, start[b], start[b + 1], items[at])
                if q == start[b + 1] or items[q] != items[at]:
                    inside, hard = False, at
                    break
            if inside:
                alive[strike] = False
                if drop_subset:
                    break


def strike_dominated(
    start: NDArray[np.int64],
    items: NDArray[np.int32],
    back_start: NDArray[np.int64],
    back_items: NDArray[np.int32],
    *,
    rank: NDArray[np.float64],
    family: NDArray[np.int64],
    drop_subset: bool,
    seconds: float,
    stopped: Callable[[], bool] = lambda: False,
) -> NDArray[np.bool_]:
    """Which sets stay when those are struck that another one makes superfluous.

    Parameters
    ----------
    start, items : ndarray
        The sets, as the rows of a compressed sparse matrix with sorted indices.
    back_start, back_items : ndarray
        The sets around each item: the transposed matrix.
    rank : ndarray, one per set
        A set is only struck in favour of one of the same rank or a lower one.
    family : ndarray of int, one per set
        A set is only struck in favour of one of the same family, or of one of family -1.
    drop_subset : bool
        Strike sets inside another one (candidates), or sets around another one (points).
    seconds : float
        Time limit; pairs not compared by then stay.
    stopped : callable
        Asked between chunks.

    Returns
    -------
    ndarray of bool
        True for the sets that stay.
    """
    size = np.diff(start)
    alive = np.ones(len(size), np.bool_)
    order = np.argsort(size, kind="stable")
    begin = time.monotonic()
    for at in range(0, len(order), _CHUNK):
        if time.monotonic() - begin > seconds or stopped():
            break
        chunk = order[at : at + _CHUNK]
        _find_subsets(chunk, start, items, back_start, back_items, rank, family, alive, drop_subset)
    return alive
