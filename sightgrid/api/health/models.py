"""What the routes of the cameras' health take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from sightgrid.api.planning.models import FeatureId

Status = Literal["offline", "fault", "warning", "not_checkable", "ok", "not_probed"]
CameraId = Annotated[FeatureId, Path(description="The camera.")]
After = Annotated[str, Query(max_length=1000, pattern=r"^[^\x00]*$", description="What the page before said.")]
Words = Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$", description="Part of the id or the name.")]


class CameraRow(BaseModel):
    """A camera, and its newest probe."""

    camera_id: str
    name: str
    owner_class: str
    status: Status = Field(description="`not_probed`: nobody has looked yet, and what follows is empty.")
    fault: str = Field(description="What is wrong, in a word or two; empty if nothing is.")
    reason: str
    stage: str = Field(description="At which the probe failed; empty if it passed all.")
    condition: str = Field(description="What stands first; empty if nothing does.")
    consequence: str = Field(description="For the coverage: `nothing` is seen, `void`, `shorter`, or `none`.")
    checked_at: datetime | None
    thumbnail_at: datetime | None = Field(description="Of the last picture; null: there is none.")
    lon: float
    lat: float


class HealthTable(BaseModel):
    """A page of the cameras of a site, by id."""

    cameras: list[CameraRow]
    counts: dict[str, int] | None = Field(description="Cameras of the site by status; only with the first page.")
    after: str | None = Field(description="To be given for the next page; null: this is the last.")


class ProbeRow(BaseModel):
    """What was found out when."""

    checked_at: datetime
    status: Status
    reason: str
    stage: str
    condition: str
    consequence: str
    seconds: float = Field(description="How long the probe took.")


class Outage(BaseModel):
    """A time in which a camera was not there."""

    start_at: datetime
    end_at: datetime | None
    seconds: float
    planned_s: float = Field(description="Of it in planned work.")
    ongoing: bool
    reason: str


class Rates(BaseModel):
    """Rates of the last seven days: what a probe found is believed until the next, for an hour at most."""

    online_rate: float | None = Field(description="Of the checked time; null: nothing was checked.")
    intact_rate: float | None
    checked_s: float
    unknown_s: float
    maintenance_s: float
    probes: int


class CameraDetail(CameraRow):
    """A camera, and what was found out about it."""

    rates: Rates
    outages: list[Outage] = Field(description="The longest first.")
    measures: dict[str, float] = Field(description="Of its newest probe.")
    probes: list[ProbeRow] = Field(description="The last 200, the newest first.")


class StreamRow(BaseModel):
    """Where the stream of a camera is, without anything that could open it."""

    camera_id: str
    scheme: str
    host: str
    port: int | None
    has_login: bool = Field(description="The address names a user.")
    fault: str = Field(description="Why it is no address; empty if it is one.")


class StreamList(BaseModel):
    """A page of the streams of a site, by camera."""

    streams: list[StreamRow]
    after: str | None = Field(description="To be given for the next page; null: this is the last.")


class StreamChange(BaseModel):
    """The address of a stream; no answer and no log repeats it."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    stream_url: Annotated[str, StringConstraints(max_length=4000, pattern=r"^[^\x00]*$")] = Field(
        description="rtsp, rtsps, http or https; empty: the camera has none any more."
    )
