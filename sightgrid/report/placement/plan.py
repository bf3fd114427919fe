"""A plan for new cameras as a folder: layers for QGIS, GeoJSON, the map, the costs and the summary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sightgrid.report import styles
from sightgrid.report.folder import write_files, write_json
from sightgrid.report.geopackage import write_layers
from sightgrid.report.placement.plan_map import compare_cells, draw_plan

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import geopandas as gpd
    from numpy.typing import NDArray

    from sightgrid.coverage import Coverage
    from sightgrid.coverage.plan import Placement

PLAN_OUTPUTS = ("placement.gpkg", "placement.geojson", "map.html", "costs.csv", "summary.json")
# SQLite would replay a stale journal into the new GeoPackage
PLAN_OURS = (*PLAN_OUTPUTS, "placement.gpkg-journal", "placement.gpkg-shm", "placement.gpkg-wal")

_COLUMNS = [
    "rank",
    "mount_id",
    "model",
    "kind",
    "mount",
    "mount_height_m",
    "azimuth_deg",
    "tilt_deg",
    "hfov_deg",
    "width_px",
    "height_px",
    "price",
    "cumulative_price",
    "gain",
    "cumulative_share",
]
_COSTS = ["rank", "camera_id", "model", "price", "cumulative_price", "gain", "cumulative_share", "phase"]


def write_plan(
    folder: Path,
    plan: Placement,
    *,
    before: Coverage | None,
    after: Coverage,
    phases: pd.DataFrame,
    summary: dict[str, Any],
    progress: Callable[[str, int, int], None] | None = None,
) -> list[Path]:
    """Write a plan into a folder, all of it or nothing.

    Parameters
    ----------
    plan : Placement
        The new cameras.
    before, after : Coverage
        The measured coverage of the site as it was (None where it has no cameras) and of the planned site.
    phases : pandas.DataFrame
        What is built when: see `Placement.phases`.
    summary : dict
        What ``summary.json`` says; see `summarise_plan`.
    folder, progress
        See `sightgrid.report.folder.write_files`, also for what is returned and raised.
    """
    cameras = camera_table(plan, after, phases)
    writers: dict[str, Callable[[Path], object]] = {
        "placement.gpkg": lambda path: write_plan_layers(path, plan, cameras, before, after),
        "placement.geojson": lambda path: _write_geojson(path, cameras),
        "map.html": lambda path: draw_plan(plan, before, after).save(str(path)),
        "costs.csv": lambda path: cameras.reset_index()[_COSTS].round(6).to_csv(path, index=False),
        "summary.json": lambda path: write_json(path, summary),
    }
    return write_files(folder, writers, ours=PLAN_OURS, progress=progress)


def summarise_plan(plan: Placement, before: Coverage | None, after: Coverage, phases: pd.DataFrame) -> dict[str, Any]:
    """Return the figures of a plan and what `measure` found for it, as ``summary.json`` holds them.

    Parameters
    ----------
    plan : Placement
        The new cameras.
    before, after : Coverage
        The measured coverage of the site as it was (None where it has no cameras) and of the planned site.
    phases : pandas.DataFrame
        What is built when: see `Placement.phases`.

    Returns
    -------
    dict
        The keys of `Placement.summary`, ``measured_before_rate``, ``measured_after_rate``, ``interrupted``, ``notes``
        of the site, and ``phases`` as a list.
    """
    return {
        **plan.summary(),
        "measured_before_rate": 0.0 if before is None else before.totals["coverage_rate"],
        "measured_after_rate": after.totals["coverage_rate"],
        "interrupted": plan.solution.interrupted,
        "phases": [{name: row[name].item() for name in row.dtype.names} for row in phases.to_records()],
        "notes": list(plan.site.notes),
    }


def camera_table(plan: Placement, after: Coverage, phases: pd.DataFrame) -> gpd.GeoDataFrame:
    """Return the new cameras by rank, with the phase that builds each of them and the area it sees [m²]."""
    cameras = plan.chosen[[*_COLUMNS, "geometry"]].copy()
    cameras.insert(1, "phase", np.repeat(phases.index.to_numpy(int), phases["cameras"].to_numpy(int)))
    cameras.insert(len(cameras.columns) - 1, "area_m2", after.seen.loc[cameras.index, "area_m2"])
    return cameras


def write_plan_layers(
    path: Path, plan: Placement, cameras: gpd.GeoDataFrame, before: Coverage | None, after: Coverage
) -> None:
    """Write a plan as a GeoPackage with QGIS styles; ``cameras`` is its `camera_table`."""
    seen = cameras[["rank", "model", "area_m2"]]
    areas = seen.set_geometry(after.seen.geometry[cameras.index], crs=plan.site.crs)
    models = sorted(areas["model"].unique())
    layers = {
        "cameras_new": (cameras, "Point", styles.new_camera_style(sorted(cameras["phase"].unique()))),
        "seen_areas_new": (areas[~areas.geometry.is_empty], "MultiPolygon", styles.seen_area_style(models)),
        "demand": (plan.demand.assign(change=_name_changes(plan)), "Point", styles.demand_style()),
        "grid": (compare_cells(before, after), "Polygon", styles.grid_style("rate_after")),
    }
    if len(plan.changed):
        layers["cameras_changed"] = (plan.changed, "Point", styles.changed_camera_style())
    write_layers(path, layers)


def _name_changes(plan: Placement) -> NDArray[np.str_]:
    """What the plan changes for each demand point, one of `styles.CHANGE_COLOURS`."""
    before, after = (plan.demand[column] >= plan.demand["needed"] for column in ("seen_before", "seen_after"))
    names = list(styles.CHANGE_COLOURS)
    return np.select([before, after], names[:2], names[2])


def _write_geojson(path: Path, cameras: gpd.GeoDataFrame) -> None:
    """Write the new cameras as RFC 7946 wants them: WGS 84, and no member that names a coordinate system."""
    table = pd.DataFrame(cameras.drop(columns="geometry")).reset_index().astype(object)
    rows = table.where(table.notna(), None).to_dict("records")
    features = [
        {
            "type": "Feature",
            "id": row["camera_id"],
            "geometry": {"type": "Point", "coordinates": [round(point.x, 7), round(point.y, 7)]},
            "properties": row,
        }
        for row, point in zip(rows, cameras.geometry.to_crs(4326), strict=True)
    ]
    write_json(path, {"type": "FeatureCollection", "features": features})
