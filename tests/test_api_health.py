"""The cameras' health over HTTP: real streams are probed by a job, shown in tables, and no secret gets out."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from api_server import connect
from job_client import ask, do, follow
from small_site import SCRIPT_NAME, make_site
from store_databases import address, database
from stream_servers import LOGIN, jpeg, listener, mjpeg_server, picture, refusing_port, wait_for

from sightgrid import coverage
from sightgrid.api.settings import Settings
from sightgrid.api.work.health import list_variables
from sightgrid.api.work.worker import STORE
from sightgrid.health.records import Memory, Record
from sightgrid.store.audit_log import verify_log
from sightgrid.store.database import open_database
from sightgrid.store.health_pages import (
    KNOWN,
    NOT_PROBED,
    count_health,
    find_health,
    read_camera_frame,
    read_health_page,
    read_thumbnail,
)
from sightgrid.store.history import History
from sightgrid.store.sites import delete_site, find_site, import_site, read_site
from sightgrid.store.streams import read_stream_page, read_streams, write_streams

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

    from sightgrid.site import Site
    from sightgrid.store.database import Database
    from sightgrid.store.sites import StoredSite

__all__ = ["address", "database"]

NOW = datetime.now(UTC)
WORDS = ("s3cret", "t0ken", "viewer", "hidden-path", "live-of-wall")
FORMULA = "=HYPERLINK(1)"


def bare_site(called: str = "block", **columns: Any) -> Site:
    """The block, its cameras of the size of the pictures and without streams."""
    site = make_site(called)
    given = {"stream_url": None, "width_px": 320.0, "height_px": 240.0} | columns
    return replace(site, cameras=site.cameras.assign(**given))


def look(camera_id: str, status: str, *, hours: float = 0.0, thumbnail: bytes | None = None) -> Record:
    offline = {"condition": "offline", "stage": "connect", "consequence": "nothing"} if status == "offline" else {}
    at = NOW - timedelta(hours=hours)
    reason = f"{status}: as told"
    return Record(camera_id=camera_id, checked_at=at, status=status, reason=reason, thumbnail=thumbnail, **offline)


class Served:
    """A server whose every answer is remembered."""

    def __init__(self, client: httpx.Client, database: Database, site_id: int, log: Path) -> None:
        self.client, self.database, self.site_id, self.log = client, database, site_id, log
        self.told: list[str] = []
        client.event_hooks["response"].append(self._remember)

    def _remember(self, response: httpx.Response) -> None:
        if not response.headers["content-type"].startswith("text/event-stream"):
            response.read()
            self.told += [response.text, str(response.headers)]


@contextmanager
def work(database: Database, settings: Settings, log: Path) -> Iterator[None]:
    """Run a worker as the server would, but with a log of its own."""
    environment = {**os.environ, **list_variables(settings), STORE: database.address}
    words = [sys.executable, "-m", "sightgrid.api.work.worker"]
    with log.open("wb") as file:
        worker = subprocess.Popen(words, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        try:
            yield
        finally:
            worker.terminate()
            worker.wait(20)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A camera whose password is in the file of secrets, one whose login is in its address, one that is dead."""
    folder = tmp_path_factory.mktemp("health")
    names = [FORMULA, SCRIPT_NAME, "West & Co", "Plaza"]
    frames = [jpeg(picture(320, 240, shift)) for shift in range(40)]
    login = (LOGIN[0], "s3cret")
    with (
        open_database(folder / "store.sqlite") as opened,
        mjpeg_server(frames, login=login) as guarded,
        mjpeg_server(frames, login=login) as open_door,
        refusing_port() as dead,
    ):
        host = guarded.split("/")[2].partition(":")[0]
        secrets = folder / "secrets.toml"
        secrets.write_text(
            f'[cameras.free]\nuser = "{login[0]}"\npassword = "{login[1]}"\n[hosts."{host}.x"]\n'
            'user = "u"\npassword = "p"\n',
            encoding="utf-8",
        )
        secrets.chmod(0o600)
        settings = Settings(workers=0, secrets=secrets, keep_probes_days=30)
        site_id = import_site(opened, bare_site(name=names))
        history = History(opened, find_site(opened, site_id).uid)
        for days in (100, 40, 20):
            history.record(look("wall", "ok", hours=24 * days), Memory())
        history.record(look("gone", "fault", hours=24 * 50), Memory())
        streams = {
            "free": f"{guarded}/hidden-path?key=t0ken",
            "round": open_door.replace("://", f"://{login[0]}:{login[1]}@"),
            "wall": f"rtsp://{login[0]}:{login[1]}@{host}:{dead}/live-of-wall",
        }
        log = folder / "worker.log"
        with connect(opened, settings) as client, work(opened, settings, log):
            served = Served(client, opened, site_id, log)
            for camera_id, text in streams.items():
                answer = client.put(f"/sites/{site_id}/streams/{camera_id}", json={"stream_url": text})
                assert (answer.status_code, answer.content) == (204, b"")
            yield served


