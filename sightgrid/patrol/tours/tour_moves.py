"""Moves that shorten a closed tour: 2-opt and or-opt among near neighbours, on symmetric and one-way travel times.

Only nodes whose surroundings changed are looked at again, and only towards nodes nearer than their present neighbours
(Bentley, "Fast algorithms for geometric traveling salesman problems", ORSA Journal on Computing 1992). Turning a
stretch round costs the difference between its way back and its way there; prefix sums of that difference make every
move O(1) to judge on one-way streets too.
"""

from __future__ import annotations

from numba import njit

_OR_SIZE = 3  # longest stretch that is moved turned round


@njit(cache=True, nogil=True)
def sum_turns(order, cost, turns):
    """Prefix sums of what each step costs more backward than forward."""
    n = len(order)
    turns[0] = 0.0
    for i in range(n):
        a, b = order[i], order[i + 1 if i + 1 < n else 0]
        turns[i + 1] = turns[i] + cost[b, a] - cost[a, b]


@njit(cache=True, nogil=True)
def _turn(turns, i, j):
    """Extra cost of driving the stretch from position i on to position j the other way round."""
    if i <= j:
        return turns[j] - turns[i]
    return turns[-1] - turns[i] + turns[j]


@njit(cache=True, nogil=True)
def _reverse(order, place, i, size):
    """Turn round so many nodes from position i on."""
    n = len(order)
    j = i + size - 1
    if j >= n:
        j -= n
    for _ in range(size // 2):
        a, b = order[i], order[j]
        order[i], order[j] = b, a
        place[b], place[a] = i, j
        i += 1
        if i == n:
            i = 0
        j -= 1
        if j < 0:
            j = n - 1


@njit(cache=True, nogil=True)
def _swap_neighbours(order, place, i, first, second, spare):
    """Swap two stretches that follow each other from position i on."""
    n = len(order)
    for k in range(first):
        spare[k] = order[(i + k) % n]
    at, source = i, (i + first) % n
    for _ in range(second):
        node = order[source]
        order[at] = node
        place[node] = at
        at = at + 1 if at + 1 < n else 0
        source = source + 1 if source + 1 < n else 0
    for k in range(first):
        node = spare[k]
        order[at] = node
        place[node] = at
        at = at + 1 if at + 1 < n else 0


@njit(cache=True, nogil=True)
def swap_stretches(order, place, i, first, second, spare):
    """As ``_swap_neighbours``; of the three stretches of the circle the two short ones are swapped."""
    n = len(order)
    rest = n - first - second
    if rest >= first and rest >= second:
        _swap_neighbours(order, place, i, first, second, spare)
    elif first >= second:  # the same circle: swap the second stretch and the rest
        _swap_neighbours(order, place, (i + first) % n, second, rest, spare)
    else:
        _swap_neighbours(order, place, (i + first + second) % n, rest, first, spare)


@njit(cache=True, nogil=True)
def push(queue, waiting, ends, node):
    """Put a node into the queue, once."""
    if not waiting[node]:
        waiting[node] = True
        queue[ends[1] % len(queue)] = node
        ends[1] += 1


@njit(cache=True, nogil=True)
def _two_opt(p, s, e, f, order, place, cost, turns, symmetric, eps):
    """Turn the stretch from s (after p) to e (before f) round if that helps; the change, 0 if nothing was done."""
    if s == f or p == e:
        return 0.0
    change = cost[p, e] + cost[s, f] - cost[p, s] - cost[e, f]
    if not symmetric:
        change += _turn(turns, place[s], place[e])
    if change >= -eps:
        return 0.0
    n = len(order)
    size = (place[e] - place[s]) % n + 1
    if symmetric and 2 * size > n:
        _reverse(order, place, place[f], n - size)
    else:
        _reverse(order, place, place[s], size)
    return change


@njit(cache=True, nogil=True)
def _or_turned(s, e, size, c, d, order, place, cost, turns, symmetric, eps, spare):
    """Move the stretch from s to e between c and d, turned round, if that helps; the change, 0 if nothing was done."""
    n = len(order)
    at = (place[c] - place[s]) % n
    if at < size or at == n - 1:  # c lies in the stretch, or right before it
        return 0.0
    p, q = order[place[s] - 1], order[(place[e] + 1) % n]
    change = cost[p, q] + cost[c, e] + cost[s, d] - cost[p, s] - cost[e, q] - cost[c, d]
    if not symmetric:
        change += _turn(turns, place[s], place[e])
    if change >= -eps:
        return 0.0
    _reverse(order, place, place[s], size)
    swap_stretches(order, place, place[e], size, at - size + 1, spare)
    return change


@njit(cache=True, nogil=True)
def _or_three(a, order, place, cost, near, eps, spare, touched):
    """Swap two stretches behind node a if that helps; the change, 0 if nothing was done."""
    n = len(order)
    b = order[(place[a] + 1) % n]
    old = cost[a, b]
    for i in range(near.shape[1]):
        d = near[a, i]
        if cost[a, d] >= old - eps:
            break
        first = (place[d] - place[b]) % n
        c = order[place[d] - 1]
        gain = old + cost[c, d] - cost[a, d]
        for j in range(near.shape[1]):
            f = near[c, j]
            if gain - cost[c, f] <= eps:
                break
            both = (place[f] - place[b]) % n
            if both <= first:
                continue
            e = order[place[f] - 1]
            change = cost[c, f] + cost[e, b] - cost[e, f] - gain
            if change < -eps:
                swap_stretches(order, place, place[b], first, both - first, spare)
                touched[0], touched[1], touched[2] = a, b, c
                touched[3], touched[4], touched[5] = d, e, f
                return change
    return 0.0


@njit(cache=True, nogil=True)
def _improve_node(a, order, place, cost, near, near_in, turns, symmetric, eps, spare, touched):
    """Try the moves that give node a a nearer neighbour; the change of the first that helps, 0 if none does."""
    n = len(order)
    after, before = order[(place[a] + 1) % n], order[place[a] - 1]
    touched[4] = touched[5] = a
    for i in range(near.shape[1]):
        c = near[a, i]
        forward, backward = cost[a, c] < cost[a, after] - eps, cost[a, c] < cost[before, a] - eps
        if not forward and not backward:
            break
        if forward:
            d = order[(place[c] + 1) % n]
            change = _two_opt(a, after, c, d, order, place, cost, turns, symmetric, eps)
            if change < 0.0:
                touched[0], touched[1], touched[2], touched[3] = a, after, c, d
                return change
        if backward:
            e = order[place[c] - 1]
            change = _two_opt(before, a, e, c, order, place, cost, turns, symmetric, eps)
            if change < 0.0:
                touched[0], touched[1], touched[2], touched[3] = before, a, e, c
                return change
    change = _or_three(a, order, place, cost, near, eps, spare, touched)
    if change < 0.0:
        return change
    for i in range(near.shape[1]):
        c, d = near_in[a, i], near[a, i]
        follower, leader = order[(place[c] + 1) % n], order[place[d] - 1]
        if not symmetric:
            change = _two_opt(c, follower, a, after, order, place, cost, turns, symmetric, eps)
            if change < 0.0:
                touched[0], touched[1], touched[2], touched[3] = c, follower, a, after
                return change
            start = order[place[c] - 1]
            change = _two_opt(start, c, before, a, order, place, cost, turns, symmetric, eps)
            if change < 0.0:
                touched[0], touched[1], touched[2], touched[3] = start, c, before, a
                return change
        for size in range(1, _OR_SIZE + 1):
            s, e = order[place[a] - size + 1], order[(place[a] + size - 1) % n]
            touched[2], touched[3] = order[place[s] - 1], after
            change = _or_turned(s, a, size, c, follower, order, place, cost, turns, symmetric, eps, spare)
            if change < 0.0:
                touched[0], touched[1], touched[4] = c, follower, s
                return change
            touched[2], touched[3] = before, order[(place[e] + 1) % n]
            change = _or_turned(a, e, size, leader, d, order, place, cost, turns, symmetric, eps, spare)
            if change < 0.0:
                touched[0], touched[1], touched[4] = leader, d, e
                return change
    return 0.0


@njit(cache=True, nogil=True)
def improve(order, place, cost, near, near_in, turns, symmetric, eps, spare, queue, waiting, ends, touched):
    """Serve the queue of nodes whose surroundings changed; the change of the length."""
    total = 0.0
    while ends[0] < ends[1]:
        a = queue[ends[0] % len(queue)]
        ends[0] += 1
        waiting[a] = False
        while True:
            change = _improve_node(a, order, place, cost, near, near_in, turns, symmetric, eps, spare, touched)
            if change >= 0.0:
                break
            total += change
            if not symmetric:
                sum_turns(order, cost, turns)
            for node in touched:
                push(queue, waiting, ends, node)
    return total
