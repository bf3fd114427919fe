"""The layout of the store: migrations make what the tables say, and nothing else is taken for a store."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
import sqlalchemy as sa
import store_databases
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import sightgrid.store
from sightgrid.errors import StoreError
from sightgrid.store import health_tables
from sightgrid.store.database import HEAD, open_database
from sightgrid.store.geometry import PostGISGeometry
from sightgrid.store.history import open_history
from sightgrid.store.sites import list_sites
from sightgrid.store.work_tables import metadata

BOTH = pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
address, database = store_databases.address, store_databases.database


def _is_ours(_, name, what, *__):
    """Leave out spatial indexes, which the metadata do not hold, and the tables of PostGIS and Alembic."""
    others = name in {"spatial_ref_sys", "geography_columns", "geometry_columns", "alembic_version"}
    return not others and not (what in {"table", "index"} and "_box" in str(name))


def _same_type(_, __, ___, ____, wanted):
    return False if isinstance(wanted, PostGISGeometry) else None  # checked below; reflection knows no geometry


@pytest.mark.filterwarnings("ignore:Did not recognize type 'geometry'")
def test_migrations_make_the_tables_of_the_metadata(database):
    options = {"include_object": _is_ours, "compare_type": _same_type}
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []


def _describe(connection):
    if connection.dialect.name == "sqlite":
        names = sa.inspect(connection).get_table_names()
        rows = [
            (name, *row[1:4], row[5])
            for name in names
            for row in connection.exec_driver_sql(f"PRAGMA table_info({name})")
        ]
    else:
        rows = connection.exec_driver_sql(
            "SELECT table_name, column_name, udt_name, is_nullable FROM information_schema.columns"
            " WHERE table_schema = 'public'"
        ).all()
    return sorted(tuple(row) for row in rows if row[0] in metadata.tables)


@BOTH
def test_an_upgraded_database_equals_one_made_at_once(kind, tmp_path):
    """Column by column: type, whether it may be empty, and on SQLite the key."""
    with open_database(store_databases.make_address(kind, tmp_path)) as upgraded, upgraded.read() as connection:
        wanted = _describe(connection)
    if kind == "sqlite":
        engine = sa.create_engine("sqlite://")
    else:
        url = store_databases.make_address(kind, tmp_path, empty=True).replace("://", "+psycopg://")
        engine = sa.create_engine(url)
    with engine.begin() as connection:
        if kind == "postgresql":
            connection.exec_driver_sql("CREATE EXTENSION postgis")
        metadata.create_all(connection)
        made = _describe(connection)
    engine.dispose()
    assert made == wanted
    assert len(wanted) > 150


def test_the_newest_migration_is_the_one_the_program_wants():
    folder = f"{sightgrid.store.__path__[0]}/migrations"
    assert ScriptDirectory(folder).get_heads() == [HEAD]


@BOTH
def test_two_programs_may_begin_one_store_at_once(kind, tmp_path):
    address = store_databases.make_address(kind, tmp_path, empty=True)

    def begin(_):
        with open_database(address) as opened:
            return list_sites(opened)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(begin, range(4))) == [[]] * 4


@BOTH
def test_a_newer_layout_is_refused(kind, tmp_path):
    address = store_databases.make_address(kind, tmp_path)
    with open_database(address) as opened, opened.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0999'")
    with pytest.raises(StoreError, match="was written by a newer sightgrid"):
        open_database(address)


def test_another_database_is_left_alone(tmp_path):
    path = tmp_path / "other.gpkg"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE gpkg_contents (x)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="a database of something else"):
        open_database(path)
    assert path.read_bytes()[100:] == before[100:]
    (tmp_path / "text").write_text("no database at all, but long enough to look at " * 10)
    with pytest.raises(StoreError, match="file is not a database"):
        open_database(tmp_path / "text")
    with pytest.raises(StoreError, match="unable to open"):
        open_database(tmp_path / "nowhere" / "store.sqlite")


def test_the_history_of_health_lies_in_the_same_store(address):
    with open_database(address) as opened, open_history(address) as history:
        assert list_sites(opened) == []
        assert history.latest().empty


def test_cameras_sort_alike_on_every_server():
    """By code points, as Python does: pages of cameras go on after the last one seen."""
    with open_database(store_databases.make_address("postgresql", None)) as opened, opened.read() as connection:
        found = connection.exec_driver_sql(
            "SELECT table_name, collation_name FROM information_schema.columns"
            " WHERE column_name = 'camera_id' AND table_name LIKE 'health!_%%' ESCAPE '!'"
        ).all()
    assert {tuple(row) for row in found} == {(table.name, "C") for table in health_tables.TABLES}


@pytest.mark.parametrize(
    "address", ["mysql://u:secret@h/d", "postgresql://u:secret@h:port/d", "nonsense://secret", " "]
)
def test_what_is_no_store_is_told_without_the_password(address):
    with pytest.raises(StoreError, match="store") as caught:
        open_database(address)
    assert "secret" not in str(caught.value)


def test_a_server_that_is_away_is_told_without_the_password():
    with pytest.raises(StoreError, match="cannot be used") as caught:
        open_database("postgresql://u:secret@127.0.0.1:1/d")
    assert "secret" not in str(caught.value)
