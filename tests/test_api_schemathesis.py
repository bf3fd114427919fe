"""Every route asked what its own description allows, and what it does not: no failure, no trace, no hang."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import geopandas as gpd
import pandas as pd
import pytest
import schemathesis
import shapely
import store_databases
from api_server import connect
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from small_site import make_site
from stream_servers import jpeg, picture

from sightgrid.api.dispatch.models import PlanFigures, PlannedUnit
from sightgrid.api.problems import TITLES
from sightgrid.api.roles import ROUTES
from sightgrid.api.work.patrol import MOVES
from sightgrid.health.records import Memory, Record
from sightgrid.store.database import open_database
from sightgrid.store.history import History
from sightgrid.store.jobs import fail_job, queue_job, take_job
from sightgrid.store.plans import add_plan
from sightgrid.store.results import Result, keep_result
from sightgrid.store.scenarios import add_scenario, remove_cameras
from sightgrid.store.sites import find_site, import_layer, import_site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import httpx
    from schemathesis import Case
    from schemathesis.schemas import APIOperation, BaseSchema

    from sightgrid.store.database import Database

EXAMPLES = 8  # of each route, of what is allowed and of what is not
MOST_S = 10.0
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance,
]  # fmt: skip
TRACES = ("Traceback (most recent", 'File "', '.py"', "sqlalchemy", "SELECT ", "/site-packages/")
# what is read before what is written before what is taken out, so that there is something to be asked for
LAST = ("delete_scenario", "delete_plan", "delete_site")


class Served(NamedTuple):
    """A server, its own description, and what its store holds by the name of the parameter that asks for it."""

    client: httpx.Client
    schema: BaseSchema
    known: dict[str, list[Any]]


def order_routes() -> list[str]:
    return sorted(ROUTES, key=lambda name: (name in LAST, name.startswith("delete_"), list(ROUTES).index(name)))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder: Path = tmp_path_factory.mktemp("schemathesis")
    with open_database(store_databases.make_address("sqlite", folder)) as opened:
        known = fill_store(opened)
        with connect(opened) as client:
            schema = schemathesis.openapi.from_url(f"{client.base_url}/openapi.json")
            yield Served(client, schema, known)


def fill_store(database: Database) -> dict[str, list[Any]]:
    """Put something of everything into a store."""
    site = make_site()
    site_id = import_site(database, replace(site, cameras=site.cameras.assign(stream_url="rtsp://camera.example/live")))
    centre = site.study.centroid
    moments = pd.to_datetime(["2026-03-01T12:00Z", "2026-03-02T23:30Z"], utc=True)
    incidents = gpd.GeoDataFrame(
        {"occurred_at": moments, "category": ["theft", None]},
        index=pd.Index(["i1", "i2"], name="incident_id", dtype="str"), geometry=[centre, centre], crs=site.crs,
    )  # fmt: skip
    cells = gpd.GeoDataFrame(
        {"observable_m2": [100.0, 0.0], "demand": [1.0, None]},
        index=pd.Index(["1_1", "2_1"], name="cell_id", dtype="str"),
        geometry=[centre.buffer(9, cap_style="square"), shapely.box(*centre.buffer(3).bounds)], crs=site.crs,
    )  # fmt: skip
    import_layer(database, site_id, "incidents", incidents)
    import_layer(database, site_id, "grid", cells)
    scenario_id = add_scenario(database, site_id, name="fewer").scenario_id
    remove_cameras(database, scenario_id, versions={"free": 0})
    layers = {name: cells.assign(rate=[0.25, None]) for name in ("cells", "seen", "blindspots")}
    results = [
        keep_result(
            database, site_id,
            Result(kind, kind, {"site_id": site_id, "scenario_version": 0}, {"rate": 0.25}, b"{}", kept, layers=layers),
        )
        for kind, kept in (("coverage", "application/json"), ("placement", "application/geopackage+sqlite3"))
    ]  # fmt: skip
    job = queue_job(database, kind="coverage", options={"site_id": site_id}, site_id=site_id)
    take_job(database, worker="one")
    fail_job(database, job.job_id, worker="one", message="the site has no ground")
    files = io.BytesIO()
    with zipfile.ZipFile(files, "w") as archive:
        for name in (MOVES, "walk.gpx", "walk.html"):
            archive.writestr(name, "{}")
    shift = Result("patrol", "patrol", {"site_id": site_id}, {}, files.getvalue(), "application/zip")
    plan = add_plan(database, site_id, name="night", document=write_plan(keep_result(database, site_id, shift)))
    history = History(database, find_site(database, site_id).uid)
    seen = {"camera_id": "wall", "status": "ok", "reason": "ok", "checked_at": moments[0].to_pydatetime()}
    history.record(Record(**seen, thumbnail=jpeg(picture(32, 24, 1))), Memory())
    return {
        "site_id": [site_id], "scenario_id": [scenario_id], "result_id": results, "job_id": [job.job_id],
        "plan_id": [plan.plan_id], "camera_id": ["free", "wall"], "process": ["coverage", "blindspots", "patrol"],
        "collection": [*(f"{site_id}.{name}" for name in ("cameras", "streets", "grid", "incidents", "zones")),
                       f"{site_id}.cameras.{scenario_id}"],
        "item": ["free", "pond", "i1", "1_1"], "layer": ["cells", "cameras", "seen", "places"],
        "unit": ["walk"], "z": [14, 0], "x": [9331, 0], "y": [4740, 0],
    }  # fmt: skip


def write_plan(result_id: int) -> dict[str, Any]:
    moment = "2026-03-01T20:00:00Z"
    unit = dict.fromkeys(PlannedUnit.model_fields, 0.0) | {
        "unit_id": "walk", "mode": "foot", "crew": "", "start_at": moment, "end_at": moment, "back_at": moment,
        "colour": "#000", "dashes": "", "beat_id": "", "visits": [], "files": ["walk.gpx", "walk.html"],
    }  # fmt: skip
    return {
        "result_id": result_id, "scenario_id": None, "shift": "tonight", "clock": "UTC",
        "start_at": moment, "end_at": moment,
        "figures": dict.fromkeys(PlanFigures.model_fields, 0), "options": {}, "units": [unit], "stops": [],
        "shortfalls": [], "within_min": None, "beats": None, "assumed": [], "notes": [],
    }  # fmt: skip


def test_every_route_is_described(served: Served) -> None:
    paths = served.client.get("/openapi.json").json()["paths"].values()
    assert {operation["operationId"] for path in paths for operation in path.values()} == set(ROUTES)


@pytest.mark.parametrize("name", order_routes())
def test_no_question_makes_a_route_fail(served: Served, name: str) -> None:
    operation = served.schema.find_operation_by_id(name)
    answers = operation.definition.raw["responses"]

    def ask(case: Case) -> None:
        answer = case.call(timeout=MOST_S, allow_redirects=False)
        case.validate_response(answer, checks=CHECKS)
        kind = answer.headers.get("content-type", [""])[0]
        told = answer.content.decode("utf-8", "replace")
        if "sqlite" not in kind:
            assert not any(trace in told for trace in TRACES), told
        if answer.status_code >= 400:
            assert kind == "application/problem+json"
            assert json.loads(told)["title"] == TITLES[answer.status_code]
            return
        # that any problem may come is declared by "default"; what is none has to be declared by itself
        assert str(answer.status_code) in answers, answer.status_code
        declared = {each.partition(";")[0] for each in answers[str(answer.status_code)].get("content", {})}
        assert kind.partition(";")[0] in declared if declared else not answer.content

    try_cases(operation.as_strategy(generation_mode=GenerationMode.POSITIVE), served.known, ask)
    if can_be_wrong(operation):
        try_cases(operation.as_strategy(generation_mode=GenerationMode.NEGATIVE), served.known, ask)


def can_be_wrong(operation: APIOperation) -> bool:
    """Tell whether anything is asked for but texts: any characters in an address are one."""
    schemas = [each.definition.get("schema", {}) for each in (*operation.path_parameters, *operation.query)]
    return bool(operation.body) or any(
        schema.get("type") != "string" or {"pattern", "enum", "maxLength"} & set(schema) for schema in schemas
    )


def try_cases(cases: st.SearchStrategy[Case], known: dict[str, list[Any]], ask: Callable[[Case], None]) -> None:
    """Ask some questions, most of them about what is there."""

    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.data())
    def run(data: st.DataObject) -> None:
        case = data.draw(cases)
        for values in (case.path_parameters, case.query):
            for parameter in values or {}:
                if parameter in known and data.draw(st.integers(0, 3)):
                    values[parameter] = data.draw(st.sampled_from(known[parameter]))
        ask(case)

    run()
