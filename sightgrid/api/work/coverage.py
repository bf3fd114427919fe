"""The process `coverage`: what the cameras of a site see."""

from __future__ import annotations

import json
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import geopandas as gpd
from pydantic import Field

from sightgrid import coverage
from sightgrid.api.work.process import Inputs, Outcome, Process, Report, Task, read_variant
from sightgrid.health.records import STATUSES
from sightgrid.report import styles
from sightgrid.report.geopackage import camera_layer, seen_area_layer, street_layer, write_layers
from sightgrid.store.history import History
from sightgrid.store.sites import find_site

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from sightgrid.coverage import Coverage
    from sightgrid.report.geopackage import Layer
    from sightgrid.store.database import Database

GEOPACKAGE = "application/geopackage+sqlite3"
LAYERS = ("cameras", "obstacles", "streets", "water", "places", "zones")
NOT_WELL = tuple(status for status in STATUSES if status != "ok")


class CoverageInputs(Inputs):
    """What is to be measured, and how."""

    cell_m: float = Field(default=100.0, ge=5.0, le=10_000.0, description="Side of a grid cell, metres.")
    standard: Literal["iec2014", "iec2025"] = Field(
        default="iec2014", description="Edition of IEC 62676-4 whose density classes are reported."
    )
    density_px_m: float | None = Field(
        default=None, ge=0.1, le=100_000.0, description="Least pixel density that counts as seen, pixels per metre."
    )
    target_height_m: float = Field(default=1.5, ge=0.0, le=100.0, description="Height of what is to be seen, metres.")
    health: bool = Field(default=False, description="Cameras that are down see nothing, blurred ones less far.")


def measure_variant(
    database: Database, options: CoverageInputs, scenario_id: int | None, *, report: Report | None = None
) -> Coverage:
    """Measure a site, or one of its scenarios."""
    site = read_variant(database, options.site_id, scenario_id)
    health = None
    if options.health:
        found = _read_faults(database, options.site_id)
        health = found[found.index.get_level_values("camera_id").isin(site.cameras.index)]
    return coverage.measure(
        site,
        cell_m=options.cell_m,
        standard=options.standard,
        density_px_m=options.density_px_m,
        target_height_m=options.target_height_m,
        health=health,
        progress=report,
    )


def count_faults(database: Database, options: CoverageInputs) -> Mapping[str, Any]:
    """Tell in a short text which cameras see nothing or less; nothing if that is not to count."""
    if not options.health:
        return {}
    found = _read_faults(database, options.site_id)[["condition", "consequence"]]
    rows = [[camera_id, *row] for (camera_id, _), row in zip(found.index, found.to_numpy().tolist(), strict=True)]
    return {"health": sha256(json.dumps(sorted(rows)).encode()).hexdigest()}


def draw_seen(seen: Coverage) -> gpd.GeoDataFrame:
    """Draw what each camera sees with each density class or better, by ``camera_id/class``, the coarsest first."""
    areas = coverage.class_areas(seen)
    settings = seen.survey.settings
    # classes below the least density show all the same
    floor = max((px_m for px_m in settings.classes.values() if px_m <= settings.least_px_m), default=0.0)
    areas = areas[areas["px_m"] >= floor].reset_index()
    areas["area_m2"] = areas.geometry.area
    areas["range_m"] = seen.seen["range_m"].reindex(areas["camera_id"]).to_numpy()
    areas.index = areas["camera_id"].astype(str) + "/" + areas["density_class"]
    return areas


def pack_layers(layers: Mapping[str, Layer]) -> bytes:
    """Write layers with their QGIS styles into a GeoPackage."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "layers.gpkg"
        write_layers(path, layers)
        return path.read_bytes()


def _read_faults(database: Database, site_id: int) -> pd.DataFrame:
    return History(database, find_site(database, site_id).uid).latest(status=NOT_WELL)


def _run(task: Task[CoverageInputs]) -> Outcome:
    task.report("site", 0, 1)
    seen = measure_variant(task.database, task.options, task.options.scenario_id, report=task.report)
    task.report("map", 0, 1)
    site = seen.site
    streets = site.streets[["name", "highway", "length_m", "geometry"]].join(seen.streets)
    places = site.places[["name", "category", "priority", "geometry"]].join(seen.places)
    layers = {"cells": seen.cells, "seen": draw_seen(seen), "streets": streets, "places": places}
    task.report("file", 0, 1)
    areas = seen_area_layer(seen)
    body = pack_layers(
        {
            "cameras": (camera_layer(seen), "Point", styles.camera_style()),
            "seen_areas": (areas, "MultiPolygon", styles.seen_area_style(sorted(areas["model"].unique()))),
            "grid": (seen.cells, "Polygon", styles.grid_style()),
            "streets": (street_layer(seen), "LineString", styles.street_style()),
        }
    )
    return Outcome(seen.summary(), layers, body, GEOPACKAGE)


COVERAGE = Process(
    name="coverage",
    title="Coverage",
    description="How much of the observable ground the cameras see, by cell, street and place, and what each sees.",
    inputs=CoverageInputs,
    layers=LAYERS,
    run=_run,
    stages={"site": 0.05, "seen areas": 0.3, "rates": 0.4, "map": 0.1, "file": 0.15},
    depends=count_faults,
)
