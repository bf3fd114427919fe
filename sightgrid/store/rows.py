"""Between a layer as a frame and its rows in a table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from sightgrid import schemas
from sightgrid.columns import KINDS
from sightgrid.errors import FIRST_IDS, CRSError, Fault, SchemaError, hide
from sightgrid.gis.layers import cast_columns, settle
from sightgrid.store.layer_tables import CONTRACTS, INDEX, LAYERS, SECRET, TIMES, kept_columns
from sightgrid.store.plain_layers import settle_plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyproj import CRS

JOINT = "_"  # between the parts of a street's key


def settle_layer(frame: gpd.GeoDataFrame, layer: str, *, crs: CRS) -> gpd.GeoDataFrame:
    """Check a layer against its contract and give its columns their types.

    Raises
    ------
    CRSError
        The frame is in another coordinate system.
    SchemaError
        Rows break the contract.
    """
    check_layer(layer)
    if frame.crs != crs:
        name = frame.crs.name if frame.crs else "none is given"
        raise CRSError(f"{layer}: must be in the coordinate system of the site, {crs.name}; {name}")
    if layer in KINDS:
        return settle(frame, layer, source="store")
    return settle_plain(frame, layer)


def check_layer(layer: str) -> None:
    """Raise where there is no such layer."""
    if layer not in LAYERS:
        raise SchemaError(layer, (Fault("layer", f"must be one of {', '.join(LAYERS)}"),))


def name_ids(index: pd.Index[Any]) -> list[str]:
    """Write the ids of a frame as text; a street's is its nodes and number: ``u_v_key``."""
    if isinstance(index, pd.MultiIndex):
        return [JOINT.join(map(str, parts)) for parts in index.tolist()]
    return [str(name) for name in index.tolist()]


def split_rows(frame: gpd.GeoDataFrame, layer: str) -> tuple[list[str], list[list[Any]]]:
    """Return the names and the values of the columns of a layer's table, from ``feature_id`` to ``extra``.

    Parameters
    ----------
    frame : GeoDataFrame
        A settled layer.
    layer : str
        Its name.

    Returns
    -------
    names : list of str
    values : list of list
        One list for each column, of plain Python values; None where there is none.
    """
    named: dict[str, list[Any]] = {
        "feature_id": name_ids(frame.index),
        "geometry": shapely.to_wkb(frame.geometry.to_numpy()).tolist(),
    }
    for column in kept_columns(layer):
        values = frame[column.name]
        if column.dtype == "whole" and not column.filled:
            values = values.astype("Int64")
        named[column.name] = values.tolist() if column.filled else _plain(values)
    named["extra"] = _pack_extra(frame, layer)
    return list(named), list(named.values())


def join_rows(rows: Sequence[Sequence[Any]], names: Sequence[str], layer: str, *, crs: CRS) -> gpd.GeoDataFrame:
    """Make a layer of rows of its table, with a column ``version`` at its end.

    Parameters
    ----------
    rows : sequence of rows
        As they were selected.
    names : sequence of str
        The names of their columns; ``feature_id``, ``geometry``, ``version``, ``extra`` and the contract's.
    layer : str
        The layer.
    crs : pyproj.CRS
        The coordinate system of the site.
    """
    values = dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(names, ())
    index = _read_ids(values["feature_id"], layer)
    columns: dict[str, Any] = {}
    for column in kept_columns(layer):
        if column.dtype in {"text", "flag"}:
            columns[column.name] = np.array(values[column.name], dtype=object)
        else:
            dtype = "int64" if column.dtype == "whole" and column.filled else float
            columns[column.name] = np.array(values[column.name], dtype=dtype)  # None becomes NaN
        if column.dtype == "flag":
            columns[column.name] = columns[column.name].astype(bool)
    for at, kept in TIMES.get(layer, {}).items():
        columns = {at: pd.to_datetime(columns.pop(kept), unit="us", utc=True), **columns}
    if layer == "cameras":
        columns[SECRET] = np.full(len(rows), None, dtype=object)
    columns |= _unpack_extra(values["extra"])
    columns["version"] = np.array(values["version"], dtype="int64")
    shapes = shapely.from_wkb(np.array(values["geometry"], dtype=object))
    frame = gpd.GeoDataFrame(pd.DataFrame(columns, index=index), geometry=gpd.GeoSeries(shapes, index=index, crs=crs))
    if layer not in KINDS:
        return frame
    frame = schemas.complete(frame, layer)
    return cast_columns(frame, layer)


def _plain(values: pd.Series[Any]) -> list[Any]:
    return values.astype(object).where(values.notna(), None).tolist()


def _pack_extra(frame: gpd.GeoDataFrame, layer: str) -> list[str | None]:
    known = {column.name for column in CONTRACTS[layer]} | {frame.geometry.name, "version"}
    rest = [name for name in frame.columns if name not in known]
    if not rest:
        return [None] * len(frame)
    faults, lists = [], []
    for name in rest:
        values = _plain(frame[name])
        strange = [number for number, value in enumerate(values) if not isinstance(value, str | int | float | None)]
        if strange:
            ids = tuple(name_ids(frame.index[strange[:FIRST_IDS]]))
            faults.append(Fault(str(name), "must hold text, numbers or flags", ids, len(strange)))
        lists.append([hide(value) if isinstance(value, str) else value for value in values])
    if faults:
        raise SchemaError(layer, tuple(faults))
    return [json.dumps(dict(zip(rest, row, strict=True)), ensure_ascii=False) for row in zip(*lists, strict=True)]


def _unpack_extra(texts: Sequence[str | None]) -> dict[str, Any]:
    if not any(texts):
        return {}
    rows = [json.loads(text) if text else {} for text in texts]
    columns: dict[str, Any] = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        values = [row.get(name) for row in rows]
        words = any(isinstance(value, str) for value in values)
        columns[name] = np.array(values, dtype=object) if words else values
    return columns


def _read_ids(ids: Sequence[str], layer: str) -> pd.Index[Any]:
    names = INDEX[layer]
    if len(names) == 1:
        return pd.Index(list(ids), name=names[0], dtype="str")
    parts = np.array([text.split(JOINT) for text in ids], dtype="int64").reshape(len(ids), len(names))
    return pd.MultiIndex.from_arrays(list(parts.T), names=names)
