"""What results show on a map: layers of shapes with a few properties each, found by area."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import sqlalchemy as sa

from sightgrid.store.conflicts import NotFoundError
from sightgrid.store.layers import read_crs
from sightgrid.store.loading import copy_rows, insert_many, order_rows
from sightgrid.store.rows import name_ids
from sightgrid.store.work_tables import result_boxes, result_features, results

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sightgrid.store.database import Database
    from sightgrid.store.layers import Box


def put_layers(connection: sa.Connection, result_id: int, layers: Mapping[str, gpd.GeoDataFrame]) -> None:
    """Replace the layers of a result, in a transaction that is open. Rows without a shape are left out."""
    connection.execute(sa.delete(result_features).where(result_features.c.result_id == result_id))
    for layer, whole in layers.items():
        frame = whole[~(whole.geometry.isna() | whole.geometry.is_empty)]
        if frame.empty:
            continue
        frame = frame.iloc[order_rows(frame)]
        count = len(frame)
        names = ["result_id", "layer", "feature_id", "geometry", "properties"]
        columns: list[list[Any]] = [
            [result_id] * count, [layer] * count, name_ids(frame.index),
            shapely.to_wkb(frame.geometry.to_numpy()).tolist(), _pack(frame),
        ]  # fmt: skip
        if connection.dialect.name == "postgresql":
            copy_rows(connection, result_features, names, columns)
            continue
        newest = sa.select(sa.func.coalesce(sa.func.max(result_features.c.feature_key), 0))
        first = connection.execute(newest).scalar_one() + 1
        keys = list(range(first, first + count))
        insert_many(connection, result_features, ["feature_key", *names], [keys, *columns])
        minx, miny, maxx, maxy = shapely.bounds(frame.geometry.to_numpy()).T
        sides = [keys, *(side.tolist() for side in (minx, maxx, miny, maxy))]
        insert_many(connection, result_boxes, ["feature_key", "minx", "maxx", "miny", "maxy"], sides)


def list_result_layers(database: Database, result_id: int) -> dict[str, int]:
    """Return the layers of a result with their numbers of rows."""
    statement = (
        sa.select(result_features.c.layer, sa.func.count().label("rows"))
        .where(result_features.c.result_id == result_id)
        .group_by(result_features.c.layer)
        .order_by(result_features.c.layer)
    )
    with database.read() as connection:
        return {row.layer: row.rows for row in connection.execute(statement)}


def read_result_layer(
    database: Database, result_id: int, layer: str, *, box: Box | None = None, after: int = 0, limit: int | None = None
) -> tuple[gpd.GeoDataFrame, int | None]:
    """Read a layer of a result, or what of it touches a box.

    Parameters
    ----------
    database : Database
        The store.
    result_id : int
        The result.
    layer : str
        Its layer; one that it does not have is empty.
    box : tuple of float, optional
        ``minx, miny, maxx, maxy`` in the coordinate system of the site.
    after : int
        What the page before gave; 0 for the first.
    limit : int, optional
        Most rows of a page; all, if not given.

    Returns
    -------
    frame : GeoDataFrame
        Index ``feature_id``, the properties as columns.
    after : int or None
        To be given for the next page; None if this is the last.

    Raises
    ------
    NotFoundError
        There is no such result.
    """
    table = result_features
    with database.read() as connection:
        site_id = connection.execute(
            sa.select(results.c.site_id).where(results.c.result_id == result_id)
        ).scalar_one_or_none()
        if site_id is None:
            raise NotFoundError(f"there is no result {result_id}")
        crs = read_crs(connection, site_id)
        statement = select_in_box(connection, layer=layer, result_id=result_id, box=box)
        statement = statement.where(table.c.feature_key > after).order_by(table.c.feature_key)
        rows = connection.execute(statement if limit is None else statement.limit(limit + 1)).all()
    page = rows if limit is None else rows[:limit]
    index = pd.Index([row.feature_id for row in page], name="feature_id", dtype="str")
    shapes = shapely.from_wkb(np.array([row.geometry for row in page], dtype=object))
    columns = pd.DataFrame([json.loads(row.properties) for row in page], index=index)
    frame = gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries(shapes, index=index, crs=crs), crs=crs)
    if box is not None and len(frame):  # spatial indexes hold boxes of single precision, rounded outwards
        minx, miny, maxx, maxy = shapely.bounds(shapes).T
        frame = frame[(maxx >= box[0]) & (minx <= box[2]) & (maxy >= box[1]) & (miny <= box[3])]
    return frame, page[-1].feature_key if len(rows) > len(page) else None


def select_in_box(connection: sa.Connection, *, result_id: int, layer: str, box: Box | None) -> sa.Select[Any]:
    """Make the statement for the rows of a layer whose boxes, rounded outwards, touch a box."""
    table = result_features
    names = ("feature_key", "feature_id", "geometry", "properties")
    statement = sa.select(*(table.c[name] for name in names)).where(table.c.layer == layer)
    # the sum keeps planners from walking the index of the result where the boxes are far quicker
    statement = statement.where((table.c.result_id if box is None else table.c.result_id + 0) == result_id)
    if box is None:
        return statement
    minx, miny, maxx, maxy = box
    if connection.dialect.name == "postgresql":
        area = sa.func.ST_MakeEnvelope(minx, miny, maxx, maxy)
        return statement.where(sa.type_coerce(table.c.geometry, sa.LargeBinary).bool_op("&&")(area))
    tree = result_boxes
    near = sa.select(tree.c.feature_key).where(
        tree.c.maxx >= minx, tree.c.minx <= maxx, tree.c.maxy >= miny, tree.c.miny <= maxy
    )
    return statement.where(table.c.feature_key.in_(near))


def _pack(frame: gpd.GeoDataFrame) -> list[str]:
    names = [name for name in frame.columns if name != frame.geometry.name]
    rows = zip(*(frame[name].tolist() for name in names), strict=True) if names else [()] * len(frame)
    return [
        json.dumps({name: _settle(value) for name, value in zip(names, row, strict=True)}, ensure_ascii=False)
        for row in rows
    ]


def _settle(value: Any) -> Any:
    """Make a value what JSON can hold: nothing for what is missing, ISO 8601 for a time, text for anything else."""
    if value is None or value is pd.NaT or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, str | int | float | bool):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
