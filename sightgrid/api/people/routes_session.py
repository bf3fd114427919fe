"""Who is signed in: signing in and out, and one's own password."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from sightgrid.api.actors import LOCAL, Actor, Store, Who, get_settings
from sightgrid.api.people.accounts import change_user, start_session, verify_user
from sightgrid.api.people.throttle import Throttle
from sightgrid.api.problems import Problem
from sightgrid.api.roles import EDIT, PROCESSES, READ, RESULTS, ROUTES
from sightgrid.api.settings import Role
from sightgrid.api.tokens import digest_token, name_cookie
from sightgrid.store import people
from sightgrid.store.audit_entries import noting
from sightgrid.store.database import Database

router = APIRouter()

Text = Annotated[str, Field(max_length=1000)]  # longer than any that is taken, so that the rules are told in words


class SignInRequest(BaseModel):
    """A name and a password."""

    model_config = ConfigDict(extra="forbid")

    name: Text
    password: Text


class PasswordRequest(BaseModel):
    """The present password and the new one."""

    model_config = ConfigDict(extra="forbid")

    password: Text
    new_password: Text


class Permissions(BaseModel):
    """What a role may do."""

    read: list[str] = Field(description="Layers of a site that may be seen.")
    edit: list[str] = Field(description="Layers of a site that may be changed.")
    results: list[str] = Field(description="Layers of results that may be seen.")
    processes: list[str] = Field(description="Kinds of long work that may be asked for.")
    routes: list[str] = Field(description="Operations of this API, by their operationId.")


class Session(BaseModel):
    """Who is signed in, and what they may do."""

    signed_in: bool
    name: str | None
    role: Role | None
    local: bool = Field(description="One person at this machine: no accounts, nobody signs in.")
    permissions: Permissions


@router.get("/session")
def show_session(request: Request) -> Session:
    """Tell who is signed in and what they may do."""
    return _describe(request, request.state.actor)


@router.post("/session")
def sign_in(request: Request, response: Response, database: Store, asked: SignInRequest) -> Session:
    """Sign in; the answer sets a cookie."""
    _require_accounts(request)
    user = _check(request, database, asked.name, asked.password)
    if user is None:
        raise Problem(401, "the name or the password is wrong", headers={"WWW-Authenticate": "Bearer"})
    return _begin(request, response, database, user, action="session.start")


@router.delete("/session", status_code=204)
def sign_out(request: Request, response: Response, database: Store) -> None:
    """Sign out."""
    actor: Actor | None = request.state.actor
    if actor is not None and actor.by == "sign-in":
        with noting(actor=actor.name, action="session.end"):
            people.end_sign_in(database, digest_token(_read_token(request)))
    response.delete_cookie(name_cookie(get_settings(request)), secure=get_settings(request).secure)


@router.put("/session/password")
def change_own_password(
    request: Request, response: Response, database: Store, who: Who, asked: PasswordRequest
) -> Session:
    """Change one's own password; this ends all other sign-ins of this user."""
    _require_accounts(request)
    if who.by != "sign-in":
        raise Problem(403, "a key cannot change the password of its user; sign in")
    user = _check(request, database, who.name, asked.password)
    if user is None:
        raise Problem(403, "the present password is wrong")
    changed = change_user(database, user, actor=who.name, password=asked.new_password)
    return _begin(request, response, database, changed, action="session.renew")


def _require_accounts(request: Request) -> None:
    if get_settings(request).local:
        raise Problem(409, "this server is used by one person at its machine, without accounts")


def _check(request: Request, database: Database, name: str, password: str) -> people.User | None:
    throttle: Throttle = request.app.state.throttle
    address = request.client.host if request.client else ""
    wait_s = throttle.find_wait(name, address)
    if wait_s:
        raise Problem(429, f"too many failed sign-ins; wait {wait_s} s", headers={"Retry-After": str(wait_s)})
    user = verify_user(database, name, password)
    if user is None:
        throttle.note_failure(name, address)
    else:
        throttle.note_success(name, address)
    return user


def _begin(request: Request, response: Response, database: Database, user: people.User, *, action: str) -> Session:
    settings = get_settings(request)
    token = start_session(database, user, action=action)
    if token is None:
        raise Problem(409, "the account was changed at this moment; sign in again")
    former = _read_token(request)
    if former:  # one browser, one sign-in: what others put there ends as well
        people.end_sign_in(database, digest_token(former))
    response.set_cookie(name_cookie(settings), token, secure=settings.secure, httponly=True, samesite="strict")
    return _describe(request, Actor(user.name, cast("Role", user.role), user.user_id, "sign-in"))


def _read_token(request: Request) -> str:
    return request.cookies.get(name_cookie(get_settings(request)), "")


def _describe(request: Request, actor: Actor | None) -> Session:
    role = actor.role if actor else None
    tables = {"read": READ, "edit": EDIT, "results": RESULTS, "processes": PROCESSES}
    lists = {name: [key for key, roles in table.items() if role in roles] for name, table in tables.items()}
    routes = [name for name, roles in ROUTES.items() if not roles or role in roles]
    return Session(
        signed_in=actor is not None and actor != LOCAL,
        name=actor.name if actor else None,
        role=role,
        local=get_settings(request).local,
        permissions=Permissions(**lists, routes=routes),
    )
