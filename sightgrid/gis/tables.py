"""Camera tables: a CSV ledger with English or Chinese headers becomes a camera layer, bad rows set apart."""

from __future__ import annotations

import csv
import io
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
from pyproj import CRS
from pyproj.exceptions import CRSError as ProjError

from sightgrid import schemas
from sightgrid.columns import COLUMNS
from sightgrid.errors import CRSError, Fault, SchemaError, SourceError
from sightgrid.gis.crs import WGS84, choose_metric_crs
from sightgrid.gis.layers import assume_kind, cast_columns

if TYPE_CHECKING:
    import os

# header as written in ledgers -> column of the contract
ALIASES = {
    "编号": "camera_id",
    "设备编码": "camera_id",
    "名称": "name",
    "点位名称": "name",
    "设备名称": "name",
    "类型": "kind",
    "摄像机类型": "kind",
    "安装方式": "mount",
    "安装高度": "mount_height_m",
    "朝向": "azimuth_deg",
    "方位角": "azimuth_deg",
    "俯仰角": "tilt_deg",
    "水平视场角": "hfov_deg",
    "垂直视场角": "vfov_deg",
    "传感器宽度": "sensor_width_mm",
    "焦距": "focal_mm",
    "水平像素": "width_px",
    "垂直像素": "height_px",
    "红外距离": "ir_range_m",
    "最大距离": "max_range_m",
    "点位类型": "owner_class",
    "用途": "purpose",
    "取流地址": "stream_url",
    "室内": "indoor",
    "经度": "lon",
    "longitude": "lon",
    "纬度": "lat",
    "latitude": "lat",
}
VALUES: dict[str, dict[str, str | bool]] = {
    "kind": {"枪机": "fixed", "半球": "dome", "球机": "ptz", "云台": "ptz", "全景": "panorama"},
    "mount": {"立杆": "pole", "墙": "wall", "壁装": "wall", "屋顶": "roof", "吊装": "ceiling", "灯杆": "street_lamp"},
    "indoor": {"true": True, "1": True, "yes": True, "是": True, "false": False, "0": False, "no": False, "否": False},
}
DELIMITERS = ",;\t"  # which of them a table uses is told by its header
COORDINATES = (("lon", "lat"), ("x", "y"))
RULES = {column.name: column for column in COLUMNS["cameras"]}
KNOWN = ("camera_id", *RULES, "lon", "lat", "x", "y")


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
        were not used, ``attrs["rejected"]`` holds ``count`` and ``file`` of the rows set aside.

    Raises
    ------
    SourceError
        The file is missing, empty or neither UTF-8 nor GB 18030 text.
    SchemaError
        The header is wrong, or rows break a rule; ``good`` and ``bad`` hold the rows apart.
    CRSError
        ``x``/``y`` without a `crs`.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "cameras.csv"
    >>> _ = file.write_text("camera_id,lon,lat,azimuth_deg\na,24.94,60.17,45\n", encoding="utf-8")
    >>> read_cameras(file)["azimuth_deg"].tolist()
    [45.0]
    """
    path = Path(path)
    raw, ragged = _read_rows(path)
    headers = {name: _canonical(name) for name in raw.columns}
    ignored, pair = _check_header(path, headers)
    frame = raw.rename(columns=headers).drop(columns=ignored)
    frame = frame.apply(_parse_column)
    frame, findings = _place(frame, pair, crs, path)
    ids = frame.pop("camera_id")
    frame.index = pd.Index(ids.fillna(""), name="camera_id", dtype="str")
    cameras = schemas.complete(assume_kind(frame), "cameras")
    findings.append(schemas.Finding("row", "has more or fewer fields than the header", ragged))
    verdict = schemas.check(cameras, "cameras", extra=tuple(findings))

    good = cameras[~verdict.bad]
    if len(good):
        good = cast_columns(good.to_crs(choose_metric_crs(good)), "cameras")
        good.attrs["ignored_columns"] = tuple(ignored)
    if not verdict.faults:
        if cameras.empty:
            raise SchemaError("cameras", (Fault("row", "the table holds no rows"),), source=str(path))
        return good
    # stream addresses may hold passwords, and in a row with a field too few they stand in another column
    rejected = raw[verdict.bad].map(lambda text: "" if "://" in text else text, na_action="ignore")
    rejected[[name for name, column in headers.items() if column == "stream_url"]] = ""
    rejected["reason"] = [reason for reason in verdict.reasons if reason]
    if bad_rows == "raise" or good.empty:
        kept = None if good.empty else good
        raise SchemaError("cameras", verdict.faults, source=str(path), good=kept, bad=rejected)
    good.attrs["rejected"] = write_rejected(rejected, path)
    return good


def write_rejected(rejected: pd.DataFrame, path: Path) -> dict[str, int | str]:
    """Write rejected rows to ``<stem>.rejected.csv`` beside their source, and tell their count and file."""
    target = path.with_name(f"{path.stem}.rejected.csv")
    beside = target.with_name(f".{target.name}.part")
    try:
        rejected.to_csv(beside, index=False, encoding="utf-8")
        beside.replace(target)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise SourceError(f"{target}: the rows set aside cannot be written ({error.strerror})") from error
    return {"count": len(rejected), "file": str(target)}


def _read_rows(path: Path) -> tuple[pd.DataFrame, Any]:
    """Read all fields as text; None where empty, and tell which rows are longer or shorter than the header."""
    try:
        text = _decode(path)
        first = text.lstrip().partition("\n")[0]
        delimiter = max(DELIMITERS, key=first.count)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        lines = [line for line in reader if any(field.strip() for field in line)]
    except FileNotFoundError as error:
        raise SourceError(f"{path}: there is no such file") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: is neither UTF-8 nor GB 18030 text; save the table as CSV in UTF-8") from error
    except (OSError, csv.Error) as error:
        raise SourceError(f"{path}: cannot be read as a table ({error})") from error
    if not lines:
        raise SourceError(f"{path}: the file is empty")
    header, *rows = lines
    names = [name.strip() for name in header]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise SchemaError("cameras", (Fault(", ".join(doubled), "column is there twice"),), source=str(path))
    width = len(names)
    ragged = np.array([len(row) != width for row in rows], bool)
    fields = [[field.strip() or None for field in (row + [""] * width)[:width]] for row in rows]
    return pd.DataFrame(fields, columns=names, dtype="object"), ragged


def _decode(path: Path) -> str:
    """Decode UTF-8, or GB 18030 (which holds GBK and GB 2312): what spreadsheets write in China."""
    raw = path.read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("gb18030")


def _canonical(header: str) -> str:
    for name in (header, header.lower()):
        if name in ALIASES:
            return ALIASES[name]
    return header.lower() if header.lower() in KNOWN else header


def _check_header(path: Path, headers: dict[str, str]) -> tuple[list[str], tuple[str, str]]:
    """Return the unused columns and the pair of coordinate columns, or raise on a header that cannot be right."""
    names = list(headers.values())
    unknown = [name for name in names if name not in KNOWN]
    faults = []
    for name in sorted({name for name in names if names.count(name) > 1}):
        written = ", ".join(header for header, column in headers.items() if column == name)
        faults.append(Fault(name, f"several columns hold it: {written}"))
    pair = next((pair for pair in COORDINATES if set(pair) <= set(names)), None)
    if "camera_id" not in names:
        faults.append(Fault("camera_id", "missing column"))
    if pair is None:
        faults.append(Fault("lon, lat (or x, y)", "missing columns"))
    if faults and unknown:
        faults.append(Fault(", ".join(unknown), "unknown columns" if len(unknown) > 1 else "unknown column"))
    elif unknown:
        for name in unknown:
            near = get_close_matches(name.lower(), KNOWN, n=1, cutoff=0.8)
            if near:
                faults.append(Fault(name, f"unknown column, perhaps {near[0]}"))
    if faults:
        faults.append(Fault("expected columns", ", ".join(KNOWN)))
    if faults or pair is None:
        raise SchemaError("cameras", tuple(faults), source=str(path))
    return unknown, pair


def _parse_column(values: pd.Series[Any]) -> pd.Series[Any]:
    """Turn text into numbers, flags and known words; what cannot be turned stays text for the check to find."""
    name = str(values.name)
    words = VALUES.get(name)
    if words is not None:
        return values.map(lambda text: words.get(text.lower(), text.lower()), na_action="ignore")
    rule = RULES.get(name)
    if name in {"lon", "lat", "x", "y"} or (rule is not None and rule.dtype in {"number", "whole"}):
        numbers = pd.to_numeric(values, errors="coerce")
        unread = values.notna() & numbers.isna()
        return numbers.astype(object).where(~unread, values) if unread.any() else numbers.astype(float)
    return values


def _place(
    frame: pd.DataFrame,
    pair: tuple[str, str],
    crs: CRS | str | int | None,
    path: Path,
) -> tuple[gpd.GeoDataFrame, list[schemas.Finding]]:
    """Make points from the coordinate columns, and find the rows where that fails."""
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
        values = frame[name]
        number = pd.to_numeric(values, errors="coerce").to_numpy(float)
        given = values.notna().to_numpy()
        findings.append(schemas.Finding(name, "must be given", ~given))
        findings.append(schemas.Finding(name, "must be a number", given & ~np.isfinite(number)))
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
