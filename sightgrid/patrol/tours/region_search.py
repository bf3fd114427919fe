"""Search for regions of equal length: stops move between closed tours until the longest one is short.

Simulated annealing: a stretch of stops moves to the tour of a near neighbour, now and then with another in return. The
objective is the largest value of a region (its heaviest stop times the length of its tour) and, a little, the mean of
all.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from sightgrid.patrol.tours.prize_moves import insert, remove, shorten
from sightgrid.patrol.tours.tour_search import draw

_SHARE = 0.05  # what the mean value of the regions counts beside the largest
_HOT, _COLD = 0.05, 0.0005  # first and last temperature, in parts of the first objective
_TRIES = 10  # draws for a pair of stops of two regions
_STRETCH = 8  # longest stretch that moves at once
_TIDY = 40  # accepted moves between two rounds of shortening


@njit(cache=True, nogil=True)
def _rate(weights, state):
    """Objective of the regions as they are."""
    routes, sizes, times = state[0], state[1], state[2]
    most, total = 0.0, 0.0
    for u in range(len(sizes)):
        heaviest = 0.0
        for k in range(sizes[u] - 1):
            heaviest = max(heaviest, weights[routes[u, k]])
        most = max(most, heaviest * times[u])
        total += heaviest * times[u]
    return most + _SHARE * total / len(sizes)


@njit(cache=True, nogil=True)
def _move(v, count, a, b, cost, state):
    """Move a stretch of so many stops from v on to the place of another region that it lengthens least."""
    routes, sizes = state[0], state[1]
    at = 0
    while routes[a, at] != v:
        at += 1
    ring = routes[a, : sizes[a] - 1].copy()  # the last entry repeats the first: turn the ring until v stands second
    for k in range(len(ring)):
        routes[a, k] = ring[(at - 1 + k) % len(ring)]
    routes[a, len(ring)] = routes[a, 0]
    s, e = v, routes[a, count]
    place, least = 0, np.inf
    for k in range(sizes[b] - 1):
        p, q = routes[b, k], routes[b, k + 1]
        more = cost[p, s] + cost[e, q] - cost[p, q]
        if more < least:
            place, least = k, more
    for k in range(count):
        node = routes[a, 1]
        remove(a, 1, cost, state)
        insert(node, b, place + k, cost, state)


@njit(cache=True, nogil=True)
def _copy(source, target):
    target[0][:], target[1][:], target[2][:], target[3][:] = source[0], source[1], source[2], source[3]


@njit(cache=True, nogil=True)
def balance(cost, near, weights, state, best, ints, rounds, eps):
    """Balance the regions; ``best`` holds the best ones found. Returns their objective."""
    routes, sizes, times, visitor = state[0], state[1], state[2], state[3]
    n, width = len(cost), routes.shape[1]
    row_a, row_b, old = np.empty(width, np.int64), np.empty(width, np.int64), np.empty(n, np.int64)
    shorten(cost, state, eps)
    now = _rate(weights, state)
    least = now
    _copy(state, best)
    hot = _HOT * now
    accepted = 0
    for done in range(rounds):
        v = draw(ints, n)
        y = near[v, draw(ints, near.shape[1])]
        for _ in range(_TRIES):
            if visitor[v] != visitor[y]:
                break
            v = draw(ints, n)
            y = near[v, draw(ints, near.shape[1])]
        a, b = visitor[v], visitor[y]
        if a == b:
            continue
        row_a[:], row_b[:], old[:] = routes[a], routes[b], visitor
        size_a, size_b, time_a, time_b = sizes[a], sizes[b], times[a], times[b]
        count = 1 + draw(ints, _STRETCH) if draw(ints, 2) else 1
        if size_a - 1 <= count:  # no region is left empty
            continue
        _move(v, count, a, b, cost, state)
        if draw(ints, 3) == 0:  # and something comes back
            count = 1 + draw(ints, count)
            if size_b - 1 > count:
                _move(row_b[draw(ints, size_b - 1)], count, b, a, cost, state)
        value = _rate(weights, state)
        heat = hot * (_COLD / _HOT) ** (done / rounds)
        if value - now > -heat * np.log((draw(ints, 1000000) + 1) / 1000000.0):
            routes[a], routes[b] = row_a, row_b
            sizes[a], sizes[b], times[a], times[b] = size_a, size_b, time_a, time_b
            visitor[:] = old
            continue
        now = value
        accepted += 1
        if accepted % _TIDY == 0:
            shorten(cost, state, eps)
            now = _rate(weights, state)
        if now < least - eps:
            least = now
            _copy(state, best)
    _copy(best, state)
    shorten(cost, state, eps)
    _copy(state, best)
    return _rate(weights, best)
