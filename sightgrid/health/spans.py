"""Spans of time of cameras: united, cut at the edges of periods, taken out of one another; all in microseconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sightgrid.errors import FIRST_IDS, Fault, InputError, SchemaError

if TYPE_CHECKING:
    from numpy.typing import NDArray

EVERYONE = ""  # a window for all cameras
SECOND_US = 1e6


@dataclass(frozen=True)
class Spans:
    """Spans of cameras given by their number.

    Attributes
    ----------
    camera : (n,) ndarray of int64
    start_us, end_us : (n,) ndarray of int64
        Microseconds since 1970.
    """

    camera: NDArray[np.int64]
    start_us: NDArray[np.int64]
    end_us: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.camera)

    @property
    def seconds(self) -> NDArray[np.float64]:
        """Their lengths."""
        return (self.end_us - self.start_us) / SECOND_US

    def pick(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Spans:
        """Return some of them."""
        return Spans(self.camera[rows], self.start_us[rows], self.end_us[rows])


def to_us(times: pd.Series | pd.DatetimeIndex, *, name: str) -> NDArray[np.int64]:
    """Turn times with a zone into microseconds; NaT is refused.

    Raises
    ------
    InputError
        The times have no zone, or one is missing.
    """
    index = pd.DatetimeIndex(times)
    if index.tz is None and len(index):
        raise InputError(f"{name}: times must have a time zone")
    if index.hasnans:
        raise InputError(f"{name}: must be given ({int(np.count_nonzero(index.isna()))} rows)")
    return index.as_unit("us").asi8


def read_spans(frame: pd.DataFrame | None, cameras: pd.Index, *, name: str) -> Spans:
    """Read ``camera_id``, ``start_at``, ``end_at`` and unite what overlaps for each camera.

    Parameters
    ----------
    frame : DataFrame or None
        A camera id ``""`` means all cameras; ids that are none of `cameras` are left out, for a table of windows may
        be about more cameras than are looked at.
    cameras : Index
        The cameras, by number.
    name : str
        What the frame is called in messages.

    Returns
    -------
    Spans
        Sorted by camera and time, none touching the next of its camera.

    Raises
    ------
    InputError
        A time is missing or has no zone.
    SchemaError
        A span ends before it starts.
    """
    if frame is None or frame.empty:
        nothing = np.empty(0, np.int64)
        return Spans(nothing, nothing, nothing)
    start, end = (to_us(frame[column], name=f"{name}: {column}") for column in ("start_at", "end_at"))
    wrong = end < start
    if wrong.any():
        first = tuple(map(str, frame["camera_id"].to_numpy()[wrong][:FIRST_IDS]))
        raise SchemaError(name, (Fault("end_at", "must not lie before start_at", first, int(wrong.sum())),))
    ids = frame["camera_id"].to_numpy()
    everyone = np.flatnonzero(ids == EVERYONE)
    own = np.flatnonzero(ids != EVERYONE)
    number = cameras.get_indexer(pd.Index(ids[own]))
    own, number = own[number >= 0], number[number >= 0]
    rows = np.concatenate([own, np.repeat(everyone, len(cameras))])
    camera = np.concatenate([number, np.tile(np.arange(len(cameras)), len(everyone))]).astype(np.int64)
    return unite(Spans(camera, start[rows], end[rows]))


def unite(spans: Spans) -> Spans:
    """Unite spans of a camera that touch or overlap.

    Examples
    --------
    >>> at = np.array
    >>> united = unite(Spans(at([0, 0, 1, 0]), at([5, 0, 0, 20]), at([9, 6, 3, 30])))
    >>> united.camera.tolist(), united.start_us.tolist(), united.end_us.tolist()
    ([0, 0, 1], [0, 20, 0], [9, 30, 3])
    """
    if not len(spans):
        return spans
    spans = spans.pick(np.lexsort((spans.start_us, spans.camera)))
    reach = np.empty_like(spans.end_us)  # the latest end so far
    for first, last in _camera_slices(spans.camera):
        reach[first:last] = np.maximum.accumulate(spans.end_us[first:last])
    new = np.ones(len(spans), bool)
    new[1:] = (spans.camera[1:] != spans.camera[:-1]) | (spans.start_us[1:] > reach[:-1])
    starts = np.flatnonzero(new)
    ends = np.append(starts[1:], len(spans)) - 1
    return Spans(spans.camera[starts], spans.start_us[starts], reach[ends])


def cut(spans: Spans, edges_us: NDArray[np.int64]) -> tuple[Spans, NDArray[np.int64], NDArray[np.int64]]:
    """Cut spans at the edges of periods, and leave out what lies before the first or after the last.

    Returns
    -------
    pieces : Spans
    period : ndarray of int64
        The period of each piece.
    origin : ndarray of int64
        The span it was cut from.
    """
    start, end = np.clip(spans.start_us, edges_us[0], edges_us[-1]), np.clip(spans.end_us, edges_us[0], edges_us[-1])
    first = np.searchsorted(edges_us, start, side="right") - 1
    last = np.searchsorted(edges_us, end, side="left") - 1
    count = np.where(end > start, last - first + 1, 0)
    origin = np.repeat(np.arange(len(spans)), count)
    period = first[origin] + np.arange(len(origin)) - np.repeat(np.cumsum(count) - count, count)
    pieces = Spans(
        spans.camera[origin],
        np.maximum(start[origin], edges_us[period]),
        np.minimum(end[origin], edges_us[period + 1]),
    )
    return pieces, period, origin


def overlap_s(spans: Spans, windows: Spans) -> NDArray[np.float64]:
    """Tell how many seconds of each span lie in windows of its camera; the windows are those of `read_spans`.

    Examples
    --------
    >>> second = 1_000_000
    >>> at = lambda *seconds: np.array(seconds) * second
    >>> one = np.array([0])
    >>> overlap_s(Spans(one, at(10), at(20)), Spans(np.array([0, 0]), at(0, 18), at(12, 50))).tolist()
    [4.0]
    """
    if not len(windows):
        return np.zeros(len(spans))
    # length of the windows of all cameras one after the other, up to a moment
    base = np.concatenate([[0], np.cumsum(windows.end_us - windows.start_us)])
    firsts = np.searchsorted(windows.camera, spans.camera, side="left")
    lasts = np.searchsorted(windows.camera, spans.camera, side="right")

    def covered(moment: NDArray[np.int64]) -> NDArray[np.int64]:
        # windows of a camera are sorted by start: the last one that begins before the moment
        place = _search_within(windows.start_us, firsts, lasts, moment)
        inside = place >= firsts
        at = np.maximum(place, 0)
        part = np.clip(moment - windows.start_us[at], 0, windows.end_us[at] - windows.start_us[at])
        return np.where(inside, base[at] - base[firsts] + part, 0)

    return (covered(spans.end_us) - covered(spans.start_us)) / SECOND_US


def _search_within(
    values: NDArray[np.int64], firsts: NDArray[np.int64], lasts: NDArray[np.int64], wanted: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Find the last value that is at most the wanted one, between first (in) and last (out); first - 1 if none is."""
    low, high = firsts.copy(), lasts.copy()
    while (low < high).any():
        middle = (low + high) // 2
        goes_on = low < high
        below = goes_on & (values[np.minimum(middle, len(values) - 1)] <= wanted)
        low = np.where(below, middle + 1, low)
        high = np.where(goes_on & ~below, middle, high)
    return low - 1


def _camera_slices(camera: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Tell from where to where each camera's rows go, in rows sorted by camera."""
    edges = np.flatnonzero(np.diff(camera)) + 1
    return list(zip([0, *edges.tolist()], [*edges.tolist(), len(camera)], strict=True))
