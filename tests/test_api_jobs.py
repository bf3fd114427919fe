"""Jobs and results over HTTP where nobody works on them: what is told, refused, listed, followed, and to whom."""

from __future__ import annotations

import json
import threading
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import httpx
import pytest
import shapely
import store_databases
from api_server import connect, serve
from small_site import make_site

from sightgrid.api.roles import PROCESSES as ROLES
from sightgrid.api.roles import ROLES as ALL_ROLES
from sightgrid.api.settings import Settings
from sightgrid.api.tokens import digest_token, make_key
from sightgrid.api.work import followers
from sightgrid.api.work.processes import PROCESSES
from sightgrid.store.audit_log import find_head, verify_log
from sightgrid.store.database import open_database
from sightgrid.store.jobs import fail_job, find_job, queue_job, report_job, take_job
from sightgrid.store.people import add_key, add_user
from sightgrid.store.results import Result, keep_result
from sightgrid.store.scenarios import add_scenario, remove_cameras
from sightgrid.store.sites import delete_site, import_site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sightgrid.store.database import Database

address, database = store_databases.address, store_databases.database
NO_JOB = "0" * 32


@pytest.fixture
def lone(tmp_path: Path) -> Iterator[Database]:
    with open_database(store_databases.make_address("sqlite", tmp_path)) as opened:
        yield opened


def keep_map(database: Database, site_id: int, kind: str, **more: Any) -> int:
    """Keep a result with two cells and a suggestion, as if somebody had computed it."""
    x, y = 385_000.0, 6_671_500.0
    squares = [shapely.box(x, y, x + 100, y + 100), shapely.box(x + 5000, y, x + 5100, y + 100)]
    cells = gpd.GeoDataFrame({"rate": [0.25, None]}, geometry=squares, index=["near", "far"], crs="EPSG:3067")
    layers = {"cells": cells, "seen": cells.iloc[:1]}
    options = {"site_id": site_id, "scenario_version": 3}
    return keep_result(
        database,
        site_id,
        Result(kind, f"{kind} {more}", options, {"rate": 0.25}, b"{}", "application/json", layers=layers, **more),
    )


def test_each_process_describes_its_inputs(lone):
    with connect(lone) as client:
        listed = client.get("/processes").json()["processes"]
        assert [each["id"] for each in listed] == [name for name in ROLES if name in PROCESSES]
        for each in listed:
            told = client.get(f"/processes/{each['id']}").json()
            assert told["jobControlOptions"] == ["async-execute", "dismiss"]
            assert told["inputs"]["site_id"]["minOccurs"] == 1
            assert "$ref" not in str(told["inputs"])  # each stands for itself
        schema = client.get("/processes/coverage").json()["inputs"]["cell_m"]["schema"]
        assert (schema["minimum"], schema["maximum"], schema["default"]) == (5.0, 10_000.0, 100.0)
        assert len(client.get("/processes?limit=1").json()["processes"]) == 1


