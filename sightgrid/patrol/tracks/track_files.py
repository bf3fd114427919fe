"""Track files: GPX and CSV become raw fixes, in the order in which they are written."""

from __future__ import annotations

import csv
import itertools
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sightgrid.errors import CRSError, Fault, InputError, SchemaError, SourceError, hide
from sightgrid.gis.crs import WGS84
from sightgrid.patrol.tracks.gpx_files import parse_gpx

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any, TextIO

    from numpy.typing import NDArray
    from pyproj import CRS

    Text = pd.Series[Any]

MAX_ROWS = 10_000_000
CHUNK = 200_000  # rows of a table held as text at once
DELIMITERS = ",;\t"
HEADERS = {
    "unit_id": "unit_id",
    "unit": "unit_id",
    "time": "time",
    "at": "time",
    "timestamp": "time",
    "lon": "lon",
    "longitude": "lon",
    "lat": "lat",
    "latitude": "lat",
    "x": "x",
    "y": "y",
    "accuracy_m": "accuracy_m",
    "单位编号": "unit_id",
    "巡逻单元": "unit_id",
    "时间": "time",
    "定位时间": "time",
    "经度": "lon",
    "纬度": "lat",
    "精度": "accuracy_m",
}
# year first, a clock time, and maybe a zone: 2026-11-23T08:00:05.5Z, 2026/11/23 8:00:05+08:00
TIME = (
    r"^\s*(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})[ T]+(?P<hour>\d{1,2}):(?P<minute>\d{2})"
    r"(?::(?P<second>\d{2}(?:[.,]\d{1,9})?))?\s*(?P<zone>[Zz]|[+-]\d{2}(?::?\d{2})?)?\s*$"
)


def read_gpx_fixes(path: Path) -> tuple[pd.DataFrame, CRS]:
    """Read the track points of a GPX file; a unit is called as its track, or as the file if the track has no name."""
    rows = []
    for track in parse_gpx(path).tracks:
        unit = (track.name or "").strip() or path.stem
        for segment in track.segments:
            rows += [(unit, point.time, point.longitude, point.latitude) for point in segment.points]
    units, times, lon, lat = zip(*rows, strict=True) if rows else ((), (), (), ())
    zoned = np.array([time is not None and time.tzinfo is not None for time in times], bool)
    # a time keeps the clock it was written in; those with a zone are turned to UTC
    clock = [time if time is None or time.tzinfo is None else _to_utc(time) for time in times]
    columns = {
        "unit_id": pd.array(units, dtype="str"),
        "clock": pd.to_datetime(pd.Series(clock, dtype="object")).astype("datetime64[us]"),
        "zoned": zoned,
        "x": np.array(lon, float),
        "y": np.array(lat, float),
        "accuracy_m": np.nan,
        "rule": np.full(len(rows), "", object),
    }
    return pd.DataFrame(columns), WGS84


def _to_utc(time: Any) -> Any:
    return time.replace(tzinfo=None) - time.utcoffset()


