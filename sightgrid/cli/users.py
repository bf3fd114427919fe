"""The commands ``users add``, ``users list`` and ``users change``: who may sign in to the map, and as what.

Heavy modules are imported inside the commands, so that ``sightgrid --help`` answers at once.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sightgrid.cli.app import app
from sightgrid.cli.options import StoreAddress, require_extra
from sightgrid.cli.serve import NEEDED
from sightgrid.cli.store import DEFAULT
from sightgrid.errors import InputError, StoreError

ACTOR = "local"  # in the audit log: whoever may open the store

users = typer.Typer(help="Say who may sign in to the map, and as what.", no_args_is_help=True)
app.add_typer(users, name="users")

Name = Annotated[str, typer.Argument(help="The name of the account.")]
ROLES = "viewer, auditor, dispatcher, planner or admin"


@users.callback()
def check() -> None:
    """Check that what accounts need is installed."""
    require_extra("users", "server", NEEDED)


@users.command("add")
def add_user(
    name: Name,
    *,
    role: Annotated[str, typer.Option(help=f"What the user may do: {ROLES}.")],
    where: StoreAddress = DEFAULT,
) -> None:
    """Add a user. The password is asked for twice, or read from a pipe: a command line is no place for it."""
    from sightgrid.api.people.accounts import make_user  # noqa: PLC0415
    from sightgrid.store.database import open_database  # noqa: PLC0415

    password = _read_password()
    with open_database(where) as database:
        user = make_user(database, name=name, role=role, password=password, actor=ACTOR)
        typer.echo(f"{database.name}: {user.name} may sign in as {user.role}")


@users.command("list")
def list_users(*, where: StoreAddress = DEFAULT) -> None:
    """List the users with their roles."""
    from sightgrid.store.database import open_database  # noqa: PLC0415
    from sightgrid.store.people import list_users  # noqa: PLC0415

    check_store(where)
    with open_database(where) as database:
        for user in list_users(database):
            typer.echo(f"{user.name}\t{user.role}\t{'active' if user.active else 'inactive'}")


@users.command("change")
def change_user(
    name: Name,
    *,
    role: Annotated[str | None, typer.Option(help=f"What the user may do: {ROLES}.")] = None,
    active: Annotated[bool | None, typer.Option("--active/--inactive", help="Whether the user may sign in.")] = None,
    password: Annotated[bool, typer.Option("--password", help="Ask for a new password, or read it from a pipe.")] = (
        False
    ),
    where: StoreAddress = DEFAULT,
) -> None:
    """Change the role or password of a user, or whether the user is active; the user has to sign in again."""
    from sightgrid.api.people import accounts  # noqa: PLC0415
    from sightgrid.store.database import open_database  # noqa: PLC0415
    from sightgrid.store.people import find_user  # noqa: PLC0415

    if role is None and active is None and not password:
        raise InputError("say what to change: --role, --active, --inactive or --password")
    check_store(where)
    with open_database(where) as database:
        user = find_user(database, name)
        given = _read_password() if password else None
        user = accounts.change_user(database, user, actor=ACTOR, role=role, active=active, password=given)
        typer.echo(f"{database.name}: {user.name}, {user.role}, {'active' if user.active else 'inactive'}")


def check_store(where: str) -> None:
    """Raise where a file is no store: opening would begin one."""
    if "://" not in where and not Path(where).is_file():
        raise StoreError(f"{where}: there is no such store")


def _read_password() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline().rstrip("\r\n")
