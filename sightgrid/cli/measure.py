"""The commands `measure` and `demo`: what the cameras of a site see."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from sightgrid.cli.app import app
from sightgrid.cli.console import EXIT_INTERRUPTED, leave, show_progress
from sightgrid.cli.options import Cameras, DensityPxM, Out, SkipBadRows, Where, check_density, check_range, read_site
from sightgrid.errors import UnitRangeError

STANDARDS = ("iec2014", "iec2025")
CELL_RANGE_M = (5.0, 10_000.0)


@app.command()
def demo(out: Out = Path("out/helsinki")) -> None:
    """Measure central Helsinki, the site that comes with the package."""
    _measure("helsinki", out)


@app.command()
def measure(
    site: Where,
    *,
    out: Out,
    cell_m: Annotated[float, typer.Option(help="Side of a grid cell, in metres.")] = 100.0,
    standard: Annotated[str, typer.Option(help="Density classes of IEC 62676-4: iec2014 or iec2025.")] = "iec2014",
    exact: Annotated[bool, typer.Option("--exact", help="Clip and unite polygons instead of counting tiles.")] = False,
    density_px_m: DensityPxM = None,
    cameras: Cameras = None,
    skip_bad_rows: SkipBadRows = False,
) -> None:
    """Measure what the cameras of a SITE see."""
    check_range("--cell-m", cell_m, CELL_RANGE_M, "m")
    check_density(density_px_m)
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
        with show_progress() as report:
            report("modules", 0, 1)
            from sightgrid import coverage  # noqa: PLC0415
            from sightgrid.report import OURS, write_outputs  # noqa: PLC0415
            from sightgrid.report.coverage.console import print_results  # noqa: PLC0415
            from sightgrid.report.folder import check_folder  # noqa: PLC0415

            check_folder(out, ours=OURS)
            report("site", 0, 1)
            site = read_site(where, cameras, skip_bad_rows=skip_bad_rows)
            seen = coverage.measure(site, progress=report, **options)
            spots = coverage.blind_spots(site, seen, progress=report)
            summary = {**seen.summary(spots), "seconds": round(time.perf_counter() - started, 3)}
            files += write_outputs(out, seen, spots, summary=summary, progress=report)
        print_results(seen, spots, summary, files)
    except KeyboardInterrupt:
        if files:
            leave(f"interrupted; the files in {out} are complete", EXIT_INTERRUPTED)
        raise
