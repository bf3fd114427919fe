"""Detail and noise in one picture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

TILES = (16, 9)  # columns, rows
FLAT = 0.5  # mean square of the smoothed Laplacian in a tile without detail: asphalt has 1.3, a cloth 0.3
MARGIN = 2  # filters are not valid at the border
# Immerkaer's mask: the difference of two Laplacians, blind to structure up to the second order
MASK = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
MASK_NORM = 6.0  # root of the sum of its squares


def measure_sharpness(grey: NDArray[np.uint8]) -> dict[str, float]:
    """Tell how much detail a picture has.

    Parameters
    ----------
    grey : (height, width) array of uint8
        The picture.

    Returns
    -------
    dict of str to float
        ``sharpness``: variance of the Laplacian (Pech-Pacheco et al. 2000), levels². ``relative_sharpness``: the same
        over the variance of the picture, which no change of brightness or contrast touches. ``flat_share``: share of
        16 x 9 tiles in which the Laplacian of the smoothed picture has a mean square below 0.5 levels².
    """
    deviation = cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_16S))[1].item()
    contrast = cv2.meanStdDev(grey)[1].item()
    smooth = cv2.Laplacian(cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 1.5), cv2.CV_32F)
    energy = cv2.resize(smooth * smooth, TILES, interpolation=cv2.INTER_AREA)
    return {
        "sharpness": deviation**2,
        "relative_sharpness": deviation**2 / contrast**2 if contrast > 0.0 else math.nan,
        "flat_share": float((energy < FLAT).mean()),
    }


def measure_noise(grey: NDArray[np.uint8]) -> dict[str, float]:
    """Estimate the noise of a picture.

    Parameters
    ----------
    grey : (height, width) array of uint8
        The picture.

    Returns
    -------
    dict of str to float
        ``noise_level``: the standard deviation of the noise in levels, after J. Immerkaer, "Fast noise variance
        estimation", Computer Vision and Image Understanding 64 (1996): sqrt(pi / 2) times the mean absolute answer of
        a mask, over the mask's norm. Fine texture is counted as noise, so compare with the camera's own.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(128, 10, (360, 640)).round().astype(np.uint8)
    >>> round(measure_noise(noise)["noise_level"])
    10
    """
    answer = cv2.filter2D(grey, cv2.CV_16S, MASK)[MARGIN:-MARGIN, MARGIN:-MARGIN]
    return {"noise_level": math.sqrt(math.pi / 2.0) * float(np.abs(answer).mean()) / MASK_NORM}
