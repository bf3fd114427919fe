"""Draw the pictures of the shared map in docs/images: three work places, in English and in Chinese.

    python scripts/draw_map.py

A server with the bundled site is started on loopback, its coverage is measured, a scenario and a shift are planned,
some cameras are noted as faulty, and Chromium looks at it all.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from api_server import serve
from job_client import do
from web_page import WIDE, start_browser, visit

import sightgrid as sg
from sightgrid.api.settings import Settings
from sightgrid.health.records import Memory, Record
from sightgrid.store.database import Database, open_database
from sightgrid.store.history import History
from sightgrid.store.sites import import_site, list_sites

if TYPE_CHECKING:
    from playwright.sync_api import Page

IMAGES = Path(__file__).parents[1] / "docs" / "images"
LANGUAGES = {"en": "en", "zh-CN": "zh"}
STATION = "17/60.16950/24.93955"
CAMERA = "n256257146"
LAYERS = "cells:55,cameras,streets,obstacles,water,zones"


def note_faults(database: Database) -> None:
    """Keep a round of probes as it might be: most cameras work, some do not."""
    site = list_sites(database)[0]
    history, at = History(database, site.uid), datetime.now(UTC)
    for number, name in enumerate(sg.open_site("helsinki").cameras.index):
        told = {"status": "ok", "reason": "no rule holds"}
        if number % 23 == 0:
            told = {"status": "offline", "reason": "offline: the probe failed at the stage connect: no answer",
                    "stage": "connect", "condition": "offline", "consequence": "nothing"}  # fmt: skip
        elif number % 31 == 0:
            told = {"status": "fault", "reason": "covered: likeness 0.12, usually 0.91", "condition": "covered",
                    "consequence": "void"}  # fmt: skip
        elif number % 17 == 0:
            told = {"status": "warning", "reason": "blur: sharpness 41, usually 210", "condition": "blur",
                    "consequence": "shorter"}  # fmt: skip
        history.record(Record(camera_id=name, checked_at=at, **told), Memory())


def turn_camera(page: Page) -> None:
    """Take the handle that turns the camera, and hold it a bit farther on."""
    page.locator(".camera-form .figures").wait_for()
    box = page.locator(".handle-turn").evaluate("(handle) => handle.getBoundingClientRect().toJSON()")
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y + 120, steps=10)


def main() -> None:
    """Start everything, and draw."""
    with tempfile.TemporaryDirectory() as folder, open_database(Path(folder) / "city.sqlite") as database:
        import_site(database, sg.open_site("helsinki"))
        with serve(database, Settings(workers=1)) as address, httpx.Client(base_url=address, timeout=120) as client:
            do(client, "coverage", site_id=1)
            scenario = client.post("/sites/1/scenarios", json={"name": "Station square"}).json()["scenario_id"]
            counts = {"foot": 4, "car": 2}
            do(client, "patrol", site_id=1, name="Monday, day", shift="2026-11-23T08:00/16:00", zone="Europe/Helsinki",
               counts=counts, seconds=12)  # fmt: skip
            note_faults(database)
            with start_browser() as browser:
                for language, short in LANGUAGES.items():
                    for place in ("plan", "dispatch", "audit"):
                        with visit(browser, address, size=WIDE) as found:
                            extra = {"scenario": scenario, "camera": CAMERA, "map": STATION} if place == "plan" else {}
                            page = found.open(site=1, place=place, lang=language, **extra)
                            found.settle()
                            if place == "plan":
                                turn_camera(page)
                            if place == "dispatch":
                                page.locator(".scrubber").wait_for()
                                page.locator(".scrubber").fill("9000")
                            page.wait_for_timeout(1500)
                            found.settle()
                            page.screenshot(path=IMAGES / f"map-{place}-{short}.png")
                            print(f"map-{place}-{short}.png")


if __name__ == "__main__":
    main()
