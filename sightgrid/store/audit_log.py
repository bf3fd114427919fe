"""The audit log: who did what, only added to, each entry chained to the one before by its hash.

An entry that is changed, taken out or put between others breaks the chain. To notice that the newest entries were cut
off as well, keep `Head` elsewhere now and then and give it to `verify_log`.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from sightgrid.errors import StoreError
from sightgrid.store.clock import now_us
from sightgrid.store.work_tables import audit_log

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sightgrid.store.database import Database

_NOTE: ContextVar[dict[str, Any] | None] = ContextVar("note", default=None)
START = "0" * 64  # stands for the entry before the first
LOCK = 0x61756469


class Head(NamedTuple):
    """The newest entry of the log: its number (0: there is none) and its hash."""

    entry: int
    digest: str


class Entry(NamedTuple):
    """One entry; `at_us` is in microseconds since 1970."""

    entry: int
    at_us: int
    actor: str
    action: str
    target: str
    detail: dict[str, Any]
    digest: str


def add_entry(
    database: Database, *, actor: str, action: str, target: str = "", detail: Mapping[str, Any] | None = None
) -> Head:
    """Write down that somebody did something.

    Parameters
    ----------
    database : Database
        The store.
    actor, action, target : str
        Who, what, to what.
    detail : mapping, optional
        More, as JSON has it; no secrets.
    """
    with database.write() as connection:
        return insert_entry(connection, actor=actor, action=action, target=target, detail=detail)


def insert_entry(
    connection: sa.Connection, *, actor: str, action: str, target: str = "", detail: Mapping[str, Any] | None = None
) -> Head:
    """Do what `add_entry` does, in a transaction that is open: the deed and its entry are kept both or neither."""
    if connection.dialect.name == "postgresql":  # entries come one after the other
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
    last = _find_head(connection)
    text = json.dumps(dict(detail or {}), sort_keys=True, ensure_ascii=False)
    values = {"at_us": now_us(), "actor": actor, "action": action, "target": target, "detail": text}
    head = Head(last.entry + 1, _digest(last.digest, last.entry + 1, values))
    connection.execute(sa.insert(audit_log).values(**values, entry=head.entry, digest=head.digest))
    return head


@contextmanager
def noting(*, actor: str, action: str, target: str = "", detail: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Write an entry with the next write of this thread, in the same transaction: both are kept, or neither.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sightgrid.store.database import open_database
    >>> from sightgrid.store.jobs import queue_job
    >>> with open_database(Path(tempfile.mkdtemp()) / "city.sqlite") as database:
    ...     with noting(actor="dispatch-2", action="job.ask", target="coverage"):
    ...         job = queue_job(database, kind="coverage", options={})
    ...     find_head(database).entry
    1
    """
    token = _NOTE.set({"actor": actor, "action": action, "target": target, "detail": detail})
    try:
        yield
    finally:
        _NOTE.reset(token)


def insert_note(connection: sa.Connection) -> None:
    """Write the entry that `noting` asked for, once."""
    note = _NOTE.get()
    if note:
        insert_entry(connection, **note)
        _NOTE.set(None)


def find_head(database: Database) -> Head:
    """Return the newest entry's number and hash."""
    with database.read() as connection:
        return _find_head(connection)


def list_entries(database: Database, *, before: int | None = None, limit: int = 100) -> list[Entry]:
    """Return entries, the newest first; those older than one of them, for the next page."""
    statement = sa.select(*(audit_log.c[name] for name in Entry._fields)).order_by(audit_log.c.entry.desc())
    if before is not None:
        statement = statement.where(audit_log.c.entry < before)
    with database.read() as connection:
        rows = connection.execute(statement.limit(limit)).all()
    return [Entry(*row)._replace(detail=json.loads(row.detail)) for row in rows]


def verify_log(database: Database, *, known: Head | None = None) -> Head:
    """Compute the chain again from its start.

    Parameters
    ----------
    database : Database
        The store.
    known : Head, optional
        What the newest entry was at some time: it has to be in the log still.

    Returns
    -------
    Head
        The newest entry.

    Raises
    ------
    StoreError
        The chain is broken; tells the first entry that does not fit.
    """
    last = Head(0, START)
    with database.read() as connection:
        for row in connection.execute(sa.select(audit_log).order_by(audit_log.c.entry)):
            values = {name: getattr(row, name) for name in ("at_us", "actor", "action", "target", "detail")}
            if row.entry != last.entry + 1 or row.digest != _digest(last.digest, row.entry, values):
                raise StoreError(f"{database.name}: the audit log is broken at entry {row.entry}")
            last = Head(row.entry, row.digest)
            if known and known.entry == last.entry and known != last:
                raise StoreError(f"{database.name}: entry {known.entry} of the audit log is not the one that is known")
    if known and known.entry > last.entry:
        raise StoreError(f"{database.name}: the audit log ends at entry {last.entry}, {known.entry} is known")
    return last


def _find_head(connection: sa.Connection) -> Head:
    newest = sa.select(audit_log.c.entry, audit_log.c.digest).order_by(audit_log.c.entry.desc()).limit(1)
    row = connection.execute(newest).one_or_none()
    return Head(row.entry, row.digest) if row else Head(0, START)


def _digest(before: str, entry: int, values: Mapping[str, Any]) -> str:
    text = json.dumps([before, entry, *(values[name] for name in sorted(values))], ensure_ascii=False)
    return sha256(text.encode()).hexdigest()
