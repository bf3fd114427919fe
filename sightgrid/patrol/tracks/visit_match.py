"""Which planned visit was made when: stays at a stop are given to the visits planned there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

if TYPE_CHECKING:
    from numpy.typing import NDArray

DONE, EARLY, LATE, MISSED = "done", "early", "late", "missed"
COLUMNS = ["unit_id", "stop_id", "status", "planned_at", "arrive_at", "leave_at", "delay_s", "planned_s", "dwell_s"]


def match_visits(
    planned: pd.DataFrame, stays: dict[tuple[str, str], NDArray[np.float64]], *, early_s: float, late_s: float
) -> pd.DataFrame:
    """Give stays to planned visits, one to one by unit and stop.

    The pairs with the least sum of delays and of dwell that is missing are taken (an assignment problem), so that
    passing a stop on time does not stand for the real stop some minutes later.

    Parameters
    ----------
    planned : DataFrame
        ``unit_id``, ``stop_id``, ``arrive_at``, ``dwell_s`` of the planned visits.
    stays : dict
        Unit and stop to the stays there, shape (n, 2): arrival and leaving in seconds since 1970.
    early_s, late_s : float
        How much before or after the planned time still counts as done.

    Returns
    -------
    DataFrame
        Indexed as `planned`: ``unit_id``, ``stop_id``, ``status``, ``planned_at``, ``arrive_at``, ``leave_at``,
        ``delay_s`` (0 if the unit was there at the planned time), ``planned_s``, ``dwell_s`` (NaN, NaT if missed).
    """
    due = to_seconds(planned["arrive_at"])
    wanted = planned["dwell_s"].to_numpy(float)
    arrive, leave = np.full(len(planned), np.nan), np.full(len(planned), np.nan)
    groups: dict[Any, Any] = planned.groupby(["unit_id", "stop_id"], sort=False).indices
    for pair, rows in groups.items():
        found = stays.get((str(pair[0]), str(pair[1])), np.empty((0, 2)))
        short = np.maximum(wanted[rows][:, None] - (found[:, 1] - found[:, 0]), 0.0)
        row, stay = linear_sum_assignment(np.abs(_delay(due[rows][:, None], found)) + short)
        arrive[rows[row]], leave[rows[row]] = found[stay].T
    delay = np.where(np.isnan(arrive), np.nan, _delay(due, np.column_stack([arrive, leave])))
    status = np.select([np.isnan(delay), delay < -early_s, delay > late_s], [MISSED, EARLY, LATE], DONE)
    columns: dict[str, Any] = {
        "unit_id": planned["unit_id"].astype("str"),
        "stop_id": planned["stop_id"].astype("str"),
        "status": pd.Series(status, planned.index, dtype="str"),
        "planned_at": planned["arrive_at"],
        "arrive_at": from_seconds(arrive, planned.index),
        "leave_at": from_seconds(leave, planned.index),
        "delay_s": delay,
        "planned_s": wanted,
        "dwell_s": leave - arrive,
    }
    return pd.DataFrame(columns, index=planned.index)[COLUMNS]


def _delay(due: NDArray[np.float64], stays: NDArray[np.float64]) -> NDArray[np.float64]:
    """Seconds from the planned time to the arrival; 0 if the unit was already there and had not left."""
    arrive, leave = stays[:, 0], stays[:, 1]
    return np.where((arrive <= due) & (due <= leave), 0.0, arrive - due)


def to_seconds(times: pd.Series[Any]) -> NDArray[np.float64]:
    """Seconds since 1970 of times with a zone."""
    return times.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy("datetime64[us]").astype("int64") / 1e6


def from_seconds(seconds: NDArray[np.float64], index: pd.Index[Any] | None = None) -> pd.Series[Any]:
    """Times in UTC of seconds since 1970, NaT of NaN."""
    known = np.isfinite(seconds)
    micros = np.round(np.where(known, seconds, 0.0) * 1e6).astype("int64").astype("datetime64[us]")
    times: pd.Series[Any] = pd.Series(np.where(known, micros, np.datetime64("NaT", "us")), index)
    return times.dt.tz_localize("UTC")
