"""Backup and restore: while others write, all or nothing, and by the command line."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
import store_databases
from typer.testing import CliRunner

from sightgrid.cli import app
from sightgrid.cli import store as store_commands
from sightgrid.errors import StoreError
from sightgrid.health.records import Memory, Record
from sightgrid.store.audit_log import add_entry, find_head, verify_log
from sightgrid.store.backup import backup, restore
from sightgrid.store.database import open_database
from sightgrid.store.history import History
from sightgrid.store.sites import import_site, list_sites, read_site
from sightgrid.store.streams import read_streams

few = store_databases.few


@pytest.fixture
def database(tmp_path):
    with open_database(store_databases.make_address("sqlite", tmp_path)) as opened:
        yield opened


def run(*words):
    assert store_commands.store in [group.typer_instance for group in app.registered_groups]
    return CliRunner().invoke(app, ["store", *map(str, words)])


def test_a_backup_comes_back_whole(database, tmp_path, few):
    cameras = few.cameras.assign(stream_url="rtsp://a/b")
    site_id = import_site(database, few.with_cameras(cameras))
    path = backup(database, tmp_path / "backup.sqlite")
    assert path.stat().st_mode & 0o077 == 0
    restore(path, tmp_path / "new.sqlite")
    with open_database(tmp_path / "new.sqlite") as new:
        assert list_sites(new) == list_sites(database)
        assert len(read_site(new, site_id).streets) == len(few.streets)
        assert set(read_streams(new, site_id)) == {"rtsp://a/b"}


def test_a_backup_holds_the_health_of_the_cameras(database, tmp_path):
    at = datetime(2026, 5, 1, 12, tzinfo=UTC)
    memory = Memory(failures=3)
    memory.baseline.update({}, lighting="day", healthy=True)
    memory.baseline.usual["day"].view = b"view"
    windows = pd.DataFrame({"camera_id": "", "start_at": [at], "end_at": [at + timedelta(hours=1)], "reason": "mast"})
    for site in ("", "some"):
        history = History(database, site)
        history.record(Record(camera_id="a", checked_at=at, status="ok", reason=site, thumbnail=b"jpeg"), memory)
        history.add_maintenance(windows)
    restore(backup(database, tmp_path / "backup.sqlite"), tmp_path / "new.sqlite")
    with open_database(tmp_path / "new.sqlite") as new:
        for site in ("", "some"):
            history = History(new, site)
            assert history.latest()["reason"].tolist() == [site]
            assert history.load_memory("a").to_dict()["baseline"]["usual"]["day"]["view"] == b"view"
            assert history.load_ends() == {"a": (at, 3)}
            assert history.thumbnails() == {"a": (at, b"jpeg")}
            assert history.maintenance()["reason"].tolist() == ["mast"]


def test_a_backup_is_one_moment_while_others_write(database, tmp_path):
    stop = threading.Event()

    def write():
        while not stop.is_set():
            add_entry(database, actor="a", action="b" * 1000)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        heads = []
        for number in range(3):
            before = find_head(database)
            restore(backup(database, tmp_path / f"{number}.sqlite"), tmp_path / f"{number}-back.sqlite")
            with open_database(tmp_path / f"{number}-back.sqlite") as copy:
                heads.append(verify_log(copy, known=before if before.entry else None))
    finally:
        stop.set()
        writer.join()
    assert [head.entry for head in heads] == sorted(head.entry for head in heads)
    verify_log(database, known=heads[-1])


def test_a_store_that_is_there_is_replaced_only_on_request(database, tmp_path, few):
    path = backup(database, tmp_path / "empty.sqlite")
    import_site(database, few)
    with pytest.raises(StoreError, match="is there already; --replace"):
        restore(path, database.path)
    restore(path, database.path, replace=True)
    assert list_sites(database) == []  # also for whoever has it open
    import_site(database, few)
    with pytest.raises(StoreError, match="is there already"):
        backup(database, path)


def test_what_is_no_backup_leaves_the_store_as_it_is(database, tmp_path, few):
    import_site(database, few)
    damaged, other, text = tmp_path / "damaged", tmp_path / "other", tmp_path / "text"
    backup(database, damaged)
    with damaged.open("rb+") as file:
        file.truncate(damaged.stat().st_size // 2)
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE x (y)")
    text.write_text("words " * 1000)
    for path in (damaged, other, text):
        with pytest.raises(StoreError, match="cannot be restored"):
            restore(path, database.path, replace=True)
    with pytest.raises(StoreError, match="no such file"):
        restore(tmp_path / "nothing", database.path, replace=True)
    assert [site.name for site in list_sites(database)] == [few.name]


def test_a_backup_that_fails_leaves_no_file(database, tmp_path):
    with pytest.raises(StoreError, match="cannot be written"):
        backup(database, tmp_path / "nowhere" / "backup.sqlite")
    assert not (tmp_path / "nowhere").exists()


def test_the_commands_back_up_and_bring_back(database, tmp_path, few):
    import_site(database, few)
    path, new = tmp_path / "backup.sqlite", tmp_path / "new.sqlite"
    done = run("backup", path, "--store", database.path)
    assert done.exit_code == 0, done.output
    assert " MB" in done.stdout
    assert run("restore", path, "--store", new).exit_code == 0
    again = run("restore", path, "--store", new)
    assert again.exit_code == 2
    assert "--replace" in again.stderr
    assert run("restore", path, "--store", new, "--replace").exit_code == 0
    with open_database(new) as copy:
        assert list_sites(copy) == list_sites(database)
    missing = run("backup", tmp_path / "x", "--store", tmp_path / "nothing")
    assert missing.exit_code == 2
    assert "there is no such store" in missing.stderr
    assert not (tmp_path / "nothing").exists()


def test_without_the_extra_one_line_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(store_commands, "NEEDED", {"no_such_module": "no-such-package", **store_commands.NEEDED})
    said = CliRunner().invoke(app, ["store", "backup", str(tmp_path / "b.sqlite")])
    assert (said.exit_code, said.stderr) == (
        2,
        'sightgrid: store needs no-such-package: pip install -e ".[store]" in the checkout\n',
    )
