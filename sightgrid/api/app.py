"""The application: every part of the server put together."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import Depends, FastAPI
from fastapi.staticfiles import StaticFiles

from sightgrid import __version__
from sightgrid.api import home
from sightgrid.api.actors import authorise
from sightgrid.api.problems import handle_problems
from sightgrid.api.roles import check_routes
from sightgrid.api.settings import WEB, Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sightgrid.store.database import Database

ROUTERS = (home.router,)


def create_app(database: Database, settings: Settings | None = None) -> FastAPI:
    """Make the application of a server.

    Parameters
    ----------
    database : Database
        The store; it stays open until the server ends, and whoever opened it closes it.
    settings : Settings, optional
        By default those of one local person.

    Returns
    -------
    FastAPI
        An ASGI application.

    Raises
    ------
    RuntimeError
        A route has no roles.
    """
    app = FastAPI(
        title="sightgrid",
        version=__version__,
        summary="Public video coverage and patrols of a city: layers, tiles, jobs and results.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,  # our own routes, with roles
        dependencies=[Depends(authorise)],
        lifespan=_live,
    )
    app.state.database, app.state.settings = database, settings or Settings()
    handle_problems(app)
    for router in ROUTERS:
        app.include_router(router)
    app.mount("/web", StaticFiles(directory=WEB), name="web")
    check_routes(app)
    return app


@asynccontextmanager
async def _live(_: FastAPI) -> AsyncIterator[None]:
    yield
