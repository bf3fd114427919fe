"""Addresses of camera streams: a table of its own, which nothing reads that reads layers, sites or scenarios.

So no export, tile or result can hold an address by mistake. A backup of the store holds them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import sqlalchemy as sa

from sightgrid.store.conflicts import NotFoundError
from sightgrid.store.layer_tables import SECRET, features, streams

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd

    from sightgrid.store.database import Database


def read_streams(database: Database, site_id: int) -> pd.Series[str]:
    """Return the addresses of a site's streams by camera, for the one who probes them.

    Returns
    -------
    pandas.Series
        ``stream_url``, index ``camera_id``; cameras without an address are not in it.
    """
    with database.read() as connection:
        rows = connection.execute(_select(site_id)).all()
    index = pd.Index([row.feature_id for row in rows], name="camera_id", dtype="str")
    return pd.Series([row.stream_url for row in rows], index=index, name="stream_url", dtype="str")


def read_stream_page(database: Database, site_id: int, *, limit: int, after: str = "") -> dict[str, str]:
    """Return addresses by camera, page by page: by id, those after the camera `after`."""
    table = features["cameras"]
    statement = (
        sa.select(table.c.feature_id, streams.c.stream_url)
        .join_from(streams, table, streams.c.feature_key == table.c.feature_key)
        .where(table.c.site_id == site_id, table.c.feature_id > after)
        .order_by(table.c.feature_id)
        .limit(limit)
    )
    with database.read() as connection:
        return {row.feature_id: row.stream_url for row in connection.execute(statement)}


def write_streams(database: Database, site_id: int, addresses: Mapping[str, str]) -> None:
    """Set the addresses of cameras, all or none; an empty one takes the address away.

    Raises
    ------
    NotFoundError
        There is no such camera.
    """
    table = features["cameras"]
    with database.write() as connection:
        for name, address in addresses.items():
            found = sa.select(table.c.feature_key).where(table.c.site_id == site_id, table.c.feature_id == name)
            key = connection.execute(found).scalar_one_or_none()
            if key is None:
                raise NotFoundError(f"cameras {name}: is not there")
            connection.execute(sa.delete(streams).where(streams.c.feature_key == key))
            if address:
                connection.execute(sa.insert(streams).values(feature_key=key, stream_url=address))


def keep_addresses(connection: sa.Connection, site_id: int, cameras: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Give cameras that are to take the place of a site's the addresses that are known, where they bring none."""
    known = {row.feature_id: row.stream_url for row in connection.execute(_select(site_id))}
    told = cameras[SECRET].to_list() if SECRET in cameras else [None] * len(cameras)
    addresses = [
        own if isinstance(own, str) and own else known.get(name) for own, name in zip(told, cameras.index, strict=True)
    ]
    return cameras.assign(**{SECRET: pd.Series(addresses, index=cameras.index, dtype=object)})


def _select(site_id: int) -> sa.Select[tuple[str, str]]:
    table = features["cameras"]
    return (
        sa.select(table.c.feature_id, streams.c.stream_url)
        .join_from(streams, table, streams.c.feature_key == table.c.feature_key)
        .where(table.c.site_id == site_id)
        .order_by(table.c.feature_key)
    )
