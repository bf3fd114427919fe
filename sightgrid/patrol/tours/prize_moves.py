"""Moves of routes that collect prizes within a time limit: insert, exchange, shorten.

``state`` holds the routes (one row a unit, start and end included), their numbers of nodes, their times, the unit that
visits each node (-1: none, -2: never), and for each node that is left out the cheapest place: extra time, unit, place.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_OR_SIZE = 3  # longest stretch that is moved inside a route


@njit(cache=True, nogil=True)
def weigh_places(v, cost, limit, state):
    """Find the cheapest place for a node among the units that have time for it."""
    routes, sizes, times = state[0], state[1], state[2]
    unit, place, least = -1, -1, np.inf
    for u in range(len(sizes)):
        spare = limit[u] - times[u]
        for k in range(sizes[u] - 1):
            p, q = routes[u, k], routes[u, k + 1]
            more = cost[p, v] + cost[v, q] - cost[p, q]
            if more < least and more <= spare:
                unit, place, least = u, k, more
    state[4][v], state[5][v], state[6][v] = least, unit, place


@njit(cache=True, nogil=True)
def weigh_all(cost, limit, state):
    """Find the cheapest place of every node that is left out."""
    for v in range(len(cost)):
        if state[3][v] == -1:
            weigh_places(v, cost, limit, state)


@njit(cache=True, nogil=True)
def insert(v, u, k, cost, state):
    """Put a node behind position k of a unit's route."""
    routes, sizes, times, visitor = state[0], state[1], state[2], state[3]
    p, q = routes[u, k], routes[u, k + 1]
    times[u] += cost[p, v] + cost[v, q] - cost[p, q]
    for i in range(sizes[u], k + 1, -1):
        routes[u, i] = routes[u, i - 1]
    routes[u, k + 1] = v
    sizes[u] += 1
    visitor[v] = u


@njit(cache=True, nogil=True)
def remove(u, k, cost, state):
    """Take the node at position k out of a unit's route."""
    routes, sizes, times, visitor = state[0], state[1], state[2], state[3]
    p, v, q = routes[u, k - 1], routes[u, k], routes[u, k + 1]
    times[u] += cost[p, q] - cost[p, v] - cost[v, q]
    for i in range(k, sizes[u] - 1):
        routes[u, i] = routes[u, i + 1]
    sizes[u] -= 1
    visitor[v] = -1


@njit(cache=True, nogil=True)
def fill(pull, cost, limit, state):
    """Insert what pulls most for its extra time while there is time."""
    times, visitor, extra, unit, place = state[2], state[3], state[4], state[5], state[6]
    n = len(cost)
    weigh_all(cost, limit, state)
    while True:
        chosen, most = -1, 0.0
        for v in range(n):
            if visitor[v] == -1 and unit[v] >= 0 and pull[v] > 0.0:
                ratio = np.inf if extra[v] <= 0.0 else pull[v] / extra[v]
                if ratio > most:
                    chosen, most = v, ratio
        if chosen < 0:
            return
        u, k = unit[chosen], place[chosen]
        insert(chosen, u, k, cost, state)
        spare = limit[u] - times[u]
        for v in range(n):
            if visitor[v] != -1:
                continue
            if unit[v] == u and (place[v] == k or extra[v] > spare):
                weigh_places(v, cost, limit, state)
                continue
            if unit[v] == u and place[v] > k:
                place[v] += 1
            for at in (k, k + 1):
                p, q = state[0][u, at], state[0][u, at + 1]
                more = cost[p, v] + cost[v, q] - cost[p, q]
                if more < extra[v] and more <= spare:
                    extra[v], unit[v], place[v] = more, u, at


@njit(cache=True, nogil=True)
def exchange(prizes, cost, limit, state, eps):
    """Take one node out and a better one in, the best such pair; returns whether one was found.

    Better is more prize, or as much in less time; the node that comes in takes the other's place or its own cheapest.
    """
    routes, sizes, times, visitor = state[0], state[1], state[2], state[3]
    n = len(cost)
    gain, saved, out_unit, out_place, chosen, behind = 0.0, eps, -1, -1, -1, -1
    for v in range(n):
        if visitor[v] != -1 or prizes[v] <= 0.0:
            continue
        for u in range(len(sizes)):
            # the two cheapest gaps of this unit, for the case that one of them goes with the node taken out
            first, second, third = np.inf, np.inf, np.inf
            at_first, at_second, at_third = -1, -1, -1
            for k in range(sizes[u] - 1):
                p, q = routes[u, k], routes[u, k + 1]
                more = cost[p, v] + cost[v, q] - cost[p, q]
                if more < first:
                    third, at_third = second, at_second
                    second, at_second = first, at_first
                    first, at_first = more, k
                elif more < second:
                    third, at_third = second, at_second
                    second, at_second = more, k
                elif more < third:
                    third, at_third = more, k
            for k in range(1, sizes[u] - 1):
                x = routes[u, k]
                better = prizes[v] - prizes[x]
                if better < gain or better < 0.0:
                    continue
                p, q = routes[u, k - 1], routes[u, k + 1]
                change = cost[p, v] + cost[v, q] - cost[p, x] - cost[x, q]
                at = k - 1
                more, gap = first, at_first
                if gap in (k - 1, k):
                    more, gap = second, at_second
                    if gap in (k - 1, k):
                        more, gap = third, at_third
                if more < np.inf:
                    away = more + cost[p, q] - cost[p, x] - cost[x, q]
                    if away < change:
                        change, at = away, gap if gap < k else gap - 1
                if times[u] + change > limit[u]:
                    continue
                if better > gain or -change > saved:
                    gain, saved, out_unit, out_place, chosen, behind = better, -change, u, k, v, at
    if chosen < 0:
        return False
    remove(out_unit, out_place, cost, state)
    insert(chosen, out_unit, behind, cost, state)
    return True


