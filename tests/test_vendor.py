"""The vendored bundle of the web map: what is committed, under which licences, and that it draws under a strict CSP."""

from __future__ import annotations

import hashlib
import http.server
import json
import queue
import re
import shutil
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
from scenes import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VENDOR = ROOT / "sightgrid" / "api" / "web" / "vendor"
SOURCES = ROOT / "scripts" / "vendor_web"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
MANIFEST = json.loads((VENDOR / "manifest.json").read_text(encoding="utf-8"))
LOCK = {
    path.rpartition("node_modules/")[2]: package
    for path, package in json.loads((SOURCES / "package-lock.json").read_text(encoding="utf-8"))["packages"].items()
    if path
}

# Every absolute address in the code, and why nothing is ever fetched from it.
KNOWN = {
    "http://www.w3.org/1999/xhtml": "XML namespace",
    "http://www.w3.org/2000/svg": "XML namespace",
    "https://github.com/mapbox/mapbox-gl-js/issues/2907": "words of a warning on the console",
    "https://github.com/maplibre/maplibre-gl-js/blob/v6.17.0/LICENSE.txt": "licence comment",
    "https://maplibre.invalid/": "base against which relative links are parsed; .invalid never resolves",
    "https://maplibre.org/": "link of the attribution and of the logo, followed by a click only",
    "https://wiki.openstreetmap.org/wiki/This_map_requires_WebGL": "words of the error without WebGL2",
}
ADDRESS = re.compile(r"(?:(?:https?|wss?|ftp):)?//[A-Za-z0-9-]+\.[A-Za-z][^\s\"'`()<>\\,]*")


def read(name):
    return (VENDOR / name).read_text(encoding="utf-8")


def test_committed_files_are_those_of_the_manifest():
    files = {path.relative_to(VENDOR).as_posix(): path.read_bytes() for path in VENDOR.rglob("*") if path.is_file()}
    assert set(files) - {"README.md", "manifest.json"} == set(MANIFEST["files"])
    for name, told in MANIFEST["files"].items():
        assert hashlib.sha256(files[name]).hexdigest() == told["sha256"], name
        assert len(files[name]) == told["bytes"], name
    assert sum(map(len, files.values())) < 6_000_000


def test_versions_are_those_of_the_lock_and_new_enough():
    for name, version in (MANIFEST["packages"] | MANIFEST["built_with"]).items():
        assert LOCK[name]["version"] == version
    asked = json.loads((SOURCES / "package.json").read_text(encoding="utf-8"))["devDependencies"]
    assert asked == {name: LOCK[name]["version"] for name in asked}  # pinned exactly
    assert tuple(map(int, MANIFEST["packages"]["maplibre-gl"].split("."))) >= (6, 4, 1)  # CVE-2026-85061


def test_lock_pins_hashes_and_records_no_address():
    assert all(package["integrity"].startswith("sha512-") for package in LOCK.values())
    assert not ADDRESS.search((SOURCES / "package-lock.json").read_text(encoding="utf-8"))


def test_every_package_is_listed_with_its_licence():
    text = read("LICENSES.txt")
    rows = dict(re.findall(r"^(\S+ \S+) \| (.+ \| .+)$", text, flags=re.MULTILINE))
    shipped = {name for name in LOCK if name in MANIFEST["packages"]}
    assert rows == {
        f"{name} {package['version']}": f"{package['license']} | "
        + ("shipped" if name in shipped else "needed to build only")
        for name, package in LOCK.items()
    }
    for name in shipped:
        heading = rf"={{79}}\n{re.escape(name)} \S+ \(.+\)\n={{79}}\n\n"
        (words,) = re.findall(rf"{heading}(.+?)(?:\n={{79}}|\Z)", text, flags=re.DOTALL)
        assert re.search("Permission|Redistribution|PERMISSION", words), name
        assert re.search(r"copyright|\(c\)|Google Inc\.", words, re.IGNORECASE), name
    allowed = {"MIT", "ISC", "BSD-2-Clause", "BSD-3-Clause", "(MIT OR Apache-2.0)", "OFL-1.1"}
    assert {LOCK[name]["license"] for name in shipped} <= allowed


def test_the_pattern_finds_addresses():
    text = '"https://a.example/x.png",`//b.example/y`,wss://c.example:8/z 5//2 a//b'
    assert ADDRESS.findall(text) == ["https://a.example/x.png", "//b.example/y", "wss://c.example:8/z"]


