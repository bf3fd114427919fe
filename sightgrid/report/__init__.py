"""What people get: the map, the GeoPackage for QGIS, the count raster, the summary and the figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sightgrid.report.coverage.maps import explore
from sightgrid.report.coverage.raster import write_count_raster
from sightgrid.report.folder import write_files, write_json
from sightgrid.report.geopackage import reasons_not_measured, write_geopackage
from sightgrid.report.placement.plan import write_plan
from sightgrid.report.placement.plan_map import draw_plan

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import geopandas as gpd

    from sightgrid.coverage import Coverage

__all__ = ["OURS", "OUTPUTS", "draw_plan", "explore", "write_outputs", "write_plan"]

OUTPUTS = ("coverage.gpkg", "coverage.tif", "map.html", "summary.json")

# What may lie beside our files: SQLite would replay a stale journal into the new GeoPackage
OURS = (*OUTPUTS, "coverage.gpkg-journal", "coverage.gpkg-shm", "coverage.gpkg-wal", "coverage.tif.aux.xml")


def write_outputs(
    folder: Path,
    seen: Coverage,
    spots: gpd.GeoDataFrame,
    *,
    summary: dict[str, Any],
    progress: Callable[[str, int, int], None] | None = None,
) -> list[Path]:
    """Write everything into a folder with `sightgrid.report.folder.write_files`, all or nothing.

    Parameters
    ----------
    seen : Coverage
        The measured coverage.
    spots : geopandas.GeoDataFrame
        Its blind spots.
    summary : dict
        What ``summary.json`` says, besides the site's notes and why cameras were not measured; NaN is written as null.
    folder, progress
        See `sightgrid.report.folder.write_files`, also for what is returned and raised.
    """
    told = {**summary, "not_measured": reasons_not_measured(seen), "notes": list(seen.site.notes)}
    writers: dict[str, Callable[[Path], object]] = {
        "coverage.gpkg": lambda path: write_geopackage(path, seen, spots),
        "coverage.tif": lambda path: write_count_raster(path, seen),
        "map.html": lambda path: explore(seen.site, seen, spots).save(str(path)),
        "summary.json": lambda path: write_json(path, told),
    }
    return write_files(folder, writers, ours=OURS, progress=progress)