@njit(cache=True, nogil=True)
def _two_opt(route, size, cost, eps):
    """Turn the stretch round that saves most; the saving."""
    most, left, right = eps, -1, -1
    for i in range(1, size - 2):
        p, s = route[i - 1], route[i]
        turned = 0.0
        for j in range(i + 1, size - 1):
            turned += cost[route[j - 1], route[j]] - cost[route[j], route[j - 1]]
            e, f = route[j], route[j + 1]
            saved = cost[p, s] + cost[e, f] - cost[p, e] - cost[s, f] + turned
            if saved > most:
                most, left, right = saved, i, j
    if left < 0:
        return 0.0
    while left < right:
        route[left], route[right] = route[right], route[left]
        left += 1
        right -= 1
    return most


@njit(cache=True, nogil=True)
def _or_opt(route, size, cost, eps):
    """Move the short stretch that saves most to another place of its route, turned or not; the saving."""
    most, start, length, target, turn = eps, -1, 0, -1, False
    for i in range(1, size - 1):
        inner = 0.0
        for m in range(1, _OR_SIZE + 1):
            j = i + m - 1
            if j >= size - 1:
                break
            if m > 1:
                inner += cost[route[j - 1], route[j]] - cost[route[j], route[j - 1]]
            p, s, e, f = route[i - 1], route[i], route[j], route[j + 1]
            freed = cost[p, s] + cost[e, f] - cost[p, f]
            if freed <= most and inner <= 0.0:
                continue
            for k in range(size - 1):
                if i - 1 <= k <= j:
                    continue
                c, d = route[k], route[k + 1]
                gone = freed + cost[c, d]
                if gone - cost[c, s] - cost[e, d] > most:
                    most, start, length, target, turn = gone - cost[c, s] - cost[e, d], i, m, k, False
                if m > 1 and gone + inner - cost[c, e] - cost[s, d] > most:
                    most, start, length, target, turn = gone + inner - cost[c, e] - cost[s, d], i, m, k, True
    if start < 0:
        return 0.0
    piece = route[start : start + length].copy()
    if turn:
        piece = piece[::-1].copy()
    if target > start:
        for k in range(start + length, target + 1):
            route[k - length] = route[k]
        at = target - length + 1
    else:
        for k in range(start - 1, target, -1):
            route[k + length] = route[k]
        at = target + 1
    route[at : at + length] = piece
    return most


@njit(cache=True, nogil=True)
def shorten(cost, state, eps):
    """Shorten every route by 2-opt and or-opt until neither helps."""
    routes, sizes, times = state[0], state[1], state[2]
    for u in range(len(sizes)):
        while True:
            saved = _two_opt(routes[u], sizes[u], cost, eps)
            saved += _or_opt(routes[u], sizes[u], cost, eps)
            if saved <= 0.0:
                break
            times[u] -= saved


@njit(cache=True, nogil=True)
def relocate(cost, limit, state, eps):
    """Move one node to another unit's route where that saves time; returns whether one was moved."""
    routes, sizes, times = state[0], state[1], state[2]
    for u in range(len(sizes)):
        for k in range(1, sizes[u] - 1):
            p, v, q = routes[u, k - 1], routes[u, k], routes[u, k + 1]
            freed = cost[p, v] + cost[v, q] - cost[p, q]
            for w in range(len(sizes)):
                if w == u:
                    continue
                for i in range(sizes[w] - 1):
                    c, d = routes[w, i], routes[w, i + 1]
                    more = cost[c, v] + cost[v, d] - cost[c, d]
                    if more < freed - eps and times[w] + more <= limit[w]:
                        remove(u, k, cost, state)
                        insert(v, w, i, cost, state)
                        return True
    return False
