"""Which fixes of a track can follow each other: in time, and at a speed that a unit can reach."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

JITTER_M = 50.0  # what two good fixes may differ by without any movement, in a street between high houses
LOOK_BACK = 500  # stretches of fixes between jumps that are looked at to find what hangs together


def keep_rising(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Mark a longest non-decreasing subsequence (patience sorting: Fredman 1975)."""
    kept = np.ones(len(values), bool)
    if (np.diff(values) >= 0).all():
        return kept
    tails: list[float] = []
    ends: list[int] = []
    before = np.full(len(values), -1)
    for i, value in enumerate(values.tolist()):
        place = bisect_right(tails, value)
        before[i] = ends[place - 1] if place else -1
        tails[place : place + 1] = [value]
        ends[place : place + 1] = [i]
    kept[:] = False
    last = ends[-1]
    while last >= 0:
        kept[last] = True
        last = before[last]
    return kept


def keep_connected(seconds: NDArray[np.float64], xy: NDArray[np.float64], limit_mps: float) -> NDArray[np.bool_]:
    """Mark the most fixes that can follow each other below a speed limit, in whole stretches between jumps."""
    step_m = np.hypot(*np.diff(xy, axis=0).T) if len(xy) > 1 else np.empty(0)
    jumps = np.flatnonzero(step_m > limit_mps * np.diff(seconds) + JITTER_M) + 1
    if not len(jumps):
        return np.ones(len(xy), bool)
    starts, ends = np.r_[0, jumps], np.r_[jumps, len(xy)] - 1
    best, before = (ends - starts + 1).astype(float), np.full(len(starts), -1)
    size = best.copy()
    for i in range(1, len(starts)):
        back = slice(max(0, i - LOOK_BACK), i)
        way = np.hypot(*(xy[ends[back]] - xy[starts[i]]).T)
        follows = way <= limit_mps * (seconds[starts[i]] - seconds[ends[back]]) + JITTER_M
        if follows.any():
            gains = np.where(follows, best[back], -np.inf)
            before[i] = back.start + int(gains.argmax())
            best[i] = size[i] + gains.max()
    kept = np.zeros(len(xy), bool)
    run = int(best.argmax())
    while run >= 0:
        kept[starts[run] : ends[run] + 1] = True
        run = before[run]
    return kept
