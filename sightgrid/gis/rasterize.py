"""Scanlines: polygons as runs of sample points, without making a raster of the city.

A lattice has rows ``dy_m`` apart and samples ``dx_m`` apart in a row. With `staggered` rows each row is shifted by
another fraction of a step (multiples of the golden ratio), so that no wall, however it lies, runs along a line of
samples: areas counted on such a lattice are several times more accurate than on a square one with as many points.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely
from numba import njit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

GOLDEN = 0.6180339887498949


class Shapes(NamedTuple):
    """Polygons or lines as flat arrays.

    Attributes
    ----------
    points : ndarray, shape (p, 2)
    ring_start : ndarray
        Where each ring (or line) begins in ``points``; one more at the end.
    feature_start : ndarray
        Where each feature begins in ``ring_start``; one more at the end.
    bounds : ndarray, shape (n, 4)
        Bounding box of each feature; NaN where empty.
    """

    points: NDArray[np.float64]
    ring_start: NDArray[np.int64]
    feature_start: NDArray[np.int64]
    bounds: NDArray[np.float64]


def flatten_shapes(geometries: Sequence[shapely.Geometry] | NDArray[np.object_]) -> Shapes:
    """Flatten polygons, or lines, one feature per geometry; None and empty ones become features without points."""
    array = np.asarray(geometries, dtype=object)
    bounds = shapely.bounds(array).reshape(-1, 4)
    if not len(array) or np.isnan(bounds[:, 0]).all():
        return Shapes(np.empty((0, 2)), np.zeros(1, np.int64), np.zeros(len(array) + 1, np.int64), bounds)
    _, points, offsets = shapely.to_ragged_array(array, include_z=False)
    ring_start, *outer = (np.asarray(of, np.int64) for of in offsets)
    # lines have no outer offsets: one piece each; polygons one, multipolygons two
    feature_start = np.arange(len(array) + 1)
    for depth, of in enumerate(outer):
        feature_start = of if depth == 0 else feature_start[of]
    return Shapes(points, ring_start, feature_start, bounds)


class Lattice(NamedTuple):
    """Sample points: row j lies at ``(j + 0.5) dy_m``, sample i of it at ``(i + shift) dx_m`` (CRS coordinates).

    Attributes
    ----------
    dx_m, dy_m : float
        Distance of samples in a row, and of rows.
    staggered : bool
        Whether rows are shifted against each other; else every shift is one half.
    """

    dx_m: float
    dy_m: float
    staggered: bool


@njit(cache=True, nogil=True, inline="always")
def row_shift(row, staggered):
    """Where in its step the first sample of a row lies, in [0, 1)."""
    return (row * GOLDEN) % 1.0 if staggered else 0.5


@njit(cache=True, nogil=True, inline="always")
def first_sample(x, dx, shift):
    """Index of the first sample of a row at or after x."""
    return int(math.ceil(x / dx - shift))


@njit(cache=True, nogil=True)
def scan_rows(shapes, feature, row0, n_rows, dy, begin, end, crossings):
    """Sorted crossings of a polygon's outline with each row it reaches.

    Returns the first and the last reached row (counted from ``row0``, the last one excluded) and ``crossings``, made
    longer where needed. The crossings of row r stand in ``crossings[begin[r] : end[r]]``; the inside runs from each
    even one to the next odd one.
    """
    points, ring_start, feature_start, bounds = shapes
    low = max(int(math.ceil(bounds[feature, 1] / dy - 0.5)) - row0, 0)
    high = min(int(math.ceil(bounds[feature, 3] / dy - 0.5)) - row0, n_rows)
    if high <= low:
        return 0, 0, crossings
    end[low:high] = 0
    for fill in range(2):
        for ring in range(feature_start[feature], feature_start[feature + 1]):
            for k in range(ring_start[ring], ring_start[ring + 1] - 1):
                xa, ya, xb, yb = points[k, 0], points[k, 1], points[k + 1, 0], points[k + 1, 1]
                if ya > yb:
                    xa, ya, xb, yb = xb, yb, xa, ya
                # rows with ya <= y < yb
                r0 = max(int(math.ceil(ya / dy - 0.5)) - row0, low)
                r1 = min(int(math.ceil(yb / dy - 0.5)) - row0, high)
                if r1 <= r0:
                    continue
                if not fill:
                    for r in range(r0, r1):
                        end[r] += 1
                    continue
                slope = (xb - xa) / (yb - ya)
                for r in range(r0, r1):
                    x = xa + ((row0 + r + 0.5) * dy - ya) * slope
                    j = end[r]
                    while j > begin[r] and crossings[j - 1] > x:
                        crossings[j] = crossings[j - 1]
                        j -= 1
                    crossings[j] = x
                    end[r] += 1
        if not fill:
            total = 0
            for r in range(low, high):
                begin[r] = total
                total += end[r]
                end[r] = begin[r]
            if total > crossings.shape[0]:
                crossings = np.empty(2 * total)
    return low, high, crossings


@njit(cache=True, nogil=True)
def bin_boxes(bounds, x0, y0, width, height, columns, rows):
    """Which boxes meet each rectangle of a grid, as compressed rows; NaN boxes meet none."""
    start = np.zeros(columns * rows + 1, np.int64)
    items = np.empty(0, np.int64)
    place = start
    for fill in range(2):
        for f in range(bounds.shape[0]):
            if not bounds[f, 0] <= bounds[f, 2]:
                continue
            c0, c1 = int(math.floor((bounds[f, 0] - x0) / width)), int(math.floor((bounds[f, 2] - x0) / width))
            r0, r1 = int(math.floor((bounds[f, 1] - y0) / height)), int(math.floor((bounds[f, 3] - y0) / height))
            for r in range(max(r0, 0), min(r1, rows - 1) + 1):
                for c in range(max(c0, 0), min(c1, columns - 1) + 1):
                    k = r * columns + c
                    if fill:
                        items[place[k]] = f
                        place[k] += 1
                    else:
                        start[k + 1] += 1
        if not fill:
            start = np.cumsum(start)
            items = np.empty(start[-1], np.int64)
            place = start.copy()
    return start, items
