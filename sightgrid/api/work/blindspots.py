"""The process `blindspots`: observable ground that no camera sees, and why."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from sightgrid import coverage
from sightgrid.api.work.coverage import (
    GEOPACKAGE,
    LAYERS,
    CoverageInputs,
    count_faults,
    measure_variant,
    pack_layers,
)
from sightgrid.api.work.process import Outcome, Process, Task
from sightgrid.report import styles

NEAREST = ["nearest_camera_id", "nearest_camera_m"]  # where cameras stand is not for everybody who sees blind spots


class BlindspotInputs(CoverageInputs):
    """What is to be measured, and which spots are worth telling."""

    min_area_m2: float = Field(default=25.0, ge=0.0, le=1e9, description="Smaller spots are left out, square metres.")


def _run(task: Task[BlindspotInputs]) -> Outcome:
    options = task.options
    task.report("site", 0, 1)
    seen = measure_variant(task.database, options, options.scenario_id, report=task.report)
    spots = coverage.blind_spots(seen.site, seen, min_area_m2=options.min_area_m2, progress=task.report)
    task.report("file", 0, 1)
    body = pack_layers(
        {
            "blind_spots": (spots, "MultiPolygon", styles.blind_spot_style()),
            "grid": (seen.cells, "Polygon", styles.grid_style()),
        }
    )
    by_cause = spots.groupby("cause")["area_m2"].agg(["size", "sum"])
    causes: dict[str, Any] = {
        str(cause): {"blind_spots": int(count), "blind_area_m2": float(area_m2)}
        for cause, count, area_m2 in by_cause.itertuples()
    }
    figures = {**seen.summary(spots), "causes": causes}
    return Outcome(figures, {"blindspots": spots.drop(columns=NEAREST)}, body, GEOPACKAGE)


BLINDSPOTS = Process(
    name="blindspots",
    title="Blind spots",
    description="The observable ground that no camera sees: where, how large, with how much street, and why.",
    inputs=BlindspotInputs,
    layers=LAYERS,
    run=_run,
    stages={"site": 0.05, "seen areas": 0.2, "rates": 0.3, "blind spots": 0.35, "file": 0.1},
    depends=count_faults,
)
