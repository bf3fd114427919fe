"""Brightness and colour of one picture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

DARK_LEVEL, BRIGHT_LEVEL = 16, 250
PEAK_SHARE = 0.001  # of the picture: street lamps are small
LAB_ZERO = 128.0  # where 8-bit Lab has its grey
TENTHS = (0.1, 0.9)


def measure_levels(grey: NDArray[np.uint8]) -> dict[str, float]:
    """Tell how bright a picture is.

    Parameters
    ----------
    grey : (height, width) array of uint8
        The picture.

    Returns
    -------
    dict of str to float
        ``mean_level`` and ``contrast`` (standard deviation), in grey levels 0 to 255; ``level_range``: from the 10th to
        the 90th percentile, which a white car in the picture does not widen; ``dark_share`` and ``bright_share`` of
        pixels below 16 and from 250 on; ``peak_level``, which the brightest 0.1 % reach.

    Examples
    --------
    >>> night = np.zeros((360, 640), np.uint8)
    >>> night[100:120, 100:120] = 240  # a lamp
    >>> found = measure_levels(night)
    >>> round(found["mean_level"], 2), found["peak_level"]
    (0.42, 240.0)
    """
    counts = cv2.calcHist([grey], [0], None, [256], [0.0, 256.0]).ravel().astype(np.float64)
    levels, share = np.arange(256.0), counts / counts.sum()
    mean = float(share @ levels)
    low, high = (_interpolate(share, part) for part in TENTHS)
    brightest = np.flatnonzero(np.cumsum(share[::-1]) >= PEAK_SHARE)[0]
    return {
        "mean_level": mean,
        "contrast": math.sqrt(float(share @ (levels - mean) ** 2)),
        "level_range": high - low,
        "dark_share": float(share[:DARK_LEVEL].sum()),
        "bright_share": float(share[BRIGHT_LEVEL:].sum()),
        "peak_level": float(255 - brightest),
    }


def _interpolate(share: NDArray[np.float64], part: float) -> float:
    """The percentile within a level, so that it moves smoothly."""
    below = np.cumsum(share)
    level = int(np.searchsorted(below, part))
    return level + 0.5 - float((below[level] - part) / share[level])


def measure_colour(bgr: NDArray[np.uint8]) -> dict[str, float]:
    """Tell how much colour a picture has, and where its mean lies.

    Parameters
    ----------
    bgr : (height, width, 3) array of uint8
        The picture; a quarter of its size in each direction is enough.

    Returns
    -------
    dict of str to float
        ``saturation``: mean of largest minus smallest channel, levels. ``cast_a`` (green to red) and ``cast_b`` (blue
        to yellow): the mean in CIE Lab, 0 for grey. ``bands``: 3, or 1 if all channels are the same.
    """
    lab = cv2.cvtColor(bgr, cv2.COLOR_BGR2Lab)
    _, a, b, _ = cv2.mean(lab)
    spread = bgr.max(axis=2) - bgr.min(axis=2)
    return {
        "saturation": float(spread.mean()),
        "cast_a": a - LAB_ZERO,
        "cast_b": b - LAB_ZERO,
        "bands": 3.0 if spread.any() else 1.0,
    }
