"""What many people at once cost the server: each browses the map, drags cameras and saves some, as a page does it.

    python -m benchmarks.load [--seconds 60] [--clients 50] [--store URL]

A server of its own (``sightgrid serve``, a process) answers on loopback over the bundled Helsinki, whose coverage has
been measured as a job. Without ``--store`` the store is a new SQLite file. The clients are threads of this program and
share the processors with the server, so the times are those of a machine that does both. After the run the audit chain
is verified. The last line printed is one JSON object; the status is 1 if any request failed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np

import sightgrid as sg
from benchmarks.tiles import find_tile
from sightgrid.store.audit_log import verify_log
from sightgrid.store.database import open_database
from sightgrid.store.sites import import_site

if TYPE_CHECKING:
    from collections.abc import Iterator

LAYERS = ("obstacles", "water", "streets", "zones", "places", "cameras")  # what the map shows at first
ZOOMS = (13, 14, 15, 16, 17)
VIEW = 3  # tiles along each side of a window
STEP_DEG = 0.00005
WORDS = ("kamppi", "school", "cam", "katu", "60.17, 24.93", "aleksi")
CONNECTIONS = 6  # of one browser to one server
TLS = ssl.create_default_context()  # not used on loopback, and slow to make for each client


class Tally:
    """What was asked for, how long each answer took, and what went wrong."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = defaultdict(list)
        self.faults: list[str] = []
        self.bytes = 0
        self.conflicts = 0
        self.lock = threading.Lock()

    def note(self, kind: str, seconds: float, answer: httpx.Response, allowed: tuple[int, ...]) -> None:
        """Write one answer down."""
        with self.lock:
            self.times[kind].append(seconds)
            self.bytes += len(answer.content)
            if answer.status_code not in allowed:
                self.faults.append(f"{kind}: {answer.status_code} {answer.text[:200]}")

    def fail(self, kind: str, error: Exception) -> None:
        """Write down that no answer came."""
        with self.lock:
            self.faults.append(f"{kind}: {type(error).__name__} {error}")


