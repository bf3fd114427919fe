"""Lines and rings in the units of a tile: cut off at its edge, and without points that nobody would see."""

from __future__ import annotations

import numpy as np
from numba import njit

TOLERANCE = 0.5  # units of a tile: what a point may lie off without being kept
MOST_GROWTH = 6  # times as many points as before, at most, when a ring is cut at four edges


@njit(cache=True, nogil=True)
def lies_inside(xy, low, high):
    """1: all points lie within the square from low to high; -1: all beyond one of its edges; 0: neither."""
    west, north, east, south = np.inf, np.inf, -np.inf, -np.inf
    for k in range(len(xy)):
        x, y = xy[k, 0], xy[k, 1]
        if not (np.isfinite(x) and np.isfinite(y)):
            return -1
        west, east = min(west, x), max(east, x)
        north, south = min(north, y), max(south, y)
    if not (west <= high and east >= low and north <= high and south >= low):
        return -1
    return 1 if west >= low and east <= high and north >= low and south <= high else 0


@njit(cache=True, nogil=True)
def clip_segment(x0, y0, x1, y1, low, high):
    """The part of a segment within the square, as shares of it (Liang-Barsky); the first is larger if none."""
    enter, leave = 0.0, 1.0
    dx, dy = x1 - x0, y1 - y0
    for run, room in ((-dx, x0 - low), (dx, high - x0), (-dy, y0 - low), (dy, high - y0)):
        if run == 0.0:
            if room < 0.0:
                return 1.0, 0.0
        elif run < 0.0:
            enter = max(enter, room / run)
        else:
            leave = min(leave, room / run)
    return enter, leave


@njit(cache=True, nogil=True)
def clip_ring(ring, low, high):
    """The part of a ring (its last point is not its first) within the square, edge by edge (Sutherland-Hodgman)."""
    count = len(ring)
    source = np.empty((MOST_GROWTH * count + 8, 2))
    for k in range(count):
        source[k, 0], source[k, 1] = ring[k, 0], ring[k, 1]
    target = np.empty((MOST_GROWTH * count + 8, 2))
    for edge in range(4):
        axis, bound, sign = edge // 2, low if edge % 2 == 0 else high, 1.0 if edge % 2 == 0 else -1.0
        kept = 0
        for k in range(count):
            before = count - 1 if k == 0 else k - 1
            here, there = sign * (source[k, axis] - bound), sign * (source[before, axis] - bound)
            if (here >= 0.0) != (there >= 0.0):
                share = there / (there - here)
                target[kept, 0] = source[before, 0] + share * (source[k, 0] - source[before, 0])
                target[kept, 1] = source[before, 1] + share * (source[k, 1] - source[before, 1])
                target[kept, axis] = bound
                kept += 1
            if here >= 0.0:
                target[kept, 0], target[kept, 1] = source[k, 0], source[k, 1]
                kept += 1
        count = kept
        source, target = target, source
    return source[:count]


@njit(cache=True, nogil=True)
def simplify(xy, closed):
    """The points of a line, or of a ring whose last point is not its first, that matter (Douglas-Peucker)."""
    count = len(xy)
    if count < 3 or (closed and count < 5):
        return xy
    keep = np.zeros(count + 1, np.uint8)  # one more: the ring's first point at its end
    stack = np.empty((count + 2, 2), np.int64)
    keep[0] = 1
    if closed:
        far, most = 0, 0.0
        for k in range(1, count):
            apart = (xy[k, 0] - xy[0, 0]) ** 2 + (xy[k, 1] - xy[0, 1]) ** 2
            if apart > most:
                far, most = k, apart
        keep[far] = 1
        stack[0, 0], stack[0, 1], stack[1, 0], stack[1, 1] = 0, far, far, count
        depth = 2
    else:
        keep[count - 1] = 1
        stack[0, 0], stack[0, 1] = 0, count - 1
        depth = 1
    while depth > 0:
        depth -= 1
        a, b = stack[depth, 0], stack[depth, 1]
        end = b % count
        dx, dy = xy[end, 0] - xy[a, 0], xy[end, 1] - xy[a, 1]
        square = dx * dx + dy * dy
        far, most = a, TOLERANCE**2
        for k in range(a + 1, b):
            px, py = xy[k, 0] - xy[a, 0], xy[k, 1] - xy[a, 1]
            share = 0.0 if square == 0.0 else min(max((px * dx + py * dy) / square, 0.0), 1.0)
            apart = (px - share * dx) ** 2 + (py - share * dy) ** 2
            if apart > most:
                far, most = k, apart
        if far > a:
            keep[far] = 1
            stack[depth, 0], stack[depth, 1] = a, far
            stack[depth + 1, 0], stack[depth + 1, 1] = far, b
            depth += 2
    kept = np.empty((count, 2))
    size = 0
    for k in range(count):
        if keep[k]:
            kept[size, 0], kept[size, 1] = xy[k, 0], xy[k, 1]
            size += 1
    return kept[:size]
