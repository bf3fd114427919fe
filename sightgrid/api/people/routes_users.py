"""Users, keys of machines, and the audit log."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, cast

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from sightgrid.api.actors import Actor, Store, Who
from sightgrid.api.people.accounts import change_user as change_account
from sightgrid.api.people.accounts import make_user
from sightgrid.api.problems import Problem
from sightgrid.api.settings import Role
from sightgrid.api.tokens import digest_token, make_key
from sightgrid.errors import InputError
from sightgrid.store import people
from sightgrid.store.audit_entries import noting
from sightgrid.store.audit_log import find_head, list_entries

LARGEST_ID = 2**63 - 1
LATEST = datetime(9999, 1, 1, tzinfo=UTC)
EPOCH = datetime.fromtimestamp(0, UTC)

router = APIRouter()

Id = Annotated[int, Path(ge=1, le=LARGEST_ID)]
Text = Annotated[str, Field(max_length=1000)]  # longer than any that is taken, so that the rules are told in words


class NewUser(BaseModel):
    """A user to be added."""

    model_config = ConfigDict(extra="forbid")

    name: Text
    role: Role
    password: Text


class UserChange(BaseModel):
    """What is to change about a user; what is not given stays."""

    model_config = ConfigDict(extra="forbid")

    role: Role | None = None
    active: bool | None = None
    password: Text | None = None


class UserDocument(BaseModel):
    """A user."""

    user_id: int
    name: str
    role: Role
    active: bool = Field(description="Whether the user may sign in, and the user's keys work.")
    made_at: datetime


class NewKey(BaseModel):
    """A key to be made."""

    model_config = ConfigDict(extra="forbid")

    label: str = Field(min_length=1, max_length=100, description="What the key is for.")
    ends_at: AwareDatetime | None = Field(default=None, description="Until it is taken away, if not given.")


class KeyDocument(BaseModel):
    """A key, without what it opens with."""

    key_id: int
    user: str
    label: str
    made_at: datetime
    ends_at: datetime | None


class KeyMade(KeyDocument):
    """A key that was just made."""

    key: str = Field(description="Shown this once; to be sent as `Authorization: Bearer`.")


class LogEntry(BaseModel):
    """Who did what."""

    entry: int
    at: datetime
    actor: str
    action: str
    target: str
    detail: dict[str, Any]
    digest: str = Field(description="Chains the entry to the one before.")


class LogPage(BaseModel):
    """A part of the audit log, the newest entries first."""

    entries: list[LogEntry]
    newest: int = Field(description="The number of the newest entry; 0: there is none.")
    before: int | None = Field(description="To be given for the next page; null: this is the last.")


@router.get("/users")
def list_users(database: Store) -> list[UserDocument]:
    """List all users."""
    return [_describe_user(user) for user in people.list_users(database)]


@router.post("/users", status_code=201)
def add_user(database: Store, who: Who, asked: NewUser) -> UserDocument:
    """Add a user."""
    user = make_user(database, name=asked.name, role=asked.role, password=asked.password, actor=who.name)
    return _describe_user(user)


@router.patch("/users/{user_id}")
def change_user(database: Store, who: Who, user_id: Id, asked: UserChange) -> UserDocument:
    """Change the role or password of a user, or whether the user is active; this ends the user's sign-ins."""
    user = people.find_user(database, user_id)
    changes = asked.model_dump(exclude_none=True)
    if changes:
        user = change_account(database, user, actor=who.name, **changes)
    return _describe_user(user)


@router.get("/keys")
def list_keys(database: Store, who: Who) -> list[KeyDocument]:
    """List one's own keys; an admin sees those of all users."""
    own = None if who.role == "admin" else who.user_id
    return [_describe_key(key) for key in people.list_keys(database, user_id=own)]


@router.post("/keys", status_code=201)
def add_key(database: Store, who: Who, asked: NewKey) -> KeyMade:
    """Make a key for a machine, which may then do what its user may. It is shown once, here."""
    if who.user_id is None:
        raise Problem(409, "this server is used by one person at its machine: nothing asks for a key")
    if who.by == "key":
        raise Problem(403, "a key cannot make another one; sign in")
    if not asked.label.isprintable():
        raise InputError("the label must be printable characters")
    if asked.ends_at is not None and not datetime.now(UTC) < asked.ends_at < LATEST:
        raise InputError("ends_at must lie in the future")
    ends_at_us = None if asked.ends_at is None else int((asked.ends_at - EPOCH).total_seconds() * 1e6)
    key = make_key()
    with noting(actor=who.name, action="key.add", target=asked.label):
        kept = people.add_key(database, who.user_id, label=asked.label, digest=digest_token(key), ends_at_us=ends_at_us)
    return KeyMade(**_describe_key(kept).model_dump(), key=key)


@router.delete("/keys/{key_id}", status_code=204)
def delete_key(database: Store, who: Who, key_id: Id) -> None:
    """Take a key away: one's own; an admin may take away any."""
    key = _find_key(database, who, key_id)
    with noting(actor=who.name, action="key.delete", target=key.label, detail={"user": key.user}):
        people.delete_key(database, key_id)


@router.get("/audit-log")
def read_audit_log(
    database: Store,
    before: Annotated[int | None, Query(ge=1, le=LARGEST_ID, description="Entries older than this one.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> LogPage:
    """Read who did what, the newest first. `sightgrid audit-log verify` checks that nothing was changed."""
    entries = list_entries(database, before=before, limit=limit)
    found = [LogEntry(**entry._asdict() | {"at": _tell_time(entry.at_us)}) for entry in entries]
    return LogPage(
        entries=found,
        newest=find_head(database).entry,
        before=found[-1].entry if found and found[-1].entry > 1 else None,
    )


def _find_key(database: Store, who: Actor, key_id: int) -> people.Key:
    key = people.find_key(database, key_id)
    if who.role != "admin" and key.user_id != who.user_id:
        raise Problem(403, "this key is somebody else's")
    return key


def _describe_user(user: people.User) -> UserDocument:
    return UserDocument(
        user_id=user.user_id,
        name=user.name,
        role=cast("Role", user.role),
        active=user.active,
        made_at=_tell_time(user.made_at_us),
    )


def _describe_key(key: people.Key) -> KeyDocument:
    return KeyDocument(
        key_id=key.key_id,
        user=key.user,
        label=key.label,
        made_at=_tell_time(key.made_at_us),
        ends_at=None if key.ends_at_us is None else _tell_time(key.ends_at_us),
    )


def _tell_time(at_us: int) -> datetime:
    return datetime.fromtimestamp(at_us / 1e6, UTC)
