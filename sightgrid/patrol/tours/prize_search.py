"""Iterated local search for the routes that collect most prize within their time limits.

A round takes part of the present routes out, or forces one more node in and drops what then pays least, and fills the
time that is left again. The frame is that of Vansteenwegen, Souffriau, Vanden Berghe and Van Oudheusden, "Iterated
local search for the team orienteering problem with time windows", Computers & Operations Research 2009; here with
exchanges of visited and other nodes, and with routes that are shortened after each change.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from sightgrid.patrol.tours.prize_moves import exchange, fill, insert, relocate, remove, shorten
from sightgrid.patrol.tours.tour_search import draw

_PRIZE, _TIME, _BEST, _BEST_TIME, _EPS = range(5)  # places in the vector of amounts that a search keeps between calls
_RANDOM, _DONE, _IDLE = range(3)  # and of counters
_PATIENCE = 300  # rounds without a better plan before the search returns to the best
_WARMTH = 0.02  # share of the prize that one round may lose


@njit(cache=True, nogil=True)
def _drop_stretch(cost, state, ints):
    """Take a stretch of one route out."""
    sizes = state[1]
    u = draw(ints, len(sizes))
    inner = sizes[u] - 2
    if inner <= 0:
        return
    count = 1 + draw(ints, max(1, inner // 3))
    first = 1 + draw(ints, inner - count + 1)
    for _ in range(count):
        remove(u, first, cost, state)


@njit(cache=True, nogil=True)
def _drop_some(cost, state, ints):
    """Take every so manyth node out, at random."""
    share = 5 + draw(ints, 30)
    for u in range(len(state[1])):
        for k in range(state[1][u] - 2, 0, -1):
            if draw(ints, 100) < share:
                remove(u, k, cost, state)


@njit(cache=True, nogil=True)
def _force_in(prizes, cost, limit, state, ints):
    """Insert one node whether there is time or not, then drop what pays least for its time."""
    routes, sizes, times, visitor = state[0], state[1], state[2], state[3]
    n = len(prizes)
    v = draw(ints, n)
    for _ in range(n):
        if visitor[v] == -1 and prizes[v] > 0.0:
            break
        v = (v + 1) % n
    if visitor[v] != -1:
        return
    unit, place, least = -1, -1, np.inf
    for u in range(len(sizes)):
        for k in range(sizes[u] - 1):
            p, q = routes[u, k], routes[u, k + 1]
            more = cost[p, v] + cost[v, q] - cost[p, q]
            if more < least:
                unit, place, least = u, k, more
    if unit < 0:
        return
    insert(v, unit, place, cost, state)
    while times[unit] > limit[unit] and sizes[unit] > 2:
        worst, lowest = -1, np.inf
        for k in range(1, sizes[unit] - 1):
            p, x, q = routes[unit, k - 1], routes[unit, k], routes[unit, k + 1]
            freed = cost[p, x] + cost[x, q] - cost[p, q]
            ratio = prizes[x] / freed * (0.7 + draw(ints, 600) / 1000.0) if freed > 0.0 else np.inf
            if ratio < lowest and (x != v or sizes[unit] == 3):
                worst, lowest = k, ratio
        if worst < 0:  # nothing else frees time: the node that was forced in goes again
            for k in range(1, sizes[unit] - 1):
                if routes[unit, k] == v or worst < 0:
                    worst = k
        remove(unit, worst, cost, state)


@njit(cache=True, nogil=True)
def _settle(prizes, pull, cost, limit, state, eps):
    """Shorten, fill and exchange until nothing helps."""
    many = len(state[1]) > 1
    shorten(cost, state, eps)
    while many and relocate(cost, limit, state, eps):
        pass
    fill(pull, cost, limit, state)
    while exchange(prizes, cost, limit, state, eps):
        shorten(cost, state, eps)
        fill(pull, cost, limit, state)


@njit(cache=True, nogil=True)
def _weigh(prizes, cost, limit, state):
    """Sum prize and time anew; whether the routes keep their limits."""
    routes, sizes, times = state[0], state[1], state[2]
    prize, fits = 0.0, True
    for u in range(len(sizes)):
        total = 0.0
        for k in range(sizes[u] - 1):
            total += cost[routes[u, k], routes[u, k + 1]]
            if k > 0:
                prize += prizes[routes[u, k]]
        times[u] = total
        fits = fits and total <= limit[u]
    return prize, fits


@njit(cache=True, nogil=True)
def _copy(source, target):
    target[0][:], target[1][:], target[2][:], target[3][:] = source[0], source[1], source[2], source[3]


@njit(cache=True, nogil=True)
def search(prizes, cost, limit, state, kept, best, ints, floats, rounds):
    """Run some rounds; the states and counters are kept for the next call."""
    eps = floats[_EPS]
    pull = prizes.copy()
    for _ in range(rounds):
        if ints[_DONE] > 0:
            kind = draw(ints, 3)
            if kind == 0:
                _drop_stretch(cost, state, ints)
            elif kind == 1:
                _drop_some(cost, state, ints)
            else:
                _force_in(prizes, cost, limit, state, ints)
            power = 0.5 + draw(ints, 1000) / 1000.0
            for v in range(len(prizes)):
                pull[v] = prizes[v] ** power * (0.8 + draw(ints, 400) / 1000.0)
        _settle(prizes, pull, cost, limit, state, eps)
        prize, fits = _weigh(prizes, cost, limit, state)
        total = state[2].sum()
        ints[_DONE] += 1
        ints[_IDLE] += 1
        worth = 1e-9 * max(floats[_BEST], 0.0)
        if fits and (
            prize > floats[_BEST] + worth or (prize > floats[_BEST] - worth and total < floats[_BEST_TIME] - eps)
        ):
            floats[_BEST], floats[_BEST_TIME] = prize, total
            _copy(state, best)
            ints[_IDLE] = 0
        slack = (draw(ints, 1000) / 1000.0) ** 2 * _WARMTH * max(floats[_BEST], 0.0)
        if fits and prize >= floats[_PRIZE] - slack:
            floats[_PRIZE], floats[_TIME] = prize, total
            _copy(state, kept)
        else:
            if ints[_IDLE] > _PATIENCE:
                _copy(best, kept)
                floats[_PRIZE], floats[_TIME] = floats[_BEST], floats[_BEST_TIME]
                ints[_IDLE] = 0
            _copy(kept, state)
