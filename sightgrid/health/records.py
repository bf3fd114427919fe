"""What is known of a camera at a moment: one row of a health frame, and what is remembered between two of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd

from sightgrid.health.baselines import Baseline
from sightgrid.health.hysteresis import Hysteresis

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

INDEX = ("camera_id", "checked_at")
COLUMNS = ("status", "reason", "stage", "condition", "consequence", "seconds")
STATUSES = ("offline", "fault", "warning", "not_checkable", "ok")  # the worst first


@dataclass(frozen=True, kw_only=True)
class Record:
    """A row of a health frame.

    Attributes
    ----------
    camera_id : str
        The camera.
    checked_at : datetime
        When the probe began, in UTC.
    status : str
        One of ``STATUSES``, after hysteresis.
    reason : str
        Why, in words.
    stage : str
        The stage at which the probe failed, ``""`` if it passed all.
    condition, consequence : str
        What stands first (``""`` if nothing does), and what all that stands means for the coverage: ``"nothing"`` is
        seen, the view is ``"void"``, reaches ``"shorter"``, or ``"none"``.
    seconds : float
        How long the probe took.
    measures : dict of str to float
        What was measured on the pictures.
    thumbnail : bytes or None
        A small JPEG.
    """

    camera_id: str
    checked_at: datetime
    status: str
    reason: str
    stage: str = ""
    condition: str = ""
    consequence: str = "none"
    seconds: float = 0.0
    measures: dict[str, float] = field(default_factory=dict)
    thumbnail: bytes | None = field(default=None, repr=False)


@dataclass
class Memory:
    """What has to be known of a camera to judge its next probe.

    Attributes
    ----------
    baseline : Baseline
        What is usual for it.
    hysteresis : Hysteresis
        Its last probes, and what stands.
    failures : int
        How many times in a row nobody was there to answer.
    """

    baseline: Baseline = field(default_factory=Baseline)
    hysteresis: Hysteresis = field(default_factory=Hysteresis)
    failures: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Make a plain dictionary; views are bytes in it."""
        return {
            "baseline": self.baseline.to_dict(),
            "hysteresis": self.hysteresis.to_dict(),
            "failures": self.failures,
        }

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Memory:
        """Read what `to_dict` made."""
        return cls(
            Baseline.from_dict(kept["baseline"]), Hysteresis.from_dict(kept["hysteresis"]), int(kept["failures"])
        )


class Keeper(Protocol):
    """Where records and memories are kept; `sightgrid.store.history.History` is one."""

    def record(self, record: Record, memory: Memory) -> None:
        """Keep a record and the memory after it, both or neither."""

    def load_memory(self, camera_id: str) -> Memory | None:
        """Return the memory of a camera, or None if there is none."""

    def load_ends(self) -> dict[str, tuple[datetime, int]]:
        """Return for each camera when it was checked last, and its failures in a row."""


class Notebook:
    """A keeper that keeps everything in memory, for a run that leaves nothing behind.

    Examples
    --------
    >>> Notebook().load_memory("a") is None
    True
    """

    def __init__(self) -> None:
        self.records: list[Record] = []
        self._memories: dict[str, Memory] = {}

    def record(self, record: Record, memory: Memory) -> None:
        """Keep a record and the memory after it."""
        self.records.append(record)
        self._memories[record.camera_id] = memory

    def load_memory(self, camera_id: str) -> Memory | None:
        """Return the memory of a camera, or None if there is none."""
        return self._memories.get(camera_id)

    def load_ends(self) -> dict[str, tuple[datetime, int]]:
        """Return for each camera when it was checked last, and its failures in a row."""
        return {
            record.camera_id: (record.checked_at, self._memories[record.camera_id].failures) for record in self.records
        }


def frame_records(records: Iterable[Record]) -> pd.DataFrame:
    """Make a health frame of records.

    Parameters
    ----------
    records : iterable of Record
        In any order.

    Returns
    -------
    pandas.DataFrame
        Index ``(camera_id, checked_at)``, sorted, times in UTC; columns ``status``, ``reason``, ``stage``,
        ``condition``, ``consequence``, ``seconds``, and one for each measure (NaN where it was not taken).

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> at = datetime(2026, 5, 1, 12, tzinfo=UTC)
    >>> frame = frame_records([Record(camera_id="a", checked_at=at, status="ok", reason="", measures={"fps": 25.0})])
    >>> frame["fps"].tolist(), frame.index.names
    ([25.0], FrozenList(['camera_id', 'checked_at']))
    """
    rows = list(records)
    index = pd.MultiIndex.from_arrays(
        [
            pd.Index([row.camera_id for row in rows], dtype="str"),
            pd.DatetimeIndex([row.checked_at for row in rows], tz="UTC"),
        ],
        names=INDEX,
    )
    columns: dict[str, Any] = {
        name: pd.Series([getattr(row, name) for row in rows], index=index, dtype=float if name == "seconds" else "str")
        for name in COLUMNS
    }
    names = list(dict.fromkeys(name for row in rows for name in row.measures))
    for name in names:
        columns[name] = pd.Series([row.measures.get(name) for row in rows], index=index, dtype=float)
    return pd.DataFrame(columns, index=index).sort_index(kind="stable")
