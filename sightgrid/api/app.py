"""The application: every part of the server put together."""

from __future__ import annotations

import mimetypes
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import Depends, FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.staticfiles import StaticFiles

from sightgrid import __version__
from sightgrid.api import documentation, home, metrics, summary
from sightgrid.api.actors import authorise
from sightgrid.api.dispatch import routes as routes_plans
from sightgrid.api.features import routes, routes_items
from sightgrid.api.health import routes as routes_health
from sightgrid.api.metrics import Meter, Metrics
from sightgrid.api.people import routes_session, routes_users
from sightgrid.api.people.throttle import Throttle
from sightgrid.api.planning import routes_exchange, routes_preview, routes_scenarios, routes_search, routes_sites
from sightgrid.api.problems import ANY_PROBLEM, handle_problems
from sightgrid.api.roles import check_routes
from sightgrid.api.settings import WEB, Settings
from sightgrid.api.shield import Shield
from sightgrid.api.tiles import routes as routes_tiles
from sightgrid.api.work import routes_jobs, routes_processes, routes_results
from sightgrid.api.work.followers import Followers
from sightgrid.api.work.health import list_variables
from sightgrid.api.work.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sightgrid.store.database import Database

# whatever the system's own table says: a browser refuses a module of any other type
mimetypes.add_type("text/javascript", ".mjs")
mimetypes.add_type("text/javascript", ".js")
mimetypes.add_type("font/woff2", ".woff2")

ROUTERS = (
    home.router,
    documentation.router,
    metrics.router,
    summary.router,
    routes_session.router,
    routes_users.router,
    routes.router,
    routes_items.router,
    routes_tiles.router,
    routes_processes.router,
    routes_jobs.router,
    routes_results.router,
    routes_plans.router,
    routes_health.router,
    routes_sites.router,
    routes_scenarios.router,
    routes_preview.router,
    routes_exchange.router,
    routes_search.router,
)


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
        generate_unique_id_function=lambda route: route.name,
        responses=ANY_PROBLEM,
        dependencies=[Depends(authorise)],
        lifespan=_live,
    )
    settings = settings or Settings()
    app.state.database, app.state.settings = database, settings
    app.state.metrics, app.state.throttle, app.state.refreshed = Metrics(), Throttle(), {}
    handle_problems(app)
    for router in ROUTERS:
        app.include_router(router)
    app.mount("/web", StaticFiles(directory=WEB), name="web")
    check_routes(app)
    # around all of it, so that the answer to a failure of the program is shielded and counted as well
    app.middleware_stack = Meter(Shield(app.build_middleware_stack(), settings), app.state.metrics)
    return app


@asynccontextmanager
async def _live(app: FastAPI) -> AsyncIterator[None]:
    database, settings = app.state.database, app.state.settings
    app.state.followers, app.state.supervisor = (
        Followers(database),
        Supervisor(database, settings.workers, list_variables(settings)),
    )
    await run_in_threadpool(app.state.supervisor.start)
    try:
        yield
    finally:
        app.state.followers.close()
        await run_in_threadpool(app.state.supervisor.stop)
