"""Sites in the store: brought in, listed, read back, taken out."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa
from pyproj import CRS

from sightgrid.columns import KINDS
from sightgrid.site import Site
from sightgrid.store import health_tables
from sightgrid.store.clock import now_us
from sightgrid.store.conflicts import ExistsError, NotFoundError
from sightgrid.store.edits import count_on
from sightgrid.store.layer_tables import LAYERS, features, revisions, sites
from sightgrid.store.layers import read_crs, select_layer
from sightgrid.store.loading import load_rows
from sightgrid.store.rows import settle_layer
from sightgrid.store.streams import keep_addresses

if TYPE_CHECKING:
    from collections.abc import Callable

    import geopandas as gpd

    from sightgrid.store.database import Database


class StoredSite(NamedTuple):
    """One site of a store.

    Attributes
    ----------
    site_id : int
    uid : str
        Tells it from a site of the same number in another store, or after a deletion.
    name : str
    crs : pyproj.CRS
        Of every layer.
    notes : tuple of str
        See `sightgrid.site.Site`.
    made_at_us : int
        When it was brought in, in microseconds since 1970.
    revisions : dict of str to int
        For each layer a number that every change of it counts on: what was drawn or computed of it is up to date as
        long as the number stays.
    """

    site_id: int
    uid: str
    name: str
    crs: CRS
    notes: tuple[str, ...]
    made_at_us: int
    revisions: dict[str, int]


def import_site(
    database: Database,
    site: Site,
    *,
    name: str | None = None,
    report: Callable[[str, int, int], None] | None = None,
) -> int:
    """Bring a site with all its layers into the store, in one transaction.

    Parameters
    ----------
    database : Database
        The store.
    site : Site
        As `sightgrid.open_site` gives it. Addresses of streams are kept in a table of their own; see
        `sightgrid.store.streams`.
    name : str, optional
        What the store calls it, instead of the site's own name.
    report : callable, optional
        Called with the stage (a layer), the rows done and the rows of all layers.

    Returns
    -------
    int
        The site's number.

    Raises
    ------
    ExistsError
        There is a site of this name.
    SchemaError
        A layer breaks its contract; nothing is kept.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import sightgrid as sg
    >>> from sightgrid.store.database import open_database
    >>> with open_database(Path(tempfile.mkdtemp()) / "city.sqlite") as database:
    ...     site_id = import_site(database, sg.open_site("helsinki"))
    ...     len(read_site(database, site_id).cameras)
    221
    """
    name = site.name if name is None else name
    frames = {layer: settle_layer(getattr(site, layer), layer, crs=site.crs) for layer in KINDS}
    total, done = sum(map(len, frames.values())), 0
    with database.write() as connection:
        if connection.execute(sa.select(sites.c.site_id).where(sites.c.name == name)).first():
            raise ExistsError(f"there is a site called {name} already")
        values = {
            "uid": uuid.uuid4().hex, "name": name, "crs": site.crs.to_string(), "notes": json.dumps(site.notes),
            "made_at_us": now_us(),
        }  # fmt: skip
        site_id = connection.execute(sa.insert(sites).returning(sites.c.site_id), values).scalar_one()
        connection.execute(
            sa.insert(revisions), [{"site_id": site_id, "layer": layer, "revision": 1} for layer in LAYERS]
        )
        for layer, frame in frames.items():
            load_rows(connection, site_id, layer, frame, version=1)
            done += len(frame)
            if report:
                report(layer, done, total)
    return site_id


def import_layer(database: Database, site_id: int, layer: str, frame: gpd.GeoDataFrame) -> int:
    """Replace all rows of one layer, in one transaction; cameras keep the addresses of their streams.

    Parameters
    ----------
    database : Database
        The store.
    site_id : int
        The site.
    layer : str
        One of ``layer_tables.LAYERS``; also ``grid`` and ``incidents``.
    frame : GeoDataFrame
        In the coordinate system of the site.

    Returns
    -------
    int
        The layer's new revision, which is the version of every row.

    Raises
    ------
    NotFoundError, CRSError, SchemaError
        There is no such site, or the frame does not fit.
    """
    settled = settle_layer(frame, layer, crs=find_site(database, site_id).crs)
    table = features[layer]
    with database.write() as connection:
        version = count_on(connection, site_id, layer)
        if layer == "cameras":
            settled = keep_addresses(connection, site_id, settled)
        connection.execute(sa.delete(table).where(table.c.site_id == site_id))
        load_rows(connection, site_id, layer, settled, version=version)
    return version


def list_sites(database: Database) -> list[StoredSite]:
    """Return the sites of a store, by name."""
    with database.read() as connection:
        rows = connection.execute(sa.select(sites).order_by(sites.c.name)).all()
        counts: dict[int, dict[str, int]] = {}
        for row in connection.execute(sa.select(revisions)):
            counts.setdefault(row.site_id, {})[row.layer] = row.revision
    return [
        StoredSite(
            row.site_id, row.uid, row.name, CRS.from_user_input(row.crs), tuple(json.loads(row.notes)), row.made_at_us,
            counts[row.site_id],
        )
        for row in rows
    ]  # fmt: skip


def find_site(database: Database, site: int | str) -> StoredSite:
    """Return one site by its number or name.

    Raises
    ------
    NotFoundError
        There is none.
    """
    for found in list_sites(database):
        if site in (found.site_id, found.name):
            return found
    raise NotFoundError(f"there is no site {site}")


def read_site(database: Database, site_id: int) -> Site:
    """Read a site with all its layers, as they were at one moment.

    Returns
    -------
    Site
        Without the addresses of the streams; the layers have a column ``version`` more than when they came.

    Raises
    ------
    NotFoundError
        There is no such site.
    """
    found = find_site(database, site_id)
    with database.read() as connection:
        crs = read_crs(connection, site_id)
        frames = {layer: select_layer(connection, site_id, layer, crs=crs) for layer in KINDS}
    return Site(found.name, **frames, notes=found.notes)


def delete_site(database: Database, site_id: int) -> None:
    """Take a site out with all that belongs to it: layers, streams, scenarios, results, plans, jobs, cameras' health.

    Raises
    ------
    NotFoundError
        There is no such site.
    """
    with database.write() as connection:
        gone = sa.delete(sites).where(sites.c.site_id == site_id).returning(sites.c.uid)
        uid = connection.execute(gone).scalar_one_or_none()
        if uid is None:
            raise NotFoundError(f"there is no site {site_id}")
        for table in health_tables.TABLES:
            connection.execute(sa.delete(table).where(table.c.site == uid))
