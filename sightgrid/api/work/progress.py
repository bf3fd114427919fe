"""How far a job is, as one number that never falls."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

NEARLY = 0.99  # until the result is kept


class Gauge:
    """Turns stages into one share of the whole.

    Parameters
    ----------
    stages : mapping of str to float
        See `sightgrid.api.work.process.Process`; empty: each stage counts for itself.

    Examples
    --------
    >>> gauge = Gauge({"site": 1.0, "rates": 3.0})
    >>> [round(gauge.move(stage, done, 4), 2) for stage, done in [("site", 4), ("rates", 2), ("rates", 1)]]
    [0.25, 0.62, 0.62]
    """

    def __init__(self, stages: Mapping[str, float]) -> None:
        whole = sum(stages.values()) or 1.0
        self._parts: dict[str, tuple[float, float]] = {}
        before = 0.0
        for stage, share in stages.items():
            self._parts[stage] = before / whole, share / whole
            before += share
        self._share = 0.0

    def move(self, stage: str, done: int, total: int) -> float:
        """Return the share of the work that is done, from 0 to a little less than 1."""
        before, part = self._parts.get(stage, (0.0, 0.0 if self._parts else 1.0))
        within = min(max(done / total, 0.0), 1.0) if total > 0 else 0.0
        self._share = max(self._share, NEARLY * (before + part * within))
        return self._share
