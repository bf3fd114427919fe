"""Routes in compiled code: their cost with every edge served in its best direction, and where one more edge fits.

A route is an order of edges; the directions follow by dynamic programming over two states an edge. The cost up to
each edge and from each edge, for both of its directions, are kept, so that putting an edge into a route is priced in
constant time with all other directions free to turn (Vidal 2017, "Node, edge, arc routing and turn penalties:
multiple problems - one neighborhood extension", Operations Research 65).
"""

from __future__ import annotations

import numpy as np
from numba import njit

# Sharing out: a route beyond the limit costs this many times what is beyond it, so that the longest routes shrink.
STEEP = 8.0


@njit(cache=True, nogil=True)
def draw(ints):
    """A number from 0 to below 1, from a linear congruence of our own."""
    ints[0] = ints[0] * 6364136223846793005 + 1442695040888963407
    return ((ints[0] >> 33) & 0x7FFFFFFF) / 2147483648.0


@njit(cache=True, nogil=True)
def price(cost, limit):
    """What a route of this cost counts in the search."""
    return cost + STEEP * max(0.0, cost - limit)


@njit(cache=True, nogil=True)
def renew(r, low, high, problem, plan):
    """Bring a route's tables up to date after its edges from place low to high - 1 changed."""
    ends, serve, _, distance, depot, _ = problem
    order, length, _, cost, ahead, behind, _, _ = plan
    n = length[r]
    if n == 0:
        cost[r] = 0.0
        return
    for i in range(low, n):
        e = order[r, i]
        for way in range(2):
            start = ends[e, way]
            if i == 0:
                best = distance[depot, start]
            else:
                f = order[r, i - 1]
                best = min(
                    ahead[r, i - 1, 0] + distance[ends[f, 1], start], ahead[r, i - 1, 1] + distance[ends[f, 0], start]
                )
            ahead[r, i, way] = best + serve[e, way]
    for i in range(min(high, n) - 1, -1, -1):
        e = order[r, i]
        for way in range(2):
            stop = ends[e, 1 - way]
            if i == n - 1:
                best = distance[stop, depot]
            else:
                f = order[r, i + 1]
                best = min(
                    distance[stop, ends[f, 0]] + behind[r, i + 1, 0], distance[stop, ends[f, 1]] + behind[r, i + 1, 1]
                )
            behind[r, i, way] = best + serve[e, way]
    cost[r] = min(distance[depot, ends[order[r, 0], 0]] + behind[r, 0, 0],
                  distance[depot, ends[order[r, 0], 1]] + behind[r, 0, 1])  # fmt: skip


@njit(cache=True, nogil=True)
def insertion(e, r, i, problem, plan):
    """Cost of route r with edge e put in at place i."""
    ends, serve, _, distance, depot, _ = problem
    order, length, _, _, ahead, behind, _, _ = plan
    best = np.inf
    before = order[r, i - 1] if i > 0 else -1
    after = order[r, i] if i < length[r] else -1
    for way in range(2):
        if serve[e, way] == np.inf:
            continue
        start, stop = ends[e, way], ends[e, 1 - way]
        if before < 0:
            there = distance[depot, start]
        else:
            there = min(
                ahead[r, i - 1, 0] + distance[ends[before, 1], start],
                ahead[r, i - 1, 1] + distance[ends[before, 0], start],
            )
        if after < 0:
            back = distance[stop, depot]
        else:
            back = min(
                distance[stop, ends[after, 0]] + behind[r, i, 0], distance[stop, ends[after, 1]] + behind[r, i, 1]
            )
        best = min(best, there + serve[e, way] + back)
    return best


@njit(cache=True, nogil=True)
def put(e, r, i, problem, plan):
    """Put edge e into route r at place i."""
    order, length, load, _, _, behind, route, place = plan
    demand = problem[2]
    for j in range(length[r], i, -1):
        f = order[r, j - 1]
        order[r, j] = f
        place[f] = j
        behind[r, j, 0], behind[r, j, 1] = behind[r, j - 1, 0], behind[r, j - 1, 1]
    order[r, i] = e
    route[e], place[e] = r, i
    length[r] += 1
    load[r] += demand[e]
    renew(r, i, i + 1, problem, plan)


@njit(cache=True, nogil=True)
def close_gaps(r, problem, plan):
    """Drop from a route the edges that were taken out of it."""
    order, length, load, _, _, _, route, place = plan
    demand = problem[2]
    n = 0
    load[r] = 0.0
    for i in range(length[r]):
        e = order[r, i]
        if route[e] == r:
            order[r, n] = e
            place[e] = n
            load[r] += demand[e]
            n += 1
    length[r] = n
    renew(r, 0, n, problem, plan)


@njit(cache=True, nogil=True)
def best_place(e, problem, plan, search, limit, blink, ints):
    """Route and place where edge e costs least, some places overlooked by chance; route -1 if it fits nowhere."""
    capacity = problem[5]
    _, length, load, cost, _, _, route, place = plan
    near, everywhere = search
    demand = problem[2][e]
    least, best_r, best_i = np.inf, -1, -1
    empty = False
    for r in range(len(length)):
        n = length[r]
        if load[r] + demand > capacity or (n == 0 and empty):
            continue
        empty |= n == 0
        base = price(cost[r], limit)
        step = 1 if everywhere or n == 0 else n
        for i in range(0, n + 1, step):
            if draw(ints) < blink:
                continue
            rise = price(insertion(e, r, i, problem, plan), limit) - base
            if rise < least:
                least, best_r, best_i = rise, r, i
    if not everywhere:
        for f in near[e]:
            r = route[f]
            if r < 0 or load[r] + demand > capacity:
                continue
            base = price(cost[r], limit)
            for i in range(place[f], place[f] + 2):
                if draw(ints) < blink:
                    continue
                rise = price(insertion(e, r, i, problem, plan), limit) - base
                if rise < least:
                    least, best_r, best_i = rise, r, i
    return best_r, best_i


@njit(cache=True, nogil=True)
def directions(r, problem, plan, ways):
    """Write the best direction of every edge of a route: 0 as drawn, 1 against."""
    ends, _, _, distance, depot, _ = problem
    order, length, _, _, _, behind, _, _ = plan
    here = depot
    for i in range(length[r]):
        e = order[r, i]
        forth = distance[here, ends[e, 0]] + behind[r, i, 0]
        back = distance[here, ends[e, 1]] + behind[r, i, 1]
        ways[e] = 0 if forth <= back else 1
        here = ends[e, 1 - ways[e]]
