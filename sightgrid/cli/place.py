"""The command `place`: where the next cameras go.

Heavy modules are imported inside the command, so that ``sightgrid --help`` answers at once.
"""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path  # noqa: TC003  (typer reads the annotations)
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sightgrid.cli.app import app
from sightgrid.cli.console import EXIT_INTERRUPTED, leave, show_progress
from sightgrid.cli.options import Cameras, DensityPxM, Out, SkipBadRows, Where, check_density, check_range, read_site
from sightgrid.errors import UnitRangeError

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from sightgrid.coverage.plan import Placement
    from sightgrid.site import Site

PHASES = 3
MOST_CAMERAS = 10_000
MOST_MONEY = 1e12
LEAST_SHARE = 0.001
SPACING_RANGE_M = {"--mounts-spacing-m": (1.0, 10_000.0), "--demand-spacing-m": (0.5, 1000.0)}
SECONDS_RANGE = (0.1, 86_400.0)
IDLE_ROUNDS = 200_000


@app.command()
def place(
    site: Where,
    *,
    out: Out,
    budget: Annotated[int | None, typer.Option(help="Number of new cameras.")] = None,
    money: Annotated[float | None, typer.Option(help="What they may cost, in the catalogue's currency.")] = None,
    cover: Annotated[
        float | None, typer.Option(help="Share of the demand to see (0 to 1), at the least price; instead of a budget.")
    ] = None,
    density_px_m: DensityPxM = None,
    phases: Annotated[
        int | None, typer.Option(help="Phases of about equal price; 3 if not given.", show_default=False)
    ] = None,
    mounts_spacing_m: Annotated[float, typer.Option(help="Distance of mounts along walls and streets.")] = 50.0,
    demand_spacing_m: Annotated[float, typer.Option(help="Distance of the points that are to be seen.")] = 5.0,
    catalogue: Annotated[
        Path | None, typer.Option(help="Camera catalogue (CSV) instead of the bundled one, with lenses and prices.")
    ] = None,
    raster: Annotated[Path | None, typer.Option(help="Raster of people or risk that weights the ground.")] = None,
    must_see: Annotated[
        list[str] | None, typer.Option(metavar="PLACE_ID", help="Place to see completely; may be given again.")
    ] = None,
    reaim: Annotated[
        list[str] | None, typer.Option(metavar="CAMERA_ID", help="Existing camera that may be turned; or 'all'.")
    ] = None,
    removable: Annotated[
        list[str] | None, typer.Option(metavar="CAMERA_ID", help="Existing camera that may be taken down; or 'all'.")
    ] = None,
    backup: Annotated[float, typer.Option(help="Worth of a second view, as a share of the first.")] = 0.0,
    seconds: Annotated[float, typer.Option(help="Longest search; Ctrl-C keeps the best plan so far.")] = 30.0,
    seed: Annotated[int, typer.Option(help="Seed of the search.")] = 0,
    cameras: Cameras = None,
    skip_bad_rows: SkipBadRows = False,
) -> None:
    """Plan where new cameras of a SITE go: give --budget and/or --money, or --cover."""
    _check_goal(budget, money, cover, backup)
    _check_phases(phases, budget)
    check_density(density_px_m)
    check_range("--mounts-spacing-m", mounts_spacing_m, SPACING_RANGE_M["--mounts-spacing-m"], "m")
    check_range("--demand-spacing-m", demand_spacing_m, SPACING_RANGE_M["--demand-spacing-m"], "m")
    check_range("--seconds", seconds, SECONDS_RANGE, "s")
    check_range("--seed", seed, (0, 2**32 - 1), "(a whole number)")

    def plan_site(where: Site, progress: Callable[[str, int, int], None]) -> Placement:
        from sightgrid import datasets  # noqa: PLC0415
        from sightgrid.coverage import candidates, covering, demand, placement, poses  # noqa: PLC0415

        models = poses.read_catalogue(catalogue or datasets.find_catalogue())
        if money is not None and money < models["price"].min():
            raise UnitRangeError(f"--money: {money:g} buys no camera: the cheapest costs {models['price'].min():g}")
        progress("mounts", 0, 1)
        return placement.place(
            where,
            budget=budget,
            money=money,
            cover=cover,
            required_density_px_m=density_px_m,
            mounts=candidates.propose_mounts(where, spacing_m=mounts_spacing_m),
            catalogue=models,
            demand=demand.sample_demand(where, spacing_m=demand_spacing_m, raster=raster),
            must_see=must_see or (),
            reaim=reaim or (),
            removable=removable or (),
            backup=backup,
            stop=covering.Seconds(seconds) | covering.NoImprovement(IDLE_ROUNDS),
            seed=seed,
            progress=_fold_search(progress, seconds),
        )

    def read() -> Site:
        return read_site(site, cameras, skip_bad_rows=skip_bad_rows)

    _write(out, read, plan_site, phases=phases, density_px_m=density_px_m)


