"""The process `comparison`: two variants of a site's cameras measured, and the cells where they differ."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, model_validator

from sightgrid.api.work.coverage import GEOPACKAGE, LAYERS, CoverageInputs, count_faults, measure_variant, pack_layers
from sightgrid.api.work.process import LARGEST_ID, Outcome, Process, Report, Task
from sightgrid.errors import InputError
from sightgrid.report import styles
from sightgrid.report.placement.plan_map import compare_cells
from sightgrid.store.comparison import compare_cameras
from sightgrid.store.conflicts import NotFoundError
from sightgrid.store.scenarios import find_scenario

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd

    from sightgrid.coverage import Coverage
    from sightgrid.store.database import Database

RATES = ("coverage_rate", "rate_seen_twice", "street_rate", "views_mean", "cameras_total")
MOST_TOLD = 1000  # changed cameras


class ComparisonInputs(CoverageInputs):
    """Which two variants are compared, and how they are measured."""

    with_scenario_id: int | None = Field(
        default=None, ge=1, le=LARGEST_ID, description="The variant before; the site's own cameras if not given."
    )

    @model_validator(mode="after")
    def _check_variants(self) -> Self:
        if self.scenario_id == self.with_scenario_id:
            raise ValueError("scenario_id, with_scenario_id: give two different variants")
        return self


def _depends(database: Database, options: ComparisonInputs) -> Mapping[str, Any]:
    version = None
    if options.with_scenario_id is not None:
        scenario = find_scenario(database, options.with_scenario_id)
        if scenario.site_id != options.site_id:
            raise NotFoundError(f"the site has no scenario {options.with_scenario_id}")
        version = scenario.version
    return {**count_faults(database, options), "with_version": version}


def _run(task: Task[ComparisonInputs]) -> Outcome:
    options = task.options
    before = _measure(task, options.with_scenario_id, "before")
    after = _measure(task, options.scenario_id, "after")
    task.report("file", 0, 1)
    changes = compare_measured(before, after)
    cameras = compare_cameras(before.site.cameras, after.site.cameras)
    body = pack_layers({"changes": (changes, "Polygon", styles.grid_style("rate"))})
    told = cameras.head(MOST_TOLD).itertuples()
    figures = {
        "before": before.summary(),
        "after": after.summary(),
        "differences": {name: _subtract(after.totals[name], before.totals[name]) for name in RATES},
        "cells_changed": int((changes["difference"].fillna(0.0) != 0.0).sum()),
        "cameras_changed": len(cameras),
        "cameras": [{"camera_id": row.Index, "change": row.change, "columns": row.columns} for row in told],
    }
    return Outcome(figures, {"changes": changes}, body, GEOPACKAGE)


def compare_measured(before: Coverage | None, after: Coverage) -> gpd.GeoDataFrame:
    """Return the cells with ``rate_before``, ``rate`` and their ``difference``, all shares of observable ground."""
    return compare_cells(before, after).rename(columns={"rate_after": "rate"})


def _measure(task: Task[ComparisonInputs], scenario_id: int | None, which: str) -> Coverage:
    task.report(f"site {which}", 0, 1)
    report: Report = lambda stage, done, total: task.report(f"{stage} {which}", done, total)  # noqa: E731
    try:
        return measure_variant(task.database, task.options, scenario_id, report=report)
    except InputError as error:
        raise InputError(f"the variant {which}: {error}") from error


def _subtract(after: float, before: float) -> float | None:
    difference = after - before
    return difference if math.isfinite(difference) else None


COMPARISON = Process(
    name="comparison",
    title="Comparison",
    description="Two variants of the cameras measured on the same grid: both totals, and the cells where they differ.",
    inputs=ComparisonInputs,
    layers=LAYERS,
    run=_run,
    stages={
        "site before": 0.05,
        "seen areas before": 0.2,
        "rates before": 0.25,
        "site after": 0.05,
        "seen areas after": 0.15,
        "rates after": 0.2,
        "file": 0.1,
    },
    depends=_depends,
)
