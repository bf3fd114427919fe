"""Exact intersection as a condition of a query: PostGIS's own function, and ours of the same name for SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import shapely
import sqlalchemy as sa

from sightgrid.store.geometry import GEOMETRY
from sightgrid.store.layer_tables import features
from sightgrid.store.layers import near_box

if TYPE_CHECKING:
    from sightgrid.store.database import Database


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
