"""The commands ``audit-log verify`` and ``audit-log list``: who did what, and that nobody has changed it since.

Heavy modules are imported inside the commands, so that ``sightgrid --help`` answers at once.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Annotated

import typer

from sightgrid.cli.app import app
from sightgrid.cli.options import StoreAddress, check_range, require_extra
from sightgrid.cli.store import DEFAULT, NEEDED
from sightgrid.cli.users import check_store
from sightgrid.errors import InputError

MOST_ENTRIES = 1_000_000
_KNOWN = re.compile(r"(\d{1,18}):([0-9a-f]{64})")

audit_log = typer.Typer(help="Read who did what, and check that nobody has changed it since.", no_args_is_help=True)
app.add_typer(audit_log, name="audit-log")


@audit_log.callback()
def check() -> None:
    """Check that what the store needs is installed."""
    require_extra("audit-log", "store", NEEDED)


@audit_log.command("verify")
def verify(
    *,
    known: Annotated[
        str | None,
        typer.Option(metavar="ENTRY:DIGEST", help="What this command printed before: it must be in the log still."),
    ] = None,
    where: StoreAddress = DEFAULT,
) -> None:
    """Compute the chain of the log again; print its newest entry, to be kept elsewhere and given as --known later."""
    from sightgrid.store.audit_entries import Head  # noqa: PLC0415
    from sightgrid.store.audit_log import verify_log  # noqa: PLC0415
    from sightgrid.store.database import open_database  # noqa: PLC0415

    match = None if known is None else _KNOWN.fullmatch(known)
    if known is not None and match is None:
        raise InputError("--known: must be ENTRY:DIGEST, as this command prints it")
    check_store(where)
    with open_database(where) as database:
        head = verify_log(database, known=Head(int(match[1]), match[2]) if match else None)
        typer.echo(f"{database.name}: the audit log is whole, {head.entry:,} entries")
    typer.echo(f"{head.entry}:{head.digest}")


@audit_log.command("list")
def list_log(
    *,
    limit: Annotated[int, typer.Option(help="Show so many of the newest entries.")] = 50,
    where: StoreAddress = DEFAULT,
) -> None:
    """List the newest entries, the newest last."""
    from sightgrid.store.audit_log import list_entries  # noqa: PLC0415
    from sightgrid.store.database import open_database  # noqa: PLC0415

    check_range("--limit", limit, (1, MOST_ENTRIES), "(a whole number)")
    check_store(where)
    with open_database(where) as database:
        for each in reversed(list_entries(database, limit=limit)):
            at = datetime.fromtimestamp(each.at_us / 1e6, UTC)
            detail = json.dumps(each.detail, ensure_ascii=False) if each.detail else ""
            words = (f"{each.entry}", f"{at:%Y-%m-%d %H:%M:%S}", each.actor, each.action, each.target, detail)
            typer.echo("\t".join(map(_show, words)))


def _show(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)  # names may try to write to a terminal
