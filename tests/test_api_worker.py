"""Jobs from the question to the result: a real server, its worker processes, and both databases."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pyogrio
import pytest
import store_databases
from api_server import serve
from small_site import make_site

from sightgrid import coverage
from sightgrid.api.settings import Settings
from sightgrid.api.work.worker import STORE
from sightgrid.errors import StoreError
from sightgrid.store.database import open_database
from sightgrid.store.edits import update_features
from sightgrid.store.jobs import find_job, list_jobs, queue_job, recover_jobs
from sightgrid.store.layers import read_layer
from sightgrid.store.result_layers import read_result_layer
from sightgrid.store.sites import import_site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sightgrid.store.database import Database

address, database = store_databases.address, store_databases.database
LONG = {"budget": 6, "mounts_spacing_m": 2.0, "demand_spacing_m": 1.0, "seconds": 60.0}  # half a minute
WHILE = {"budget": 6, "mounts_spacing_m": 20.0, "demand_spacing_m": 3.0, "seconds": 1.0}  # some seconds


@pytest.fixture
def lone(tmp_path: Path) -> Iterator[Database]:
    with open_database(store_databases.make_address("sqlite", tmp_path)) as opened:
        yield opened


@contextmanager
def working(database: Database, workers: int = 1) -> Iterator[httpx.Client]:
    with serve(database, Settings(workers=workers)) as url, httpx.Client(base_url=url, timeout=60.0) as client:
        yield client


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, httpx.Client]]:
    """Give a site and a server that several tests share."""
    folder = tmp_path_factory.mktemp("busy")
    with open_database(store_databases.make_address("sqlite", folder)) as opened, working(opened) as client:
        yield import_site(opened, make_site()), client


def ask(client: httpx.Client, process: str, **inputs: Any) -> dict[str, Any]:
    answer = client.post(
        f"/processes/{process}/execution", json={"inputs": inputs}, headers={"Prefer": "respond-async"}
    )
    assert answer.status_code == 201, answer.text
    assert answer.headers["Preference-Applied"] == "respond-async"
    job: dict[str, Any] = answer.json()
    assert answer.headers["Location"].endswith(f"/jobs/{job['jobID']}")
    return job


def follow(client: httpx.Client, job_id: str, until: Callable[[dict[str, Any]], bool] | None = None) -> list[Any]:
    """Read the events of a job to their end, or until one is as wanted."""
    told = []
    with client.stream("GET", f"/jobs/{job_id}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        name = ""
        for line in stream.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            if line.startswith("data: "):
                assert name == "job"
                told.append(json.loads(line.removeprefix("data: ")))
                if until and until(told[-1]):
                    break
    return told


def is_running(job: dict[str, Any]) -> bool:
    return job["state"] == "running" and job["progress"] > 0


def find_workers() -> list[int]:
    """Return the worker processes that this process started and that run."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            if int(parent) == os.getpid() and state != "Z" and b"work.worker" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return sorted(found)


def wait(condition: Callable[[], Any]) -> Any:
    for _ in range(1000):
        found = condition()
        if found:
            return found
        time.sleep(0.03)
    raise AssertionError("it did not happen")


def test_a_coverage_job_from_its_question_to_its_layers(database, tmp_path):
    site_id = import_site(database, make_site())
    with working(database) as client:
        job = ask(client, "coverage", site_id=site_id, cell_m=50)
        assert (job["status"], job["processID"], job["actor"]) == ("accepted", "coverage", "local")
        told = follow(client, job["jobID"])
        progress = [each["progress"] for each in told]
        assert progress == sorted(progress)
        assert (told[-1]["status"], progress[-1], told[-1]["attempts"]) == ("successful", 100, 1)
        result = client.get(f"/results/{told[-1]['result_id']}").json()
        assert (result["kind"], result["site_id"], result["current"]) == ("coverage", site_id, True)

        seen = coverage.measure(make_site(), cell_m=50)
        assert result["layers"] == {"cells": len(seen.cells), "places": 1, "seen": 17, "streets": 2}
        assert result["figures"]["coverage_rate"] == pytest.approx(seen.totals["coverage_rate"])
        cells, _ = read_result_layer(database, result["result_id"], "cells")
        assert cells["rate"].to_dict() == pytest.approx(seen.cells["rate"].to_dict(), nan_ok=True)
        assert cells.geometry.to_wkt().to_dict() == seen.cells.geometry.to_wkt().to_dict()
        streets, _ = read_result_layer(database, result["result_id"], "streets")
        assert sorted(streets["observed_m"]) == pytest.approx(sorted(seen.streets["observed_m"]))

        file = client.get(f"/results/{result['result_id']}/file")
        assert file.headers["Content-Disposition"].startswith('attachment; filename="block-coverage-')
        (tmp_path / "a.gpkg").write_bytes(file.content)
        assert {"cameras", "seen_areas", "grid", "streets", "layer_styles"} == set(
            pyogrio.list_layers(tmp_path / "a.gpkg")[:, 0]
        )
        assert b"rtsp://" not in file.content

        # nothing has changed: answered at once, by a job that nobody had to do
        again = ask(client, "coverage", site_id=site_id, cell_m=50)
        assert (again["status"], again["progress"], again["attempts"]) == ("successful", 100, 0)
        assert again["result_id"] == result["result_id"]

        cameras = read_layer(database, site_id, "cameras")
        turned = cameras.iloc[:1].assign(azimuth_deg=180.0)
        update_features(database, site_id, "cameras", turned, versions={"free": int(turned["version"].iloc[0])})
        assert not client.get(f"/results/{result['result_id']}").json()["current"]
        assert ask(client, "coverage", site_id=site_id, cell_m=50)["status"] == "accepted"


