"""The view a camera should have, and how far the present one is from it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from sightgrid.errors import InputError
from sightgrid.health.motion import correlate_phase

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

SIZE = (640, 360)  # all pictures are measured at this size
THUMBNAIL = (160, 90)
PARTS = (4, 2)  # columns and rows: corners are sought in each, or one passing car would take them all
FEATURES = 64  # in each part
LEVELS = 4  # of the pyramid; the size of things hardly changes
MARGIN_PX = 31  # ORB finds nothing so close to an edge
CORNER_LEVEL = 8  # low, so that asphalt has corners too
POINT_PX = 3.0  # a matched point may lie so far off
FIT_INLIERS = 12  # fewer agree by chance
DESCRIPTOR_BYTES = 32
TILES = (16, 9)
STRUCTURE = 1.0  # variance of a tile of the thumbnail, levels²; less says nothing
FEW_TILES = 15
WINDOW = np.asarray(cv2.createHanningWindow(THUMBNAIL, cv2.CV_32F), np.float32)


@dataclass(frozen=True)
class View:
    """What is kept of a picture to recognise the view: corner points and a grey thumbnail.

    The thumbnail is a picture. It is made of one frame, shows what was in it, people too, and is kept until a new view
    is wanted, whatever is asked of the thumbnails that people look at: without it nobody can tell that a camera was
    covered or turned. Where 10 m lie across the picture, it has 16 pixels a metre: fewer than it takes to detect that
    somebody is there (25; IEC 62676-4:2014). The 125 it takes to recognise a person it has only where less than 1.3 m
    lie across. With fewer pixels covers are found less often, because fine structure is what the tiles are compared by.

    Attributes
    ----------
    points : bytes
        Corner points (ORB; Rublee et al. 2011) as pairs of float32, pixels of the 640 x 360 picture.
    descriptors : bytes
        32 bytes for each point.
    thumbnail : bytes
        160 x 90 grey levels.
    """

    points: bytes = field(repr=False)
    descriptors: bytes = field(repr=False)
    thumbnail: bytes = field(repr=False)

    def __post_init__(self) -> None:
        count = len(self.points) // 8
        wanted = (8 * count, DESCRIPTOR_BYTES * count, THUMBNAIL[0] * THUMBNAIL[1])
        if (len(self.points), len(self.descriptors), len(self.thumbnail)) != wanted:
            raise InputError("view: the bytes do not belong together")

    def __len__(self) -> int:
        return len(self.points) // 8

    @property
    def xy(self) -> NDArray[np.float32]:
        """The points as an array of x and y."""
        return np.frombuffer(self.points, np.float32).reshape(-1, 2)

    @property
    def codes(self) -> NDArray[np.uint8]:
        """The descriptors as an array, one row for each point."""
        return np.frombuffer(self.descriptors, np.uint8).reshape(-1, DESCRIPTOR_BYTES)

    @property
    def grey(self) -> NDArray[np.float32]:
        """The thumbnail as an array."""
        return np.frombuffer(self.thumbnail, np.uint8).reshape(THUMBNAIL[::-1]).astype(np.float32)

    def to_bytes(self) -> bytes:
        """Pack everything into one string of bytes."""
        return self.thumbnail + self.points + self.descriptors

    @classmethod
    def from_bytes(cls, data: bytes) -> View:
        """Unpack what `to_bytes` packed.

        Raises
        ------
        InputError
            The bytes are not those of a view.
        """
        head = THUMBNAIL[0] * THUMBNAIL[1]
        count, rest = divmod(len(data) - head, 8 + DESCRIPTOR_BYTES)
        if count < 0 or rest:
            raise InputError(f"view: {len(data)} bytes are not those of a view")
        return cls(data[head : head + 8 * count], data[head + 8 * count :], data[:head])


@dataclass(frozen=True)
class Reference:
    """The views a camera should have, by lighting (day, dark, infrared)."""

    views: Mapping[str, View] = field(default_factory=dict)

    def to_dict(self) -> dict[str, bytes]:
        """Pack each view into bytes."""
        return {lighting: view.to_bytes() for lighting, view in self.views.items()}

    @classmethod
    def from_dict(cls, packed: Mapping[str, Any]) -> Reference:
        """Unpack what `to_dict` packed."""
        return cls({lighting: View.from_bytes(data) for lighting, data in packed.items()})


def shrink_frame(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Scale a picture to 640 x 360 by area means, whatever its shape: a camera is only compared with itself."""
    return np.asarray(cv2.resize(frame, SIZE, interpolation=cv2.INTER_AREA), np.uint8)


def describe_view(frame: NDArray[np.uint8]) -> View:
    """Describe the view of a picture.

    Parameters
    ----------
    frame : (height, width, 3) array of uint8
        The picture, blue, green, red.

    Returns
    -------
    View
        To be kept as the reference.
    """
    return describe_grey(np.asarray(cv2.cvtColor(shrink_frame(frame), cv2.COLOR_BGR2GRAY), np.uint8))


