"""How long the preview of one camera takes over HTTP: what it sees and which cells change, while it is dragged.

    python -m benchmarks.preview [--moves 200] [--city FILE.gpkg]

Cameras of the bundled Helsinki, or of another city (see ``benchmarks.city --keep``), are moved by a few metres and
turned, as a hand does it on the map; the scenario is saved after every tenth move. A server of its own answers on
loopback. The last line printed is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import socket
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import uvicorn

import sightgrid as sg
from sightgrid.api.app import create_app
from sightgrid.api.settings import Settings
from sightgrid.store.database import open_database
from sightgrid.store.sites import import_site

if TYPE_CHECKING:
    from collections.abc import Iterator

    import geopandas as gpd

    from sightgrid.store.database import Database

DRAG = 10  # moves of one camera before it is saved
STEP_M = 6.0
METRES_PER_DEGREE = 111_320.0


def main() -> None:
    """Drag cameras and time it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moves", type=int, default=200)
    parser.add_argument("--city", type=Path)
    options = parser.parse_args()
    site = sg.open_site(options.city or "helsinki")
    with tempfile.TemporaryDirectory() as folder, open_database(Path(folder) / "city.sqlite") as database:
        begin = time.perf_counter()
        site_id = import_site(database, site)
        print(f"imported in {time.perf_counter() - begin:.1f} s", flush=True)
        about = {"site": site.name, "cameras": len(site.cameras), "buildings": len(site.obstacles)}
        cameras = site.cameras
        del site  # a server does not hold it either
        with serve(database) as client:
            scenario = client.post(f"/sites/{site_id}/scenarios", json={"name": "drag"}).json()
            told = drag(client, cameras, site_id, scenario["scenario_id"], moves=options.moves)
    print(json.dumps({**about, **told}))


def drag(
    client: httpx.Client, cameras: gpd.GeoDataFrame, site_id: int, scenario_id: int, *, moves: int
) -> dict[str, float]:
    """Drag one camera after the other; return what the answers took, in milliseconds.

    ``processor`` is the time that client and server were at work: what the clock would show on a machine of its own.
    """
    rng = np.random.default_rng(0)
    outside = cameras[~cameras["indoor"].astype(bool)]
    cameras = outside.iloc[rng.permutation(len(outside))[: moves // DRAG + 1]]
    at = cameras.geometry.to_crs(4326)
    first, warm, sizes, busy = [], [], [], []
    for row, camera_id in enumerate(cameras.index):
        lon, lat = at.iloc[row].x, at.iloc[row].y
        properties = {"kind": "fixed", "mount_height_m": 4.0, "hfov_deg": 70.0}
        for move in range(DRAG + 1):
            lon += float(rng.normal(0.0, STEP_M)) / METRES_PER_DEGREE / np.cos(np.radians(lat))
            lat += float(rng.normal(0.0, STEP_M)) / METRES_PER_DEGREE
            properties["azimuth_deg"] = float(rng.uniform(0.0, 360.0))
            feature = {
                "type": "Feature", "id": camera_id, "geometry": {"type": "Point", "coordinates": [lon, lat]},
                "properties": properties,
            }  # fmt: skip
            asked = {"site_id": site_id, "scenario_id": scenario_id, "camera": feature}
            begin, cpu = time.perf_counter(), time.process_time()
            answer = client.post("/coverage/preview", json=asked)
            took = 1000.0 * (time.perf_counter() - begin)
            answer.raise_for_status()
            sizes.append(len(answer.content))
            (warm if move else first).append(took)
            busy += [1000.0 * (time.process_time() - cpu)] * bool(move)
        save(client, site_id, scenario_id, feature)
    low, high = np.percentile(warm[:moves], [50, 95])
    return {
        "moves": min(len(warm), moves), "p50_ms": round(float(low), 1), "p95_ms": round(float(high), 1),
        "first_p50_ms": round(float(np.median(first)), 1), "first_p95_ms": round(float(np.percentile(first, 95)), 1),
        "processor_p50_ms": round(float(np.median(busy)), 1),
        "processor_p95_ms": round(float(np.percentile(busy, 95)), 1),
        "answer_kb": round(float(np.mean(sizes)) / 1000.0, 1),
    }  # fmt: skip


def save(client: httpx.Client, site_id: int, scenario_id: int, feature: dict[str, Any]) -> None:
    """Save a camera into its scenario, as the map does when the hand lets go."""
    address = f"/collections/{site_id}.cameras.{scenario_id}/items/{feature['id']}"
    version = client.get(address).json()["version"]
    client.put(address, json=feature, headers={"If-Match": f'"{version}"'}).raise_for_status()


@contextmanager
def serve(database: Database) -> Iterator[httpx.Client]:
    """Run a server of one's own in a thread; give a client of it."""
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(create_app(database, Settings(workers=0)), log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        with httpx.Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=120.0) as client:
            yield client
        server.should_exit = True
        thread.join(20)


if __name__ == "__main__":
    main()
