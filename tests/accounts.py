"""Users with sign-ins, for tests of the server; all have the same password, which is hashed once."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from argon2 import PasswordHasher

from sightgrid.api.tokens import digest_token, make_token
from sightgrid.store import people

if TYPE_CHECKING:
    from sightgrid.store.database import Database

PASSWORD = "correct horse battery"  # noqa: S105
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@cache
def hashed() -> str:
    return QUICK.hash(PASSWORD)


def add_user(database: Database, role: str, *, name: str | None = None) -> people.User:
    return people.add_user(database, name=name or role, role=role, password_hash=hashed())


def sign_in(database: Database, user: people.User, *, seconds: float = 3600.0) -> dict[str, str]:
    """Sign a user in without asking for the password; return the cookie."""
    token = make_token()
    assert people.keep_sign_in(database, user, digest=digest_token(token), seconds=seconds)
    return {"Cookie": f"sightgrid={token}"}
