"""What the routes of patrol plans take and answer; a plan's document is kept as `PlanDocument` describes it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from sightgrid.api.planning.models import Id, Name


class Visit(BaseModel):
    """Where a unit is for a while; ``street``: it patrols streets until it leaves."""

    what: Literal["start", "visit", "street", "break", "end"]
    arrive_at: datetime
    leave_at: datetime
    lon: float
    lat: float
    name: str = Field(description="What people call it.")
    stop_id: str = Field(description="Empty where no stop is meant.")
    number: int | None = Field(description="Of the stop, the same on all pages.")


class Moves(BaseModel):
    """Where a unit is when: between two points it moves evenly."""

    start_at: datetime
    coordinates: list[tuple[float, float]] = Field(description="Longitude and latitude.")
    seconds: list[float] = Field(description="Since `start_at`, one for each point.")


class PlannedUnit(BaseModel):
    """A unit, and what it does when."""

    unit_id: str
    mode: str
    crew: str
    speed_kph: float
    lon: float = Field(description="Of its depot.")
    lat: float = Field(description="Of its depot.")
    start_at: datetime
    end_at: datetime
    back_at: datetime = Field(description="When it is back at its depot, maybe after its shift.")
    colour: str
    dashes: str = Field(description="Of its line, in pixels; empty: none.")
    beat_id: str
    distance_m: float
    work_s: float = Field(description="Moving or at a stop.")
    patrol_s: float = Field(description="Patrolling streets.")
    overtime_min: float
    visits: list[Visit] = Field(description="In the order of time, breaks among them.")


class MovingUnit(PlannedUnit):
    """A unit, what it does when, and where it is at each moment."""

    moves: Moves


class PlannedStop(BaseModel):
    """A stop, and what the plan does for it."""

    stop_id: str
    number: int
    name: str
    category: str
    lon: float
    lat: float
    priority: int
    required: bool
    visits: int = Field(description="Wanted.")
    planned: int
    status: str
    when: str = Field(description="Local times, and units.")
    worst_gap_min: float | None
    mean_gap_min: float | None
    reason: str = Field(description="Why visits are left out; empty if none is.")


class Shortfall(BaseModel):
    """Visits that were wanted and are not in the plan."""

    stop_id: str
    name: str
    number: int
    missing: int
    priority: int
    required: bool
    reason: str


class PlanFigures(BaseModel):
    """The plan in numbers; null where a number has no meaning."""

    stops_required: int
    stops_planned: int
    stops_optional: int
    stops_optional_planned: int
    visits: int
    attention_share: float | None
    worst_gap_min: float | None
    mean_gap_min: float | None
    balance: float | None
    driven_m: float
    camera_rate: float | None
    joint_rate: float | None


class PlanHead(BaseModel):
    """What a plan is about."""

    model_config = ConfigDict(extra="ignore")

    result_id: int = Field(description="Its layers and its files.")
    scenario_id: int | None
    shift: str = Field(description="As people read it.")
    clock: str = Field(description="The zone of the times that people read.")
    start_at: datetime
    end_at: datetime
    figures: PlanFigures


class PlanDocument(PlanHead):
    """A plan as it is kept, but for where the units are at each moment."""

    options: dict[str, Any]
    units: list[PlannedUnit]
    stops: list[PlannedStop]
    shortfalls: list[Shortfall]
    within_min: dict[str, float] | None = Field(
        description="Minutes, and the share of risk that the nearest unit reaches in them, mean over the shift."
    )
    beats: dict[str, float] | None
    assumed: list[str]
    notes: list[str]


class PlanNames(BaseModel):
    """Which plan it is."""

    plan_id: int
    site_id: int
    name: str
    version: int
    made_at: datetime
    changed_at: datetime


class PlanSummary(PlanNames, PlanHead):
    """A plan in a list."""

    units: list[str] = Field(description="Call signs.")


class PlanList(BaseModel):
    """The plans of a site, the newest first."""

    plans: list[PlanSummary]
    before: int | None = Field(description="To be given for the next page; null: this is the last.")


class PlanDetail(PlanNames, PlanDocument):
    """All of a plan."""

    units: list[MovingUnit]  # type: ignore[assignment]  # with their moves


class PlanChange(BaseModel):
    """Another name for a plan."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    version: Id = Field(description="The version that the change is made from.")
