"""What the command line says on stderr: progress, and one clear line for what goes wrong."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from typer.core import TyperGroup

from sightgrid.errors import SchemaError, SightgridError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EXIT_FAULT = 2
EXIT_INTERRUPTED = 130

# what typer raises for a wrong command, option or value, whether it uses click or brings its own
_UsageProblem: Any = typer.BadParameter.__mro__[2]


class OneLineErrors(TyperGroup):
    """Prints one line on stderr for every foreseen fault; the exit status tells which kind it was."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Run a command and end the process with its status."""
        if not options.pop("standalone_mode", True):
            return super().main(*args, **{**options, "standalone_mode": False})
        try:
            status = super().main(*args, **{**options, "standalone_mode": False})
        except SightgridError as error:
            leave(_one_line(error), EXIT_FAULT)
        except _UsageProblem as problem:
            leave(f"{problem.format_message().rstrip('.')}; see 'sightgrid --help'", EXIT_FAULT)
        except (KeyboardInterrupt, typer.Abort):
            status = EXIT_INTERRUPTED
        if status == EXIT_INTERRUPTED:
            leave("interrupted; nothing was written", EXIT_INTERRUPTED)
        raise SystemExit(status if isinstance(status, int) else 0)


def leave(message: str, status: int) -> NoReturn:
    """Say on stderr why the program ends, and end it."""
    typer.echo(f"sightgrid: {message}", err=True)
    raise SystemExit(status)


@contextmanager
def show_progress() -> Iterator[Callable[[str, int, int], None]]:
    """Give a callback ``report(stage, done, total)`` that draws one bar per stage on stderr."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description:<12}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    console = Console(stderr=True)
    shy = not console.is_terminal  # a log gets no bars, and no empty line instead of them
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True, disable=shy) as bars:
        tasks: dict[str, Any] = {}
        totals: dict[str, int] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                for before, task in tasks.items():  # a stage starts when the ones before are done
                    bars.update(task, completed=totals[before])
                tasks[stage] = bars.add_task(stage, total=total)
            totals[stage] = total
            bars.update(tasks[stage], completed=done, total=total)

        yield report


def _one_line(error: SightgridError) -> str:
    line = " ".join(str(error).split())
    if not isinstance(error, SchemaError) or error.kind != "cameras":  # rows of other layers cannot be set aside
        return line
    if error.bad is not None and error.good is not None and len(error.good):
        rows = "row is" if len(error.bad) == 1 else "rows are"
        line += (
            f". {len(error.bad)} {rows} bad, {len(error.good)} good;"
            " --skip-bad-rows goes on with the good ones and writes the rejected ones to a file."
        )
    return line
