"""What is told about the cameras' health: a page to look at, a table, the figures, and the ground that was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sightgrid import coverage
from sightgrid.health.records import STATUSES
from sightgrid.report.folder import write_files, write_json
from sightgrid.report.health.findings import Findings, Losses
from sightgrid.report.health.health_page import draw_page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    import pandas as pd

    from sightgrid.site import Site

OUTPUTS = ("health.csv", "health.html", "summary.json")
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for one
TOP = 20
COUNTS = ("cameras", "in_maintenance", "not_checkable", "checked", "online", "intact")


def measure_losses(site: Site, frame: pd.DataFrame) -> Losses:
    """Measure what faults cost the coverage.

    Parameters
    ----------
    site : Site
        The site, with the cameras the frame is about.
    frame : DataFrame
        A health frame; of each camera the latest row counts.

    Returns
    -------
    Losses

    Raises
    ------
    InputError
        No row is about a camera of the site.
    """
    sound, now = coverage.measure(site), coverage.measure(site, health=frame)
    spots = coverage.blind_spots(now.site, now)
    by_camera = coverage.find_losses(now, spots)
    opened = {spot for text in by_camera["blind_spots"] for spot in text.split(", ") if spot}
    before, after = sound.totals, now.totals
    return Losses(
        lost_m2=before["covered_m2"] - after["covered_m2"],
        rate=before["coverage_rate"],
        rate_now=after["coverage_rate"],
        by_camera=by_camera,
        blind_spots=len(opened),
    )


def summarise(findings: Findings, *, probes: int, seconds: float) -> dict[str, Any]:
    """Make what ``summary.json`` says.

    Parameters
    ----------
    findings : Findings
        What was gathered.
    probes : int
        How many probes this run has made.
    seconds : float
        How long they took.

    Returns
    -------
    dict
        ``cameras``, ``online_rate``, ``intact_rate``, ``by_status``, ``by_reason``, ``probes_per_s``, ``seconds``,
        ``lost_m2`` and the numbers behind them.
    """
    counts = findings.table["status"].value_counts()
    faults = findings.table["fault"][findings.table["fault"] != ""].value_counts()
    losses = findings.losses
    told: dict[str, Any] = {
        **{name: int(findings.total[name]) for name in COUNTS},
        "online_rate": findings.total["online_rate"],
        "intact_rate": findings.total["intact_rate"],
        "by_status": {name: int(counts.get(name, 0)) for name in STATUSES},
        "by_reason": {str(name): int(count) for name, count in faults.items()},
        "by_owner_class": findings.rates.to_dict("index"),
        "probes": probes,
        "probes_per_s": probes / seconds if seconds > 0.0 else float("nan"),
        "seconds": round(seconds, 3),
        "lost_m2": None if losses is None else round(losses.lost_m2, 1),
        "history": findings.history,
    }
    if losses is not None:
        told["coverage_rate"], told["coverage_rate_now"] = losses.rate, losses.rate_now
        told["blind_spots_opened"] = losses.blind_spots
        told["lost_by_camera"] = [
            {
                "camera_id": row.Index,
                "fault": row.fault,
                "lost_m2": round(row.lost_m2, 1),
                "blind_spots": row.blind_spots,
            }
            for row in losses.by_camera.head(TOP).itertuples()
        ]
    return told


def write_health(
    folder: Path,
    findings: Findings,
    *,
    title: str,
    summary: dict[str, Any],
    thumbnails: Mapping[str, tuple[datetime, bytes]],
) -> list[Path]:
    """Write the page, the table and the figures into a folder, all or nothing.

    Parameters
    ----------
    folder : pathlib.Path
        See `sightgrid.report.folder.write_files`, also for what is returned and raised.
    findings : Findings
        What was gathered.
    title : str
        What the page is about.
    summary : dict
        See `summarise`.
    thumbnails : mapping of str to (datetime, bytes)
        The last picture of each camera, a JPEG, with its time.
    """
    page = draw_page(findings, title=title, summary=summary, thumbnails=thumbnails)
    writers: dict[str, Callable[[Path], object]] = {
        "health.csv": lambda path: _write_table(path, findings.table),
        "health.html": lambda path: path.write_text(page, encoding="utf-8"),
        "summary.json": lambda path: write_json(path, summary),
    }
    return write_files(folder, writers, ours=OUTPUTS)


def _write_table(path: Path, table: pd.DataFrame) -> None:
    """Write the table so that a spreadsheet computes nothing of what a camera's name may hold."""
    shown = table.drop(columns="lost_m2") if table["lost_m2"].isna().all() else table
    shown = shown.reset_index()
    numbers = shown.select_dtypes("number").columns
    shown[numbers] = shown[numbers].round(6)
    for name in ("camera_id", "name", "owner_class", "fault", "reason"):
        shown[name] = [f"'{text}" if str(text).startswith(FORMULA) else text for text in shown[name]]
    shown.to_csv(path, index=False, encoding="utf-8")
