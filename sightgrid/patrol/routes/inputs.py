"""What else a planner may bring, checked: attention, what cameras see, visits that are locked or done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sightgrid.errors import InputError
from sightgrid.patrol.routes.checkpoints import may_serve
from sightgrid.patrol.shift.plan import DONE_COLUMNS
from sightgrid.patrol.shift.tables import Table

if TYPE_CHECKING:
    import geopandas as gpd

LOCKED_COLUMNS = ("unit_id", "stop_id", "arrive_at")


def street_attention(
    attention: pd.DataFrame | pd.Series[float] | None, streets: gpd.GeoDataFrame
) -> pd.Series[float] | None:
    """Attention of each street as a Series, checked.

    Raises
    ------
    InputError
        It has no column ``attention``, another index than the streets, or values below 0.
    """
    if attention is None:
        return None
    if isinstance(attention, pd.DataFrame):
        if "attention" not in attention.columns:
            raise InputError("attention: missing column attention")
        attention = attention["attention"]
    if not attention.index.equals(streets.index):
        raise InputError("attention: its index is not that of the streets")
    _require_positive("attention", attention)
    return attention.astype(float)


def check_observed(observed: pd.DataFrame | None, streets: gpd.GeoDataFrame) -> pd.DataFrame | None:
    """What cameras see of each street, checked.

    Raises
    ------
    InputError
        A column is missing, the index is not that of the streets, or a length is below 0.
    """
    if observed is None:
        return None
    for column in ("observable_m", "observed_m"):
        if column not in observed.columns:
            raise InputError(f"observed: missing column {column}")
        _require_positive(f"observed: {column}", observed[column])
    if not observed.index.equals(streets.index):
        raise InputError("observed: its index is not that of the streets")
    return observed[["observable_m", "observed_m"]].astype(float)


def spare_length(streets: gpd.GeoDataFrame, observed: pd.DataFrame | None) -> pd.Series[float]:
    """Metres of each street that no camera sees."""
    length = streets["length_m"].astype(float)
    if observed is None:
        return length
    return (length - observed["observed_m"].to_numpy(float)).clip(lower=0.0)


def check_locked(
    locked: pd.DataFrame | None, units: gpd.GeoDataFrame, stops: gpd.GeoDataFrame, *, done: pd.DataFrame
) -> pd.DataFrame:
    """Visits that must be part of the plan, checked against units and stops.

    Raises
    ------
    SchemaError
        A column is missing or a time has no zone.
    InputError
        Ids are unknown; a visit lies outside its unit's shift or its stop's window, is of the wrong unit, or too soon
        after another; or there are more of a stop than visits wanted, those done counted.
    """
    table = _read("locked", locked, LOCKED_COLUMNS)
    _require_known("locked", "unit_id", table["unit_id"], units.index)
    _require_known("locked", "stop_id", table["stop_id"], stops.index)
    serves = pd.DataFrame(may_serve(units, stops), index=units.index, columns=stops.index)
    pairs = list(zip(table["unit_id"], table["stop_id"], table["arrive_at"], strict=True))
    names = np.array([f"{unit} at {stop}" for unit, stop, _ in pairs], object)
    rules: dict[str, list[bool]] = {
        "the unit may not serve the stop": [not serves.loc[unit, stop] for unit, stop, _ in pairs],
        "must lie in the unit's shift": [
            not units["start_at"][unit] <= at < units["end_at"][unit] for unit, _, at in pairs
        ],
        "must lie in the stop's window": [
            bool(at < stops["open_at"][stop] or at + _longest(stops, stop) > stops["close_at"][stop])
            for _, stop, at in pairs
        ],
    }
    for rule, broken in rules.items():
        if any(broken):
            raise InputError(f"locked: {rule} ({sum(broken)} rows: {', '.join(names[np.array(broken)][:5])})")
    for stop, part in table.groupby("stop_id"):
        left = max(int(stops["visits"][stop]) - int((done["stop_id"] == stop).sum()), 0)
        if len(part) > left:
            raise InputError(f"locked: {len(part)} visits at {stop}, where {left} are wanted")
        apart_s = part["arrive_at"].sort_values().diff().dt.total_seconds().min()
        need_s = _longest(stops, str(stop)).total_seconds() + stops["min_gap_s"][stop]
        if apart_s < need_s:
            raise InputError(
                f"locked: two visits at {stop} begin {apart_s:.0f} s apart, at least {need_s:.0f} are needed"
            )
    return table


def check_done(done: pd.DataFrame | None, stops: gpd.GeoDataFrame) -> pd.DataFrame:
    """Visits made before, checked against the stops.

    Raises
    ------
    SchemaError
        A column is missing or a time has no zone.
    InputError
        Stops are unknown, or a visit ends before it begins.
    """
    table = _read("done", done, DONE_COLUMNS)
    _require_known("done", "stop_id", table["stop_id"], stops.index)
    wrong = (table["leave_at"] < table["arrive_at"]).to_numpy(bool)
    if wrong.any():
        raise InputError(f"done: a visit ends before it begins ({wrong.sum()} rows: {table['stop_id'][wrong].iloc[0]})")
    return table.sort_values("arrive_at", ignore_index=True)


def _read(kind: str, frame: pd.DataFrame | None, columns: tuple[str, ...]) -> pd.DataFrame:
    given = pd.DataFrame(columns=list(columns)) if frame is None else pd.DataFrame(frame)
    index = pd.Index([f"row {at + 1}" for at in range(len(given))], name="row", dtype="str")
    table = Table(given.set_axis(index), kind, index="row")
    for column in columns:
        if column.endswith("_at"):
            table.moment(column, required=True)
        else:
            table.text(column)
    return table.conclude()[list(columns)].reset_index(drop=True)


def _require_known(kind: str, column: str, values: pd.Series[str], known: pd.Index[str]) -> None:
    strange = values[~values.isin(known)]
    if len(strange):
        raise InputError(f"{kind}: {column}: unknown ids ({len(strange)} rows: {', '.join(strange.iloc[:5])})")


def _require_positive(name: str, values: pd.Series[float]) -> None:
    wrong = ~(np.isfinite(values.to_numpy(float)) & (values.to_numpy(float) >= 0.0))
    if wrong.any():
        first = ", ".join(map(str, values.index[wrong][:5]))
        raise InputError(f"{name}: must be finite and at least 0 ({wrong.sum()} rows: {first})")


def _longest(stops: gpd.GeoDataFrame, stop: str) -> pd.Timedelta:
    return pd.Timedelta(seconds=float(stops["dwell_max_s"][stop]))
