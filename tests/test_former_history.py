"""A history of health that was a file of its own, and one beside a store, become part of the store; nothing is lost."""

from __future__ import annotations

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

import pandas as pd
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from street_pictures import draw_street

import sightgrid.store
from sightgrid.errors import StoreError
from sightgrid.health.records import Memory, Record, frame_records
from sightgrid.health.view import describe_view
from sightgrid.store.clock import to_us
from sightgrid.store.database import HEAD
from sightgrid.store.health_rows import make_probe
from sightgrid.store.history import open_history
from sightgrid.store.migrations import former_history

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
OLD_TABLES = """
PRAGMA journal_mode = WAL;
CREATE TABLE cameras (
    camera_id TEXT NOT NULL, memory TEXT NOT NULL, failures INTEGER NOT NULL, probe_id INTEGER NOT NULL, thumbnail BLOB,
    thumbnail_at_us BIGINT, PRIMARY KEY (camera_id)
);
CREATE TABLE probes (
    probe_id INTEGER NOT NULL, camera_id TEXT NOT NULL, checked_at_us BIGINT NOT NULL, status TEXT NOT NULL,
    reason TEXT NOT NULL, stage TEXT NOT NULL, condition TEXT NOT NULL, consequence TEXT NOT NULL,
    seconds FLOAT NOT NULL, measures TEXT NOT NULL, PRIMARY KEY (probe_id)
);
CREATE INDEX probes_by_camera ON probes (camera_id, checked_at_us);
CREATE INDEX probes_by_time ON probes (checked_at_us);
CREATE TABLE maintenance (
    window_id INTEGER NOT NULL, camera_id TEXT NOT NULL, start_us BIGINT NOT NULL, end_us BIGINT NOT NULL,
    reason TEXT NOT NULL, PRIMARY KEY (window_id)
);
CREATE UNIQUE INDEX maintenance_once ON maintenance (camera_id, start_us, end_us);
CREATE TABLE views (
    camera_id TEXT NOT NULL, lighting TEXT NOT NULL, digest TEXT NOT NULL, view BLOB NOT NULL,
    PRIMARY KEY (camera_id, lighting), FOREIGN KEY (camera_id) REFERENCES cameras (camera_id)
);
PRAGMA user_version = 1;
"""
VIEW = describe_view(draw_street())
PROBE = (
    "camera_id", "checked_at_us", "status", "reason", "stage", "condition", "consequence", "seconds", "measures",
)  # fmt: skip
RECORDS = [
    Record(
        camera_id=camera, checked_at=NOON + timedelta(minutes=minute), status=status, reason="because",
        seconds=0.5 + minute, measures={"fps": 25.0, "zoom": float("nan")}, stage="read" * (status == "offline"),
    )
    for minute, (camera, status) in enumerate([("b", "ok"), ("a", "ok"), ("b", "offline"), ("a", "fault")])
]  # fmt: skip


