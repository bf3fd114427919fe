"""Patterns that no scene makes: stripes and the comb of interlaced pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import median_filter

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONGEST_PX = 40  # period of a stripe
EDGE = 4.0  # times the median slope; a wave's own steepest is 1.4 times its median
AROUND = 17  # waves; a line is 4 wide under the window
PARTS = 4  # of the picture, side by side, that must all show a stripe
COMB_LEVEL = 12  # levels between neighbouring lines
COMB_COLUMNS = 4  # every fourth is enough


def measure_stripes(grey: NDArray[np.uint8]) -> dict[str, float]:
    """Find the strongest regular stripe across the whole picture.

    Parameters
    ----------
    grey : (height, width) array of uint8
        The picture.

    Returns
    -------
    dict of str to float
        ``stripe_level``: the largest amplitude, in levels, of a wave with a period of 2 to 40 pixels in the means of
        the rows or of the columns: the Fourier transform, under a Hann window, of their slopes, in which no slope
        counts more than 4 times the median one, so that an edge is no wave; less twice the median of the 17 waves
        around it, and back from slopes to levels. A wave counts by its weakest quarter of the picture: a stripe runs
        across all of it, a car or a fence does not.

    Examples
    --------
    >>> rows = 128 + 10 * np.sin(np.arange(360) * 2 * np.pi / 12)
    >>> picture = np.repeat(rows.round().astype(np.uint8)[:, None], 640, axis=1)
    >>> 9 < measure_stripes(picture)["stripe_level"] < 11
    True
    """
    strongest = 0.0
    for lines in (grey, grey.T):
        profiles = np.array([part.mean(axis=1, dtype=np.float32) for part in np.array_split(lines, PARTS, axis=1)])
        slopes = np.diff(profiles, axis=1)
        usual = np.median(np.abs(slopes), axis=1, keepdims=True)
        slopes = np.clip(slopes, -EDGE * usual, EDGE * usual)
        window = np.hanning(slopes.shape[1])
        waves = 2.0 * np.abs(np.fft.rfft((slopes - slopes.mean(axis=1, keepdims=True)) * window)) / window.sum()
        first = slopes.shape[1] // LONGEST_PX
        turns = np.fft.rfftfreq(slopes.shape[1])[first:]
        shared = waves.min(axis=0)[first:]
        line = (shared - 2.0 * median_filter(shared, size=AROUND, mode="nearest")) / (2.0 * np.sin(np.pi * turns))
        strongest = max(strongest, float(line.max()))
    return {"stripe_level": strongest}


def measure_comb(grey: NDArray[np.uint8]) -> dict[str, float]:
    """Find the comb that two fields of different moments leave on moving edges.

    Parameters
    ----------
    grey : (height, width) array of uint8
        The picture as sent, not scaled: scaling mixes the fields.

    Returns
    -------
    dict of str to float
        ``comb_share``: share of pixels that are more than 12 levels brighter, or darker, than both the line above and
        the line below, while those two are alike; noise and fine texture, which do the same across the lines, are
        taken off by counting the same in the other direction.
    """
    lines = grey[:, ::COMB_COLUMNS].astype(np.int16)
    columns = grey[::COMB_COLUMNS].T.astype(np.int16)
    return {"comb_share": max(0.0, _count_teeth(lines) - _count_teeth(np.ascontiguousarray(columns)))}


def _count_teeth(lines: NDArray[np.int16]) -> float:
    middle, above, below = lines[1:-1], lines[:-2], lines[2:]
    up, down = middle - above, middle - below
    teeth = (np.minimum(np.abs(up), np.abs(down)) > COMB_LEVEL) & ((up > 0) == (down > 0))
    teeth &= np.abs(above - below) < COMB_LEVEL
    return float(teeth.mean()) if teeth.size else 0.0
