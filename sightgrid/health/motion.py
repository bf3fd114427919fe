"""What changes from picture to picture: life, noise, shaking, and the clock."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np

from sightgrid.health.sharpness import MASK, MASK_NORM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

STEP = 2  # levels; smaller changes may come from the encoder alone
MAD_TO_SIGMA = 1.4826  # of a normal distribution
SHAKE_SIZE = (320, 180)
PARTS = (4, 2)  # columns and rows of parts: what passes through some of them does not move the median of all
PART_WINDOW = np.asarray(
    cv2.createHanningWindow((SHAKE_SIZE[0] // PARTS[0], SHAKE_SIZE[1] // PARTS[1]), cv2.CV_32F), np.float32
)
CLEAR_PEAK = 0.05  # response of the phase correlation below which a shift means nothing
AGREE_PX = 1.0  # parts that shift otherwise show things that move, not the camera
FEW = 3  # shifts are too few to call it shaking


def measure_clock(times_s: Sequence[float]) -> dict[str, float]:
    """Tell how many pictures came, over which time.

    Parameters
    ----------
    times_s : sequence of float
        When each picture was taken (its presentation time), seconds.

    Returns
    -------
    dict of str to float
        ``frames``; ``advance_s``, from the first to the last; ``fps``, NaN where time does not advance.
    """
    advance = times_s[-1] - times_s[0]
    fps = (len(times_s) - 1) / advance if advance > 0.0 else math.nan
    return {"frames": float(len(times_s)), "advance_s": advance if len(times_s) > 1 else math.nan, "fps": fps}


def measure_change(greys: Sequence[NDArray[np.uint8]]) -> dict[str, float]:
    """Tell how much the pictures differ.

    Parameters
    ----------
    greys : sequence of (height, width) arrays of uint8
        Pictures in order.

    Returns
    -------
    dict of str to float
        ``changed_share``: the largest share of pixels that differ from the first picture by more than 2 levels.
        ``residual_level``: the median over pairs of neighbours of the noise in their difference, levels: the median
        absolute answer of Immerkaer's mask, to which moving things that fill less than half the picture are nothing.
        Both NaN with fewer than two pictures.
    """
    if len(greys) < 2:  # noqa: PLR2004
        return {"changed_share": math.nan, "residual_level": math.nan}
    first = greys[0]
    shares = [
        cv2.countNonZero(cv2.threshold(cv2.absdiff(first, grey), STEP, 255, cv2.THRESH_BINARY)[1]) / first.size
        for grey in greys[1:]
    ]
    return {
        "changed_share": max(shares),
        "residual_level": float(np.median([_measure_residual(a, b) for a, b in pairwise(greys)])),
    }


def _measure_residual(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    difference = cv2.subtract(one, other, dtype=cv2.CV_16S)
    answer = cv2.convertScaleAbs(cv2.filter2D(difference.astype(np.float32), cv2.CV_32F, MASK))
    counts = cv2.calcHist([answer], [0], None, [256], [0.0, 256.0]).ravel()
    below = np.cumsum(counts)
    middle = float(np.searchsorted(below, below[-1] / 2.0))
    return MAD_TO_SIGMA * middle / MASK_NORM / math.sqrt(2.0)


def measure_shaking(greys: Sequence[NDArray[np.uint8]]) -> dict[str, float]:
    """Tell how much the whole picture shakes.

    Parameters
    ----------
    greys : sequence of (height, width) arrays of uint8
        Pictures in order.

    Returns
    -------
    dict of str to float
        ``shake_px``: the standard deviation of the pictures' shifts against the first one, after a steady drift is
        taken away, root of both directions' sum of squares, in pixels of the pictures given. A shift is the median of
        8 parts' by phase correlation (Kuglin and Hines 1975). NaN with fewer than 4 pictures, or where too few show a
        shift that most parts share.
    """
    scale = greys[0].shape[1] / SHAKE_SIZE[0]
    small = [np.asarray(cv2.resize(grey, SHAKE_SIZE, interpolation=cv2.INTER_AREA), np.uint8) for grey in greys]
    first, *others = [_cut(picture) for picture in small]
    shifts = [(0.0, 0.0, 0.0)]
    for at, parts in enumerate(others, 1):
        found = [correlate_phase(*pair, PART_WINDOW) for pair in zip(first, parts, strict=True)]
        clear = [(dx, dy) for dx, dy, peak in found if peak >= CLEAR_PEAK]
        if len(clear) > len(found) // 2:
            dx, dy = np.median(clear, axis=0)
            agree = np.hypot(*(np.array(clear) - (dx, dy)).T) <= AGREE_PX
            if agree.sum() > len(found) // 2:
                shifts.append((float(at), float(dx) * scale, float(dy) * scale))
    if len(shifts) <= max(FEW, len(greys) // 2):
        return {"shake_px": math.nan}
    at_, dx_, dy_ = np.array(shifts).T
    design = np.column_stack([np.ones_like(at_), at_])
    total = 0.0
    for shift in (dx_, dy_):
        left = shift - design @ np.linalg.lstsq(design, shift, rcond=None)[0]
        total += float(left @ left) / max(1, len(left) - 2)
    return {"shake_px": math.sqrt(total)}


def correlate_phase(
    one: NDArray[np.float32], other: NDArray[np.float32], window: NDArray[np.float32]
) -> tuple[float, float, float]:
    """Tell by phase correlation how far `other` is shifted against `one`, x and y, and how clear that is (0 to 1)."""
    # copies, because OpenCV writes the windowed pictures over those it is given
    (dx, dy), peak = cv2.phaseCorrelate(one.copy(), other.copy(), window)
    return dx, dy, peak


def _cut(picture: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    columns, rows = PARTS
    return [
        np.ascontiguousarray(part, np.float32) for band in np.vsplit(picture, rows) for part in np.hsplit(band, columns)
    ]