def add_old_history(path):
    """Add the four tables and rows in all of them, as sightgrid wrote them until layout 0002."""
    memory = Memory(failures=2)
    memory.baseline.update({"inliers": 300.0}, lighting="day", healthy=True)
    kept = memory.to_dict()
    del kept["baseline"]["usual"]["day"]["view"]
    with closing(sqlite3.connect(path)) as plain:
        plain.executescript(OLD_TABLES)
        for record in RECORDS:
            row = make_probe(record)
            values = [row[name] for name in PROBE]
            plain.execute("INSERT INTO probes VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
        for camera, probe, picture in (("a", 4, None), ("b", 3, b"jpeg"), ("lost", 99, None)):
            at_us = None if picture is None else to_us(NOON)
            row = (camera, json.dumps(kept), 2, probe, picture, at_us)
            plain.execute("INSERT INTO cameras VALUES (?, ?, ?, ?, ?, ?)", row)
        digest = blake2b(VIEW.to_bytes(), digest_size=16).hexdigest()
        plain.execute("INSERT INTO views VALUES ('a', 'day', ?, ?)", (digest, VIEW.to_bytes()))
        span = (to_us(NOON), to_us(NOON + timedelta(hours=1)))
        plain.executemany("INSERT INTO maintenance VALUES (?, ?, ?, ?, 'mast')", [(1, "", *span), (2, "a", *span)])
        plain.commit()


def check_history(history):
    pd.testing.assert_frame_equal(history.frame(), frame_records(RECORDS))
    assert history.latest()["status"].tolist() == ["fault", "offline"]
    assert history.load_ends() == {"a": (RECORDS[3].checked_at, 2), "b": (RECORDS[2].checked_at, 2)}
    assert history.thumbnails() == {"b": (NOON, b"jpeg")}
    assert history.count_statuses() == {"offline": 1, "fault": 1, "warning": 0, "not_checkable": 1, "ok": 0}
    for camera in ("a", "b", "lost"):
        memory = history.load_memory(camera)
        assert memory.failures == 2
        assert memory.baseline.to_dict()["usual"]["day"]["values"]["inliers"] == [300.0]
    windows = history.maintenance().sort_values("camera_id")
    assert windows["camera_id"].tolist() == ["", "a"]
    assert windows["reason"].tolist() == ["mast", "mast"]
    assert windows["end_at"].tolist() == [pd.Timestamp(NOON + timedelta(hours=1))] * 2


def read_names(path):
    with closing(sqlite3.connect(path)) as plain:
        names = {name for (name,) in plain.execute("SELECT name FROM sqlite_master")}
        return names, plain.execute("PRAGMA user_version").fetchone()[0]


def test_a_history_of_its_own_becomes_part_of_a_store(tmp_path):
    path = tmp_path / "history.sqlite"
    add_old_history(path)
    for _ in range(2):
        with open_history(path) as history:
            check_history(history)
    names, version = read_names(path)
    assert not names & {"cameras", "probes", "views", "maintenance", "probes_by_time", "maintenance_once"}
    assert version > 1  # an older sightgrid says that the file is newer, and begins nothing beside
    with open_history(path) as history:
        history.record(RECORDS[0], Memory())
        assert len(history.frame()) == len(RECORDS) + 1


def test_a_view_goes_on_being_recognised(tmp_path):
    add_old_history(tmp_path / "history.sqlite")
    with open_history(tmp_path / "history.sqlite") as history:
        memory = history.load_memory("a")
        assert memory.baseline.reference().views["day"] == VIEW
        history.record(RECORDS[3], memory)
        assert history.load_memory("a") == memory


def make_first_layout(path):
    """Make a store as the first layout had it, with a site."""
    config = Config()
    config.set_main_option("script_location", f"{sightgrid.store.__path__[0]}/migrations")
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.exec_driver_sql(
            "INSERT INTO sites (uid, name, crs, notes, made_at_us) VALUES ('u', 'town', 'EPSG:3067', '[]', 0)"
        )
    engine.dispose()


def test_a_history_beside_a_store_is_taken_over_with_it(tmp_path):
    path = tmp_path / "city.sqlite"
    make_first_layout(path)
    add_old_history(path)
    with open_history(path) as history:
        check_history(history)
        with history.database.read() as connection:
            assert connection.exec_driver_sql("SELECT name FROM sites").scalars().all() == ["town"]
            assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one() == HEAD
    assert "probes" not in read_names(path)[0]


def test_what_is_no_history_alone_is_left_as_it_is(tmp_path):
    path = tmp_path / "history.sqlite"
    add_old_history(path)
    with closing(sqlite3.connect(path)) as plain:
        plain.execute("CREATE TABLE something_else (x)")
    before = read_names(path)
    with pytest.raises(StoreError, match="is a database of something else"):
        open_history(path)
    assert read_names(path) == before


def test_a_step_that_breaks_off_leaves_the_history_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "history.sqlite"
    add_old_history(path)
    before = read_names(path)
    moves = former_history.MOVES
    monkeypatch.setattr(former_history, "MOVES", (*moves[:-1], "INSERT INTO nowhere VALUES (1)"))
    with pytest.raises(StoreError, match="no such table: nowhere"):
        open_history(path)
    assert read_names(path) == before
    monkeypatch.setattr(former_history, "MOVES", moves)
    with open_history(path) as history:
        check_history(history)


def test_a_history_is_taken_over_once_however_many_open_it(tmp_path):
    path = tmp_path / "history.sqlite"
    add_old_history(path)

    def look(_):
        with open_history(path) as history:
            return len(history.frame())

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(look, range(4))) == [len(RECORDS)] * 4
