"""The cameras of a site with what is known of their health, page by page, and one of them in full."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import shapely
import sqlalchemy as sa

from sightgrid.errors import InputError
from sightgrid.health.records import STATUSES, frame_records
from sightgrid.store.clock import to_time, to_us
from sightgrid.store.conflicts import NotFoundError
from sightgrid.store.health_rows import read_probes
from sightgrid.store.health_tables import health_cameras, health_probes
from sightgrid.store.layer_tables import features

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    import pandas as pd

    from sightgrid.store.database import Database
    from sightgrid.store.sites import StoredSite

NOT_PROBED = "not_probed"
KNOWN = (*STATUSES, NOT_PROBED)

_cameras = features["cameras"]


class CameraHealth(NamedTuple):
    """A camera of the site, and its newest probe; `status` is ``not_probed`` and the rest empty if there is none."""

    camera_id: str
    name: str
    owner_class: str
    status: str
    reason: str
    stage: str
    condition: str
    consequence: str
    checked_at: datetime | None
    thumbnail_at: datetime | None
    x: float
    y: float


def read_health_page(
    database: Database,
    site: StoredSite,
    *,
    statuses: Collection[str] | None = None,
    text: str = "",
    limit: int = 100,
    after: str = "",
) -> list[CameraHealth]:
    """Return cameras of a site with their newest probes, by id.

    Parameters
    ----------
    database : Database
        The store.
    site : StoredSite
        The site; cameras that it does not have any more are not told.
    statuses : collection of str, optional
        Only cameras of these, of `KNOWN`.
    text : str
        Only cameras whose id or name holds it, in upper or lower case.
    limit : int
        Most cameras of a page.
    after : str
        The last camera of the page before; empty for the first.

    Raises
    ------
    InputError
        A status is not known.
    """
    for status in statuses or ():
        if status not in KNOWN:
            raise InputError(f"status: {status!r} is not known; choose {', '.join(KNOWN)}")
    cameras = _cameras
    page = sa.select(cameras.c.feature_key).where(cameras.c.site_id == site.site_id, cameras.c.feature_id > after)
    if statuses is not None:
        page = page.where(_has_status(site, statuses))
    if text:
        columns = (cameras.c.feature_id, cameras.c.name)
        page = page.where(sa.or_(*(sa.func.lower(each).contains(text.lower(), autoescape=True) for each in columns)))
    # the page first: what is joined to it then is little
    chosen = page.order_by(cameras.c.feature_id).limit(limit).subquery()
    statement = _select(site).where(cameras.c.feature_key.in_(sa.select(chosen))).order_by(cameras.c.feature_id)
    with database.read() as connection:
        return [_read(row) for row in connection.execute(statement)]


def find_health(database: Database, site: StoredSite, camera_id: str) -> CameraHealth:
    """Return one camera with its newest probe.

    Raises
    ------
    NotFoundError
        The site has no such camera.
    """
    with database.read() as connection:
        row = connection.execute(_select(site).where(_cameras.c.feature_id == camera_id)).one_or_none()
    if row is None:
        raise NotFoundError(f"cameras {camera_id}: is not there")
    return _read(row)


def count_health(database: Database, site: StoredSite) -> dict[str, int]:
    """Return how many cameras of a site have each status of `KNOWN`."""
    health = health_cameras
    # from the index of statuses to that of ids: the rows themselves are long
    there = sa.exists().where(_cameras.c.site_id == site.site_id, _cameras.c.feature_id == health.c.camera_id)
    probed = (
        sa.select(health.c.status, sa.func.count().label("cameras"))
        .where(health.c.site == site.uid, there)
        .group_by(health.c.status)
    )
    every = sa.select(sa.func.count()).select_from(_cameras).where(_cameras.c.site_id == site.site_id)
    with database.read() as connection:
        found = {row.status: row.cameras for row in connection.execute(probed)}
        found[NOT_PROBED] = connection.execute(every).scalar_one() - sum(found.values())
    return {status: found.get(status, 0) for status in KNOWN}


def read_camera_frame(
    database: Database,
    site: StoredSite,
    camera_id: str,
    *,
    since: datetime | None = None,
    limit: int | None = None,
    measures: bool = True,
) -> pd.DataFrame:
    """Return the newest probes of one camera as a health frame: those since a time, at most so many."""
    probes = health_probes
    kept = [column for column in probes.c if measures or column.name != "measures"]
    statement = sa.select(*kept).where(probes.c.site == site.uid, probes.c.camera_id == camera_id)
    if since is not None:
        statement = statement.where(probes.c.checked_at_us >= to_us(since))
    statement = statement.order_by(probes.c.checked_at_us.desc()).limit(limit)
    with database.read() as connection:
        return frame_records(read_probes(connection.execute(statement)))


def read_thumbnail(database: Database, site: StoredSite, camera_id: str) -> tuple[datetime, bytes]:
    """Return the last picture of a camera, with its time.

    Raises
    ------
    NotFoundError
        The site has no such camera, or there is no picture of it.
    """
    find_health(database, site, camera_id)
    table = health_cameras
    statement = sa.select(table.c.thumbnail_at_us, table.c.thumbnail).where(
        table.c.site == site.uid, table.c.camera_id == camera_id, table.c.thumbnail.is_not(None)
    )
    with database.read() as connection:
        row = connection.execute(statement).one_or_none()
    if row is None:
        raise NotFoundError(f"cameras {camera_id}: there is no picture")
    return to_time(row.thumbnail_at_us), row.thumbnail


def _has_status(site: StoredSite, statuses: Collection[str]) -> sa.ColumnElement[bool]:
    """Tell the cameras of some statuses by the ids in the indexes: the rows of their health are long."""
    health, camera_id = health_cameras, _cameras.c.feature_id
    named = [status for status in statuses if status != NOT_PROBED]
    mine = sa.select(health.c.camera_id).where(health.c.site == site.uid)
    conditions = [camera_id.in_(mine.where(health.c.status.in_(named)))] if named else []
    if NOT_PROBED in statuses:
        conditions.append(camera_id.not_in(mine))
    return sa.or_(sa.false(), *conditions)


def _select(site: StoredSite) -> sa.Select[Any]:
    cameras, health, probes = _cameras, health_cameras, health_probes
    mine = sa.and_(health.c.camera_id == cameras.c.feature_id, health.c.site == site.uid)
    return (
        sa.select(
            cameras.c.feature_id, cameras.c.name, cameras.c.owner_class, cameras.c.geometry, health.c.thumbnail_at_us,
            probes.c.status, probes.c.reason, probes.c.stage, probes.c.condition, probes.c.consequence,
            probes.c.checked_at_us,
        )
        .join_from(cameras, health, mine, isouter=True)
        .join(probes, probes.c.probe_id == health.c.probe_id, isouter=True)
        .where(cameras.c.site_id == site.site_id)
    )  # fmt: skip


def _read(row: Any) -> CameraHealth:
    place = shapely.from_wkb(row.geometry)
    return CameraHealth(
        row.feature_id,
        row.name or "",
        row.owner_class or "",
        row.status or NOT_PROBED,
        row.reason or "",
        row.stage or "",
        row.condition or "",
        row.consequence or "",
        None if row.checked_at_us is None else to_time(row.checked_at_us),
        None if row.thumbnail_at_us is None else to_time(row.thumbnail_at_us),
        float(place.x),
        float(place.y),
    )
