"""The command `patrol`: who patrols where and when.

Heavy modules are imported inside the command, so that ``sightgrid --help`` answers at once.
"""

from __future__ import annotations

import datetime as dt
import sys
import time
from pathlib import Path  # noqa: TC003  (typer reads the annotations)
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from sightgrid.cli.app import app
from sightgrid.cli.console import EXIT_INTERRUPTED, leave, show_progress
from sightgrid.cli.options import Cameras, Out, SkipBadRows, Where, check_range, read_site
from sightgrid.errors import InputError, SchemaError, UnitRangeError

if TYPE_CHECKING:
    from collections.abc import Callable

    import geopandas as gpd
    import pandas as pd

    from sightgrid.coverage import Coverage
    from sightgrid.report.patrol.briefing import Briefing
    from sightgrid.site import Site

    Progress = Callable[[str, int, int], None]

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

        where = read_site(site, cameras, skip_bad_rows=skip_bad_rows)
        on_duty = _read_units(units, where, shift, zone)
        local = zone or on_duty.attrs["zone"]
        offset = dt.datetime.fromisoformat(shift.partition("/")[0].strip()).tzinfo
        return Given(
            site=where,
            units=on_duty,
            clock=local or str(offset or "UTC"),
            incidents=None if incidents is None else read_incidents(incidents, site=where, zone=local),
            stops=None if stops is None else read_stops(stops, site=where),
        )

    _write(out, read, engine=engine, seconds=seconds, seed=seed)


class Given(NamedTuple):
    """What a shift is planned from; `clock` is the zone, or offset, of the times that people read."""

    site: Site
    units: gpd.GeoDataFrame
    clock: str
    incidents: gpd.GeoDataFrame | None = None
    stops: gpd.GeoDataFrame | None = None


def plan_shift(given: Given, *, progress: Progress, **options: Any) -> tuple[Briefing, dict[str, list[str]]]:
    """Plan a shift from what cameras see and where risk is; also what the plan rests on, in words."""
    from sightgrid import coverage  # noqa: PLC0415
    from sightgrid.patrol import attention, draw_beats, plan_routes, propose_stops, risk  # noqa: PLC0415
    from sightgrid.report.patrol.briefing import brief  # noqa: PLC0415

    site, units, clock, incidents, stops = given
    seen = coverage.measure(site, progress=progress) if len(site.cameras) else None
    if incidents is not None:
        _check_incidents(incidents, site)
    spread = risk(incidents, site.streets, method="length" if incidents is None else "count")
    wanted = attention(spread, None if seen is None else seen.streets)
    shift_s = (units["end_at"] - units["start_at"]).dt.total_seconds()
    proposed = stops is None
    stops = propose_stops(site, wanted, shift_s=float(shift_s.max())) if stops is None else stops
    open_to, work = _measure_work(site, units, stops, wanted)
    beats = draw_beats(open_to, work, units=units, seed=options["seed"], progress=progress)
    plan = plan_routes(
        site.streets,
        units,
        stops,
        attention=wanted,
        observed=_observe(site, seen),
        progress=progress,
        **options,
    )
    progress("response", 0, 1)
    briefing = brief(site, plan, wanted, clock=clock, seen=seen, beats=beats)
    notes = [] if incidents is None else [*incidents.attrs["notes"], *spread.attrs["notes"]]
    notes += [] if proposed else stops.attrs["notes"]
    assumed = _tell_assumed(spread, stops, proposed=proposed, cameras=seen is not None)
    return briefing, {"assumed": assumed, "notes": notes}


def _check_incidents(incidents: gpd.GeoDataFrame, site: Site) -> None:
    from sightgrid.patrol.risks.risks import select_incidents  # noqa: PLC0415

    kept, *_, notes = select_incidents(incidents, site.streets)
    if not len(kept):
        why = f" ({'; '.join(notes)})" if notes else ""
        raise InputError(f"--incidents: there is none to count{why}; leave the option out to count every metre alike")


def _measure_work(
    site: Site, units: gpd.GeoDataFrame, stops: gpd.GeoDataFrame, wanted: pd.DataFrame
) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """The streets that some unit may use, and the work of the whole shift on each.

    All streets are driven once, at the speed of the units that may use most of them; the stops are visited; the time
    that is left goes where attention is wanted.
    """
    from sightgrid.patrol import measure_work  # noqa: PLC0415
    from sightgrid.patrol.streets.network import USABLE  # noqa: PLC0415

    modes = sorted(set(units["mode"]))
    usable = {mode: site.streets[USABLE[mode]].to_numpy(bool) for mode in modes}
    mode = max(modes, key=lambda each: float(site.streets["length_m"][usable[each]].sum()))
    speed = float(units["speed_kph"][units["mode"] == mode].mean())
    open_to = site.streets[sum(usable.values()) > 0]
    given: dict[str, Any] = {"stops": stops, "mode": mode, "speed_kph": speed}
    least = float(measure_work(open_to, wanted.loc[open_to.index], **given)["work_s"].sum())
    duty = float(((units["end_at"] - units["start_at"]).dt.total_seconds() - units["break_s"]).sum())
    return open_to, measure_work(open_to, wanted.loc[open_to.index], presence_s=max(duty - least, 0.0), **given)


def _observe(site: Site, seen: Coverage | None) -> pd.DataFrame:
    """What cameras see of each street: nothing of all of it where there are none."""
    if seen is None:
        return site.streets[["length_m"]].rename(columns={"length_m": "observable_m"}).assign(observed_m=0.0)
    return seen.streets


def _tell_assumed(spread: gpd.GeoDataFrame, stops: gpd.GeoDataFrame, *, proposed: bool, cameras: bool) -> list[str]:
    """What the figures rest on."""
    counted = int(spread["count"].sum())
    incidents = "1 incident" if counted == 1 else f"{counted:,} incidents"
    happened = f"risk is the severity of {incidents} on their street; those patrols found are left out"
    places = int((stops["category"] != "hot_spot").sum())
    told = f"stops are proposed: {places:,} places of the site, {len(stops) - places:,} streets by their attention"
    return [
        happened if counted else "no incidents were given: every metre of street has the same risk",
        "attention is the risk that cameras do not see, a tenth of it spread over all streets by length",
        *([] if cameras else ["the site has no cameras: all of every street counts as observable, none as seen"]),
        told if proposed else f"the {len(stops):,} stops are those given",
        "a street counts as looked at by patrols if a unit passes it at least once in the shift",
        "units keep the speed of the units file, turns and traffic cost no time, and all units are free for a call",
        "beats tell who answers for which streets; routes may leave them",
    ]


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
