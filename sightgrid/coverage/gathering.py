"""What one camera needs to know: its footprint's corners and box, and the edges that may hide something from it."""

from __future__ import annotations

import math

from numba import njit

from sightgrid.coverage.culling import diamond
from sightgrid.coverage.edges import OPAQUE


@njit(cache=True, nogil=True)
def sector_box(bx, by, ex, ey, r, box):
    """Bounding box of a circular sector around the origin."""
    box[0], box[1] = min(0.0, r * bx, r * ex), min(0.0, r * by, r * ey)
    box[2], box[3] = max(0.0, r * bx, r * ex), max(0.0, r * by, r * ey)
    span = diamond(ex, ey) - diamond(bx, by)
    if span <= 0.0:
        span += 4.0
    for quarter in range(4):
        k = quarter - diamond(bx, by)
        if k < 0.0:
            k += 4.0
        if k < span:
            if quarter == 0:
                box[2] = r
            elif quarter == 1:
                box[3] = r
            elif quarter == 2:
                box[0] = -r
            else:
                box[1] = -r


@njit(cache=True, nogil=True)
def clip_footprint(planes, bound, poly, spare):
    """Corners of the convex footprint {p: n.p <= c for all planes} inside a square of half side ``bound``."""
    n = 4
    poly[0, 0], poly[0, 1], poly[1, 0], poly[1, 1] = -bound, -bound, bound, -bound
    poly[2, 0], poly[2, 1], poly[3, 0], poly[3, 1] = bound, bound, -bound, bound
    for k in range(planes.shape[0]):
        a, b, c = planes[k]
        if a == 0.0 and b == 0.0:
            if c < 0.0:
                return 0
            continue
        m = 0
        for i in range(n):
            x0, y0 = poly[i - 1 if i else n - 1]
            x1, y1 = poly[i]
            s0, s1 = a * x0 + b * y0 - c, a * x1 + b * y1 - c
            if (s0 < 0.0 < s1) or (s1 < 0.0 < s0):
                f = s0 / (s0 - s1)
                spare[m, 0], spare[m, 1] = x0 + f * (x1 - x0), y0 + f * (y1 - y0)
                m += 1
            if s1 <= 0.0:
                spare[m, 0], spare[m, 1] = x1, y1
                m += 1
        n = m
        poly[:n] = spare[:n]
        if n == 0:
            return 0
    return n


@njit(cache=True, nogil=True)
def count_edges(cx, cy, box, index):
    """How many edges stand in the grid squares under a box around a camera, counted once per square."""
    _, _, _, _, start, _, x0, y0, cell, nx, ny = index
    ix0, ix1 = max(0, int((cx + box[0] - x0) / cell)), min(nx - 1, int((cx + box[2] - x0) / cell))
    total = 0
    for iy in range(max(0, int((cy + box[1] - y0) / cell)), min(ny - 1, int((cy + box[3] - y0) / cell)) + 1):
        if ix1 >= ix0:
            total += start[iy * nx + ix1 + 1] - start[iy * nx + ix0]
    return total


@njit(cache=True, nogil=True)
def gather(cam, planes, box, index, target_m, heights, seg):
    """Put the edges that can hide something from one camera into ``seg``; returns how many."""
    edges, first, obstacle_height, owner, start, items, x0, y0, cell, nx, ny = index
    cx, cy, height, r_max, host, roof, ux, uy, vx, vy = cam
    narrow = ux * vy - uy * vx > 0.0  # a sector below 180 degrees: two half planes
    ix0, ix1 = max(0, int((cx + box[0] - x0) / cell)), min(nx - 1, int((cx + box[2] - x0) / cell))
    iy0, iy1 = max(0, int((cy + box[1] - y0) / cell)), min(ny - 1, int((cy + box[3] - y0) / cell))
    r2, n = r_max * r_max, 0
    for iy in range(iy0, iy1 + 1):
        for ix in range(ix0, ix1 + 1):
            for q in range(start[iy * nx + ix], start[iy * nx + ix + 1]):
                e = items[q]
                ax, ay, bx, by = edges[e, 0] - cx, edges[e, 1] - cy, edges[e, 2] - cx, edges[e, 3] - cy
                cross = ax * by - ay * bx
                if cross == 0.0:
                    continue
                if narrow and (
                    (ux * ay - uy * ax < 0.0 and ux * by - uy * bx < 0.0)
                    or (ax * vy - ay * vx < 0.0 and bx * vy - by * vx < 0.0)
                ):
                    continue
                shadow = OPAQUE
                if heights:
                    b = obstacle_height[owner[e]]
                    if b <= min(target_m, height):
                        continue  # seen from below the target, any wall above the camera hides all behind it
                    if b < height - 1e-9:
                        if b <= target_m:
                            continue
                        shadow = (height - target_m) / (height - b)
                if host >= 0 and owner[e] == host and not (roof and shadow < OPAQUE):
                    continue
                if shadow == OPAQUE and cross > 0.0:
                    continue  # the back of a wall that hides everything is behind its front
                # an edge stands in every grid square it touches: take it in the first one of the window only
                if first[e, 0] != ix and (first[e, 0] > ix or ix != ix0):
                    continue
                if first[e, 1] != iy and (first[e, 1] > iy or iy != iy0):
                    continue
                dx, dy = bx - ax, by - ay
                t0, t1 = 0.0, 1.0
                if ax * ax + ay * ay > r2 or bx * bx + by * by > r2:
                    length2 = dx * dx + dy * dy
                    half = ax * dx + ay * dy
                    disc = half * half - length2 * (ax * ax + ay * ay - r2)
                    if disc <= 0.0:
                        continue
                    root = math.sqrt(disc)
                    t0, t1 = max(0.0, (-half - root) / length2), min(1.0, (-half + root) / length2)
                for k in range(planes.shape[0]):
                    c = planes[k, 2]
                    if c < 0.0:
                        continue  # a wall before the near edge still hides what is behind it
                    rate = planes[k, 0] * dx + planes[k, 1] * dy
                    room = c - planes[k, 0] * ax - planes[k, 1] * ay
                    if rate > 0.0:
                        t1 = min(t1, room / rate)
                    elif rate < 0.0:
                        t0 = max(t0, room / rate)
                    elif room < 0.0:
                        t1 = -1.0
                if t1 - t0 <= 1e-12:
                    continue
                if t0 > 0.0:
                    px, py = ax + t0 * dx, ay + t0 * dy
                else:
                    px, py = ax, ay
                if t1 < 1.0:
                    bx, by = ax + t1 * dx, ay + t1 * dy
                if cross < 0.0:
                    seg[n, 0], seg[n, 1], seg[n, 2], seg[n, 3], seg[n, 7] = bx, by, px, py, 1.0
                else:
                    seg[n, 0], seg[n, 1], seg[n, 2], seg[n, 3], seg[n, 7] = px, py, bx, by, -1.0
                seg[n, 4], seg[n, 5], seg[n, 6] = dy / cross, -dx / cross, shadow
                n += 1
    return n
