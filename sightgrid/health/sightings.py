"""What a monitor's workers measure: the numbers of `sightgrid.health.checks`, and a view where one is wanted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sightgrid.health.checks import measure_frames
from sightgrid.health.conditions import tell_lighting
from sightgrid.health.view import View, describe_view

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from sightgrid.health.view import Reference


def measure_sight(
    frames: Sequence[NDArray[np.uint8]],
    times_s: Sequence[float],
    *,
    reference: Reference | None = None,
    view_file: str = "",
    wanted: Collection[str] = (),
) -> dict[str, float]:
    """Measure the pictures of a probe, and describe the view in a file if its lighting is among those wanted.

    A worker answers in numbers; a view is 34 kB that are needed once in a camera's life, so it goes through a file.

    Parameters
    ----------
    frames, times_s, reference
        As in `sightgrid.health.checks.measure_frames`.
    view_file : str
        Where the view is written.
    wanted : collection of str
        The lightings of which no view is known yet.

    Returns
    -------
    dict of str to float
        The measures.
    """
    found = measure_frames(frames, times_s, reference=reference)
    if view_file and tell_lighting(found["saturation"], found["mean_level"]) in wanted:
        Path(view_file).write_bytes(describe_view(frames[len(frames) // 2]).to_bytes())
    return found


def take_view(file: Path) -> View | None:
    """Read and remove what `measure_sight` wrote; None if it wrote nothing."""
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return None
    file.unlink()
    return View.from_bytes(data)
