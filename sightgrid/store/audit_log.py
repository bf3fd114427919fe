"""The audit log: who did what, only added to, each entry chained to the one before by its hash.

An entry that is changed, taken out or put between others breaks the chain. To notice that the newest entries were cut
off as well, keep `Head` elsewhere now and then and give it to `verify_log`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from sightgrid.errors import StoreError
from sightgrid.store.audit_entries import START, Head, hash_entry, insert_entry, read_head
from sightgrid.store.work_tables import audit_log

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sightgrid.store.database import Database


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


def find_head(database: Database) -> Head:
    """Return the newest entry's number and hash."""
    with database.read() as connection:
        return read_head(connection)


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
            if row.entry != last.entry + 1 or row.digest != hash_entry(last.digest, row.entry, values):
                raise StoreError(f"{database.name}: the audit log is broken at entry {row.entry}")
            last = Head(row.entry, row.digest)
            if known and known.entry == last.entry and known != last:
                raise StoreError(f"{database.name}: entry {known.entry} of the audit log is not the one that is known")
    if known and known.entry > last.entry:
        raise StoreError(f"{database.name}: the audit log ends at entry {last.entry}, {known.entry} is known")
    return last
