"""What the command line shows of the cameras' health: a live table while probes come in, and the figures after."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from sightgrid.health.records import STATUSES
from sightgrid.report.words import percent, square_metres

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sightgrid.health.records import Record
    from sightgrid.report.health.findings import Findings

STYLES = {"offline": "bold", "fault": "bold red", "warning": "yellow", "not_checkable": "dim", "ok": "blue"}
TOP = 12
PER_S = 4
MAX_REASON = 100


class LiveTable:
    """How the cameras are at the moment, drawn anew as probes come in.

    Parameters
    ----------
    cameras : int
        How many there are.
    """

    def __init__(self, cameras: int) -> None:
        self.cameras, self.probes = cameras, 0
        self._began = time.monotonic()
        self._latest: dict[str, Record] = {}
        self._counts: Counter[str] = Counter()

    @property
    def complete(self) -> bool:
        """True if every camera was looked at."""
        return len(self._latest) == self.cameras

    def take_in(self, record: Record) -> None:
        """Count a record."""
        before = self._latest.get(record.camera_id)
        if before is not None:
            self._counts[before.status] -= 1
        self._latest[record.camera_id] = record
        self._counts[record.status] += 1
        self.probes += record.seconds > 0.0  # a camera without an address was not probed

    def __rich__(self) -> Group:
        """Draw the table."""
        seconds = max(time.monotonic() - self._began, 1e-9)
        head = Text(f"{len(self._latest):,} of {self.cameras:,} cameras, {self.probes:,} probes, ")
        head.append(f"{self.probes / seconds:.1f} a second   ")
        for status in STATUSES:
            if self._counts[status]:
                head.append(f"{self._counts[status]:,} {status.replace('_', ' ')}  ", style=STYLES[status])
        rows = [record for record in list(self._latest.values()) if record.status not in {"ok", "not_checkable"}]
        rows.sort(key=lambda record: (STATUSES.index(record.status), record.camera_id))
        table = Table(box=None, pad_edge=False, show_header=bool(rows))
        for heading in ("camera", "status", "checked", "reason"):
            table.add_column(heading, no_wrap=True, overflow="ellipsis")
        for record in rows[:TOP]:
            status = f"[{STYLES[record.status]}]{record.status}[/]"
            at = f"{record.checked_at:%H:%M:%S}"
            table.add_row(escape(record.camera_id), status, at, escape(record.reason[:MAX_REASON]))
        more = [Text(f"and {len(rows) - TOP:,} more", style="dim")] if len(rows) > TOP else []
        return Group(head, table, *more)


@contextmanager
def show_live(table: LiveTable) -> Iterator[None]:
    """Draw a table on stderr for as long as the block runs, where somebody watches."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with Live(table, console=console, refresh_per_second=PER_S, transient=True):
        yield


def print_health(findings: Findings, summary: dict[str, Any], files: Sequence[Path], *, title: str) -> None:
    """Print the figures, the worst cameras and the files.

    Parameters
    ----------
    findings : Findings
        What was gathered.
    summary : dict
        See `sightgrid.report.health.summarise`.
    files : sequence of pathlib.Path
        The files written.
    title : str
        What it is about.
    """
    console = Console()
    console.print(_figures(findings, summary, title))
    bad = findings.table[~findings.table["status"].isin(("ok", "not_checkable"))]
    if len(bad):
        table = Table(title="The worst cameras", title_justify="left")
        columns = ["camera", "status", "reason", *(["ground lost"] if findings.losses is not None else [])]
        for heading in columns:
            table.add_column(heading, justify="right" if heading == "ground lost" else "left")
        for name, row in zip(bad.index[:TOP], bad.head(TOP).to_dict("records"), strict=True):
            lost = [square_metres(row["lost_m2"]) if row["lost_m2"] > 0.0 else ""] if len(columns) > 3 else []  # noqa: PLR2004
            table.add_row(escape(str(name)), row["status"], escape(row["reason"]), *lost)
        console.print(table)
        if len(bad) > TOP:
            console.print(f"and {len(bad) - TOP:,} more, all of them in {files[0]}", markup=False, soft_wrap=True)
    console.print("Written", style="bold")
    for path in files:
        console.print(f"  {path} ({path.stat().st_size / 1e6:.1f} MB)", markup=False, highlight=False, soft_wrap=True)


def describe_round(summary: dict[str, Any]) -> str:
    """Say in one line how the cameras are: for a log.

    Examples
    --------
    >>> describe_round({"cameras": 3, "by_status": {"offline": 1, "ok": 2}, "online_rate": 2 / 3, "intact_rate": 2 / 3})
    '3 cameras: 1 offline, 2 ok; online 66.7 %, intact 66.7 %'
    """
    counts = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in summary["by_status"].items() if count)
    rates = ", ".join(f"{name} {percent(summary[f'{name}_rate']) or 'unknown'}" for name in ("online", "intact"))
    return f"{summary['cameras']:,} cameras: {counts}; {rates}"


def _figures(findings: Findings, summary: dict[str, Any], title: str) -> Table:
    table = Table(title=f"Camera health: {escape(title)}", title_justify="left", show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right")
    table.add_row("cameras", f"{summary['cameras']:,}")
    for name in ("not_checkable", "in_maintenance"):
        if summary[name]:
            table.add_row(f"  {name.replace('_', ' ')}", f"{summary[name]:,}")
    for name in ("online", "intact"):
        share = f"{summary[name]:,} of {summary['checked']:,}, {percent(summary[f'{name}_rate']) or 'unknown'}"
        table.add_row(f"[bold]{name}[/bold]", f"[bold]{share}[/bold]")
    table.add_section()
    for name, count in summary["by_reason"].items():
        table.add_row(f"  {escape(name)}", f"{count:,}")
    if findings.losses is not None:
        losses = findings.losses
        table.add_section()
        table.add_row("ground lost to faults", square_metres(losses.lost_m2))
        table.add_row("  coverage rate", f"{percent(losses.rate)} → {percent(losses.rate_now)}")
        table.add_row("  blind spots opened or grown", f"{losses.blind_spots:,}")
    table.add_section()
    table.add_row(
        "probes", f"{summary['probes']:,} in {summary['seconds']:.1f} s, {summary['probes_per_s']:.1f} a second"
    )
    return table
