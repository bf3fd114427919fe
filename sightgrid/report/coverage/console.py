"""What the command line prints after a run: the notes, the figures, the largest blind spots, the files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sightgrid.coverage import density_classes
from sightgrid.report.geopackage import reasons_not_measured
from sightgrid.report.words import metres, number, percent, square_metres, text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import geopandas as gpd

    from sightgrid.coverage import Coverage

MAX_NOTES = 8
TOP_SPOTS = 5


def print_results(seen: Coverage, spots: gpd.GeoDataFrame, summary: dict[str, Any], files: Sequence[Path]) -> None:
    """Print what was found out about a site.

    Parameters
    ----------
    seen : Coverage
        The measured coverage.
    spots : geopandas.GeoDataFrame
        Its blind spots, the most important first.
    summary : dict
        `Coverage.summary`.
    files : sequence of pathlib.Path
        The files written; the last one holds every note.
    """
    console = Console()
    notes = seen.site.notes
    if notes:
        console.print("Notes", style="bold")
        for note in notes[:MAX_NOTES]:
            console.print(f"  {note}", markup=False, highlight=False)
        if len(notes) > MAX_NOTES:
            more = f"  and {len(notes) - MAX_NOTES} more, all of them in {files[-1]}"
            console.print(more, markup=False, highlight=False, soft_wrap=True)
        console.print()
    reasons = reasons_not_measured(seen)
    console.print(_summary_table(seen, summary, reasons))
    if reasons.get("direction unknown") and seen.site.streets.empty:
        console.print("Cameras of unknown direction are turned to the nearest street, but the site has no streets.")
    if len(spots):
        console.print(_spot_table(spots))
    console.print("Written", style="bold")
    for path in files:
        console.print(f"  {path} ({path.stat().st_size / 1e6:.1f} MB)", markup=False, highlight=False, soft_wrap=True)


def _summary_table(seen: Coverage, summary: dict[str, Any], reasons: dict[str, int]) -> Table:
    table = Table(title=f"Coverage of {escape(seen.site.name)}", title_justify="left", show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right")
    lower, upper = percent(summary["coverage_rate_lower"]), percent(summary["coverage_rate_upper"])
    table.add_row("observable ground", square_metres(summary["observable_m2"]))
    table.add_row("[bold]coverage rate[/bold]", f"[bold]{percent(summary['coverage_rate'])}[/bold]")
    table.add_row("  between, depending on what was assumed", f"{lower} and {upper}")
    table.add_row("seen at least twice", percent(summary["rate_seen_twice"]))
    table.add_row("street length seen", percent(summary["street_rate"]), end_section=True)
    for name, px_m in density_classes(seen.standard).items():
        table.add_row(f"{name}, {number(px_m)} px/m or more", percent(summary["density_rates"][name]))
    table.add_section()
    table.add_row("cameras measured", f"{summary['cameras_measured']:,} of {summary['cameras_total']:,}")
    table.add_row("  of these moved off a building's wall", f"{summary['cameras_moved']:,}")
    table.add_row("cameras not measured", f"{summary['cameras_not_measured']:,}")
    for reason, count in reasons.items():
        table.add_row(f"  {reason}", f"{count:,}")
    table.add_row("covered ground that rests on assumptions", percent(summary["assumed_share"]))
    table.add_row("  on an assumed direction", percent(summary["direction_assumed_share"]), end_section=True)
    table.add_row("blind spots", f"{summary['blind_spots']:,}")
    table.add_row("  their area", square_metres(summary["blind_area_m2"]), end_section=True)
    table.add_row("time to read and measure", f"{summary['seconds']:.1f} s")
    return table


def _spot_table(spots: gpd.GeoDataFrame) -> Table:
    table = Table(title="Largest blind spots, by demand", title_justify="left")
    for heading in ("blind spot", "area", "street inside", "cause", "nearest camera"):
        table.add_column(heading, justify="right" if heading in {"area", "street inside"} else "left")
    for spot in spots.head(TOP_SPOTS).itertuples():
        nearest = ", ".join(filter(None, (escape(text(spot.nearest_camera_id)), metres(spot.nearest_camera_m))))
        table.add_row(str(spot.Index), square_metres(spot.area_m2), metres(spot.street_m), spot.cause, nearest)
    return table
