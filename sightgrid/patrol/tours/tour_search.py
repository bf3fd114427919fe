"""Search for closed tours: exact for few nodes, iterated local search for many.

The moves of ``tour_moves`` run into a local optimum; a double bridge of two short stretches (Martin, Otto and Felten,
"Large-step Markov chains for the traveling salesman problem", Complex Systems 1991) leads out of it, and the search
goes on from the new tour if it is hardly longer. Few nodes are solved by dynamic programming (Held and Karp 1962).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from sightgrid.patrol.tours.tour_moves import improve, push, sum_turns, swap_stretches

_BEST, _LENGTH, _EPS = range(3)  # places in the vector of amounts that a search keeps between calls
_RANDOM, _DONE, _IDLE = range(3)  # and of counters
_BRIDGE = 50  # longest stretch that a double bridge swaps
_PATIENCE = 50  # rounds per node without a shorter tour before the search returns to the best
_WARMTH = 0.02  # how much longer a tour may get in one round, in mean steps


@njit(cache=True, nogil=True)
def draw(ints, below):
    """Draw a whole number from 0 to below, from a linear congruence whose state is kept among the counters."""
    ints[_RANDOM] = ints[_RANDOM] * 6364136223846793005 + 1442695040888963407
    return ((ints[_RANDOM] >> 33) & 0x7FFFFFFF) % below


@njit(cache=True, nogil=True)
def measure(order, cost):
    """Sum the costs round a closed tour."""
    total = 0.0
    for i in range(len(order) - 1):
        total += cost[order[i], order[i + 1]]
    if len(order) > 1:
        total += cost[order[-1], order[0]]
    return total


@njit(cache=True, nogil=True)
def solve_exactly(cost):
    """The shortest closed tour from node 0, by Held and Karp's recursion over sets of nodes."""
    n = len(cost)
    m = n - 1
    full = 1 << m
    best = np.full((full, m), np.inf)
    before = np.full((full, m), -1)
    for j in range(m):
        best[1 << j, j] = cost[0, j + 1]
    for group in range(full):
        for j in range(m):
            if not group >> j & 1 or best[group, j] == np.inf:
                continue
            for k in range(m):
                if group >> k & 1:
                    continue
                value = best[group, j] + cost[j + 1, k + 1]
                wider = group | 1 << k
                if value < best[wider, k]:
                    best[wider, k] = value
                    before[wider, k] = j
    last, least = 0, np.inf
    for j in range(m):
        if best[full - 1, j] + cost[j + 1, 0] < least:
            last, least = j, best[full - 1, j] + cost[j + 1, 0]
    order = np.zeros(n, np.int64)
    group = full - 1
    for i in range(n - 1, 0, -1):
        order[i] = last + 1
        group, last = group ^ 1 << last, before[group, last]
    return order


@njit(cache=True, nogil=True)
def start_tour(cost, first):
    """Go to the nearest node that is left, from a first one on."""
    n = len(cost)
    order, done = np.empty(n, np.int64), np.zeros(n, np.bool_)
    at = first
    for i in range(n):
        order[i] = at
        done[at] = True
        nearest, least = -1, np.inf
        for j in range(n):
            if not done[j] and (nearest < 0 or cost[at, j] < least):
                nearest, least = j, cost[at, j]
        at = nearest
    return order


@njit(cache=True, nogil=True)
def search(order, best, cost, near, near_in, symmetric, ints, floats, rounds):
    """Run some rounds of iterated local search; ``order``, ``best`` and the counters are kept for the next call."""
    n = len(order)
    place, turns, spare = np.empty(n, np.int64), np.zeros(n + 1), np.empty(n, np.int64)
    queue, waiting = np.empty(n, np.int64), np.zeros(n, np.bool_)
    ends, touched = np.zeros(2, np.int64), np.zeros(6, np.int64)
    kept = order.copy()
    place[order] = np.arange(n)
    sum_turns(order, cost, turns)
    if symmetric:
        turns[:] = 0.0
    if ints[_DONE] == 0:  # the first call: every node is new
        for node in order:
            push(queue, waiting, ends, node)
        floats[_LENGTH] = measure(order, cost)
    eps = floats[_EPS]
    longest = min(_BRIDGE, n // 3)
    for _ in range(rounds):
        length = floats[_LENGTH]
        if ints[_DONE] > 0:
            i, first, second = draw(ints, n), 1 + draw(ints, longest), 1 + draw(ints, longest)
            a, b = order[i - 1], order[i]
            c, d = order[(i + first - 1) % n], order[(i + first) % n]
            e, f = order[(i + first + second - 1) % n], order[(i + first + second) % n]
            length += cost[a, d] + cost[e, b] + cost[c, f] - cost[a, b] - cost[c, d] - cost[e, f]
            swap_stretches(order, place, i, first, second, spare)
            if not symmetric:
                sum_turns(order, cost, turns)
            for node in (a, b, c, d, e, f):
                push(queue, waiting, ends, node)
        length += improve(
            order, place, cost, near, near_in, turns, symmetric, eps, spare, queue, waiting, ends, touched
        )
        ints[_DONE] += 1
        ints[_IDLE] += 1
        if length < floats[_BEST] - eps:
            floats[_BEST] = length
            best[:] = order
            ints[_IDLE] = 0
        slack = draw(ints, 1000) / 1000.0 * _WARMTH * floats[_BEST] / n
        if length < floats[_LENGTH] + slack:
            floats[_LENGTH] = length
            kept[:] = order
        else:
            order[:] = kept
            if ints[_IDLE] > _PATIENCE * n:
                order[:], kept[:] = best, best
                floats[_LENGTH] = floats[_BEST]
                ints[_IDLE] = 0
            place[order] = np.arange(n)
            if not symmetric:
                sum_turns(order, cost, turns)
    order[:] = kept
    floats[_LENGTH] = measure(order, cost)
