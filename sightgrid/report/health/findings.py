"""What is told about cameras: their latest rows, the worst first, with the rates, the losses and the outages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sightgrid.health.conditions import CONDITIONS
from sightgrid.health.outages import find_outages, time_repairs
from sightgrid.health.rates import owner_groups, rate_now, rate_periods
from sightgrid.health.records import STATUSES

if TYPE_CHECKING:
    from datetime import datetime

    import geopandas as gpd


@dataclass(frozen=True)
class Losses:
    """What the faults of cameras cost the coverage of a site.

    Attributes
    ----------
    lost_m2 : float
        Ground that is seen by day when all cameras work, and is not seen now.
    rate, rate_now : float
        The coverage rate with all cameras, and as they are.
    by_camera : GeoDataFrame
        See `sightgrid.coverage.find_losses`.
    blind_spots : int
        Blind spots that opened, or grew, because of a camera.
    """

    lost_m2: float
    rate: float
    rate_now: float
    by_camera: gpd.GeoDataFrame
    blind_spots: int


@dataclass(frozen=True)
class Findings:
    """All that is told about the cameras.

    Attributes
    ----------
    table : DataFrame
        Index ``camera_id``, the worst first: the latest row of each camera, with ``name``, ``owner_class`` and
        ``fault`` (the reason as one of a few).
    rates : DataFrame
        By owner class, see `sightgrid.health.rates.rate_now`.
    total : Series
        The same over all cameras.
    losses : Losses or None
        None without a site.
    history : dict or None
        Rates over time; None until the history is longer than a finding is believed.
    outages : DataFrame
        The longest first.
    """

    table: pd.DataFrame
    rates: pd.DataFrame
    total: pd.Series[Any]
    losses: Losses | None
    history: dict[str, Any] | None
    outages: pd.DataFrame


def gather_findings(
    latest: pd.DataFrame,
    *,
    cameras: pd.DataFrame,
    frame: pd.DataFrame,
    hold_s: float,
    at: datetime,
    maintenance: pd.DataFrame | None = None,
    losses: Losses | None = None,
) -> Findings:
    """Gather what is told about cameras.

    Parameters
    ----------
    latest : DataFrame
        The newest row of each camera, a health frame.
    cameras : DataFrame
        The cameras, index ``camera_id``, with ``name`` and ``owner_class`` where known.
    frame : DataFrame
        The health frame of the whole time.
    hold_s : float
        How long the finding of a probe is believed, seconds.
    at : datetime
        Now, with a time zone.
    maintenance : DataFrame, optional
        Times of planned work.
    losses : Losses, optional
        What the faults cost, see `sightgrid.report.health.measure_losses`.

    Returns
    -------
    Findings
    """
    mine = latest[latest.index.get_level_values("camera_id").isin(cameras.index)]
    frame = frame[frame.index.get_level_values("camera_id").isin(cameras.index)]
    owners = owner_groups(cameras)
    everyone = pd.Series("all", index=cameras.index, name="group")
    rates = rate_now(mine, groups=owners, maintenance=maintenance, at=at)
    total = rate_now(mine, groups=everyone, maintenance=maintenance, at=at).iloc[0]
    outages = find_outages(frame, end=at, maintenance=maintenance)
    table = mine.reset_index("checked_at")
    table.insert(0, "owner_class", owners.reindex(table.index))
    names = cameras["name"] if "name" in cameras.columns else pd.Series(None, index=cameras.index, dtype=object)
    table.insert(0, "name", names.reindex(table.index).fillna(""))
    table.insert(0, "fault", [name_fault(*row) for row in _zip(table, "status", "condition", "stage", "reason")])
    lost = losses.by_camera["lost_m2"] if losses is not None else pd.Series(dtype=float)
    table["lost_m2"] = lost.reindex(table.index) if losses is not None else np.nan
    order = pd.DataFrame(
        {
            "status": [STATUSES.index(status) for status in table["status"]],
            "lost": -table["lost_m2"].fillna(0.0).to_numpy(),
            "condition": [CONDITIONS[name].priority if name else len(CONDITIONS) for name in table["condition"]],
            "camera": table.index.to_numpy(),
        }
    ).sort_values(["status", "lost", "condition", "camera"])
    history = _look_back(frame, everyone, outages, hold_s=hold_s, at=at, maintenance=maintenance)
    return Findings(table.iloc[order.index], rates, total, losses, history, outages)


def name_fault(status: str, condition: str, stage: str, reason: str) -> str:
    """Say in a word or two what is wrong, so that it can be counted.

    Examples
    --------
    >>> name_fault("offline", "offline", "connect", "offline: the probe failed at the stage connect: no answer")
    'offline (connect)'
    >>> name_fault("ok", "", "", "no rule holds")
    ''
    """
    if status == "ok":
        return ""
    if status == "not_checkable":
        return reason
    name = CONDITIONS[condition].name
    return f"{name} ({stage.replace('_', ' ')})" if condition == "offline" and stage else name


def _look_back(
    frame: pd.DataFrame,
    everyone: pd.Series[Any],
    outages: pd.DataFrame,
    *,
    hold_s: float,
    at: datetime,
    maintenance: pd.DataFrame | None,
) -> dict[str, Any] | None:
    """Rate the time from the first probe on."""
    if frame.empty:
        return None
    start = frame.index.get_level_values("checked_at").min()
    if (at - start).total_seconds() < hold_s:
        return None
    rates = rate_periods(frame, start=start, end=at, hold_s=hold_s, groups=everyone, maintenance=maintenance)
    repair = time_repairs(outages)
    told = {str(name): value for name, value in rates.iloc[0].drop("cameras").items()}
    told["probes"] = int(told["probes"])
    return {
        "from": start.isoformat(timespec="seconds"), "to": at.isoformat(timespec="seconds"), "hold_s": hold_s, **told,
        "outages_ended": repair.ended, "outages_ongoing": repair.ongoing, "mean_time_to_repair_s": repair.mean_s,
    }  # fmt: skip


def _zip(frame: pd.DataFrame, *columns: str) -> Any:
    return zip(*(frame[name] for name in columns), strict=True)
