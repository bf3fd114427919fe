"""Stacks of cells: what lies open between two neighbouring rays of one camera.

A curve is a wall, the end of a lower wall's shadow, an edge of the footprint, an arc, or the camera itself. Along a ray
of direction ``u`` the line ``A x + B y = 1`` lies at ``1 / (A u_x + B u_y)``: the nearest wall is a maximum of dot
products, areas are cross products, and no angle is computed but for arcs.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from sightgrid.coverage.culling import diamond
from sightgrid.coverage.edges import OPAQUE

SLIVER = 1e-9  # cells narrower than this (in diamond angle) count for the area but not for the outline
JOIN_M = 1e-7  # cells that share less than this of a ray do not hang together

# codes of curves; a wall's line is 2 i, its shadow's end 2 i + 1, a plane k of the footprint PLANE - k
ARC, NEAR_ARC, ORIGIN, PLANE = -1, -2, -3, -10


@njit(cache=True, nogil=True, inline="always")
def inverse(code, ux, uy, seg, planes, r_min, r_max):
    """1 / distance of a curve along the direction u (unit length for arcs)."""
    if code >= 0:
        i = code >> 1
        w = seg[i, 4] * ux + seg[i, 5] * uy
        return w / seg[i, 6] if code & 1 else w
    if code == ARC:
        return 1.0 / r_max
    if code == NEAR_ARC:
        return 1.0 / r_min
    k = PLANE - code
    return (planes[k, 0] * ux + planes[k, 1] * uy) / planes[k, 2]


@njit(cache=True, nogil=True)
def footprint_bounds(planes, ux, uy, r_min, r_max):
    """Codes of the footprint's lower and upper curve along u, and whether there is anything between them."""
    low, high = (NEAR_ARC, ARC) if r_min > 0.0 else (ORIGIN, ARC)
    w_low, w_high = 1.0 / r_min if r_min > 0.0 else OPAQUE, 1.0 / r_max
    for k in range(planes.shape[0]):
        c = planes[k, 2]
        rate = planes[k, 0] * ux + planes[k, 1] * uy
        if planes[k, 0] == 0.0 and planes[k, 1] == 0.0:
            continue
        if c > 0.0:
            if rate / c > w_high:
                high, w_high = PLANE - k, rate / c
        elif c == 0.0:
            if rate > 1e-12:
                return low, high, False
        elif rate >= 0.0:
            return low, high, False
        elif rate / c < w_low:
            low, w_low = PLANE - k, rate / c
    return low, high, w_low > w_high


@njit(cache=True, nogil=True)
def add_break(x, y, k0, k_end, keys, ids, dirs, m):
    """Add a direction at which the stack may change though no wall starts or ends."""
    norm = math.sqrt(x * x + y * y)
    if norm < 1e-9:
        return m
    k = diamond(x, y) - k0
    if k < 0.0:
        k += 4.0
    if k < k_end:
        keys[m], ids[m], dirs[m, 0], dirs[m, 1] = k, 0, x / norm, y / norm
        m += 1
    return m


@njit(cache=True, nogil=True)
def add_circle_breaks(x0, y0, x1, y1, radius, k0, k_end, keys, ids, dirs, m):
    """Add the directions at which a line piece crosses a circle around the camera."""
    dx, dy = x1 - x0, y1 - y0
    length2, half = dx * dx + dy * dy, x0 * dx + y0 * dy
    disc = half * half - length2 * (x0 * x0 + y0 * y0 - radius * radius)
    if disc > 0.0:
        for sign in (-1.0, 1.0):
            t = (-half + sign * math.sqrt(disc)) / length2
            if 0.0 < t < 1.0:
                m = add_break(x0 + t * dx, y0 + t * dy, k0, k_end, keys, ids, dirs, m)
    return m


