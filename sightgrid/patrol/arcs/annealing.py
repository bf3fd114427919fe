"""Ruin and recreate under simulated annealing, compiled.

Each round takes some edges that lie near each other out of their routes, in strings or wherever they are, and puts
them back one by one where they cost least (Schrimpf et al. 2000; strings and blinks after Christiaens and Vanden
Berghe 2020, "Slack induction by string removals for vehicle routing problems", Transportation Science 54).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from sightgrid.patrol.arcs.kernel import best_place, close_gaps, draw, price, put, renew
from sightgrid.patrol.arcs.tails import best_tails, exchange_tails

_BLINK = 0.01
# Edges that a round takes out, on average, and the longest string of them.
_TAKEN, _STRING = 6.0, 10
# Share of the rounds in which two routes exchange their tails instead.
_TAILS = 0.3
_SLACK = 1e-9


@njit(cache=True, nogil=True)
def _save(r, plan, saved):
    """Keep a route as it was before the round, once."""
    order, length, load, cost = plan[:4]
    rows, sizes, loads, costs, touched, _ = saved
    if touched[r]:
        return
    touched[r] = True
    rows[r, : length[r]] = order[r, : length[r]]
    sizes[r], loads[r], costs[r] = length[r], load[r], cost[r]


@njit(cache=True, nogil=True)
def _undo(problem, plan, saved):
    order, length, load, _, _, _, route, place = plan
    rows, sizes, loads, _, touched, _ = saved
    for r in range(len(length)):
        if touched[r]:
            n = sizes[r]
            length[r], load[r] = n, loads[r]
            for i in range(n):
                e = rows[r, i]
                order[r, i] = e
                route[e], place[e] = r, i
            renew(r, 0, n, problem, plan)


@njit(cache=True, nogil=True)
def _take(e, plan, saved, taken, size):
    _save(plan[6][e], plan, saved)
    plan[6][e] = -1
    taken[size] = e
    return size + 1


@njit(cache=True, nogil=True)
def _ruin(problem, plan, search, saved, taken, ints):
    """Take edges near a random one out of their routes; returns how many."""
    order, length, _, _, _, _, route, place = plan
    near = search[0]
    edges = len(route)
    seed = int(draw(ints) * edges)
    size = 0
    used = 0
    for r in range(len(length)):
        used += length[r] > 0
    if draw(ints) < 0.5:  # whatever lies near
        goal = min(1 + int(draw(ints) * 2.0 * _TAKEN), edges)
        size = _take(seed, plan, saved, taken, size)
        for f in near[seed]:
            if size >= goal:
                break
            if draw(ints) < 0.8:
                size = _take(f, plan, saved, taken, size)
    else:  # strings of edges served one after the other
        longest = max(1.0, min(_STRING, edges / used))
        strings = 1 + int(draw(ints) * (4.0 * _TAKEN / (1.0 + longest) - 1.0))
        for at in range(-1, len(near[seed])):
            if strings == 0:
                break
            f = seed if at < 0 else near[seed][at]
            r = route[f]
            if r < 0:
                continue
            strings -= 1
            n = 1 + int(draw(ints) * min(longest, length[r]))
            skip = 0  # edges in the middle that stay
            if n > 1 and draw(ints) < 0.5:
                while n + skip < length[r] and draw(ints) > 0.5:
                    skip += 1
            whole = n + skip
            low = max(0, place[f] - whole + 1)
            high = min(place[f], length[r] - whole)
            first = low + int(draw(ints) * (high - low + 1))
            gap = first + 1 + int(draw(ints) * max(n - 1, 1))
            for i in range(first, first + whole):
                if gap <= i < gap + skip:
                    continue
                if route[order[r, i]] >= 0 and size < len(taken):
                    size = _take(order[r, i], plan, saved, taken, size)
    for r in range(len(length)):
        if saved[4][r]:
            close_gaps(r, problem, plan)
    return size


@njit(cache=True, nogil=True)
def _sort(taken, size, problem, ints):
    """Order in which edges go back: by chance, by demand, far ones first, or near ones first."""
    ends, serve, demand, distance, depot, _ = problem
    key = np.empty(size)
    how = draw(ints)
    for i in range(size):
        e = taken[i]
        away = min(distance[depot, ends[e, 0]], distance[depot, ends[e, 1]])
        if how < 0.4:
            key[i] = draw(ints)
        elif how < 0.7:
            key[i] = -demand[e] - 1e-6 * min(serve[e, 0], serve[e, 1])
        elif how < 0.9:
            key[i] = -away
        else:
            key[i] = away
    taken[:size] = taken[:size][np.argsort(key, kind="mergesort")]


@njit(cache=True, nogil=True)
def recreate(problem, plan, search, saved, taken, size, limit, blink, ints):
    """Put edges back where they cost least; returns whether all found a place."""
    for i in range(size):
        r, at = best_place(taken[i], problem, plan, search, limit, blink, ints)
        if r < 0:
            return False
        _save(r, plan, saved)
        put(taken[i], r, at, problem, plan)
    return True


@njit(cache=True, nogil=True)
def _better(total, longest, best, shares):
    """Whether a plan beats the best: in the sum, or in the longest route and then in the sum."""
    slack = _SLACK * (1.0 + best[0])
    if not shares:
        return total < best[0] - slack
    return longest < best[1] - slack or (longest <= best[1] + slack and total < best[0] - slack)


@njit(cache=True, nogil=True)
def anneal(problem, plan, search, saved, taken, best_plan, best, ints, rounds, hot, cold, shares, squeeze, goal):
    """Run rounds of ruin and recreate while it cools from hot to cold; returns the rounds since the last best plan.

    ``best`` holds the sum and the longest route of the best plan, and the limit beyond which routes cost more.
    """
    order, length, _, cost, _, _, route, _ = plan
    best_order, best_length = best_plan
    _, _, _, costs, touched, idle = saved
    for step in range(rounds):
        heat = hot * (cold / hot) ** (step / rounds)
        touched[:] = False
        if len(length) > 1 and draw(ints) < _TAILS:
            e = int(draw(ints) * len(route))
            f = best_tails(e, problem, plan, search, best[2], ints)
            done = f >= 0
            if done:
                _save(route[e], plan, saved)
                _save(route[f], plan, saved)
                exchange_tails(e, f, problem, plan)
        else:
            size = _ruin(problem, plan, search, saved, taken, ints)
            _sort(taken, size, problem, ints)
            done = recreate(problem, plan, search, saved, taken, size, best[2], _BLINK, ints)
        rise = 0.0
        for r in range(len(length)):
            if touched[r]:
                rise += price(cost[r], best[2]) - price(costs[r], best[2])
        idle[0] += 1
        if not done or rise >= -heat * np.log(1.0 - draw(ints)):
            _undo(problem, plan, saved)
            continue
        if rise >= 0.0 and not shares:
            continue
        total, longest = 0.0, 0.0
        for r in range(len(length)):
            total += cost[r]
            longest = max(longest, cost[r])
        if _better(total, longest, best, shares):
            if shares and longest < best[1]:
                best[2] = max(longest * (1.0 - squeeze), goal)
            best[0], best[1] = total, longest
            best_length[:] = length
            for r in range(len(length)):
                best_order[r, : length[r]] = order[r, : length[r]]
            idle[0] = 0
    return idle[0]
