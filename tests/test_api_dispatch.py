"""Patrol plans from the question to the card: a real server and its worker, checked against a direct call."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from api_server import connect
from job_client import ask, do, follow
from patrol_site import make_town
from patrol_town import CRS, point
from store_databases import address, database
from stream_servers import children
from test_vendor import CHROMIUM

from sightgrid.api.actors import Actor
from sightgrid.api.dispatch import routes
from sightgrid.api.dispatch.inputs import PatrolInputs, place_units
from sightgrid.api.dispatch.models import PlanDetail
from sightgrid.api.problems import Problem
from sightgrid.api.roles import RESULTS
from sightgrid.api.settings import Settings
from sightgrid.gis.crs import WGS84
from sightgrid.patrol import risk
from sightgrid.report.patrol.gpx import read_gpx, trace_unit
from sightgrid.report.patrol.moves import TOLERANCE_M, thin_track
from sightgrid.report.patrol.shift_plan import Given, plan_shift
from sightgrid.store.audit_entries import noting
from sightgrid.store.conflicts import ExistsError, NotFoundError, StaleVersionError
from sightgrid.store.database import open_database
from sightgrid.store.plans import add_plan, delete_plan, find_plan, insert_plan, list_plans, rename_plan
from sightgrid.store.results import Result, describe_result, keep_result, list_results
from sightgrid.store.sites import import_layer, import_site, read_site

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from sightgrid.report.patrol.briefing import Briefing
    from sightgrid.store.database import Database

__all__ = ["address", "database"]

NAME = "Day <script>alert(1)</script> 晚班"
SHIFT = "2026-11-23T08:00/10:00"


def lonlat(x: float, y: float) -> dict[str, float]:
    """A place counted in blocks of the town, in degrees."""
    place = gpd.GeoSeries([point(x, y)], crs=CRS).to_crs(WGS84).iloc[0]
    return {"lon": place.x, "lat": place.y}


def asked(name: str = NAME, **more: Any) -> dict[str, Any]:
    units = [
        {"unit_id": "walk 1", "mode": "foot", "speed_kph": 6, **lonlat(0, 0), "break_min": 10, "break_after_min": 30},
        {"unit_id": "map", "mode": "car", "speed_kph": 30, **lonlat(4, 4), "crew": "mixed", "overtime_min": 5},
    ]
    given = {"name": name, "shift": SHIFT, "zone": "Europe/Helsinki", "units": units, "seconds": 5.0, "seed": 3}
    return given | more


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with open_database(tmp_path_factory.mktemp("store") / "store.sqlite") as opened:
        yield opened


@pytest.fixture(scope="module")
def site_id(store: Database) -> int:
    return import_site(store, make_town())


@pytest.fixture(scope="module")
def client(store: Database) -> Iterator[httpx.Client]:
    with connect(store, Settings(workers=1, keep_probes_days=7)) as opened:
        yield opened


@pytest.fixture(scope="module")
def job(client: httpx.Client, site_id: int) -> dict[str, Any]:
    return do(client, "patrol", site_id=site_id, **asked())


@pytest.fixture(scope="module")
def plan(client: httpx.Client, site_id: int, job: dict[str, Any]) -> dict[str, Any]:
    (head,) = client.get(f"/sites/{site_id}/patrol-plans").json()["plans"]
    assert head["result_id"] == job["result_id"]
    return client.get(f"/patrol-plans/{head['plan_id']}").json()


@pytest.fixture(scope="module")
def direct(store: Database, site_id: int) -> Briefing:
    """The same shift, planned without any server."""
    site, options = read_site(store, site_id), PatrolInputs(site_id=site_id, **asked())
    units = place_units(options, site, risk(None, site.streets, method="length"))
    given = Given(site, units, "Europe/Helsinki")
    briefing, _ = plan_shift(given, progress=lambda *_: None, engine="auto", seconds=5.0, seed=3)
    return briefing


def test_plan_is_that_of_a_direct_call(
    client: httpx.Client, plan: dict[str, Any], job: dict[str, Any], direct: Briefing
) -> None:
    PlanDetail.model_validate(plan)
    assert plan["name"] == NAME
    assert plan["figures"] == pytest.approx(direct.plan.figures)
    told = client.get(f"/jobs/{job['jobID']}/results").json()["figures"]
    assert {name: told[name] for name in plan["figures"]} == plan["figures"]
    for unit in plan["units"]:
        own = direct.plan.visits[direct.plan.visits["unit_id"] == unit["unit_id"]]
        for name in ("what", "stop_id"):
            assert [visit[name] for visit in unit["visits"]] == own[name].tolist()
        for name in ("arrive_at", "leave_at"):
            times = pd.to_datetime([visit[name] for visit in unit["visits"]], format="ISO8601")
            assert times.tolist() == own[name].tolist()
    assert [unit["unit_id"] for unit in plan["units"]] == ["walk 1", "map"]
    assert [stop["stop_id"] for stop in plan["stops"]] == direct.plan.stops.index.tolist()
    assert [stop["name"] for stop in plan["stops"]] == list(direct.titles.values())
    (pause,) = [visit for visit in plan["units"][0]["visits"] if visit["what"] == "break"]
    assert pd.Timestamp(pause["leave_at"]) - pd.Timestamp(pause["arrive_at"]) == pd.Timedelta("10min")


def test_map_moves_each_unit_where_the_plan_has_it(plan: dict[str, Any], direct: Briefing) -> None:
    """At any moment, between two points too."""
    for unit in plan["units"]:
        moves = unit["moves"]
        xy, times = trace_unit(direct.plan, unit["unit_id"])
        start = pd.Timestamp(moves["start_at"])
        seconds = (pd.DatetimeIndex(times) - start).total_seconds().to_numpy()
        points = gpd.GeoSeries(gpd.points_from_xy(*np.array(moves["coordinates"]).T), crs=WGS84).to_crs(CRS)
        assert len(points) == len(moves["seconds"]) < len(xy)
        moments = np.linspace(0.0, seconds[-1], 5000)
        real = np.column_stack([np.interp(moments, seconds, side) for side in xy.T])
        drawn = np.column_stack([np.interp(moments, moves["seconds"], side) for side in (points.x, points.y)])
        slack = unit["speed_kph"] / 3.6 * 0.05 + 0.15  # times are rounded to 0.1 s, degrees to 6 decimals
        assert np.hypot(*(real - drawn).T).max() <= TOLERANCE_M + slack


def test_track_without_bends_has_two_points_and_one_of_a_stay_keeps_its_times() -> None:
    line = np.column_stack([np.linspace(0.0, 900.0, 10), np.zeros(10)])
    assert thin_track(line, np.arange(10.0), tolerance_m=1.0).tolist() == [0, 9]
    stay = np.array([0.0, 1, 2, 3, 4, 600, 601, 602, 603, 604])
    assert {4, 5} <= set(thin_track(line, stay, tolerance_m=1.0).tolist())
    assert thin_track(line[:2], np.array([0.0, 1.0]), tolerance_m=1.0).tolist() == [0, 1]


def test_layers_of_the_result_show_the_plan(client: httpx.Client, job: dict[str, Any], direct: Briefing) -> None:
    result = client.get(f"/results/{job['result_id']}").json()
    assert result["current"]
    assert set(result["layers"]) == {"legs", "visits", "units", "stops", "beats", "response"} <= set(RESULTS)
    shown = {
        layer: client.get(f"/results/{job['result_id']}/layers/{layer}?limit=10000").json()["features"]
        for layer in result["layers"]
    }
    for unit_id, legs in direct.plan.legs.groupby("unit_id"):
        mine = sorted(
            (each for each in shown["legs"] if each["properties"]["unit_id"] == unit_id),
            key=lambda each: each["properties"]["position"],
        )
        assert [(p["u"], p["v"], p["key"]) for p in (each["properties"] for each in mine)] == list(
            zip(legs["u"], legs["v"], legs["key"], strict=True)
        )
        assert [each["properties"]["start_at"] for each in mine] == [at.isoformat() for at in legs["start_at"]]
    assert len(shown["visits"]) == len(direct.plan.visits)
    assert {each["id"] for each in shown["units"]} == {"walk 1", "map"}
    minutes = {each["properties"]["minutes"] for each in shown["response"]}
    assert minutes == set(direct.ground["minutes"])


def test_files_are_those_of_the_command(
    client: httpx.Client, plan: dict[str, Any], job: dict[str, Any], direct: Briefing, tmp_path: Path
) -> None:
    path = f"/patrol-plans/{plan['plan_id']}"
    bundle = client.get(f"{path}/gpx")
    assert bundle.headers["content-type"] == "application/zip"
    assert bundle.headers["content-disposition"].isascii()
    assert "<" not in bundle.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(bundle.content)) as archive:
        assert set(archive.namelist()) == {"walk-1.gpx", "unit-map.gpx"}
        alone = client.get(f"{path}/gpx", params={"unit": "walk 1"})
        assert alone.content == archive.read("walk-1.gpx")
    (tmp_path / "walk-1.gpx").write_bytes(alone.content)
    read = read_gpx(tmp_path / "walk-1.gpx", crs=CRS)
    made = direct.plan.visits[(direct.plan.visits["unit_id"] == "walk 1") & (direct.plan.visits["what"] == "visit")]
    assert read.visits["stop_id"].tolist() == made["stop_id"].tolist()
    assert read.visits["arrive_at"].tolist() == made["arrive_at"].dt.round("ms").tolist()
    whole = client.get(f"/results/{job['result_id']}/file")
    with zipfile.ZipFile(io.BytesIO(whole.content)) as archive:
        assert {"patrol.gpkg", "timeline.svg", "map.html", "summary.json", "walk-1.html"} <= set(archive.namelist())
        archive.extract("patrol.gpkg", tmp_path)
        assert json.loads(archive.read("summary.json"))["stops_planned"] == plan["figures"]["stops_planned"]
    assert {"legs", "visits", "layer_styles"} <= set(pyogrio.list_layers(tmp_path / "patrol.gpkg")[:, 0])
    for kind in ("gpx", "cards"):
        assert client.get(f"{path}/{kind}", params={"unit": "nobody"}).status_code == 404
        assert client.get(f"/patrol-plans/999/{kind}").status_code == 404


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: run tests/install-browser")
def test_card_of_a_unit_is_drawn_in_a_browser_under_its_own_policy(client: httpx.Client, plan: dict[str, Any]) -> None:
    """The server's policy allows no style sheet within a page; the card's own allows that and no script."""
    from playwright.sync_api import sync_playwright

    told: list[str] = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("console", lambda message: told.append(message.text))
        page.goto(f"{client.base_url}/patrol-plans/{plan['plan_id']}/cards?unit=walk%201")
        border = page.evaluate("getComputedStyle(document.querySelector('header')).borderBottomColor")
        width = page.evaluate("document.querySelector('.sketch svg').getBoundingClientRect().width")
        browser.close()
    assert border == "rgb(0, 114, 178)"  # the unit's own colour, by a style attribute
    assert width > 100
    assert told == []


def test_plan_of_a_taken_name_is_refused_before_the_work(
    client: httpx.Client, site_id: int, plan: dict[str, Any]
) -> None:
    before = len(client.get("/jobs").json()["jobs"])
    answer = client.post("/processes/patrol/execution", json={"inputs": {"site_id": site_id, **asked()}})
    assert answer.status_code == 409
    assert plan["name"] in answer.json()["detail"]
    assert len(client.get("/jobs").json()["jobs"]) == before


def test_counts_incidents_and_stops_that_are_given_are_planned_for(
    client: httpx.Client, store: Database, site_id: int
) -> None:
    happened = gpd.GeoDataFrame(
        {"occurred_at": pd.to_datetime(["2026-03-01T22:15Z"]), "severity": [2.0], "origin": ["reported"]},
        geometry=[point(2.5, 1)],
        index=pd.Index(["i1"], name="incident_id", dtype="str"),
        crs=CRS,
    )
    import_layer(store, site_id, "incidents", happened)
    stops = [{"stop_id": "gate", "name": "<i>gate</i>", "visits": 2, "dwell_s": 60, **lonlat(1, 1)}]
    more = {"units": [], "counts": {"foot": 1, "car": 1}, "stops": stops}
    do(client, "patrol", site_id=site_id, **asked("counted", **more))
    head = client.get(f"/sites/{site_id}/patrol-plans", params={"limit": 1}).json()
    assert head["before"] == head["plans"][0]["plan_id"]  # there are older ones
    plan = client.get(f"/patrol-plans/{head['before']}").json()
    assert [(unit["unit_id"], unit["speed_kph"]) for unit in plan["units"]] == [("foot-1", 4.5), ("car-1", 30.0)]
    assert [(stop["stop_id"], stop["name"], stop["planned"]) for stop in plan["stops"]] == [("gate", "<i>gate</i>", 2)]
    assert "1 incident" in plan["assumed"][0]
    depot = gpd.GeoSeries([shapely.Point(plan["units"][0]["lon"], plan["units"][0]["lat"])], crs=WGS84).to_crs(CRS)
    assert depot.distance(point(2.5, 1)).iloc[0] < 60.0  # at a crossing next to the only risk there is


def test_plan_is_renamed_and_deleted_by_who_knows_its_version(client: httpx.Client, store: Database) -> None:
    site = import_site(store, replace(make_town(), name="second town"))
    result = Result("patrol", "f", {}, {}, b"", "application/zip")
    numbers = []
    for name in ("early", "late"):
        number = keep_result(store, site, result._replace(fingerprint=name))
        document = {"result_id": number, "scenario_id": None, "units": []}
        numbers.append((add_plan(store, site, name=name, document=document).plan_id, number))
    (early, kept), (late, _) = numbers
    path = f"/patrol-plans/{early}"
    renamed = client.patch(path, json={"name": "  earlier ", "version": 1})
    assert (renamed.status_code, renamed.json()["name"], renamed.headers["etag"]) == (200, "earlier", '"2"')
    stale = client.patch(path, json={"name": "mine", "version": 1})
    assert (stale.status_code, stale.json()["given"], stale.json()["current"]) == (412, 1, 2)
    assert client.patch(path, json={"name": "late", "version": 2}).status_code == 409
    for name in ("", "   ", "a\nb", "x" * 201):
        assert client.patch(path, json={"name": name, "version": 2}).status_code == 422
    assert client.delete(path).status_code == 428
    assert client.delete(path, headers={"If-Match": '"1"'}).status_code == 412
    assert client.delete(path, headers={"If-Match": '"2"'}).status_code == 204
    assert client.get(path).status_code == 404
    assert client.get(f"/results/{kept}").status_code == 404  # its files are gone as well
    assert [plan.plan_id for plan in list_plans(store, site)] == [late]
    actions = [entry["action"] for entry in client.get("/audit-log").json()["entries"]]
    assert {"plan.rename", "plan.delete", "job.ask"} <= set(actions)


UNIT = asked()["units"][0]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"units": [{key: UNIT[key] for key in UNIT if key != "speed_kph"}]}, "speed_kph"),
        ({"units": [UNIT | {"speed_kph": 0}]}, "greater than 0"),
        ({"units": [UNIT | {"lon": 181}]}, "lon"),
        ({"units": [UNIT | {"unit_id": "<script>"}]}, "unit_id"),
        ({"units": [UNIT | {"unit_id": "../../etc"}]}, "unit_id"),
        ({"units": [UNIT, UNIT]}, "more than once: walk 1"),
        ({"units": [UNIT | {"unit_id": f"u{n}"} for n in range(1000)]}, "at most 100"),
        ({"units": []}, "give either units or counts"),
        ({"counts": {"car": 1}}, "give either units or counts"),
        ({"units": [], "counts": {"car": 60, "foot": 60}}, "more than 100"),
        ({"shift": "2026-11-23T16:00/08:00"}, "ends before it starts"),
        ({"units": [UNIT | {"shift": "2026-11-23T16:00/08:00"}]}, "ends before it starts"),
        ({"shift": "tomorrow"}, "cannot be read"),
        ({"shift": "0001-01-01T00:00+14:00/01:00"}, "cannot be read"),
        ({"zone": "Mars/Olympus"}, "not a time zone"),
        ({"zone": None}, "has no time zone"),
        ({"shift": "2026-11-23T08:00+02:00:30/10:00", "zone": None}, "not a time zone"),
        ({"name": " "}, "name"),
        ({"seconds": 1e9}, "seconds"),
        ({"stops": []}, "stops"),
        ({"stops": [{"stop_id": "a", **lonlat(0, 0)}] * 2}, "more than once: a"),
        ({"stops": [{"stop_id": "a", **lonlat(0, 0), "open_at": "2026-11-23T08:00"}]}, "open_at"),
        ({"site": 1}, "site"),
    ],
)
def test_what_cannot_be_planned_is_told_at_once(
    client: httpx.Client, site_id: int, given: dict[str, Any], words: str
) -> None:
    answer = client.post("/processes/patrol/execution", json={"inputs": {"site_id": site_id, **asked("x"), **given}})
    assert answer.status_code == 422
    assert words in answer.json()["detail"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"units": [UNIT | lonlat(30, 30)]}, ("walk 1", "farther than 200 m")),
        ({"units": [UNIT | lonlat(2.5, 2.5)]}, ("walk 1", "lies in water")),
        ({"units": [UNIT | {"break_min": 200}]}, ("walk 1", "must end within the shift")),
        ({"units": [UNIT | {"places": ["castle"]}]}, ("castle", "no category")),
        ({"stops": [{"stop_id": "a", **lonlat(0, 0), "crew": "navy"}]}, ("no unit has this crew", "a (navy)")),
    ],
)
def test_what_the_town_does_not_allow_fails_in_one_line_and_keeps_no_plan(
    client: httpx.Client, site_id: int, given: dict[str, Any], words: tuple[str, ...]
) -> None:
    job = follow(client, ask(client, "patrol", site_id=site_id, **asked("nowhere") | given))
    assert (job["status"], job["state"]) == ("failed", "failed")
    for word in words:
        assert word in job["message"]
    assert "\n" not in job["message"]
    names = [plan["name"] for plan in client.get(f"/sites/{site_id}/patrol-plans").json()["plans"]]
    assert "nowhere" not in names


@pytest.mark.usefixtures("job")
def test_worker_is_told_how_long_probes_are_kept() -> None:
    told = [Path(f"/proc/{pid}/environ").read_bytes() for pid in children()]
    assert any(b"SIGHTGRID_KEEP_PROBES_DAYS=7\0" in each for each in told)


def test_plan_of_a_scenario_is_for_those_who_see_scenarios(database: Database) -> None:
    site = import_site(database, make_town())
    plan = add_plan(database, site, name="later", document={"scenario_id": 1, "units": []})
    assert routes._find(database, Actor("p", "planner"), plan.plan_id) == plan
    with pytest.raises(Problem, match="may not see scenarios"):
        routes._find(database, Actor("d", "dispatcher"), plan.plan_id)
    assert routes.list_plans(site, database, Actor("d", "dispatcher"), limit=5).plans == []


def test_plan_and_its_result_are_kept_both_or_neither(database: Database) -> None:
    site = import_site(database, make_town())

    def keep(connection: Any, result_id: int) -> None:
        insert_plan(connection, site, name="night", document={"result_id": result_id})

    result = Result("patrol", "a", {}, {}, b"zip", "application/zip", keep=keep)
    number = keep_result(database, site, result)
    (plan,) = list_plans(database, site)
    assert plan.document == {"result_id": number}
    with pytest.raises(ExistsError, match="called night already"):
        keep_result(database, site, result._replace(fingerprint="b"))
    assert len(list_results(database, site)) == len(list_plans(database, site)) == 1


def test_plans_in_the_store_are_paged_renamed_and_deleted(database: Database) -> None:
    site = import_site(database, make_town())
    plans = [add_plan(database, site, name=f"plan {n}", document={"n": n}) for n in range(5)]
    assert list_plans(database, site) == plans[::-1]
    assert list_plans(database, site, limit=2, before=plans[3].plan_id) == [plans[2], plans[1]]
    first = plans[0].plan_id
    with noting(actor="a", action="plan.rename"):
        assert rename_plan(database, first, name="crème", version=1).version == 2
    assert rename_plan(database, first, name="crème", version=2).name == "crème"  # its own name is not taken
    with pytest.raises(ExistsError):
        rename_plan(database, first, name="plan 4", version=3)
    with pytest.raises(StaleVersionError):
        rename_plan(database, first, name="other", version=1)
    number = keep_result(database, site, Result("patrol", "x", {}, {}, b"", "application/zip"))
    own = add_plan(database, site, name="own", document={"result_id": number})
    with pytest.raises(StaleVersionError):
        delete_plan(database, own.plan_id, version=2)
    assert describe_result(database, number)
    delete_plan(database, own.plan_id, version=1)
    for find in (lambda: find_plan(database, own.plan_id), lambda: describe_result(database, number)):
        with pytest.raises(NotFoundError):
            find()
