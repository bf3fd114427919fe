"""Backup and restore of a store in one file, while it is in use."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from sightgrid.errors import StoreError
from sightgrid.store.database import open_database
from sightgrid.store.sqlite import WAIT_S

if TYPE_CHECKING:
    from sightgrid.store.database import Database

PAGES = 4096  # copied at a time; others may write in between


def backup(database: Database, path: str | os.PathLike[str]) -> Path:
    """Copy a store as it is at one moment into a file, while others go on using it.

    Parameters
    ----------
    database : Database
        A store in a file; for PostgreSQL there is ``pg_dump``.
    path : path-like
        The file to write; it must not exist. It appears when it is complete. It holds all that the store holds,
        addresses of streams and hashes of passwords too: its owner alone may read it.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    StoreError
        The file exists or cannot be written, or the store is no file.
    """
    target = Path(path)
    if database.path is None:
        raise StoreError(f"{database.name}: is a PostgreSQL database; use pg_dump and pg_restore")
    if target.exists():
        raise StoreError(f"{target}: is there already")
    part = target.with_name(f"{target.name}.part")
    try:
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        _copy(database.path, part)
        _check_whole(part)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(target)
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"{target}: the backup cannot be written ({error})") from error
    finally:
        part.unlink(missing_ok=True)
    return target


def restore(path: str | os.PathLike[str], target: str | os.PathLike[str], *, replace: bool = False) -> None:
    """Make a store of a backup.

    Parameters
    ----------
    path : path-like
        The backup.
    target : path-like
        The file of the store.
    replace : bool
        Put it in the place of a store that is there; in one transaction, so that it is the old or the new one.

    Raises
    ------
    StoreError
        The backup is damaged or something else, the store is there already, or it cannot be written.
    """
    source, goal = Path(path), Path(target)
    if "://" in str(target):
        raise StoreError("a backup is restored into a file; for PostgreSQL use pg_restore")
    if not source.is_file():
        raise StoreError(f"{source}: there is no such file")
    if goal.exists() and not replace:
        raise StoreError(f"{goal}: is there already; --replace puts the backup in its place")
    try:
        _check_whole(source)
        _copy(source, goal)
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"{source}: cannot be restored ({error})") from error
    open_database(goal).close()  # brings an older layout forward


def _copy(source: Path, target: Path) -> None:
    with closing(_open(source, "ro")) as old, closing(_open(target, "rwc")) as new:
        old.backup(new, pages=PAGES, sleep=0.01)


def _check_whole(path: Path) -> None:
    with closing(_open(path, "ro")) as connection:
        if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("the file is damaged")
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not {"alembic_version", "sites", "audit_log"} <= tables:
            raise sqlite3.DatabaseError("the file is no store")


def _open(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=WAIT_S)
