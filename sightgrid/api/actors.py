"""Who asks: read from a request, and held against the table of roles."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from fastapi import Depends, Request

from sightgrid.api.problems import Problem
from sightgrid.api.roles import EDIT, PROCESSES, READ, RESULTS, ROUTES
from sightgrid.api.settings import Role, Settings
from sightgrid.store.database import Database


class Actor(NamedTuple):
    """Who asks: a user at a browser, a machine with a key, or the one person of a local server."""

    name: str
    role: Role
    user_id: int | None = None
    by: str = "local"  # or "sign-in", "key"


LOCAL = Actor("local", "admin")


def get_database(request: Request) -> Database:
    """Return the store of the server."""
    database: Database = request.app.state.database
    return database


def get_settings(request: Request) -> Settings:
    """Return what the server was started with."""
    settings: Settings = request.app.state.settings
    return settings


def find_actor(request: Request) -> Actor | None:
    """Tell who asks; None if they have not signed in."""
    if get_settings(request).local:
        return LOCAL
    return None


def authorise(request: Request) -> None:
    """Let the request pass if the table of roles says so; runs before every route."""
    request.state.actor = find_actor(request)
    allowed = ROUTES[request.scope["route"].name]
    if not allowed:
        return
    _require(request.state.actor, allowed)


def get_actor(request: Request) -> Actor:
    """Return who asks, in a route that not everybody may use."""
    actor: Actor = request.state.actor
    return actor


def _require(actor: Actor | None, allowed: frozenset[Role]) -> None:
    if actor is None:
        raise Problem(401, "sign in first", headers={"WWW-Authenticate": "Bearer"})
    if actor.role not in allowed:
        raise Problem(403, f"the role {actor.role} may not do this")


def require_read(actor: Actor, layer: str) -> None:
    """Refuse who may not see a layer of a site."""
    _require(actor, READ[layer])


def require_edit(actor: Actor, layer: str) -> None:
    """Refuse who may not change a layer of a site."""
    _require(actor, EDIT[layer])


def require_result(actor: Actor, layer: str) -> None:
    """Refuse who may not see a layer of a result."""
    _require(actor, RESULTS[layer])


def require_process(actor: Actor, process: str) -> None:
    """Refuse who may not ask for this kind of job."""
    _require(actor, PROCESSES[process])


Store = Annotated[Database, Depends(get_database)]
Who = Annotated[Actor, Depends(get_actor)]