def test_bad_questions_are_refused_and_the_input_is_named(lone):
    site_id = import_site(lone, make_site())
    other = import_site(lone, make_site("other"))
    scenario = add_scenario(lone, other, name="a").scenario_id
    fixed = {"model": "a", "kind": "fixed", "width_px": 1, "height_px": 1, "tilt_deg": 0, "price": 1}
    dome = {**fixed, "kind": "panorama"}
    wrong: list[tuple[str, dict[str, Any], int, str]] = [
        ("coverage", {}, 422, "body/inputs/site_id"),
        ("coverage", {"site_id": 99}, 404, "there is no site 99"),
        ("coverage", {"site_id": 10**30}, 422, "body/inputs/site_id"),
        ("coverage", {"site_id": site_id, "cell_m": 1}, 422, "body/inputs/cell_m"),
        ("coverage", {"site_id": site_id, "cell_m": "wide"}, 422, "body/inputs/cell_m"),
        ("coverage", {"site_id": site_id, "cell": 25}, 422, "body/inputs/cell"),
        ("coverage", {"site_id": site_id, "standard": "iso"}, 422, "body/inputs/standard"),
        ("coverage", {"site_id": site_id, "scenario_id": scenario}, 404, "with a scenario"),
        ("blindspots", {"site_id": site_id, "min_area_m2": -1}, 422, "body/inputs/min_area_m2"),
        ("comparison", {"site_id": site_id}, 422, "give two different variants"),
        ("comparison", {"site_id": other, "scenario_id": scenario, "with_scenario_id": 99}, 404, "no scenario 99"),
        ("comparison", {"site_id": site_id, "with_scenario_id": scenario}, 404, "no scenario"),
        ("placement", {"site_id": site_id}, 422, "budget, money, cover: give"),
        ("placement", {"site_id": site_id, "budget": 1, "cover": 0.5}, 422, "budget, money, cover: give"),
        ("placement", {"site_id": site_id, "cover": 0.5, "backup": 0.5}, 422, "backup"),
        ("placement", {"site_id": site_id, "money": 9, "removable": ["all"]}, 422, "removable"),
        ("placement", {"site_id": site_id, "money": 9, "budget": 1, "reaim": ["all"]}, 422, "reaim"),
        ("placement", {"site_id": site_id, "budget": 1, "seconds": 1e9}, 422, "body/inputs/seconds"),
        ("placement", {"site_id": site_id, "budget": 1, "catalogue": []}, 422, "body/inputs/catalogue"),
        ("placement", {"site_id": site_id, "budget": 1, "catalogue": [fixed]}, 422, "sensor_width_mm and focal_mm"),
        ("placement", {"site_id": site_id, "budget": 1, "catalogue": [dome, dome]}, 422, "a model is given twice"),
        ("divination", {"site_id": site_id}, 404, "there is no such process"),
    ]
    with connect(lone) as client:
        for process, inputs, status, words in wrong:
            answer = client.post(f"/processes/{process}/execution", json={"inputs": inputs})
            assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
            assert words in answer.json()["detail"], (process, inputs, answer.text)
            assert str(lone.path) not in answer.text
        for body in ("", "[]", '{"inputs": []}', '{"inputs": {"site_id": NaN}}'):
            headers = {"Content-Type": "application/json"}
            answer = client.post("/processes/coverage/execution", content=body, headers=headers)
            assert answer.status_code in {400, 422}
        for path in (
            f"/jobs/{NO_JOB}",
            f"/jobs/{NO_JOB}/events",
            f"/jobs/{NO_JOB}/results",
            "/results/9",
            "/results/9/file",
        ):
            assert client.get(path).status_code == 404
        assert client.get(f"/jobs/{NO_JOB}").json()["type"].endswith("/no-such-job")
        assert client.get("/jobs/x").status_code == 422
        assert client.get("/sites/99/results").status_code == 404
        assert client.get("/jobs").json()["jobs"] == []


def test_jobs_are_listed_cancelled_and_tried_again(database):
    sites = [import_site(database, make_site(name)) for name in ("one", "two")]
    with connect(database) as client:
        asked = []
        for site_id, process in ((sites[0], "coverage"), (sites[0], "blindspots"), (sites[1], "coverage")):
            answer = client.post(f"/processes/{process}/execution", json={"inputs": {"site_id": site_id}})
            asked.append(answer.json()["jobID"])

        def find(**wanted: Any) -> list[str]:
            return [job["jobID"] for job in client.get("/jobs", params=wanted).json()["jobs"]]

        assert find() == asked[::-1]
        assert find(site_id=sites[0]) == asked[1::-1]
        assert find(processID="blindspots") == [asked[1]]
        assert find(status="accepted", limit=1) == [asked[2]]
        assert find(status="failed") == []

        waiting = client.get(f"/jobs/{asked[0]}/results")
        assert (waiting.status_code, waiting.json()["type"].rpartition("/")[2]) == (404, "result-not-ready")
        assert client.post(f"/jobs/{asked[0]}/retry").json()["detail"].startswith("the job is queued")
        assert client.delete(f"/jobs/{asked[0]}").json()["status"] == "dismissed"
        assert client.delete(f"/jobs/{asked[0]}").json()["status"] == "dismissed"

        taken = take_job(database, worker="w")
        assert taken is not None
        assert taken.job_id == asked[1]
        told = client.delete(f"/jobs/{asked[1]}").json()
        assert (told["status"], told["cancelling"]) == ("running", True)
        fail_job(database, asked[1], worker="w", message="the site has no ground")
        assert client.get(f"/jobs/{asked[1]}/results").json()["detail"] == "the site has no ground"
        assert client.post(f"/jobs/{asked[1]}/retry").json()["status"] == "accepted"
        assert find(status=["accepted", "dismissed"]) == [asked[1], asked[2], asked[0]]
    # three questions, three cancellations, one more try
    assert find_head(database).entry == 7
    verify_log(database)