class Person:
    """One browser: walks about, looks something up, drags a camera, saves it now and then."""

    def __init__(self, address: str, town: dict[str, Any], number: int, tally: Tally) -> None:
        self.town, self.tally, self.dice = town, tally, random.Random(number)  # noqa: S311  (the same walks each time)
        limits = httpx.Limits(max_connections=CONNECTIONS)
        self.client = httpx.Client(base_url=address, timeout=60.0, limits=limits, verify=TLS)
        self.etags: dict[str, str] = {}
        self.seen: set[str] = set()
        west, south, east, north = town["bounds"]
        self.lon, self.lat = self.dice.uniform(west, east), self.dice.uniform(south, north)
        self.zoom = self.dice.choice(ZOOMS)

    def ask(
        self, kind: str, method: str, path: str, *, allowed: tuple[int, ...] = (200,), **more: Any
    ) -> httpx.Response | None:
        """Ask once and time it."""
        begin = time.perf_counter()
        try:
            answer = self.client.request(method, path, **more)
        except httpx.HTTPError as error:
            self.tally.fail(kind, error)
            return None
        self.tally.note(kind, time.perf_counter() - begin, answer, allowed)
        return answer

    def browse(self, begin: float, until: float) -> None:
        """Do what people do from when they come, in the first quarter of the time, until it is over."""
        with self.client:
            time.sleep(self.dice.uniform(0.0, (until - begin) / 4.0))
            self.arrive()
            while time.perf_counter() < until:
                self.look()
                act = self.dice.random()  # the shares are a guess at what people do
                if act < 0.35:
                    self.drag(until)
                elif act < 0.55:
                    self.ask("search", "GET", f"{self.town['site']}/search", params={"q": self.dice.choice(WORDS)})
                elif act < 0.75:
                    self.list_features()
                time.sleep(self.dice.uniform(0.1, 0.6))  # they look at it

    def arrive(self) -> None:
        """Open the page: the page itself, its modules and styles, and what it asks for at first."""
        self.ask("page", "GET", "/", headers={"Accept": "text/html"})
        for path in self.town["modules"]:
            self.ask("static", "GET", path)
        for path in ("/session", "/sites", self.town["site"], "/legends", "/tiles"):
            self.ask("start", "GET", path)

    def look(self) -> None:
        """Move the window or the zoom, and load what is new in it."""
        if self.dice.random() < 0.3:
            self.zoom = min(max(self.zoom + self.dice.choice((-1, 1)), ZOOMS[0]), ZOOMS[-1])
        west, south, east, north = self.town["bounds"]
        step = 360.0 / 2**self.zoom
        self.lon = min(max(self.lon + self.dice.uniform(-step, step), west), east)
        self.lat = min(max(self.lat + self.dice.uniform(-step, step) / 2.0, south), north)
        x, y = find_tile(self.lon, self.lat, self.zoom)
        for template in self.town["tiles"]:
            for dx in range(VIEW):
                for dy in range(VIEW):
                    place = {"z": self.zoom, "x": x + dx - 1, "y": y + dy - 1}
                    path = re.sub(r"\{([zxy])\}", lambda match, place=place: str(place[match[1]]), template)
                    if path not in self.seen:  # a browser keeps what it has
                        self.seen.add(path)
                        kind = "tile of result" if template.startswith("/results") else "tile"
                        self.ask(kind, "GET", path, allowed=(200, 204))

    def list_features(self) -> None:
        """Read a table beside the map."""
        reach = 0.002
        box = f"{self.lon - reach},{self.lat - reach},{self.lon + reach},{self.lat + reach}"
        layer = self.dice.choice(("cameras", "places", "streets"))
        path = f"/collections/{self.town['site_id']}.{layer}/items"
        self.ask("items", "GET", path, params={"bbox": box, "limit": 100})

    def drag(self, until: float) -> None:
        """Take a camera, move it by some metres, and let go; every other time it is saved into the scenario."""
        name = self.dice.choice(self.town["cameras"])
        path = f"/collections/{self.town['cameras_of_scenario']}/items/{name}"
        answer = self.ask("item", "GET", path)
        if answer is None or answer.status_code != httpx.codes.OK:
            return
        camera = answer.json()
        for _ in range(self.dice.randint(3, 8)):
            lon, lat = camera["geometry"]["coordinates"][:2]
            moved = [lon + self.dice.uniform(-STEP_DEG, STEP_DEG), lat + self.dice.uniform(-STEP_DEG, STEP_DEG)]
            camera["geometry"]["coordinates"] = moved
            shown = {key: camera[key] for key in ("type", "id", "geometry", "properties")}
            body = {"site_id": self.town["site_id"], "scenario_id": self.town["scenario_id"], "camera": shown}
            self.ask("preview", "POST", "/coverage/preview", json=body)
            if time.perf_counter() > until:
                return
        if self.dice.random() < 0.5:
            etag = answer.headers["etag"]
            saved = self.ask("save", "PUT", path, json=camera, headers={"If-Match": etag}, allowed=(200, 412))
            if saved is not None and saved.status_code == httpx.codes.PRECONDITION_FAILED:
                with self.tally.lock:
                    self.tally.conflicts += 1  # somebody else was first, and this one is told


