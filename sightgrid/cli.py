"""The command line: thin commands, one clear line for what goes wrong.

Heavy modules are imported inside the commands, so that ``sightgrid --help`` answers at once.
"""

from __future__ import annotations

import signal
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer
from typer.core import TyperGroup

from sightgrid import __version__
from sightgrid.errors import Fault, SchemaError, SightgridError, UnitRangeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import geopandas as gpd
    from rich.table import Table

    from sightgrid.coverage import Coverage
    from sightgrid.site import Site

EXIT_FAULT = 2
EXIT_INTERRUPTED = 130
STANDARDS = ("iec2014", "iec2025")
CELL_RANGE_M = (5.0, 10_000.0)
DENSITY_RANGE_PX_M = (0.1, 100_000.0)
MAX_AWAY_M = 1000.0
MAX_NOTES = 8
TOP_SPOTS = 5

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

Out = Annotated[Path, typer.Option("--out", help="Folder to write; files of a former run are replaced at the end.")]


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
    if not has_compiled_kernels():
        typer.echo("First run: the kernels are compiled once, which takes about half a minute.", err=True)
    with _progress() as report:
        report("modules", 0, 1)
        from sightgrid import coverage  # noqa: PLC0415
        from sightgrid.report import write_outputs  # noqa: PLC0415
        from sightgrid.report.folder import check_folder  # noqa: PLC0415

        check_folder(out)
        report("site", 0, 1)
        site = _read(where, cameras, skip_bad_rows=skip_bad_rows)
        seen = coverage.measure(site, progress=report, **options)
        spots = coverage.blind_spots(site, seen, progress=report)
        summary = {**seen.summary(spots), "seconds": round(time.perf_counter() - started, 3)}
        files = write_outputs(out, seen, spots, summary=summary, progress=report)
    _print_results(site.notes, seen, spots, summary, files)


def _read(where: str, cameras: Path | None, *, skip_bad_rows: bool) -> Site:
    from sightgrid import open_site, read_cameras  # noqa: PLC0415

    bad_rows: Literal["raise", "set_aside"] = "set_aside" if skip_bad_rows else "raise"
    if cameras is None:
        return open_site(where, bad_rows=bad_rows)
    site = open_site(where)
    table = read_cameras(cameras, crs=site.crs, bad_rows=bad_rows)
    notes = [*site.notes]
    if "rejected" in table.attrs:
        notes.insert(0, "cameras: {count} rows set aside in {file}".format(**table.attrs["rejected"]))
    table = table.to_crs(site.crs)
    away = table.index[table.distance(site.study) > MAX_AWAY_M]
    if len(away):
        fault = Fault("geometry", f"camera more than {MAX_AWAY_M:g} m outside the study area", tuple(away), len(away))
        if not skip_bad_rows or len(away) == len(table):
            raise SchemaError("cameras", (fault,), source=str(cameras), good=table.drop(away), bad=table.loc[away])
        notes.insert(0, f"cameras: left out: {fault}")
        table = table.drop(away)
    return replace(site, cameras=table, notes=tuple(notes))


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
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True) as bars:
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


def _print_results(
    notes: tuple[str, ...], seen: Coverage, spots: gpd.GeoDataFrame, summary: dict[str, Any], files: list[Path]
) -> None:
    from rich.console import Console  # noqa: PLC0415

    console = Console()
    if notes:
        console.print("Notes", style="bold")
        for note in notes[:MAX_NOTES]:
            console.print(f"  {note}", markup=False, highlight=False)
        if len(notes) > MAX_NOTES:
            console.print(f"  and {len(notes) - MAX_NOTES} more")
        console.print()
    console.print(_summary_table(seen, summary))
    if len(spots):
        console.print(_spot_table(spots))
    console.print("Written", style="bold")
    for path in files:
        console.print(f"  {path} ({path.stat().st_size / 1e6:.1f} MB)", markup=False, highlight=False, soft_wrap=True)


def _summary_table(seen: Coverage, summary: dict[str, Any]) -> Table:
    from rich.markup import escape  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    from sightgrid.coverage import density_classes  # noqa: PLC0415
    from sightgrid.report.words import number, percent, square_metres  # noqa: PLC0415

    table = Table(title=f"Coverage of {escape(seen.site.name)}", title_justify="left", show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right")
    lower, upper = percent(summary["coverage_rate_lower"]), percent(summary["coverage_rate_upper"])
    table.add_row("observable ground", square_metres(summary["observable_m2"]))
    table.add_row("[bold]coverage rate[/bold]", f"[bold]{percent(summary['coverage_rate'])}[/bold]")
    table.add_row("  between, depending on what was assumed", f"{lower} and {upper}")
    table.add_row("seen at least twice", percent(summary["rate_seen_twice"]))
    table.add_row("street length seen", percent(summary["street_rate"]), end_section=True)
    for name, px_m in density_classes(seen.standard).items():
        table.add_row(f"{name}, {number(px_m)} px/m or more", percent(summary["density_rates"][name]))
    table.add_section()
    table.add_row("cameras measured", f"{summary['cameras_measured']:,} of {summary['cameras_total']:,}")
    table.add_row("  of these moved off a building's wall", f"{summary['cameras_moved']:,}")
    table.add_row("cameras not measured", f"{summary['cameras_not_measured']:,}")
    table.add_row("covered ground that rests on assumptions", percent(summary["assumed_share"]))
    table.add_row("  on an assumed direction", percent(summary["direction_assumed_share"]), end_section=True)
    table.add_row("blind spots", f"{summary['blind_spots']:,}")
    table.add_row("  their area", square_metres(summary["blind_area_m2"]), end_section=True)
    table.add_row("time to read and measure", f"{summary['seconds']:.1f} s")
    return table


def _spot_table(spots: gpd.GeoDataFrame) -> Table:
    from rich.table import Table  # noqa: PLC0415

    from sightgrid.report.words import metres, square_metres, text  # noqa: PLC0415

    table = Table(title="Largest blind spots, by demand", title_justify="left")
    for heading in ("blind spot", "area", "street inside", "cause", "nearest camera"):
        table.add_column(heading, justify="right" if heading in {"area", "street inside"} else "left")
    for spot in spots.head(TOP_SPOTS).itertuples():
        nearest = f"{text(spot.nearest_camera_id)}, {metres(spot.nearest_camera_m)}"
        table.add_row(str(spot.Index), square_metres(spot.area_m2), metres(spot.street_m), spot.cause, nearest)
    return table


def _one_line(error: SightgridError) -> str:
    line = " ".join(str(error).split())
    if isinstance(error, SchemaError) and error.bad is not None and error.good is not None and len(error.good):
        rows = "row is" if len(error.bad) == 1 else "rows are"
        line += (
            f". {len(error.bad)} {rows} bad, {len(error.good)} good;"
            " --skip-bad-rows goes on with the good ones and writes the rejected ones to a file."
        )
    return line


def _leave(message: str, status: int) -> NoReturn:
    typer.echo(f"sightgrid: {message}", err=True)
    raise SystemExit(status)
