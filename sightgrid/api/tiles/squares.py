"""Rows of a summary in a tile, and in the squares of one."""

from __future__ import annotations

import numpy as np
from numba import njit

WORLD = 2**31  # steps around the earth: 2 cm of the projection
WORLD_BITS = 31


@njit(cache=True, nogil=True)
def find_touching(boxes, west, north, east, south):
    """The rows whose boxes touch a box; all boxes as west, north, east, south in steps."""
    rows = np.empty(len(boxes), np.int64)
    count = 0
    for row in range(len(boxes)):
        if boxes[row, 0] <= east and boxes[row, 2] >= west and boxes[row, 1] <= south and boxes[row, 3] >= north:
            rows[count] = row
            count += 1
    return rows[:count]


@njit(cache=True, nogil=True)
def weigh_touching(boxes, sizes, dimensions, west, north, east, south, pixel_m):
    """What touches a box: how many rows, how many of them are larger than a pixel, and the sizes of all and of those.

    Points count as larger. The last number is the highest dimension.
    """
    count, seen, whole, drawn, highest = 0, 0, 0.0, 0.0, 0
    for row in range(len(boxes)):
        if boxes[row, 0] <= east and boxes[row, 2] >= west and boxes[row, 1] <= south and boxes[row, 3] >= north:
            count += 1
            size = np.float64(sizes[row])
            whole += size
            highest = max(highest, dimensions[row])
            if dimensions[row] == 0 or size >= (pixel_m if dimensions[row] == 1 else pixel_m * pixel_m):
                seen += 1
                drawn += size
    return count, seen, whole, drawn, highest


@njit(cache=True, nogil=True)
def find_centres(boxes, west, north, bits, across):
    """The rows whose middles lie in a square, which of its across x across squares they lie in, and the middles.

    A square is ``2 ** bits`` steps wide, so that every row lies in one square of one tile.
    """
    rows = np.empty(len(boxes), np.int64)
    squares = np.empty(len(boxes), np.int64)
    middles = np.empty((len(boxes), 2), np.float64)
    count = 0
    for row in range(len(boxes)):
        x = (np.int64(boxes[row, 0]) + np.int64(boxes[row, 2])) // 2 - west
        y = (np.int64(boxes[row, 1]) + np.int64(boxes[row, 3])) // 2 - north
        column, line = x >> bits, y >> bits
        if 0 <= column < across and 0 <= line < across:
            rows[count] = row
            squares[count] = line * across + column
            middles[count, 0], middles[count, 1] = x, y
            count += 1
    return rows[:count], squares[:count], middles[:count]