def _write(
    out: Path,
    read: Callable[[], Site],
    plan_site: Callable[[Site, Callable[[str, int, int], None]], Placement],
    *,
    phases: int | None,
    density_px_m: float | None,
) -> None:
    from sightgrid.gis.compiled import has_compiled_kernels  # noqa: PLC0415

    started = time.perf_counter()
    if sys.stderr.isatty() and not has_compiled_kernels():
        typer.echo("First run: the kernels are compiled once, which takes about a minute.", err=True)
    files: list[Path] = []
    try:
        with show_progress() as progress:
            progress("modules", 0, 1)
            from sightgrid import coverage  # noqa: PLC0415
            from sightgrid.report.folder import check_folder  # noqa: PLC0415
            from sightgrid.report.placement import plan as report  # noqa: PLC0415
            from sightgrid.report.placement.plan_console import print_plan  # noqa: PLC0415

            check_folder(out, ours=report.PLAN_OURS)
            progress("site", 0, 1)
            site = read()
            plan = plan_site(site, progress)
            cut = _cut(plan, phases)

            def check(_: str, done: int, total: int) -> None:
                progress("check", done, total)

            options: dict[str, Any] = {"density_px_m": density_px_m, "progress": check}
            before = coverage.measure(site, **options) if len(site.cameras) else None
            after = coverage.measure(plan.planned_site, **options)
            summary = report.summarise_plan(plan, before, after, cut)
            summary["total_seconds"] = round(time.perf_counter() - started, 3)
            files += report.write_plan(
                out, plan, before=before, after=after, phases=cut, summary=summary, progress=progress
            )
        print_plan(plan, report.camera_table(plan, after, cut), cut, summary, files)
    except KeyboardInterrupt:
        if files:
            leave(f"interrupted; the files in {out} are complete", EXIT_INTERRUPTED)
        raise
    if plan.solution.interrupted:
        leave(f"search interrupted; the best plan so far is written to {out}", EXIT_INTERRUPTED)


def _check_goal(budget: int | None, money: float | None, cover: float | None, backup: float) -> None:
    if cover is None and budget is None and money is None:
        raise UnitRangeError("--budget, --money, --cover: give a budget and/or an amount of money, or a share to cover")
    if cover is not None and (budget is not None or money is not None):
        raise UnitRangeError("--cover: a share to cover goes without --budget and --money: it finds the least price")
    if budget is not None:
        check_range("--budget", budget, (1, MOST_CAMERAS), "cameras")
    if money is not None and not 0.0 < money <= MOST_MONEY:
        raise UnitRangeError(f"--money: must be above 0 and at most {MOST_MONEY:,.0f}, not {money:g}")
    if cover is not None:
        check_range("--cover", cover, (LEAST_SHARE, 1.0), "(a share of the demand)")
    check_range("--backup", backup, (0.0, 1.0), "(a share of a first view)")
    if cover is not None and backup > 0.0:
        raise UnitRangeError("--backup: a second view has a worth with --budget or --money, not with --cover")


def _check_phases(phases: int | None, budget: int | None) -> None:
    if phases is not None and phases < 1:
        raise UnitRangeError(f"--phases: must be at least 1, not {phases}")
    if phases is not None and budget is not None and phases > budget:
        raise UnitRangeError(f"--phases: {phases} phases need as many cameras, but --budget is {budget}")


def _cut(plan: Placement, phases: int | None) -> pd.DataFrame:
    """Cut the plan into phases; a plan without cameras has none."""
    import pandas as pd  # noqa: PLC0415

    cameras = len(plan.chosen)
    if phases is not None and phases > cameras:
        raise UnitRangeError(f"--phases: {phases} phases need as many cameras, but the plan has {cameras}")
    if not cameras:
        columns = ("cameras", "price", "cumulative_price", "cumulative_share")
        return pd.DataFrame(dict.fromkeys(columns, ()), index=pd.RangeIndex(0, name="phase"))
    return plan.phases(phases or min(PHASES, cameras))


def _fold_search(report: Callable[[str, int, int], None], seconds: float) -> Callable[[str, int, int], None]:
    """Show the solver's stages, whose ends nobody knows, as one bar that fills with time."""
    began: float | None = None

    def fold(stage: str, done: int, total: int) -> None:
        nonlocal began
        if stage == "seen areas":
            report(stage, done, total)
            return
        began = time.perf_counter() if began is None else began
        whole = math.ceil(seconds)
        report("search", min(int(time.perf_counter() - began), whole), whole)

    return fold
