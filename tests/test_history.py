"""The history: what was kept comes back, all of it or none of it, and nothing secret is kept."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
import store_databases

from sightgrid.errors import InputError, SchemaError, StoreError, UnitRangeError
from sightgrid.health.baselines import Baseline
from sightgrid.health.hysteresis import Hysteresis
from sightgrid.health.records import STATUSES, Memory, Record, frame_records
from sightgrid.health.rules import Finding
from sightgrid.store import health_selection
from sightgrid.store.health_tables import TABLES, health_cameras, health_views
from sightgrid.store.history import History, open_history
from sightgrid.store.sites import delete_site, import_site, list_sites

address, database, few = store_databases.address, store_databases.database, store_databases.few

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def record(camera="a", minute=0, status="ok", **options):
    at = NOON + timedelta(minutes=minute)
    return Record(**{"camera_id": camera, "checked_at": at, "status": status, "reason": "because", **options})


@pytest.fixture
def history(database):
    return History(database, "first")


def count_rows(database, table):
    with database.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def test_a_frame_comes_back_as_it_was(history):
    records = [
        record("b", 0, "offline", stage="connect", condition="offline", consequence="nothing", seconds=3.5),
        record("a", 0, measures={"fps": 25.0, "shift_px": float("nan")}),
        record("a", 1, "fault", measures={"fps": 12.5}, thumbnail=b"jpeg"),
    ]
    for each in records:
        history.record(each, Memory())
    pd.testing.assert_frame_equal(history.frame(), frame_records([records[1], records[2], records[0]]))
    assert history.latest()["status"].to_dict() == {
        ("a", pd.Timestamp(records[2].checked_at)): "fault", ("b", pd.Timestamp(NOON)): "offline",
    }  # fmt: skip
    assert history.frame(NOON + timedelta(seconds=1))["fps"].tolist() == [12.5]
    assert history.frame(end=NOON).empty
    assert "fps" not in history.frame(measures=False)


def test_microseconds_and_other_zones_come_back(history):
    at = datetime(2026, 5, 1, 14, 0, 0, 123457, tzinfo=UTC)
    history.record(Record(camera_id="a", checked_at=at, status="ok", reason=""), Memory())
    assert history.load_ends() == {"a": (at, 0)}
    zone = pd.Timestamp("2026-05-01T17:00:00.123457+03:00")
    assert len(history.frame(zone)) == 1
    assert history.frame(end=zone).empty
    with pytest.raises(InputError, match="time zone"):
        history.frame(datetime(2026, 5, 1))  # noqa: DTZ001


def test_an_empty_history_gives_empty_frames(history):
    assert history.frame().empty
    assert history.latest().index.names == ["camera_id", "checked_at"]
    assert history.load_memory("a") is None
    assert history.load_baseline("a") == Baseline()
    assert history.maintenance().empty
    assert history.thumbnails() == {}


def test_only_the_last_picture_is_kept(history):
    for minute, picture in enumerate([b"first", b"second", None]):
        history.record(record(minute=minute, thumbnail=picture), Memory())
    assert history.thumbnails() == {"a": (NOON + timedelta(minutes=1), b"second")}
    with history.database.read() as connection:
        assert connection.execute(sa.select(health_cameras.c.thumbnail)).scalars().all() == [b"second"]


def test_pictures_are_forgotten(history):
    history.record(record(thumbnail=b"face" * 900), Memory())
    history.forget_thumbnails()
    assert history.thumbnails() == {}
    assert len(history.latest()) == 1


@pytest.mark.parametrize("forget", [History.forget_thumbnails, History.forget_views])
def test_what_is_forgotten_is_in_no_file_any_more(tmp_path, forget):
    """Neither in the store nor in what SQLite keeps beside it, while the store is open, and another reads it too."""
    memory = Memory()
    memory.baseline.update({}, lighting="day", healthy=True)
    memory.baseline.usual["day"].view = b"face" * 900
    with open_history(tmp_path / "history.sqlite") as history, open_history(tmp_path / "history.sqlite") as other:
        history.record(record(thumbnail=b"face" * 900), memory)
        history.record(record("b", thumbnail=b"face" * 900), memory)
        assert len(other.latest()) == 2
        assert any(b"faceface" in path.read_bytes() for path in tmp_path.iterdir())
        forget(history)
        rest = History.forget_views if forget is History.forget_thumbnails else History.forget_thumbnails
        rest(history)
        assert not any(b"faceface" in path.read_bytes() for path in tmp_path.iterdir())


def test_pictures_that_somebody_still_reads_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr("sightgrid.store.sqlite.WAIT_S", 0.1)
    with open_history(tmp_path / "history.sqlite") as history, open_history(tmp_path / "history.sqlite") as other:
        history.record(record(thumbnail=b"face"), Memory())
        with other.database.read() as connection:
            connection.execute(sa.select(health_cameras.c.camera_id)).all()
            with pytest.raises(StoreError, match="others read the store"):
                history.forget_thumbnails()
        assert history.thumbnails() == {}


def test_a_forgotten_view_is_learned_again(history):
    memory = Memory()
    memory.baseline.update({}, lighting="day", healthy=True)
    memory.baseline.usual["day"].view = b"view"
    history.record(record(), memory)
    assert not history.load_baseline("a").needs_view("day")
    history.forget_views()
    assert history.load_baseline("a").needs_view("day")
    history.record(record(minute=1), memory)
    assert not history.load_baseline("a").needs_view("day")
    assert count_rows(history.database, health_views) == 1


def test_sites_of_one_store_know_nothing_of_each_other(history):
    other = History(history.database, "second")
    for minute, one in enumerate((history, other)):
        one.record(record("a", minute, ("ok", "fault")[minute], thumbnail=one.site.encode()), Memory(failures=minute))
        windows = {"camera_id": ["a"], "start_at": [NOON], "end_at": [NOON + timedelta(hours=1)], "reason": [one.site]}
        one.add_maintenance(pd.DataFrame(windows))
    for minute, one in enumerate((history, other)):
        at = NOON + timedelta(minutes=minute)
        assert one.load_ends() == {"a": (at, minute)}
        assert one.load_memory("a").failures == minute
        assert one.thumbnails() == {"a": (at, one.site.encode())}
        assert one.maintenance()["reason"].tolist() == [one.site]
        assert one.count_statuses()["fault"] == minute
        for frame in (one.frame(), one.latest(), one.latest(status=["ok", "fault"])):
            assert frame["status"].tolist() == [("ok", "fault")[minute]]
    history.record(record("a", 2), Memory())
    history.forget_thumbnails()
    history.forget_views()
    assert history.prune(NOON + timedelta(days=1)) == 1
    assert other.thumbnails()
    assert len(other.frame()) == 1


def test_a_site_takes_its_health_with_it(database, few):
    site_id = import_site(database, few)
    (site,) = list_sites(database)
    windows = pd.DataFrame(
        {"camera_id": [""], "start_at": [NOON], "end_at": [NOON + timedelta(hours=1)], "reason": [""]}
    )
    memory = Memory()
    memory.baseline.update({}, lighting="day", healthy=True)
    memory.baseline.usual["day"].view = b"view"
    for uid in (site.uid, "other"):
        one = History(database, uid)
        one.record(record(), memory)
        one.add_maintenance(windows)
    assert [count_rows(database, table) for table in TABLES] == [2, 2, 2, 2]
    delete_site(database, site_id)
    assert [count_rows(database, table) for table in TABLES] == [1, 1, 1, 1]
    assert len(History(database, "other").latest()) == 1


NAMES = [
    "B",
    "Z",
    "a",
    "a-1",
    "a1",
    "b",
    "\u00e4",
    "\u4e2d",
    "\U0001f4f7",
]  # as Python sorts; a dictionary does otherwise


def test_pages_hold_every_camera_once_and_in_order(history):
    for number, name in enumerate(reversed(NAMES)):
        history.record(record(name, status=STATUSES[number % 2]), Memory())
        history.record(record(name, 1, STATUSES[number % 3]), Memory())
    assert history.latest().index.get_level_values("camera_id").tolist() == NAMES
    for status, limit in ((None, 2), (["offline"], 1), (["fault", "offline"], 4), (("warning", "warning"), 100)):
        found, after = [], ""
        while len(page := history.latest(status=status, limit=limit, after=after)):
            assert len(page) <= limit
            found += page.index.get_level_values("camera_id").tolist()
            assert set(page["status"]) <= set(STATUSES if status is None else status)
            after = found[-1]
        numbers = {name: number for number, name in enumerate(reversed(NAMES))}
        wanted = [name for name in NAMES if status is None or STATUSES[numbers[name] % 3] in status]
        assert found == wanted
    assert history.latest(status=[]).empty
    assert history.count_statuses() == {"offline": 3, "fault": 3, "warning": 3, "not_checkable": 0, "ok": 0}
    with pytest.raises(InputError, match="status: 'bad' is not known; choose offline, fault"):
        history.latest(status=["ok", "bad"])
    with pytest.raises(UnitRangeError, match="limit must be at least 1, not 0"):
        history.latest(limit=0)


def test_old_probes_go_and_each_camera_keeps_its_newest(history, monkeypatch):
    monkeypatch.setattr(health_selection, "CHUNK", 3)
    for minute in range(10):
        for camera in ("a", "b", "gone")[: 3 if minute < 2 else 2]:
            history.record(record(camera, minute), Memory(failures=minute))
    history.record(record("c", 3), Memory())
    history.record(record("c", 3), Memory())  # at the same moment
    before = history.frame()
    assert history.prune(NOON) == 0
    assert history.prune(NOON + timedelta(minutes=5)) == 12
    at = before.index.get_level_values("checked_at")
    rest = before[at >= NOON + timedelta(minutes=5)]
    after = history.frame()
    assert after.index.difference(rest.index).tolist() == [
        ("c", pd.Timestamp(NOON + timedelta(minutes=3))), ("gone", pd.Timestamp(NOON + timedelta(minutes=1))),
    ]  # fmt: skip
    assert len(after) == len(rest) + 2
    assert len(history.latest()) == len(history.load_ends()) == 4
    assert history.load_memory("gone").failures == 1
    assert history.prune(NOON + timedelta(minutes=5)) == 0
    with pytest.raises(InputError, match="time zone"):
        history.prune(datetime(2026, 5, 1))  # noqa: DTZ001


def test_others_write_while_old_probes_go(history, monkeypatch):
    monkeypatch.setattr(health_selection, "CHUNK", 20)
    for minute in range(300):
        history.record(record("a", minute), Memory())
    pauses = []
    monkeypatch.setattr(health_selection.time, "sleep", lambda _: pauses.append(history.record(record("b"), Memory())))
    assert history.prune(NOON + timedelta(days=1)) == 299
    assert len(pauses) == 15
    assert len(history.frame()) == 16


def test_a_memory_comes_back_with_its_views(history):
    from sightgrid.health.view import describe_view

    rng = np.random.default_rng(1)
    view = describe_view(rng.integers(0, 255, (360, 640, 3), np.uint8))
    baseline = Baseline()
    for _ in range(6):
        baseline.update({"sharpness": 90.0, "inliers": 300.0}, lighting="day", healthy=True, view=view)
    memory = Memory(baseline, Hysteresis([("blur",), ()], {"blur": Finding("blur", "warning", "soft")}), 3)
    history.record(record(), memory)
    again = history.load_memory("a")
    assert again == memory
    assert again.baseline.reference().views["day"] == view
    assert history.load_baseline("a").medians("day")["sharpness"] == 90.0
    other = describe_view(rng.integers(0, 255, (360, 640, 3), np.uint8))
    memory.baseline.usual["day"].view = other.to_bytes()
    history.record(record(minute=1), memory)
    assert history.load_memory("a").baseline.reference().views["day"] == other


def test_a_reason_that_holds_an_address_is_hidden(history):
    history.record(record(reason="rtsp://viewer:s3cret@cam"), Memory())
    assert history.latest()["reason"].tolist() == ["***"]


def test_only_records_do_not_wait_for_the_disk(database):
    ask, slow, quick = ("PRAGMA synchronous", 2, 1) if database.path else ("SHOW synchronous_commit", "on", "off")
    for wait, wanted in ((True, slow), (False, quick), (True, slow)):
        with database.write(wait=wait) as connection:
            assert connection.exec_driver_sql(ask).scalar_one() == wanted
    waits = []

    def write(*, wait=True):
        waits.append(wait)
        return type(database).write(database, wait=wait)

    database.write = write
    history = History(database)
    history.record(record(), Memory())
    history.forget_thumbnails()
    assert waits == [False, True]


WRITER = """
import sys
from datetime import UTC, datetime, timedelta
from sightgrid.health.records import Memory, Record
from sightgrid.store.history import open_history
with open_history(sys.argv[1]) as history:
    print("ready", flush=True)
    for n in range(1_000_000):
        at = datetime(2026, 5, 1, tzinfo=UTC) + timedelta(seconds=n)
        row = Record(camera_id=str(n % 7), checked_at=at, status="ok", reason="x" * 2000)
        history.record(row, Memory(failures=n // 7 + 1))
"""


def test_a_killed_program_leaves_whole_transactions(tmp_path):
    """Each memory counts its camera's probes: after SIGKILL at any moment the two agree."""
    path = tmp_path / "history.sqlite"
    for _ in range(2):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
        writer.stdout.readline()
        threading.Event().wait(0.3)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        with open_history(path) as history:
            frame = history.frame()
            counts = frame.groupby(level="camera_id").size()
            assert len(frame) > 7
            for camera in counts.index:
                assert history.load_memory(camera).failures == counts[camera]
        with closing(sqlite3.connect(path)) as plain:
            assert plain.execute("pragma integrity_check").fetchone() == ("ok",)
            plain.execute("delete from health_probes")
            plain.execute("delete from health_cameras")
            plain.commit()


def test_two_programs_write_at_once(address):
    """Also about the same camera."""
    with open_history(address) as one, open_history(address) as other:

        def write(history, name):
            for minute in range(40):
                history.record(record(name, minute), Memory(failures=minute))
                history.record(record("shared", minute), Memory(failures=minute))

        threads = [threading.Thread(target=write, args=pair) for pair in ((one, "a"), (other, "b"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(one.frame()) == len(other.frame()) == 160
        assert one.count_statuses()["ok"] == 3


def test_other_files_are_refused(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("no database " * 200)
    with pytest.raises(StoreError, match=r"notes\.txt: the store cannot be used \(file is not a database\)"):
        open_history(text)
    with pytest.raises(StoreError, match="unable to open"):
        open_history(tmp_path / "nowhere" / "history.sqlite")


def test_maintenance_is_kept_once(history):
    windows = pd.DataFrame(
        {"camera_id": ["a", ""], "start_at": [NOON, NOON], "end_at": [NOON + timedelta(hours=1)] * 2, "reason": "mast"}
    )
    history.add_maintenance(windows)
    history.add_maintenance(windows.assign(reason="crane"))
    kept = history.maintenance()
    assert kept["reason"].tolist() == ["crane", "crane"]
    assert kept["start_at"].tolist() == [pd.Timestamp(NOON)] * 2
    with pytest.raises(SchemaError, match=r"end_at: must lie after start_at \(2 rows: a, \)"):
        history.add_maintenance(windows.assign(end_at=NOON))
    with pytest.raises(SchemaError, match="reason: missing column"):
        history.add_maintenance(windows.drop(columns="reason"))