def test_results_are_listed_shown_and_read_by_area(database):
    site_id = import_site(database, make_site())
    first, second = keep_map(database, site_id, "coverage"), keep_map(database, site_id, "placement")
    with connect(database) as client:
        found = client.get(f"/sites/{site_id}/results").json()["results"]
        assert [each["result_id"] for each in found] == [second, first]
        assert [each["kind"] for each in client.get(f"/sites/{site_id}/results?kind=coverage").json()["results"]] == [
            "coverage"
        ]
        told = client.get(f"/results/{first}").json()
        assert (told["layers"], told["scenario_version"]) == ({"cells": 2, "seen": 1}, 3)
        assert told["options"] == {"site_id": site_id}
        assert not told["current"]  # its fingerprint is not that of these inputs

        path = f"/results/{first}/layers/cells"
        page = client.get(path, params={"limit": 1})
        assert page.headers["content-type"] == "application/geo+json"
        following = next(link["href"] for link in page.json()["links"] if link["rel"] == "next")
        rest = client.get(following).json()
        assert {each["id"] for each in page.json()["features"] + rest["features"]} == {"near", "far"}
        assert [link["rel"] for link in rest["links"]] == ["self"]

        west, south, east, north = find_shape(client, path, "near").bounds
        assert (24.9, 60.1) < (west, south) < (25.0, 60.2)
        near = client.get(path, params={"bbox": f"{west},{south},{east},{north}"}).json()["features"]
        assert [(each["id"], each["properties"]) for each in near] == [("near", {"rate": 0.25})]
        assert len(client.get(path, params={"bbox": "-180,-90,180,90"}).json()["features"]) == 2
        assert client.get(path, params={"bbox": "-100,-30,-90,-20"}).json()["features"] == []
        for bbox in ("1,2,3", "5,60,4,61", "0,0,999,1", "a,b,c,d"):
            assert client.get(path, params={"bbox": bbox}).status_code == 422
        assert client.get(f"/results/{first}/layers/cameras").status_code == 404
        assert client.get(f"/results/{first}/layers/losses").json()["features"] == []
        file = client.get(f"/results/{first}/file")
        assert (file.content, file.headers["content-type"]) == (b"{}", "application/json")


def find_shape(client: httpx.Client, path: str, name: str) -> shapely.Geometry:
    features = client.get(path).json()["features"]
    return next(shapely.from_geojson(json.dumps(each["geometry"])) for each in features if each["id"] == name)


@contextmanager
def signed_in(database: Database, url: str) -> Iterator[dict[str, httpx.Client]]:
    """Give a client for each role, known by a key."""
    with ExitStack() as stack:
        clients = {}
        for role in ALL_ROLES:
            user, key = add_user(database, name=role, role=role, password_hash=""), make_key()
            add_key(database, user.user_id, label="test", digest=digest_token(key))
            headers = {"Authorization": f"Bearer {key}"}
            clients[role] = stack.enter_context(httpx.Client(base_url=url, headers=headers, timeout=60.0))
        yield clients


