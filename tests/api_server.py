"""A real server on loopback, for tests that speak HTTP to it."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING

import httpx
import pytest
import store_databases
import uvicorn

from sightgrid.api.app import create_app
from sightgrid.api.settings import Settings
from sightgrid.store.database import open_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sightgrid.store.database import Database

NUMBERS = count(1)


@contextmanager
def serve(database: Database, settings: Settings | None = None) -> Iterator[str]:
    """Run a server in a thread, without workers if no settings are given; give its address."""
    # the protocol has to be named, else asyncio leaves Nagle's algorithm on: 40 ms for each answer
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            create_app(database, settings or Settings(workers=0)), log_level="error", timeout_graceful_shutdown=2
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)


@contextmanager
def connect(database: Database, settings: Settings | None = None) -> Iterator[httpx.Client]:
    """Give a client of a server of its own."""
    with serve(database, settings) as address, httpx.Client(base_url=address, timeout=60.0) as client:
        yield client


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Database, httpx.Client]]:
    """Give a store of either kind, and a client of its server, for all tests of a file."""
    address = store_databases.make_address(request.param, tmp_path_factory.mktemp("server"))
    with open_database(address) as opened, connect(opened) as client:
        yield opened, client


@pytest.fixture
def database(server: tuple[Database, httpx.Client]) -> Database:
    return server[0]


@pytest.fixture
def client(server: tuple[Database, httpx.Client]) -> httpx.Client:
    return server[1]


@pytest.fixture
def name() -> str:
    """Give a name that no other test's site has."""
    return f"block {next(NUMBERS)}"
