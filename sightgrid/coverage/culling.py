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
        s = seg[i]
        s[8], s[9] = diamond(s[0], s[1]), diamond(s[2], s[3])
        if s[6] < OPAQUE:
            continue
        k0, k1 = s[8] * scale, s[9] * scale
        if k1 < k0:
            k1 += BINS
        k = int(math.ceil(k0))
        last = int(k1)
        if k >= last:
            continue
        r = RAYS[k & (BINS - 1)]
        w0 = s[4] * r[0] + s[5] * r[1]
        while k < last:
            b = k & (BINS - 1)
            r = RAYS[b + 1]
            w1 = s[4] * r[0] + s[5] * r[1]
            shade[b] = max(shade[b], min(w0, w1))
            w0 = w1
            k += 1
    m = 0
    for i in range(n):
        s = seg[i]
        ca, cb = s[4], s[5]
        g2 = ca * ca + cb * cb
        # the foot of the perpendicular from the camera lies on the segment if it is between its ends
        if (cb * s[0] - ca * s[1]) * (cb * s[2] - ca * s[3]) <= 0.0:
            near = math.sqrt(g2)
        else:
            near = 1.0 / math.sqrt(min(s[0] * s[0] + s[1] * s[1], s[2] * s[2] + s[3] * s[3]))
        near *= 1.0 + 1e-12
        k0, k1 = int(s[8] * scale), s[9] * scale
        if s[9] < s[8]:
            k1 += BINS
        hidden = True
        for k in range(k0, int(k1) + 1):
            if shade[k & (BINS - 1)] < near:
                hidden = False
                break
        if hidden:
            continue
        if m != i:
            seg[m] = s
        m += 1
    return m
