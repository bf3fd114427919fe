"""Opening a store: one SQLite file, or a PostgreSQL database with PostGIS."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

import sightgrid.store.health_tables  # noqa: F401  (so that the metadata hold its tables too)
from sightgrid.errors import StoreError
from sightgrid.store.audit_entries import insert_note
from sightgrid.store.layer_tables import metadata
from sightgrid.store.migrations import former_history
from sightgrid.store.sqlite import HURRIES, clear_errors, open_engine

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

HEAD = "0002"  # the newest layout, see the migrations
CACHE_KIB = 65_536
# what is taken away is overwritten: pictures may have been asked to be forgotten
PRAGMAS = (f"cache_size = -{CACHE_KIB}", "secure_delete = ON")
DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}
MIGRATION_LOCK = 0x51677264  # any number that other programs of the same database do not use
_MIGRATING = threading.Lock()  # Alembic keeps what it works on in globals


class Database:
    """An open store; see `open_database`.

    Attributes
    ----------
    name : str
        The file, or the address without user and password, for messages.
    path : pathlib.Path or None
        The SQLite file.
    """

    def __init__(self, url: sa.URL) -> None:
        self.path = Path(url.database or "") if url.drivername == "sqlite" else None
        self.name = str(self.path) if self.path else f"{url.host or 'localhost'}/{url.database}"
        self._reader: sa.Engine
        self._writer: sa.Engine
        if self.path is None:
            self._engine = sa.create_engine(url, pool_pre_ping=True)
            # one snapshot for all that a read asks
            self._reader = self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            self._writer = self._engine
        else:
            self._reader, self._writer = open_engine(str(self.path), pragmas=PRAGMAS)
            self._engine = self._reader
        self._hurrier = self._writer.execution_options(**{HURRIES: True})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def address(self) -> str:
        """What opens the store again, maybe with a password: for processes of ours, not for people."""
        if self.path:
            return str(self.path.resolve())
        return self._engine.url.render_as_string(hide_password=False)

    def close(self) -> None:
        """Let go of the file or the server."""
        self._engine.dispose()

    @contextmanager
    def write(self, *, wait: bool = True) -> Iterator[sa.Connection]:
        """Give a connection in one transaction: all that is done in it is kept at its end, or nothing.

        Parameters
        ----------
        wait : bool
            Wait at the end until it is on the disk. False is for what is small and comes often: it is kept whatever
            happens to the program, but the last of it may be missing after a loss of power.
        """
        engine = self._writer if wait else self._hurrier
        with clear_errors(self.name), engine.begin() as connection:
            if not wait and self.path is None:
                connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
            yield connection
            insert_note(connection)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Give a connection that sees the store as it is at the first statement, whatever others write meanwhile."""
        with clear_errors(self.name), self._reader.connect() as connection:
            yield connection

    def empty_log(self) -> None:
        """Bring what was written into the SQLite file itself, so that nothing of what was before is left beside it.

        Raises
        ------
        StoreError
            Others go on reading what was before.
        """
        if self.path is None:
            return
        with clear_errors(self.name), self._engine.connect() as connection:
            driver: Any = connection.connection.driver_connection  # in no transaction
            busy, _, _ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise StoreError(f"{self.name}: others read the store; what was taken away is still in its -wal file")


def open_database(where: str | os.PathLike[str]) -> Database:
    """Open a store, or begin one; an older layout is brought forward.

    Parameters
    ----------
    where : str or path-like
        A file (SQLite), or ``postgresql://user:password@host/database`` whose database has PostGIS, or whose user may
        add it.

    Returns
    -------
    Database
        To be closed; it is a context manager.

    Raises
    ------
    StoreError
        It cannot be opened, is something else, or was written by a newer sightgrid.

    Examples
    --------
    >>> import tempfile
    >>> from sightgrid.store.sites import list_sites
    >>> with open_database(Path(tempfile.mkdtemp()) / "city.sqlite") as database:
    ...     list_sites(database)
    []
    """
    database = Database(_read_url(where))
    try:
        if _find_layout(database) != HEAD:
            _migrate(database)
    except BaseException:
        database.close()
        raise
    return database


def _read_url(where: str | os.PathLike[str]) -> sa.URL:
    text = str(where)
    if "://" not in text:
        if not text.strip():
            raise StoreError("the name of the store is empty")
        return sa.URL.create("sqlite", database=text)
    try:
        url = sa.make_url(text)
        driver = DRIVERS[url.get_backend_name()]
    except (ArgumentError, NoSuchModuleError, KeyError, ValueError):  # its text may hold a password
        raise StoreError("the store must be a file or postgresql://user@host/database") from None
    return url.set(drivername=driver)


def _find_layout(database: Database) -> str | None:
    with database.read() as connection:
        names = set(sa.inspect(connection).get_table_names())
        if "alembic_version" not in names:
            # a history of the cameras' health was once a file of its own; the second layout takes it over
            if database.path and names not in (set(), set(former_history.TABLES)):
                raise StoreError(f"{database.name}: is a database of something else, not a store")
            if names & set(metadata.tables):
                raise StoreError(f"{database.name}: has tables of the names of the store, but is none")
            return None
        layout = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    if layout is not None and layout > HEAD:
        raise StoreError(f"{database.name}: was written by a newer sightgrid (layout {layout}, known {HEAD})")
    return layout


def _migrate(database: Database) -> None:
    from alembic import command  # noqa: PLC0415  (not needed for a store that is up to date)
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with _MIGRATING, database.write() as connection:
        if database.path is None:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