def test_no_foreign_address_is_ever_fetched():
    found = set()
    for name in ("vendor.mjs", "maplibre-gl-worker.mjs", "vendor.css", "fonts.css"):
        found |= set(ADDRESS.findall(unquote(read(name)).replace("\\/", "/")))
    assert found == set(KNOWN)
    for name in ("vendor.mjs", "maplibre-gl-worker.mjs"):
        text = read(name)
        assert not re.search(r"\b(?:import|from)\s*[\"'`]", text)  # nothing is imported
        assert "sourceMappingURL" not in text


def test_style_sheets_name_only_what_is_shipped():
    named = re.findall(r"url\(\s*[\"']?([^)\"']+)", read("fonts.css"))
    fonts = {name for name in MANIFEST["files"] if name.startswith("fonts/")}
    assert {name.removeprefix("./") for name in named} == fonts
    assert all((VENDOR / name).read_bytes()[:4] == b"wOF2" for name in fonts)
    assert all(name.startswith("data:image/") for name in re.findall(r"url\(\s*[\"']?([^)\"']+)", read("vendor.css")))
    assert "@import" not in read("vendor.css") + read("fonts.css")


def decode_cell(row, cell):
    return bytes([row + 0xA0, cell + 0xA0]).decode("gb2312", errors="ignore")


def test_font_covers_simplified_chinese():
    covered = set()
    for ranges in re.findall(r"unicode-range: ([^;]+);", read("fonts.css")):
        for part in ranges.split(","):
            first, _, last = part.strip().removeprefix("U+").partition("-")
            covered.update(range(int(first, 16), int(last or first, 16) + 1))
    common, rarer = (  # the two levels of GB/T 2312; its last cells are empty
        {ord(sign) for row in rows for cell in range(1, 95) for sign in decode_cell(row, cell)}
        for rows in (range(16, 56), range(56, 88))
    )
    assert (len(common), len(rarer)) == (3755, 3008)
    assert common <= covered
    assert len(rarer - covered) == 33  # as the font's makers cut it: the system's font stands in
    assert set(map(ord, "\u3001\u3002\u300a\u300b\uff01\uff08\uff09\uff0c\uff1a\uff1b\uff1fA0z%")) <= covered


# ---- in a real browser -------------------------------------------------------------------------

POLICY = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; "
    "img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; report-uri /violation"
)  # workers report by the address only
TYPES = {".html": "text/html", ".mjs": "text/javascript", ".css": "text/css", ".woff2": "font/woff2"}

PAGE = """<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>map</title>
<link rel="stylesheet" href="/vendor/vendor.css"><link rel="stylesheet" href="/vendor/fonts.css">
<link rel="stylesheet" href="/page.css"><link rel="icon" href="data:,">
<script type="module" src="/page.mjs"></script></head>
<body><div id="map"></div></body></html>"""

STYLE = "#map { position: absolute; inset: 0; }"
STRANGER = 'fetch("https://worker.example/").catch(() => {});'
SCRIPT = """
import { maplibregl, TerraDraw, TerraDrawMapLibreGLAdapter, TerraDrawPolygonMode } from "/vendor/vendor.mjs";

const asked = new URLSearchParams(location.search).get("worker");
const told = { errors: [], violations: [] };
addEventListener("unhandledrejection", (event) => told.errors.push(String(event.reason)));
addEventListener("securitypolicyviolation", (event) => told.violations.push(event.blockedURI));

const square = (west, south, east, north) => ({ type: "Feature", properties: {}, geometry: { type: "Polygon",
  coordinates: [[[west, south], [east, south], [east, north], [west, north], [west, south]]] } });
const words = "摄像头";
const style = { version: 8,
  sources: {
    ground: { type: "geojson", data: square(24.93, 60.165, 24.95, 60.175) },
    name: { type: "geojson", data: { type: "Point", coordinates: [24.96, 60.17] } },
  },
  layers: [
    { id: "ground", type: "fill", source: "ground", paint: { "fill-color": "#102030", "fill-antialias": false } },
    { id: "name", type: "symbol", source: "name", layout: { "text-field": words, "text-font": ["Noto Sans SC"] } },
  ],
};

const quiet = (map, most_ms) => new Promise((done) => { map.once("idle", done); setTimeout(done, most_ms); });

async function draw() {
  if (asked !== "default") maplibregl.setWorkerUrl(new URL(asked, location.href).href);
  if (asked.includes("wrong")) await fetch("https://foreign.example/").catch(() => {});
  told.fonts = (await document.fonts.load('16px "Noto Sans SC"', words)).length;
  const map = new maplibregl.Map({ container: "map", style, center: [24.94, 60.17], zoom: 13, fadeDuration: 0,
    canvasContextAttributes: { preserveDrawingBuffer: true } });
  map.on("error", ({ error }) => told.errors.push(error.message));
  map.addControl(new maplibregl.NavigationControl());
  await quiet(map, asked.includes("wrong") ? 2500 : 30000);
  const count = (layer) => map.getLayer(layer) ? map.queryRenderedFeatures({ layers: [layer] }).length : 0;
  Object.assign(told, { loaded: map.loaded(), ground: count("ground"), name: count("name"), drawn: 0 });
  if (told.loaded) {
    const adapter = new TerraDrawMapLibreGLAdapter({ map });
    const pen = new TerraDraw({ adapter, modes: [new TerraDrawPolygonMode()] });
    pen.start();
    const feature = { ...square(24.951, 60.166, 24.955, 60.169), properties: { mode: "polygon" } };
    told.accepted = pen.addFeatures([feature]).map((each) => each.valid);
    await quiet(map, 30000);
    told.drawn = count("td-polygon");
    const gl = map.getCanvas().getContext("webgl2");
    const pixel = new Uint8Array(4);
    gl.readPixels(gl.drawingBufferWidth / 2, gl.drawingBufferHeight / 2, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
    told.pixel = [...pixel];
  }
}
draw().catch((error) => told.errors.push(String(error))).finally(() =>
  fetch("/result", { method: "POST", body: JSON.stringify(told) }));
"""


