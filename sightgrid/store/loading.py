"""Bulk import: many rows of a layer at once, near ones side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
import sqlalchemy as sa

from sightgrid.store.layer_tables import SECRET, boxes, features, streams
from sightgrid.store.rows import split_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    import geopandas as gpd
    from numpy.typing import NDArray

CHUNK = 20_000  # rows given to the driver at a time
FEW = 1000  # rows whose order and statistics do not matter to an index


def load_rows(connection: sa.Connection, site_id: int, layer: str, frame: gpd.GeoDataFrame, *, version: int) -> None:
    """Add the rows of a settled layer to its table, its spatial index and, for cameras, their streams.

    Rows are stored along a Hilbert curve: an R-tree that is filled in this order is several times faster to fill and
    has less overlap, and what a map shows together lies together in the file. ``position`` keeps the frame's order.
    """
    if frame.empty:
        return
    order = order_rows(frame)
    frame = frame.iloc[order]
    names, columns = split_rows(frame, layer)
    count = len(frame)
    names += ["site_id", "version", "position"]
    columns += [[site_id] * count, [version] * count, order.tolist()]
    if connection.dialect.name == "postgresql":
        copy_rows(connection, features[layer], names, columns)
    else:
        _insert(connection, layer, names, columns, frame)
    if layer == "cameras":
        _load_streams(connection, site_id, frame)


def box_of(key: int, shape: shapely.Geometry) -> dict[str, Any]:
    """Make the row of an R-tree."""
    minx, miny, maxx, maxy = shape.bounds
    return {"feature_key": key, "minx": minx, "maxx": maxx, "miny": miny, "maxy": maxy}


def order_rows(frame: gpd.GeoDataFrame) -> NDArray[np.intp]:
    """Return the places of rows along a Hilbert curve; a few stay as they are."""
    if len(frame) < FEW:
        return np.arange(len(frame))
    left, bottom, right, top = frame.total_bounds
    if not (right > left and top > bottom):
        return np.arange(len(frame))
    return np.argsort(frame.hilbert_distance().to_numpy(), kind="stable")


def _insert(
    connection: sa.Connection, layer: str, names: list[str], columns: list[list[Any]], frame: gpd.GeoDataFrame
) -> None:
    table, count = features[layer], len(frame)
    # the writer holds the file: nobody else takes these keys
    first = connection.execute(sa.select(sa.func.coalesce(sa.func.max(table.c.feature_key), 0))).scalar_one() + 1
    keys = list(range(first, first + count))
    insert_many(connection, table, ["feature_key", *names], [keys, *columns])
    minx, miny, maxx, maxy = shapely.bounds(frame.geometry.to_numpy()).T
    sides = [keys, *(side.tolist() for side in (minx, maxx, miny, maxy))]
    insert_many(connection, boxes[layer], ["feature_key", "minx", "maxx", "miny", "maxy"], sides)


def insert_many(connection: sa.Connection, table: Any, names: list[str], columns: list[list[Any]]) -> None:
    """Hand plain values to the driver: without the work that SQLAlchemy does for each row."""
    compiled = sa.insert(table).values(dict.fromkeys(names)).compile(dialect=connection.dialect)
    places = [names.index(name) for name in compiled.positiontup or names]
    for rows in _chunks([columns[place] for place in places]):
        connection.exec_driver_sql(str(compiled), rows)


def copy_rows(connection: sa.Connection, table: sa.Table, names: list[str], columns: list[list[Any]]) -> None:
    """Add many rows to a table of PostgreSQL."""
    from psycopg import sql  # noqa: PLC0415  (for PostgreSQL only)

    place = names.index("geometry")
    columns = [*columns]
    columns[place] = [shape.hex() for shape in columns[place]]  # PostGIS takes WKB in hexadecimal as text
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table.name), sql.SQL(", ").join(map(sql.Identifier, names))
    )
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor:
        with cursor.copy(statement) as copy:
            for row in zip(*columns, strict=True):
                copy.write_row(row)
        if len(columns[0]) >= FEW:  # the planner is to know at once what has come
            cursor.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(table.name)))


def _chunks(columns: list[list[Any]]) -> Iterator[list[tuple[Any, ...]]]:
    for start in range(0, len(columns[0]), CHUNK):
        yield list(zip(*(column[start : start + CHUNK] for column in columns), strict=True))


def _load_streams(connection: sa.Connection, site_id: int, cameras: gpd.GeoDataFrame) -> None:
    if SECRET not in cameras.columns:
        return
    given = cameras[SECRET].dropna()
    given = given[given != ""]
    if given.empty:
        return
    table = features["cameras"]
    found = connection.execute(sa.select(table.c.feature_id, table.c.feature_key).where(table.c.site_id == site_id))
    keys = {row.feature_id: row.feature_key for row in found}
    rows = [{"feature_key": keys[str(name)], "stream_url": text} for name, text in given.items()]
    connection.execute(sa.insert(streams), rows)
