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

from sightgrid.errors import InputError, SchemaError, StoreError
from sightgrid.health.baselines import Baseline
from sightgrid.health.hysteresis import Hysteresis
from sightgrid.health.records import Memory, Record, frame_records
from sightgrid.health.rules import Finding
from sightgrid.store.history import open_history

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def record(camera="a", minute=0, status="ok", **options):
    at = NOON + timedelta(minutes=minute)
    return Record(**{"camera_id": camera, "checked_at": at, "status": status, "reason": "because", **options})


@pytest.fixture
def history(tmp_path):
    with open_history(tmp_path / "history.sqlite") as opened:
        yield opened


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
    with closing(sqlite3.connect(history.path)) as plain:
        assert b"first" not in b"".join(
            cell for row in plain.execute("select * from cameras") for cell in row if isinstance(cell, bytes)
        )


def test_pictures_are_forgotten_for_good(history):
    history.record(record(thumbnail=b"face" * 900), Memory())
    history.forget_thumbnails()
    assert history.thumbnails() == {}
    assert len(history.latest()) == 1
    history.close()
    files = history.path.parent.glob("history.sqlite*")
    assert not any(b"faceface" in path.read_bytes() for path in files)


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
            plain.execute("delete from probes")
            plain.execute("delete from cameras")
            plain.commit()


def test_two_programs_write_at_once(tmp_path):
    path = tmp_path / "history.sqlite"
    with open_history(path) as one, open_history(path) as other:

        def write(history, name):
            for minute in range(40):
                history.record(record(name, minute), Memory(failures=minute))

        threads = [threading.Thread(target=write, args=pair) for pair in ((one, "a"), (other, "b"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(one.frame()) == len(other.frame()) == 80


def test_other_files_are_refused(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("no database " * 200)
    with pytest.raises(StoreError, match=r"notes\.txt: the history cannot be used \(file is not a database\)"):
        open_history(text)
    newer = tmp_path / "newer.sqlite"
    with closing(sqlite3.connect(newer)) as plain:
        plain.execute("pragma user_version = 99")
        plain.commit()
    with pytest.raises(StoreError, match=r"newer sightgrid \(layout 99"):
        open_history(newer)
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
