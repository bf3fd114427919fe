"""Two routes exchange what comes after one of their edges each, compiled (the 2-opt* move)."""

from __future__ import annotations

import numpy as np
from numba import njit

from sightgrid.patrol.arcs.kernel import draw, price, renew

_BLINK = 0.1


@njit(cache=True, nogil=True)
def _join(r, i, q, j, problem, plan):
    """Cost of driving route r up to place i and then route q from place j on; either part may be empty."""
    ends, _, _, distance, depot, _ = problem
    order, length, _, _, ahead, behind, _, _ = plan
    if i < 0 and j >= length[q]:
        return 0.0
    if j >= length[q]:
        e = order[r, i]
        return min(ahead[r, i, 0] + distance[ends[e, 1], depot], ahead[r, i, 1] + distance[ends[e, 0], depot])
    f = order[q, j]
    best = np.inf
    for way in range(2):
        start = ends[f, way]
        if i < 0:
            there = distance[depot, start]
        else:
            e = order[r, i]
            there = min(ahead[r, i, 0] + distance[ends[e, 1], start], ahead[r, i, 1] + distance[ends[e, 0], start])
        best = min(best, there + behind[q, j, way])
    return best


@njit(cache=True, nogil=True)
def _load_before(r, i, problem, plan):
    """Demand of a route before place i."""
    total = 0.0
    for at in range(i):
        total += problem[2][plan[0][r, at]]
    return total


@njit(cache=True, nogil=True)
def best_tails(e, problem, plan, search, limit, ints):
    """The edge after which another route, and edge e its own, had best be cut; -1 if none fits.

    The edge found then follows e.
    """
    capacity = problem[5]
    _, _, load, cost, _, _, route, place = plan
    r, i = route[e], place[e]
    head = _load_before(r, i + 1, problem, plan)
    least, found = np.inf, -1
    for f in search[0][e]:
        q, j = route[f], place[f]
        if q == r or draw(ints) < _BLINK:
            continue
        one, other = _join(r, i, q, j, problem, plan), _join(q, j - 1, r, i + 1, problem, plan)
        rise = price(one, limit) + price(other, limit) - price(cost[r], limit) - price(cost[q], limit)
        if rise < least:
            before = _load_before(q, j, problem, plan)
            if head + load[q] - before <= capacity and before + load[r] - head <= capacity:
                least, found = rise, f
    return found


@njit(cache=True, nogil=True)
def exchange_tails(e, f, problem, plan):
    """Let edge f follow edge e, each with what comes after it, and what followed e go where f was."""
    order, length, load, _, _, _, route, place = plan
    r, i, q, j = route[e], place[e] + 1, route[f], place[f]
    head, before = _load_before(r, i, problem, plan), _load_before(q, j, problem, plan)
    load[r], load[q] = head + load[q] - before, before + load[r] - head
    first, second = order[r, i : length[r]].copy(), order[q, j : length[q]].copy()
    length[r], length[q] = i + len(second), j + len(first)
    order[r, i : length[r]] = second
    order[q, j : length[q]] = first
    for at in range(i, length[r]):
        route[order[r, at]], place[order[r, at]] = r, at
    for at in range(j, length[q]):
        route[order[q, at]], place[order[q, at]] = q, at
    renew(r, i, length[r], problem, plan)
    renew(q, j, length[q], problem, plan)
