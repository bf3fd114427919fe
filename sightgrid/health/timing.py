"""When the pictures of a stream were taken, and how many there are per second."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MIN_PICTURES = 3  # fewer say nothing about a rate
BUFFERED_S = 0.002  # a picture that comes sooner was there already: its arrival says nothing
PLAUSIBLE_FPS = (0.1, 240.0)
USUAL_FPS = 25.0


def settle_times(
    stamps_s: Sequence[float], arrivals_s: Sequence[float], waits_s: Sequence[float], nominal_fps: float
) -> tuple[list[float], float]:
    """Settle when pictures were taken.

    The clock of an RTSP stream is set anew when the first report of the sender arrives: there its stamps go back, and
    the times go on by one nominal interval. The rate is that of the stamps after the last such step.

    Parameters
    ----------
    stamps_s : sequence of float
        What the stream says; not used if empty or all alike; NaN where a picture has none.
    arrivals_s : sequence of float
        When the pictures came, on any clock.
    waits_s : sequence of float
        How long each was waited for.
    nominal_fps : float
        What the stream promises; used only where plausible.

    Returns
    -------
    times_s : list of float
        One per picture, rising, from 0.
    fps : float
        Pictures per second, NaN if too few say anything.

    Examples
    --------
    >>> settle_times([0.0, 0.04, 0.0, 0.2, 0.4], [5.0] * 5, [0.0] * 5, 25.0)
    ([0.0, 0.04, 0.08, 0.28, 0.48], 5.0)
    """
    if not arrivals_s:
        return [], math.nan
    if len({stamp for stamp in stamps_s if math.isfinite(stamp)}) <= 1:
        waited = [now for now, wait in zip(arrivals_s, waits_s, strict=True) if wait >= BUFFERED_S]
        return [now - arrivals_s[0] for now in arrivals_s], _rate(waited)
    low, high = PLAUSIBLE_FPS
    step = 1.0 / (nominal_fps if low <= nominal_fps <= high else USUAL_FPS)
    times, run = [0.0], 0
    for place, (before, after) in enumerate(pairwise(stamps_s), start=1):
        rises = after > before  # never with a NaN
        times.append(round(times[-1] + (after - before if rises else step), 9))
        run = run if rises else place
    return times, _rate(times[run:] if len(times) - run >= MIN_PICTURES else times)


def _rate(times: Sequence[float]) -> float:
    span = times[-1] - times[0] if times else 0.0
    return round((len(times) - 1) / span, 6) if len(times) >= MIN_PICTURES and span > 0 else math.nan
