"""Scenarios: named variants of a site's cameras, compared, and filled with what a plan suggests."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from sightgrid.api.actors import Store, Who, require_result
from sightgrid.api.planning.cameras import CameraFeature
from sightgrid.api.planning.models import LARGEST_ID, FeatureId, Id, IfMatch, Name, Note, Version, read_version
from sightgrid.api.planning.routes_sites import SiteId
from sightgrid.api.planning.suggestions import accept_suggestion
from sightgrid.api.planning.variants import Changes, compare_variants
from sightgrid.store import scenarios, sites
from sightgrid.store.audit_entries import noting
from sightgrid.store.clock import to_time
from sightgrid.store.database import Database
from sightgrid.store.scenarios import Scenario
from sightgrid.store.variants import count_edits

MOST_RESET = 10_000

ScenarioId = Annotated[int, Path(ge=1, le=LARGEST_ID, description="The number of a scenario.")]

router = APIRouter(tags=["planning"])


class ScenarioDescription(BaseModel):
    """A scenario."""

    scenario_id: int
    site_id: int
    name: str
    note: str
    version: int = Field(description="Every change counts it on.")
    made_at: datetime
    changed_at: datetime
    edited: int = Field(description="How many cameras it adds, changes or removes.")


class NewScenario(BaseModel):
    """A scenario to begin."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    note: Note = ""
    copy_of: Id | None = Field(default=None, description="A scenario of the same site whose changes it begins with.")


class ScenarioChange(BaseModel):
    """A new name or note."""

    model_config = ConfigDict(extra="forbid")

    version: Version = Field(description="Of the scenario as it was read.")
    name: Name | None = None
    note: Note | None = None


class Reset(BaseModel):
    """Cameras whose changes are to be undone."""

    model_config = ConfigDict(extra="forbid")

    versions: dict[FeatureId, Version] = Field(
        min_length=1, max_length=MOST_RESET, description="For each camera the version that was read."
    )


class SuggestionChoice(BaseModel):
    """A camera that a placement suggests."""

    model_config = ConfigDict(extra="forbid")

    result_id: Id
    feature_id: FeatureId


class TakenCamera(CameraFeature):
    """The camera as the scenario has it now."""

    change: Literal["new", "turned", "removed"]


@router.get("/sites/{site_id}/scenarios")
def list_scenarios(site_id: SiteId, database: Store) -> list[ScenarioDescription]:
    """List the scenarios of a site by name."""
    sites.find_site(database, site_id)
    return [_describe(database, each) for each in scenarios.list_scenarios(database, site_id)]


@router.post("/sites/{site_id}/scenarios", status_code=201)
def add_scenario(
    site_id: SiteId, asked: NewScenario, response: Response, database: Store, who: Who
) -> ScenarioDescription:
    """Begin a scenario: with the site's cameras as they are, or with the changes of another scenario."""
    site = sites.find_site(database, site_id)
    detail = None if asked.copy_of is None else {"copy_of": asked.copy_of}
    with noting(actor=who.name, action="scenario.add", target=f"{site.name}/{asked.name}", detail=detail):
        scenario = scenarios.add_scenario(database, site_id, name=asked.name, note=asked.note, copy_of=asked.copy_of)
    response.headers["Location"] = f"/scenarios/{scenario.scenario_id}"
    return _answer(database, scenario, response)


@router.get("/scenarios/{scenario_id}")
def show_scenario(scenario_id: ScenarioId, response: Response, database: Store) -> ScenarioDescription:
    """Show a scenario; its cameras are the collection ``{site_id}.cameras.{scenario_id}``."""
    return _answer(database, scenarios.find_scenario(database, scenario_id), response)


@router.patch("/scenarios/{scenario_id}")
def change_scenario(
    scenario_id: ScenarioId, asked: ScenarioChange, response: Response, database: Store, who: Who
) -> ScenarioDescription:
    """Give a scenario another name or note; 412 if somebody changed it since."""
    found = scenarios.find_scenario(database, scenario_id)
    name = found.name if asked.name is None else asked.name
    note = found.note if asked.note is None else asked.note
    with noting(actor=who.name, action="scenario.change", target=_name(database, found), detail={"name": name}):
        changed = scenarios.rename_scenario(database, scenario_id, name=name, note=note, version=asked.version)
    return _answer(database, changed, response)


@router.delete("/scenarios/{scenario_id}", status_code=204)
def delete_scenario(scenario_id: ScenarioId, database: Store, who: Who, if_match: IfMatch = None) -> None:
    """Take a scenario out, with its results; 412 if somebody changed it since."""
    found = scenarios.find_scenario(database, scenario_id)
    version = read_version(if_match)
    with noting(actor=who.name, action="scenario.delete", target=_name(database, found)):
        scenarios.delete_scenario(database, scenario_id, version=version)


@router.get("/scenarios/{scenario_id}/changes")
def compare_scenario(
    scenario_id: ScenarioId,
    database: Store,
    before: Annotated[
        int | None, Query(alias="with", ge=1, le=LARGEST_ID, description="Another scenario; the site if not given.")
    ] = None,
) -> Changes:
    """Tell what a scenario changes over the site, or over another of its scenarios, camera by camera."""
    return compare_variants(database, scenarios.find_scenario(database, scenario_id), before)


@router.post("/scenarios/{scenario_id}/reset")
def reset_cameras(
    scenario_id: ScenarioId, asked: Reset, response: Response, database: Store, who: Who
) -> ScenarioDescription:
    """Undo what a scenario does to some cameras: they are again as the site has them, or gone."""
    found = scenarios.find_scenario(database, scenario_id)
    detail = {"cameras": len(asked.versions)}
    with noting(actor=who.name, action="scenario.reset", target=_name(database, found), detail=detail):
        changed = scenarios.reset_cameras(database, scenario_id, versions=asked.versions)
    return _answer(database, changed, response)


@router.post("/scenarios/{scenario_id}/suggestions", status_code=201)
def take_suggestion(
    scenario_id: ScenarioId, asked: SuggestionChoice, response: Response, database: Store, who: Who
) -> TakenCamera:
    """Take over what a placement suggests: a new camera, a turned one, or that one goes; 409 if that is done."""
    require_result(who, "suggestions")
    found = scenarios.find_scenario(database, scenario_id)
    detail = {"result_id": asked.result_id}
    target = f"{_name(database, found)}/{asked.feature_id}"
    with noting(actor=who.name, action="suggestion.take", target=target, detail=detail):
        change, camera = accept_suggestion(database, found, asked.result_id, asked.feature_id)
    response.headers["ETag"] = f'"{camera.version}"'
    return TakenCamera(**camera.model_dump(), change=change)


def _answer(database: Database, scenario: Scenario, response: Response) -> ScenarioDescription:
    response.headers["ETag"] = f'"{scenario.version}"'
    return _describe(database, scenario)


def _describe(database: Database, scenario: Scenario) -> ScenarioDescription:
    with database.read() as connection:
        edited = count_edits(connection, scenario.scenario_id)
    told = scenario._asdict()
    made_at, changed_at = to_time(told.pop("made_at_us")), to_time(told.pop("changed_at_us"))
    return ScenarioDescription(**told, made_at=made_at, changed_at=changed_at, edited=edited)


def _name(database: Database, scenario: Scenario) -> str:
    return f"{sites.find_site(database, scenario.site_id).name}/{scenario.name}"
