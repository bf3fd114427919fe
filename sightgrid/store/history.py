"""The history of the cameras' health: what was found out, and what is remembered of each camera.

Neither addresses nor users nor passwords are given to it. Of pictures it holds the last thumbnail of each camera, as it
is, blurred, or not at all, and the views the checks compare with (see `sightgrid.health.view.View`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import sqlalchemy as sa

from sightgrid.health.baselines import Baseline
from sightgrid.health.records import STATUSES, Memory, Record, frame_records
from sightgrid.store import health_rows
from sightgrid.store.clock import to_time, to_us
from sightgrid.store.database import open_database
from sightgrid.store.health_selection import delete_old, select_newest
from sightgrid.store.health_tables import health_cameras, health_maintenance, health_probes, health_views

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from datetime import datetime

    import pandas as pd

    from sightgrid.store.database import Database


class History:
    """What was found out about the cameras of one site.

    Every call but `prune` is one transaction: what it kept stays, whatever happens to the program afterwards, and a
    call that is interrupted keeps nothing. Only after a loss of power the last records may be missing.

    Parameters
    ----------
    database : Database
        The store.
    site : str
        The ``uid`` of the site in it (see `sightgrid.store.sites.StoredSite`); empty for a history in a file of its
        own, see `open_history`.
    """

    def __init__(self, database: Database, site: str = "") -> None:
        self.database, self.site = database, site

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the store, for whoever else uses it too."""
        self.database.close()

    def record(self, record: Record, memory: Memory) -> None:
        """Keep what was found out about a camera and what is to be remembered of it, both or neither.

        Parameters
        ----------
        record : Record
            The row of the health frame. Its picture replaces the one before.
        memory : Memory
            See `sightgrid.health.records.Memory`.

        Raises
        ------
        StoreError
            The store cannot be written.
        """
        kept, seen = health_rows.pack_memory(memory)
        probe = {"site": self.site, **health_rows.make_probe(record)}
        key = {"site": self.site, "camera_id": record.camera_id}
        with self.database.write(wait=False) as connection:
            inserted = sa.insert(health_probes).values(probe).returning(health_probes.c.probe_id)
            values = {
                "status": record.status, "failures": memory.failures, "memory": kept,
                "probe_id": connection.execute(inserted).scalar_one(),
            }  # fmt: skip
            if record.thumbnail is not None:
                values |= {"thumbnail": record.thumbnail, "thumbnail_at_us": probe["checked_at_us"]}
            health_rows.put_row(connection, health_cameras, key, values)
            health_rows.put_views(connection, key, seen)

    def load_memory(self, camera_id: str) -> Memory | None:
        """Return what is remembered of a camera, or None if there is nothing."""
        key = {"site": self.site, "camera_id": camera_id}
        with self.database.read() as connection:
            text = connection.execute(sa.select(health_cameras.c.memory).filter_by(**key)).scalar_one_or_none()
            if text is None:
                return None
            found = connection.execute(sa.select(health_views.c.lighting, health_views.c.view).filter_by(**key))
            return health_rows.unpack_memory(text, {row.lighting: row.view for row in found})

    def load_baseline(self, camera_id: str) -> Baseline:
        """Return what is usual for a camera; an empty baseline if nothing is known."""
        memory = self.load_memory(camera_id)
        return Baseline() if memory is None else memory.baseline

    def load_ends(self) -> dict[str, tuple[datetime, int]]:
        """Return for each camera when it was checked last, and its failures in a row."""
        cameras, probes = health_cameras, health_probes
        statement = (
            sa.select(cameras.c.camera_id, probes.c.checked_at_us, cameras.c.failures)
            .join_from(cameras, probes, cameras.c.probe_id == probes.c.probe_id)
            .where(cameras.c.site == self.site)
        )
        with self.database.read() as connection:
            return {name: (to_time(at), failures) for name, at, failures in connection.execute(statement)}

    def latest(self, *, status: Sequence[str] | None = None, limit: int | None = None, after: str = "") -> pd.DataFrame:
        """Return the newest row of each camera, or a page of them.

        Parameters
        ----------
        status : sequence of str, optional
            Only cameras of these statuses (see `sightgrid.health.records.STATUSES`).
        limit : int, optional
            Most cameras of a page; all, if not given.
        after : str
            The last camera of the page before; empty for the first.

        Returns
        -------
        pandas.DataFrame
            A health frame, by ``camera_id``.

        Raises
        ------
        InputError
            A status is not known.
        UnitRangeError
            The limit is not positive.
        """
        probes = health_probes
        chosen = select_newest(self.site, status=status, limit=limit, after=after).subquery()
        return self._frame(sa.select(probes).join_from(chosen, probes, probes.c.probe_id == chosen.c.probe_id))

    def count_statuses(self) -> dict[str, int]:
        """Return how many cameras have each status now, the worst status first."""
        column = health_cameras.c.status
        statement = (
            sa.select(column, sa.func.count().label("cameras"))
            .where(health_cameras.c.site == self.site)
            .group_by(column)
        )
        with self.database.read() as connection:
            found = {row.status: row.cameras for row in connection.execute(statement)}
        return {status: found.get(status, 0) for status in STATUSES}

    def frame(
        self, start: datetime | None = None, end: datetime | None = None, *, measures: bool = True
    ) -> pd.DataFrame:
        """Return the health frame of a time.

        Parameters
        ----------
        start, end : datetime, optional
            With a time zone: probes from `start` on and before `end`; all, if not given.
        measures : bool
            False leaves out what was measured, which is most of it.

        Returns
        -------
        pandas.DataFrame
            See `sightgrid.health.records.frame_records`.

        Raises
        ------
        InputError
            A time has no zone.
        """
        probes = health_probes
        kept = [column for column in probes.c if measures or column.name != "measures"]
        statement = sa.select(*kept).where(probes.c.site == self.site)
        if start is not None:
            statement = statement.where(probes.c.checked_at_us >= to_us(start))
        if end is not None:
            statement = statement.where(probes.c.checked_at_us < to_us(end))
        return self._frame(statement)

    def prune(self, before: datetime) -> int:
        """Delete the probes before a time, but each camera's newest.

        Others may write in between: it works in pieces, and pauses after each for as long as it took. The file does not
        shrink; its room is used again.

        Parameters
        ----------
        before : datetime
            With a time zone.

        Returns
        -------
        int
            How many were deleted.

        Raises
        ------
        InputError
            The time has no zone.
        """
        return delete_old(self.database, self.site, to_us(before))

    def thumbnails(self) -> dict[str, tuple[datetime, bytes]]:
        """Return the last picture of each camera that has one, with its time."""
        table = health_cameras
        statement = sa.select(table.c.camera_id, table.c.thumbnail_at_us, table.c.thumbnail).where(
            table.c.site == self.site, table.c.thumbnail.is_not(None)
        )
        with self.database.read() as connection:
            return {name: (to_time(at), data) for name, at, data in connection.execute(statement)}

    def forget_thumbnails(self) -> None:
        """Take away the last pictures of all cameras of the site; the views that the checks need stay.

        In SQLite nothing of them is left in the file. PostgreSQL keeps what was deleted until its next VACUUM.
        """
        values = {"thumbnail": None, "thumbnail_at_us": None}
        with self.database.write() as connection:
            connection.execute(sa.update(health_cameras).where(health_cameras.c.site == self.site).values(values))
        self.database.empty_log()

    def forget_views(self) -> None:
        """Take away the views that cameras should have; each learns a new one from its next healthy probe.

        Until then nobody is told that a camera was moved, and less surely that one is covered. A probe under way may
        still bring a view back. What is left on the disk is as in `forget_thumbnails`.
        """
        with self.database.write() as connection:
            connection.execute(sa.delete(health_views).where(health_views.c.site == self.site))
        self.database.empty_log()

    def add_maintenance(self, windows: pd.DataFrame) -> None:
        """Keep times of planned work.

        Parameters
        ----------
        windows : DataFrame
            Columns ``camera_id`` (``""``: all cameras), ``start_at``, ``end_at`` (with a time zone), ``reason``. One
            that is there already gets the new reason.

        Raises
        ------
        SchemaError
            A column is missing, or a window does not end after its start.
        """
        rows = list(health_rows.make_windows(windows))
        with self.database.write() as connection:
            for key, values in rows:
                health_rows.put_row(connection, health_maintenance, {"site": self.site, **key}, values)

    def maintenance(self) -> pd.DataFrame:
        """Return the times of planned work: ``camera_id``, ``start_at``, ``end_at``, ``reason``."""
        table = health_maintenance
        statement = sa.select(table.c.camera_id, table.c.start_us, table.c.end_us, table.c.reason)
        with self.database.read() as connection:
            rows = connection.execute(statement.where(table.c.site == self.site).order_by(table.c.start_us)).all()
        return health_rows.frame_windows(rows)

    def _frame(self, statement: sa.Select[Any]) -> pd.DataFrame:
        with self.database.read() as connection:
            return frame_records(health_rows.read_probes(connection.execute(statement)))


def open_history(path: str | os.PathLike[str]) -> History:
    """Open a history in a file of its own, or begin one.

    Parameters
    ----------
    path : path-like
        The file; its folder must exist. While it is open, SQLite keeps two more files beside it (``-wal``, ``-shm``).

    Returns
    -------
    History
        To be closed; it is a context manager.

    Raises
    ------
    StoreError
        The file cannot be opened or is something else.

    Examples
    --------
    >>> import tempfile
    >>> from datetime import UTC, datetime
    >>> from pathlib import Path
    >>> now = datetime(2026, 5, 1, 12, tzinfo=UTC)
    >>> with open_history(Path(tempfile.mkdtemp()) / "history.sqlite") as history:
    ...     history.record(Record(camera_id="a", checked_at=now, status="ok", reason="no rule holds"), Memory())
    ...     history.latest()["status"].tolist()
    ['ok']
    """
    return History(open_database(path))
