"""Rows of layers, changed one by one with optimistic locking.

Whoever changes a row says from which version; if somebody else changed it meanwhile, nothing is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import shapely
import sqlalchemy as sa

from sightgrid.errors import InputError
from sightgrid.store.conflicts import ExistsError, NotFoundError, StaleVersionError
from sightgrid.store.layer_tables import SECRET, boxes, features, revisions
from sightgrid.store.layers import read_crs
from sightgrid.store.loading import box_of
from sightgrid.store.rows import check_layer, settle_layer, split_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import geopandas as gpd

    from sightgrid.store.database import Database


def add_features(database: Database, site_id: int, layer: str, frame: gpd.GeoDataFrame) -> int:
    """Add rows to a layer, all or none.

    Parameters
    ----------
    database, site_id, layer
        See `sightgrid.store.layers.read_layer`.
    frame : GeoDataFrame
        The rows, as the layer's contract wants them.

    Returns
    -------
    int
        Their version.

    Raises
    ------
    ExistsError
        The layer has a row of this id.
    CRSError, SchemaError, InputError
        The rows do not fit.
    """
    table = features[layer]
    with database.write() as connection:
        rows = list(_prepare(connection, site_id, layer, frame))
        version = count_on(connection, site_id, layer)
        for row in rows:
            if _find_version(connection, site_id, layer, row["feature_id"]) is not None:
                raise ExistsError(f"{layer} {row['feature_id']}: is there already")
            statement = sa.insert(table).values(**row, site_id=site_id, version=version)
            key = connection.execute(statement.returning(table.c.feature_key)).scalar_one()
            _put_box(connection, layer, key, row["geometry"])
    return version


def update_features(
    database: Database, site_id: int, layer: str, frame: gpd.GeoDataFrame, *, versions: Mapping[str, int]
) -> int:
    """Replace rows of a layer, all or none.

    Parameters
    ----------
    database, site_id, layer
        See `sightgrid.store.layers.read_layer`.
    frame : GeoDataFrame
        The rows as they are to be, whole.
    versions : mapping of str to int
        For each id (streets: ``u_v_key``) the version that the change was made from.

    Returns
    -------
    int
        Their new version.

    Raises
    ------
    StaleVersionError
        Somebody else changed a row since; it knows both versions.
    NotFoundError
        There is no such row.
    CRSError, SchemaError, InputError
        The rows do not fit.
    """
    table = features[layer]
    with database.write() as connection:
        rows = list(_prepare(connection, site_id, layer, frame))
        version = count_on(connection, site_id, layer)
        for row in rows:
            given = versions[row["feature_id"]]
            statement = sa.update(table).where(_is(table, site_id, row["feature_id"]), table.c.version == given)
            statement = statement.values(**row, version=version)
            key = connection.execute(statement.returning(table.c.feature_key)).scalar_one_or_none()
            if key is None:
                raise _tell_stale(connection, site_id, layer, row["feature_id"], given)
            _put_box(connection, layer, key, row["geometry"])
    return version


def delete_features(database: Database, site_id: int, layer: str, *, versions: Mapping[str, int]) -> int:
    """Take rows out of a layer, all or none; return the layer's new revision.

    Raises
    ------
    StaleVersionError, NotFoundError
        See `update_features`.
    """
    check_layer(layer)
    table = features[layer]
    with database.write() as connection:
        revision = count_on(connection, site_id, layer)
        for name, given in versions.items():
            statement = sa.delete(table).where(_is(table, site_id, name), table.c.version == given)
            if not connection.execute(statement).rowcount:
                raise _tell_stale(connection, site_id, layer, name, given)
    return revision


def count_on(connection: sa.Connection, site_id: int, layer: str) -> int:
    """Count a layer's revision on and return it; on PostgreSQL other writers of the layer wait until the end."""
    statement = (
        sa.update(revisions)
        .where(revisions.c.site_id == site_id, revisions.c.layer == layer)
        .values(revision=revisions.c.revision + 1)
        .returning(revisions.c.revision)
    )
    revision = connection.execute(statement).scalar_one_or_none()
    if revision is None:
        raise NotFoundError(f"there is no site {site_id}")
    return int(revision)


def refuse_addresses(frame: gpd.GeoDataFrame) -> None:
    """Raise where rows that are to be edited bring addresses of streams."""
    if SECRET in frame.columns and (frame[SECRET].notna() & (frame[SECRET] != "")).any():
        raise InputError("stream_url: addresses are kept apart from the cameras; set them on their own")


def _prepare(connection: sa.Connection, site_id: int, layer: str, frame: gpd.GeoDataFrame) -> Iterator[dict[str, Any]]:
    settled = settle_layer(frame, layer, crs=read_crs(connection, site_id))
    refuse_addresses(settled)
    names, columns = split_rows(settled, layer)
    for values in zip(*columns, strict=True):
        yield dict(zip(names, values, strict=True))


def _is(table: sa.Table, site_id: int, name: str) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.site_id == site_id, table.c.feature_id == name)


def _find_version(connection: sa.Connection, site_id: int, layer: str, name: str) -> int | None:
    table = features[layer]
    return connection.execute(sa.select(table.c.version).where(_is(table, site_id, name))).scalar_one_or_none()


def _tell_stale(
    connection: sa.Connection, site_id: int, layer: str, name: str, given: int
) -> StaleVersionError | NotFoundError:
    current = _find_version(connection, site_id, layer, name)
    if current is None:
        return NotFoundError(f"{layer} {name}: is not there")
    return StaleVersionError(f"{layer} {name}", given=given, current=current)


def _put_box(connection: sa.Connection, layer: str, key: int, wkb: bytes) -> None:
    if connection.dialect.name == "sqlite":
        row = box_of(key, shapely.from_wkb(wkb))
        connection.execute(sa.insert(boxes[layer]).prefix_with("OR REPLACE").values(row))
