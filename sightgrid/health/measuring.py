"""What a worker measures for the monitor: the checks against the views a camera should have, and its present view."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sightgrid.health.checks import measure_frames
from sightgrid.health.view import Reference, describe_view

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray


def measure_views(
    frames: Sequence[NDArray[np.uint8]],
    times_s: Sequence[float],
    *,
    reference: Mapping[str, bytes] | None = None,
    keep_view: bool = False,
) -> dict[str, float | bytes]:
    """Measure the pictures of a probe, and describe its view if asked to.

    Parameters
    ----------
    frames, times_s : sequence
        As in `sightgrid.health.checks.measure_frames`.
    reference : mapping of str to bytes, optional
        The packed views of the camera by lighting (`Reference.to_dict`): so whoever sends them needs no OpenCV.
    keep_view : bool
        Describe the view of the middle picture too.

    Returns
    -------
    dict
        The measures, and with `keep_view` under ``"view"`` the packed view (`View.to_bytes`).
    """
    known = Reference.from_dict(reference) if reference else None
    found: dict[str, float | bytes] = dict(measure_frames(frames, times_s, reference=known))
    if keep_view:
        found["view"] = describe_view(frames[len(frames) // 2]).to_bytes()
    return found
