"""The history of the cameras' health: one SQLite file, which nothing but this module opens.

Neither addresses nor users nor passwords are given to it.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from sightgrid.errors import FIRST_IDS, Fault, SchemaError, StoreError, hide
from sightgrid.health.baselines import Baseline
from sightgrid.health.records import COLUMNS, Memory, Record, frame_records
from sightgrid.store.clock import to_time, to_us
from sightgrid.store.sqlite import clear_errors, open_engine
from sightgrid.store.tables import VERSION, cameras, maintenance, metadata, probes, views

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator
    from datetime import datetime

# what is taken away is overwritten: pictures may have been asked to be forgotten
PRAGMAS = ("synchronous = NORMAL", "secure_delete = ON")
ORDER = ("camera_id", "start_at", "end_at", "reason")


class History:
    """What was found out about cameras, in one file; see `open_history`.

    Every call is one transaction: what it kept stays, whatever happens to the program afterwards, and a call that is
    interrupted keeps nothing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._engine, self._writer = open_engine(str(path), pragmas=PRAGMAS, poolclass=sa.StaticPool)
        with self._write() as connection:
            version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
            if version > VERSION:
                raise StoreError(f"{path}: was written by a newer sightgrid (layout {version}, known {VERSION})")
            metadata.create_all(connection)
            connection.exec_driver_sql(f"PRAGMA user_version = {VERSION}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

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
            The file cannot be written.
        """
        kept, seen = _pack(memory)
        row = {name: getattr(record, name) for name in COLUMNS} | {
            "camera_id": record.camera_id,
            "checked_at_us": to_us(record.checked_at),
            "reason": hide(record.reason),
            "measures": json.dumps(record.measures),
        }
        with self._write() as connection:
            key = connection.execute(sa.insert(probes).values(row)).inserted_primary_key
            values = {"memory": kept, "failures": memory.failures, "probe_id": key[0] if key else 0}
            if record.thumbnail is not None:
                values |= {"thumbnail": record.thumbnail, "thumbnail_at_us": row["checked_at_us"]}
            statement = insert(cameras).values(camera_id=record.camera_id, **values)
            connection.execute(statement.on_conflict_do_update(index_elements=["camera_id"], set_=values))
            self._keep_views(connection, record.camera_id, seen)

    def load_memory(self, camera_id: str) -> Memory | None:
        """Return what is remembered of a camera, or None if there is nothing."""
        with self._read() as connection:
            text = connection.execute(
                sa.select(cameras.c.memory).where(cameras.c.camera_id == camera_id)
            ).scalar_one_or_none()
            if text is None:
                return None
            found = connection.execute(sa.select(views.c.lighting, views.c.view).where(views.c.camera_id == camera_id))
            return _unpack(text, {row.lighting: row.view for row in found})

    def load_baseline(self, camera_id: str) -> Baseline:
        """Return what is usual for a camera; an empty baseline if nothing is known."""
        memory = self.load_memory(camera_id)
        return Baseline() if memory is None else memory.baseline

    def load_ends(self) -> dict[str, tuple[datetime, int]]:
        """Return for each camera when it was checked last, and its failures in a row."""
        statement = sa.select(cameras.c.camera_id, probes.c.checked_at_us, cameras.c.failures).join_from(
            cameras, probes, cameras.c.probe_id == probes.c.probe_id
        )
        with self._read() as connection:
            return {name: (to_time(at), failures) for name, at, failures in connection.execute(statement)}

    def latest(self) -> pd.DataFrame:
        """Return the newest row of each camera, as a health frame."""
        statement = sa.select(probes).join_from(cameras, probes, cameras.c.probe_id == probes.c.probe_id)
        return self._frame(statement)

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
        kept = [column for column in probes.c if measures or column.name != "measures"]
        statement = sa.select(*kept)
        if start is not None:
            statement = statement.where(probes.c.checked_at_us >= to_us(start))
        if end is not None:
            statement = statement.where(probes.c.checked_at_us < to_us(end))
        return self._frame(statement)

    def thumbnails(self) -> dict[str, tuple[datetime, bytes]]:
        """Return the last picture of each camera that has one, with its time."""
        statement = sa.select(cameras.c.camera_id, cameras.c.thumbnail_at_us, cameras.c.thumbnail).where(
            cameras.c.thumbnail.is_not(None)
        )
        with self._read() as connection:
            return {name: (to_time(at), data) for name, at, data in connection.execute(statement)}

    def forget_thumbnails(self) -> None:
        """Take away the pictures of all cameras; nothing of them stays in the file."""
        with self._write() as connection:
            connection.execute(sa.update(cameras).values(thumbnail=None, thumbnail_at_us=None))

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
        missing = [name for name in ORDER if name not in windows.columns]
        if missing:
            raise SchemaError("maintenance", (Fault(", ".join(missing), "missing column"),))
        wrong = windows[~(windows["end_at"] > windows["start_at"])]
        if len(wrong):
            ids = tuple(wrong["camera_id"].astype(str)[:FIRST_IDS])
            raise SchemaError("maintenance", (Fault("end_at", "must lie after start_at", ids, len(wrong)),))
        with self._write() as connection:
            row: Any
            for row in windows[list(ORDER)].itertuples(index=False):
                values = {
                    "camera_id": row.camera_id, "start_us": to_us(row.start_at), "end_us": to_us(row.end_at),
                    "reason": row.reason,
                }  # fmt: skip
                connection.execute(
                    insert(maintenance)
                    .values(values)
                    .on_conflict_do_update(
                        index_elements=["camera_id", "start_us", "end_us"], set_={"reason": row.reason}
                    )
                )

    def maintenance(self) -> pd.DataFrame:
        """Return the times of planned work: ``camera_id``, ``start_at``, ``end_at``, ``reason``."""
        columns = (maintenance.c.camera_id, maintenance.c.start_us, maintenance.c.end_us, maintenance.c.reason)
        with self._read() as connection:
            rows = connection.execute(sa.select(*columns).order_by(maintenance.c.start_us)).all()
        frame = pd.DataFrame(rows, columns=list(ORDER))
        for name in ("start_at", "end_at"):
            frame[name] = pd.to_datetime(frame[name], unit="us", utc=True)
        return frame

    def _frame(self, statement: sa.Select[Any]) -> pd.DataFrame:
        with self._read() as connection:
            return frame_records(_read_records(connection.execute(statement)))

    def _keep_views(self, connection: sa.Connection, camera_id: str, seen: dict[str, bytes]) -> None:
        statement = sa.select(views.c.lighting, views.c.digest).where(views.c.camera_id == camera_id)
        known = {row.lighting: row.digest for row in connection.execute(statement)}
        for lighting, view in seen.items():
            digest = blake2b(view, digest_size=16).hexdigest()
            if known.get(lighting) == digest:
                continue
            values = {"digest": digest, "view": view}
            write = insert(views).values(camera_id=camera_id, lighting=lighting, **values)
            connection.execute(write.on_conflict_do_update(index_elements=["camera_id", "lighting"], set_=values))

    @contextmanager
    def _write(self) -> Iterator[sa.Connection]:
        with clear_errors(str(self.path), "history"), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def _read(self) -> Iterator[sa.Connection]:
        with clear_errors(str(self.path), "history"), self._engine.connect() as connection:
            yield connection


def open_history(path: str | os.PathLike[str]) -> History:
    """Open a history, or begin one.

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
    >>> now = datetime(2026, 5, 1, 12, tzinfo=UTC)
    >>> with open_history(Path(tempfile.mkdtemp()) / "history.sqlite") as history:
    ...     history.record(Record(camera_id="a", checked_at=now, status="ok", reason="no rule holds"), Memory())
    ...     history.latest()["status"].tolist()
    ['ok']
    """
    return History(Path(path))


def _pack(memory: Memory) -> tuple[str, dict[str, bytes]]:
    """Take the views out of a memory, and write the rest as JSON."""
    kept = memory.to_dict()
    seen = {}
    for lighting, usual in kept["baseline"]["usual"].items():
        view = usual.pop("view")
        if view:
            seen[lighting] = view
    return json.dumps(kept), seen


def _unpack(text: str, seen: dict[str, bytes]) -> Memory:
    kept = json.loads(text)
    for lighting, usual in kept["baseline"]["usual"].items():
        usual["view"] = seen.get(lighting, b"")
    return Memory.from_dict(kept)


def _read_records(rows: Iterable[Any]) -> Iterator[Record]:
    for row in rows:
        yield Record(
            camera_id=row.camera_id,
            checked_at=to_time(row.checked_at_us),
            measures=json.loads(row.measures) if "measures" in row._fields else {},
            **{name: getattr(row, name) for name in COLUMNS},
        )
