"""Who asks: read from a request, and held against the table of roles."""

from __future__ import annotations

import time
from typing import Annotated, Literal, NamedTuple, cast

from fastapi import BackgroundTasks, Depends, Request

from sightgrid.api.problems import Problem
from sightgrid.api.roles import EDIT, PROCESSES, READ, RESULTS, ROUTES
from sightgrid.api.settings import Role, Settings
from sightgrid.api.tokens import IDLE_S, REFRESH_S, digest_token, name_cookie, read_bearer
from sightgrid.errors import StoreError
from sightgrid.store import people
from sightgrid.store.database import Database

MOST_REMEMBERED = 10_000


class Actor(NamedTuple):
    """Who asks: a user at a browser, a machine with a key, or the one person of a local server."""

    name: str
    role: Role
    user_id: int | None = None
    by: Literal["local", "sign-in", "key"] = "local"


LOCAL = Actor("local", "admin")


def get_database(request: Request) -> Database:
    """Return the store of the server."""
    database: Database = request.app.state.database
    return database


def get_settings(request: Request) -> Settings:
    """Return what the server was started with."""
    settings: Settings = request.app.state.settings
    return settings


def find_actor(request: Request, background: BackgroundTasks | None = None) -> Actor | None:
    """Tell who asks; None if they have not signed in, or what they show is not known or has ended.

    Parameters
    ----------
    request : Request
        What is asked.
    background : BackgroundTasks, optional
        Takes what may wait until the answer is sent: writing down that the sign-in is in use.
    """
    settings = get_settings(request)
    if settings.local:
        return LOCAL
    database = get_database(request)
    key = read_bearer(request.headers)
    if key is not None:  # and no cookie beside it counts: pages of other servers can send that along, but no key
        user = people.find_key_user(database, digest_token(key))
        return None if user is None else Actor(user.name, cast("Role", user.role), user.user_id, "key")
    token = request.cookies.get(name_cookie(settings))
    found = people.find_signed_in(database, digest_token(token), idle_s=IDLE_S) if token else None
    if token is None or found is None:
        return None
    if background is not None and found.used_at_us < (time.time() - REFRESH_S) * 1e6:
        _refresh_later(request, digest_token(token), background)
    return Actor(found.user.name, cast("Role", found.user.role), found.user.user_id, "sign-in")


def authorise(request: Request, background: BackgroundTasks) -> None:
    """Let the request pass if the table of roles says so; runs before every route."""
    request.state.actor = find_actor(request, background)
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


def _refresh_later(request: Request, digest: str, background: BackgroundTasks) -> None:
    # once for the fifty requests of a page: while somebody imports a city, each of these writes would wait
    tried: dict[str, float] = request.app.state.refreshed
    now = time.monotonic()
    if now - tried.get(digest, -REFRESH_S) < REFRESH_S:
        return
    if len(tried) >= MOST_REMEMBERED:
        tried.clear()
    tried[digest] = now
    background.add_task(_refresh, get_database(request), digest)


def _refresh(database: Database, digest: str) -> None:
    try:
        people.refresh_sign_in(database, digest)
    except StoreError:  # the answer is sent already, and a later request tries again
        return


Store = Annotated[Database, Depends(get_database)]
Who = Annotated[Actor, Depends(get_actor)]
