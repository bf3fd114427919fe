"""How long a tile of a whole city takes over HTTP, from both databases, in random browsing.

    python -m benchmarks.tiles [--city FILE.gpkg] [--views 12] [--connections 6] [--only sqlite|postgresql]

The city is that of ``benchmarks.city`` (100,000 cameras, 1,000,000 buildings), made now or kept before (its option
``--keep``), with a grid of rates in cells of 100 m. `sightgrid serve` answers in a process of its own. A view is six
tiles of each layer around a random place, at each zoom from 8 to 18; no tile is asked for twice. PostGIS is measured
where it is on this machine. The last column is what a tile takes of the server's processor. The last line printed is
one JSON object.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import httpx
import numpy as np
import pandas as pd

from benchmarks.city import make_city
from sightgrid.gis.grid import draw_cells, lay_grid
from sightgrid.store.database import open_database
from sightgrid.store.edits import update_features
from sightgrid.store.layers import read_page
from sightgrid.store.results import Result, keep_result
from sightgrid.store.sites import import_site
from tests.postgres_server import NoServerError, make_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sightgrid.site import Site

ZOOMS = range(8, 19)
ACROSS, DOWN = 3, 2  # tiles of a view: a window of 1,280 by 800
LAYERS = ("1.cameras", "1.obstacles", "1.streets")
FEATURE, LENGTH = 0x12, 2  # in a layer of a tile: a feature; a field that tells its length


def main() -> None:
    """Browse both databases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--city", type=Path)
    parser.add_argument("--cameras", type=int, default=100_000)
    parser.add_argument("--buildings", type=int, default=1_000_000)
    parser.add_argument("--views", type=int, default=12, help="at each zoom")
    parser.add_argument("--connections", type=int, default=6, help="at once, as a browser does it")
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    options = parser.parse_args()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        city = options.city or folder / "city.gpkg"
        if options.city is None:
            make_city(city, cameras=options.cameras, buildings=options.buildings, footways=False)
        for kind in [options.only] if options.only else ["sqlite", "postgresql"]:
            try:
                address = str(folder / "city.sqlite") if kind == "sqlite" else make_database()
            except NoServerError:
                print("postgresql: PostGIS is not on this machine; tests/install-postgis installs it")
                continue
            bring_city(address, city)
            found[kind] = measure(address, kind, views=options.views, connections=options.connections)
    print(json.dumps(found))


def bring_city(address: str, city: Path) -> None:
    """Import the city and a grid of rates over it."""
    import sightgrid as sg

    site = sg.open_site(city)
    begin = time.perf_counter()
    with open_database(address) as database:
        site_id = import_site(database, site, name="city")
        keep_result(database, site_id, Result("coverage", "f", {}, {}, b"", "", layers={"cells": rate_cells(site)}))
    print(f"imported in {time.perf_counter() - begin:.1f} s", flush=True)


def rate_cells(site: Site) -> gpd.GeoDataFrame:
    """Lay cells over the city, with made-up rates."""
    grid = lay_grid(site.study, cell_m=100.0)
    cells = draw_cells(grid, site.study, site.crs)
    rate = np.random.default_rng(0).random(len(cells))
    columns = {"observable_m2": 8000.0, "covered_m2": 8000.0 * rate, "rate": rate, "rate_2": rate**2}
    return gpd.GeoDataFrame(pd.DataFrame(columns, index=cells.index), geometry=cells.geometry)


