"""The rows that tiles are drawn of, with the properties that a map needs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from sightgrid.errors import StoreError
from sightgrid.store.health_tables import health_cameras
from sightgrid.store.layer_tables import features
from sightgrid.store.layers import near_box
from sightgrid.store.work_tables import result_features, scenario_cameras

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sightgrid.api.tiles.mercator import Box
    from sightgrid.api.tiles.tilesets import Tileset

    Columns = dict[str, list[Any]]

PROPERTIES: dict[str, tuple[str, ...]] = {
    "cameras": ("name", "kind", "mount_height_m", "azimuth_deg", "tilt_deg", "hfov_deg", "max_range_m"),
    "obstacles": ("kind", "height_m"),
    "streets": ("name", "highway", "oneway"),
    "water": ("kind",),
    "places": ("name", "category", "priority"),
    "posts": ("kind", "height_m"),
    "zones": ("name", "rule"),
    "grid": ("observable_m2", "demand"),
    "incidents": ("category", "severity", "origin", "occurred_at_us"),
}
STATUS = "status"  # of a camera, as its last probe found it
CLASSES = {"cameras": "kind", "streets": "highway"}  # what a summary counts by
AMOUNTS = {"grid": ("observable_m2", "demand")}  # what a summary adds up
CHUNK = 20_000


def select_rows(
    connection: sa.Connection,
    tileset: Tileset,
    *,
    box: Box | None = None,
    keys: Sequence[int] | None = None,
    written: bool = True,
) -> Any:
    """Make the statement for the rows of a tile.

    Parameters
    ----------
    connection : Connection
        Tells which database it is for.
    tileset : Tileset
    box : tuple of float, optional
        Rows of a site whose own box touches this one, more or less: spatial indexes hold boxes of single precision.
    keys : sequence of int, optional
        Rows of these keys. What a scenario adds or changes has none: it is always in.
    written : bool
        Shapes as well-known binary; False: as the database has them.

    Returns
    -------
    Select or CompoundSelect
        ``geometry``, ``id``, then the properties; for a result ``properties``, a JSON object.
    """
    postgres = connection.dialect.name == "postgresql"
    if tileset.result_id is not None:
        table: sa.Table = result_features
        rest = [sa.cast(table.c.properties, JSONB).label("properties") if not written else table.c.properties]
        statement = sa.select(_shape(table, written=written), table.c.feature_id.label("id"), *rest)
        # the sums keep planners from walking an index of the whole layer where boxes and keys are far quicker
        statement = statement.where(table.c.layer == tileset.layer, table.c.result_id + 0 == tileset.result_id)
        return statement.where(*_limit_keys(table, keys, postgres=postgres))
    table = features[tileset.layer]
    statement = _select(table, tileset, written=written, postgres=postgres)
    statement = statement.where(table.c.site_id + 0 == tileset.site_id)
    statement = statement.where(
        *_limit_keys(table, keys, postgres=postgres), *_limit_box(tileset, box, postgres=postgres)
    )
    if tileset.scenario_id is None:
        return statement
    edits = scenario_cameras
    own = edits.c.scenario_id == tileset.scenario_id
    edited = sa.select(edits.c.feature_id).where(own, edits.c.feature_id == table.c.feature_id).exists()
    more = _select(edits, tileset, written=written, postgres=postgres).where(own, edits.c.removed.is_(False))
    return sa.union_all(statement.where(~edited), more)


def select_shapes(connection: sa.Connection, tileset: Tileset, keys: Sequence[int]) -> sa.Select[Any]:
    """Make the statement for the shapes of some rows of a layer, with their classes."""
    table = features[tileset.layer]
    postgres = connection.dialect.name == "postgresql"
    statement = sa.select(table.c.geometry, table.c[CLASSES[tileset.layer]])
    return statement.where(*_limit_keys(table, keys, postgres=postgres))


def select_measures(tileset: Tileset) -> sa.Select[Any]:
    """Make the statement for what a summary is made of: key, shape, then class and amounts, or the JSON object.

    A scenario is summed up from the site's cameras and its own; see `summaries`.
    """
    if tileset.result_id is not None:
        table: sa.Table = result_features
        statement = sa.select(table.c.feature_key, table.c.geometry, table.c.properties)
        return statement.where(table.c.result_id == tileset.result_id, table.c.layer == tileset.layer)
    table = features[tileset.layer]
    kind = CLASSES.get(tileset.layer)
    named = sa.null() if kind is None else table.c[kind]
    amounts = (table.c[name] for name in AMOUNTS.get(tileset.layer, ()))
    statement = sa.select(table.c.feature_key, table.c.geometry, named, *amounts)
    return statement.where(table.c.site_id == tileset.site_id)


def read_rows(connection: sa.Connection, tileset: Tileset, statement: Any) -> tuple[list[bytes], Columns]:
    """Return the shapes of rows, as well-known binary, and their properties by name."""
    rows = connection.execute(statement).all()
    if not rows:
        return [], {}
    shapes, ids, *rest = (list(column) for column in zip(*rows, strict=True))
    if tileset.result_id is None:
        return shapes, {"id": ids, **dict(zip(list_properties(tileset.layer), rest, strict=True))}
    columns: Columns = {"id": ids}
    for place, properties in enumerate(read_objects(rest[0])):
        for name, value in properties.items():
            if name != "id" and isinstance(value, str | int | float):
                columns.setdefault(name, [None] * len(rows))[place] = value
    return shapes, columns


def read_objects(texts: Sequence[str]) -> list[dict[str, Any]]:
    """Read many JSON objects at once."""
    return json.loads(f"[{','.join(texts)}]")


def list_properties(layer: str) -> tuple[str, ...]:
    """Return what the tiles of a layer of a site tell of each row, beside its id."""
    return (*PROPERTIES[layer], STATUS) if layer == "cameras" else PROPERTIES[layer]


def stream_rows(connection: sa.Connection, statement: sa.Select[Any]) -> Iterator[list[tuple[Any, ...]]]:
    """Read rows past SQLAlchemy, which takes twice as long for a million of them, in chunks of bounded size.

    The statement may hold whole numbers and names of our own only.
    """
    text = str(statement.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True}))
    driver: Any = connection.connection.driver_connection
    # PostgreSQL hands out a named cursor's rows as they are asked for
    cursor = driver.cursor("tiles") if connection.dialect.name == "postgresql" else driver.cursor()
    try:
        cursor.execute(text)
        while rows := cursor.fetchmany(CHUNK):
            yield rows
    except connection.dialect.loaded_dbapi.Error as error:
        raise StoreError("the rows of a layer cannot be read") from error
    finally:
        cursor.close()


def _select(table: sa.Table, tileset: Tileset, *, written: bool, postgres: bool) -> sa.Select[Any]:
    columns = [_shape(table, written=written), table.c.feature_id.label("id")]
    columns += [table.c[name] for name in PROPERTIES[tileset.layer]]
    if tileset.layer != "cameras":
        return sa.select(*columns)
    health = health_cameras
    name = sa.collate(table.c.feature_id, "C") if postgres else table.c.feature_id
    known = sa.and_(health.c.site == tileset.uid, health.c.camera_id == name)
    return sa.select(*columns, health.c.status).select_from(sa.outerjoin(table, health, known))


def _shape(table: sa.Table, *, written: bool) -> sa.ColumnElement[Any]:
    column = table.c.geometry
    return (column if written else sa.type_coerce(column, sa.LargeBinary)).label("geometry")


def _limit_keys(table: sa.Table, keys: Sequence[int] | None, *, postgres: bool) -> Iterator[sa.ColumnElement[bool]]:
    if keys is not None and postgres:
        yield table.c.feature_key == sa.any_(sa.literal(list(keys), ARRAY(sa.BigInteger)))
    elif keys is not None:
        given = sa.func.json_each(json.dumps(list(keys))).table_valued("value")
        yield table.c.feature_key.in_(sa.select(given.c.value))


def _limit_box(tileset: Tileset, box: Box | None, *, postgres: bool) -> Iterator[sa.ColumnElement[bool]]:
    if box is not None and postgres:
        shape = sa.type_coerce(features[tileset.layer].c.geometry, sa.LargeBinary)
        yield shape.bool_op("&&")(sa.func.ST_MakeEnvelope(*box))
    elif box is not None:
        yield near_box(tileset.layer, box)
