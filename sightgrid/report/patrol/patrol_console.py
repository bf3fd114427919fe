"""What the command line prints about a patrol plan: the figures, the units, what is left out, the files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sightgrid.report.words import percent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sightgrid.report.patrol.briefing import Briefing

MANY_ROWS = 20


def print_patrol(briefing: Briefing, summary: dict[str, Any], files: Sequence[Path]) -> None:
    """Print what a patrol plan does.

    Parameters
    ----------
    briefing : Briefing
        The shift.
    summary : dict
        See `patrol_summary.summarise_patrol`.
    files : sequence of pathlib.Path
        The files written.
    """
    console = Console()
    console.print(_figures(briefing, summary))
    console.print(_units(summary))
    if summary["shortfalls"]:
        console.print(_shortfalls(summary))
    for line in summary["assumed"]:
        console.print(f"assumed: {line}", markup=False, highlight=False, style="dim")
    console.print("Written", style="bold")
    for path in files:
        console.print(f"  {path} ({path.stat().st_size / 1e6:.1f} MB)", markup=False, highlight=False, soft_wrap=True)


def _figures(briefing: Briefing, summary: dict[str, Any]) -> Table:
    table = Table(
        title=f"Patrol of {escape(briefing.site.name)}, {summary['shift']}", title_justify="left", show_header=False
    )
    table.add_column()
    table.add_column(justify="right")
    if summary["joint_rate"] is not None:
        rates = f"{percent(summary['camera_rate'])} → {percent(summary['joint_rate'])}"
        table.add_row("[bold]street looked at[/bold], by cameras → with patrols", f"[bold]{rates}[/bold]")
    if summary["attention_share"] is not None:
        table.add_row("attention on streets driven", percent(summary["attention_share"]), end_section=True)
    table.add_row("required visits planned", f"{summary['stops_planned']:,} of {summary['stops_required']:,}")
    if summary["stops_optional"]:
        table.add_row("other visits planned", f"{summary['stops_optional_planned']:,} of {summary['stops_optional']:,}")
    if summary["worst_gap_min"] is not None:
        gaps = f"{summary['worst_gap_min']:.0f} min, {summary['mean_gap_min']:.0f} min"
        table.add_row("longest gap at a stop, mean gap", gaps)
    if summary["balance"] is not None:
        table.add_row("most work of a unit, over the mean", f"{summary['balance']:.2f}", end_section=True)
    for minutes, share in (summary["within_min"] or {}).items():
        table.add_row(f"risk reached by the nearest unit within {minutes} min", percent(share))
    table.add_row("time to plan, before files are written", f"{summary['seconds']:.1f} s")
    return table


def _units(summary: dict[str, Any]) -> Table:
    headings = {"unit": "left", "kind": "left", "crew": "left", "shift": "left", "visits": "right", "km": "right"}
    table = _table("Units", {**headings, "patrol h": "right", "beat": "left"})
    for row in summary["routes"]:
        table.add_row(
            escape(row["unit_id"]),
            escape(row["kind"]),
            escape(row["crew"]),
            f"{row['start'][-5:]}-{row['end'][-5:]}",
            str(row["visits"]),
            f"{row['distance_m'] / 1000.0:.1f}",
            f"{row['patrol_s'] / 3600.0:.1f}",
            escape(row["beat_id"]),
        )
    return table


def _shortfalls(summary: dict[str, Any]) -> Table:
    rows = summary["shortfalls"]
    more = f", the first {MANY_ROWS} of {len(rows):,}; all are in summary.json" if len(rows) > MANY_ROWS else ""
    headings = {"no.": "right", "stop": "left", "priority": "right", "required": "left", "missing": "right"}
    table = _table(f"Left out{more}", {**headings, "reason": "left"})
    for row in rows[:MANY_ROWS]:
        required = "yes" if row["required"] else "no"
        values = (str(row["number"]), escape(row["name"]), str(row["priority"]), required, str(row["missing"]))
        table.add_row(*values, escape(row["reason"]))
    return table


def _table(title: str, headings: dict[str, Any]) -> Table:
    table = Table(title=title, title_justify="left")
    for heading, justify in headings.items():
        table.add_column(heading, justify=justify, overflow="fold")
    return table
