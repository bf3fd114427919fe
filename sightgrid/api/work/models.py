"""What the routes of jobs and results take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import BaseModel, Field, StringConstraints

from sightgrid.api.work.process import LARGEST_ID

Name = Annotated[str, StringConstraints(pattern="^[a-z]{1,40}$")]  # of a process
JobId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="The number of a job.")]
ResultId = Annotated[int, Path(ge=1, le=LARGEST_ID, description="The number of a result.")]
SiteId = Annotated[int, Path(ge=1, le=LARGEST_ID, description="The number of a site.")]


class Link(BaseModel):
    """Where something else is."""

    href: str
    rel: str
    type: str
    title: str


class ProcessSummary(BaseModel):
    """One kind of long work, in short."""

    id: str
    title: str
    description: str
    version: str
    jobControlOptions: list[str]  # noqa: N815  (as OGC API - Processes names it)
    outputTransmission: list[str]  # noqa: N815
    links: list[Link]


class ProcessList(BaseModel):
    """The kinds of long work that who asks may ask for."""

    processes: list[ProcessSummary]
    links: list[Link]


class ProcessDescription(ProcessSummary):
    """One kind of long work; each of the `inputs` has a JSON schema."""

    inputs: dict[str, Any]
    outputs: dict[str, Any]


class Execution(BaseModel):
    """What a process is asked with; members that OGC API - Processes knows beside these are not looked at."""

    inputs: dict[str, Any]


class StatusInfo(BaseModel):
    """How a job is: what OGC API - Processes tells, and more."""

    jobID: str  # noqa: N815
    processID: str  # noqa: N815
    type: Literal["process"] = "process"
    status: Literal["accepted", "running", "successful", "failed", "dismissed"]
    message: str
    created: datetime
    started: datetime | None
    finished: datetime | None
    progress: int = Field(ge=0, le=100)
    links: list[Link]
    state: Literal["queued", "running", "done", "failed", "retryable", "cancelled"]
    stage: str = Field(description="What it is at.")
    cancelling: bool = Field(description="It was cancelled, and its worker has not stopped yet.")
    attempts: int
    result_id: int | None
    site_id: int | None
    actor: str = Field(description="Who asked.")
    inputs: dict[str, Any]


class JobList(BaseModel):
    """Jobs, the newest first."""

    jobs: list[StatusInfo]
    links: list[Link]


class JobResults(BaseModel):
    """What a job found out, and where all of it is."""

    figures: dict[str, Any]
    result: Link
    file: Link
    layers: dict[str, Link]


class ResultSummary(BaseModel):
    """A result that is kept."""

    result_id: int
    kind: str
    site_id: int
    scenario_id: int | None
    scenario_version: int | None
    options: dict[str, Any]
    figures: dict[str, Any]
    media_type: str
    made_at: datetime
    current: bool = Field(description="Nothing that it was made from has changed since.")


class ResultDescription(ResultSummary):
    """A result that is kept, with its layers."""

    layers: dict[str, int] = Field(description="Rows of each layer that who asks may see.")


class ResultList(BaseModel):
    """Results of a site, the newest first."""

    results: list[ResultSummary]


class ResultFeature(BaseModel):
    """What a result shows at one place, in longitude and latitude."""

    type: Literal["Feature"]
    id: str
    geometry: dict[str, Any]
    properties: dict[str, Any]


class ResultFeatures(BaseModel):
    """A page of a layer of a result."""

    type: Literal["FeatureCollection"]
    features: list[ResultFeature]
    numberReturned: int  # noqa: N815  (as OGC API - Features names it)
    links: list[Link]