@pytest.fixture(scope="module")
def job(served: Served) -> dict[str, Any]:
    return do(served.client, "health", site_id=served.site_id)


def test_round_tells_who_sees_and_who_does_not(served: Served, job: dict[str, Any]) -> None:
    table = served.client.get(f"/sites/{served.site_id}/health").json()
    found = {row["camera_id"]: row for row in table["cameras"]}
    assert {name: row["status"] for name, row in found.items()} == {
        "free": "ok", "inside": "not_probed", "round": "ok", "wall": "offline",
    }  # fmt: skip
    assert table["counts"] == dict.fromkeys(KNOWN, 0) | {"ok": 2, "offline": 1, "not_probed": 1}
    wall = found["wall"]
    assert (wall["stage"], wall["condition"], wall["consequence"]) == ("connect", "offline", "nothing")
    assert wall["fault"] == "offline (connect)"
    assert (found["inside"]["checked_at"], found["inside"]["fault"]) == (None, "")
    place = read_site(served.database, served.site_id).cameras.geometry.to_crs(4326)["wall"]
    assert (wall["lon"], wall["lat"]) == pytest.approx((place.x, place.y), abs=1e-7)
    figures = served.client.get(f"/jobs/{job['jobID']}/results").json()["figures"]
    assert (figures["online_rate"], figures["online"], figures["checked"]) == (pytest.approx(2 / 3), 2, 3)
    assert figures["by_status"]["offline"] == 1
    assert figures["probed"] == 3


def test_losses_are_those_of_the_coverage_without_the_dead_camera(served: Served, job: dict[str, Any]) -> None:
    site = read_site(served.database, served.site_id)
    latest = History(served.database, find_site(served.database, served.site_id).uid).latest(status=["ok", "offline"])
    latest = latest[latest.index.get_level_values("camera_id").isin(site.cameras.index)]
    sound, now = coverage.measure(site), coverage.measure(site, health=latest)
    figures = served.client.get(f"/results/{job['result_id']}").json()["figures"]
    assert figures["coverage_rate"] == pytest.approx(sound.totals["coverage_rate"])
    assert figures["coverage_rate_now"] == pytest.approx(now.totals["coverage_rate"])
    assert figures["coverage_rate_now"] < figures["coverage_rate"]
    (loss,) = served.client.get(f"/results/{job['result_id']}/layers/losses").json()["features"]
    assert loss["properties"]["camera_id"] == "wall"
    assert loss["properties"]["lost_m2"] > 100.0
    told = served.client.get(f"/results/{job['result_id']}/file").json()
    assert told["lost_by_camera"][0]["camera_id"] == "wall"


@pytest.mark.usefixtures("job")
def test_one_camera_is_shown_with_probes_outages_rates_and_its_picture(served: Served) -> None:
    base = f"/sites/{served.site_id}/health"
    wall = served.client.get(f"{base}/wall").json()
    assert wall["probes"][0]["status"] == "offline"
    assert wall["probes"][0]["checked_at"] == wall["checked_at"]
    assert [outage["ongoing"] for outage in wall["outages"]] == [True]
    assert wall["rates"]["probes"] == len(wall["probes"]) - 1  # one lies twenty days back
    assert 0.0 <= wall["rates"]["online_rate"] < 1.0
    free = served.client.get(f"{base}/free").json()
    assert free["rates"]["online_rate"] == 1.0
    assert free["measures"]["width_px"] == 320.0
    image = served.client.get(f"{base}/free/thumbnail")
    assert (image.headers["content-type"], image.headers["cache-control"]) == ("image/jpeg", "no-store")
    assert image.content.startswith(b"\xff\xd8")
    for missing in ("wall/thumbnail", "nobody/thumbnail", "nobody"):
        assert served.client.get(f"{base}/{missing}").status_code == 404
    inside = served.client.get(f"{base}/inside").json()
    assert (inside["probes"], inside["outages"], inside["rates"]["online_rate"]) == ([], [], None)


