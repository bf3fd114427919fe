"""A job as OGC API - Processes tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from sightgrid.api.work.models import Link, StatusInfo
from sightgrid.store.clock import to_time

if TYPE_CHECKING:
    from fastapi import Request

    from sightgrid.store.jobs import Job, State

JSON = "application/json"
RELATION = "http://www.opengis.net/def/rel/ogc/1.0/"
EXCEPTION = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/"

Status = Literal["accepted", "running", "successful", "failed", "dismissed"]
STATES: dict[Status, tuple[State, ...]] = {
    "accepted": ("queued",),
    "running": ("running",),
    "successful": ("done",),
    "failed": ("failed", "retryable"),
    "dismissed": ("cancelled",),
}
STATUS: dict[str, Status] = {state: status for status, states in STATES.items() for state in states}


def describe_job(base: str, job: Job) -> StatusInfo:
    """Tell how a job is; ``base`` is the address of the server."""
    path = f"/jobs/{job.job_id}"
    links = [
        make_link(base, path, "self", "the job"),
        make_link(base, f"{path}/events", "monitor", "its changes", kind="text/event-stream"),
    ]
    if job.state == "done":
        links.append(make_link(base, f"{path}/results", f"{RELATION}results", "its results"))
    return StatusInfo(
        jobID=job.job_id,
        processID=job.kind,
        status=STATUS[job.state],
        message=job.message,
        created=to_time(job.asked_at_us),
        started=None if job.started_at_us is None else to_time(job.started_at_us),
        finished=None if job.ended_at_us is None else to_time(job.ended_at_us),
        progress=100 if job.state == "done" else min(int(100.0 * job.progress), 99),
        links=links,
        state=job.state,
        stage="" if job.state == "done" else job.stage,
        cancelling=job.cancel,
        attempts=job.attempts,
        result_id=job.result_id,
        site_id=job.site_id,
        actor=job.actor,
        inputs=job.options,
    )


def find_base(request: Request) -> str:
    """Return the address of the server, as who asks knows it."""
    return str(request.base_url).rstrip("/")


def make_link(base: str, path: str, rel: str, title: str, *, kind: str = JSON) -> Link:
    """Make a link to a path of the server."""
    return Link(href=base + path, rel=rel, type=kind, title=title)
