"""Pictures in, numbers out: everything that is measured on the pictures of one probe.

Nothing is judged here (see `sightgrid.health.rules`), nothing is kept, and nobody is looked for.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from sightgrid.errors import InputError
from sightgrid.health.conditions import tell_lighting
from sightgrid.health.levels import measure_colour, measure_levels
from sightgrid.health.motion import measure_change, measure_clock, measure_shaking
from sightgrid.health.patterns import measure_comb, measure_stripes
from sightgrid.health.sharpness import measure_noise, measure_sharpness
from sightgrid.health.view import SIZE, THUMBNAIL, compare_views, describe_grey, shrink_frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sightgrid.health.view import Reference

MOTION_FRAMES = 8  # spread over the probe; more cost time and tell no more

# name -> what it is, with its unit; the columns of a health frame, in this order
MEASURES: dict[str, str] = {
    "frames": "pictures that came",
    "advance_s": "time from the first to the last picture, s",
    "fps": "pictures per second",
    "width_px": "width of the pictures as sent, px",
    "height_px": "height of the pictures as sent, px",
    "bands": "3 for colour, 1 if all channels are the same",
    "changed_share": "largest share of pixels that differ from the first picture by more than 2 levels",
    "residual_level": "noise in the difference of two pictures, levels",
    "shake_px": "standard deviation of the shift from picture to picture, px of 640 x 360",
    "mean_level": "mean grey level, 0 to 255",
    "contrast": "standard deviation of the grey levels",
    "level_range": "grey levels from the 10th to the 90th percentile",
    "dark_share": "share of pixels below level 16",
    "bright_share": "share of pixels from level 250 on",
    "peak_level": "level that the brightest 0.1 % of the pixels reach",
    "saturation": "mean of largest minus smallest colour channel, levels",
    "cast_a": "mean of a in CIE Lab (green to red)",
    "cast_b": "mean of b in CIE Lab (blue to yellow)",
    "sharpness": "variance of the Laplacian, levels²",
    "relative_sharpness": "variance of the Laplacian over the variance of the picture",
    "noise_level": "Immerkaer's standard deviation of the noise, levels",
    "flat_share": "share of 16 x 9 tiles without detail",
    "stripe_level": "amplitude of the strongest regular stripe, levels",
    "comb_share": "share of pixels on the comb of interlaced pictures",
    "corners": "corner points found",
    "inliers": "corner points that agree with the reference view",
    "shift_px": "shift of the view against the reference by corner points, px of 640 x 360",
    "rotation_deg": "rotation of the view against the reference, degrees",
    "zoom": "size of things against the reference view",
    "phase_shift_px": "shift of the view against the reference by phase correlation, px of 640 x 360",
    "phase_peak": "clearness of that shift, 0 to 1",
    "likeness": "correlation of the picture's structure with the reference view's, -1 to 1",
}


def measure_frames(
    frames: Sequence[NDArray[np.uint8]], times_s: Sequence[float], *, reference: Reference | None = None
) -> dict[str, float]:
    """Measure the pictures of one probe.

    Spatial measures are taken on the middle picture, scaled to 640 x 360 by area means; motion on up to 8 pictures
    spread over the probe, taken at 640 x 360 without averaging; the comb on the middle picture as sent.

    Parameters
    ----------
    frames : sequence of (height, width, 3) arrays of uint8
        Pictures in order, blue, green, red; all of one size.
    times_s : sequence of float
        Their presentation times, seconds.
    reference : Reference, optional
        The views the camera should have; the one for the present lighting is compared with.

    Returns
    -------
    dict of str to float
        All of ``MEASURES``; NaN where a measure cannot be taken (motion on a single picture, a view without reference).

    Raises
    ------
    InputError
        No pictures, pictures of several shapes, or not as many times as pictures.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> frames = [rng.integers(100, 120, (360, 640, 3), np.uint8) for _ in range(5)]
    >>> found = measure_frames(frames, [0.0, 0.1, 0.2, 0.3, 0.4])
    >>> round(found["fps"], 3), round(found["mean_level"]), found["changed_share"] > 0.5
    (10.0, 109, True)
    """
    _check(frames, times_s)
    height, width = frames[0].shape[:2]
    colour = shrink_frame(frames[len(frames) // 2])
    grey = np.asarray(cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY), np.uint8)
    small = np.asarray(cv2.resize(colour, THUMBNAIL, interpolation=cv2.INTER_AREA), np.uint8)
    found = measure_clock(times_s) | {"width_px": float(width), "height_px": float(height)}
    greys = _pick(frames)
    found |= measure_change(greys) | measure_shaking(greys)
    found |= measure_levels(grey) | measure_colour(small)
    found |= measure_sharpness(grey) | measure_noise(grey) | measure_stripes(grey)
    found |= measure_comb(np.asarray(frames[len(frames) // 2][..., 1]))  # green is close enough to grey
    lighting = tell_lighting(found["saturation"], found["mean_level"])
    found |= compare_views(describe_grey(grey), reference.views.get(lighting) if reference else None)
    return {name: float(found[name]) for name in MEASURES}


def _check(frames: Sequence[NDArray[np.uint8]], times_s: Sequence[float]) -> None:
    if not len(frames):
        raise InputError("frames: there are none")
    if len(times_s) != len(frames):
        raise InputError(f"times_s: {len(times_s)} times for {len(frames)} frames")
    if not all(math.isfinite(time) for time in times_s):
        raise InputError("times_s: finite numbers are needed")
    shapes = {(frame.shape, str(frame.dtype)) for frame in frames}
    shape, dtype = next(iter(shapes))
    if len(shapes) > 1 or len(shape) != 3 or shape[2] != 3 or dtype != "uint8" or 0 in shape:  # noqa: PLR2004
        raise InputError(f"frames: pictures of one size, 3 channels and 8 bits are needed, not {sorted(shapes)[:3]}")


def _pick(frames: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    """Grey pictures spread over the probe; single pixels, because means hide the small changes of a living picture."""
    at = np.unique(np.linspace(0, len(frames) - 1, min(len(frames), MOTION_FRAMES)).round().astype(int))
    return [
        np.asarray(
            cv2.cvtColor(cv2.resize(frames[i], SIZE, interpolation=cv2.INTER_NEAREST), cv2.COLOR_BGR2GRAY), np.uint8
        )
        for i in at
    ]
