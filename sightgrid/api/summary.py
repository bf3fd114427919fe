"""What everybody may know: how much of each site the cameras see, and nothing of where they stand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fastapi import APIRouter
from pydantic import BaseModel, Field, ValidationError

from sightgrid.api.actors import Store
from sightgrid.api.work.coverage import COVERAGE
from sightgrid.store.conflicts import NotFoundError
from sightgrid.store.results import KeptResult, list_results
from sightgrid.store.sites import list_sites

if TYPE_CHECKING:
    from sightgrid.store.database import Database

NEWEST = 50  # results that are looked at: the others are of scenarios, or of a site that has changed since

router = APIRouter()


class SiteSummary(BaseModel):
    """What everybody may know of a site; the rates are null if it was not measured since it changed."""

    site: str
    coverage_rate: float | None = Field(description="Share of the observable ground that a camera sees.")
    density_rates: dict[str, float | None] = Field(description="The same for each density class or better.")
    measured_at: datetime | None


class Summary(BaseModel):
    """What everybody may know."""

    sites: list[SiteSummary]


@router.get("/public/summary")
def show_public_summary(database: Store) -> Summary:
    """Tell how much of each site the cameras see, without where they stand."""
    return Summary(sites=[_summarise(database, site.site_id, site.name) for site in list_sites(database)])


def _summarise(database: Database, site_id: int, name: str) -> SiteSummary:
    for result in list_results(database, site_id, kinds=[COVERAGE.name], limit=NEWEST):
        if result.scenario_id is None and _is_current(database, result):
            return SiteSummary(
                site=name,
                coverage_rate=result.figures["coverage_rate"],
                density_rates=result.figures["density_rates"],
                measured_at=datetime.fromtimestamp(result.made_at_us / 1e6, UTC),
            )
    return SiteSummary(site=name, coverage_rate=None, density_rates={}, measured_at=None)


def _is_current(database: Database, result: KeptResult) -> bool:
    known = {name: value for name, value in result.options.items() if name in COVERAGE.inputs.model_fields}
    try:
        return COVERAGE.fingerprint(database, COVERAGE.inputs.model_validate(known)) == result.fingerprint
    except (ValidationError, NotFoundError):  # asked of an older program; the site went meanwhile
        return False
