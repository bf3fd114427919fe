"""The command `probe`: which cameras see, which do not, and why.

Heavy modules are imported inside the command, so that ``sightgrid --help`` answers at once.
"""

from __future__ import annotations

import os
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sightgrid.cli.app import app
from sightgrid.cli.console import EXIT_INTERRUPTED, leave
from sightgrid.cli.options import Cameras, Out, check_range, read_site, require_extra
from sightgrid.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from sightgrid.site import Site
    from sightgrid.store.history import History

EXIT_FOUND = 1
EVERY_RANGE_S = (1.0, 86_400.0)
PER_CORE = 4  # a worker waits most of the time
MOST_WORKERS = 256
HOLD_S = 3600.0  # how long one finding is believed where there is no interval
LOOK_BACK = timedelta(days=7)  # of the rates over time
NEEDED = {"cv2": "opencv-python-headless", "sqlalchemy": "SQLAlchemy", "alembic": "alembic"}
THUMBNAILS = ("clear", "blurred", "none")
TABLES = (".csv", ".tsv", ".txt")
HISTORY = "history.sqlite"


@app.command()
def probe(
    where: Annotated[str, typer.Argument(metavar="CAMERAS.csv|SITE", help="A table with stream_url, or a site.")],
    *,
    out: Out,
    once: Annotated[bool, typer.Option("--once", help="Probe every camera once: the default.")] = False,
    every: Annotated[
        float | None, typer.Option(help="Probe again and again, each camera every so many seconds, until Ctrl-C.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Streams open at a time; 4 for each core if not given.", show_default=False)
    ] = None,
    secrets: Annotated[Path | None, typer.Option(help="Users and passwords of streams (TOML); mode 600.")] = None,
    maintenance: Annotated[
        Path | None, typer.Option(help="Planned work (CSV: camera_id, start_at, end_at, reason), kept in the history.")
    ] = None,
    thumbnails: Annotated[
        str,
        typer.Option(
            help="Thumbnails that are kept: clear, blurred or none; the last two forget older ones. "
            "The grey reference views, which the checks need, stay."
        ),
    ] = "clear",
    cameras: Cameras = None,
    fail_on_fault: Annotated[
        bool, typer.Option("--fail-on-fault", help="Exit with 1 if a camera is offline or has a fault.")
    ] = False,
) -> None:
    """Probe the streams of cameras: which see, which do not, and why."""
    if once and every is not None:
        raise InputError("give --once or --every, not both")
    if every is not None:
        check_range("--every", every, EVERY_RANGE_S, "s")
    workers = PER_CORE * (os.cpu_count() or 1) if workers is None else workers
    check_range("--workers", workers, (1, MOST_WORKERS), "(a whole number)")
    if thumbnails not in THUMBNAILS:
        raise InputError(f"--thumbnails: {thumbnails!r} is not known; choose {', '.join(THUMBNAILS)}")
    require_extra("probe", "health", NEEDED)
    table, site = _read_cameras(where, cameras)
    pool = {"workers": workers, "thumbnail": thumbnails}
    watch = _Watch(table, site, out=out, title=Path(where).name, every_s=every, pool=pool)
    found = watch.run(secrets, maintenance)
    if found and fail_on_fault:
        raise typer.Exit(EXIT_FOUND)


def _read_cameras(where: str, cameras: Path | None) -> tuple[pd.DataFrame, Site | None]:
    if where.lower().endswith(TABLES):
        if cameras is not None:
            raise InputError("--cameras goes with a site; the first argument is a camera table already")
        from sightgrid.health.ledgers import read_ledger  # noqa: PLC0415

        return read_ledger(where), None
    site = read_site(where, cameras, skip_bad_rows=False)
    return site.cameras, site