def test_a_cancelled_job_stops_in_the_middle(busy):
    site_id, client = busy
    job_id = ask(client, "placement", site_id=site_id, **LONG)["jobID"]
    follow(client, job_id, is_running)
    assert client.delete(f"/jobs/{job_id}").status_code == 200
    told = follow(client, job_id)
    assert (told[-1]["status"], told[-1]["result_id"]) == ("dismissed", None)
    assert client.get(f"/jobs/{job_id}/results").status_code == 409
    assert client.post(f"/jobs/{job_id}/retry").status_code == 409
    # and the next one is done
    assert follow(client, ask(client, "coverage", site_id=site_id)["jobID"])[-1]["status"] == "successful"


def test_a_killed_worker_costs_one_attempt(busy):
    site_id, client = busy
    job_id = ask(client, "placement", site_id=site_id, **WHILE)["jobID"]
    follow(client, job_id, lambda job: job["state"] == "running")
    (pid,) = find_workers()
    os.kill(pid, signal.SIGKILL)
    told = follow(client, job_id)[-1]
    assert (told["status"], told["state"], told["message"]) == ("failed", "retryable", "the worker is gone")
    assert client.post(f"/jobs/{job_id}/retry").json()["status"] == "accepted"
    told = follow(client, job_id)[-1]
    assert (told["status"], told["attempts"]) == ("successful", 2)
    assert find_workers() != [pid]


def test_a_worker_whose_server_is_gone_ends(lone):
    site_id = import_site(lone, make_site())
    inputs = {"site_id": site_id, **LONG}
    job = queue_job(lone, kind="placement", options=inputs, site_id=site_id)
    command = [sys.executable, "-m", "sightgrid.api.work.worker"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, env={**os.environ, STORE: lone.address}) as worker:
        assert worker.stdin is not None
        wait(lambda: find_job(lone, job.job_id).state == "running")
        worker.stdin.close()
        assert worker.wait(30) == 1
    assert recover_jobs(lone) == [job.job_id]
    assert list_jobs(lone, state="retryable")[0].message == "the worker is gone"


def test_what_goes_wrong_is_told_without_secrets_and_a_server_that_stops_leaves_nothing_behind(lone, capfd):
    others = find_workers()
    site = make_site()
    site_id = import_site(lone, site)
    ground = import_site(lone, type(site)(**{**vars(site), "name": "ground", "zones": site.zones.iloc[:0]}))
    jobs = [
        queue_job(lone, kind="coverage", options={"site_id": ground}, site_id=ground),
        queue_job(lone, kind="coverage", options={"site_id": 0, "x": "rtsp://u:p@cam/1"}, site_id=site_id),
        queue_job(lone, kind="divination", options={}, site_id=site_id),
        queue_job(lone, kind="coverage", options={"site_id": site_id, "scenario_id": 77}, site_id=site_id),
    ]
    with working(lone) as client:
        ends = [follow(client, job.job_id)[-1] for job in (jobs[0], jobs[1], jobs[3])]
        wait(lambda: find_job(lone, jobs[2].job_id).state == "failed")
        long = ask(client, "placement", site_id=site_id, **LONG)["jobID"]
        follow(client, long, is_running)
    # the server has stopped in the middle: no process is left, and the job waits for the next server
    assert (find_job(lone, long).state, find_workers()) == ("queued", others)
    assert [end["state"] for end in ends] == ["failed"] * 3
    assert [end["message"] for end in ends] == [
        "ground: zones: no zone has the rule 'study', so there is no study area",
        "something went wrong in the worker; the server's log says more",
        "the site or the scenario is not there any more",
    ]
    assert find_job(lone, jobs[2].job_id).message == "nobody here knows how to do divination"
    log = capfd.readouterr().err
    assert "ValidationError" in log
    assert "rtsp://" not in log


def test_a_worker_that_cannot_start_does_not_stop_the_server(lone, monkeypatch):
    others = find_workers()
    monkeypatch.setattr(type(lone), "address", property(lambda _: "nonsense://"))
    with working(lone) as client:
        assert client.get("/healthz").status_code == 200
    assert find_workers() == others
    with pytest.raises(StoreError):
        open_database("nonsense://")
