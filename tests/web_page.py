"""Chromium on the web map of a real server, for tests: what the page did wrong is gathered while it is used."""

from __future__ import annotations

import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from store_databases import make_address

from sightgrid.store.database import Database, open_database
from sightgrid.store.sites import import_site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from sightgrid.site import Site

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WIDE, NARROW = (1280, 800), (390, 844)
USUAL = (1000, 600)  # a processor draws for the graphics card: fewer pixels are quicker
PATIENCE_MS = 60_000
WATCH = """
globalThis.violations = [];
addEventListener("securitypolicyviolation", (event) => {
  violations.push(`${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
});
"""
QUIET = """() => {
  const { map, layers, state } = globalThis.sightgrid ?? {};
  const drawn = state?.get("site") && map?.loaded() && map.areTilesLoaded() && !map.isMoving();
  return Boolean(drawn && !layers.list().some((each) => each.loading));
}"""

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium")


@dataclass
class Visit:
    """A page, and what it should not have done."""

    page: Page
    address: str
    faults: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def open(self, **shown: Any) -> Page:
        """Open the map: parts of the permalink (``map``, ``site``, ``scenario``, ``place``, ``layers``, …)."""
        link = "&".join(f"{name}={value}" for name, value in ({"lang": "en"} | shown).items())
        self.page.goto("about:blank")  # a page whose hash alone changes is not read again
        self.page.goto(f"{self.address}/?f=html#{link}")
        self.page.wait_for_selector("main")
        return self.page

    def settle(self) -> Page:
        """Wait until the map is drawn and nothing is loading."""
        self.wait(QUIET)
        return self.page

    def wait(self, script: str, given: Any = None) -> None:
        """Wait until a script says yes; Playwright's own way evaluates text in the page, which our policy forbids."""
        end = time.monotonic() + PATIENCE_MS / 1000
        while not self.page.evaluate(script, given):
            assert time.monotonic() < end, script
            self.page.wait_for_timeout(30)

    def count(self, style: str) -> int:
        """Return how many features of a style layer, such as ``cameras/cameras``, are drawn."""
        script = "(id) => sightgrid.map.getLayer(id) ? sightgrid.map.queryRenderedFeatures({ layers: [id] }).length : 0"
        return int(self.page.evaluate(script, style))

    def project(self, longitude: float, latitude: float) -> tuple[float, float]:
        """Return where a place is on the page, in pixels."""
        script = """(place) => {
          const { left, top } = sightgrid.map.getCanvas().getBoundingClientRect();
          const { x, y } = sightgrid.map.project(place);
          return [left + x, top + y];
        }"""
        x, y = self.page.evaluate(script, [longitude, latitude])
        return x, y

    def look(self, selector: str = "#map") -> NDArray[np.uint8]:
        """Return the pixels of a part of the page."""
        picture = self.page.locator(selector).screenshot()
        with Image.open(BytesIO(picture)) as image:
            return np.asarray(image.convert("RGB"))

    def check(self) -> None:
        """Hold against the page all that it did wrong so far."""
        assert self.faults == []
        assert self.page.evaluate("violations") == []
        assert self.foreign == []


@contextmanager
def start_browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-quic", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"],
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visit(browser: Browser, address: str, *, size: tuple[int, int] = USUAL, **options: Any) -> Iterator[Visit]:
    """Give a page of its own, without cookies; nothing is opened yet."""
    width, height = size
    context = browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce", **options)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    found = Visit(page, address)
    page.add_init_script(WATCH)
    page.on("console", lambda told: _note_console(found, told))
    page.on("pageerror", lambda error: found.faults.append(f"error: {error}"))
    page.on("request", lambda request: _note_request(found, request.url))
    try:
        yield found
    finally:
        context.close()


def _note_console(found: Visit, told: Any) -> None:
    # WebGL tells about the speed of the processor that stands in for a graphics card
    if told.type in {"error", "warning"} and "GL Driver Message" not in told.text:
        found.faults.append(f"{told.type}: {told.text} {told.location.get('url', '')}")


def _note_request(found: Visit, address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme in {"http", "https", "ws", "wss"} and f"{parts.scheme}://{parts.netloc}" != found.address:
        found.foreign.append(address)


@contextmanager
def open_city(folder: Path, **sites: Site) -> Iterator[Database]:
    """Give a store with sites by their names, numbered from 1."""
    with open_database(make_address("sqlite", folder)) as database:
        for name, site in sites.items():
            import_site(database, site, name=name)
        yield database
