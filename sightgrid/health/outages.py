"""Outages: when a camera was not there, for how long, and how long repairs take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import pandas as pd

from sightgrid.errors import InputError
from sightgrid.health.rates import INTACT, NOT_CHECKABLE, ONLINE
from sightgrid.health.spans import SECOND_US, Spans, overlap_s, read_spans, to_us

if TYPE_CHECKING:
    from datetime import datetime

KINDS = {"offline": ONLINE, "not_intact": INTACT}  # what ends an outage


class Repair(NamedTuple):
    """How long repairs take.

    Attributes
    ----------
    mean_s : float
        Mean length of the outages that have ended, planned work taken out; NaN if none has.
    ended, ongoing : int
        How many have ended and how many go on; those wholly within planned work count in neither.
    """

    mean_s: float
    ended: int
    ongoing: int


def find_outages(
    frame: pd.DataFrame,
    *,
    end: datetime,
    kind: Literal["offline", "not_intact"] = "offline",
    maintenance: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Find the outages of cameras.

    Parameters
    ----------
    frame : DataFrame
        A health frame.
    end : datetime
        When the outages that go on are measured, with a time zone.
    kind : {"offline", "not_intact"}
        Whether a camera that is online with a fault counts.
    maintenance : DataFrame, optional
        ``camera_id`` (``""``: all), ``start_at``, ``end_at`` of planned work.

    Returns
    -------
    DataFrame
        The longest first: ``camera_id``, ``start_at`` (the first probe that found it), ``end_at`` (the first that found
        it gone; NaT if it goes on), ``seconds`` (to its end, or till now), ``planned_s`` of it in planned work,
        ``ongoing``, ``reason``. Probes that say nothing neither begin nor end one.

    Raises
    ------
    InputError
        The kind is unknown or the time has no zone.

    Examples
    --------
    >>> times = pd.date_range("2026-05-01", periods=4, freq="h", tz="UTC")
    >>> index = pd.MultiIndex.from_product([["a"], times], names=["camera_id", "checked_at"])
    >>> frame = pd.DataFrame({"status": ["ok", "offline", "offline", "ok"], "reason": ""}, index=index)
    >>> find_outages(frame, end=times[-1])["seconds"].tolist()
    [7200.0]
    """
    if kind not in KINDS:
        raise InputError(f"kind: {kind!r} is not known; choose {' or '.join(KINDS)}")
    now_us = to_us(pd.DatetimeIndex([end]), name="end")[0]
    frame = frame[frame["status"] != NOT_CHECKABLE].sort_index()
    ids = frame.index.get_level_values("camera_id")
    at_us = to_us(pd.DatetimeIndex(frame.index.get_level_values("checked_at")), name="checked_at")
    bad = ~frame["status"].isin(KINDS[kind]).to_numpy()
    first_row = np.ones(len(frame), bool)
    first_row[1:] = ids[1:] != ids[:-1]
    begins = np.flatnonzero(bad & (first_row | ~np.roll(bad, 1)))
    # the row that ends it: the next good one, unless another camera's rows begin before
    turns = np.append(np.flatnonzero(~bad | first_row), len(frame))
    ends = turns[np.searchsorted(turns, begins, side="right")]
    at = np.minimum(ends, len(frame) - 1)
    over = (ends < len(frame)) & ~first_row[at] if len(frame) else np.zeros(0, bool)
    end_us = np.where(over, at_us[at], now_us) if len(frame) else np.empty(0, np.int64)
    cameras = ids.unique()
    spans = Spans(cameras.get_indexer(ids[begins]).astype(np.int64), at_us[begins], end_us)
    found = pd.DataFrame(
        {
            "camera_id": ids[begins].to_numpy(),
            "start_at": pd.to_datetime(at_us[begins], unit="us", utc=True),
            "end_at": pd.to_datetime(np.where(over, end_us, pd.NaT.value // 1000), unit="us", utc=True).where(over),
            "seconds": (end_us - at_us[begins]) / SECOND_US,
            "planned_s": overlap_s(spans, read_spans(maintenance, cameras, name="maintenance")),
            "ongoing": ~over,
            "reason": frame["reason"].to_numpy(object)[begins],
        }
    )
    return found.sort_values("seconds", ascending=False, kind="stable", ignore_index=True)


def time_repairs(outages: pd.DataFrame) -> Repair:
    """Tell the mean time to repair.

    Parameters
    ----------
    outages : DataFrame
        What `find_outages` found.

    Returns
    -------
    Repair
        The mean over the outages that have ended; those that go on would make it too small and are counted apart.
    """
    unplanned = outages[outages["seconds"] > outages["planned_s"]]
    ended = unplanned[~unplanned["ongoing"]]
    mean = float((ended["seconds"] - ended["planned_s"]).mean()) if len(ended) else float("nan")
    return Repair(mean, len(ended), int(unplanned["ongoing"].sum()))
