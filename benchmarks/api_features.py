"""How long pages of features take over HTTP, from a store with a large city.

    python -m benchmarks.api_features STORE [--requests 20]

STORE is a file or an address of PostgreSQL; its first site is asked, and a scenario is added to it and taken out again.
Each line printed is one JSON object: what was asked, median and 95th percentile in milliseconds, size of the answer.
"""

from __future__ import annotations

import argparse
import json
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import uvicorn

from sightgrid.api.app import create_app
from sightgrid.api.settings import Settings
from sightgrid.store.database import open_database
from sightgrid.store.scenarios import add_scenario, delete_scenario, find_scenario
from sightgrid.store.sites import list_sites

if TYPE_CHECKING:
    from collections.abc import Callable


def main() -> None:
    """Ask and time it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store")
    parser.add_argument("--requests", type=int, default=20)
    options = parser.parse_args()
    with open_database(options.store) as database, socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(create_app(database, Settings(workers=0)), log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        site_id = list_sites(database)[0].site_id
        scenario = add_scenario(database, site_id, name="benchmark").scenario_id
        while not server.started:
            time.sleep(0.01)
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=120.0) as client:
                ask(client, site_id, scenario, options.requests)
        finally:
            delete_scenario(database, scenario, version=find_scenario(database, scenario).version)
            server.should_exit = True
            thread.join()


def ask(client: httpx.Client, site_id: int, scenario: int, requests: int) -> None:
    """Ask for pages, boxes, conditions and single features; edit one."""
    west, south, east, north = client.get(f"/collections/{site_id}.cameras").json()["extent"]["spatial"]["bbox"][0]
    rng = np.random.default_rng(1)

    def box(share: float) -> dict[str, str]:
        x = rng.uniform(west, east - (east - west) * share**0.5)
        y = rng.uniform(south, north - (north - south) * share**0.5)
        return {"bbox": f"{x},{y},{x + (east - west) * share**0.5},{y + (north - south) * share**0.5}"}

    for layer in ("cameras", "obstacles", f"cameras.{scenario}"):
        items = f"/collections/{site_id}.{layer}/items"
        first = client.get(items, params={"limit": 1}).json()["features"][0]["id"]

        def get(path: str, **query: Any) -> Callable[[], httpx.Response]:
            made = query.pop("make", dict)
            return lambda: client.get(path, params=query | made())

        tell(layer, "100", requests, get(items))
        tell(layer, "1,000", requests, get(items, limit=1000))
        tell(layer, "10,000", max(requests // 4, 3), get(items, limit=10_000))
        tell(layer, "box of 0.01 %, 1,000", requests, get(items, limit=1000, make=lambda: box(1e-4)))
        tell(layer, "box of 1 %, 1,000", requests, get(items, limit=1000, make=lambda: box(0.01)))
        tell(layer, "box of 30 %, 1,000", requests, get(items, limit=1000, make=lambda: box(0.3)))
        tell(layer, "a condition that few meet", requests, get(items, filter="kind = 'wall' OR kind = 'panorama'"))
        tell(layer, "one feature", requests, get(f"{items}/{first}"))
    path = f"/collections/{site_id}.cameras.{scenario}/items"
    feature = client.get(path, params={"limit": 1}).json()["features"][0]
    address = f"{path}/{feature['id']}"

    def put() -> httpx.Response:
        version = client.get(address).headers["etag"]
        return client.put(address, json=feature, headers={"If-Match": version})

    tell(f"cameras.{scenario}", "read and replaced", requests, put)


def tell(layer: str, what: str, requests: int, act: Callable[[], httpx.Response]) -> None:
    """Do something several times and print how long it takes."""
    act()
    milliseconds, size = [], 0
    for _ in range(requests):
        begin = time.perf_counter()
        answer = act()
        milliseconds.append(1000.0 * (time.perf_counter() - begin))
        answer.raise_for_status()
        size = len(answer.content)
    median, most = np.percentile(milliseconds, [50, 95])
    about = {"median_ms": round(float(median), 1), "p95_ms": round(float(most), 1), "kilobytes": size // 1000}
    print(json.dumps({"layer": layer, "asked": what, **about}), flush=True)


if __name__ == "__main__":
    main()
