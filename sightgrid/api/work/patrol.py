"""The process `patrol`: who patrols where and when, kept as a plan with a name."""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd

from sightgrid.api.dispatch.documents import list_map_layers, write_document
from sightgrid.api.dispatch.inputs import PatrolInputs, place_stops, place_units
from sightgrid.api.work.process import Outcome, Process, Task
from sightgrid.errors import InfeasibleError, InputError
from sightgrid.patrol import check_plan, risk
from sightgrid.patrol.risks.risks import select_incidents
from sightgrid.report.patrol.moves import list_moves
from sightgrid.report.patrol.patrol_summary import FIGURES, summarise_patrol
from sightgrid.report.patrol.shift_plan import Given, plan_shift
from sightgrid.report.patrol.shift_report import write_patrol
from sightgrid.store.conflicts import ExistsError
from sightgrid.store.layers import read_layer
from sightgrid.store.plans import insert_plan, require_free_name

if TYPE_CHECKING:
    import sqlalchemy as sa

    from sightgrid.report.patrol.briefing import Briefing
    from sightgrid.site import Site
    from sightgrid.store.database import Database

ZIP = "application/zip"
MOVES = "moves.json"  # in the zip: where each unit is when
LAYERS = ("cameras", "obstacles", "streets", "water", "places", "zones", "incidents")


def check_name(database: Database, options: PatrolInputs) -> None:
    """Raise ExistsError if the site has a plan of this name."""
    require_free_name(database, options.site_id, options.name)


def _run(task: Task[PatrolInputs]) -> Outcome:
    options = task.options
    try:
        check_name(task.database, options)
    except ExistsError as error:  # it was made while this job waited
        raise InputError(str(error)) from error
    task.report("site", 0, 1)
    site = task.read_site()
    incidents, notes = _read_incidents(task, site)
    spread = risk(incidents, site.streets, method="length" if incidents is None else "count")
    given = Given(
        site=site,
        units=place_units(options, site, spread),
        clock=options.clock,
        incidents=incidents,
        stops=place_stops(options, site),
    )
    briefing, told = plan_shift(given, progress=task.report, engine="auto", seconds=options.seconds, seed=options.seed)
    task.report("check", 0, 1)
    broken = check_plan(briefing.plan)
    if broken:
        raise InfeasibleError(f"the plan breaks its own rules ({len(broken)}) and is not kept: {broken[0]}")
    summary = summarise_patrol(briefing, assumed=told["assumed"], notes=[*notes, *told["notes"]])
    document = write_document(briefing, summary, options)

    def keep(connection: sa.Connection, result_id: int) -> None:
        insert_plan(connection, options.site_id, name=options.name, document={**document, "result_id": result_id})

    figures = {"name": options.name, **{name: summary[name] for name in FIGURES}}
    figures |= {"within_min": summary["within_min"], "units": len(briefing.plan.units)}
    return Outcome(figures, list_map_layers(briefing), _pack(briefing, summary, task), ZIP, keep=keep)


def _read_incidents(task: Task[PatrolInputs], site: Site) -> tuple[gpd.GeoDataFrame | None, list[str]]:
    """Return the incidents of the site, None if there are none to count; also what is to be told of that."""
    incidents = read_layer(task.database, task.site.site_id, "incidents")
    if not len(incidents):
        return None, []
    kept, *_, notes = select_incidents(incidents, site.streets)
    if len(kept):
        return incidents, []
    return None, [f"none of {len(incidents):,} incidents counts", *notes]


def _pack(briefing: Briefing, summary: dict[str, Any], task: Task[PatrolInputs]) -> bytes:
    """Write the files of a shift, and where the units are when, into a zip."""
    packed = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in write_patrol(Path(folder) / "shift", briefing, summary=summary, progress=task.report):
            archive.write(path, path.name)
        moves = {str(unit_id): list_moves(briefing.plan, str(unit_id)) for unit_id in briefing.plan.units.index}
        archive.writestr(MOVES, json.dumps(moves, separators=(",", ":")))
    return packed.getvalue()


PATROL = Process(
    name="patrol",
    title="Patrols of a shift",
    description="Who patrols where and when, so that patrols look where cameras do not; kept as a plan with a name.",
    inputs=PatrolInputs,
    layers=LAYERS,
    run=_run,
    stages={
        "site": 0.1,
        "seen areas": 0.05,
        "rates": 0.05,
        "beats": 0.05,
        "routes": 0.25,
        "response": 0.1,
        "check": 0.1,
        "files": 0.3,
    },
    lasting=False,
    check=check_name,
)
