"""What importing costs, and that compiled kernels are kept for the next process."""

from __future__ import annotations

import os
import subprocess
import sys

from scenes import ROOT

HEAVY = ("numba", "folium", "fastapi", "cv2", "ortools", "rasterio", "geopandas", "networkx", "matplotlib")

SEE = """
import geopandas as gpd
from shapely import Point, box
from sightgrid.coverage import view_areas
camera = gpd.GeoDataFrame({"kind": ["panorama"], "max_range_m": [20.0]}, geometry=[Point(0, 0)], index=["c"], crs=32635)
house = gpd.GeoDataFrame({"height_m": [9.0], "kind": "building"}, geometry=[box(5, -5, 10, 5)], index=["b"], crs=32635)
seen = view_areas(camera.rename_axis("camera_id"), house.rename_axis("obstacle_id"))
print(round(float(seen["area_m2"].iloc[0]), 2))
from sightgrid.coverage.kernel import look
print(sum(look.stats.cache_hits.values()), sum(look.stats.cache_misses.values()))
"""


def run(code, **environment):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=os.environ | environment,
    )
    return done.stdout.split()


def test_importing_the_package_loads_nothing_heavy():
    loaded = run("import sys, sightgrid; print(*sys.modules)")
    assert "sightgrid" in loaded
    assert not set(HEAVY) & set(loaded)


def test_opening_a_site_needs_no_kernel():
    loaded = run("import sys, sightgrid as sg; sg.open_site('helsinki'); print(*sys.modules)")
    assert not {"numba", "folium", "fastapi", "cv2", "ortools"} & set(loaded)


def test_a_second_process_finds_the_kernel_compiled():
    first, again = run(SEE), run(SEE)
    assert first[0] == again[0] == "967.48"
    assert again[1:] == ["1", "0"], "the kernel was compiled again instead of being read from its cache"


def test_compiled_kernels_are_kept_in_files(tmp_path):
    code = (
        "import numpy as np, shapely\n"
        "from sightgrid.gis.rasterize import bin_boxes\n"
        "bin_boxes(np.array([[0.0, 0.0, 1.0, 1.0]]), 0.0, 0.0, 1.0, 1.0, 2, 2)\n"
    )
    run(code, NUMBA_CACHE_DIR=str(tmp_path))
    names = {path.suffix for path in tmp_path.rglob("*bin_boxes*")}
    assert names == {".nbi", ".nbc"}
