"""From rows as they were read to a layer that keeps its contract: rings repaired, ids, defaults, types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from sightgrid import schemas
from sightgrid.columns import COLUMNS, INDEX
from sightgrid.errors import FIRST_IDS, SchemaError, hide
from sightgrid.gis.rejected import blank_addresses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sightgrid.columns import Dtype

POLYGON = int(shapely.GeometryType.POLYGON)
POLYGONAL = (POLYGON, int(shapely.GeometryType.MULTIPOLYGON))
SLIVER_SHARE = 0.01
COLLECTIONS = 4  # from this type number on a geometry has parts
# layer and column -> words as ledgers write them
WORDS = {
    ("cameras", "kind"): {"枪机": "fixed", "半球": "dome", "球机": "ptz", "云台": "ptz", "全景": "panorama"},
    ("cameras", "mount"): {
        "立杆": "pole", "墙": "wall", "壁装": "wall", "屋顶": "roof", "吊装": "ceiling", "灯杆": "street_lamp",
    },
}  # fmt: skip
FLAGS = {"true": True, "1": True, "yes": True, "是": True, "false": False, "0": False, "no": False, "否": False}


def tell(layer: str, what: str, ids: Sequence[str]) -> str:
    """Say in one line what was done to how many rows, and name the first of them."""
    more = ", …" if len(ids) > FIRST_IDS else ""
    return f"{layer}: {what}: {len(ids)} ({', '.join(map(hide, ids[:FIRST_IDS]))}{more})"


def parse_columns(frame: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Turn text into numbers, flags and known words; what cannot be turned stays text for the check to find."""
    frame = frame.copy(deep=False)
    for column in COLUMNS[kind]:
        if column.name in frame.columns:
            words = WORDS.get((kind, column.name))
            frame[column.name] = parse_column(frame[column.name], column.dtype, words=words)
    return frame


def parse_column(values: pd.Series[Any], dtype: Dtype, *, words: dict[str, str] | None = None) -> pd.Series[Any]:
    """Turn the text of one column into what its type or its words say, cell by cell."""
    if pd.api.types.is_bool_dtype(values.dtype) or (dtype == "text" and words is None):
        return values
    numeric = pd.api.types.is_numeric_dtype(values.dtype)
    if not numeric:
        values = values.astype(object)
        values = values.where(values.map(lambda value: not isinstance(value, str) or bool(value.strip())), None)
    if words is not None:
        return values.map(lambda text: words.get(text.lower(), text.lower()) if isinstance(text, str) else text)
    if dtype == "flag":
        # a shapefile or a table writes a flag as a number or a word
        return values.astype(object).map(
            lambda value: FLAGS.get(str(value).lower().removesuffix(".0"), value), na_action="ignore"
        )
    if numeric:
        return values
    numbers = pd.to_numeric(values, errors="coerce")
    unread = values.notna() & numbers.isna()
    return numbers.astype(object).where(~unread, values) if unread.any() else numbers.astype(float)