@njit(cache=True, nogil=True)
def footprint_breaks(planes, corners, n_corners, seg, n, r_min, r_max, k0, k_end, keys, ids, dirs, m):
    """Add the footprint's corners, and where walls cross its near edge."""
    for i in range(n_corners):
        x0, y0 = corners[i - 1 if i else n_corners - 1]
        x1, y1 = corners[i]
        m = add_break(x1, y1, k0, k_end, keys, ids, dirs, m)
        m = add_circle_breaks(x0, y0, x1, y1, r_max, k0, k_end, keys, ids, dirs, m)
        if r_min > 0.0:
            m = add_circle_breaks(x0, y0, x1, y1, r_min, k0, k_end, keys, ids, dirs, m)
    for i in range(n):
        s = seg[i]
        if r_min > 0.0:
            m = add_circle_breaks(s[0], s[1], s[2], s[3], r_min, k0, k_end, keys, ids, dirs, m)
        for k in range(planes.shape[0]):
            if planes[k, 2] < 0.0:
                f0 = planes[k, 0] * s[0] + planes[k, 1] * s[1] - planes[k, 2]
                f1 = planes[k, 0] * s[2] + planes[k, 1] * s[3] - planes[k, 2]
                if f0 * f1 < 0.0:
                    t = f0 / (f0 - f1)
                    x, y = s[0] + t * (s[2] - s[0]), s[1] + t * (s[3] - s[1])
                    m = add_break(x, y, k0, k_end, keys, ids, dirs, m)
    return m


@njit(cache=True, nogil=True)
def emit(low, high, u0, u1, outline, seg, planes, r_min, r_max, cells, meta, state):
    """Add one cell between two curves and two rays; returns its area. ``state``: cells, open, opened now, no room."""
    w = inverse(high, u0[0], u0[1], seg, planes, r_min, r_max)
    hx0, hy0 = u0[0] / w, u0[1] / w
    w = inverse(high, u1[0], u1[1], seg, planes, r_min, r_max)
    hx1, hy1 = u1[0] / w, u1[1] / w
    lx0 = ly0 = lx1 = ly1 = 0.0
    if low != ORIGIN:
        w = inverse(low, u0[0], u0[1], seg, planes, r_min, r_max)
        lx0, ly0 = u0[0] / w, u0[1] / w
        w = inverse(low, u1[0], u1[1], seg, planes, r_min, r_max)
        lx1, ly1 = u1[0] / w, u1[1] / w
    angle = 0.0
    if high == ARC or low == NEAR_ARC:
        angle = math.atan2(u0[0] * u1[1] - u0[1] * u1[0], u0[0] * u1[0] + u0[1] * u1[1])
    area = r_max * r_max * angle if high == ARC else hx0 * hy1 - hy0 * hx1
    area -= r_min * r_min * angle if low == NEAR_ARC else lx0 * ly1 - ly0 * lx1
    if not outline:
        return 0.5 * area
    n, n_open, n_new, _ = state
    near, far = math.sqrt(lx0 * lx0 + ly0 * ly0), math.sqrt(hx0 * hx0 + hy0 * hy0)
    before = -1
    for q in range(n_open):
        j = meta[q, 4]
        if j < 0:
            continue
        top = math.sqrt(cells[j, 6] ** 2 + cells[j, 7] ** 2)
        floor = math.sqrt(cells[j, 2] ** 2 + cells[j, 3] ** 2)
        if min(far, top) - max(near, floor) > JOIN_M:
            before = j
            meta[q, 4] = -1
            break
    if before >= 0 and meta[before, 0] == low and meta[before, 1] == high and high != ARC and low != NEAR_ARC:
        cells[before, 2], cells[before, 3], cells[before, 6], cells[before, 7] = lx1, ly1, hx1, hy1
        here = before
    elif n >= cells.shape[0]:
        state[3] = 1  # out of room: the caller turns again with more
        return 0.0
    else:
        cells[n, 0], cells[n, 1], cells[n, 2], cells[n, 3] = lx0, ly0, lx1, ly1
        cells[n, 4], cells[n, 5], cells[n, 6], cells[n, 7] = hx0, hy0, hx1, hy1
        meta[n, 0], meta[n, 1], meta[n, 2], meta[n, 3] = low, high, before, -1
        if before >= 0:
            meta[before, 3] = n
        here = n
        state[0] = n + 1
    if n_new >= meta.shape[0]:
        state[3] = 1
        return 0.0
    meta[n_new, 5] = here
    state[2] = n_new + 1
    return 0.5 * area


@njit(cache=True, nogil=True)
def close_ray(state, meta):
    """What was opened since the last ray is what the next cells can hang on to."""
    for q in range(state[2]):
        meta[q, 4] = meta[q, 5]
    state[1], state[2] = state[2], 0


