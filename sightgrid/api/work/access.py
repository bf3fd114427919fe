"""Who may see a job or a result: by its process, and whether it is about a scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sightgrid.api.actors import require_process
from sightgrid.api.problems import Problem
from sightgrid.api.roles import PLAN, PROCESSES

if TYPE_CHECKING:
    from sightgrid.api.actors import Actor
    from sightgrid.store.jobs import Job
    from sightgrid.store.results import KeptResult

OPEN = "coverage"  # its figures tell no position; its layers have roles of their own


def require_scenario(who: Actor, scenario_id: int | None) -> None:
    """Refuse who may not see scenarios, where one is meant."""
    if scenario_id is not None and who.role not in PLAN:
        raise Problem(403, f"the role {who.role} may not see scenarios")


def require_job(who: Actor, job: Job) -> None:
    """Refuse who may not see a job."""
    require_process(who, job.kind)
    require_scenario(who, job.options.get("scenario_id"))


def require_kept(who: Actor, result: KeptResult) -> None:
    """Refuse who may not see the figures of a result."""
    if result.kind != OPEN:
        require_process(who, result.kind)
    require_scenario(who, result.scenario_id)


def list_kinds(who: Actor) -> list[str]:
    """Return the processes that somebody may ask for."""
    return [name for name, roles in PROCESSES.items() if who.role in roles]


def may_see(who: Actor, scenario_id: int | None) -> bool:
    """Tell whether something about a scenario, or about none, may be told."""
    return scenario_id is None or who.role in PLAN
