"""Exact intersection as a condition of a query: PostGIS's own function, and the same one for SQLite through shapely."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import shapely
import sqlalchemy as sa

from sightgrid.store.geometry import GEOMETRY
from sightgrid.store.layer_tables import features
from sightgrid.store.layers import near_box

if TYPE_CHECKING:
    from sightgrid.store.database import Database

KEPT = 64  # prepared shapes, of all threads


def intersects(database: Database, table: sa.Table, shape: shapely.Geometry) -> sa.ColumnElement[bool]:
    """Make the condition that a row's shape and another one have a point in common.

    Parameters
    ----------
    database : Database
        The store that will be asked.
    table : sqlalchemy.Table
        One of ``layer_tables.features``, or ``work_tables.scenario_cameras``.
    shape : shapely.Geometry
        In the coordinate system of the site; not a collection.

    Returns
    -------
    sqlalchemy condition
        Exact, whatever it is combined with; where the layer has a spatial index it is used.
    """
    wkb = sa.literal(shapely.to_wkb(shape), GEOMETRY)
    exact = sa.func.ST_Intersects(table.c.geometry, wkb, type_=sa.Boolean)
    if database.path is None or shape.is_empty:
        return exact
    layer = next((name for name, each in features.items() if each is table), None)
    return exact if layer is None else sa.and_(near_box(layer, shape.bounds), exact)


def add_functions(connection: Any, _: Any) -> None:
    """Give a connection of SQLite the functions that PostGIS has."""
    connection.create_function("ST_Intersects", 2, _intersect, deterministic=True)


def _intersect(wkb: bytes | None, other: bytes) -> bool | None:
    if wkb is None:
        return None
    # a prepared shape builds its index when it is first asked: no two threads may do that to one
    return bool(shapely.intersects(_prepare(other, threading.get_ident()), shapely.from_wkb(wkb)))


@lru_cache(maxsize=KEPT)
def _prepare(wkb: bytes, _: int) -> shapely.Geometry:
    shape = shapely.from_wkb(wkb)
    shapely.prepare(shape)
    return shape
