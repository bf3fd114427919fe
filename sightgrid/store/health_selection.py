"""Each camera's newest probe, page by page, and the old ones, which may go."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import sqlalchemy as sa

from sightgrid.errors import InputError, UnitRangeError
from sightgrid.health.records import STATUSES
from sightgrid.store.health_tables import health_cameras, health_probes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sightgrid.store.database import Database

CHUNK = 2000  # probes deleted in one transaction


def select_newest(site: str, *, status: Sequence[str] | None, limit: int | None, after: str) -> sa.Select[tuple[int]]:
    """Choose the numbers of the newest probes of cameras; see `sightgrid.store.history.History.latest`."""
    table = health_cameras
    page = sa.select(table.c.probe_id).where(table.c.site == site).order_by(table.c.camera_id)
    if status is not None:
        unknown = [name for name in status if name not in STATUSES]
        if unknown:
            raise InputError(f"status: {unknown[0]!r} is not known; choose {', '.join(STATUSES)}")
        page = page.where(table.c.status.in_(status))
    if after:
        page = page.where(table.c.camera_id > after)
    if limit is None:
        return page
    if limit < 1:
        raise UnitRangeError(f"limit must be at least 1, not {limit}")
    return page.limit(limit)


def delete_old(database: Database, site: str, before_us: int) -> int:
    """Delete the probes before a time, but each camera's newest; see `sightgrid.store.history.History.prune`."""
    probes, cameras = health_probes, health_cameras
    newest = sa.and_(
        cameras.c.site == probes.c.site,
        cameras.c.camera_id == probes.c.camera_id,
        cameras.c.probe_id == probes.c.probe_id,
    )
    order = (probes.c.checked_at_us, probes.c.probe_id)  # by time, and no two alike
    page = (
        sa.select(*order, cameras.c.probe_id.is_not(None).label("is_newest"))
        .outerjoin_from(probes, cameras, newest)
        .where(probes.c.site == site, probes.c.checked_at_us < before_us)
        .order_by(*order)
        .limit(CHUNK)
    )
    after: sa.ColumnElement[bool] = sa.true()
    deleted = 0
    while True:
        began = time.monotonic()
        with database.write() as connection:
            rows = connection.execute(page.where(after)).all()
            old = [row.probe_id for row in rows if not row.is_newest]
            connection.execute(sa.delete(probes).where(probes.c.probe_id.in_(old)))
        deleted += len(old)
        if len(rows) < CHUNK:
            return deleted
        after = sa.tuple_(*order) > sa.tuple_(rows[-1].checked_at_us, rows[-1].probe_id)
        time.sleep(time.monotonic() - began)
