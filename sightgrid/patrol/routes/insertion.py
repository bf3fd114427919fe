"""Own engine, first half: routes by regret insertion.

The visit that loses most if it does not get its best unit now goes first (Potvin and Rousseau 1993), visits of higher
penalty before all others.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from sightgrid.patrol.routes.timing import finish, go, run

# What a second beyond the shift costs, in seconds of driving.
OVERTIME = 10.0


@njit(cache=True, nogil=True)
def work_of(case, k, route, size):
    """Seconds of driving and of work (driving and dwelling) of a route."""
    here, drive, dwell = case.units[k].first, 0.0, 0.0
    profile = case.units[k].profile
    for i in range(size):
        drive += case.travel_s[profile, here, case.visits[route[i]].place]
        dwell += case.visits[route[i]].dwell_s
        here = case.visits[route[i]].place
    drive += case.travel_s[profile, here, case.units[k].last]
    return drive, drive + dwell


@njit(cache=True, nogil=True)
def refresh(case, k, routes, size, before, after, drive, work, end):
    """Bring the clocks and sums of one unit up to date."""
    end[k] = run(case, k, routes[k], size[k], before[k], after[k])
    drive[k], work[k] = work_of(case, k, routes[k], size[k])


@njit(cache=True, nogil=True)
def late(case, k, end):
    """Seconds of overtime."""
    return max(0.0, end - case.units[k].end_s)


@njit(cache=True, nogil=True)
def end_with(case, k, route, size, i, v, before, after):
    """Earliest end of the route with visit v behind i others; inf if that cannot be driven."""
    here = case.units[k].first if i == 0 else case.visits[route[i - 1]].place
    a, b = go(case, k, here, v, before[i], after[i])
    here = case.visits[v].place
    for j in range(i, size):
        if a == np.inf and b == np.inf:
            return np.inf
        a, b = go(case, k, here, route[j], a, b)
        here = case.visits[route[j]].place
    if a == np.inf and b == np.inf:
        return np.inf
    return finish(case, k, here, a, b)


@njit(cache=True, nogil=True)
def best_place(case, k, v, routes, size, before, after, work, end, span, blink):
    """Cheapest position of visit v in the route of unit k: (cost, position); inf if there is none.

    The cost is the detour, what the longest work grows by (for each unit: so that balance comes first) and overtime.
    `blink` is the chance to overlook a position.
    """
    best, where = np.inf, -1
    if not case.allowed[k, v]:
        return best, where
    profile, route = case.units[k].profile, routes[k]
    units = len(size)
    here, place = case.units[k].first, case.visits[v].place
    for i in range(size[k] + 1):
        after_place = case.visits[route[i]].place if i < size[k] else case.units[k].last
        detour = (
            case.travel_s[profile, here, place]
            + case.travel_s[profile, place, after_place]
            - case.travel_s[profile, here, after_place]
        )
        here = after_place
        cost = detour + units * max(0.0, work[k] + detour + case.visits[v].dwell_s - span)
        if not cost < best or (blink > 0.0 and np.random.random() < blink):
            continue
        if min(before[k, i], after[k, i]) > case.visits[v].close_s:
            break
        new_end = end_with(case, k, route, size[k], i, v, before[k], after[k])
        if new_end == np.inf:
            continue
        cost += OVERTIME * (late(case, k, new_end) - late(case, k, end[k]))
        if cost < best:
            best, where = cost, i
    return best, where


@njit(cache=True, nogil=True)
def put(case, k, i, v, routes, size, unit_of, before, after, drive, work, end):
    """Insert visit v behind i others."""
    for j in range(size[k], i, -1):
        routes[k, j] = routes[k, j - 1]
    routes[k, i] = v
    size[k] += 1
    unit_of[v] = k
    refresh(case, k, routes, size, before, after, drive, work, end)


@njit(cache=True, nogil=True)
def insert_by_regret(case, routes, size, unit_of, before, after, drive, work, end):
    """Insert all open visits that fit, the one with the largest regret among those of highest penalty first."""
    n, units = len(unit_of), len(size)
    cost, where = np.full((n, units), np.inf), np.full((n, units), -1)
    stale = np.ones(units, np.bool_)
    while True:
        span = work.max()
        for k in range(units):
            if stale[k]:
                for v in range(n):
                    if unit_of[v] < 0:
                        cost[v, k], where[v, k] = best_place(
                            case, k, v, routes, size, before, after, work, end, span, 0.0
                        )
                stale[k] = False
        chosen, unit, key, level = -1, -1, -np.inf, -np.inf
        for v in range(n):
            if unit_of[v] >= 0:
                continue
            first, second, at = np.inf, np.inf, -1
            for k in range(units):
                if cost[v, k] < first:
                    first, second, at = cost[v, k], first, k
                elif cost[v, k] < second:
                    second = cost[v, k]
            if at < 0 or first >= case.visits[v].penalty:
                continue
            regret = (1e9 if second == np.inf else second) - first
            if case.visits[v].penalty > level or (case.visits[v].penalty == level and regret > key):
                chosen, unit, key, level = v, at, regret, case.visits[v].penalty
        if chosen < 0:
            return
        put(case, unit, where[chosen, unit], chosen, routes, size, unit_of, before, after, drive, work, end)
        stale[unit] = True


@njit(cache=True, nogil=True)
def total_cost(case, unit_of, drive, work, end):
    """Penalties of what is left out, driving, longest work (once for each unit) and overtime."""
    cost = len(work) * work.max()
    for k in range(len(work)):
        cost += drive[k] + OVERTIME * late(case, k, end[k])
    for v in range(len(unit_of)):
        if unit_of[v] < 0:
            cost += case.visits[v].penalty
    return cost
