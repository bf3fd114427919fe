"""A still picture of a patrol plan, for documents: needs the ``notebook`` extra (matplotlib)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D

from sightgrid.report.panels import (
    QUIET,
    draw_background,
    draw_scale,
    fill,
    frame_panel,
    lay_panels,
    write_words,
)
from sightgrid.report.patrol import patrol_styles
from sightgrid.report.patrol.patrol_map import attention_levels
from sightgrid.report.words import percent, sources

if TYPE_CHECKING:
    import geopandas as gpd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sightgrid.report.patrol.briefing import Briefing

WIDTHS_PT = (0.8, 1.4, 2.2, 3.0, 3.8)

_WATER, _BUILDING, _BUILDING_EDGE = "#cfdde6", "#e6e8ea", "#d2d5d8"


def draw_shift(briefing: Briefing) -> Figure:
    """Draw two maps side by side: where attention is wanted, and which unit is where most often.

    Parameters
    ----------
    briefing : Briefing
        The shift.

    Returns
    -------
    matplotlib.figure.Figure
        Save it with ``.savefig("patrol.png")``.
    """
    site = briefing.site
    figure, (left, right, words) = lay_panels(site, maps=2)
    for panel in (left, right):
        draw_background(panel, site)
        fill(panel, site.water.geometry.clip(site.study), _WATER)
        fill(panel, site.obstacles.geometry.clip(site.study), _BUILDING, edgecolor=_BUILDING_EDGE, linewidth=0.3)
    _draw_attention(left, briefing)
    _draw_drivers(right, briefing)
    _draw_stops(right, briefing)
    for panel in (left, right):
        frame_panel(panel, site)
    draw_scale(left, site)
    left.set_title("Attention: risk that no camera sees", loc="left", fontsize=11, weight="bold")
    title = f"{len(briefing.plan.units)} units, by who is there most often"
    right.set_title(title, loc="left", fontsize=11, weight="bold")
    _write_facts(words, briefing)
    return figure


def _draw_attention(panel: Axes, briefing: Briefing) -> None:
    ranks = np.array([patrol_styles.attention_class(level) for level in attention_levels(briefing)])
    streets = briefing.site.streets.geometry
    for rank, (colour, width) in enumerate(zip(patrol_styles.ATTENTION_COLOURS, WIDTHS_PT, strict=True)):
        _draw_lines(panel, streets[ranks == rank], briefing, color=colour, linewidth=width)


def _draw_drivers(panel: Axes, briefing: Briefing) -> None:
    passes = briefing.passes
    if not len(passes):
        return
    streets = briefing.site.streets.geometry[passes.index]
    most = passes.to_numpy().argmax(axis=1)
    for row, unit_id in enumerate(passes.columns):
        colour, dashes = briefing.look(unit_id)
        style = "--" if dashes else "-"
        _draw_lines(panel, streets[most == row], briefing, color=colour, linewidth=1.7, linestyle=style)


def _draw_lines(panel: Axes, lines: gpd.GeoSeries, briefing: Briefing, **look: Any) -> None:
    inside = lines.clip(briefing.site.study)
    inside = inside[~inside.is_empty]
    if len(inside):
        inside.plot(ax=panel, aspect=None, **look)


def _draw_stops(panel: Axes, briefing: Briefing) -> None:
    colours = patrol_styles.STOP_COLOURS
    required = briefing.plan.stops["required"].to_numpy(bool)
    fills = np.where(required, colours["required"], colours["as time allows"])
    points = briefing.plan.stops.geometry
    panel.scatter(points.x, points.y, s=105, color=fills, edgecolor="white", linewidth=0.9, zorder=7)
    look: dict[str, Any] = {"color": "white", "size": 7, "weight": "bold", "ha": "center", "va": "center_baseline"}
    for number, point in zip(briefing.numbers.values(), points, strict=True):
        panel.text(point.x, point.y, str(number), zorder=8, **look)


def _write_facts(words: Axes, briefing: Briefing) -> None:
    site, plan = briefing.site, briefing.plan
    found = plan.figures
    shift = briefing.period(plan.units["start_at"].min(), plan.units["end_at"].max())
    lines: list[tuple[str, float, str, str]] = [(site.name[:1].upper() + site.name[1:], 15, "bold", "black")]
    if found["joint_rate"] is not None:
        rates = f"{percent(found['camera_rate'])} → {percent(found['joint_rate'])}"
        lines += [
            (rates, 19, "bold", "black"),
            ("of the street is looked at in a shift:", 10, "normal", "black"),
            ("by cameras, by cameras or patrols", 10, "normal", "black"),
        ]
    lines.append((shift, 8.5, "normal", QUIET))
    planned = found["stops_planned"] + found["stops_optional_planned"]
    wanted = found["stops_required"] + found["stops_optional"]
    lines.append((f"{planned:,} of {wanted:,} visits, {found['driven_m'] / 1000.0:,.0f} km", 8.5, "normal", QUIET))
    if found["worst_gap_min"] is not None:
        lines.append((f"longest gap at a stop {found['worst_gap_min']:.0f} min", 8.5, "normal", QUIET))
    if briefing.response is not None:
        reached = ", ".join(
            f"{percent(share)} in {m:g} min" for m, share in list(briefing.response.within.items())[1:3]
        )
        lines.append((f"of the risk reached: {reached}", 8.5, "normal", QUIET))
    dot: dict[str, Any] = {"marker": "o", "linestyle": "", "markersize": 8, "markeredgecolor": "white"}
    stops = patrol_styles.STOP_COLOURS
    attention = zip(patrol_styles.ATTENTION_COLOURS, WIDTHS_PT, patrol_styles.ATTENTION_LABELS, strict=True)
    looks = {str(unit): briefing.look(str(unit)) for unit in plan.units.index}
    legends = {
        "Attention per metre, of the mean": [
            Line2D([], [], color=colour, linewidth=width, label=label) for colour, width, label in attention
        ],
        "Units": [
            Line2D([], [], color=colour, linewidth=2, linestyle="--" if dashes else "-", label=unit)
            for unit, (colour, dashes) in looks.items()
        ],
        "Stops": [Line2D([], [], color=stops[name], label=name, **dot) for name in ("required", "as time allows")],
    }
    write_words(words, lines, legends=legends, sources=sources(site))
