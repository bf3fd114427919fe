"""Camera tables for probing: streams are needed, positions are not."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from sightgrid import schemas
from sightgrid.errors import Fault, SchemaError
from sightgrid.gis.headers import COORDINATES, KNOWN, canonical, find_faults
from sightgrid.gis.layers import assume_kind, cast_columns, parse_columns
from sightgrid.gis.rejected import hide_secrets
from sightgrid.gis.tables import read_cameras, read_rows

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

MAINTENANCE = ("camera_id", "start_at", "end_at", "reason")


def read_ledger(path: str | os.PathLike[str]) -> pd.DataFrame:
    r"""Read a camera table: CSV as `sightgrid.gis.tables.read_cameras` reads it, but positions may be missing.

    Parameters
    ----------
    path : path-like
        The file; ``camera_id`` and ``stream_url`` are needed.

    Returns
    -------
    DataFrame
        Index ``camera_id``, the columns of the contract; a GeoDataFrame with points if the table has ``lon`` and
        ``lat`` (``x`` and ``y`` say nothing without a site).

    Raises
    ------
    SourceError
        The file is missing, empty, or no text.
    SchemaError
        The header is wrong, or rows break a rule.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "cameras.csv"
    >>> _ = file.write_text("camera_id,stream_url\na,rtsp://10.0.0.7/live\n", encoding="utf-8")
    >>> read_ledger(file).index.tolist()
    ['a']
    """
    path = Path(path)
    raw, ragged, _ = read_rows(path)
    headers = {name: canonical(name) for name in raw.columns}
    if set(COORDINATES[0]) <= set(headers.values()):
        return read_cameras(path)
    faults = find_faults(headers, KNOWN, coordinates=False)
    if faults:
        raise SchemaError("cameras", tuple(faults), source=str(path))
    if raw.empty:
        raise SchemaError("cameras", (Fault("row", "the table holds no rows"),), source=str(path))
    unused = [name for name, column in headers.items() if column not in KNOWN or column in COORDINATES[1]]
    frame = parse_columns(raw.rename(columns=headers).drop(columns=unused), "cameras")
    frame.index = pd.Index(frame.pop("camera_id").fillna(""), name="camera_id", dtype="str")
    # a stand-in keeps the geometry check quiet
    points = gpd.GeoDataFrame(frame, geometry=np.full(len(frame), shapely.Point(0.0, 0.0)))
    cameras = schemas.complete(assume_kind(points), "cameras")
    other = schemas.Finding("row", "has more or fewer fields than the header", ragged)
    verdict = schemas.check(cameras, "cameras", extra=(other,))
    if verdict.faults:
        bad = hide_secrets(raw, ragged)[verdict.bad]
        raise SchemaError("cameras", verdict.faults, source=str(path), bad=bad)
    return pd.DataFrame(cast_columns(cameras, "cameras").drop(columns="geometry"))


def read_maintenance(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read times of planned work: CSV with ``camera_id`` (empty: all), ``start_at``, ``end_at`` and ``reason``.

    Returns
    -------
    DataFrame
        As `sightgrid.store.history.History.add_maintenance` takes it.

    Raises
    ------
    SourceError
        The file is missing, empty, or no text.
    SchemaError
        A column is missing, or a time is none or has no zone.
    """
    path = Path(path)
    raw, ragged, _ = read_rows(path)
    missing = [name for name in MAINTENANCE[:3] if name not in raw.columns]
    if missing:
        raise SchemaError("maintenance", (Fault(", ".join(missing), "missing column"),), source=str(path))
    windows = pd.DataFrame({name: raw[name] if name in raw.columns else None for name in MAINTENANCE}).fillna("")
    faults = []
    if ragged.any():
        faults.append(_blame("row", "has more or fewer fields than the header", ragged))
    for name in ("start_at", "end_at"):
        times = [_parse_time(text) for text in windows[name]]
        wrong = np.array([time is None for time in times])
        if wrong.any():
            faults.append(_blame(name, "must be a time with a zone, such as 2026-05-01T08:00+03:00", wrong))
        windows[name] = pd.to_datetime(pd.Series(times, index=windows.index, dtype=object), utc=True)
    if faults:
        raise SchemaError("maintenance", tuple(faults), source=str(path))
    return windows


def _parse_time(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if time.tzinfo is None else time.astimezone(UTC)


def _blame(column: str, rule: str, rows: NDArray[np.bool_]) -> Fault:
    numbers = tuple(f"row {place + 1}" for place in np.flatnonzero(rows))
    return Fault(column, rule, numbers, len(numbers))
