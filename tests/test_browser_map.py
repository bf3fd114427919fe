"""The map in a real browser, without any network: the layers are drawn, the script in a name is not run."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from small_site import make_site

import sightgrid
from sightgrid import coverage
from sightgrid.report import styles

if TYPE_CHECKING:
    from pathlib import Path

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium")

OFFLINE = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # whatever the page asked for would not be found
    "--window-size=1400,900",
    "--virtual-time-budget=8000",
    "--enable-logging=stderr",
)


def browse(page: Path, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [str(CHROMIUM), *OFFLINE, f"--user-data-dir={folder / 'profile'}", *options, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    site = make_site()
    seen = coverage.measure(site, cell_m=50)
    path = tmp_path_factory.mktemp("map") / "map.html"
    # clicks on the camera whose name is a script: its popup opens with the page
    chosen = (
        "sightgrid.layers.at(-1).getLayers().find((each) => each.feature.properties.v?.[0] === 'free').openPopup();"
    )
    sightgrid.explore(site, seen, coverage.blind_spots(site, seen)).save(str(path))
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("</html>", f"<script>{chosen}</script></html>"), encoding="utf-8")
    return path


def test_map_is_drawn(page: Path, tmp_path: Path) -> None:
    done = browse(page, tmp_path, "--dump-dom")
    assert "CONSOLE" not in done.stderr  # neither an error nor a refused request
    dom = done.stdout
    assert dom.count("<canvas") == 2  # the background and the layers
    labels = re.findall(r"<span> ([^<]+)</span>", dom)
    assert labels == ["Coverage rate per cell", "Seen areas by pixel density", "Blind spots", "Cameras"]
    for label in (*styles.RATE_LABELS, "recognise: 125 or more", "no camera", "not measured"):
        assert label in dom
    assert "leaflet-control-scale-line" in dom


def test_popup_shows_a_script_as_text(page: Path, tmp_path: Path) -> None:
    dom = browse(page, tmp_path, "--dump-dom").stdout
    popup = dom[dom.index("leaflet-popup-content") :]
    assert "&lt;script&gt;alert('seen')&lt;/script&gt;" in popup
    assert "measured" in popup
    assert "secret" not in dom


def test_template_in_data_is_shown_as_text(tmp_path: Path) -> None:
    words = "{{ 7*191 }} {% raw %} {# gone #} </script>"
    site = make_site(words)
    site = site.with_cameras(site.cameras.assign(name=words))
    path = tmp_path / "map.html"
    sightgrid.explore(site).save(str(path))
    opened = "sightgrid.layers.at(-1).getLayers().find((each) => each.feature.properties.v).openPopup();"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("</html>", f"<script>{opened}</script></html>"), encoding="utf-8")
    done = browse(path, tmp_path, "--dump-dom")
    assert "CONSOLE" not in done.stderr
    shown = words.replace("<", "&lt;").replace(">", "&gt;")
    assert f"<title>sightgrid: {shown}</title>" in done.stdout
    assert f"<h1>{shown}</h1>" in done.stdout
    assert f">{shown}</td>" in done.stdout


def test_picture_shows_the_layers(page: Path, tmp_path: Path) -> None:
    browse(page, tmp_path, f"--screenshot={tmp_path / 'map.png'}")
    with Image.open(tmp_path / "map.png") as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    assert pixels.shape == (900, 1400, 3)
    middle = pixels[150:750, 350:1000].reshape(-1, 3)
    for colour in (styles.STATUS_COLOURS["measured"], styles.STATUS_COLOURS["moved"]):
        wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
        assert (np.abs(middle - wanted).max(axis=1) <= 3).sum() > 20
    colours, counts = np.unique(middle, axis=0, return_counts=True)
    assert len(colours) > 200
    assert counts.max() < 0.7 * len(middle)
