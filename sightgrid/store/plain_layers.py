"""The layers that are no part of a `Site`, grid and incidents: checked here against the columns of their tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from sightgrid.errors import FIRST_IDS, Fault, SchemaError
from sightgrid.store.layer_tables import CONTRACTS, INDEX, TIMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    import geopandas as gpd
    from numpy.typing import NDArray

    from sightgrid.columns import Column

    Finding = tuple[str, str, NDArray[np.bool_]]  # column, rule, rows that break it


def settle_plain(frame: gpd.GeoDataFrame, layer: str) -> gpd.GeoDataFrame:
    """Check a grid or incidents, and make their columns those of the table.

    Raises
    ------
    SchemaError
        With every fault.
    """
    (name,) = INDEX[layer]
    if frame.index.name != name:
        raise SchemaError(layer, (Fault(name, "missing index"),))
    faults = [
        Fault(column, rule, tuple(map(str, frame.index[wrong][:FIRST_IDS])), int(wrong.sum()))
        for column, rule, wrong in _find_faults(frame, layer)
        if wrong.any()
    ]
    missing = [Fault(at, "missing column") for at in TIMES.get(layer, {}) if at not in frame.columns]
    if faults or missing:
        raise SchemaError(layer, (*missing, *faults))
    frame = frame.copy(deep=False)
    for at, kept in TIMES.get(layer, {}).items():
        frame[kept] = frame.pop(at).dt.tz_convert("UTC").astype("datetime64[us, UTC]").astype("int64")
    for column in CONTRACTS[layer]:
        if column.name not in frame.columns:
            frame[column.name] = np.nan if column.default is None else column.default
        elif column.default is not None:
            frame[column.name] = frame[column.name].fillna(column.default)
    return frame


def _find_faults(frame: gpd.GeoDataFrame, layer: str) -> Iterator[Finding]:
    ids = frame.index
    yield ", ".join(INDEX[layer]), "ids must be unique", ids.duplicated()
    yield ", ".join(INDEX[layer]), "ids must be text", np.array([not isinstance(name, str) or not name for name in ids])
    shapes = frame.geometry.to_numpy()
    yield "geometry", "must not be empty", shapely.is_missing(shapes) | shapely.is_empty(shapes)
    for at in set(TIMES.get(layer, {})) & set(frame.columns):
        zoned = isinstance(frame[at].dtype, pd.DatetimeTZDtype)
        yield at, "must be times with a time zone", np.full(len(frame), not zoned)
        yield at, "must be given", frame[at].isna().to_numpy()
    for column in CONTRACTS[layer]:
        if column.name in frame.columns:
            yield from _find_wrong(frame[column.name], column)


def _find_wrong(values: pd.Series[Any], column: Column) -> Iterator[Finding]:
    given = values.notna().to_numpy()
    if column.dtype == "number":
        low, high, low_in, _ = column.bounds
        numbers = pd.to_numeric(values, errors="coerce").to_numpy(float)
        inside = (numbers >= low if low_in else numbers > low) & (numbers < high)
        yield column.name, f"must be a number in {column.range}", given & ~inside
    elif column.dtype == "text":
        texts = values.map(lambda value: isinstance(value, str)).to_numpy(bool)
        yield column.name, "must be text", given & ~texts
        if column.choices:
            allowed = values.isin(column.choices).to_numpy()
            yield column.name, f"must be one of {', '.join(column.choices)}", given & ~allowed
