"""SQLite as the store uses it: one writer at a time, readers never wait, PostGIS's words, errors without values."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import shapely
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from sightgrid.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

WAIT_S = 30.0  # for another program that writes at the same time
WRITES = "sightgrid_writes"  # options of a connection
HURRIES = "sightgrid_hurries"
KEPT = 64  # prepared shapes, of all threads


def open_engine(path: str, *, pragmas: tuple[str, ...]) -> tuple[sa.Engine, sa.Engine]:
    """Return an engine whose connections read, and the same one for those that will write."""
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=path),
        connect_args={"timeout": WAIT_S, "check_same_thread": False},
    )

    def set_up(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # transactions begin where we say so
        cursor = connection.cursor()
        for pragma in ("journal_mode = WAL", "foreign_keys = ON", *pragmas):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()
        connection.create_function("ST_Intersects", 2, _intersect, deterministic=True)

    sa.event.listen(engine, "connect", set_up)
    sa.event.listen(engine, "begin", _begin)
    return engine, engine.execution_options(**{WRITES: True})


@contextmanager
def clear_errors(name: str) -> Iterator[None]:
    """Turn the errors of a database into one line that holds neither statements nor values."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        reason = str(getattr(error, "orig", None) or type(error).__name__).strip().partition("\n")[0]
        raise StoreError(f"{name}: the store cannot be used ({reason})") from error


def _begin(connection: sa.Connection) -> None:
    options = connection.get_execution_options()
    if not options.get(WRITES):
        connection.exec_driver_sql("BEGIN")
        return
    connection.exec_driver_sql(f"PRAGMA synchronous = {'NORMAL' if options.get(HURRIES) else 'FULL'}")
    # whoever will write says so at once: a reader that turns writer may find that it is too late
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _intersect(wkb: bytes | None, other: bytes) -> bool | None:
    if wkb is None:
        return None
    # a prepared shape builds its index when it is first asked: no two threads may do that to one
    return bool(shapely.intersects(_prepare(other, threading.get_ident()), shapely.from_wkb(wkb)))


@lru_cache(maxsize=KEPT)
def _prepare(wkb: bytes, _: int) -> shapely.Geometry:
    shape = shapely.from_wkb(wkb)
    shapely.prepare(shape)
    return shape