def describe_grey(grey: NDArray[np.uint8]) -> View:
    """Describe the view of a grey picture of 640 x 360 pixels."""
    finder = cv2.ORB.create(FEATURES, fastThreshold=CORNER_LEVEL, nlevels=LEVELS)
    xy, codes = [], []
    for left, right in _split(SIZE[0], PARTS[0]):
        for top, bottom in _split(SIZE[1], PARTS[1]):
            points, found = finder.detectAndCompute(grey[top:bottom, left:right], None)
            xy += [(point.pt[0] + left, point.pt[1] + top) for point in points]
            codes += [found.tobytes()] if points else []
    thumbnail = cv2.resize(grey, THUMBNAIL, interpolation=cv2.INTER_AREA)
    return View(np.array(xy, np.float32).tobytes(), b"".join(codes), thumbnail.tobytes())


def _split(length: int, parts: int) -> list[tuple[int, int]]:
    step = length // parts
    return [(max(0, i * step - MARGIN_PX), min(length, (i + 1) * step + MARGIN_PX)) for i in range(parts)]


def compare_views(now: View, reference: View | None) -> dict[str, float]:
    """Tell how far the present view is from the reference.

    Parameters
    ----------
    now, reference : View
        Without a reference everything but the number of corners is NaN.

    Returns
    -------
    dict of str to float
        ``corners`` found now. ``inliers``: matched corners that agree on one similarity transform (RANSAC; Fischler
        and Bolles 1981). ``shift_px``: how far that moves the centre of the picture (pixels of 640 x 360), and
        ``rotation_deg``, ``zoom``: NaN under 12 inliers. ``phase_shift_px``, ``phase_peak``: the shift by phase
        correlation of the thumbnails (Kuglin and Hines 1975) and how clear it is (0 to 1). ``likeness``: the
        median of the thumbnails' correlation coefficients over those of 16 x 9 tiles that have structure in the
        reference (brightness and contrast do not touch it); NaN if fewer than 15 have.
    """
    found = dict.fromkeys(
        ("inliers", "shift_px", "rotation_deg", "zoom", "phase_shift_px", "phase_peak", "likeness"), math.nan
    )
    found["corners"] = float(len(now))
    if reference is None:
        return found
    return found | _fit(now, reference) | _correlate(now.grey, reference.grey)


def _fit(now: View, reference: View) -> dict[str, float]:
    if min(len(now), len(reference)) < FIT_INLIERS:
        return {"inliers": 0.0}
    matches = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(reference.codes, now.codes)
    if len(matches) < FIT_INLIERS:
        return {"inliers": 0.0}
    source = reference.xy[[match.queryIdx for match in matches]]
    target = now.xy[[match.trainIdx for match in matches]]
    cv2.setRNGSeed(0)  # the same pictures give the same numbers
    # OpenCV's types do not know that it may find none
    fit: tuple[Any, Any] = cv2.estimateAffinePartial2D(
        source, target, method=cv2.RANSAC, ransacReprojThreshold=POINT_PX
    )
    matrix, fits = fit
    if matrix is None:
        return {"inliers": 0.0}
    inliers = float(fits.sum())
    if inliers < FIT_INLIERS:
        return {"inliers": inliers}
    centre = np.array([SIZE[0] / 2.0, SIZE[1] / 2.0])
    moved = matrix[:, :2] @ centre + matrix[:, 2] - centre
    return {
        "inliers": inliers,
        "shift_px": float(np.hypot(*moved)),
        "rotation_deg": math.degrees(math.atan2(matrix[1, 0], matrix[0, 0])),
        "zoom": float(np.hypot(matrix[0, 0], matrix[1, 0])),
    }


def _correlate(now: NDArray[np.float32], reference: NDArray[np.float32]) -> dict[str, float]:
    dx, dy, peak = correlate_phase(reference, now, WINDOW)
    return {
        "phase_shift_px": math.hypot(dx, dy) * SIZE[0] / THUMBNAIL[0],
        "phase_peak": peak,
        "likeness": _compare_tiles(now, reference),
    }


def _compare_tiles(now: NDArray[np.float32], reference: NDArray[np.float32]) -> float:
    def mean(picture: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(cv2.resize(picture, TILES, interpolation=cv2.INTER_AREA), np.float32)

    mean_now, mean_reference = mean(now), mean(reference)
    spread_now, spread_reference = mean(now * now) - mean_now**2, mean(reference * reference) - mean_reference**2
    structured = spread_reference > STRUCTURE
    if np.count_nonzero(structured) < FEW_TILES:
        return math.nan
    shared = mean(now * reference) - mean_now * mean_reference
    floor = 0.01  # a tile of one level is like nothing
    likeness = shared[structured] / np.sqrt(spread_reference[structured] * np.maximum(spread_now[structured], floor))
    return float(np.median(likeness))
