"""Check a layer against its contract in `sightgrid.columns`, gathering every fault before raising once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from sightgrid.columns import COLUMNS, GEOMETRY, INDEX, Column
from sightgrid.errors import FIRST_IDS, CRSError, Fault, SchemaError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from pyproj import CRS

HALF_TURN = 180.0
DECIMAL_COMMA = re.compile(r"\s*[-+]?\d+,\d+\s*")


def _wide_pinhole(frame: pd.DataFrame) -> NDArray[np.bool_]:
    wide = pd.to_numeric(frame["hfov_deg"], errors="coerce").to_numpy(float) >= HALF_TURN
    return wide & (frame["kind"] == "fixed").fillna(value=False).to_numpy(bool)


# kind of frame -> (columns that must be there, column to blame, rule in words, rows that break it)
CHECKS: dict[str, tuple[tuple[tuple[str, ...], str, str, Callable[[pd.DataFrame], Any]], ...]] = {
    "cameras": (
        (
            ("hfov_deg", "kind"),
            "hfov_deg",
            "field of view must be below 180 for a fixed (pinhole) camera",
            _wide_pinhole,
        ),
    ),
}


@dataclass(frozen=True)
class Finding:
    """One broken rule with the rows that break it (None: the whole frame does)."""

    column: str
    rule: str
    rows: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Verdict:
    """All that is wrong with a frame.

    Attributes
    ----------
    faults : tuple of Fault
        One per broken rule.
    bad : ndarray of bool
        True for each row that breaks a rule; all True if the frame itself is unusable (a column is missing).
    reasons : list of str
        For each row what is wrong with it, ``""`` for a good one.
    """

    faults: tuple[Fault, ...]
    bad: NDArray[np.bool_]
    reasons: list[str]


def check(frame: pd.DataFrame, kind: str, *, extra: tuple[Finding, ...] = ()) -> Verdict:
    """Gather everything that breaks the contract of a frame, without raising.

    Parameters
    ----------
    frame : GeoDataFrame
        The layer; its coordinate system is not looked at here.
    kind : str
        One of ``columns.KINDS``.
    extra : tuple of Finding
        What a reader found out by itself, reported together with the rest.

    Returns
    -------
    Verdict
        Faults, the mask of bad rows, and a reason for each of them.
    """
    findings = [*extra, *_check_index(frame, kind)]
    for column in COLUMNS[kind]:
        findings += _check_column(frame, column)
    for needed, column_name, rule, find in CHECKS.get(kind, ()):
        if set(needed) <= set(frame.columns):
            findings.append(Finding(column_name, rule, find(frame)))
    findings += _check_geometry(frame, kind)
    return _conclude(frame, [f for f in findings if f.rows is None or f.rows.any()])


def validate(frame: gpd.GeoDataFrame, kind: str, *, source: str | None = None) -> None:
    """Raise once, naming everything that breaks the contract of a frame.

    Parameters
    ----------
    frame : GeoDataFrame
        The layer, in a projected coordinate system in metres.
    kind : str
        One of ``columns.KINDS``.
    source : str, optional
        Name of the file the rows came from, for the message.

    Raises
    ------
    CRSError
        The coordinate system is missing, geographic or not in metres.
    SchemaError
        A column is missing, holds text for a number, leaves its range, an id repeats, a geometry is missing, …

    Examples
    --------
    >>> import geopandas as gpd
    >>> from shapely import Point
    >>> cameras = gpd.GeoDataFrame(
    ...     {"kind": ["fixed"], "azimuth_deg": [400.0]},
    ...     index=["a"], geometry=[Point(0, 0)], crs=32635,
    ... ).rename_axis("camera_id")
    >>> validate(cameras, "cameras")
    Traceback (most recent call last):
    ...
    sightgrid.errors.SchemaError: cameras: azimuth_deg: must lie in [0, 360) (1 row: a)
    """
    reason = metric_fault(getattr(frame, "crs", None))
    if reason:
        where = f"{source}: {kind}" if source else kind
        raise CRSError(f"{where}: {reason}")
    verdict = check(frame, kind)
    if verdict.faults:
        raise SchemaError(kind, verdict.faults, source=source)


def complete(frame: gpd.GeoDataFrame, kind: str) -> gpd.GeoDataFrame:
    """Add the optional columns a frame lacks, empty or with their default, and put the columns in order."""
    frame = frame.copy(deep=False)
    for column in COLUMNS[kind]:
        if column.name not in frame.columns:
            if column.required:
                continue
            frame[column.name] = _fill(column, len(frame))
        elif column.default is not None:
            frame[column.name] = frame[column.name].fillna(column.default)
    known = [column.name for column in COLUMNS[kind] if column.name in frame.columns]
    rest = [name for name in frame.columns if name not in known and name != frame.geometry.name]
    return frame[[*known, *rest, frame.geometry.name]]


def empty(kind: str, crs: CRS | str | int) -> gpd.GeoDataFrame:
    """Return a layer without rows: all columns, right types."""
    columns = {column.name: _fill(column, 0) for column in COLUMNS[kind]}
    names = INDEX[kind]
    index: pd.Index[Any] = pd.Index([], dtype="str", name=names[0])
    if len(names) > 1:
        index = pd.MultiIndex.from_arrays([np.empty(0, np.int64)] * len(names), names=names)
    return gpd.GeoDataFrame(pd.DataFrame(columns, index=index), geometry=gpd.GeoSeries([], index=index, crs=crs))


def metric_fault(crs: CRS | None) -> str | None:
    """Say why lengths cannot be measured in a coordinate system, or None if they can."""
    if crs is None:
        return "no coordinate system is given"
    if crs.is_geographic:
        return f"{crs.name} is geographic (degrees) where metres are needed"
    if not crs.is_projected:
        return f"{crs.name} is not a projected coordinate system"
    units = {axis.unit_name for axis in crs.axis_info[:2]}
    if units != {"metre"}:
        return f"{crs.name} counts in {', '.join(sorted(units))}, not in metres"
    operation = crs.coordinate_operation
    if operation is not None and "Pseudo Mercator" in operation.method_name:
        return f"{crs.name} stretches metres away from the equator; use a local projected system"
    return None


def number_rule(wrong: pd.Series[Any]) -> str:
    """Word the rule for values that are no numbers, with a hint where they are written with a decimal comma."""
    comma = any(isinstance(value, str) and DECIMAL_COMMA.fullmatch(value) for value in wrong)
    return "must be a number (decimal comma?)" if comma else "must be a number"


def _fill(column: Column, size: int) -> NDArray[Any]:
    if column.dtype == "text":
        return pd.Series([column.default] * size, dtype="object").to_numpy()
    if column.dtype == "flag":
        return np.full(size, column.default, bool)
    return np.full(size, np.nan if column.default is None else column.default, float)


def _check_index(frame: pd.DataFrame, kind: str) -> list[Finding]:
    names = INDEX[kind]
    if tuple(frame.index.names) != names:
        return [Finding(", ".join(names), "missing index")]
    label = ", ".join(names)
    findings = [Finding(label, "ids must be unique", frame.index.duplicated())]
    if len(names) == 1:
        ids = frame.index
        if not pd.api.types.is_string_dtype(ids.dtype):
            findings.append(Finding(label, "ids must be text", np.ones(len(frame), bool)))
        else:
            findings.append(Finding(label, "ids must be given", np.asarray(ids.isna() | (ids == ""))))
    return findings


def _check_column(frame: pd.DataFrame, column: Column) -> list[Finding]:
    if column.name not in frame.columns:
        return [Finding(column.name, "missing column")] if column.required else []
    values = frame[column.name]
    given = values.notna().to_numpy()
    findings = [Finding(column.name, "must be given", ~given)] if column.filled else []
    if column.dtype == "text":
        return findings + _check_text(values, given, column)
    if column.dtype == "flag":
        if not pd.api.types.is_bool_dtype(values.dtype):
            wrong = ~values.map(lambda value: isinstance(value, (bool, np.bool_))).to_numpy(bool)
            findings.append(Finding(column.name, "must be true or false", wrong & given))
        return findings
    return findings + _check_numbers(values, given, column)


def _check_text(values: pd.Series[Any], given: NDArray[np.bool_], column: Column) -> list[Finding]:
    if isinstance(values.dtype, pd.StringDtype):
        wrong = np.zeros(len(values), bool)
    else:
        wrong = given & ~values.map(lambda value: isinstance(value, str)).to_numpy(bool)
    findings = [Finding(column.name, "must be text", wrong)]
    if column.choices:
        strange = given & ~wrong & ~values.isin(column.choices).to_numpy(bool)
        findings.append(Finding(column.name, f"must be one of {', '.join(column.choices)}", strange))
    return findings


def _check_numbers(values: pd.Series[Any], given: NDArray[np.bool_], column: Column) -> list[Finding]:
    if pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype):
        numbers, wrong = values.to_numpy(float, na_value=np.nan), np.zeros(len(values), bool)
    else:
        is_number = values.map(lambda value: isinstance(value, (int, float, np.number)) and not isinstance(value, bool))
        wrong = given & ~is_number.to_numpy(bool)
        numbers = pd.to_numeric(values.where(~wrong), errors="coerce").to_numpy(float)
    low, high, low_in, high_in = column.bounds
    known = given & ~wrong
    inside = (numbers >= low if low_in else numbers > low) & (numbers <= high if high_in else numbers < high)
    inside &= np.isfinite(numbers)
    findings = [Finding(column.name, number_rule(values[wrong]), wrong)]
    rule = f"must lie in {column.range}" if column.range else "must be finite"
    findings.append(Finding(column.name, rule, known & ~inside))
    if column.dtype == "whole":
        findings.append(Finding(column.name, "must be a whole number", known & inside & (numbers % 1 != 0)))
    return findings


def _check_geometry(frame: pd.DataFrame, kind: str) -> list[Finding]:
    if not isinstance(frame, gpd.GeoDataFrame) or frame.active_geometry_name is None:
        return [Finding("geometry", "missing column")]
    shapes = frame.geometry.to_numpy()
    none = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    allowed = [getattr(shapely.GeometryType, name.upper()) for name in GEOMETRY[kind]]
    strange = ~none & ~np.isin(shapely.get_type_id(shapes), allowed)
    return [
        Finding("geometry", "must not be empty", none),
        Finding("geometry", f"must be {' or '.join(GEOMETRY[kind])}", strange),
    ]


def _conclude(frame: pd.DataFrame, findings: list[Finding]) -> Verdict:
    bad, reasons = np.zeros(len(frame), bool), [""] * len(frame)
    faults = []
    for finding in findings:
        text = f"{finding.column}: {finding.rule}"
        if finding.rows is None:
            places = np.arange(len(frame))
            faults.append(Fault(finding.column, finding.rule))
        else:
            places = np.flatnonzero(finding.rows)
            first = places[:FIRST_IDS]
            # a row without a name is told by its number
            ids = tuple(str(name).strip() or f"row {n + 1}" for name, n in zip(frame.index[first], first, strict=True))
            faults.append(Fault(finding.column, finding.rule, ids, len(places)))
        bad[places] = True
        for place in places:
            reasons[place] = f"{reasons[place]}; {text}" if reasons[place] else text
    return Verdict(tuple(faults), bad, reasons)
