"""What the command line prints about a plan: the figures, the new cameras, the phases, the files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sightgrid.report.placement.plan_map import describe_quality
from sightgrid.report.words import degrees, number, percent, square_metres

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import geopandas as gpd
    import pandas as pd

    from sightgrid.coverage.plan import Placement


def print_plan(
    plan: Placement, cameras: gpd.GeoDataFrame, phases: pd.DataFrame, summary: dict[str, Any], files: Sequence[Path]
) -> None:
    """Print what a plan buys.

    Parameters
    ----------
    plan : Placement
        The plan.
    cameras : geopandas.GeoDataFrame
        See `plan.camera_table`.
    phases : pandas.DataFrame
        See `Placement.phases`.
    summary : dict
        See `plan.summarise_plan`.
    files : sequence of pathlib.Path
        The files written.
    """
    console = Console()
    console.print(_figures(plan, summary))
    if len(cameras):
        console.print(_cameras(cameras))
    if len(phases) > 1:
        console.print(_phases(phases))
    console.print("Written", style="bold")
    for path in files:
        console.print(f"  {path} ({path.stat().st_size / 1e6:.1f} MB)", markup=False, highlight=False, soft_wrap=True)


def _figures(plan: Placement, summary: dict[str, Any]) -> Table:
    table = Table(title=f"New cameras for {escape(plan.site.name)}", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    before, after = percent(summary["before_rate"]), percent(summary["after_rate"])
    measured = percent(summary["measured_before_rate"]), percent(summary["measured_after_rate"])
    table.add_row("[bold]coverage rate[/bold], before and after", f"[bold]{before} → {after}[/bold]")
    table.add_row("  by the independent engine", " → ".join(measured), end_section=True)
    table.add_row("new cameras", f"{summary['cameras']:,}")
    for change in ("turned", "removed"):
        if summary[change]:
            table.add_row(f"existing cameras {change}", f"{summary[change]:,}")
    table.add_row("price", number(summary["price"]), end_section=True)
    if plan.solution.model == "mclp":
        whole = float(plan.demand["weight"].sum())
        table.add_row("worth of the plan, of all demand", percent(summary["objective"] / whole))
        table.add_row("  no plan can be worth more than", percent(summary["bound"] / whole))
    else:
        table.add_row("demand seen", percent(plan.solution.share))
        table.add_row("no plan can cost less than", number(summary["bound"]))
    table.add_row("  the plan is", describe_quality(plan), end_section=True)
    for reason, count in summary["dropped"].items():
        table.add_row(f"left out: poses that {escape(reason)}", f"{count:,}")
    table.add_row("time to search, in all", f"{summary['seconds']:.1f} s, {summary['total_seconds']:.1f} s")
    return table


def _cameras(cameras: gpd.GeoDataFrame) -> Table:
    headings = {"rank": "right", "mount": "left", "model": "left", "looks to": "right", "gain": "right"}
    headings |= {"demand seen": "right", "price": "right"}
    table = _table("New cameras, the most useful first", headings)
    for row in cameras.reset_index().to_dict("records"):
        table.add_row(
            str(row["rank"]),
            escape(str(row["mount_id"])),
            escape(row["model"]),
            degrees(row["azimuth_deg"]) or "all round",
            square_metres(row["gain"]),
            percent(row["cumulative_share"]),
            number(row["price"]),
        )
    return table


def _phases(phases: pd.DataFrame) -> Table:
    headings = dict.fromkeys(("phase", "cameras", "price", "price so far", "demand seen"), "right")
    table = _table("Phases of about equal price", headings)
    for row in phases.reset_index().to_dict("records"):
        price, so_far = number(row["price"]), number(row["cumulative_price"])
        table.add_row(str(row["phase"]), str(row["cameras"]), price, so_far, percent(row["cumulative_share"]))
    return table


def _table(title: str, headings: dict[str, Any]) -> Table:
    table = Table(title=title, title_justify="left")
    for heading, justify in headings.items():
        table.add_column(heading, justify=justify, overflow="fold")
    return table
