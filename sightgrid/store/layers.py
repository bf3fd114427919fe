"""Layers in the store, read whole, by area or page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely
import sqlalchemy as sa
from pyproj import CRS

from sightgrid.store.conflicts import NotFoundError
from sightgrid.store.layer_tables import boxes, features, kept_columns, sites
from sightgrid.store.rows import check_layer, join_rows

if TYPE_CHECKING:
    import geopandas as gpd

    from sightgrid.store.database import Database

    Box = tuple[float, float, float, float]


def read_layer(
    database: Database,
    site_id: int,
    layer: str,
    *,
    box: Box | None = None,
    where: sa.ColumnElement[bool] | None = None,
) -> gpd.GeoDataFrame:
    """Read a layer, or what of it touches a box.

    Parameters
    ----------
    database : Database
        The store.
    site_id : int
        The site.
    layer : str
        One of ``layer_tables.LAYERS``.
    box : tuple of float, optional
        ``minx, miny, maxx, maxy`` in the coordinate system of the site: rows whose own box touches it.
    where : sqlalchemy condition, optional
        Over the columns of ``layer_tables.features[layer]``.

    Returns
    -------
    GeoDataFrame
        The layer with a column ``version``; imported rows in the order they were imported, then those added since.

    Raises
    ------
    NotFoundError
        There is no such site.
    """
    with database.read() as connection:
        return select_layer(connection, site_id, layer, crs=read_crs(connection, site_id), box=box, where=where)


def read_page(
    database: Database,
    site_id: int,
    layer: str,
    *,
    limit: int,
    after: int = 0,
    box: Box | None = None,
    where: sa.ColumnElement[bool] | None = None,
) -> tuple[gpd.GeoDataFrame, int | None]:
    """Read a layer page by page.

    Parameters
    ----------
    database, site_id, layer, box, where
        See `read_layer`.
    limit : int
        Most rows of a page; rows that touch the box by their rounded boxes alone are left out, so there may be fewer.
    after : int
        What the page before gave; 0 for the first.

    Returns
    -------
    frame : GeoDataFrame
        See `read_layer`; in the order of the file.
    after : int or None
        To be given for the next page; None if this is the last.
    """
    with database.read() as connection:
        crs = read_crs(connection, site_id)
        names, statement = _select(connection, site_id, layer, box=box, where=where)
        key = features[layer].c.feature_key
        # one more than asked for tells whether there is another page
        rows = connection.execute(statement.where(key > after).order_by(key).limit(limit + 1)).all()
    page = rows[:limit]
    frame = _keep_touching(join_rows(page, names, layer, crs=crs), box)
    return frame, page[-1].feature_key if len(rows) > limit else None


def select_layer(
    connection: sa.Connection,
    site_id: int,
    layer: str,
    *,
    crs: CRS,
    box: Box | None = None,
    where: sa.ColumnElement[bool] | None = None,
) -> gpd.GeoDataFrame:
    """Do what `read_layer` does, in a transaction that is open."""
    names, statement = _select(connection, site_id, layer, box=box, where=where)
    rows = connection.execute(statement).all()
    frame = join_rows(rows, names, layer, crs=crs)
    places = pd.Series([row.position for row in rows], dtype=float).fillna(np.inf).to_numpy()
    keys = np.array([row.feature_key for row in rows], dtype="int64")
    return _keep_touching(frame.iloc[np.lexsort((keys, places))], box)


def read_crs(connection: sa.Connection, site_id: int) -> CRS:
    """Return the coordinate system of a site."""
    text = connection.execute(sa.select(sites.c.crs).where(sites.c.site_id == site_id)).scalar_one_or_none()
    if text is None:
        raise NotFoundError(f"there is no site {site_id}")
    return CRS.from_user_input(text)


def count_features(database: Database, site_id: int, layer: str) -> int:
    """Count the rows of a layer."""
    check_layer(layer)
    table = features[layer]
    with database.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).where(table.c.site_id == site_id)).scalar_one())


def read_bounds(database: Database, site_id: int, layer: str) -> Box | None:
    """Return ``minx, miny, maxx, maxy`` around a layer, on SQLite up to a metre too far out; None if it is empty."""
    check_layer(layer)
    table, tree = features[layer], boxes[layer]
    with database.read() as connection:
        if connection.dialect.name == "postgresql":
            around = sa.func.ST_Extent(table.c.geometry)
            sides = [getattr(sa.func, name)(around) for name in ("ST_XMin", "ST_YMin", "ST_XMax", "ST_YMax")]
            statement = sa.select(*sides).where(table.c.site_id == site_id)
        else:
            low, high = sa.func.min, sa.func.max
            statement = sa.select(low(tree.c.minx), low(tree.c.miny), high(tree.c.maxx), high(tree.c.maxy))
            of_site = sa.select(table.c.feature_key).where(table.c.site_id == site_id)
            statement = statement.where(tree.c.feature_key.in_(of_site))
        west, south, east, north = connection.execute(statement).one()
    return None if west is None else (west, south, east, north)


def find_point(database: Database, site_id: int) -> tuple[float, float] | None:
    """Return the middle of some feature of a site, of a camera if it has any; None if it has nothing."""
    with database.read() as connection:
        for table in features.values():
            statement = sa.select(table.c.geometry).where(table.c.site_id == site_id).limit(1)
            wkb = connection.execute(statement).scalar_one_or_none()
            if wkb is not None:
                minx, miny, maxx, maxy = shapely.bounds(shapely.from_wkb(wkb))
                return float(minx + maxx) / 2.0, float(miny + maxy) / 2.0
    return None


def _select(
    connection: sa.Connection, site_id: int, layer: str, *, box: Box | None, where: sa.ColumnElement[bool] | None
) -> tuple[list[str], sa.Select[Any]]:
    check_layer(layer)
    table = features[layer]
    names = ["feature_key", "feature_id", "version", "position", "geometry", "extra"]
    names += [column.name for column in kept_columns(layer)]
    statement = sa.select(*(table.c[name] for name in names))
    # the sum keeps planners from walking the site's index where the boxes are far quicker
    statement = statement.where((table.c.site_id if box is None else table.c.site_id + 0) == site_id)
    if where is not None:
        statement = statement.where(where)
    if box is not None:
        if connection.dialect.name == "postgresql":
            area = sa.func.ST_MakeEnvelope(*box)
            statement = statement.where(sa.type_coerce(table.c.geometry, sa.LargeBinary).bool_op("&&")(area))
        else:
            statement = statement.where(near_box(layer, box))
    return names, statement


def near_box(layer: str, box: Box) -> sa.ColumnElement[bool]:
    """Make the condition that the R-tree of SQLite has a row's box near another one: some are beside it by a little."""
    minx, miny, maxx, maxy = box
    tree = boxes[layer]
    near = sa.select(tree.c.feature_key).where(
        tree.c.maxx >= minx, tree.c.minx <= maxx, tree.c.maxy >= miny, tree.c.miny <= maxy
    )
    return features[layer].c.feature_key.in_(near)


def _keep_touching(frame: gpd.GeoDataFrame, box: Box | None) -> gpd.GeoDataFrame:
    """Look again at exact coordinates: spatial indexes hold boxes of single precision, rounded outwards."""
    if box is None or frame.empty:
        return frame
    minx, miny, maxx, maxy = shapely.bounds(frame.geometry.to_numpy()).T
    return frame[(maxx >= box[0]) & (minx <= box[2]) & (maxy >= box[1]) & (miny <= box[3])]
