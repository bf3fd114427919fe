"""The timeline of a shift as SVG: a row for each unit, time from left to right, what it does in between."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from sightgrid.report.patrol.briefing import Briefing

LABEL_W, PLOT_W, RIGHT_W = 150.0, 1360.0, 30.0
TOP_H, ROW_H, BAR_H, FOOT_H = 62.0, 46.0, 22.0, 54.0
LEAST_LABEL = 9.0  # a narrower visit is told by its place in the row alone
HOUR_S = 3600.0
MANY_HOURS = 14

VISIT, OPTIONAL, PATROL, PAUSE, MOVE = "#1b4f72", "#a86400", "#bcd9ea", "#ffffff", "#8a9299"
_INK, _QUIET, _GRID = "#1a1a1a", "#555d66", "#dfe3e6"

_HATCH = (
    '<defs><pattern id="pause" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    f'<rect width="6" height="6" fill="{PAUSE}"/><path d="M0 0V6" stroke="{MOVE}" stroke-width="2"/>'
    "</pattern></defs>"
)


def draw_timeline(briefing: Briefing) -> str:
    """Draw who does what when.

    Parameters
    ----------
    briefing : Briefing
        The shift.

    Returns
    -------
    str
        A whole SVG document: visits with the numbers of their stops (required ones dark, others light), patrols,
        breaks, and a thin line where a unit is on its way.
    """
    plan = briefing.plan
    begin, end = plan.units["start_at"].min(), max(plan.units["end_at"].max(), plan.visits["leave_at"].max())
    span_s = (end - begin).total_seconds()
    width = LABEL_W + PLOT_W + RIGHT_W
    height = TOP_H + ROW_H * len(plan.units) + FOOT_H

    def place(moment: Any) -> float:
        return LABEL_W + PLOT_W * (moment - begin).total_seconds() / span_s

    first, last = plan.units["start_at"].min(), plan.units["end_at"].max()
    size = f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="system-ui, sans-serif">',
        _HATCH,
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="#fff"/>',
        _text(14, 26, f"{_name(briefing)}: {briefing.period(first, last)}", size=18, weight=700),
        _draw_hours(briefing, begin, end, place, height),
    ]
    for row, unit_id in enumerate(plan.units.index):
        parts.append(_draw_unit(briefing, str(unit_id), TOP_H + ROW_H * row, place))
    parts += [_draw_legend(height - 20.0), "</svg>"]
    return "".join(parts)


def _draw_hours(briefing: Briefing, begin: Any, end: Any, place: Any, height: float) -> str:
    """A line for each full hour of the clock; every second one in a long time."""
    hours = pd.date_range(
        begin.tz_convert(briefing.clock).ceil("h", ambiguous=True, nonexistent="shift_forward"),
        end.tz_convert(briefing.clock),
        freq="h",
    )
    foot = height - FOOT_H
    return "".join(
        f'<path d="M{place(hour):.1f} {TOP_H - 6:g}V{foot:g}" stroke="{_GRID}" stroke-width="1"/>'
        + _text(place(hour), TOP_H - 11, f"{hour:%H:%M}", size=12, anchor="middle", colour=_QUIET)
        for hour in hours[:: 2 if len(hours) > MANY_HOURS else 1]
    )


def _draw_unit(briefing: Briefing, unit_id: str, top: float, place: Any) -> str:
    plan = briefing.plan
    unit: Any = plan.units.loc[unit_id]
    colour, _ = briefing.look(unit_id)
    middle, bar = top + ROW_H / 2.0, top + (ROW_H - BAR_H) / 2.0
    kind = ", ".join(text for text in (str(unit["kind"]), str(unit["crew"])) if text)
    parts = [
        f'<rect x="8" y="{bar:g}" width="5" height="{BAR_H:g}" fill="{colour}"/>',
        _text(20, middle - 1, unit_id, size=14, weight=700),
        _text(20, middle + 13, kind, size=11, colour=_QUIET),
    ]
    rows = plan.visits[plan.visits["unit_id"] == unit_id]
    if len(rows):
        a, b = place(rows["arrive_at"].min()), place(rows["leave_at"].max())
        parts.append(f'<path d="M{a:.1f} {middle:g}H{b:.1f}" stroke="{MOVE}" stroke-width="2"/>')
    # patrols at the bottom, so that what is fixed is never hidden
    for what in ("street", "break", "visit"):
        stays = rows[rows["what"] == what].to_dict("records")
        parts += [_draw_stay(briefing, row, place, bar) for row in stays]
    parts += [
        f'<path d="M{place(moment):.1f} {bar - 5:g}v{BAR_H + 10:g}" stroke="{_INK}" stroke-width="2"/>'
        for moment in (unit["start_at"], unit["end_at"])
    ]
    return "".join(parts)


def _draw_stay(briefing: Briefing, row: dict[Any, Any], place: Any, top: float) -> str:
    x, until = place(row["arrive_at"]), place(row["leave_at"])
    wide = max(until - x, 1.0)
    required = row["what"] == "visit" and bool(briefing.plan.stops["required"][row["stop_id"]])
    fill = {"street": PATROL, "break": "url(#pause)", "visit": VISIT if required else OPTIONAL}[row["what"]]
    edge = f' stroke="{MOVE}" stroke-width="1"' if row["what"] == "break" else ""
    when = f"{briefing.time(row['arrive_at'])} to {briefing.time(row['leave_at'])}"
    what = {"street": "patrol", "break": "break"}.get(row["what"])
    number = "" if what else str(briefing.numbers[row["stop_id"]])
    title = what or f"{number} {briefing.titles[row['stop_id']]}"
    box = f'<rect x="{x:.1f}" y="{top:g}" width="{wide:.1f}" height="{BAR_H:g}" fill="{fill}"{edge}/>'
    label = ""
    if number and wide >= LEAST_LABEL:
        label = _text(x + wide / 2.0, top + 15.5, number, size=11, weight=700, anchor="middle", colour="#fff")
    elif number:
        label = _text(x + wide / 2.0, top - 2.0, number, size=9, anchor="middle")
    return f"<g><title>{escape(f'{when}: {title}')}</title>{box}{label}</g>"


def _draw_legend(y: float) -> str:
    keys = (
        (VISIT, "visit to a required stop, with its number"),
        (OPTIONAL, "visit as time allows"),
        (PATROL, "patrol of the streets"),
        ("url(#pause)", "break"),
        (MOVE, "on the way"),
    )
    x, parts = LABEL_W, []
    for fill, label in keys:
        tall = 3.0 if fill == MOVE else 14.0
        parts.append(
            f'<rect x="{x:g}" y="{y - 4 - tall / 2:g}" width="22" height="{tall:g}" fill="{fill}" stroke="{MOVE}"/>'
        )
        parts.append(_text(x + 29, y, label, size=12))
        x += 60.0 + 6.9 * len(label)
    parts.append(_text(x, y, "| start and end of the shift", size=12))
    return "".join(parts)


def _text(
    x: float, y: float, words: str, *, size: int, weight: int = 400, anchor: str = "start", colour: str = _INK
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}" '
        f'fill="{colour}">{escape(words)}</text>'
    )


def _name(briefing: Briefing) -> str:
    name = briefing.site.name
    return f"Patrol of {name[:1].upper() + name[1:]}"
