"""A card for each unit, to be printed on A4: shift, map, timetable, and on the next pages the way in words."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from sightgrid.report.patrol.briefing import describe_row
from sightgrid.report.patrol.route_sketch import draw_route
from sightgrid.report.patrol.turns import list_turns
from sightgrid.report.words import metres, number, sources

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from sightgrid.report.patrol.briefing import Briefing

KILOMETRE_M = 1000.0
SHORTEST_M = 5.0  # a step below it is told without its metres

_MODES = {"foot": "on foot", "bicycle": "by bicycle", "car": "by car"}
_MARKS = {
    "straight on": "&uarr;", "left": "&larr;", "right": "&rarr;", "turn round": "&#8630;",
}  # fmt: skip
_STYLE = """
@page { size: A4; margin: 12mm; }
* { box-sizing: border-box; }
body { font: 10.5pt/1.35 "DejaVu Sans", system-ui, sans-serif; color: #1a1a1a; max-width: 186mm; margin: 8mm auto; }
header { border-bottom: 2.5pt solid var(--unit); padding-bottom: 2mm; margin-bottom: 3mm;
  display: flex; justify-content: space-between; align-items: flex-end; gap: 6mm; }
h1 { font-size: 22pt; line-height: 1; margin: 0 0 1.5mm; }
header p { margin: 0; } .right { text-align: right; } .quiet { color: #555d66; }
.beside { display: flex; gap: 4mm; align-items: flex-start; }
.sketch { flex: none; max-width: 100%; } .beside th:nth-child(3), .beside .num { padding-right: 1mm; }
.sketch svg { display: block; width: 100%; border: 0.5pt solid #9aa1a8; }
.legend { font-size: 8.5pt; color: #555d66; margin: 0.6mm 0 1.5mm; }
table { border-collapse: collapse; width: 100%; font-size: 9pt; line-height: 1.25; }
th { text-align: left; font-weight: 600; border-bottom: 1pt solid #1a1a1a; padding: 0.6mm 2mm 0.6mm 0; }
td { border-bottom: 0.4pt solid #c9ced3; padding: 0.35mm 2mm 0.35mm 0; vertical-align: top; }
td.time { white-space: nowrap; font-variant-numeric: tabular-nums; } td.num { text-align: right; white-space: nowrap; }
tr.visit td { font-weight: 600; } tr.street td, tr.start td, tr.end td { color: #555d66; }
tr.break td { background: #f1f1ee; }
td.tick { width: 8mm; } td.tick i { display: block; width: 3.2mm; height: 3.2mm; border: 0.8pt solid #1a1a1a; }
tr { break-inside: avoid; }
.no { display: inline-block; min-width: 5.4mm; padding: 0 1mm; border: 0.9pt solid #1a1a1a; border-radius: 3mm;
  text-align: center; font-size: 8pt; line-height: 3.7mm; }
.way { break-before: page; } h2 { font-size: 13pt; margin: 0 0 1mm; }
.steps { columns: 2; column-gap: 8mm; font-size: 8.2pt; line-height: 1.38; }
.steps h3 { font-size: 9pt; margin: 2.2mm 0 0.4mm; break-after: avoid; border-bottom: 0.5pt solid #9aa1a8; }
.steps p { margin: 0; } .steps b { font-weight: 600; }
.steps i { font-style: normal; color: #555d66; white-space: nowrap; }
footer { margin-top: 1.5mm; font-size: 8pt; color: #555d66; }
@media screen { .way { margin-top: 10mm; } }
@media print { body { margin: 0 auto; } }
"""


def draw_card(briefing: Briefing, unit_id: str) -> str:
    """Write the card of one unit: one self-contained HTML page that prints on A4.

    Parameters
    ----------
    briefing : Briefing
        The shift.
    unit_id : str
        One of the plan's units.

    Returns
    -------
    str
        The page.
    """
    plan = briefing.plan
    rows = plan.visits[plan.visits["unit_id"] == unit_id]
    turns, sketch = list_turns(plan, unit_id), draw_route(briefing, unit_id)
    colour, _ = briefing.look(unit_id)
    data = f"Data {', '.join(sources(briefing.site))}. " if sources(briefing.site) else ""
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(unit_id)}: {escape(_shift(briefing, unit_id))}</title>"
        f"<style>{_STYLE}</style></head>"
        f'<body style="--unit:{colour}">{_head(briefing, unit_id)}'
        f'<div class="{"beside" if sketch.tall else "below"}">'
        f'<div class="sketch" style="width:{sketch.width_mm:.0f}mm">{sketch.svg}'
        '<p class="legend">D: depot. Circles: stops, by their numbers. '
        "Coloured: the streets of this card, the wider the more often they are passed.</p></div>"
        f"{_timetable(briefing, rows)}</div>"
        f"<footer>{data}Times are planned, at the speeds given for the units; turns are free in them.</footer>"
        f'<section class="way"><h2>{escape(unit_id)}: the way</h2>'
        '<p class="legend">&uarr; straight on, &larr; left, &rarr; right, &#8630; turn round. '
        "A street is one step as long as you stay on it.</p>"
        f'<div class="steps">{_steps(briefing, rows, turns)}</div></section>'
        "</body></html>\n"
    )


def _shift(briefing: Briefing, unit_id: str) -> str:
    unit: Any = briefing.plan.units.loc[unit_id]
    return briefing.period(unit["start_at"], unit["end_at"])


def _head(briefing: Briefing, unit_id: str) -> str:
    plan = briefing.plan
    unit: Any = plan.units.loc[unit_id]
    route: Any = plan.routes[plan.routes["unit_id"] == unit_id].iloc[0]
    speed = f"up to {number(unit['speed_kph'])} km/h" if unit["mode"] == "car" else f"{number(unit['speed_kph'])} km/h"
    kind = [] if unit["kind"] == unit["mode"] else [str(unit["kind"])]
    what = ", ".join([*kind, *([str(unit["crew"])] if unit["crew"] else []), _MODES[unit["mode"]], speed])
    over_s = (route["start_at"] - unit["end_at"]).total_seconds() + float(route["duration_s"])
    over = f"<p>overtime: {over_s / 60.0:.0f} min</p>" if over_s >= 30.0 else ""  # noqa: PLR2004  (half a minute)
    beats = briefing.beats
    own = [] if beats is None else [str(b) for b, u in beats.beats["unit_id"].items() if u == unit_id]
    beat = f"<p>{escape(', '.join(own))}</p>" if own else ""
    visits = "1 visit" if route["stops"] == 1 else f"{route['stops']} visits"
    return (
        f"<header><div><h1>{escape(unit_id)}</h1><p>{escape(what)}</p>"
        f'<p class="quiet">{escape(briefing.site.name)}</p></div>'
        f'<div class="right"><p><b>{escape(_shift(briefing, unit_id))}</b></p>'
        f"<p>{visits}, {route['distance_m'] / KILOMETRE_M:,.1f} km</p>{over}{beat}</div></header>"
    )


def _timetable(briefing: Briefing, rows: pd.DataFrame) -> str:
    lines = []
    for row in rows.to_dict("records"):
        minutes = f"{row['dwell_s'] / 60.0:.0f} min" if row["what"] in {"visit", "break", "street"} else ""
        until = briefing.time(row["leave_at"]) if minutes else ""
        visit = row["what"] == "visit"
        label = f'<span class="no">{briefing.numbers[row["stop_id"]]}</span>' if visit else ""
        lines.append(
            f'<tr class="{row["what"]}"><td class="time">{briefing.time(row["arrive_at"])}</td>'
            f'<td class="time">{until}</td><td class="num">{minutes}</td><td>{label}</td>'
            f"<td>{escape(describe_row(briefing, row))}{' (locked)' if row['locked'] else ''}</td>"
            f'<td class="tick">{"<i></i>" if visit else ""}</td></tr>'
        )
    head = "<tr><th>from</th><th>to</th><th></th><th>no.</th><th>what</th><th>done</th></tr>"
    return f"<table><thead>{head}</thead><tbody>{''.join(lines)}</tbody></table>"


def _steps(briefing: Briefing, rows: pd.DataFrame, turns: gpd.GeoDataFrame) -> str:
    """The steps, under a heading for each row of the timetable they follow."""
    records = rows.to_dict("index")
    labels = list(records)
    parts = []
    for label, steps in turns.groupby("row", sort=True):
        row = records[label]
        after = [records[each] for each in labels[labels.index(label) + 1 :]]
        heading = f"{briefing.time(steps['start_at'].iloc[0])} {_heading(briefing, row, after)}"
        parts.append(f"<h3>{escape(heading)}</h3>")
        words = [
            f"{_mark(turn)}&nbsp;<b>{escape(str(street))}</b>{_length(length)}"
            for turn, street, length in zip(steps["turn"], steps["street"], steps["length_m"], strict=True)
        ]
        parts.append(f"<p>{' &middot; '.join(words)}</p>")
    return "".join(parts)


def _heading(briefing: Briefing, row: dict[Any, Any], after: list[dict[Any, Any]]) -> str:
    """Where the steps lead: to the next stop, the break, or home."""
    goal = next((each for each in after if each["what"] != "street"), None)
    if goal is None:
        return "on the way"
    where = {"break": "to the break", "end": "to the depot"}.get(goal["what"]) or (
        f"to {briefing.numbers[goal['stop_id']]} {briefing.titles[goal['stop_id']]}"
    )
    begun = "patrol, then " if row["what"] == "street" else ""
    return f"{begun}{where} ({briefing.time(goal['arrive_at'])})"


def _mark(turn: str) -> str:
    return _MARKS.get(turn, f"<i>{escape(turn)}</i>")


def _length(length_m: float) -> str:
    return f" <i>{metres(max(round(length_m, -1), 10.0))}</i>" if length_m >= SHORTEST_M else ""
