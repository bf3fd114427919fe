"""Incidents: what happened where and when, read from a table or a layer, and the street each one belongs to.

Only the columns of the contract are kept, so that nothing about persons comes in with them.
"""

from __future__ import annotations

import csv
import io
import re
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from pyogrio.errors import DataSourceError

from sightgrid.errors import FIRST_IDS, Fault, SchemaError, SourceError, hide
from sightgrid.gis.crs import WGS84, project_layer
from sightgrid.gis.files import VECTOR_SUFFIXES, read_layer
from sightgrid.gis.layers import tell
from sightgrid.patrol.shift.shifts import find_zone

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

    from sightgrid.site import Site

FARTHEST_M = 50.0  # from an incident to the street it is counted on
COLUMNS = ("incident_id", "occurred_at", "category", "severity", "origin")
PAIRS = (("lon", "lat"), ("x", "y"))
ORIGINS = ("reported", "discovered")
ALIASES = {
    "编号": "incident_id", "事件编号": "incident_id", "警情编号": "incident_id", "案件编号": "incident_id",
    "发生时间": "occurred_at", "报警时间": "occurred_at", "时间": "occurred_at",
    "类别": "category", "类型": "category", "警情类别": "category", "严重程度": "severity", "来源": "origin",
    "经度": "lon", "longitude": "lon", "纬度": "lat", "latitude": "lat",
}  # fmt: skip
ORIGIN_WORDS = {"报警": "reported", "上报": "reported", "发现": "discovered", "巡逻发现": "discovered"}
OFFSET = re.compile(r":\d{2}(?:[.,]\d+)?\s*(?:[Zz]|[+-]\d{2}(?::?\d{2})?)$")  # behind minutes or seconds
NEAR = 0.8  # share of letters in common that makes an unknown header a misspelt one


def read_incidents(path: str | os.PathLike[str], *, site: Site, zone: str | None = None) -> gpd.GeoDataFrame:
    r"""Read incidents from a CSV table (UTF-8 or GB 18030; commas, semicolons or tabs) or a layer of points.

    Columns, in English or Chinese: ``incident_id``, ``occurred_at`` (ISO 8601) and, in a table, ``lon``, ``lat`` or
    ``x``, ``y`` (coordinate system of the site); may be left out: ``category``, ``severity`` (above 0, else 1) and
    ``origin`` (``reported``, else ``discovered`` by a patrol).

    Parameters
    ----------
    path : path-like
        The file; of several layers in a GeoPackage the one called ``incidents`` counts.
    site : Site
        Its streets and coordinate system.
    zone : str, optional
        IANA name of the zone, such as ``Europe/Helsinki``, for times that tell no offset.

    Returns
    -------
    GeoDataFrame
        Index ``incident_id``; points; ``occurred_at`` (UTC), ``category``, ``severity``, ``origin`` and ``street``, the
        nearest street's ``(u, v, key)``, None if that is more than 50 m away. ``attrs["notes"]`` tells what was assumed
        or not used. A table without rows gives a frame without rows.

    Raises
    ------
    SourceError
        The file is missing, damaged, or not text.
    SchemaError
        Columns are missing, or rows break a rule; every fault is listed.

    Examples
    --------
    >>> import tempfile
    >>> import sightgrid as sg
    >>> file = Path(tempfile.mkdtemp()) / "incidents.csv"
    >>> text = "incident_id,occurred_at,lon,lat\na,2026-03-01T22:15+02:00,24.9522,60.1695\n"
    >>> _ = file.write_text(text, encoding="utf-8")
    >>> incidents = read_incidents(file, site=sg.open_site("helsinki"))
    >>> incidents.loc["a", "occurred_at"].isoformat()
    '2026-03-01T20:15:00+00:00'
    """
    path = Path(path)
    raw = _read_points(path) if path.suffix.lower() in VECTOR_SUFFIXES else _read_table(path)
    raw, notes = _name_columns(raw, path)
    faults: list[Fault] = []
    ids = pd.Series([text or "" for text in _texts(raw["incident_id"])], dtype=object)

    def blame(column: str, rule: str, rows: NDArray[np.bool_]) -> None:
        if rows.any():
            places = np.flatnonzero(rows)[:FIRST_IDS]
            names = tuple(ids.iloc[i] or f"row {i + 1}" for i in places)
            faults.append(Fault(column, rule, names, int(rows.sum())))

    blame("incident_id", "must not be empty", (ids == "").to_numpy())
    blame("incident_id", "must be unique", ((ids != "") & ids.duplicated()).to_numpy())
    points = _place(raw, site, blame)
    times = _read_times(raw["occurred_at"], ids, zone, blame, notes)
    columns = {"occurred_at": times, **_read_words(raw, blame, notes)}
    if faults:
        raise SchemaError("incidents", tuple(faults), source=str(path))
    frame = gpd.GeoDataFrame(columns, geometry=points).set_axis(pd.Index(ids, dtype="str", name="incident_id"))
    row, _ = attach(frame, site.streets)
    names = list(site.streets.index)
    frame["street"] = pd.Series([names[i] if i >= 0 else None for i in row], index=frame.index, dtype=object)
    if (row < 0).any():
        notes.append(tell("incidents", f"more than {FARTHEST_M:g} m from any street", list(frame.index[row < 0])))
    frame.attrs["notes"] = tuple(notes)
    return frame