@pytest.mark.usefixtures("job")
def test_old_probes_are_forgotten_but_each_cameras_newest(served: Served) -> None:
    site = find_site(served.database, served.site_id)
    kept = read_camera_frame(served.database, site, "wall").index.get_level_values("checked_at")
    assert kept.min() == pd.Timestamp(NOW - timedelta(days=20))
    assert len(read_camera_frame(served.database, site, "gone")) == 1  # its newest, though it is no camera any more


@pytest.mark.usefixtures("job")
def test_table_as_csv_computes_nothing_in_a_spreadsheet(served: Served) -> None:
    answer = served.client.get(f"/sites/{served.site_id}/health.csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="block-health.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["camera_id"] for row in rows] == ["free", "inside", "round", "wall"]
    assert rows[0]["name"] == f"'{FORMULA}"
    assert float(rows[3]["lon"]) > 20.0
    only = served.client.get(f"/sites/{served.site_id}/health.csv", params={"status": "offline"}).text
    assert only.count("\n") == 2


def test_streams_are_listed_without_what_opens_them(served: Served) -> None:
    first = served.client.get(f"/sites/{served.site_id}/streams", params={"limit": 2}).json()
    rest = served.client.get(f"/sites/{served.site_id}/streams", params={"after": first["after"]}).json()
    told = {row.pop("camera_id"): row for row in first["streams"] + rest["streams"]}
    assert rest["after"] is None
    assert {name: (row["scheme"], row["has_login"]) for name, row in told.items()} == {
        "free": ("http", False), "round": ("http", True), "wall": ("rtsp", True),
    }  # fmt: skip
    assert {key for row in told.values() for key in row} == {"scheme", "host", "port", "has_login", "fault"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ftp://viewer:s3cret@host/a", "unknown scheme"),
        ("rtsp://viewer:s3cret@host:99999/a", "port"),
        ("rtsp://viewer:s3cret/@host/a", "stream address"),
        ("file:///etc/passwd", "files of the server are no streams"),
        ("/etc/passwd", "files of the server are no streams"),
        ("rtsp://ho st/s3cret", "space"),
        ("x" * 5000, "stream_url"),
    ],
)
def test_what_is_no_address_is_refused_without_repeating_it(served: Served, text: str, words: str) -> None:
    answer = served.client.put(f"/sites/{served.site_id}/streams/inside", json={"stream_url": text})
    assert answer.status_code == 422
    assert words in answer.json()["detail"]
    assert "inside" not in read_streams(served.database, served.site_id)


def test_stream_of_no_camera_is_refused_and_an_empty_one_taken_away(served: Served) -> None:
    path = f"/sites/{served.site_id}/streams"
    assert served.client.put(f"{path}/nobody", json={"stream_url": "rtsp://a/b"}).status_code == 404
    assert served.client.put("/sites/99/streams/inside", json={"stream_url": "rtsp://a/b"}).status_code == 404
    assert served.client.put(f"{path}/inside", json={"stream_url": "rtsp://a/b", "more": 1}).status_code == 422
    for text, count in (("rtsp://a/b", 4), ("", 3)):
        assert served.client.put(f"{path}/inside", json={"stream_url": text}).status_code == 204
        assert len(served.client.get(path).json()["streams"]) == count


def test_what_cannot_be_asked_is_told(served: Served) -> None:
    execution = "/processes/health/execution"
    inputs = {"site_id": served.site_id, "scenario_id": 1}
    answer = served.client.post(execution, json={"inputs": inputs})
    assert (answer.status_code, "only cameras that stand" in answer.json()["detail"]) == (422, True)
    empty = import_site(served.database, bare_site("no streams"))
    done = follow(served.client, ask(served.client, "health", site_id=empty))
    assert (done["status"], "none has the address of a stream" in done["message"]) == ("failed", True)
    write_streams(served.database, empty, {"free": "/etc/hostname"})  # as a site that was brought in may have it
    done = follow(served.client, ask(served.client, "health", site_id=empty))
    assert "none has the address of a stream" in done["message"]
    for query in ({"status": "well"}, {"limit": 0}, {"after": "a\0"}):
        assert served.client.get(f"/sites/{served.site_id}/health", params=query).status_code in {400, 422}


