"""Users, their sign-ins and keys. Whoever calls makes the hashes: no password and no token is given to the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from sightgrid.errors import InputError
from sightgrid.store.clock import now_us
from sightgrid.store.conflicts import ExistsError, NotFoundError
from sightgrid.store.work_tables import api_keys, sign_ins, users

if TYPE_CHECKING:
    from sightgrid.store.database import Database

ADMIN = "admin"  # the role that cannot be left without anybody


class User(NamedTuple):
    """One user; `password_hash` never leaves the program."""

    user_id: int
    name: str
    role: str
    password_hash: str
    active: bool
    made_at_us: int


class SignIn(NamedTuple):
    """Who is signed in, and when that was last written down."""

    user: User
    used_at_us: int


class Key(NamedTuple):
    """One key of a machine, which acts as its user; `ends_at_us` None: until it is taken away."""

    key_id: int
    user_id: int
    user: str
    label: str
    made_at_us: int
    ends_at_us: int | None


def add_user(database: Database, *, name: str, role: str, password_hash: str) -> User:
    """Add a user.

    Raises
    ------
    ExistsError
        There is a user of this name.
    """
    values = {"name": name, "role": role, "password_hash": password_hash, "active": True, "made_at_us": now_us()}
    with database.write() as connection:
        try:
            return User(*connection.execute(sa.insert(users).values(values).returning(*users.c)).one())
        except IntegrityError:
            raise ExistsError(f"there is a user called {name} already") from None


def list_users(database: Database) -> list[User]:
    """Return all users, by name."""
    with database.read() as connection:
        return [User(*row) for row in connection.execute(sa.select(users).order_by(users.c.name))]


def find_user(database: Database, user: int | str) -> User:
    """Return a user by number or name.

    Raises
    ------
    NotFoundError
        There is none.
    """
    key = users.c.user_id if isinstance(user, int) else users.c.name
    with database.read() as connection:
        row = connection.execute(sa.select(users).where(key == user)).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no user {user}")
    return User(*row)


def change_user(
    database: Database,
    user_id: int,
    *,
    role: str | None = None,
    password_hash: str | None = None,
    active: bool | None = None,
) -> User:
    """Change what is given; this ends the sign-ins of the user.

    Raises
    ------
    NotFoundError
        There is no such user.
    InputError
        Nobody would be an active admin any more.
    """
    given = {"role": role, "password_hash": password_hash, "active": active}
    values = {name: value for name, value in given.items() if value is not None}
    admins = sa.select(users.c.user_id).where(users.c.role == ADMIN, users.c.active)
    with database.write() as connection:
        # locked: of two admins who step down at the same moment, one stays
        before = set(connection.execute(admins.with_for_update()).scalars())
        if values:
            connection.execute(sa.update(users).where(users.c.user_id == user_id).values(values))
            connection.execute(sa.delete(sign_ins).where(sign_ins.c.user_id == user_id))
        row = connection.execute(sa.select(users).where(users.c.user_id == user_id)).one_or_none()
        if row is None:
            raise NotFoundError(f"there is no user {user_id}")
        if before == {user_id} and not (row.active and row.role == ADMIN):
            raise InputError(f"{row.name} is the last active admin; make another one first")
    return User(*row)


def replace_hash(database: Database, user_id: int, *, before: str, after: str) -> None:
    """Keep another hash of the same password, unless the password was changed meanwhile; sign-ins go on."""
    same = sa.and_(users.c.user_id == user_id, users.c.password_hash == before)
    with database.write() as connection:
        connection.execute(sa.update(users).where(same).values(password_hash=after))


def has_admin(database: Database) -> bool:
    """Tell whether there is an active admin."""
    statement = sa.select(users.c.user_id).where(users.c.role == ADMIN, users.c.active).limit(1)
    with database.read() as connection:
        return connection.execute(statement).first() is not None


def keep_sign_in(database: Database, user: User, *, digest: str, seconds: float) -> bool:
    """Keep that a user has signed in for so long; sign-ins that have ended go.

    Returns
    -------
    bool
        False: the password was changed or the user deactivated since `user` was read, and nothing is kept.
    """
    now = now_us()
    values = {"user_id": user.user_id, "digest": digest, "made_at_us": now, "used_at_us": now}
    same = sa.and_(users.c.user_id == user.user_id, users.c.password_hash == user.password_hash, users.c.active)
    with database.write() as connection:
        if connection.execute(sa.select(users.c.user_id).where(same).with_for_update()).first() is None:
            return False
        connection.execute(sa.delete(sign_ins).where(sign_ins.c.ends_at_us <= now))
        connection.execute(sa.insert(sign_ins).values(**values, ends_at_us=now + int(seconds * 1e6)))
    return True


def find_signed_in(database: Database, digest: str, *, idle_s: float) -> SignIn | None:
    """Return the sign-in of an active user that has neither ended nor been idle for too long, or None."""
    now = now_us()
    statement = (
        sa.select(*users.c, sign_ins.c.used_at_us)
        .join_from(sign_ins, users, users.c.user_id == sign_ins.c.user_id)
        .where(sign_ins.c.digest == digest, sign_ins.c.ends_at_us > now, users.c.active)
        .where(sign_ins.c.used_at_us > now - int(idle_s * 1e6))
    )
    with database.read() as connection:
        row = connection.execute(statement).one_or_none()
    return None if row is None else SignIn(User(*row[:-1]), row.used_at_us)


def refresh_sign_in(database: Database, digest: str) -> None:
    """Write down that a sign-in is in use."""
    with database.write() as connection:
        connection.execute(sa.update(sign_ins).where(sign_ins.c.digest == digest).values(used_at_us=now_us()))


def end_sign_in(database: Database, digest: str) -> None:
    """End a sign-in; one that is not there is ended already."""
    with database.write() as connection:
        connection.execute(sa.delete(sign_ins).where(sign_ins.c.digest == digest))


def add_key(database: Database, user_id: int, *, label: str, digest: str, ends_at_us: int | None = None) -> Key:
    """Keep the digest of a new key of a user.

    Raises
    ------
    NotFoundError
        There is no such user.
    """
    user = find_user(database, user_id)
    now = now_us()
    values = {"user_id": user_id, "label": label, "digest": digest, "made_at_us": now, "ends_at_us": ends_at_us}
    with database.write() as connection:
        key_id = connection.execute(sa.insert(api_keys).values(values).returning(api_keys.c.key_id)).scalar_one()
    return Key(key_id, user_id, user.name, label, now, ends_at_us)


def list_keys(database: Database, *, user_id: int | None = None) -> list[Key]:
    """Return the keys, of all users or of one."""
    names = [api_keys.c.label, api_keys.c.made_at_us, api_keys.c.ends_at_us]
    statement = sa.select(api_keys.c.key_id, api_keys.c.user_id, users.c.name, *names)
    statement = statement.join_from(api_keys, users, users.c.user_id == api_keys.c.user_id).order_by(api_keys.c.key_id)
    if user_id is not None:
        statement = statement.where(api_keys.c.user_id == user_id)
    with database.read() as connection:
        return [Key(*row) for row in connection.execute(statement)]


def find_key_user(database: Database, digest: str) -> User | None:
    """Return the active user of a key that has not ended, or None."""
    statement = (
        sa.select(*users.c)
        .join_from(api_keys, users, users.c.user_id == api_keys.c.user_id)
        .where(api_keys.c.digest == digest, users.c.active)
        .where(sa.or_(api_keys.c.ends_at_us.is_(None), api_keys.c.ends_at_us > now_us()))
    )
    with database.read() as connection:
        row = connection.execute(statement).one_or_none()
    return None if row is None else User(*row)


def find_key(database: Database, key_id: int) -> Key:
    """Return a key.

    Raises
    ------
    NotFoundError
        There is none.
    """
    for key in list_keys(database):
        if key.key_id == key_id:
            return key
    raise NotFoundError(f"there is no key {key_id}")


def delete_key(database: Database, key_id: int) -> None:
    """Take a key away.

    Raises
    ------
    NotFoundError
        There is none.
    """
    with database.write() as connection:
        if not connection.execute(sa.delete(api_keys).where(api_keys.c.key_id == key_id)).rowcount:
            raise NotFoundError(f"there is no key {key_id}")
