"""Rates of camera health: how many are online, how many intact, how much was recorded, and of what.

A rate is never given without what it was divided by. The definitions are in ``docs/health/rates.md``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sightgrid.errors import InputError, UnitRangeError
from sightgrid.health.spans import Spans, cut, overlap_s, read_spans, to_us

if TYPE_CHECKING:
    from datetime import datetime

    import geopandas as gpd
    from numpy.typing import NDArray

ONLINE = ("ok", "warning", "fault")
INTACT = ("ok", "warning")
NOT_CHECKABLE = "not_checkable"
ALL = "all"
UNKNOWN = "not given"


def owner_groups(cameras: pd.DataFrame) -> pd.Series[Any]:
    """Return the owner class of each camera, ``"not given"`` where there is none."""
    if "owner_class" not in cameras.columns:
        return pd.Series(UNKNOWN, index=cameras.index, name="owner_class")
    return cameras["owner_class"].fillna(UNKNOWN).replace("", UNKNOWN).rename("owner_class")


def cell_groups(cameras: gpd.GeoDataFrame, *, cell_m: float = 100.0) -> pd.Series[Any]:
    """Return the grid cell each camera stands in: column and row from the origin of its coordinate system.

    Raises
    ------
    UnitRangeError
        The cell is not above 0.
    """
    if not 0.0 < cell_m < math.inf:
        raise UnitRangeError(f"cell_m must be a positive number of metres, not {cell_m:g}")
    x, y = (np.floor(values / cell_m).astype(int) for values in (cameras.geometry.x, cameras.geometry.y))
    return pd.Series([f"{c}_{r}" for c, r in zip(x, y, strict=True)], index=cameras.index, name="cell_id")


def rate_now(
    latest: pd.DataFrame,
    *,
    groups: pd.Series[Any] | None = None,
    maintenance: pd.DataFrame | None = None,
    at: datetime | None = None,
) -> pd.DataFrame:
    """Rate the cameras by their latest probe.

    Parameters
    ----------
    latest : DataFrame
        A health frame; of each camera the latest row counts.
    groups : Series, optional
        Group of each camera (`owner_groups`, `cell_groups`); those in it without a row are counted as not checkable.
    maintenance : DataFrame, optional
        ``camera_id`` (``""``: all), ``start_at``, ``end_at`` of planned work.
    at : datetime, optional
        The moment, for the maintenance; without it none is under way.

    Returns
    -------
    DataFrame
        Index: the groups, or ``"all"``. ``cameras`` = ``in_maintenance`` + ``not_checkable`` + ``checked``; of the
        checked ones ``online`` and ``intact``; ``online_rate`` and ``intact_rate`` are shares of the checked ones, NaN
        if there are none.

    Examples
    --------
    >>> index = pd.MultiIndex.from_product([["a", "b", "c", "d"], [pd.Timestamp("2026-05-01", tz="UTC")]],
    ...                                    names=["camera_id", "checked_at"])
    >>> frame = pd.DataFrame({"status": ["ok", "fault", "offline", "not_checkable"]}, index=index)
    >>> rate_now(frame)["online_rate"].round(3).tolist()
    [0.667]
    """
    status = latest.sort_index()["status"].groupby(level="camera_id").last()
    if groups is not None:
        status = status.reindex(groups.index, fill_value=NOT_CHECKABLE)
    away = np.zeros(len(status), bool)
    if at is not None and maintenance is not None:
        moment = np.full(len(status), to_us(pd.DatetimeIndex([at]), name="at")[0])
        now = Spans(np.arange(len(status)), moment, moment + 1)
        away = overlap_s(now, read_spans(maintenance, status.index, name="maintenance")) > 0.0
    marks = pd.DataFrame(
        {
            "cameras": 1,
            "in_maintenance": away,
            "not_checkable": ~away & (status == NOT_CHECKABLE),
            "checked": ~away & (status != NOT_CHECKABLE),
            "online": ~away & status.isin(ONLINE),
            "intact": ~away & status.isin(INTACT),
        },
        index=status.index,
    ).astype(int)
    key = pd.Series(ALL, index=status.index, name="group") if groups is None else groups
    found = marks.groupby(key).sum()
    for name in ("online", "intact"):
        found[f"{name}_rate"] = found[name] / found["checked"].where(found["checked"] > 0)
    return found


def rate_periods(
    frame: pd.DataFrame,
    *,
    start: datetime,
    end: datetime,
    hold_s: float,
    period: str | None = None,
    groups: pd.Series[Any] | None = None,
    maintenance: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Rate the cameras over time: what a probe found holds until the next one, or for `hold_s` at most.

    Parameters
    ----------
    frame : DataFrame
        A health frame; rows from before `start` count as far as they hold.
    start, end : datetime
        With a time zone.
    hold_s : float
        How long the finding of a probe is believed without another one, seconds; twice the interval is usual.
    period : str, optional
        Length of a period as pandas writes it: ``"h"``, ``"D"``, ``"W"``, ``"MS"`` (calendar months); the first and
        the last may be shorter. One period if not given.
    groups : Series, optional
        Group of each camera; cameras in it without a row are unknown all the time.
    maintenance : DataFrame, optional
        ``camera_id`` (``""``: all), ``start_at``, ``end_at`` of planned work, which counts neither way.

    Returns
    -------
    DataFrame
        Index ``(group, period)``. ``cameras``, ``probes``, and camera-seconds: ``planned_s`` = ``maintenance_s`` +
        ``not_checkable_s`` + ``unknown_s`` + ``checked_s``; of the checked ones ``online_s`` and ``intact_s``.
        ``online_rate`` and ``intact_rate`` are shares of ``checked_s``, NaN if that is 0.

    Raises
    ------
    InputError
        The time has no length or no zone.
    UnitRangeError
        `hold_s` is not positive.

    Examples
    --------
    >>> times = pd.date_range("2026-05-01", periods=4, freq="15min", tz="UTC")
    >>> index = pd.MultiIndex.from_product([["a"], times], names=["camera_id", "checked_at"])
    >>> frame = pd.DataFrame({"status": ["ok", "offline", "ok", "ok"]}, index=index)
    >>> rates = rate_periods(frame, start=times[0], end=times[0] + pd.Timedelta("1h"), hold_s=1800.0)
    >>> rates["online_rate"].tolist(), rates["unknown_s"].tolist()
    ([0.75], [0.0])
    """
    edges = _edges(start, end, period)
    spans, status, cameras = _hold(frame, groups, end_us=int(edges[-1]), hold_s=hold_s)
    away = read_spans(maintenance, cameras, name="maintenance")
    pieces, number, origin = cut(spans, edges)
    status = status[origin]
    worked = pieces.seconds - overlap_s(pieces, away)
    planned = np.diff(edges) / 1e6
    group = pd.Series(ALL, index=cameras, name="group") if groups is None else groups
    codes, names = pd.factorize(group, sort=True)

    def total(seconds: NDArray[np.float64], camera: NDArray[np.int64], number: NDArray[np.int64]) -> Any:
        table = np.zeros((len(names), len(planned)))
        np.add.at(table, (codes[camera], number), seconds)
        return table.ravel()

    def total_of(choice: NDArray[np.bool_]) -> Any:
        return total(worked[choice], pieces.camera[choice], number[choice])

    index = pd.MultiIndex.from_product(
        [names, pd.to_datetime(edges[:-1], unit="us", utc=True)], names=[group.name, "period"]
    )
    count = np.bincount(codes, minlength=len(names))
    pauses, pause_number, _ = cut(away, edges)
    probed, probe_number, _ = cut(Spans(spans.camera, spans.start_us, spans.start_us + 1), edges)
    found = pd.DataFrame({"cameras": np.repeat(count, len(planned))}, index=index)
    found["probes"] = total(np.ones(len(probed)), probed.camera, probe_number).astype(int)
    found["planned_s"] = np.outer(count, planned).ravel()
    found["maintenance_s"] = total(pauses.seconds, pauses.camera, pause_number)
    found["not_checkable_s"] = total_of(status == NOT_CHECKABLE)
    found["checked_s"] = total_of(status != NOT_CHECKABLE)
    unknown = found["planned_s"] - found["maintenance_s"] - found["not_checkable_s"] - found["checked_s"]
    found["unknown_s"] = unknown.clip(lower=0.0).round(6)  # what is left of rounding is nothing
    for name, choice in (("online", ONLINE), ("intact", INTACT)):
        found[f"{name}_s"] = total_of(np.isin(status, choice))
    for name in ("online", "intact"):
        found[f"{name}_rate"] = found[f"{name}_s"] / found["checked_s"].where(found["checked_s"] > 0.0)
    return found


