"""The commands ``store backup`` and ``store restore``: the database of sites, scenarios, results, plans and jobs.

Heavy modules are imported inside the commands, so that ``sightgrid --help`` answers at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sightgrid.cli.app import app
from sightgrid.cli.options import require_extra

NEEDED = {"sqlalchemy": "SQLAlchemy", "alembic": "alembic"}

store = typer.Typer(
    help="Back up the store, the database of sites, scenarios, results, plans and jobs, or bring it back.",
    no_args_is_help=True,
)
app.add_typer(store, name="store")


@store.callback()
def check() -> None:
    """Check that what the store needs is installed."""
    require_extra("store", "store", NEEDED)


Where = Annotated[str, typer.Option("--store", envvar="SIGHTGRID_STORE", metavar="FILE", help="The file of the store.")]
DEFAULT = "sightgrid.sqlite"


@store.command("backup")
def back_up(
    path: Annotated[Path, typer.Argument(metavar="BACKUP", help="The file to write; it must not exist.")],
    *,
    where: Where = DEFAULT,
) -> None:
    """Copy the store into one file, while it is in use. The copy holds its secrets too: keep it as safe."""
    from sightgrid.errors import StoreError  # noqa: PLC0415
    from sightgrid.store.backup import backup  # noqa: PLC0415
    from sightgrid.store.database import open_database  # noqa: PLC0415

    if "://" not in where and not Path(where).is_file():  # opening would begin one
        raise StoreError(f"{where}: there is no such store")
    with open_database(where) as database:
        backup(database, path)
    typer.echo(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


@store.command("restore")
def bring_back(
    path: Annotated[Path, typer.Argument(metavar="BACKUP", help="What `store backup` wrote.")],
    *,
    where: Where = DEFAULT,
    replace: Annotated[bool, typer.Option("--replace", help="Put it in the place of a store that is there.")] = False,
) -> None:
    """Make a store of a backup."""
    from sightgrid.store.backup import restore  # noqa: PLC0415

    restore(path, where, replace=replace)
    typer.echo(f"{where}: restored from {path}")