@contextmanager
def serve(address: str) -> Iterator[tuple[str, int]]:
    """Run the server in a process of its own; give its address and its number."""
    words = [sys.executable, "-m", "sightgrid", "serve", "--store", address, "--port", "0", "--workers", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline() if process.stdout else ""
        try:
            yield line.split()[3], process.pid
        finally:
            process.terminate()


def measure(address: str, kind: str, *, views: int, connections: int) -> dict[str, Any]:
    """Browse one database through the server."""
    rng = np.random.default_rng(1)
    limits = httpx.Limits(max_connections=connections)
    with serve(address) as (server, pid), httpx.Client(base_url=server, timeout=120.0, limits=limits) as client:
        begin = time.perf_counter()
        sets = {name: client.get(f"/tiles/{name}").json() for name in LAYERS}
        sets["cells"] = client.get("/results/1/tiles/cells").json()
        ready_s = time.perf_counter() - begin
        after_edit_s = touch_building(address, client)
        sets = {name: client.get(f"/tiles/{name}").json() for name in LAYERS} | {"cells": sets["cells"]}
        told: dict[str, Any] = {"first_descriptions_s": round(ready_s, 2), "after_an_edit_s": round(after_edit_s, 3)}
        print(f"{kind}: all descriptions after the start {ready_s:.2f} s, low zoom after an edit {after_edit_s:.3f} s")
        print("zoom  p50 ms  p95 ms  max ms  features  bytes  cpu ms")
        everything: list[float] = []
        with ThreadPoolExecutor(connections) as pool:
            for zoom in ZOOMS:
                asked = [path for _ in range(views) for path in list_view(sets, zoom, rng)]
                used_s = count_cpu_s(pid)
                answers = list(pool.map(lambda path: ask(client, path), dict.fromkeys(asked)))
                used_s = count_cpu_s(pid) - used_s
                ms = np.array([each[0] for each in answers])
                everything += ms.tolist()
                row = [*np.percentile(ms, [50, 95]), ms.max(), *np.max([each[1:] for each in answers], axis=0)]
                row.append(used_s * 1000.0 / len(answers))
                told[f"z{zoom}"] = [round(float(value), 1) for value in row]
                print("{:4d}  {:6.1f}  {:6.1f}  {:6.1f}  {:8.0f}  {:5.0f}  {:6.1f}".format(zoom, *row), flush=True)
        told["all"] = [round(float(value), 1) for value in np.percentile(everything, [50, 95, 100])]
        print(f"{kind}: {len(everything):,} tiles, p50 {told['all'][0]} ms, p95 {told['all'][1]} ms", flush=True)
    return told


def touch_building(address: str, client: httpx.Client) -> float:
    """Change one building, and return how long the next tile of the whole city takes."""
    with open_database(address) as database:
        row, _ = read_page(database, 1, "obstacles", limit=1)
        update_features(database, 1, "obstacles", row, versions=row["version"].to_dict())
    west, south, east, north = client.get("/tiles/1.cameras").json()["bounds"]
    x, y = find_tile((west + east) / 2, (south + north) / 2, 8)
    return ask(client, f"/tiles/1.obstacles/8/{x}/{y}.mvt")[0] / 1000.0


def list_view(sets: dict[str, Any], zoom: int, rng: np.random.Generator) -> list[str]:
    """Return the tiles of all layers around a random place."""
    west, south, east, north = sets["1.cameras"]["bounds"]
    x, y = find_tile(rng.uniform(west, east), rng.uniform(south, north), zoom)
    tiles = [(x + across, y + down) for across in range(ACROSS) for down in range(DOWN)]
    return [each["tiles"][0].format(z=zoom, x=x, y=y) for each in sets.values() for x, y in tiles]


def find_tile(lon: float, lat: float, zoom: int) -> tuple[int, int]:
    """Return the column and row of the tile of a place."""
    down = (1.0 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2.0
    return int((lon + 180.0) / 360.0 * 2**zoom), int(down * 2**zoom)


def ask(client: httpx.Client, path: str) -> tuple[float, int, int]:
    """Ask for a tile; return how many milliseconds it took, its features, and its bytes."""
    begin = time.perf_counter()
    answer = client.get(path)
    ms = (time.perf_counter() - begin) * 1000.0
    answer.raise_for_status()
    return ms, count_features(answer.content), int(answer.headers.get("content-length", 0))


def count_cpu_s(pid: int) -> float:
    """Count the processor's seconds of a process; the other processes of the machine do not lengthen them."""
    words = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def count_features(tile: bytes) -> int:
    """Count the features of a tile of one layer."""
    if not tile:
        return 0
    at, count = read_varint(tile, 1)[1], 0
    while at < len(tile):
        count += tile[at] == FEATURE
        kind = tile[at] & 7
        value, at = read_varint(tile, at + 1)
        at += value if kind == LENGTH else 0
    return count


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a number of the format, and where the next field begins."""
    value, shift = 0, 0
    while True:
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            return value, at


if __name__ == "__main__":
    main()
