"""The command ``sightgrid`` itself: its version, its help, how it is stopped."""

from __future__ import annotations

import signal
from typing import Annotated

import typer

from sightgrid import __version__
from sightgrid.cli.console import OneLineErrors

app = typer.Typer(
    cls=OneLineErrors,
    help="See what a city's cameras really see and where nobody looks, where the next ones go, how patrols look where"
    " cameras do not, and which cameras work.",
    add_completion=False,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run the command line: the entry point of the ``sightgrid`` command."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a stopped run cleans up behind itself as well
    app(prog_name="sightgrid")


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context, *, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    """Print the version, or the help where no command is given."""
    if version:
        typer.echo(f"sightgrid {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())
