"""Settings and sites that several tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from scenes import SHARED

import sightgrid as sg

if TYPE_CHECKING:
    from sightgrid.site import Site

# a program of its own, run by the system's Python, which has GStreamer's bindings
collect_ignore = ["rtsp_server.py"]

settings.register_profile(
    "few", max_examples=30, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("few")


@pytest.fixture(scope="session")
def helsinki() -> Site:
    return sg.open_site("helsinki")


@pytest.fixture(scope="session")
def geneva() -> Site:
    path = SHARED / "data" / "geneva" / "geneva.osm.pbf"
    if not path.is_file():
        pytest.skip("the OpenStreetMap extract of Geneva is not on this machine")
    return sg.open_site(path)
