"""A whole city from files to rates: 100,000 cameras in about 1,000,000 buildings, made by repeating a real one.

    python -m benchmarks.city [--cameras 100000] [--buildings 1000000] [--footways] [--keep FOLDER]

The city is written to a GeoPackage and measured by a fresh process, so that the peak memory is the measuring's own.
The last line printed is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio

GENEVA = Path(__file__).parents[2] / "shared" / "data" / "geneva" / "geneva.osm.pbf"
LAYERS = ("cameras", "obstacles", "streets", "water", "places", "zones")


def make_city(file: Path, *, cameras: int, buildings: int, footways: bool) -> None:
    """Write a city that repeats Geneva (or the bundled site) side by side, with more cameras along its streets."""
    import sightgrid as sg

    site = sg.open_site(GENEVA if GENEVA.is_file() else "helsinki")
    west, south, east, north = site.study.bounds
    copies = math.ceil(buildings / len(site.obstacles))
    across = math.ceil(math.sqrt(copies))
    more = cameras - copies * len(site.cameras)
    extra = draw_cameras(site, max(math.ceil(more / copies), 0))
    keep = min(len(site.cameras), math.ceil(cameras / copies))
    sources = {name: getattr(site, name) for name in LAYERS}
    if not footways:
        sources["streets"] = site.streets[site.streets["drivable"]]
    sources["cameras"] = pd.concat([site.cameras.iloc[:keep], extra])
    nodes = int(site.streets.index.to_frame()[["u", "v"]].to_numpy().max()) + 1
    for name, frame in sources.items():
        parts = []
        for k in range(copies):
            part = frame.copy()
            part.geometry = frame.geometry.translate((k % across) * (east - west), (k // across) * (north - south))
            if name == "streets":
                u, v, key = (part.index.get_level_values(level) for level in ("u", "v", "key"))
                part.index = pd.MultiIndex.from_arrays([u + k * nodes, v + k * nodes, key], names=["u", "v", "key"])
            else:
                part.index = pd.Index([f"{k}-{i}" for i in part.index], name=frame.index.name)
            parts.append(part)
        whole = pd.concat(parts)
        if name == "cameras":
            whole = whole.iloc[np.sort(np.random.default_rng(1).permutation(len(whole))[:cameras])]
        pyogrio.write_dataframe(gpd.GeoDataFrame(whole.reset_index(), crs=site.crs), file, layer=name)
        print(f"{name}: {len(whole):,} rows", flush=True)


def draw_cameras(site: object, n: int) -> gpd.GeoDataFrame:
    """Cameras of all kinds beside the streets, outside buildings, with seeded directions and lenses."""
    rng = np.random.default_rng(0)
    lines = site.streets.geometry[~site.streets["covered"]].to_numpy()
    line = lines[rng.choice(len(lines), 2 * n + 8)]
    import shapely

    at = shapely.line_interpolate_point(line, rng.random(len(line)), normalized=True)
    at = shapely.transform(at, lambda xy: xy + rng.uniform(-4.0, 4.0, xy.shape))
    inside = np.unique(
        shapely.STRtree(site.obstacles.geometry.to_numpy()).query(at, predicate="dwithin", distance=0.6)[0]
    )
    at = np.delete(at, inside)[:n]
    kind = rng.choice(["fixed", "dome", "ptz", "panorama"], len(at), p=[0.7, 0.1, 0.1, 0.1])
    frame = gpd.GeoDataFrame(
        {
            "kind": kind,
            "mount_height_m": rng.uniform(3.0, 8.0, len(at)).round(1),
            "azimuth_deg": np.where(kind == "fixed", rng.uniform(0.0, 359.0, len(at)).round(), np.nan),
            "tilt_deg": np.where(rng.random(len(at)) < 0.5, rng.uniform(5.0, 30.0, len(at)).round(), np.nan),
            "hfov_deg": np.where(kind == "fixed", rng.uniform(40.0, 100.0, len(at)).round(), np.nan),
        },
        geometry=at,
        index=pd.Index([f"x{i}" for i in range(len(at))], name="camera_id"),
        crs=site.crs,
    )
    empty = site.cameras.iloc[:0]
    return gpd.GeoDataFrame(
        pd.concat([frame.reindex(columns=empty.columns)])
        .fillna({"assumed": "", "indoor": False})
        .astype({"indoor": bool})
    )


def measure_city(file: Path) -> dict[str, float | int]:
    """Measure the city in this process."""
    begin = time.perf_counter()
    import sightgrid as sg
    from sightgrid.coverage.figures import count_figures
    from sightgrid.coverage.survey import Settings, survey_site
    from sightgrid.gis.grid import draw_cells, lay_grid

    site = sg.open_site(file)
    read = time.perf_counter()
    settings = Settings()
    from sightgrid.coverage.scene import Scene

    scene = Scene(site.obstacles)
    _ = scene.edges, scene.tree
    index = time.perf_counter()
    survey = survey_site(site, settings, scene=scene)
    seen = time.perf_counter()
    grid = lay_grid(site.study, cell_m=100.0)
    cells = draw_cells(grid, site.study, site.crs)
    figures = count_figures(survey, grid, cells, whole=True)
    end = time.perf_counter()
    ground, covered = figures.cells_m2[:, 0].sum(), figures.cells_m2[:, 1].sum()
    return {
        "buildings": len(site.obstacles),
        "cameras": len(site.cameras),
        "cameras_measured": int(survey.seen["measured"].sum()),
        "streets": len(site.streets),
        "cells": len(cells),
        "coverage_rate": round(float(covered / ground), 4),
        "read_s": round(read - begin, 2),
        "index_s": round(index - read, 2),
        "visibility_s": round(seen - index, 2),
        "rates_s": round(end - seen, 2),
        "wall_s": round(end - begin, 2),
        "peak_rss_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2, 2),
    }


def main() -> None:
    """Make the city, measure it in a fresh process, print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cameras", type=int, default=100_000)
    parser.add_argument("--buildings", type=int, default=1_000_000)
    parser.add_argument("--footways", action="store_true", help="all ways of the source, not only those for vehicles")
    parser.add_argument("--keep", type=Path, help="folder to keep the made city in, and to find it again")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure_city(options.measure)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"city-{options.cameras}-{options.buildings}{'-footways' * options.footways}.gpkg"
        if not file.is_file():
            half = file.with_suffix(".half.gpkg")
            half.unlink(missing_ok=True)
            make_city(half, cameras=options.cameras, buildings=options.buildings, footways=options.footways)
            half.rename(file)
        subprocess.run([sys.executable, "-m", "benchmarks.city", "--measure", str(file)], check=True)


if __name__ == "__main__":
    main()