def attach(incidents: gpd.GeoDataFrame, streets: gpd.GeoDataFrame) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Find the street each incident belongs to: the nearest one, the first of several, at most 50 m away.

    Returns
    -------
    row : ndarray of int
        Row of `streets`, -1 where none is near.
    along_m : ndarray of float
        How far along that street's line the incident lies, in metres of ``length_m``.
    """
    row, along = np.full(len(incidents), -1, np.intp), np.full(len(incidents), np.nan)
    lines = streets.geometry.to_numpy()
    if not len(incidents) or not len(lines):
        return row, along
    shapes = incidents.geometry.to_numpy()
    who, line = shapely.STRtree(lines).query_nearest(shapes, max_distance=FARTHEST_M, all_matches=True)
    order = np.lexsort((line, who))
    who, first = np.unique(who[order], return_index=True)
    row[who] = line[order][first]
    near = lines[row[who]]
    along[who] = (
        shapely.line_locate_point(near, shapes[who], normalized=True) * streets["length_m"].to_numpy()[row[who]]
    )
    return row, along


def _read_table(path: Path) -> pd.DataFrame:
    """Read all fields as text; None where empty."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError as error:
        raise SourceError(f"{path}: there is no such file") from error
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        text = _decode(raw)
        delimiter = max(",;\t", key=text.partition("\n")[0].count)
        lines = [line for line in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if any(line)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{path}: is no table in UTF-8 or GB 18030; save it as CSV in UTF-8") from error
    if not lines:
        raise SourceError(f"{path}: the file is empty")
    header, *rows = lines
    ragged = [f"row {n}" for n, row in enumerate(rows, 1) if len(row) != len(header)]
    if ragged:
        fault = Fault("row", "has more or fewer fields than the header", tuple(ragged), len(ragged))
        raise SchemaError("incidents", (fault,), source=str(path))
    fields = [[field.strip() or None for field in row] for row in rows]
    return pd.DataFrame(fields, columns=header, dtype=object)


def _decode(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("gb18030")


def _read_points(path: Path) -> gpd.GeoDataFrame:
    try:
        layers = [str(name) for name in pyogrio.list_layers(path)[:, 0]]
    except (DataSourceError, OSError):
        layers = []  # what is wrong with the file is told where it is read
    return read_layer(path, None, "incidents" if "incidents" in layers else None)


def _name_columns(raw: pd.DataFrame, path: Path) -> tuple[pd.DataFrame, list[str]]:
    """Give the columns the contract's names, leave out all others, and name those in a note."""
    drawn = isinstance(raw, gpd.GeoDataFrame)
    known = (*COLUMNS, *([raw.geometry.name] if drawn else [name for pair in PAIRS for name in pair]))
    headers = {}
    for header in raw.columns:
        plain = str(header).strip()
        name = ALIASES.get(plain, ALIASES.get(plain.lower(), plain.lower()))
        headers[header] = name if name in known else plain
    names = list(headers.values())
    faults = [Fault(name, "several columns hold it") for name in known if names.count(name) > 1]
    missing = [name for name in ("incident_id", "occurred_at") if name not in names]
    if not drawn and not any(set(pair) <= set(names) for pair in PAIRS):
        missing.append("lon, lat (or x, y)")
    faults += [Fault(name, "missing column") for name in missing]
    unknown = [name for name in names if name not in known]
    for name in unknown:
        near = get_close_matches(name.lower(), [other for other in known if other not in names], n=1, cutoff=NEAR)
        faults += [Fault(hide(name), f"unknown column, perhaps {near[0]}")] if near else []
    if faults:
        raise SchemaError("incidents", tuple(faults), source=str(path))
    notes = [f"incidents: columns not used: {', '.join(map(hide, unknown))}"] if unknown else []
    kept = raw.rename(columns=headers)
    return kept[[name for name in known if name in names]].reset_index(drop=True), notes


def _place(raw: pd.DataFrame, site: Site, blame: Any) -> gpd.GeoSeries:
    """Points in the coordinate system of the site."""
    if isinstance(raw, gpd.GeoDataFrame):
        kinds = raw.geometry.geom_type
        blame("geometry", "must be a Point", ((kinds != "Point") | raw.geometry.is_empty).to_numpy())
        return project_layer(raw, site.crs, layer="incidents").geometry
    pair = next(pair for pair in PAIRS if set(pair) <= set(raw.columns))
    numbers = [pd.to_numeric(raw[name], errors="coerce").to_numpy(float) for name in pair]
    for name, values, limit in zip(pair, numbers, (180.0, 90.0), strict=True):
        blame(name, "must be a number", ~np.isfinite(values))
        if pair == ("lon", "lat"):
            blame(name, f"must lie in [-{limit:g}, {limit:g}]", np.isfinite(values) & (np.abs(values) > limit))
    points = gpd.GeoSeries(gpd.points_from_xy(*numbers), crs=WGS84 if pair == ("lon", "lat") else site.crs)
    return points.to_crs(site.crs)


def _read_times(
    told: pd.Series[Any], ids: pd.Series[str], zone: str | None, blame: Any, notes: list[str]
) -> pd.Series[Any]:
    """Times in UTC; one without an offset is local time of the zone."""
    text = pd.Series(_texts(told), index=told.index, dtype=object)
    fixed = pd.Series([bool(value and OFFSET.search(value)) for value in text], index=told.index, dtype=bool)
    utc = pd.to_datetime(text.where(fixed), format="ISO8601", errors="coerce", utc=True)
    local = pd.to_datetime(text.where(~fixed).str.replace("/", "-"), format="ISO8601", errors="coerce")
    blame("occurred_at", "must be given", text.isna().to_numpy())
    blame(
        "occurred_at",
        "must be a time such as 2026-03-01T22:15+02:00",
        (text.notna() & utc.isna() & local.isna()).to_numpy(),
    )
    if not local.notna().any():
        return utc
    if zone is None:
        rule = "has no time zone; give zone, such as Europe/Helsinki, or write offsets, such as 22:15+02:00"
        blame("occurred_at", rule, local.notna().to_numpy())
        return utc
    system = find_zone(zone)
    early = local.dt.tz_localize(system, ambiguous=np.ones(len(local), bool), nonexistent="NaT")
    twice = early.notna() & local.dt.tz_localize(system, ambiguous="NaT", nonexistent="NaT").isna()
    if twice.any():
        what = f"times that come twice in {zone}, as the clocks change, taken as the earlier"
        notes.append(tell("incidents", what, list(ids[twice])))
    blame("occurred_at", f"does not exist in {zone}, as the clocks change", (local.notna() & early.isna()).to_numpy())
    return utc.fillna(early.dt.tz_convert("UTC"))


def _read_words(raw: pd.DataFrame, blame: Any, notes: list[str]) -> dict[str, pd.Series[Any]]:
    """Category, severity and origin; what is not told is assumed."""
    nothing = pd.Series(None, index=raw.index, dtype=object)
    category = pd.Series([text or "" for text in _texts(raw.get("category", nothing))], dtype="str")
    told = raw.get("severity", nothing)
    severity = pd.to_numeric(told, errors="coerce").astype(float)
    blame("severity", "must be a number above 0", (told.notna() & ~((severity > 0) & np.isfinite(severity))).to_numpy())
    words = [text and text.lower() for text in _texts(raw.get("origin", nothing))]
    origin = pd.Series([ORIGIN_WORDS.get(word, word) if word else None for word in words], dtype="str")
    blame("origin", f"must be {' or '.join(ORIGINS)}", (origin.notna() & ~origin.isin(ORIGINS)).to_numpy())
    if origin.isna().any():
        notes.append(f"incidents: origin not told, taken as reported: {int(origin.isna().sum())}")
    return {"category": category, "severity": severity.fillna(1.0), "origin": origin.fillna("reported")}


def _texts(values: pd.Series[Any]) -> list[str | None]:
    """Values as text, None where there is none."""
    return [None if pd.isna(value) else str(value).strip() or None for value in values]