def take_single_parts(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Turn collections of one part, as QGIS writes them, into that part."""
    shapes = frame.geometry.to_numpy()
    single = (shapely.get_type_id(shapes) >= COLLECTIONS) & (shapely.get_num_geometries(shapes) == 1)
    if not single.any():
        return frame
    shapes = np.where(single, shapely.get_geometry(shapes, 0), shapes)
    return frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs))


def name_rows(frame: gpd.GeoDataFrame, kind: str) -> gpd.GeoDataFrame:
    """Take the index from its column as text; rows of a layer without an id column are numbered."""
    (name,) = INDEX[kind]
    if frame.index.name == name:
        return frame
    if name in frame.columns:
        values = frame.pop(name)
        ids = values.astype("str").where(values.notna(), "")
    else:
        ids = name.removesuffix("_id") + pd.Series(np.arange(1, len(frame) + 1), dtype="int64").astype("str")
    frame.index = pd.Index(ids, name=name, dtype="str")
    return frame


def repair_polygons(frame: gpd.GeoDataFrame, layer: str) -> tuple[gpd.GeoDataFrame, list[str]]:
    """Make every polygon valid and single, and say what was done.

    Self-crossing rings are repaired, their polygons kept; rows without an area are left out; a row of several polygons
    becomes several rows ``id``, ``id#2``, … Other geometry types stay, for the schema to report.

    Parameters
    ----------
    frame : GeoDataFrame
        Rows with a text index.
    layer : str
        The layer's name in the notes.

    Returns
    -------
    frame : GeoDataFrame
        Rows with one valid Polygon each.
    notes : list of str
        Counted repairs.
    """
    shapes = frame.geometry.to_numpy()
    if shapely.has_z(shapes).any():
        shapes = shapely.force_2d(shapes)
    notes = []
    broken = np.isin(shapely.get_type_id(shapes), POLYGONAL) & ~shapely.is_valid(shapes)
    if broken.any():
        shapes = shapes.copy()
        mended = shapely.make_valid(shapes[broken], method="structure", keep_collapsed=False)
        shapes[broken] = [_drop_slivers(shape) for shape in mended]
        notes.append(tell(layer, "broken rings repaired", list(frame.index[broken])))
    blank = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    if blank.any():
        notes.append(tell(layer, "rows without an area left out", list(frame.index[blank])))
        frame, shapes = frame[~blank], shapes[~blank]
    frame = frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs))
    return explode_parts(frame), notes


def explode_parts(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Turn each row with several parts into rows ``id``, ``id#2``, … of one part."""
    shapes = frame.geometry.to_numpy()
    if not (shapely.get_type_id(shapes) >= COLLECTIONS).any():
        return frame
    parts, rows = shapely.get_parts(shapes, return_index=True)
    nth = np.arange(len(rows)) - np.searchsorted(rows, rows)
    ids = frame.index.to_numpy(dtype=object)[rows]
    later = nth > 0
    ids[later] = [f"{name}#{n + 1}" for name, n in zip(ids[later], nth[later], strict=True)]
    frame = frame.iloc[rows].set_geometry(gpd.GeoSeries(parts, index=frame.index[rows], crs=frame.crs))
    frame.index = pd.Index(ids, name=frame.index.name, dtype="str")
    return frame


def assume_kind(cameras: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Take cameras of unknown kind as fixed ones, and record that in ``assumed``."""
    cameras = cameras.copy(deep=False)
    given = cameras["kind"] if "kind" in cameras.columns else pd.Series(None, index=cameras.index, dtype="object")
    unknown = given.isna()
    cameras["kind"] = given.where(~unknown, "fixed")
    before = cameras["assumed"].astype(object).fillna("") if "assumed" in cameras.columns else [""] * len(cameras)
    texts = [_add_kind(text) if blank else text for text, blank in zip(before, unknown, strict=True)]
    cameras["assumed"] = pd.Series(texts, index=cameras.index, dtype=object)
    return cameras


def _add_kind(assumed: Any) -> Any:
    if not isinstance(assumed, str):  # left to the check
        return assumed
    names = [name for name in assumed.split(",") if name]
    return ",".join(names if "kind" in names else [*names, "kind"])


def settle(
    frame: gpd.GeoDataFrame, kind: str, *, source: str, extra: tuple[schemas.Finding, ...] = ()
) -> gpd.GeoDataFrame:
    """Complete a layer, check it, and give its columns their types.

    Raises
    ------
    SchemaError
        With every fault, the rows that keep the contract in ``good`` and the others in ``bad``.
    """
    frame = schemas.complete(frame, kind)
    verdict = schemas.check(frame, kind, extra=extra)
    if verdict.faults:
        bad = blank_addresses(
            pd.DataFrame(frame[verdict.bad]).drop(columns="stream_url", errors="ignore").reset_index()
        )
        bad["reason"] = [reason for reason in verdict.reasons if reason]
        good = cast_columns(frame[~verdict.bad], kind) if not verdict.bad.all() else None
        raise SchemaError(kind, verdict.faults, source=source, good=good, bad=bad)
    return cast_columns(frame, kind)


def cast_columns(frame: gpd.GeoDataFrame, kind: str) -> gpd.GeoDataFrame:
    """Give the columns of a checked layer their types: float (integer where every row has one), bool, text or None."""
    frame = frame.copy(deep=False)
    for column in COLUMNS[kind]:
        values = frame[column.name]
        if column.dtype == "flag":
            frame[column.name] = values.astype(bool)
        elif column.dtype == "text":
            # equal texts share one string: a city's streets have few names and fewer kinds
            codes, texts = pd.factorize(values.astype(object))
            shared = np.array([*texts, None], dtype=object)[codes]
            frame[column.name] = pd.Series(shared, index=frame.index, dtype=object)
        else:
            numbers = pd.to_numeric(values).astype(float)
            whole = column.dtype == "whole" and column.filled
            frame[column.name] = numbers.astype("int64") if whole else numbers
    return frame


def _drop_slivers(shape: shapely.Geometry) -> shapely.Geometry:
    """Leave out the crumbs that a repaired crossing leaves beside the real parts."""
    parts = shapely.get_parts(shape)
    area = shapely.area(parts)
    return shapely.union_all(parts[area > SLIVER_SHARE * area.sum()])
