"""One turn around a camera: which wall is nearest, interval by interval, and the cells that follow from it."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from sightgrid.coverage.cells import (
    ARC,
    ORIGIN,
    SLIVER,
    add_break,
    close_ray,
    emit,
    footprint_bounds,
    footprint_breaks,
    inverse,
    stack,
)
from sightgrid.coverage.culling import diamond
from sightgrid.coverage.edges import OPAQUE

BUCKETS = 128


@njit(cache=True, nogil=True)
def mark(x, y, k, k_end, i, keys, ids, dirs, m):
    """Add the start (i > 0) or the end (i < 0) of segment |i| - 1 to the events; returns how many there are."""
    if k < k_end:
        norm = math.sqrt(x * x + y * y)
        keys[m], ids[m], dirs[m, 0], dirs[m, 1] = k, i, x / norm, y / norm
        m += 1
    return m


@njit(cache=True, nogil=True)
def sort_events(keys, n, order, buckets):
    """Stable order of pseudo-angles in [0, 4]: by bucket, then by insertion; several times faster than argsort here."""
    scale = BUCKETS / 4.000001
    buckets[:] = 0
    for i in range(n):
        buckets[int(keys[i] * scale) + 1] += 1
    for b in range(BUCKETS):
        buckets[b + 1] += buckets[b]
    for i in range(n):
        b = int(keys[i] * scale)
        order[buckets[b]] = i
        buckets[b] += 1
    for i in range(1, n):
        e, j = order[i], i
        while j > 0 and keys[order[j - 1]] > keys[e]:
            order[j] = order[j - 1]
            j -= 1
        order[j] = e


@njit(cache=True, nogil=True)
def sweep(view, planes, corners, n_corners, seg, n, outline, room):
    """Turn once through the sector; returns the exact area, the number of cells and the cell that closes the circle."""
    begin_x, begin_y, end_x, end_y, r_min, r_max, roof = view
    keys, ids, dirs, order, buckets, active, fresh, place, finite, cells, meta, state = room
    has_planes = n_corners > 0
    k0 = diamond(begin_x, begin_y)
    full = begin_x == end_x and begin_y == end_y
    k_end = 4.0
    if not full:
        k_end = diamond(end_x, end_y) - k0
        if k_end <= 0.0:
            k_end += 4.0
    m, n_active, n_finite = 0, 0, 0
    for quarter in range(1, 4):  # no interval is wider than a right angle
        c, s = (0.0, 1.0) if quarter == 1 else ((-1.0, 0.0) if quarter == 2 else (0.0, -1.0))
        m = add_break(c * begin_x - s * begin_y, s * begin_x + c * begin_y, k0, k_end, keys, ids, dirs, m)
    if has_planes or r_min > 0.0:
        m = footprint_breaks(planes, corners, n_corners, seg, n, r_min, r_max, k0, k_end, keys, ids, dirs, m)
    for i in range(n):
        ka, kb = seg[i, 8] - k0, seg[i, 9] - k0
        if ka < 0.0:
            ka += 4.0
        if kb < 0.0:
            kb += 4.0
        m = mark(seg[i, 0], seg[i, 1], ka, k_end, i + 1, keys, ids, dirs, m)
        m = mark(seg[i, 2], seg[i, 3], kb, k_end, -i - 1, keys, ids, dirs, m)
        if kb < ka:  # it reaches over the first ray: active from there, and again from its start
            if seg[i, 6] < OPAQUE:
                place[i], finite[n_finite] = n_finite, i
                n_finite += 1
            else:
                place[i], active[n_active] = n_active, i
                n_active += 1
    keys[m], ids[m], dirs[m, 0], dirs[m, 1] = k_end, 0, end_x, end_y
    sort_events(keys, m + 1, order, buckets)
    area, previous, nearest, rescan, n_fresh = 0.0, 0.0, -1, True, 0
    # one cell is held back while neighbouring intervals continue it
    held, held_low, held_high, held_from = False, ORIGIN, ARC, 0.0
    seen_first, started = False, False
    state[:] = 0
    u0, u1, held_u = np.empty(2), np.empty(2), np.empty(2)
    u0[0], u0[1] = begin_x, begin_y
    for q in range(m + 1):
        e = order[q]
        key = keys[e]
        if key - previous > 1e-14:
            u1[0], u1[1] = dirs[e, 0], dirs[e, 1]
            mx, my = u0[0] + u1[0], u0[1] + u1[1]
            if rescan:
                nearest, best, rescan = -1, 0.0, False
                for p in range(n_active):
                    w = seg[active[p], 4] * mx + seg[active[p], 5] * my
                    if w > best:
                        best, nearest = w, active[p]
            elif n_fresh:
                best = seg[nearest, 4] * mx + seg[nearest, 5] * my if nearest >= 0 else 0.0
                for p in range(n_fresh):
                    w = seg[fresh[p], 4] * mx + seg[fresh[p], 5] * my
                    if w > best and place[fresh[p]] >= 0:
                        best, nearest = w, fresh[p]
            n_fresh = 0
            low, high, something = ORIGIN, ARC, True
            if has_planes or r_min > 0.0:
                norm = math.sqrt(mx * mx + my * my)
                mx, my = mx / norm, my / norm
                low, high, something = footprint_bounds(planes, mx, my, r_min, r_max)
                if something and nearest >= 0 and low != ORIGIN:
                    wall = seg[nearest, 4] * mx + seg[nearest, 5] * my
                    something = inverse(low, mx, my, seg, planes, r_min, r_max) > wall
            if nearest >= 0:
                high = 2 * nearest
            many = something and (n_finite > 0 or roof)
            half_turn = full and previous < 2.0 <= key
            sliver = key - previous <= SLIVER
            if held and (many or not something or low != held_low or high != held_high or high == ARC or half_turn):
                show = outline and previous - held_from > SLIVER
                area += emit(held_low, held_high, held_u, u0, show, seg, planes, r_min, r_max, cells, meta, state)
                if show:
                    close_ray(state, meta)
                    started = started or not seen_first
                    seen_first = True
                held = False
            if half_turn:
                # a chain must not close around the camera unless the camera itself is seen
                for p in range(state[1]):
                    if meta[p, 4] >= 0 and meta[meta[p, 4], 0] != ORIGIN:
                        meta[p, 4] = -1
            if many:
                show = outline and not sliver
                area += stack(
                    low, high, u0, u1, finite, n_finite, roof, show, seg, planes, r_min, r_max, cells, meta, state
                )
                if show:
                    started = started or (not seen_first and state[1] > 0)
                    seen_first = True
            elif something:
                if not held:
                    held, held_low, held_high, held_from = True, low, high, previous
                    held_u[0], held_u[1] = u0[0], u0[1]
            elif not sliver:
                close_ray(state, meta)
                seen_first = True
            previous = key
            u0[0], u0[1] = u1[0], u1[1]
        i = ids[e]
        if i > 0:
            i -= 1
            if seg[i, 6] < OPAQUE:
                place[i], finite[n_finite] = n_finite, i
                n_finite += 1
            else:
                place[i], active[n_active] = n_active, i
                n_active += 1
                fresh[n_fresh] = i
                n_fresh += 1
        elif i < 0:
            i = -i - 1
            if seg[i, 6] < OPAQUE:
                n_finite -= 1
                finite[place[i]] = finite[n_finite]
                place[finite[n_finite]] = place[i]
            else:
                n_active -= 1
                active[place[i]] = active[n_active]
                place[active[n_active]] = place[i]
                place[i] = -1
                rescan = rescan or i == nearest
    if held:
        show = outline and previous - held_from > SLIVER
        area += emit(held_low, held_high, held_u, u0, show, seg, planes, r_min, r_max, cells, meta, state)
        if show:
            close_ray(state, meta)
            started = started or not seen_first
    closed = -1
    if full and started:
        for p in range(state[1]):
            if meta[meta[p, 4], 0] == ORIGIN:
                closed = meta[p, 4]
    return area, state[0], closed
