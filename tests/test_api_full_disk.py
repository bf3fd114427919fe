"""A disk that is full: one clear line, the store as it was, and the next write works once there is space."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import tempfile
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import sqlalchemy as sa
import store_databases
import town_layers
from api_server import connect
from small_site import make_site

from sightgrid.errors import StoreError
from sightgrid.store.audit_log import find_head, verify_log
from sightgrid.store.database import open_database
from sightgrid.store.results import Result, keep_result, list_results
from sightgrid.store.scenarios import list_scenarios
from sightgrid.store.sites import import_site, list_sites, read_site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

    from sightgrid.store.database import Database

SIZE = "12m"
FULL = {
    "type": "about:blank",
    "title": "No space",
    "status": 507,
    "detail": "the disk of the server is full; nothing was changed",
}


class Served(NamedTuple):
    database: Database
    client: httpx.Client
    place: Path  # the disk that the store is on


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """Give a disk of some megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(place)]
    if not shutil.which("mount") or subprocess.run(words, check=False, capture_output=True).returncode:
        pytest.skip("only who may mount a small disk can fill it")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def served(place: Path) -> Iterator[Served]:
    with open_database(store_databases.make_address("sqlite", place)) as opened, connect(opened) as client:
        yield Served(opened, client, place)


@contextmanager
def filled(place: Path) -> Iterator[None]:
    """Leave no byte on a disk for as long as the block lasts."""
    ballast = place / "ballast"
    with ballast.open("wb", buffering=0) as file:
        size = 1 << 16
        while size > 0:
            try:
                file.write(b"x" * size)
            except OSError:
                size //= 2
    yield
    ballast.unlink()


def write_town(folder: Path) -> bytes:
    path = town_layers.write(
        folder / "town.gpkg",
        cameras=town_layers.cameras(),
        obstacles=town_layers.buildings(),
        zones=town_layers.study(),
    )
    return path.read_bytes()


def keep_until_full(database: Database, site_id: int) -> int:
    """Use up what is left, within the file too; return how many results were kept."""
    for kept in range(100):
        result = Result("coverage", f"{kept}", {}, {}, bytes(200_000), "application/json")
        try:
            keep_result(database, site_id, result)
        except StoreError:
            break
    with pytest.raises(StoreError, match="full"):
        keep_result(database, site_id, result)
    return kept


def assert_full(answer: httpx.Response) -> None:
    assert answer.json() == FULL
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_full_disk_is_told_and_harms_nothing(served: Served, tmp_path: Path) -> None:
    database, client, place = served
    site_id = import_site(database, make_site())
    site = read_site(database, site_id)
    scenario = client.post(f"/sites/{site_id}/scenarios", json={"name": "before"}).json()["scenario_id"]
    head, town = find_head(database), write_town(tmp_path)

    def ask() -> list[httpx.Response]:
        return [
            client.post(f"/sites/{site_id}/scenarios", json={"name": "after", "note": "n" * 1000}),
            client.post("/sites", files={"file": ("town.gpkg", town)}),
            client.delete(f"/collections/{site_id}.cameras/items/wall", headers={"If-Match": '"1"'}),
            client.post("/processes/coverage/execution", json={"inputs": {"site_id": site_id}}),
        ]

    database.empty_log()
    with filled(place):
        kept = keep_until_full(database, site_id)
        for answer in ask():
            assert_full(answer)
        # what is there is still read, by people and by programs that watch
        assert client.get("/healthz").json() == {"status": "ok"}
        assert client.get(f"/collections/{site_id}.cameras/items").json()["numberMatched"] == len(site.cameras)
    assert len(list_results(database, site_id, limit=100)) == kept
    assert [each.site_id for each in list_sites(database)] == [site_id]
    assert [each.scenario_id for each in list_scenarios(database, site_id)] == [scenario]
    assert find_head(database) == head, "what was not done is not in the log"

    assert [answer.status_code for answer in ask()] == [201, 201, 204, 201]
    assert len(list_sites(database)) == 2
    assert verify_log(database).entry == head.entry + 4
    assert_intact(database)


def test_a_store_that_may_not_grow_is_told_and_stays_whole(tmp_path: Path) -> None:
    """The same without a disk of its own: SQLite says that it is full at the size that it has."""

    def limit(connection: Any, *_: object) -> None:
        connection.execute("PRAGMA max_page_count = 1")  # it never falls below what is used

    with open_database(store_databases.make_address("sqlite", tmp_path)) as database, connect(database) as client:
        site_id = import_site(database, make_site())
        scenarios = f"/sites/{site_id}/scenarios"
        engine, head = database._engine, find_head(database)
        engine.dispose()
        sa.event.listen(engine, "connect", limit)
        kept = keep_until_full(database, site_id)
        answers = [client.post(scenarios, json={"name": f"{n}", "note": "n" * 2000}) for n in range(60)]
        full = [answer for answer in answers if answer.status_code != 201]
        assert full
        for answer in full:
            assert_full(answer)
        sa.event.remove(engine, "connect", limit)
        engine.dispose()

        assert len(list_results(database, site_id, limit=100)) == kept
        assert len(list_scenarios(database, site_id)) == len(answers) - len(full)
        assert verify_log(database).entry == head.entry + len(answers) - len(full)
        assert client.post(scenarios, json={"name": "after"}).status_code == 201
        assert_intact(database)


def assert_intact(database: Database) -> None:
    database.empty_log()
    with closing(sqlite3.connect(str(database.path))) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def test_files_under_way_need_space_as_well(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database, client, place = served
    town, site_id = write_town(tmp_path), import_site(database, make_site())
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    head = find_head(database)
    with filled(place):
        assert_full(client.post("/sites", files={"file": ("town.gpkg", town)}))
        assert_full(client.post(f"/sites/{site_id}/layers/cameras", files={"file": ("town.gpkg", town)}))
        for form in ("gpkg", "geojson", "csv", "kml"):
            for layers in ("obstacles", "cameras,streets"):
                asked = {"format": form, "layers": layers}
                assert_full(client.get(f"/sites/{site_id}/export", params=asked))
    assert find_head(database) == head
    assert {each.name for each in place.iterdir()} <= {"store.sqlite", "store.sqlite-wal", "store.sqlite-shm"}
    assert client.get(f"/sites/{site_id}/export").content.startswith(b"SQLite format 3")
