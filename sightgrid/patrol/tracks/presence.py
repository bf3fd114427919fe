"""Presence: when a track is within a few metres of a place, and for how long."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

REJOIN_S = 60.0  # who is out of a place for less has not left it: the noise of fixes at its edge


def find_presences(
    xy: NDArray[np.float64],
    at_s: NDArray[np.float64],
    places: Sequence[tuple[float, float]],
    *,
    tolerance_m: float,
    max_gap_s: float,
) -> NDArray[np.float64]:
    """Find when a unit was within a distance of a place.

    Between two fixes at most `max_gap_s` apart the unit is taken to move straight and evenly; the moments at which it
    enters and leaves the circle follow from the quadratic equation of the distance. Stays less than a minute apart are
    one.

    Parameters
    ----------
    xy, at_s : ndarray
        Fixes in order of time: metres, and seconds.
    places : sequence of (float, float)
        The centres: to be at one of them is enough.
    tolerance_m : float
        Radius of the circle.
    max_gap_s : float
        Longest time between two fixes that is bridged.

    Returns
    -------
    ndarray, shape (n, 2)
        Arrival and leaving of each stay, in seconds; a single fix in the circle is a stay of no length.

    Examples
    --------
    >>> track, clock = np.array([[0.0, 0.0], [100.0, 0.0]]), np.array([0.0, 100.0])
    >>> find_presences(track, clock, [(50.0, 0.0)], tolerance_m=30.0, max_gap_s=120.0).tolist()
    [[20.0, 80.0]]
    """
    if not len(xy):
        return np.empty((0, 2))
    stays = []
    for place in places:
        relative = xy - np.array(place)
        inside = (relative**2).sum(axis=1) <= tolerance_m**2
        stays += [np.column_stack([at_s[inside], at_s[inside]]), _cross(relative, at_s, tolerance_m, max_gap_s)]
    found = np.concatenate(stays)
    if not len(found):
        return found
    found = found[np.lexsort((found[:, 1], found[:, 0]))]
    until = np.maximum.accumulate(found[:, 1])
    new = np.r_[True, found[1:, 0] > until[:-1] + REJOIN_S]
    first = np.flatnonzero(new)
    return np.column_stack([found[first, 0], until[np.r_[first[1:], len(found)] - 1]])


def _cross(
    relative: NDArray[np.float64], at_s: NDArray[np.float64], tolerance_m: float, max_gap_s: float
) -> NDArray[np.float64]:
    """Solve |a + t d| = tolerance on each bridged step, 0 <= t <= 1."""
    begin, step, seconds = relative[:-1], np.diff(relative, axis=0), np.diff(at_s)
    square = (step**2).sum(axis=1)
    half = (begin * step).sum(axis=1)
    rest = (begin**2).sum(axis=1) - tolerance_m**2
    moving = square > 0.0
    root = half**2 - square * rest
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = (-half - np.sqrt(root)) / square, (-half + np.sqrt(root)) / square
    low, high = np.where(moving, low, 0.0), np.where(moving, high, 1.0)
    low, high = np.maximum(low, 0.0), np.minimum(high, 1.0)
    hit = (seconds <= max_gap_s) & np.where(moving, (root >= 0.0) & (low <= high), rest <= 0.0)
    start = at_s[:-1][hit]
    return np.column_stack([start + low[hit] * seconds[hit], start + high[hit] * seconds[hit]])