def test_each_role_sees_its_own_jobs_and_results(lone):
    site_id = import_site(lone, make_site())
    scenario = add_scenario(lone, site_id, name="more")
    remove_cameras(lone, scenario.scenario_id, versions={"free": 0})
    results = {kind: keep_map(lone, site_id, kind) for kind in ("coverage", "placement", "patrol")}
    variant = keep_map(lone, site_id, "coverage", scenario_id=scenario.scenario_id)
    for kind in ("coverage", "placement", "patrol"):
        queue_job(lone, kind=kind, options={}, site_id=site_id)
    queue_job(lone, kind="coverage", options={"scenario_id": scenario.scenario_id}, site_id=site_id)
    with serve(lone, Settings(local=False, workers=0)) as url, signed_in(lone, url) as clients:
        kinds = {
            role: [each["kind"] for each in client.get(f"/sites/{site_id}/results").json()["results"]]
            for role, client in clients.items()
        }
        assert kinds == {
            "viewer": ["coverage"],
            "auditor": ["coverage"],
            "dispatcher": ["patrol", "coverage"],
            "planner": ["coverage", "patrol", "placement", "coverage"],
            "admin": ["coverage", "patrol", "placement", "coverage"],
        }
        shown = {
            role: (
                client.get(f"/results/{results['coverage']}").json()["layers"],
                client.get(f"/results/{results['coverage']}/layers/seen").status_code,
                client.get(f"/results/{results['coverage']}/file").status_code,
                client.get(f"/results/{results['placement']}").status_code,
                client.get(f"/results/{variant}/layers/cells").status_code,
            )
            for role, client in clients.items()
        }
        everything = ({"cells": 2, "seen": 1}, 200, 200, 200, 200)
        assert shown == {
            "viewer": ({"cells": 2}, 403, 403, 403, 403),
            "auditor": ({"cells": 2, "seen": 1}, 200, 200, 403, 403),
            "dispatcher": ({"cells": 2}, 403, 403, 403, 403),
            "planner": everything,
            "admin": everything,
        }
        jobs = {
            role: [each["processID"] for each in client.get("/jobs").json().get("jobs", [])]
            for role, client in clients.items()
        }
        assert jobs["viewer"] == []
        assert jobs["auditor"] == ["coverage"]
        assert jobs["dispatcher"] == ["patrol"]
        assert jobs["planner"] == ["coverage", "patrol", "placement", "coverage"]

        mine = {"inputs": {"site_id": site_id, "budget": 1}}
        asked = {
            role: client.post("/processes/placement/execution", json=mine).status_code
            for role, client in clients.items()
        }
        assert asked == {"viewer": 403, "auditor": 403, "dispatcher": 403, "planner": 201, "admin": 201}
        hidden = {"inputs": {"site_id": site_id, "scenario_id": scenario.scenario_id}}
        assert clients["auditor"].post("/processes/coverage/execution", json=hidden).status_code == 403
        job = clients["planner"].post("/processes/placement/execution", json=mine).json()
        assert job["actor"] == "planner"
        for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/events"), ("POST", "/retry"), ("GET", "/results")):
            assert clients["auditor"].request(method, f"/jobs/{job['jobID']}{path}").status_code == 403
        assert httpx.get(f"{url}/jobs").status_code == 401


def test_many_follow_at_the_price_of_one_and_none_is_left(lone, monkeypatch):
    asked: list[int] = []
    kept: list[followers.Followers] = []

    def find_jobs(database: Database, job_ids: list[str]) -> Any:
        asked.append(len(job_ids))
        return found(database, job_ids)

    found = followers.find_jobs
    monkeypatch.setattr(followers, "find_jobs", find_jobs)
    made = followers.Followers.__init__
    monkeypatch.setattr(followers.Followers, "__init__", lambda self, base: (kept.append(self), made(self, base))[1])
    site_id = import_site(lone, make_site())
    job_ids = [queue_job(lone, kind="coverage", options={}, site_id=site_id).job_id for _ in range(2)]
    ends: list[str] = []

    def follow(url: str, job_id: str, most: int | None) -> None:
        with httpx.stream("GET", f"{url}/jobs/{job_id}/events", timeout=60.0) as stream:
            lines = (line for line in stream.iter_lines() if line.startswith("data:"))
            for number, line in enumerate(lines, start=1):
                if number == most:
                    return  # gone in the middle
                last = line
        ends.append(last)

    with serve(lone) as url:
        watch = kept[0]
        started = time.monotonic()
        threads = [
            threading.Thread(target=follow, args=(url, job_ids[number % 2], 1 if number < 20 else None))
            for number in range(40)
        ]
        for thread in threads:
            thread.start()
        wait_for(lambda: watch.count == 20)  # those who went are forgotten
        take_job(lone, worker="w")
        report_job(lone, job_ids[0], worker="w", progress=0.5, stage="rates")
        delete_site(lone, site_id)  # with its jobs
        for thread in threads:
            thread.join(30)
        wait_for(lambda: watch.count == 0)
        seconds = time.monotonic() - started
        assert len(ends) == 20
        assert max(asked) == 2  # both jobs in one question
        assert len(asked) <= 2 + seconds / followers.LOOK_S
        done = len(asked)
        ended = queue_job(lone, kind="coverage", options={})
        take_job(lone, worker="w")
        fail_job(lone, ended.job_id, worker="w", message="no")
        follow(url, ended.job_id, None)  # one that has ended already is told once
        assert '"state":"failed"' in ends[-1]
        assert len(asked) <= done + 1
    assert find_job(lone, ended.job_id).state == "failed"


def wait_for(condition: Any) -> None:
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen")
