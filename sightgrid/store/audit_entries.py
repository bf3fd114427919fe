"""Entries of the audit log as they are written: each chained by its hash to the one before, together with its deed."""

from __future__ import annotations

import json
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from sightgrid.store.clock import now_us
from sightgrid.store.work_tables import audit_log

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NOTE: ContextVar[dict[str, Any] | None] = ContextVar("note", default=None)
START = "0" * 64  # stands for the entry before the first
LOCK = 0x61756469


class Head(NamedTuple):
    """The newest entry of the log: its number (0: there is none) and its hash."""

    entry: int
    digest: str


def insert_entry(
    connection: sa.Connection, *, actor: str, action: str, target: str = "", detail: Mapping[str, Any] | None = None
) -> Head:
    """Do what `sightgrid.store.audit_log.add_entry` does, in a transaction that is open: both are kept, or neither."""
    if connection.dialect.name == "postgresql":  # entries come one after the other
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
    last = read_head(connection)
    text = json.dumps(dict(detail or {}), sort_keys=True, ensure_ascii=False)
    values = {"at_us": now_us(), "actor": actor, "action": action, "target": target, "detail": text}
    head = Head(last.entry + 1, hash_entry(last.digest, last.entry + 1, values))
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
    ...     with database.read() as connection:
    ...         read_head(connection).entry
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


def read_head(connection: sa.Connection) -> Head:
    """Return the newest entry's number and hash."""
    newest = sa.select(audit_log.c.entry, audit_log.c.digest).order_by(audit_log.c.entry.desc()).limit(1)
    row = connection.execute(newest).one_or_none()
    return Head(row.entry, row.digest) if row else Head(0, START)


def hash_entry(before: str, entry: int, values: Mapping[str, Any]) -> str:
    """Return the hash of an entry and of all before it."""
    text = json.dumps([before, entry, *(values[name] for name in sorted(values))], ensure_ascii=False)
    return sha256(text.encode()).hexdigest()