@njit(cache=True, nogil=True)
def split_stack(low, high, u0, u1, finite, n_finite, seg, planes, r_min, r_max):
    """Fractions of the interval u0..u1 at which two of the curves cross."""
    codes = np.empty(2 * n_finite + 2, np.int64)
    for q in range(n_finite):
        codes[2 * q], codes[2 * q + 1] = 2 * finite[q], 2 * finite[q] + 1
    codes[2 * n_finite], codes[2 * n_finite + 1] = low, high
    cuts, n = np.empty(64), 1
    cuts[0] = 0.0
    span = u0[0] * u1[1] - u0[1] * u1[0]
    for p in range(2 * n_finite + 2):
        a = codes[p]
        if n + p + 8 > len(cuts):
            cuts = np.concatenate((cuts, np.empty(len(cuts) + p + 8)))
        if a == ORIGIN or a == ARC or a == NEAR_ARC:
            continue
        for q in range(p):
            b = codes[q]
            if b == ORIGIN:
                continue
            if b != ARC and b != NEAR_ARC:
                f0 = inverse(a, u0[0], u0[1], seg, planes, r_min, r_max)
                f0 -= inverse(b, u0[0], u0[1], seg, planes, r_min, r_max)
                f1 = inverse(a, u1[0], u1[1], seg, planes, r_min, r_max)
                f1 -= inverse(b, u1[0], u1[1], seg, planes, r_min, r_max)
                if f0 * f1 < 0.0:
                    cuts[n] = f0 / (f0 - f1)
                    n += 1
        for b in (low, high):
            if b == ARC or b == NEAR_ARC:
                # the line A x + B y = 1 against the circle
                ca = inverse(a, 1.0, 0.0, seg, planes, r_min, r_max)
                cb = inverse(a, 0.0, 1.0, seg, planes, r_min, r_max)
                g2 = ca * ca + cb * cb
                rho = r_max if b == ARC else r_min
                off2 = rho * rho - 1.0 / g2
                if off2 > 0.0:
                    off = math.sqrt(off2 / g2)
                    for sign in (-1.0, 1.0):
                        x, y = ca / g2 - sign * cb * off, cb / g2 + sign * ca * off
                        beta = (u0[0] * y - u0[1] * x) / span
                        alpha = (x * u1[1] - y * u1[0]) / span
                        if alpha > 0.0 and beta > 0.0:
                            cuts[n] = beta / (alpha + beta)
                            n += 1
    cuts[n] = 1.0
    return np.sort(cuts[: n + 1])


@njit(cache=True, nogil=True)
def stack(low, high, u0, u1, finite, n_finite, roof, outline, seg, planes, r_min, r_max, cells, meta, state):
    """Cells between two rays where walls lower than the camera stand; returns their area."""
    area = 0.0
    cuts = split_stack(low, high, u0, u1, finite, n_finite, seg, planes, r_min, r_max)
    v0, v1, mid = np.empty(2), np.empty(2), np.empty(2)
    v0[:] = u0
    order, distance = np.empty(n_finite, np.int64), np.empty(n_finite)
    for k in range(len(cuts) - 1):
        if cuts[k + 1] - cuts[k] < 1e-12:
            continue
        f = cuts[k + 1]
        v1[0], v1[1] = (1.0 - f) * u0[0] + f * u1[0], (1.0 - f) * u0[1] + f * u1[1]
        v1 /= math.hypot(v1[0], v1[1])
        mid[:] = v0 + v1
        mid /= math.hypot(mid[0], mid[1])
        top = 1.0 / inverse(high, mid[0], mid[1], seg, planes, r_min, r_max)
        floor = 0.0
        if low != ORIGIN:
            floor = 1.0 / inverse(low, mid[0], mid[1], seg, planes, r_min, r_max)
        n = 0
        for q in range(n_finite):
            r = 1.0 / inverse(2 * finite[q], mid[0], mid[1], seg, planes, r_min, r_max)
            if r < top:
                j = n
                while j > 0 and distance[j - 1] > r:
                    distance[j], order[j] = distance[j - 1], order[j - 1]
                    j -= 1
                distance[j], order[j] = r, finite[q]
                n += 1
        show = outline and abs(v0[0] * v1[1] - v0[1] * v1[0]) > SLIVER
        code, inside = low, roof
        for q in range(n):
            i = order[q]
            if inside <= 0 and distance[q] > floor:
                area += emit(code, 2 * i, v0, v1, show, seg, planes, r_min, r_max, cells, meta, state)
            inside += 1 if seg[i, 7] > 0.0 else -1
            if distance[q] * seg[i, 6] > floor:
                floor, code = distance[q] * seg[i, 6], 2 * i + 1
        if inside <= 0 and floor < top:
            area += emit(code, high, v0, v1, show, seg, planes, r_min, r_max, cells, meta, state)
        if show:
            close_ray(state, meta)
        v0[:] = v1
    return area
