"""What can be computed, and asking for it, in the manner of OGC API - Processes."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from sightgrid import __version__
from sightgrid.api.actors import Store, Who, require_process
from sightgrid.api.problems import Problem
from sightgrid.api.work.access import list_kinds, require_scenario
from sightgrid.api.work.models import Execution, ProcessDescription, ProcessList, ProcessSummary, StatusInfo
from sightgrid.api.work.process import Inputs, Process
from sightgrid.api.work.processes import PROCESSES
from sightgrid.api.work.statuses import EXCEPTION, JSON, RELATION, describe_job, find_base, make_link
from sightgrid.store.audit_entries import noting
from sightgrid.store.jobs import add_done_job, queue_job
from sightgrid.store.results import find_result
from sightgrid.store.sites import find_site

OUTPUTS = {
    "figures": {"title": "What was found, in short", "schema": {"type": "object"}},
    "result": {"title": "The result", "schema": {"type": "object", "contentMediaType": JSON}},
    "file": {"title": "All of it as a file", "schema": {"type": "string", "contentEncoding": "binary"}},
    "layers": {"title": "What it shows on a map", "schema": {"type": "object"}},
}

router = APIRouter(tags=["processes"])


@router.get("/processes")
def list_processes(request: Request, who: Who, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> ProcessList:
    """List the kinds of long work that who asks may ask for."""
    base = find_base(request)
    known = [PROCESSES[name] for name in list_kinds(who) if name in PROCESSES]
    return ProcessList(
        processes=[ProcessSummary(**_summarise(base, process)) for process in known[:limit]],
        links=[make_link(base, "/processes", "self", "this list")],
    )


@router.get("/processes/{process}")
def show_process(process: str, request: Request, who: Who) -> ProcessDescription:
    """Describe a kind of long work, with the JSON schema of each input."""
    found = _find_process(process)
    require_process(who, found.name)
    schema = found.inputs.model_json_schema()
    properties = _inline(schema["properties"], schema.get("$defs", {}))
    required = schema.get("required", [])
    inputs = {
        name: {
            "title": rules.get("title", name),
            "description": rules.get("description", ""),
            "minOccurs": int(name in required),
            "schema": rules,
        }
        for name, rules in properties.items()
    }
    return ProcessDescription(**_summarise(find_base(request), found), inputs=inputs, outputs=OUTPUTS)


@router.post("/processes/{process}/execution", status_code=201)
def execute_process(
    process: str,
    execution: Execution,
    request: Request,
    response: Response,
    database: Store,
    who: Who,
    prefer: Annotated[str, Header(max_length=200)] = "",
) -> StatusInfo:
    """Ask for a job; it is always done in the background, and followed at the address in ``Location``.

    If a result of the same inputs is kept and nothing has changed since, the job is done at once.
    """
    found = _find_process(process)
    require_process(who, found.name)
    inputs = _read_inputs(found, execution.inputs)
    require_scenario(who, inputs.scenario_id)
    found.check(database, inputs)
    fingerprint = found.fingerprint(database, inputs)
    site = find_site(database, inputs.site_id)
    known = find_result(database, site.site_id, kind=found.name, fingerprint=fingerprint) if found.lasting else None
    asked: dict[str, Any] = {
        "kind": found.name, "options": inputs.model_dump(mode="json"), "site_id": site.site_id, "actor": who.name,
    }  # fmt: skip
    with noting(actor=who.name, action="job.ask", target=f"{site.name}/{found.name}"):
        job = queue_job(database, **asked) if known is None else add_done_job(database, **asked, result_id=known)
    base = find_base(request)
    response.headers["Location"] = f"{base}/jobs/{job.job_id}"
    if "respond-async" in prefer:
        response.headers["Preference-Applied"] = "respond-async"
    return describe_job(base, job)


def _find_process(name: str) -> Process[Any]:
    if name not in PROCESSES:
        raise Problem(404, "there is no such process", more={"type": f"{EXCEPTION}no-such-process"})
    return PROCESSES[name]


def _read_inputs(process: Process[Any], given: dict[str, Any]) -> Inputs:
    try:
        inputs: Inputs = process.inputs.model_validate(given)
    except ValidationError as error:
        raise RequestValidationError(
            [
                {"loc": ("body", "inputs", *fault["loc"]), "msg": fault["msg"].removeprefix("Value error, ")}
                for fault in error.errors(include_url=False, include_input=False)
            ]
        ) from None
    return inputs


def _summarise(base: str, process: Process[Any]) -> dict[str, Any]:
    path = f"/processes/{process.name}"
    return {
        "id": process.name,
        "title": process.title,
        "description": process.description,
        "version": __version__,
        "jobControlOptions": ["async-execute", "dismiss"],
        "outputTransmission": ["value", "reference"],
        "links": [
            make_link(base, path, "self", process.title),
            make_link(base, f"{path}/execution", f"{RELATION}execute", "ask for it"),
        ],
    }


def _inline(rules: Any, known: dict[str, Any]) -> Any:
    """Put definitions in the place of their references, since each input stands for itself."""
    if isinstance(rules, list):
        return [_inline(each, known) for each in rules]
    if not isinstance(rules, dict):
        return rules
    if "$ref" in rules:
        return _inline(known[rules["$ref"].rpartition("/")[2]], known)
    return {name: _inline(each, known) for name, each in rules.items()}