def rate_recordings(
    recordings: pd.DataFrame,
    *,
    start: datetime,
    end: datetime,
    cameras: pd.Index,
    period: str | None = None,
    groups: pd.Series[Any] | None = None,
    maintenance: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Rate how completely was recorded: every camera is expected to record all the time but for planned work.

    Parameters
    ----------
    recordings : DataFrame
        ``camera_id``, ``start_at``, ``end_at`` of what a recorder holds; what overlaps counts once.
    start, end, period, groups, maintenance
        As in `rate_periods`.
    cameras : Index
        The cameras that should be recorded, whether they are or not.

    Returns
    -------
    DataFrame
        Index ``(group, period)``: ``cameras``, ``planned_s``, ``maintenance_s``, ``expected_s`` (the first less the
        second), ``recorded_s`` and ``recording_rate``.

    Raises
    ------
    InputError, SchemaError
        A time is missing, has no zone, or a recording ends before it starts.

    Examples
    --------
    >>> day = pd.Timestamp("2026-05-01", tz="UTC")
    >>> kept = pd.DataFrame({"camera_id": ["a"], "start_at": [day], "end_at": [day + pd.Timedelta("18h")]})
    >>> rate_recordings(kept, start=day, end=day + pd.Timedelta("1D"), cameras=pd.Index(["a"]))["recording_rate"].item()
    0.75
    """
    edges = _edges(start, end, period)
    group = pd.Series(ALL, index=cameras, name="group") if groups is None else groups.reindex(cameras)
    codes, names = pd.factorize(group, sort=True)
    away = read_spans(maintenance, cameras, name="maintenance")
    planned = np.diff(edges) / 1e6
    tables = np.zeros((2, len(names), len(planned)))
    pauses, number, _ = cut(away, edges)
    np.add.at(tables[0], (codes[pauses.camera], number), pauses.seconds)
    kept, number, _ = cut(read_spans(recordings, cameras, name="recordings"), edges)
    np.add.at(tables[1], (codes[kept.camera], number), kept.seconds - overlap_s(kept, away))
    count = np.bincount(codes, minlength=len(names))
    index = pd.MultiIndex.from_product(
        [names, pd.to_datetime(edges[:-1], unit="us", utc=True)], names=[group.name, "period"]
    )
    found = pd.DataFrame({"cameras": np.repeat(count, len(planned))}, index=index)
    found["planned_s"], found["maintenance_s"] = np.outer(count, planned).ravel(), tables[0].ravel()
    found["expected_s"] = found["planned_s"] - found["maintenance_s"]
    found["recorded_s"] = tables[1].ravel()
    found["recording_rate"] = found["recorded_s"] / found["expected_s"].where(found["expected_s"] > 0.0)
    return found


def _edges(start: datetime, end: datetime, period: str | None) -> NDArray[np.int64]:
    first, last = to_us(pd.DatetimeIndex([start]), name="start")[0], to_us(pd.DatetimeIndex([end]), name="end")[0]
    if last <= first:
        raise InputError("end must lie after start")
    if period is None:
        return np.array([first, last])
    try:
        inner = pd.date_range(start, end, freq=period)
    except ValueError:
        raise InputError(f"period: {period!r} is no length of time, such as h, D, W or MS") from None
    return np.unique(np.concatenate([[first, last], to_us(inner, name="period")]))


def _hold(
    frame: pd.DataFrame, groups: pd.Series[Any] | None, *, end_us: int, hold_s: float
) -> tuple[Spans, NDArray[np.object_], pd.Index]:
    """Make each row a span: until the next row of its camera, but no longer than it is believed."""
    if not 0.0 < hold_s < math.inf:
        raise UnitRangeError(f"hold_s must be a positive number of seconds, not {hold_s:g}")
    frame = frame.sort_index()
    ids = frame.index.get_level_values("camera_id")
    cameras = ids.unique() if groups is None else groups.index
    number = cameras.get_indexer(ids).astype(np.int64)
    start = to_us(pd.DatetimeIndex(frame.index.get_level_values("checked_at")), name="checked_at")
    end = np.minimum(start + int(hold_s * 1e6), end_us)
    same = ids[1:] == ids[:-1]
    end[:-1] = np.where(same, np.minimum(end[:-1], start[1:]), end[:-1])
    known = (number >= 0) & (end > start)
    spans = Spans(number[known], start[known], end[known])
    return spans, frame["status"].to_numpy(object)[known], cameras