def read_csv_fixes(path: Path, crs: CRS) -> tuple[pd.DataFrame, CRS]:
    """Read a table with ``unit_id``, ``time`` and ``lon``, ``lat`` in WGS 84 or ``x``, ``y`` in `crs`."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            with path.open(encoding=encoding, newline="") as file:
                return _read_table(file, path, crs)
        except UnicodeDecodeError:
            continue
        except FileNotFoundError as error:
            raise SourceError(f"{path}: there is no such file") from error
        except (OSError, csv.Error) as error:
            raise SourceError(f"{path}: cannot be read as a table ({error})") from error
    raise SourceError(f"{path}: is neither UTF-8 nor GB 18030 text; save the table as CSV in UTF-8")


def _read_table(file: TextIO, path: Path, crs: CRS) -> tuple[pd.DataFrame, CRS]:
    first = next((line for line in file if line.strip()), "")
    if not first:
        raise SourceError(f"{path}: the file is empty")
    delimiter = max(DELIMITERS, key=first.count)
    header = [name.strip() for name in next(csv.reader([first], delimiter=delimiter))]
    names = [HEADERS.get(name.lower(), "") for name in header]
    pair = _check_header(header, names, path)
    if pair == ("x", "y") and crs.is_geographic:
        raise CRSError(f"{path}: tracks: columns x, y are metres; give a metric crs=, or columns lon, lat")
    reader = csv.reader(file, delimiter=delimiter)
    parts = [_parse_rows(rows, names, len(header), pair) for rows in _chunks(reader, path)]
    frame = pd.concat(parts, ignore_index=True) if parts else _parse_rows([], names, len(header), pair)
    return _turn_newest_first(frame), WGS84 if pair == ("lon", "lat") else crs


def _check_header(header: list[str], names: list[str], path: Path) -> tuple[str, str]:
    faults = [Fault(name, "missing column") for name in ("unit_id", "time") if name not in names]
    faults += [Fault(name, "several columns hold it") for name in sorted(set(names) - {""}) if names.count(name) > 1]
    pair = next((pair for pair in (("lon", "lat"), ("x", "y")) if set(pair) <= set(names)), None)
    if pair is None:
        faults.append(Fault("lon, lat (or x, y)", "missing columns"))
    if faults or pair is None:
        unknown = ", ".join(hide(name) for name, known in zip(header, names, strict=True) if not known)
        faults += [Fault(unknown[:200], "unknown")] if unknown else []
        raise SchemaError("tracks", tuple(faults), source=str(path))
    return pair


def _chunks(reader: Iterator[list[str]], path: Path) -> Iterator[list[list[str]]]:
    total = 0
    while rows := list(itertools.islice(reader, CHUNK)):
        total += len(rows)
        if total > MAX_ROWS:
            raise InputError(f"{path}: more than {MAX_ROWS:,} rows; split the table, by day or by unit")
        yield [row for row in rows if any(field.strip() for field in row)]


def _parse_rows(rows: list[list[str]], names: list[str], width: int, pair: tuple[str, str]) -> pd.DataFrame:
    ragged = np.array([len(row) != width for row in rows], bool)
    whole = [row if len(row) == width else (row + [""] * width)[:width] for row in rows]
    table = pd.DataFrame(whole, columns=range(width), dtype="str")
    found = {name: table[i].str.strip() for i, name in enumerate(names) if name}
    clock, zoned = parse_times(found["time"])
    unit = found["unit_id"]
    x, y = (pd.to_numeric(found[name], errors="coerce").to_numpy(float) for name in pair)
    rule = np.full(len(table), "", object)
    unparsed = clock.isna().to_numpy() & (found["time"] != "").to_numpy(bool)
    rule[unparsed] = "the time cannot be read (year-month-day hour:minute:second and a zone is the form)"
    decimal = np.logical_or.reduce([found[name].str.contains(",", regex=False).to_numpy(bool) for name in pair])
    rule[decimal] = "the position is no number (decimal comma?)"
    rule[(unit == "").to_numpy(bool)] = "no unit"
    rule[ragged] = "the row has more or fewer fields than the header"
    accuracy = np.full(len(table), np.nan)
    if "accuracy_m" in found:
        accuracy = pd.to_numeric(found["accuracy_m"], errors="coerce").to_numpy(float)
        accuracy = np.where(accuracy > 0, accuracy, np.nan)
    columns = {"unit_id": unit, "clock": clock, "zoned": zoned, "x": x, "y": y, "accuracy_m": accuracy, "rule": rule}
    return pd.DataFrame(columns)


def parse_times(text: Text) -> tuple[Text, NDArray[np.bool_]]:
    """Read times written year first: UTC of those with a zone, the clock of those without, and which have one."""
    parts = text.str.extract(TIME)
    pad = {name: parts[name].str.zfill(2) for name in ("month", "day", "hour", "minute")}
    second = parts["second"].fillna("00").str.replace(",", ".", regex=False)
    day = parts["year"] + "-" + pad["month"] + "-" + pad["day"]
    written = day + "T" + pad["hour"] + ":" + pad["minute"] + ":" + second
    clock: Text = pd.to_datetime(written, format="ISO8601", errors="coerce").astype("datetime64[us]")
    zone = parts["zone"]
    zoned = zone.notna().to_numpy()
    digits = zone.str.replace(":", "", regex=False).str.slice(1)
    minutes = pd.to_numeric(digits.str.slice(0, 2), errors="coerce").fillna(0) * 60
    minutes += pd.to_numeric(digits.str.slice(2, 4), errors="coerce").fillna(0)
    sign = np.where((zone.str.slice(0, 1) == "-").to_numpy(bool), -1, 1)
    return clock - pd.to_timedelta(minutes * sign, unit="min"), zoned


def _turn_newest_first(frame: pd.DataFrame) -> pd.DataFrame:
    """Turn a table round that is written newest first: its rows tell no clock, only an order of sorting."""
    steps = frame.groupby("unit_id", sort=False)["clock"].diff()
    if (steps < pd.Timedelta(0)).any() and not (steps > pd.Timedelta(0)).any():
        frame = frame.iloc[::-1].reset_index(drop=True)
        frame.attrs["newest_first"] = True
    return frame