@dataclass
class Visit:  # what the page told, and what the server saw
    told: queue.Queue[dict[str, Any]] = field(default_factory=queue.Queue)
    asked: list[str] = field(default_factory=list)
    violations: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def serve(visit: Visit) -> Iterator[str]:
    own = {"/page.html": PAGE, "/page.mjs": SCRIPT, "/page.css": STYLE, "/stranger.mjs": STRANGER}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            path = self.path.partition("?")[0]
            visit.asked.append(path)
            name = path.removeprefix("/vendor/")
            if path in own:
                self.reply(200, TYPES[PurePosixPath(path).suffix], own[path].encode())
            elif name in MANIFEST["files"]:
                self.reply(200, TYPES[(VENDOR / name).suffix], (VENDOR / name).read_bytes())
            else:
                self.reply(404, "text/plain", b"")

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == "/violation":
                visit.violations.append(body["csp-report"])
            else:
                visit.told.put(body)
            self.reply(204, "text/plain", b"")

        def reply(self, status, kind, body):
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8" if kind.startswith("text/") else kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Security-Policy", POLICY)
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def open_page(worker: str, folder: Path) -> tuple[dict[str, Any], Visit]:
    visit = Visit()
    with serve(visit) as address, (folder / "browser.log").open("w") as log:
        command = [
            str(CHROMIUM), "--headless", "--no-sandbox", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--window-size=800,600",
            f"--user-data-dir={folder / 'profile'}", "--remote-debugging-port=0", f"{address}page.html?worker={worker}",
        ]  # fmt: skip
        with subprocess.Popen(command, stdout=log, stderr=log) as browser:
            try:
                told = visit.told.get(timeout=120)
            finally:
                browser.terminate()
    return told, visit


needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium")


@needs_browser
@pytest.mark.parametrize("worker", ["/vendor/maplibre-gl-worker.mjs", "default"])
def test_bundle_draws_under_a_strict_policy(worker, tmp_path):
    told, visit = open_page(worker, tmp_path)
    assert told["errors"] == told["violations"] == visit.violations == []
    assert told["loaded"]
    assert min(told["ground"], told["name"], told["drawn"]) > 0
    assert told["accepted"] == [True]
    assert told["pixel"] == [0x10, 0x20, 0x30, 255]  # the polygon's colour, in the middle of the canvas
    assert "/vendor/maplibre-gl-worker.mjs" in visit.asked
    fonts = [path for path in visit.asked if path.endswith(".woff2")]
    assert 1 <= told["fonts"] <= len(set(fonts)) <= 6  # only the parts that hold the words


@needs_browser
@pytest.mark.parametrize(
    ("worker", "errors"),
    [
        ("/nowhere.mjs?wrong", ["Worker failed to load. Check that the worker URL is correct."]),
        ("/stranger.mjs?wrong", []),  # a module, only not MapLibre's: nothing is drawn, and nothing said
    ],
)
def test_the_checks_see_a_wrong_worker_and_foreign_requests(worker, errors, tmp_path):
    told, visit = open_page(worker, tmp_path)
    assert told["errors"] == errors
    assert told["ground"] == told["name"] == 0
    assert not told["loaded"]
    assert told["violations"] == ["https://foreign.example/"]
    seen = {each["blocked-uri"] for each in visit.violations}
    assert seen == {"https://foreign.example/"} | ({"https://worker.example/"} if not errors else set())
