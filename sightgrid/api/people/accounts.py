"""Accounts: made, changed and signed in to, with an entry in the audit log for each."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from sightgrid.api.people.passwords import check_password, hash_password, is_outdated, verify_password
from sightgrid.api.roles import ROLES
from sightgrid.api.tokens import LIFE_S, digest_token, make_token
from sightgrid.errors import InputError
from sightgrid.store import people
from sightgrid.store.audit_entries import noting
from sightgrid.store.audit_log import add_entry
from sightgrid.store.conflicts import NotFoundError

if TYPE_CHECKING:
    from sightgrid.store.database import Database

MOST_NAME = 64
TAKEN = ("local", "")  # stands in the audit log for who sits at the server, and for nobody


def check_name(name: str) -> str:
    """Return the name of a user as it is kept: letters that are written in several ways are written in one.

    Raises
    ------
    InputError
        It is too long, has characters that cannot be seen, or means something else.

    Examples
    --------
    >>> check_name("anna")
    'anna'
    """
    settled = unicodedata.normalize("NFC", name)
    if not 1 <= len(settled) <= MOST_NAME or not settled.isprintable() or settled != settled.strip():
        raise InputError(f"the name must have from 1 to {MOST_NAME} printable characters, and no space around them")
    if settled.casefold() in TAKEN:
        raise InputError(f"the name {settled} is taken by the server itself")
    return settled


def make_user(database: Database, *, name: str, role: str, password: str, actor: str) -> people.User:
    """Add a user.

    Parameters
    ----------
    database : Database
        The store.
    name, role, password : str
        Of the user.
    actor : str
        Who adds them, for the audit log.

    Raises
    ------
    InputError
        The name, role or password does not do.
    ExistsError
        There is a user of this name.
    """
    name = check_name(name)
    _check_role(role)
    check_password(password, name)
    hashed = hash_password(password)
    with noting(actor=actor, action="user.add", target=name, detail={"role": role}):
        return people.add_user(database, name=name, role=role, password_hash=hashed)


def change_user(
    database: Database,
    user: people.User,
    *,
    actor: str,
    role: str | None = None,
    active: bool | None = None,
    password: str | None = None,
) -> people.User:
    """Change what is given; this ends the sign-ins of the user.

    Raises
    ------
    InputError
        The role or password does not do, or nobody would be an active admin any more.
    """
    detail: dict[str, object] = {}
    if role is not None:
        _check_role(role)
        detail["role"] = role
    if active is not None:
        detail["active"] = active
    hashed = None
    if password is not None:
        check_password(password, user.name)
        hashed = hash_password(password)
        detail["password"] = "changed"  # noqa: S105  (not a password)
    with noting(actor=actor, action="user.change", target=user.name, detail=detail):
        return people.change_user(database, user.user_id, role=role, active=active, password_hash=hashed)


def verify_user(database: Database, name: str, password: str) -> people.User | None:
    """Return the active user of a name and password, or None; takes the same time for whatever is wrong."""
    try:
        user = people.find_user(database, unicodedata.normalize("NFC", name))
    except NotFoundError:
        user = None
    right = verify_password(password, user.password_hash if user else None)
    if user is None or not right or not user.active:
        # what was typed is not written down unless somebody is called so: it may be a password in the wrong field
        add_entry(database, actor="", action="session.refuse", target=user.name if user else "")
        return None
    if is_outdated(user.password_hash):
        hashed = hash_password(password)
        people.replace_hash(database, user.user_id, before=user.password_hash, after=hashed)
        return user._replace(password_hash=hashed)
    return user


def start_session(database: Database, user: people.User, *, action: str = "session.start") -> str | None:
    """Sign a user in and return the token; None if the user was changed since it was read."""
    token = make_token()
    with noting(actor=user.name, action=action):
        kept = people.keep_sign_in(database, user, digest=digest_token(token), seconds=LIFE_S)
    return token if kept else None


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise InputError(f"the role must be one of {', '.join(ROLES)}")
