"""Stores of both kinds, for tests that must hold on each."""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from postgres_server import NoServerError, empty_database, make_database

from sightgrid.columns import KINDS
from sightgrid.store.database import open_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sightgrid.site import Site
    from sightgrid.store.database import Database

NO_SERVER = "PostGIS is not on this machine; tests/install-postgis installs it"


@cache
def _template() -> tuple[TemporaryDirectory[str], Path]:
    folder = TemporaryDirectory()
    path = Path(folder.name) / "template.sqlite"
    open_database(path).close()
    return folder, path


def make_address(kind: str, folder: Path, *, empty: bool = False) -> str:
    """Make a store with its tables, or an empty place for one; return what opens it."""
    if kind == "sqlite":
        path = folder / "store.sqlite"
        if not empty:
            shutil.copy(_template()[1], path)
        return str(path)
    try:
        return make_database(empty=empty)
    except NoServerError:
        pytest.skip(NO_SERVER)


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return make_address(request.param, tmp_path)
    try:
        return empty_database()
    except NoServerError:
        pytest.skip(NO_SERVER)


@pytest.fixture
def database(address: str) -> Iterator[Database]:
    with open_database(address) as opened:
        yield opened


@pytest.fixture(scope="session")
def few(helsinki: Site) -> Site:
    """Give the first rows of each layer of Helsinki."""
    return replace(helsinki, **{layer: getattr(helsinki, layer).iloc[:40] for layer in KINDS})
