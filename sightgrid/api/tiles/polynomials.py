"""Polynomials of two coordinates."""

from __future__ import annotations

from numba import njit

NODES = 6  # in each direction: they fix a polynomial of the fifth degree


@njit(cache=True, nogil=True)
def evaluate(xy, middle, half, powers):
    """Put each point where a polynomial says, for the coordinates of a box brought to -1 to 1."""
    for k in range(len(xy)):
        u, v = (xy[k, 0] - middle[0]) / half[0], (xy[k, 1] - middle[1]) / half[1]
        for axis in range(2):
            total = 0.0
            for i in range(NODES - 1, -1, -1):
                inner = 0.0
                for j in range(NODES - 1, -1, -1):
                    inner = inner * v + powers[axis, i, j]
                total = total * u + inner
            xy[k, axis] = total
