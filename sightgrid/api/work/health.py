"""The process `health`: every camera with a stream is asked once whether it sees, and what faults cost is measured."""

from __future__ import annotations

import json
import math
import os
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from pydantic import model_validator

from sightgrid.api.work.process import Inputs, Outcome, Process, Task
from sightgrid.errors import InfeasibleError, InputError, SightgridError, SourceError
from sightgrid.health.addresses import parse_address
from sightgrid.health.monitoring import monitor
from sightgrid.health.secrets import Secrets, read_secrets
from sightgrid.health.sources import COLUMN, read_sources
from sightgrid.report.health.findings import gather_findings
from sightgrid.report.health.health_report import measure_losses, summarise
from sightgrid.store.history import History
from sightgrid.store.streams import read_streams

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from sightgrid.api.settings import Settings
    from sightgrid.report.health.findings import Losses
    from sightgrid.site import Site

SECRETS = "SIGHTGRID_SECRETS"  # the file of users and passwords of streams
KEEP_DAYS = "SIGHTGRID_KEEP_PROBES_DAYS"
KEPT_DAYS, LONGEST_DAYS = 90, 36_500
PER_CORE = 4  # a worker waits most of the time
MOST_WORKERS = 64
HOLD_S = 3600.0  # how long one finding is believed
LOOK_BACK = timedelta(days=7)
LAYERS = ("cameras", "obstacles", "streets", "water", "places", "zones")
FIGURES = (
    "cameras", "in_maintenance", "not_checkable", "checked", "online", "intact", "online_rate", "intact_rate",
    "by_status", "by_reason", "lost_m2", "coverage_rate", "coverage_rate_now", "blind_spots_opened",
)  # fmt: skip


class HealthInputs(Inputs):
    """Which site's cameras are asked."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.scenario_id is not None:
            raise ValueError("scenario_id: only cameras that stand can be asked; leave it out")
        return self


def list_variables(settings: Settings) -> dict[str, str]:
    """Return the variables that tell a worker what the settings of the server say about probes."""
    secrets = {} if settings.secrets is None else {SECRETS: str(settings.secrets.resolve())}
    return {KEEP_DAYS: str(settings.keep_probes_days), **secrets}


def _run(task: Task[HealthInputs]) -> Outcome:
    task.report("site", 0, 1)
    site = task.read_site()
    sources = _find_sources(task, site)
    history = History(task.database, task.site.uid)
    began, probes = time.monotonic(), 0
    settled: set[str] = set()
    workers = min(PER_CORE * (os.cpu_count() or 1), MOST_WORKERS, len(sources))
    task.report("probes", 0, len(sources))
    with closing(monitor(sources, history, workers=workers)) as records:
        for record in records:  # each is kept already
            probes += 1
            settled.add(record.camera_id)
            task.report("probes", len(settled), len(sources))
    seconds, now = time.monotonic() - began, datetime.now(UTC)
    task.report("old probes", 0, 1)
    history.prune(now - timedelta(days=_read_days()))
    task.report("losses", 0, 1)
    latest = history.latest()
    latest = latest[latest.index.get_level_values("camera_id").isin(site.cameras.index)]
    losses = _measure_losses(site, latest)
    findings = gather_findings(
        latest,
        cameras=site.cameras,
        frame=history.frame(now - LOOK_BACK, measures=False),
        hold_s=HOLD_S,
        at=now,
        maintenance=history.maintenance(),
        losses=losses,
    )
    summary = summarise(findings, probes=probes, seconds=seconds)
    figures = {name: summary.get(name) for name in FIGURES} | {"probed": len(settled), "probes": probes}
    body = json.dumps(_plain(summary), ensure_ascii=False).encode()
    layers = {} if losses is None else {"losses": _draw_losses(losses)}
    return Outcome(figures, layers, body, "application/json")


def _find_sources(task: Task[HealthInputs], site: Site) -> pd.DataFrame:
    """Return the streams to be probed: those of cameras that have an address, and one that is no file."""
    addresses = read_streams(task.database, task.site.site_id)
    addresses = addresses[[not _is_file(text) for text in addresses]]
    cameras = site.cameras.loc[site.cameras.index.isin(addresses.index)]
    if cameras.empty:
        raise InputError("cameras: none has the address of a stream; an admin sets it")
    return read_sources(cameras.assign(**{COLUMN: addresses.reindex(cameras.index)}), secrets=_read_secrets())


def _is_file(text: str) -> bool:
    """Tell files from streams: whoever brings a site to the server must not read the server's files with it."""
    try:
        return parse_address(text).scheme == "file"
    except InputError:
        return False  # it is told with the others


def _read_secrets() -> Secrets:
    try:
        return read_secrets(os.environ.get(SECRETS) or None)
    except (InputError, SourceError) as error:  # its text may tell a path of the server
        raise SightgridError(
            f"the file of secrets ({SECRETS}) cannot be used: {str(error).rpartition(': ')[2]}"
        ) from None


def _read_days() -> float:
    try:
        days = float(os.environ.get(KEEP_DAYS) or KEPT_DAYS)
    except ValueError:
        days = math.nan
    if not 1.0 <= days <= LONGEST_DAYS:
        raise SightgridError(f"{KEEP_DAYS} must be a number of days from 1 to {LONGEST_DAYS:,}")
    return days


def _measure_losses(site: Site, latest: pd.DataFrame) -> Losses | None:
    try:
        return measure_losses(site, latest)
    except InfeasibleError:  # the site has no ground to see; its cameras can be asked all the same
        return None


def _draw_losses(losses: Losses) -> gpd.GeoDataFrame:
    frame = losses.by_camera
    return frame.assign(camera_id=frame.index)[["camera_id", "fault", "lost_m2", "blind_spots", "geometry"]]


def _plain(value: Any) -> Any:
    """Make a value what JSON can hold."""
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


HEALTH = Process(
    name="health",
    title="Camera health",
    description="Asks every camera with a stream once whether it sees, and measures what faults cost the coverage.",
    inputs=HealthInputs,
    layers=LAYERS,
    run=_run,
    stages={"site": 0.02, "probes": 0.8, "old probes": 0.03, "losses": 0.15},
    lasting=False,
)