def main() -> None:
    """Run the server, let people browse it, and tell what it cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--store", help="an empty store, such as postgresql://user@host/database")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        where = options.store or str(Path(folder) / "store.sqlite")
        with open_database(where) as database:
            site_id = import_site(database, sg.open_site("helsinki"))
        with serve(where, Path(folder) / "log") as address:
            town = prepare(address, site_id)
            tally = browse(address, town, clients=options.clients, seconds=options.seconds)
            told = (Path(folder) / "log").read_text(encoding="utf-8")
        with open_database(where) as database:
            head = verify_log(database)
    failed = len(tally.faults) + told.count("Traceback") + told.count(" ERROR ")
    for fault in tally.faults[:10]:
        print(fault)
    rows = {kind: summarise(times) for kind, times in sorted(tally.times.items())}
    for kind, row in rows.items():
        print(f"{kind:15} {row['requests']:7} requests, p50 {row['p50_ms']:7.1f} ms, p95 {row['p95_ms']:7.1f} ms,"
              f" max {row['max_ms']:8.1f} ms")  # fmt: skip
    whole = summarise([each for times in tally.times.values() for each in times])
    told_of = {"store": where.partition(":")[0] if options.store else "sqlite", "clients": options.clients}
    print(
        json.dumps(
            {
                **told_of,
                "seconds": options.seconds,
                "errors": failed,
                "conflicts": tally.conflicts,
                "megabytes": round(tally.bytes / 1e6, 1),
                "audit_entries": head.entry,
                "all": whole,
                **rows,
            }
        )
    )
    sys.exit(bool(failed))


@contextmanager
def serve(where: str, log: Path) -> Iterator[str]:
    """Run ``sightgrid serve`` on a free port; give its address."""
    words = [sys.executable, "-m", "sightgrid", "serve", "--port", "0", "--workers", "1"]
    environment = {**os.environ, "SIGHTGRID_STORE": where, "PYTHONUNBUFFERED": "1"}
    with log.open("w", encoding="utf-8") as file:
        server = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=file, text=True)
        try:
            address = re.search(r"http://\S+", server.stdout.readline() if server.stdout else "")
            if address is None:
                raise RuntimeError(log.read_text(encoding="utf-8"))
            yield address[0]
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(30)


def prepare(address: str, site_id: int) -> dict[str, Any]:
    """Measure the coverage and begin a scenario; return what people find there."""
    with httpx.Client(base_url=address, timeout=120.0) as client:
        asked = client.post("/processes/coverage/execution", json={"inputs": {"site_id": site_id}}).json()
        job = asked
        while job["status"] in {"accepted", "running"}:
            time.sleep(0.5)
            job = client.get(f"/jobs/{asked['jobID']}").json()
        if job["status"] != "successful":
            raise RuntimeError(job["message"])
        scenario = client.post(f"/sites/{site_id}/scenarios", json={"name": "load"}).json()["scenario_id"]
        of_scenario = f"{site_id}.cameras.{scenario}"
        site = client.get(f"/sites/{site_id}").json()
        cameras = client.get(f"/collections/{of_scenario}/items", params={"limit": 1000}).json()["features"]
        names = [f"/tiles/{site_id}.{layer}" for layer in LAYERS[:-1]] + [f"/tiles/{of_scenario}"]
        names += [f"/results/{job['result_id']}/tiles/{layer}" for layer in ("cells", "seen")]
        tiles = [client.get(name).raise_for_status().json()["tiles"][0].removeprefix(address) for name in names]
        page = client.get("/", headers={"Accept": "text/html"}).text
        for path in find_modules(client, page):
            client.get(path).raise_for_status()
        return {
            "site_id": site_id, "site": f"/sites/{site_id}", "bounds": site["bounds"], "scenario_id": scenario,
            "cameras_of_scenario": of_scenario, "cameras": [each["id"] for each in cameras], "tiles": tiles,
            "modules": find_modules(client, page),
        }  # fmt: skip


def find_modules(client: httpx.Client, page: str) -> list[str]:
    """Return what a browser loads with the page: its styles and scripts, and what those import in their turn."""
    found = re.findall(r"""(?:src|href)=["']/?(web/[^"']+\.(?:m?js|css))["']""", page)
    paths = [f"/{each}" for each in dict.fromkeys(found)]
    for path in paths:  # grows while it is read
        if path.endswith("js") and "/vendor/" not in path:
            text = client.get(path).text
            for each in re.findall(r"""(?:from|import)\s*\(?\s*["'](\.{1,2}/[^"']+)["']""", text):
                whole = os.path.normpath(f"{path.rpartition('/')[0]}/{each}")
                if whole not in paths:
                    paths.append(whole)
    return paths


def browse(address: str, town: dict[str, Any], *, clients: int, seconds: float) -> Tally:
    """Let people browse, all at once."""
    tally = Tally()
    people = [Person(address, town, number, tally) for number in range(clients)]
    begin = time.perf_counter()
    threads = [threading.Thread(target=person.browse, args=(begin, begin + seconds)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return tally


def summarise(times: list[float]) -> dict[str, float]:
    """Count answers, and tell how long they took."""
    p50, p95, most = (round(float(each) * 1e3, 1) for each in np.percentile(times, (50, 95, 100)))
    return {"requests": len(times), "p50_ms": p50, "p95_ms": p95, "max_ms": most}


if __name__ == "__main__":
    main()
