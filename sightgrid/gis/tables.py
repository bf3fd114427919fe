"""Camera tables: a CSV ledger with English or Chinese headers becomes a camera layer, bad rows set apart."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
from pyproj import CRS
from pyproj.exceptions import CRSError as ProjError

from sightgrid import schemas
from sightgrid.errors import CRSError, Fault, SchemaError, SourceError, hide
from sightgrid.gis.crs import WGS84, choose_metric_crs
from sightgrid.gis.headers import COORDINATES, KNOWN, canonical, find_faults
from sightgrid.gis.layers import assume_kind, cast_columns, parse_column, parse_columns
from sightgrid.gis.rejected import check_choice, hide_secrets, write_rejected

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

UTF8 = "UTF-8"
DELIMITERS = ",;\t"  # which of them a table uses is told by its header
CJK = re.compile("[\u3400-\u9fff]")
SEPARATOR_LINE = re.compile(r'"?sep=([,;\t])"?\s*', re.IGNORECASE)  # what Excel takes its delimiter from


class Cameras(NamedTuple):
    """Cameras as they were read, what is wrong with others, and the rows of a table as written but for secrets."""

    frame: gpd.GeoDataFrame
    fault: SchemaError | None = None
    rows: pd.DataFrame | None = None


def read_cameras(
    path: str | os.PathLike[str],
    *,
    crs: CRS | str | int | None = None,
    bad_rows: Literal["raise", "set_aside"] = "raise",
) -> gpd.GeoDataFrame:
    r"""Read a camera table into a camera layer: CSV in UTF-8 or GB 18030, with commas, semicolons or tabs.

    Positions are ``lon``/``lat`` in WGS 84 or ``x``/``y`` in `crs`; ``camera_id`` is needed, every other column of the
    contract may be left out. Headers may be Chinese (经度, 纬度, 安装高度, 朝向, 水平视场角, …).

    Parameters
    ----------
    path : path-like
        The file.
    crs : anything pyproj understands, optional
        Coordinate system of ``x`` and ``y``.
    bad_rows : {"raise", "set_aside"}
        Raise on rows that break a rule, or return the good ones and write the others to ``<stem>.rejected.csv`` beside
        the input.

    Returns
    -------
    GeoDataFrame
        Cameras in a metric coordinate system chosen from the data. ``attrs["ignored_columns"]`` names the headers that
        were not used, ``attrs["rejected"]`` holds ``count`` and ``file`` of the rows set aside, ``attrs["encoding"]``
        the encoding if it is not UTF-8.

    Raises
    ------
    SourceError
        The file is missing, empty or neither UTF-8 nor GB 18030 text.
    SchemaError
        The header is wrong, or rows break a rule; ``good`` and ``bad`` hold the rows apart.
    CRSError
        ``x``/``y`` without a `crs`, or cameras where no metric system fits.
    UnitRangeError
        `bad_rows` is neither of the two.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "cameras.csv"
    >>> _ = file.write_text("camera_id,lon,lat,azimuth_deg\na,24.94,60.17,45\n", encoding="utf-8")
    >>> read_cameras(file)["azimuth_deg"].tolist()
    [45.0]
    """
    check_choice(bad_rows)
    path = Path(path)
    cameras, fault, _ = read_table(path, crs)
    try:
        cameras = cameras.to_crs(choose_metric_crs(cameras))
    except CRSError as error:
        raise CRSError(f"{path}: cameras: {error}") from error
    if fault is None:
        return cameras
    fault.good = cameras
    if bad_rows == "raise" or fault.bad is None:
        raise fault
    cameras.attrs["rejected"] = write_rejected(fault.bad, path, fault.faults)
    return cameras


def read_table(path: Path, crs: CRS | str | int | None) -> Cameras:
    """Read a camera table; its good rows stay in the coordinate system they are written in.

    Raises
    ------
    SourceError, CRSError
        As in `read_cameras`.
    SchemaError
        The header is wrong, or no row is good.
    """
    raw, ragged, encoding = read_rows(path)
    headers = {name: canonical(name) for name in raw.columns}
    faults = find_faults(headers, KNOWN, coordinates=True)
    if faults:
        raise SchemaError("cameras", tuple(faults), source=str(path))
    ignored = [name for name, column in headers.items() if column not in KNOWN]
    frame = parse_columns(raw.rename(columns=headers).drop(columns=ignored), "cameras")
    frame, findings = _place(frame, crs, path)
    ids = frame.pop("camera_id")
    frame.index = pd.Index(ids.fillna(""), name="camera_id", dtype="str")
    cameras = schemas.complete(assume_kind(frame), "cameras")
    findings.append(schemas.Finding("row", "has more or fewer fields than the header", ragged))
    verdict = schemas.check(cameras, "cameras", extra=tuple(findings))
    if cameras.empty:
        raise SchemaError("cameras", (Fault("row", "the table holds no rows"),), source=str(path))
    fault, rows = None, hide_secrets(raw, ragged)
    if verdict.faults:
        bad = rows[verdict.bad]
        bad["reason"] = [reason for reason in verdict.reasons if reason]
        fault = SchemaError("cameras", verdict.faults, source=str(path), bad=bad)
        if verdict.bad.all():
            raise fault
    good = cast_columns(cameras[~verdict.bad], "cameras")
    good.attrs["ignored_columns"] = tuple(ignored)
    if encoding != UTF8:
        good.attrs["encoding"] = encoding
    return Cameras(good, fault, rows[~verdict.bad].set_axis(good.index))


def read_rows(path: Path) -> tuple[pd.DataFrame, NDArray[np.bool_], str]:
    """Read all fields as text, None where empty; tell which rows have not the header's length, and the encoding."""
    unknown = f"{path}: is neither UTF-8 nor GB 18030 text; save the table as CSV in UTF-8"
    try:
        text, encoding = _decode(path)
        told = SEPARATOR_LINE.fullmatch(text.partition("\n")[0])
        text = text.partition("\n")[2] if told else text
        first = text.lstrip().partition("\n")[0]
        delimiter = told[1] if told else max(DELIMITERS, key=first.count)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        lines = [line for line in reader if any(field.strip() for field in line)]
    except FileNotFoundError as error:
        raise SourceError(f"{path}: there is no such file") from error
    except UnicodeDecodeError as error:
        raise SourceError(unknown) from error
    except (OSError, csv.Error) as error:
        raise SourceError(f"{path}: cannot be read as a table ({error})") from error
    if not lines:
        raise SourceError(f"{path}: the file is empty")
    header, *rows = lines
    names = [name.strip() for name in header]
    # almost any bytes are GB 18030: a table is believed to be where it speaks Chinese and of cameras
    if encoding != UTF8 and not (CJK.search(text) and any(canonical(name) in KNOWN for name in names)):
        raise SourceError(unknown)
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise SchemaError("cameras", (Fault(", ".join(map(hide, doubled)), "column is there twice"),), source=str(path))
    width = len(names)
    ragged = np.array([len(row) != width for row in rows], bool)
    fields = [[field.strip() or None for field in (row + [""] * width)[:width]] for row in rows]
    return pd.DataFrame(fields, columns=names, dtype="object"), ragged, encoding


