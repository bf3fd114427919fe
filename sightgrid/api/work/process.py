"""What every kind of long work looks like: its inputs, what it is given when it runs, and what it hands back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from sightgrid.columns import COLUMNS
from sightgrid.store import scenarios, sites
from sightgrid.store.conflicts import NotFoundError
from sightgrid.store.results import fingerprint_inputs

if TYPE_CHECKING:
    import geopandas as gpd
    import sqlalchemy as sa

    from sightgrid.site import Site
    from sightgrid.store.database import Database
    from sightgrid.store.sites import StoredSite

LARGEST_ID = 2**63 - 1

Report = Callable[[str, int, int], None]


class Inputs(BaseModel):
    """What every kind of work is asked with; its own inputs are added in a class of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    site_id: int = Field(ge=1, le=LARGEST_ID, description="The site.")
    scenario_id: int | None = Field(
        default=None, ge=1, le=LARGEST_ID, description="The scenario whose cameras count; the site's own if not given."
    )


I = TypeVar("I", bound=Inputs)  # noqa: E741  (the inputs of one kind of work)


@dataclass(frozen=True)
class Outcome:
    """What a job hands back.

    Attributes
    ----------
    figures : mapping
        What was found, in short; numbers of numpy and NaN (null) may be in it.
    layers : mapping of str to GeoDataFrame
        What it shows on a map, by the names of `sightgrid.api.roles.RESULTS`, in the coordinate system of the site.
    body : bytes
        All of it, as a file of the type `media_type`.
    media_type : str
    keep : callable, optional
        Called as ``keep(connection, result_id)`` in the transaction that keeps the result and ends the job.
    """

    figures: Mapping[str, Any]
    layers: Mapping[str, gpd.GeoDataFrame]
    body: bytes
    media_type: str
    keep: Callable[[sa.Connection, int], None] | None = None


@dataclass(frozen=True)
class Task(Generic[I]):
    """What a job is given.

    Attributes
    ----------
    database : Database
    site : StoredSite
        The site, without its layers.
    options : Inputs
        The checked inputs.
    report : callable
        Called as ``report(stage, done, total)``; 0 as total means that it is not known. As often as one likes: it is
        cheap, and writes a few times a second only. Raises JobLostError when the job was cancelled.
    actor : str
        Who asked.
    """

    database: Database
    site: StoredSite
    options: I
    report: Report
    actor: str = ""

    def read_site(self) -> Site:
        """Read the site with all its layers, and the cameras of the scenario if one is asked for."""
        return read_variant(self.database, self.site.site_id, self.options.scenario_id)


def _accept(_: Database, __: Any) -> None:
    return


def _depends_on_nothing(_: Database, __: Any) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True)
class Process(Generic[I]):
    """One kind of long work.

    Attributes
    ----------
    name, title, description : str
        As in `sightgrid.api.roles.PROCESSES`; for people; more for people.
    inputs : type of Inputs
        Checks what is asked for, with ranges, units in the names and descriptions.
    layers : tuple of str
        Layers of the site that the result is made from; they count by their revisions.
    run : callable
        Does the work. Errors of `sightgrid.errors` are told to who asked; others are not.
    stages : mapping of str to float
        The stages that are reported, in their order, with the share of the time that each takes; for the progress.
    depends : callable
        Called with the store and the inputs: what else the result depends on, as JSON has it, such as the version of a
        second scenario. Raises NotFoundError where the inputs name what is not there.
    lasting : bool
        The same inputs give the same result, so that one that is kept answers again. False: it is made anew each time,
        and takes the place of the one before.
    check : callable
        Called with the store and the inputs when the work is asked for: raises what would make it fail anyway.
    """

    name: str
    title: str
    description: str
    inputs: type[I]
    layers: tuple[str, ...]
    run: Callable[[Task[I]], Outcome]
    stages: Mapping[str, float] = field(default_factory=dict)
    depends: Callable[[Database, I], Mapping[str, Any]] = _depends_on_nothing
    lasting: bool = True
    check: Callable[[Database, I], None] = _accept

    def fingerprint(self, database: Database, options: I) -> str:
        """Tell in one short text all that a result depends on; see `sightgrid.store.results.fingerprint_inputs`."""
        return fingerprint_inputs(
            database,
            options.site_id,
            kind=self.name,
            options={"inputs": options.model_dump(mode="json"), "depends": dict(self.depends(database, options))},
            layers=self.layers,
            scenario_id=options.scenario_id,
        )


def read_variant(database: Database, site_id: int, scenario_id: int | None) -> Site:
    """Read a site, with the cameras of one of its scenarios if one is given; cameras with the contract's columns alone.

    Raises
    ------
    NotFoundError
        There is no such site, or it has no such scenario.
    """
    site = sites.read_site(database, site_id)
    cameras = site.cameras
    if scenario_id is not None:
        if scenarios.find_scenario(database, scenario_id).site_id != site_id:
            raise NotFoundError(f"the site has no scenario {scenario_id}")
        cameras = scenarios.read_cameras(database, scenario_id)
    return site.with_cameras(cameras[[*(column.name for column in COLUMNS["cameras"]), cameras.geometry.name]])