def test_cancelled_round_stops_at_once_and_keeps_what_it_found(served: Served) -> None:
    """One camera never answers: its probe would take twenty seconds."""
    with listener() as hole, refusing_port() as dead:
        site_id = import_site(served.database, bare_site("black hole"))
        streams = {"free": f"rtsp://127.0.0.1:{hole}/a", "wall": f"rtsp://127.0.0.1:{dead}/b"}
        write_streams(served.database, site_id, streams)
        job_id = ask(served.client, "health", site_id=site_id)
        site = find_site(served.database, site_id)
        assert wait_for(lambda: len(read_camera_frame(served.database, site, "wall")))
        assert served.client.delete(f"/jobs/{job_id}").status_code == 200
        assert follow(served.client, job_id)["status"] == "dismissed"
    assert find_health(served.database, site, "wall").status == "ok"  # a failure seen once is a suspicion
    assert find_health(served.database, site, "free").status == NOT_PROBED  # nobody waited for its end


def test_no_secret_gets_out(
    served: Served, job: dict[str, Any], capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Last of those with a server: all that it answered, logged or wrote down, and all jobs and results."""
    client, site_id = served.client, served.site_id
    result = job["result_id"]
    for path in (
        "/jobs", "/audit-log", f"/sites/{site_id}", f"/sites/{site_id}/results", f"/results/{result}",
        f"/results/{result}/file", f"/results/{result}/layers/losses", f"/sites/{site_id}/health.csv",
        f"/sites/{site_id}/streams", f"/sites/{site_id}/health/free", f"/sites/{site_id}/health/wall", "/metrics",
        f"/collections/{site_id}.cameras/items", f"/sites/{site_id}/export?format=csv",
    ):  # fmt: skip
        client.get(path)
    text = "".join([*served.told, *capfd.readouterr(), caplog.text, served.log.read_text(encoding="utf-8")])
    assert len(served.told) > 30
    assert [word for word in (*WORDS, "secrets.toml") if word in text] == []
    verify_log(served.database)


@pytest.fixture
def known(database: Database) -> StoredSite:
    """A site with health of every kind, a camera that is gone, and another site with cameras of the same ids."""
    site_id = import_site(database, bare_site())
    other = import_site(database, bare_site("other"))
    for number, status in ((site_id, "offline"), (other, "ok")):
        history = History(database, find_site(database, number).uid)
        history.record(look("free", "ok", hours=3, thumbnail=b"old"), Memory())
        history.record(look("free", status, thumbnail=b"new"), Memory())
        history.record(look("wall", "warning"), Memory())
        history.record(look("deleted", "fault"), Memory())
    return find_site(database, site_id)


def test_store_gives_pages_of_cameras_with_their_newest_probes(database: Database, known: StoredSite) -> None:
    def list_ids(**options: Any) -> list[str]:
        return [row.camera_id for row in read_health_page(database, known, **options)]

    assert list_ids() == ["free", "inside", "round", "wall"]
    assert list_ids(limit=2) == ["free", "inside"]
    assert list_ids(limit=2, after="inside") == ["round", "wall"]
    assert list_ids(statuses=["offline"]) == ["free"]
    assert list_ids(statuses=["offline", "warning"], after="free") == ["wall"]
    assert list_ids(statuses=[NOT_PROBED]) == ["inside", "round"]
    assert list_ids(statuses=[NOT_PROBED, "warning"], limit=2) == ["inside", "round"]
    assert list_ids(statuses=["fault"]) == list_ids(statuses=[]) == []
    assert list_ids(text="PLAZ") == ["round"]
    assert list_ids(text="all", statuses=["warning"]) == ["wall"]
    assert list_ids(text="%") == list_ids(text="_") == list_ids(text="'; DROP") == []
    free = find_health(database, known, "free")
    assert (free.status, free.reason, free.checked_at) == ("offline", "offline: as told", NOW)
    assert count_health(database, known) == dict.fromkeys(KNOWN, 0) | {"offline": 1, "warning": 1, NOT_PROBED: 2}


def test_store_gives_one_camera_its_probes_and_its_picture(database: Database, known: StoredSite) -> None:
    frame = read_camera_frame(database, known, "free")
    assert frame["status"].tolist() == ["ok", "offline"]
    assert read_camera_frame(database, known, "free", limit=1)["status"].tolist() == ["offline"]
    assert len(read_camera_frame(database, known, "free", since=NOW - timedelta(hours=1))) == 1
    assert read_thumbnail(database, known, "free") == (NOW, b"new")
    delete_site(database, known.site_id)
    assert History(database, known.uid).latest().empty


def test_store_gives_pages_of_streams(database: Database, known: StoredSite) -> None:
    write_streams(database, known.site_id, {name: f"rtsp://{name}.example/" for name in ("wall", "free", "round")})
    assert list(read_stream_page(database, known.site_id, limit=2)) == ["free", "round"]
    assert read_stream_page(database, known.site_id, limit=2, after="round") == {"wall": "rtsp://wall.example/"}
