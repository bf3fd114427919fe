"""Early rejection: edges that stand wholly behind nearer walls need no place in the sweep.

The turn around the camera is cut into bins. A wall that spans a whole bin hides everything farther than it there; an
edge farther than that in every bin it touches can be dropped without changing the answer.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from sightgrid.coverage.edges import OPAQUE

BINS = 64


@njit(cache=True, nogil=True, inline="always")
def diamond(x, y):
    """Pseudo-angle in [0, 4), monotonic in the true angle, without trigonometry."""
    if y >= 0.0:
        return y / (x + y) if x >= 0.0 else 1.0 - x / (y - x)
    return 2.0 + y / (x + y) if x < 0.0 else 3.0 + x / (x - y)


def _make_rays():
    k = np.arange(BINS + 1) * 4.0 / BINS
    f, quarter = k % 1.0, k.astype(int) % 4
    x = np.choose(quarter, [1.0 - f, -f, f - 1.0, f])
    y = np.choose(quarter, [f, 1.0 - f, -f, f - 1.0])
    return np.column_stack([x, y]) / np.hypot(x, y)[:, None]


RAYS = _make_rays()


@njit(cache=True, nogil=True)
def drop_hidden(seg, n, shade):
    """Keep the segments that may be visible, in place; returns how many. Writes their pseudo-angles."""
    shade[:] = 0.0
    scale = BINS / 4.0
    for i in range(n):
        k0, k1 = diamond(seg[i, 0], seg[i, 1]), diamond(seg[i, 2], seg[i, 3])
        seg[i, 8], seg[i, 9] = k0, k1
        if seg[i, 6] < OPAQUE:
            continue
        k0 *= scale
        k1 *= scale
        if k1 < k0:
            k1 += BINS
        k, last = int(math.ceil(k0)), int(k1)
        if k >= last:
            continue
        ca, cb = seg[i, 4], seg[i, 5]
        b = k & (BINS - 1)
        w0 = ca * RAYS[b, 0] + cb * RAYS[b, 1]
        while k < last:
            b = k & (BINS - 1)
            w1 = ca * RAYS[b + 1, 0] + cb * RAYS[b + 1, 1]
            shade[b] = max(shade[b], min(w0, w1))
            w0 = w1
            k += 1
    m = 0
    for i in range(n):
        x0, y0, x1, y1, ca, cb = seg[i, 0], seg[i, 1], seg[i, 2], seg[i, 3], seg[i, 4], seg[i, 5]
        # the foot of the perpendicular from the camera lies on the segment if it is between its ends
        if (cb * x0 - ca * y0) * (cb * x1 - ca * y1) <= 0.0:
            near = math.sqrt(ca * ca + cb * cb)
        else:
            near = 1.0 / math.sqrt(min(x0 * x0 + y0 * y0, x1 * x1 + y1 * y1))
        near *= 1.0 + 1e-12
        k0, k1 = seg[i, 8] * scale, seg[i, 9] * scale
        if k1 < k0:
            k1 += BINS
        hidden = True
        for k in range(int(k0), int(k1) + 1):
            if shade[k & (BINS - 1)] < near:
                hidden = False
                break
        if hidden:
            continue
        if m != i:
            for k in range(10):
                seg[m, k] = seg[i, k]
        m += 1
    return m
