"""The command `patrol`: who patrols where and when.

Heavy modules are imported inside the command, so that ``sightgrid --help`` answers at once.
"""

from __future__ import annotations

import datetime as dt
import sys
import time
from pathlib import Path  # noqa: TC003  (typer reads the annotations)
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sightgrid.cli.app import app
from sightgrid.cli.console import EXIT_INTERRUPTED, leave, show_progress
from sightgrid.cli.options import Cameras, Out, SkipBadRows, Where, check_range, read_site
from sightgrid.errors import InputError, SchemaError, UnitRangeError

if TYPE_CHECKING:
    from collections.abc import Callable

    import geopandas as gpd

    from sightgrid.report.patrol.shift_plan import Given
    from sightgrid.site import Site

ENGINES = ("auto", "ortools", "own")
SECONDS_RANGE = (0.1, 3600.0)
NO_ZONE = "has no time zone"


@app.command()
def patrol(
    site: Where,
    *,
    units: Annotated[Path, typer.Option(help="Units on duty (TOML): kinds, speeds, depots, breaks.")],
    shift: Annotated[str, typer.Option(help="Such as 2026-11-23T08:00/16:00, for units without one of their own.")],
    out: Out,
    incidents: Annotated[
        Path | None,
        typer.Option(help="Incidents (CSV or layer) that tell where risk is; else every metre counts alike."),
    ] = None,
    stops: Annotated[
        Path | None,
        typer.Option(help="Layer of points to visit, with stop_id; else stops are proposed from places and attention."),
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option(help="Time zone, such as Europe/Helsinki; else that of the units file.", show_default=False),
    ] = None,
    engine: Annotated[str, typer.Option(help="Search for routes: auto, own or ortools.")] = "auto",
    seconds: Annotated[float, typer.Option(help="Longest search for routes.")] = 12.0,
    seed: Annotated[int, typer.Option(help="Another seed gives another plan, about as good.")] = 0,
    cameras: Cameras = None,
    skip_bad_rows: SkipBadRows = False,
) -> None:
    """Plan a shift of patrols through a SITE: they look where its cameras do not."""
    if engine not in ENGINES:
        raise UnitRangeError(f"--engine: {engine!r} is not known; choose one of {', '.join(ENGINES)}")
    check_range("--seconds", seconds, SECONDS_RANGE, "s")
    check_range("--seed", seed, (0, 2**32 - 1), "(a whole number)")
    from sightgrid.patrol import parse_shift  # noqa: PLC0415

    parse_shift(shift, zone=zone or "UTC")  # what is no shift is told before the site is read

    def read() -> Given:
        from sightgrid.patrol import read_incidents  # noqa: PLC0415
        from sightgrid.patrol.shift.stop_files import read_stops  # noqa: PLC0415
        from sightgrid.report.patrol.shift_plan import Given  # noqa: PLC0415

        where = read_site(site, cameras, skip_bad_rows=skip_bad_rows)
        on_duty = _read_units(units, where, shift, zone)
        local = zone or on_duty.attrs["zone"]
        offset = dt.datetime.fromisoformat(shift.partition("/")[0].strip()).tzinfo
        happened = None if incidents is None else read_incidents(incidents, site=where, zone=local)
        if happened is not None:
            _check_incidents(happened, where)
        return Given(
            site=where,
            units=on_duty,
            clock=local or str(offset or "UTC"),
            incidents=happened,
            stops=None if stops is None else read_stops(stops, site=where),
        )

    _write(out, read, engine=engine, seconds=seconds, seed=seed)


def _check_incidents(incidents: gpd.GeoDataFrame, site: Site) -> None:
    from sightgrid.patrol.risks.risks import select_incidents  # noqa: PLC0415

    kept, *_, notes = select_incidents(incidents, site.streets)
    if not len(kept):
        why = f" ({'; '.join(notes)})" if notes else ""
        raise InputError(f"--incidents: there is none to count{why}; leave the option out to count every metre alike")


def _read_units(path: Path, site: Site, shift: str, zone: str | None) -> gpd.GeoDataFrame:
    from sightgrid.patrol import parse_shift, read_units  # noqa: PLC0415

    if zone is not None:
        start_at, end_at = parse_shift(shift, zone=zone)
        shift = f"{start_at.isoformat()}/{end_at.isoformat()}"
    try:
        return read_units(path, site=site, shift=shift)
    except SchemaError as error:
        if zone is None and NO_ZONE in str(error):
            how = f'give --zone Europe/Helsinki, or zone = "Europe/Helsinki" in {path.name}, or an offset: 08:00+02:00'
            raise InputError(f"--shift: {shift!r} {NO_ZONE}; {how}") from error
        raise


def _write(
    out: Path,
    read: Callable[[], Given],
    **options: Any,
) -> None:
    from sightgrid.gis.compiled import drop_stale_kernels, has_compiled_kernels  # noqa: PLC0415

    started = time.perf_counter()
    drop_stale_kernels()
    if sys.stderr.isatty() and not has_compiled_kernels():
        typer.echo("First run: the kernels are compiled once, which takes about a minute.", err=True)
    files: list[Path] = []
    try:
        with show_progress() as progress:
            progress("modules", 0, 1)
            from sightgrid.report.folder import check_folder  # noqa: PLC0415
            from sightgrid.report.patrol import shift_report as report  # noqa: PLC0415
            from sightgrid.report.patrol.patrol_console import print_patrol  # noqa: PLC0415
            from sightgrid.report.patrol.patrol_summary import summarise_patrol  # noqa: PLC0415
            from sightgrid.report.patrol.shift_plan import plan_shift  # noqa: PLC0415

            check_folder(out, ours=report.PATROL_OURS)
            progress("site", 0, 1)
            briefing, told = plan_shift(read(), progress=progress, **options)
            summary = summarise_patrol(briefing, **told)
            summary["seconds"] = round(time.perf_counter() - started, 3)
            files += report.write_patrol(out, briefing, summary=summary, progress=progress)
        print_patrol(briefing, summary, files)
    except KeyboardInterrupt:
        if files:
            leave(f"interrupted; the files in {out} are complete", EXIT_INTERRUPTED)
        raise
