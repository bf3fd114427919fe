"""Tracks: where units were and when, with every fix that cannot be believed set aside and counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError as ProjError

from sightgrid import schemas
from sightgrid.errors import FIRST_IDS, CRSError, InputError, SourceError, UnitRangeError
from sightgrid.patrol.tracks.track_files import read_csv_fixes, read_gpx_fixes
from sightgrid.patrol.tracks.track_order import keep_connected, keep_rising

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from typing import Any

    Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]

LIMIT_KPH = 200.0
LIMITS = {"lon": 180.0, "lat": 90.0}
FAULT_COLUMNS = ["source", "unit_id", "rule", "count", "first"]
BACKWARDS = "the time goes back"
DUPLICATE = "the fix is there twice"
SAME_TIME = "another place at the same time"
JUMP = "jump: faster than the limit"


@dataclass(frozen=True, eq=False)
class Tracks:
    """Fixes of units, in order of time, and what was set aside.

    Attributes
    ----------
    fixes : GeoDataFrame
        RangeIndex; ``unit_id``, ``at`` (UTC), ``accuracy_m`` (NaN where not told) and the place; by unit, then time.
    faults : DataFrame
        What was set aside: ``source`` (file name), ``unit_id``, ``rule``, ``count``, ``first`` (the first times).
    """

    fixes: gpd.GeoDataFrame
    faults: pd.DataFrame

    @property
    def notes(self) -> tuple[str, ...]:
        """One line for each rule that was broken."""
        notes = []
        for source, unit, rule, count, first in self.faults[FAULT_COLUMNS].to_numpy(object).tolist():
            told = f" ({count} {'fix' if count == 1 else 'fixes'}; first {first})" if count else ""
            notes.append(": ".join(part for part in (source, unit, rule) if part) + told)
        return tuple(notes)


def read_tracks(
    paths: Paths,
    *,
    crs: CRS | str | int,
    zone: str | None = None,
    limit_kph: float | Mapping[str, float] = LIMIT_KPH,
) -> Tracks:
    r"""Read the tracks of units from GPX and CSV files.

    GPX: a unit is called as its track, or as the file where the track has no name. CSV: columns ``unit_id``, ``time``
    and ``lon``, ``lat`` (WGS 84) or ``x``, ``y`` (in `crs`), maybe ``accuracy_m``; commas, semicolons or tabs; UTF-8 or
    GB 18030. Fixes that cannot be believed are set aside and counted, see `clean_tracks`.

    Parameters
    ----------
    paths : path-like or sequence of path-like
        The files; the suffix ``.gpx`` or ``.csv`` tells which they are.
    crs : anything pyproj understands
        Metric coordinate system of the result: the site's.
    zone : str, optional
        Time zone of times that name none, such as ``"Europe/Helsinki"`` or ``"UTC"``.
    limit_kph : float or mapping of unit_id to float
        Speed above which a step is a jump (200 km/h where a mapping does not name the unit).

    Returns
    -------
    Tracks

    Raises
    ------
    SourceError
        A file is missing, empty, too large, or not what its suffix says.
    SchemaError
        A table lacks a column.
    InputError
        Times without a zone while `zone` is not given.
    CRSError
        `crs` is not a metric coordinate system.
    UnitRangeError
        A speed limit is not above 0, or the zone is unknown.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "unit7.csv"
    >>> text = "unit_id,time,lon,lat\nu7,2026-11-23T08:00:00Z,24.94,60.17\nu7,2026-11-23T08:00:10Z,24.941,60.17\n"
    >>> _ = file.write_text(text, encoding="utf-8")
    >>> read_tracks(file, crs=32635).fixes["unit_id"].tolist()
    ['u7', 'u7']
    """
    system = _metric(crs)
    files = [Path(paths)] if isinstance(paths, (str, Path)) or hasattr(paths, "__fspath__") else [*map(Path, paths)]
    frames, extra = [], []
    for file in files:
        frame, written = _read(file, system)
        if frame.attrs.get("newest_first"):
            extra.append((file.name, "", "rows are written newest first: read from the end", 0, ""))
        if frame.empty:
            extra.append((file.name, file.stem, "the file holds no fixes", 0, ""))
        frames.append(_place(_to_utc(frame, zone, file), written, system).assign(source=file.name))
    if not frames:
        raise InputError("tracks: no file is given")
    return _sort_out(pd.concat(frames, ignore_index=True), system, limit_kph, extra)


def clean_tracks(fixes: gpd.GeoDataFrame, *, limit_kph: float | Mapping[str, float] = LIMIT_KPH) -> Tracks:
    """Set aside the fixes of a frame that cannot be believed.

    Of each unit's fixes, in the order given, the most are kept whose times never go back (a longest non-decreasing
    subsequence: one wrong clock reading costs one fix, wherever it stands). Then go second fixes of one time, and
    jumps: of the stretches between steps that are faster than the limit the most fixes are kept that can follow each
    other; the first 50 m of a step are taken for noise.

    Parameters
    ----------
    fixes : GeoDataFrame
        ``unit_id``, ``at`` (with a time zone), maybe ``accuracy_m``, points in a metric coordinate system.
    limit_kph : float or mapping of unit_id to float
        Speed above which a step is a jump (200 km/h where a mapping does not name the unit).

    Returns
    -------
    Tracks

    Raises
    ------
    InputError
        A column is missing, or times have no zone.
    CRSError
        The coordinate system is not metric.
    UnitRangeError
        A speed limit is not above 0.
    """
    missing = [name for name in ("unit_id", "at") if name not in fixes.columns]
    if missing:
        raise InputError(f"tracks: missing column {', '.join(missing)}")
    if not isinstance(fixes["at"].dtype, pd.DatetimeTZDtype):
        raise InputError("tracks: at: times need a time zone; use dt.tz_localize")
    system = _metric(fixes.crs)
    shapes = fixes.geometry.to_numpy()
    frame = pd.DataFrame(
        {
            "unit_id": fixes["unit_id"].astype("str").to_numpy(),
            "at": fixes["at"].dt.tz_convert("UTC").astype("datetime64[us, UTC]").to_numpy(),
            "x": shapely.get_x(shapes),
            "y": shapely.get_y(shapes),
            "accuracy_m": fixes.get("accuracy_m", pd.Series(np.nan, fixes.index)).to_numpy(float),
            "rule": "",
            "source": "",
        }
    )
    frame["at"] = frame["at"].astype("datetime64[us, UTC]")
    unplaced = ~np.isfinite(frame[["x", "y"]].to_numpy()).all(axis=1)
    frame.loc[unplaced, "rule"] = "no position"
    return _sort_out(frame, system, limit_kph, [])


def _metric(crs: Any) -> CRS:
    try:
        system = CRS.from_user_input(crs)
    except ProjError as error:
        raise CRSError(f"tracks: {crs!r} is not a coordinate system") from error
    reason = schemas.metric_fault(system)
    if reason:
        raise CRSError(f"tracks: {reason}")
    return system


def _read(file: Path, crs: CRS) -> tuple[pd.DataFrame, CRS]:
    suffix = file.suffix.lower()
    if suffix == ".gpx":
        return read_gpx_fixes(file)
    if suffix == ".csv":
        return read_csv_fixes(file, crs)
    raise SourceError(f"{file}: cannot read a {suffix or 'nameless'} file as tracks; use .gpx or .csv")


def _to_utc(frame: pd.DataFrame, zone: str | None, file: Path) -> pd.DataFrame:
    """Turn clock times to UTC; those that the zone does not know, or knows twice, are set aside."""
    bare = ~frame["zoned"].to_numpy(bool) & frame["clock"].notna().to_numpy()
    if bare.any() and zone is None:
        first = frame["clock"][bare].iloc[0].isoformat()
        text = f"{bare.sum()} times have no time zone (first {first}); write 2026-11-23T08:00:00Z, or give zone="
        raise InputError(f'{file}: time: {text}, such as zone="Europe/Helsinki"')
    at = frame["clock"].dt.tz_localize("UTC")
    rule = frame["rule"].to_numpy(object, copy=True)
    rule[(rule == "") & at.isna().to_numpy()] = "no time"
    if bare.any():
        try:
            local = frame["clock"][bare].dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT").dt.tz_convert("UTC")
        except (KeyError, ValueError, TypeError) as error:
            raise UnitRangeError(f"zone: {zone!r} is not a time zone") from error
        at = at.where(~bare, local.reindex(frame.index))
        rule[bare & at.isna().to_numpy() & (rule == "")] = f"the time is there twice or never in {zone}"
    return frame.drop(columns=["clock", "zoned"]).assign(at=at.astype("datetime64[us, UTC]"), rule=rule)


def _place(frame: pd.DataFrame, written: CRS, crs: CRS) -> pd.DataFrame:
    x, y, rule = frame["x"].to_numpy(float), frame["y"].to_numpy(float), frame["rule"].to_numpy(object, copy=True)
    lost = ~(np.isfinite(x) & np.isfinite(y))
    if written.is_geographic:
        lost |= (np.abs(x) > LIMITS["lon"]) | (np.abs(y) > LIMITS["lat"])
    rule[(rule == "") & lost] = "no position, or one off the globe"
    rule[(rule == "") & (x == 0) & (y == 0)] = "the position is (0, 0)"
    points = gpd.points_from_xy(np.where(lost, np.nan, x), np.where(lost, np.nan, y), crs=written).to_crs(crs)
    x, y = np.array(points.x), np.array(points.y)
    rule[(rule == "") & ~(np.isfinite(x) & np.isfinite(y))] = "the position lies outside the coordinate system"
    return frame.assign(x=x, y=y, rule=rule)


def _sort_out(
    frame: pd.DataFrame, crs: CRS, limit_kph: float | Mapping[str, float], extra: list[tuple[str, str, str, int, str]]
) -> Tracks:
    limits = limit_kph if isinstance(limit_kph, Mapping) else dict.fromkeys(frame["unit_id"].unique(), limit_kph)
    wrong = [f"{unit} {limit}" for unit, limit in limits.items() if not limit > 0]
    if wrong:
        raise UnitRangeError(f"limit_kph: must be above 0: {', '.join(wrong[:FIRST_IDS])}")
    rule = frame["rule"].to_numpy(object, copy=True)
    seconds = frame["at"].astype("int64").to_numpy() / 1e6
    for rows in frame.groupby(["source", "unit_id"], sort=False).indices.values():
        good = rows[rule[rows] == ""]
        rule[good[~keep_rising(seconds[good])]] = BACKWARDS
    xy = frame[["x", "y"]].to_numpy(float)
    order = []
    for unit, rows in sorted(frame.groupby("unit_id", sort=False).indices.items()):
        good = rows[rule[rows] == ""]
        good = good[np.argsort(seconds[good], kind="stable")]
        again = np.flatnonzero(np.diff(seconds[good]) == 0) + 1
        same_place = (xy[good[again]] == xy[good[again - 1]]).all(axis=1)
        rule[good[again]] = np.where(same_place, DUPLICATE, SAME_TIME)
        good = np.delete(good, again)
        kept = keep_connected(seconds[good], xy[good], limits.get(str(unit), LIMIT_KPH) / 3.6)
        rule[good[~kept]] = JUMP
        order.append(good[kept])
    kept_rows = np.concatenate(order) if order else np.empty(0, np.intp)
    fixes = frame.loc[kept_rows, ["unit_id", "at", "accuracy_m"]].reset_index(drop=True)
    places = gpd.points_from_xy(*xy[kept_rows].T, crs=crs)
    return Tracks(gpd.GeoDataFrame(fixes, geometry=places), _count(frame.assign(rule=rule), extra))


def _count(frame: pd.DataFrame, extra: list[tuple[str, str, str, int, str]]) -> pd.DataFrame:
    rows = list(extra)
    for (source, unit, rule), group in frame[frame["rule"] != ""].groupby(["source", "unit_id", "rule"], sort=True):
        times = [time.isoformat() for time in group["at"].dropna().iloc[:FIRST_IDS].dt.floor("s")]
        rows.append((str(source), str(unit), str(rule), len(group), ", ".join(times)))
    return pd.DataFrame(rows, columns=FAULT_COLUMNS)
