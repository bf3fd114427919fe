"""Two variants of a site's cameras, told apart by what their scenarios touch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, Field

from sightgrid.api.planning.lonlat import find_crs
from sightgrid.store import scenarios
from sightgrid.store.comparison import compare_cameras
from sightgrid.store.variants import select_cameras, select_edits, select_state

if TYPE_CHECKING:
    from sightgrid.store.database import Database
    from sightgrid.store.scenarios import Scenario


class CameraChange(BaseModel):
    """A camera that is not the same in both."""

    camera_id: str
    change: Literal["added", "removed", "changed"]
    columns: list[str] = Field(description="What of it was changed; `geometry` if it stands elsewhere.")
    version: int = Field(description="Of the camera in the scenario, for its reset; 0 if the scenario leaves it alone.")


class Changes(BaseModel):
    """What a scenario changes."""

    scenario_id: int
    version: int
    with_scenario_id: int | None = Field(description="The variant before; the site's own cameras if null.")
    counts: dict[str, int]
    changes: list[CameraChange]


def compare_variants(database: Database, scenario: Scenario, before_id: int | None) -> Changes:
    """Tell a scenario and the site, or another scenario of it, apart; the scenario is the variant after.

    Raises
    ------
    NotFoundError
        The site has no such other scenario.
    """
    site_id, scenario_id = scenario.site_id, scenario.scenario_id
    with database.read() as connection:
        state = select_state(connection, site_id, scenario_id)
        if before_id is not None:
            select_state(connection, site_id, before_id)
        versions = {row.feature_id: row.version for row in select_edits(connection, scenario_id)}
        touched = set(versions)
        if before_id is not None:
            touched |= {row.feature_id for row in select_edits(connection, before_id)}
        crs = find_crs(state.crs)
        before = select_cameras(connection, site_id, touched, crs=crs, scenario_id=before_id)
        after = select_cameras(connection, site_id, touched, crs=crs, scenario_id=scenario_id)
    table = compare_cameras(before, after)
    told = [
        CameraChange(
            camera_id=camera_id, change=change, columns=[name for name in columns.split(", ") if name],
            version=versions.get(camera_id, scenarios.BASE),
        )
        for camera_id, change, columns in zip(
            table.index.tolist(), table["change"].tolist(), table["columns"].tolist(), strict=True
        )
    ]  # fmt: skip
    counts = {change: sum(each.change == change for each in told) for change in ("added", "removed", "changed")}
    return Changes(
        scenario_id=scenario_id, version=state.scenario_version, with_scenario_id=before_id, counts=counts, changes=told
    )
