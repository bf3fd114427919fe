"""A PostgreSQL server with PostGIS on loopback, for one run of the tests, and databases in it."""

from __future__ import annotations

import atexit
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import psycopg

from sightgrid.store.database import open_database
from sightgrid.store.work_tables import metadata

TEMPLATE = "template_store"
_numbers = itertools.count()


class NoServerError(Exception):
    """There is no PostGIS on this machine."""


def find_programs() -> Path:
    """Return the folder of the newest server that has PostGIS."""
    found = [
        folder
        for folder in Path("/usr/lib/postgresql").glob("*/bin")
        if (folder / "postgres").exists()
        and Path(f"/usr/share/postgresql/{folder.parent.name}/extension/postgis.control").exists()
    ]
    if not found or (os.geteuid() == 0 and shutil.which("runuser") is None):
        raise NoServerError
    return max(found, key=lambda folder: float(folder.parent.name))


@cache
def start_server() -> int:
    """Start the server once; it stops when the tests end. Return its port."""
    programs = find_programs()
    folder = Path(tempfile.mkdtemp(prefix="sightgrid-postgres-"))
    data = folder / "data"
    user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []  # the server refuses to run as root
    if user:
        shutil.chown(folder, "postgres")

    def run(*words: str) -> None:
        with (folder / "log").open("ab") as log:  # a pipe would stay open as long as the server lives
            subprocess.run([*user, *words], check=True, stdout=log, stderr=log, cwd="/")

    run(str(programs / "initdb"), "-D", str(data), "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c full_page_writes=off"
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    run(str(programs / "pg_ctl"), "-D", str(data), "-w", "-o", options, "start")
    atexit.register(run, str(programs / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop")
    _create(port, TEMPLATE)
    open_database(_url(port, TEMPLATE)).close()
    return port


def make_database(*, empty: bool = False) -> str:
    """Make a database with the tables of the store, or an empty one; return its address."""
    port, name = start_server(), f"test_{next(_numbers)}"
    _create(port, name, None if empty else TEMPLATE)
    return _url(port, name)


def empty_database() -> str:
    """Return the address of the database that tests share one after the other, emptied: quicker than a new one."""
    address = _share()
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")  # the audit log refuses it otherwise
        tables = psycopg.sql.SQL(", ").join(map(psycopg.sql.Identifier, sorted(metadata.tables)))
        connection.execute(psycopg.sql.SQL("TRUNCATE {} RESTART IDENTITY").format(tables))
    return address


@cache
def _share() -> str:
    return make_database()


def _create(port: int, name: str, template: str | None = None) -> None:
    with psycopg.connect(_url(port, "postgres"), autocommit=True) as connection:
        statement = psycopg.sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            psycopg.sql.Identifier(name), psycopg.sql.Identifier(template or "template0")
        )
        connection.execute(statement)


def _url(port: int, name: str) -> str:
    return f"postgresql://postgres@127.0.0.1:{port}/{name}"
