"""The command line: thin commands, one clear line for what goes wrong.

Heavy modules are imported inside the commands, so that ``sightgrid --help`` answers at once.
"""

from __future__ import annotations

import signal
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from sightgrid import __version__
from sightgrid.errors import SchemaError, SightgridError, UnitRangeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sightgrid.site import Site

EXIT_FAULT = 2
EXIT_INTERRUPTED = 130
STANDARDS = ("iec2014", "iec2025")
CELL_RANGE_M = (5.0, 10_000.0)
DENSITY_RANGE_PX_M = (0.1, 100_000.0)

# what typer raises for a wrong command, option or value, whether it uses click or brings its own
_UsageProblem: Any = typer.BadParameter.__mro__[2]


class _OneLineErrors(TyperGroup):
    """Prints one line on stderr for every foreseen fault; the exit status tells which kind it was."""

    def main(self, *args: Any, **options: Any) -> Any:
        if not options.pop("standalone_mode", True):
            return super().main(*args, **{**options, "standalone_mode": False})
        try:
            status = super().main(*args, **{**options, "standalone_mode": False})
        except SightgridError as error:
            _leave(_one_line(error), EXIT_FAULT)
        except _UsageProblem as problem:
            _leave(f"{problem.format_message().rstrip('.')}; see 'sightgrid --help'", EXIT_FAULT)
        except (KeyboardInterrupt, typer.Abort):
            status = EXIT_INTERRUPTED
        if status == EXIT_INTERRUPTED:
            _leave("interrupted; nothing was written", EXIT_INTERRUPTED)
        raise SystemExit(status if isinstance(status, int) else 0)


app = typer.Typer(
    cls=_OneLineErrors,
    help="See what a city's cameras really see, how much of every grid cell, and where nobody looks.",
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _folder(given: str | Path) -> Path:
    if not str(given).strip():  # a Path would read it as the present folder
        raise typer.BadParameter("the name of the folder is empty")
    return Path(given)


Out = Annotated[
    Path,
    typer.Option(
        "--out", parser=_folder, metavar="PATH", help="Folder to write; files of a former run are replaced at the end."
    ),
]


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


@app.command()
def demo(out: Out = Path("out/helsinki")) -> None:
    """Measure central Helsinki, the site that comes with the package."""
    _measure("helsinki", out)


@app.command()
def measure(
    site: Annotated[str, typer.Argument(help="A bundled name, a folder or GeoPackage of layers, or an .osm.pbf file.")],
    *,
    out: Out,
    cell_m: Annotated[float, typer.Option(help="Side of a grid cell, in metres.")] = 100.0,
    standard: Annotated[str, typer.Option(help="Density classes of IEC 62676-4: iec2014 or iec2025.")] = "iec2014",
    exact: Annotated[bool, typer.Option("--exact", help="Clip and unite polygons instead of counting tiles.")] = False,
    density_px_m: Annotated[
        float | None, typer.Option(help="Least pixel density that counts as seen, in pixels per metre.")
    ] = None,
    cameras: Annotated[
        Path | None, typer.Option(help="Camera table (CSV) instead of the site's cameras; x, y in its CRS.")
    ] = None,
    skip_bad_rows: Annotated[
        bool, typer.Option("--skip-bad-rows", help="Go on with the good cameras; write the rejected ones to a file.")
    ] = False,
) -> None:
    """Measure what the cameras of a SITE see."""
    _check_range("--cell-m", cell_m, CELL_RANGE_M, "m")
    if density_px_m is not None:
        _check_range("--density-px-m", density_px_m, DENSITY_RANGE_PX_M, "px/m")
    if standard not in STANDARDS:
        raise UnitRangeError(f"--standard: {standard!r} is not known; choose {' or '.join(STANDARDS)}")
    options = {"cell_m": cell_m, "standard": standard, "exact": exact, "density_px_m": density_px_m}
    _measure(site, out, cameras=cameras, skip_bad_rows=skip_bad_rows, **options)


def _measure(
    where: str,
    out: Path,
    *,
    cameras: Path | None = None,
    skip_bad_rows: bool = False,
    **options: Any,
) -> None:
    from sightgrid.gis.compiled import drop_stale_kernels, has_compiled_kernels  # noqa: PLC0415

    started = time.perf_counter()
    drop_stale_kernels()
    if sys.stderr.isatty() and not has_compiled_kernels():
        typer.echo("First run: the kernels are compiled once, which takes about half a minute.", err=True)
    files: list[Path] = []
    try:
        with _progress() as report:
            report("modules", 0, 1)
            from sightgrid import coverage  # noqa: PLC0415
            from sightgrid.report import OURS, write_outputs  # noqa: PLC0415
            from sightgrid.report.console import print_results  # noqa: PLC0415
            from sightgrid.report.folder import check_folder  # noqa: PLC0415

            check_folder(out, ours=OURS)
            report("site", 0, 1)
            site = _read(where, cameras, skip_bad_rows=skip_bad_rows)
            seen = coverage.measure(site, progress=report, **options)
            spots = coverage.blind_spots(site, seen, progress=report)
            summary = {**seen.summary(spots), "seconds": round(time.perf_counter() - started, 3)}
            files += write_outputs(out, seen, spots, summary=summary, progress=report)
        print_results(seen, spots, summary, files)
    except KeyboardInterrupt:
        if files:
            _leave(f"interrupted; the files in {out} are complete", EXIT_INTERRUPTED)
        raise


def _read(where: str, cameras: Path | None, *, skip_bad_rows: bool) -> Site:
    from sightgrid import open_site  # noqa: PLC0415

    return open_site(where, cameras=cameras, bad_rows="set_aside" if skip_bad_rows else "raise")


def _check_range(option: str, value: float, limits: tuple[float, float], unit: str) -> None:
    low, high = limits
    if not low <= value <= high:  # also NaN
        raise UnitRangeError(f"{option}: must be from {low:g} to {high:g} {unit}, not {value:g}")


# -------------------------------------------------------------------------------------------------------- printing


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
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


def _leave(message: str, status: int) -> NoReturn:
    typer.echo(f"sightgrid: {message}", err=True)
    raise SystemExit(status)


from sightgrid import cli_place  # noqa: E402, F401  (adds the command `place`, which uses what is above)
