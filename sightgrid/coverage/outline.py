"""Outlines: chains of cells that hang together, written as closed rings."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from sightgrid.coverage.cells import ARC, NEAR_ARC, ORIGIN

ARC_STEP_RAD = 0.03  # at 100 m a chain leaves its arc by 1.5 cm at most
STRAIGHT_RAD = 1e-4  # a shorter arc is a chord: it loses less than 1e-9 of its sector
SAME_M = 1e-6  # neighbours on a ring closer than this are one point


@njit(cache=True, nogil=True)
def push(x, y, ring, n, begin):
    """Append a point to the ring unless it repeats the last one."""
    if n > begin and abs(ring[n - 1, 0] - x) < SAME_M and abs(ring[n - 1, 1] - y) < SAME_M:
        return n
    ring[n, 0], ring[n, 1] = x, y
    return n + 1


@njit(cache=True, nogil=True)
def push_curve(x0, y0, x1, y1, is_arc, ring, n, begin):
    """Append a curve from its first to its last point; an arc around the camera as a chain of the same area.

    The inner points of the chain lie a little outside the arc, at f times its radius: with k steps of angle d,
    (k - 2) f^2 + 2 f = k d / sin d.
    """
    n = push(x0, y0, ring, n, begin)
    if is_arc:
        angle = math.atan2(x0 * y1 - y0 * x1, x0 * x1 + y0 * y1)
        steps = max(int(math.ceil(abs(angle) / ARC_STEP_RAD)), 2)
        if abs(angle) > STRAIGHT_RAD:
            step = angle / steps
            target = steps * step / math.sin(step)
            f = 0.5 * target if steps == 2 else (math.sqrt(1.0 + (steps - 2) * target) - 1.0) / (steps - 2)
            for k in range(1, steps):
                c, s = f * math.cos(step * k), f * math.sin(step * k)
                n = push(c * x0 - s * y0, s * x0 + c * y0, ring, n, begin)
    return push(x1, y1, ring, n, begin)


@njit(cache=True, nogil=True)
def count_points(meta, n_cells):
    """Upper bound for the points that `trace_outlines` writes."""
    arc_points = int(math.ceil(0.5 * math.pi / ARC_STEP_RAD)) + 2
    total = 0
    for i in range(n_cells):
        total += 5
        if meta[i, 1] == ARC:
            total += arc_points
        if meta[i, 0] == NEAR_ARC:
            total += arc_points
    return total + 4 * n_cells + 4


@njit(cache=True, nogil=True)
def trace_outlines(cells, meta, n_cells, closed, ring, ends):
    """Write each chain of cells as a ring; returns how many rings.

    Parameters
    ----------
    closed : int
        The cell on which a chain that goes all the way round the camera ends, or -1.
    ring, ends : ndarray
        Points of all rings, and where each ring ends.
    """
    n, rings = 0, 0
    for head in range(n_cells):
        if meta[head, 2] >= 0:
            continue
        begin, tail, only_origin = n, head, True
        cell = head
        while cell >= 0:
            c = cells[cell]
            n = push_curve(c[4], c[5], c[6], c[7], meta[cell, 1] == ARC, ring, n, begin)
            only_origin = only_origin and meta[cell, 0] == ORIGIN
            tail, cell = cell, meta[cell, 3]
        if not (only_origin and tail == closed and head == 0):
            cell = tail
            while cell >= 0:
                c = cells[cell]
                n = push_curve(c[2], c[3], c[0], c[1], meta[cell, 0] == NEAR_ARC, ring, n, begin)
                cell = meta[cell, 2]
        while (
            n - begin > 1
            and abs(ring[n - 1, 0] - ring[begin, 0]) < SAME_M
            and abs(ring[n - 1, 1] - ring[begin, 1]) < SAME_M
        ):
            n -= 1
        if n - begin < 3:
            n = begin
            continue
        ring[n, 0], ring[n, 1] = ring[begin, 0], ring[begin, 1]
        n += 1
        ends[rings] = n
        rings += 1
    return rings


@njit(cache=True, nogil=True)
def grow(array, rows):
    """The same rows in a longer array."""
    longer = np.empty((max(rows, 2 * array.shape[0]), array.shape[1]), array.dtype)
    longer[: array.shape[0]] = array
    return longer