def _decode(path: Path) -> tuple[str, str]:
    """Decode UTF-8, or GB 18030 (which holds GBK and GB 2312): what spreadsheets write in China."""
    raw = path.read_bytes()
    try:
        return raw.decode("utf-8-sig"), UTF8
    except UnicodeDecodeError:
        return raw.decode("gb18030"), "GB 18030"


def _place(
    frame: pd.DataFrame, crs: CRS | str | int | None, path: Path
) -> tuple[gpd.GeoDataFrame, list[schemas.Finding]]:
    """Make points from the coordinate columns, and find the rows where that fails."""
    pair = next(pair for pair in COORDINATES if set(pair) <= set(frame.columns))
    if pair == ("lon", "lat"):
        system = WGS84
    elif crs is None:
        raise CRSError(f"{path}: cameras: columns x, y need their coordinate system; give crs=, or columns lon, lat")
    else:
        try:
            system = CRS.from_user_input(crs)
        except ProjError as error:
            raise CRSError(f"{path}: cameras: {crs!r} is not a coordinate system") from error
    findings, numbers = [], []
    for name, limit in zip(pair, (180.0, 90.0), strict=True):
        values = parse_column(frame[name], "number")
        number = pd.to_numeric(values, errors="coerce").to_numpy(float)
        given = values.notna().to_numpy()
        findings.append(schemas.Finding(name, "must be given", ~given))
        wrong = given & ~np.isfinite(number)
        findings.append(schemas.Finding(name, schemas.number_rule(values[wrong]), wrong))
        if system.is_geographic:
            rule = f"must lie in [-{limit:g}, {limit:g}]"
            findings.append(schemas.Finding(name, rule, np.isfinite(number) & (np.abs(number) > limit)))
        numbers.append(number)
    x, y = numbers
    findings.append(schemas.Finding(", ".join(pair), "camera at (0, 0)", (x == 0) & (y == 0)))
    unplaced = np.logical_or.reduce([finding.rows for finding in findings if finding.rows is not None])
    # a stand-in keeps the geometry check quiet: these rows already have their reason
    points = gpd.points_from_xy(np.where(unplaced, 0.0, x), np.where(unplaced, 0.0, y), crs=system)
    rest = frame.drop(columns=[name for names in COORDINATES for name in names], errors="ignore")
    return gpd.GeoDataFrame(rest, geometry=points), findings
