"""Jobs, in the manner of OGC API - Processes: listed, shown, followed, cancelled, tried again; and what they found."""

from __future__ import annotations

from collections.abc import AsyncIterable
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from sightgrid.api.actors import Store, Who
from sightgrid.api.problems import Problem
from sightgrid.api.work.access import list_kinds, may_see, require_job
from sightgrid.api.work.followers import Followers
from sightgrid.api.work.models import JobId, JobList, JobResults, Name, StatusInfo
from sightgrid.api.work.process import LARGEST_ID
from sightgrid.api.work.statuses import EXCEPTION, STATES, STATUS, Status, describe_job, find_base, make_link
from sightgrid.store import jobs
from sightgrid.store.audit_entries import noting
from sightgrid.store.conflicts import NotFoundError
from sightgrid.store.jobs import Job
from sightgrid.store.result_layers import list_result_layers
from sightgrid.store.results import describe_result

router = APIRouter(tags=["jobs"])


def find_job(database: Store, who: Who, job_id: JobId) -> Job:
    """Find a job that who asks may see."""
    try:
        job = jobs.find_job(database, job_id)
    except NotFoundError:
        raise Problem(404, "there is no such job", more={"type": f"{EXCEPTION}no-such-job"}) from None
    require_job(who, job)
    return job


Followed = Annotated[Job, Depends(find_job)]


@router.get("/jobs")
def list_jobs(
    request: Request,
    database: Store,
    who: Who,
    site_id: Annotated[int | None, Query(ge=1, le=LARGEST_ID, description="Of this site.")] = None,
    process_id: Annotated[list[Name] | None, Query(alias="processID", description="Of these processes.")] = None,
    status: Annotated[list[Status] | None, Query(description="With one of these statuses.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> JobList:
    """List the jobs of the processes that who asks may ask for, the newest first."""
    kinds = [name for name in list_kinds(who) if process_id is None or name in process_id]
    states = [state for each in status for state in STATES[each]] if status else None
    found = jobs.list_jobs(database, state=states, kinds=kinds, site_id=site_id, limit=limit)
    shown = [describe_job(find_base(request), job) for job in found if may_see(who, job.options.get("scenario_id"))]
    return JobList(jobs=shown, links=[make_link(find_base(request), "/jobs", "self", "this list")])


@router.get("/jobs/{job_id}")
def show_job(job_id: JobId, request: Request, database: Store, who: Who) -> StatusInfo:
    """Tell how a job is."""
    return describe_job(find_base(request), find_job(database, who, job_id))


@router.get(
    "/jobs/{job_id}/events",  # noqa: FAST003  (what finds the job takes it)
    response_class=EventSourceResponse,
)
async def follow_job(job: Followed, request: Request) -> AsyncIterable[ServerSentEvent]:
    """Follow a job by server-sent events: one now and at each change, named ``job``, until it has ended."""
    followers: Followers = request.app.state.followers
    base = find_base(request)
    async with aclosing(followers.follow(job)) as changes:
        async for news in changes:
            yield ServerSentEvent(event="job", data=describe_job(base, news))


@router.delete("/jobs/{job_id}")
def cancel_job(job_id: JobId, request: Request, database: Store, who: Who) -> StatusInfo:
    """Cancel a job: at once if nobody works on it, else its worker stops in a moment; one that has ended stays so."""
    job = find_job(database, who, job_id)
    with noting(actor=who.name, action="job.cancel", target=f"{job.kind}/{job_id}"):
        return describe_job(find_base(request), jobs.cancel_job(database, job_id))


@router.post("/jobs/{job_id}/retry")
def retry_job(job_id: JobId, request: Request, database: Store, who: Who) -> StatusInfo:
    """Queue a job again that failed, or whose worker died."""
    job = find_job(database, who, job_id)
    if job.state not in STATES["failed"]:
        raise Problem(409, f"the job is {job.state}; only one that failed can be tried again")
    with noting(actor=who.name, action="job.retry", target=f"{job.kind}/{job_id}"):
        return describe_job(find_base(request), jobs.retry_job(database, job_id))


@router.get("/jobs/{job_id}/results")
def show_job_results(job_id: JobId, request: Request, database: Store, who: Who) -> JobResults:
    """Give the figures of a job that is done, and where the rest is."""
    job = find_job(database, who, job_id)
    status = STATUS[job.state]
    if status in {"accepted", "running"}:
        raise Problem(404, "the job has no result yet", more={"type": f"{EXCEPTION}result-not-ready"})
    if status != "successful" or job.result_id is None:
        raise Problem(409, job.message or f"the job is {job.state}, there is no result")
    base, result = find_base(request), describe_result(database, job.result_id)
    path = f"/results/{result.result_id}"
    layers = list_result_layers(database, result.result_id)
    return JobResults(
        figures=result.figures,
        result=make_link(base, path, "item", "the result"),
        file=make_link(base, f"{path}/file", "enclosure", "all of it", kind=result.media_type),
        layers={
            name: make_link(base, f"{path}/layers/{name}", "item", name, kind="application/geo+json") for name in layers
        },
    )
