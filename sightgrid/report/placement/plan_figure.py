"""A still picture of a plan for new cameras, for documents: needs the ``notebook`` extra (matplotlib)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from sightgrid.report.panels import (
    QUIET,
    draw_background,
    draw_masks,
    draw_rates,
    draw_scale,
    fill,
    frame_panel,
    lay_panels,
    rate_legend,
    write_words,
)
from sightgrid.report.placement.plan_map import NEW_COLOUR, SEEN_COLOUR, describe_changes, describe_quality
from sightgrid.report.words import number, percent, sources

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sightgrid.coverage import Coverage, Placement

_OLD_COLOUR = "#1a1a1a"


def draw_placement(plan: Placement, before: Coverage, after: Coverage) -> Figure:
    """Draw two maps side by side: the cells' rates before a plan, and with its cameras.

    Parameters
    ----------
    plan : Placement
        The new cameras.
    before, after : Coverage
        The measured coverage of the site as it was and of the planned site.

    Returns
    -------
    matplotlib.figure.Figure
        Save it with ``.savefig("plan.png")``.
    """
    site = plan.site
    figure, (left, right, words) = lay_panels(site, maps=2)
    for panel, seen in ((left, before), (right, after)):
        draw_background(panel, site)
        draw_rates(panel, seen)
        draw_masks(panel, seen)
        points = seen.site.cameras.geometry.drop(index=plan.chosen.index, errors="ignore")
        panel.scatter(points.x, points.y, s=5, color=_OLD_COLOUR, linewidth=0, zorder=5)
    _draw_new(right, plan, after)
    for panel in (left, right):
        frame_panel(panel, site)
    draw_scale(left, site)
    left.set_title(f"Today: {percent(before.totals['coverage_rate'])} seen", loc="left", fontsize=11, weight="bold")
    title = f"With {len(plan.chosen)} more cameras: {percent(after.totals['coverage_rate'])}"
    right.set_title(title, loc="left", fontsize=11, weight="bold")
    _write_facts(words, plan, after)
    return figure


def _draw_new(panel: Axes, plan: Placement, after: Coverage) -> None:
    areas = after.seen.geometry[plan.chosen.index].intersection(plan.site.study)
    fill(panel, areas, SEEN_COLOUR, alpha=0.12)
    fill(panel, areas, "none", edgecolor=SEEN_COLOUR, linewidth=0.9)
    points = plan.chosen.geometry
    panel.scatter(points.x, points.y, s=95, color=NEW_COLOUR, edgecolor="white", linewidth=1, zorder=7)
    for rank, point in zip(plan.chosen["rank"], points, strict=True):
        look: dict[str, Any] = {"color": "white", "size": 7, "weight": "bold", "ha": "center", "va": "center_baseline"}
        panel.text(point.x, point.y, str(rank), zorder=8, **look)


def _write_facts(words: Axes, plan: Placement, after: Coverage) -> None:
    site = plan.site
    lines = [
        (site.name[:1].upper() + site.name[1:], 15, "bold", "black"),
        (f"{percent(plan.before_rate)} → {percent(plan.after_rate)}", 19, "bold", "black"),
        ("of the observable ground is seen,", 10, "normal", "black"),
        (f"as planned; measured {percent(after.totals['coverage_rate'])}", 10, "normal", "black"),
        (describe_quality(plan), 8.5, "normal", QUIET),
        (f"price {number(float(plan.chosen['price'].sum()))}, in the catalogue's currency", 8.5, "normal", QUIET),
        *([(describe_changes(plan), 8.5, "normal", QUIET)] if len(plan.changed) else []),
    ]
    dot = {"marker": "o", "linestyle": ""}
    legends = {
        **rate_legend(),
        "Cameras": [
            Line2D([], [], color=_OLD_COLOUR, markersize=3, label="existing", **dot),  # type: ignore[arg-type]
            Line2D([], [], color=NEW_COLOUR, markersize=9, label="new, by what it adds", **dot),  # type: ignore[arg-type]
            Patch(facecolor="#fce6da", edgecolor=SEEN_COLOUR, label="what a new one sees"),
        ],
    }
    write_words(words, lines, legends=legends, sources=sources(site))
