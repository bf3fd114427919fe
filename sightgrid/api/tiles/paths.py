"""Coordinates out of well-known binary, in one pass and without an object for each shape.

A path is a point, a line or a ring; the paths of one row follow each other. Everything is checked against the length of
the row: what is cut short or of another kind is left out.
"""

from __future__ import annotations

import numpy as np
from numba import njit

POINT, LINE, RING, HOLE = 0, 1, 2, 3  # a ring is followed by its holes
DIMENSIONS = np.array([0, 1, 2, 2], np.uint8)

LITTLE_ENDIAN = 1
HEADER, COUNT, ORDINATE = 5, 4, 8  # bytes
HAS_Z, HAS_M, HAS_SRID = 0x80000000, 0x40000000, 0x20000000  # EWKB; ISO counts on by thousands


@njit(cache=True, nogil=True)
def read_whole(data, at):
    """Four bytes as a whole number."""
    return (
        np.int64(data[at]) | np.int64(data[at + 1]) << 8 | np.int64(data[at + 2]) << 16 | np.int64(data[at + 3]) << 24
    )


@njit(cache=True, nogil=True)
def read_paths(data, starts):
    """Read the shapes of rows that lie one after the other in `data`; a row may hold several.

    Returns ``xy`` of all points, where each path begins in it (and where the last ends), the kind of each path, and its
    row.
    """
    xy = np.empty((len(data) // (2 * ORDINATE) + 1, 2), np.float64)
    raw = xy.reshape(-1).view(np.uint8)  # copied as bytes: coordinates in a row are not aligned
    begins = np.empty(len(data) // COUNT + 2, np.int64)
    kinds = np.empty(len(begins), np.uint8)
    owners = np.empty(len(begins), np.int64)
    points, paths = 0, 0
    for row in range(len(starts) - 1):
        at, end = starts[row], starts[row + 1]
        while at + HEADER + COUNT <= end and data[at] == LITTLE_ENDIAN:
            code = read_whole(data, at + 1)
            at += HEADER
            if code & HAS_SRID:
                at += COUNT
            thousand, kind = (code & 0xFFFF) // 1000, (code & 0xFFFF) % 1000
            ordinates = 2
            if code & HAS_Z or thousand in (1, 3):
                ordinates += 1
            if code & HAS_M or thousand in (2, 3):
                ordinates += 1
            stride = ORDINATE * ordinates
            if 4 <= kind <= 7:  # several shapes: they follow, each with a header of its own
                at += COUNT
                continue
            if kind < 1 or kind > 3:
                break
            parts = 1
            if kind == 3:
                if at + COUNT > end:
                    break
                parts = read_whole(data, at)
                at += COUNT
            for part in range(parts):
                count = 1
                if kind > 1:
                    if at + COUNT > end:
                        at = end
                        break
                    count = read_whole(data, at)
                    at += COUNT
                if at + count * stride > end:
                    at = end
                    break
                begins[paths] = points
                for k in range(count):
                    to, come = 2 * ORDINATE * (points + k), at + k * stride
                    for byte in range(2 * ORDINATE):
                        raw[to + byte] = data[come + byte]
                at += count * stride
                points += count
                kinds[paths] = POINT if kind == 1 else LINE if kind == 2 else RING if part == 0 else HOLE
                owners[paths] = row
                paths += 1
    begins[paths] = points
    return xy[:points], begins[: paths + 1], kinds[:paths], owners[:paths]


@njit(cache=True, nogil=True)
def measure_paths(xy, begins, kinds, owners, rows):
    """Box, size and dimension of each row: the area of polygons, the length of lines, 0 for points.

    A row without a shape has a box of NaN.
    """
    boxes = np.full((rows, 4), np.nan)
    sizes = np.zeros(rows)
    dimensions = np.zeros(rows, np.uint8)
    for path in range(len(kinds)):
        row, kind = owners[path], kinds[path]
        a, b = begins[path], begins[path + 1]
        length, double = 0.0, 0.0
        for k in range(a, b):
            x, y = xy[k, 0], xy[k, 1]
            if np.isnan(x):  # an empty point
                continue
            if not boxes[row, 0] <= x:
                boxes[row, 0] = x
            if not boxes[row, 1] <= y:
                boxes[row, 1] = y
            if not boxes[row, 2] >= x:
                boxes[row, 2] = x
            if not boxes[row, 3] >= y:
                boxes[row, 3] = y
            if k > a:
                dx, dy = x - xy[k - 1, 0], y - xy[k - 1, 1]
                length += np.hypot(dx, dy)
                # from the path's own corner: coordinates of millions of metres would cost digits
                double += (xy[k - 1, 0] - xy[a, 0]) * dy - (xy[k - 1, 1] - xy[a, 1]) * dx
        if kind == RING:
            sizes[row] += abs(double) / 2.0
        elif kind == HOLE:
            sizes[row] -= abs(double) / 2.0
        elif kind == LINE:
            sizes[row] += length
        dimensions[row] = max(dimensions[row], DIMENSIONS[kind])
    return boxes, sizes, dimensions
