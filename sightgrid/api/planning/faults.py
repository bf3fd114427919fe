"""What cannot be right about rows that somebody sent, found before they are repaired, moved or written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from sightgrid.errors import FIRST_IDS, Fault, SchemaError
from sightgrid.gis.io import AWAY_RULE, MAX_AWAY_M

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

FAR_M = 100_000.0  # from the study area: nothing of a site lies there
LIMITS_DEG = np.array([-180.0, -90.0, 180.0, 90.0])


def check_values(frame: gpd.GeoDataFrame, layer: str) -> None:
    """Find what no database can hold: nested values, text with a NUL or half a character."""
    findings = []
    texts = {str(frame.index.name): frame.index.to_numpy(dtype=object)} if layer != "streets" else {}
    for column in frame.columns.drop(frame.geometry.name):
        if frame[column].dtype == object or isinstance(frame[column].dtype, pd.StringDtype):
            texts[str(column)] = frame[column].to_numpy(dtype=object)
    for column, values in texts.items():
        nested = np.array([isinstance(value, dict | list) for value in values], dtype=bool)
        broken = np.array([isinstance(value, str) and not is_storable(value) for value in values], dtype=bool)
        findings += [(column, "must not be nested", nested), (column, "has characters that cannot be kept", broken)]
    _tell(frame, layer, findings)


def is_storable(text: str) -> bool:
    """Tell whether both databases can keep a text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in text


def check_shapes(frame: gpd.GeoDataFrame, layer: str, id_name: str) -> None:
    """Find shapes that cannot be, before they are brought to another coordinate system."""
    shapes = frame.geometry.to_numpy()
    points, row = shapely.get_coordinates(shapes, return_index=True)
    odd = _mark(frame, row[~np.isfinite(points).all(axis=1)])
    findings = [
        ("geometry", "must be a valid shape", np.asarray(shapely.is_missing(shapes))),
        ("geometry", "must not have NaN or infinite coordinates", odd),
    ]
    if frame.crs is not None and frame.crs.is_geographic:
        outside = ((points < LIMITS_DEG[:2]) | (points > LIMITS_DEG[2:])).any(axis=1)
        rule = "must lie in longitude [-180, 180] and latitude [-90, 90]; is it in another coordinate system?"
        findings.append(("geometry", rule, _mark(frame, row[outside]) & ~odd))
    if layer == "cameras":
        findings.append(("geometry", "camera at (0, 0)", _mark(frame, row[(points == 0.0).all(axis=1)])))
    _tell(frame, layer, findings, id_name=id_name)


def check_places(frame: gpd.GeoDataFrame, layer: str, study: shapely.Geometry) -> None:
    """Find rows that lie nowhere near the site."""
    shapes = frame.geometry.to_numpy()
    points, row = shapely.get_coordinates(shapes, return_index=True)
    lost = _mark(frame, row[~np.isfinite(points).all(axis=1)])
    findings = [("geometry", "cannot be brought into the coordinate system of the site", lost)]
    if not study.is_empty:
        area, farthest_m, rule = study, MAX_AWAY_M, AWAY_RULE
        if layer != "cameras":
            area, farthest_m = shapely.box(*study.bounds), FAR_M
            rule = f"lies more than {FAR_M / 1000.0:g} km from the site; is it in another coordinate system?"
        shapely.prepare(area)
        findings.append(("geometry", rule, ~lost & ~np.asarray(shapely.dwithin(area, shapes, farthest_m))))
    _tell(frame, layer, findings)


def _mark(frame: gpd.GeoDataFrame, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
    marked = np.zeros(len(frame), bool)
    marked[rows] = True
    return marked


def _tell(
    frame: gpd.GeoDataFrame, layer: str, findings: list[tuple[str, str, Any]], *, id_name: str | None = None
) -> None:
    """Raise where any rows break a rule; rows that have no id of theirs yet are told by their number."""
    faults = []
    for column, rule, rows in findings:
        if not rows.any():
            continue
        first = np.flatnonzero(rows)[:FIRST_IDS]
        named = id_name is None or frame.index.name == id_name
        ids = tuple(str(frame.index[place]) if named else f"row {place + 1}" for place in first)
        faults.append(Fault(column, rule, ids, int(rows.sum())))
    if faults:
        raise SchemaError(layer, tuple(faults))
