"""Patrol plans over HTTP."""

from __future__ import annotations

import io
import json
import re
import zipfile
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from sightgrid.api.actors import Store, Who
from sightgrid.api.dispatch.models import PlanChange, PlanDetail, PlanList, PlanNames, PlanSummary
from sightgrid.api.planning.models import Id, IfMatch, read_version
from sightgrid.api.problems import Problem
from sightgrid.api.work.access import may_see, require_scenario
from sightgrid.api.work.patrol import MOVES, ZIP
from sightgrid.store import plans
from sightgrid.store.audit_entries import noting
from sightgrid.store.clock import to_time
from sightgrid.store.conflicts import NotFoundError
from sightgrid.store.results import read_result
from sightgrid.store.sites import find_site

if TYPE_CHECKING:
    from sightgrid.api.actors import Actor
    from sightgrid.store.database import Database
    from sightgrid.store.plans import StoredPlan

GPX, HTML = "application/gpx+xml", "text/html; charset=utf-8"
# a card brings its style sheet with it; nothing of it may run or ask for anything
CARD_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
UnitId = Annotated[str | None, Query(max_length=64, description="The call sign of one unit; all, if not given.")]

router = APIRouter(tags=["patrol plans"])


@router.get("/sites/{site_id}/patrol-plans")
def list_plans(
    site_id: Id,
    database: Store,
    who: Who,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[Id | None, Query(description="What the page before said.")] = None,
) -> PlanList:
    """List the patrol plans of a site, the newest first."""
    find_site(database, site_id)
    found = plans.list_plans(database, site_id, limit=limit + 1, before=before)
    page = [plan for plan in found[:limit] if may_see(who, plan.document["scenario_id"])]
    shown = [PlanSummary(**{**_document(plan), "units": _call_signs(plan)}, **_name(plan)) for plan in page]
    return PlanList(plans=shown, before=found[limit - 1].plan_id if len(found) > limit else None)


@router.get("/patrol-plans/{plan_id}", response_model=PlanDetail)
def show_plan(plan_id: Id, database: Store, who: Who) -> Response:
    """Show a patrol plan: who does what when, and where every unit is at each moment."""
    plan = _find(database, who, plan_id)
    document = _document(plan)
    try:
        with _open_files(database, plan) as archive:
            moves = json.loads(archive.read(MOVES))
    except NotFoundError:
        moves = {}
    for unit in document["units"]:
        nowhere = {"start_at": unit["start_at"], "coordinates": [], "seconds": []}
        unit["moves"] = moves.get(unit["unit_id"], nowhere)
    names = PlanNames(**_name(plan)).model_dump(mode="json")
    return JSONResponse({**names, **document}, headers={"ETag": f'"{plan.version}"'})


@router.patch("/patrol-plans/{plan_id}")
def rename_plan(plan_id: Id, change: PlanChange, response: Response, database: Store, who: Who) -> PlanNames:
    """Give a patrol plan another name."""
    plan = _find(database, who, plan_id)
    site = find_site(database, plan.site_id)
    with noting(actor=who.name, action="plan.rename", target=f"{site.name}/{plan.name}", detail={"to": change.name}):
        renamed = plans.rename_plan(database, plan_id, name=change.name, version=change.version)
    response.headers["ETag"] = f'"{renamed.version}"'
    return PlanNames(**_name(renamed))


@router.delete("/patrol-plans/{plan_id}", status_code=204)
def delete_plan(plan_id: Id, database: Store, who: Who, if_match: IfMatch = None) -> None:
    """Delete a patrol plan with its files and layers; `If-Match` says which version is meant."""
    version = read_version(if_match)
    plan = _find(database, who, plan_id)
    site = find_site(database, plan.site_id)
    with noting(actor=who.name, action="plan.delete", target=f"{site.name}/{plan.name}"):
        plans.delete_plan(database, plan_id, version=version)


@router.get(
    "/patrol-plans/{plan_id}/gpx",
    response_class=Response,
    responses={200: {"content": {ZIP: {}, GPX: {}}}},
)
def download_gpx(plan_id: Id, database: Store, who: Who, unit: UnitId = None) -> Response:
    """Download the routes as GPX: of one unit, or of all in a zip."""
    return _send(database, _find(database, who, plan_id), unit, suffix=".gpx", kind=GPX, headers={})


@router.get(
    "/patrol-plans/{plan_id}/cards",
    response_class=Response,
    responses={200: {"content": {ZIP: {}, HTML: {}}}},
)
def download_cards(plan_id: Id, database: Store, who: Who, unit: UnitId = None) -> Response:
    """Open the card of one unit, a page to be printed; or download all cards in a zip."""
    headers = {"Content-Security-Policy": CARD_POLICY}
    return _send(database, _find(database, who, plan_id), unit, suffix=".html", kind=HTML, headers=headers)


def _find(database: Database, who: Actor, plan_id: int) -> StoredPlan:
    plan = plans.find_plan(database, plan_id)
    require_scenario(who, plan.document["scenario_id"])
    return plan


def _name(plan: StoredPlan) -> dict[str, Any]:
    return {
        "plan_id": plan.plan_id,
        "site_id": plan.site_id,
        "name": plan.name,
        "version": plan.version,
        "made_at": to_time(plan.made_at_us),
        "changed_at": to_time(plan.changed_at_us),
    }


def _document(plan: StoredPlan) -> dict[str, Any]:
    """Return what is told of a plan; what its files are called is not."""
    units = [{name: value for name, value in unit.items() if name != "files"} for unit in plan.document["units"]]
    return {**plan.document, "units": units}


def _call_signs(plan: StoredPlan) -> list[str]:
    return [unit["unit_id"] for unit in plan.document["units"]]


def _open_files(database: Database, plan: StoredPlan) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(read_result(database, plan.document["result_id"]).body))


def _send(
    database: Database, plan: StoredPlan, unit_id: str | None, *, suffix: str, kind: str, headers: dict[str, str]
) -> Response:
    """Send the file of one unit, or those of all in a zip."""
    files = {
        unit["unit_id"]: next(name for name in unit["files"] if name.endswith(suffix))
        for unit in plan.document["units"]
    }
    if unit_id is not None and unit_id not in files:
        raise Problem(404, "the plan has no such unit")
    with _open_files(database, plan) as archive:
        if unit_id is not None:
            name = files[unit_id]
            place = "inline" if kind == HTML else "attachment"
            return Response(
                archive.read(name), media_type=kind, headers={**headers, "Content-Disposition": _name_file(place, name)}
            )
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as bundle:
            for name in files.values():
                bundle.writestr(name, archive.read(name))
    named = _name_file("attachment", f"{plan.name}-{suffix.removeprefix('.')}.zip")
    return Response(packed.getvalue(), media_type=ZIP, headers={"Content-Disposition": named})


def _name_file(place: str, name: str) -> str:
    """Write a Content-Disposition (RFC 6266): a plain name for all, and the whole one for those who know UTF-8."""
    plain = re.sub(r"[^A-Za-z0-9._]+", "-", name).strip("-.") or "plan"
    return f"{place}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