class _Watch:
    """One run of the command."""

    def __init__(
        self,
        cameras: pd.DataFrame,
        site: Site | None,
        *,
        out: Path,
        title: str,
        every_s: float | None,
        pool: dict[str, Any],
    ) -> None:
        self.cameras, self.site, self.out, self.title = cameras, site, out, title
        self.every_s, self.pool = every_s, pool
        self.began = 0.0

    def run(self, secrets: Path | None, maintenance: Path | None) -> bool:
        """Probe, write what was found, and tell whether there are faults."""
        from sightgrid.health.ledgers import read_maintenance  # noqa: PLC0415
        from sightgrid.health.secrets import read_secrets  # noqa: PLC0415
        from sightgrid.health.sources import read_sources  # noqa: PLC0415
        from sightgrid.report.folder import check_folder  # noqa: PLC0415
        from sightgrid.report.health.health_console import LiveTable, show_live  # noqa: PLC0415
        from sightgrid.report.health.health_report import OUTPUTS  # noqa: PLC0415
        from sightgrid.store.history import open_history  # noqa: PLC0415

        sources = read_sources(self.cameras, secrets=read_secrets(secrets))
        windows = None if maintenance is None else read_maintenance(maintenance)
        check_folder(self.out, ours=OUTPUTS)
        self.out.mkdir(parents=True, exist_ok=True)
        self.live = LiveTable(len(sources))
        with open_history(self.out / HISTORY) as history:
            if windows is not None:
                history.add_maintenance(windows)
            if self.pool["thumbnail"] != THUMBNAILS[0]:
                history.forget_thumbnails()
            try:
                with show_live(self.live):
                    self._probe(sources, history)
                if self.every_s is None:
                    return self._report(history, last=True)
            except KeyboardInterrupt:
                if self.every_s is None:
                    kept = f"{self.live.probes:,} probes are kept in {self.out / HISTORY}"
                    leave(f"interrupted; {kept}, the reports were not written", EXIT_INTERRUPTED)
            return self._report(history, last=True)

    def _probe(self, sources: pd.DataFrame, history: History) -> None:
        from sightgrid.health.monitoring import Timing, monitor  # noqa: PLC0415

        self.began = time.monotonic()
        due_at = self.began + (self.every_s or 0.0)
        with closing(monitor(sources, history, timing=Timing(every_s=self.every_s), **self.pool)) as records:
            for record in records:
                self.live.take_in(record)
                # the first report waits until every camera was looked at
                if self.every_s is not None and time.monotonic() >= due_at and self.live.complete:
                    self._report(history, last=False)
                    due_at = time.monotonic() + self.every_s

    def _report(self, history: History, *, last: bool) -> bool:
        from sightgrid.report.health.findings import gather_findings  # noqa: PLC0415
        from sightgrid.report.health.health_console import describe_round, print_health  # noqa: PLC0415
        from sightgrid.report.health.health_report import measure_losses, summarise, write_health  # noqa: PLC0415

        seconds, now = time.monotonic() - self.began, datetime.now(UTC)
        latest = history.latest()
        latest = latest[latest.index.get_level_values("camera_id").isin(self.cameras.index)]
        options: dict[str, Any] = {"hold_s": HOLD_S if self.every_s is None else 2.0 * self.every_s}
        if self.site is not None and len(latest):
            options["losses"] = measure_losses(self.site, latest)
        findings = gather_findings(
            latest,
            cameras=self.cameras,
            frame=history.frame(now - LOOK_BACK, measures=False),
            at=now,
            maintenance=history.maintenance(),
            **options,
        )
        summary = summarise(findings, probes=self.live.probes, seconds=seconds)
        files = write_health(self.out, findings, title=self.title, summary=summary, thumbnails=history.thumbnails())
        if last:
            print_health(findings, summary, [*files, self.out / HISTORY], title=self.title)
        else:
            typer.echo(f"{now:%Y-%m-%d %H:%M:%S} UTC {describe_round(summary)}", err=True)
        return bool(findings.table["status"].isin(("offline", "fault")).any())
