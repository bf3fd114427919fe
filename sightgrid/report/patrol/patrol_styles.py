"""Colours and QGIS styles of patrols: who drives where, what is visited, where attention is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sightgrid.report.qml import (
    categorise,
    dot_symbol,
    draw_renderer,
    draw_symbol,
    graduate,
    line_symbol,
    tell_rgba,
    write_document,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from xml.etree import ElementTree as ET

    import pandas as pd

# attention per metre of street, as multiples of the site's mean
ATTENTION_BREAKS = (0.0, 0.25, 0.75, 1.25, 2.0, float("inf"))
# a highlighter under the routes: none of their hues
ATTENTION_COLOURS = ("#f3efe0", "#fdeeb0", "#fbe074", "#f2c22e", "#d69a00")
ATTENTION_LABELS = ("below a quarter", "0.25 to 0.75", "0.75 to 1.25", "1.25 to 2", "over 2")
ATTENTION_WIDTHS_MM = (0.4, 0.7, 1.0, 1.4, 1.8)

STOP_COLOURS = {"required": "#1b4f72", "as time allows": "#a86400", "visits left out": "#b3123b"}
ROW_COLOURS = {"start": "#1a1a1a", "visit": "#1b4f72", "street": "#bcd9ea", "break": "#ffffff", "end": "#8a9299"}
ROW_LABELS = {"start": "start", "visit": "visit", "street": "patrol begins", "break": "break", "end": "end"}


def attention_class(multiple: float) -> int:
    """Return the class of attention per metre, given as a multiple of the mean."""
    return next(i for i, upper in enumerate(ATTENTION_BREAKS[1:]) if multiple <= upper or upper == ATTENTION_BREAKS[-1])


def attention_style() -> str:
    """Return the QML of attention: lines, darker and wider where more is wanted per metre."""
    looks = zip(ATTENTION_COLOURS, ATTENTION_WIDTHS_MM, strict=True)
    symbols = [line_symbol(colour, width_mm=width) for colour, width in looks]
    return graduate("attention_level", symbols, breaks=ATTENTION_BREAKS, labels=ATTENTION_LABELS)


def unit_style(looks: Mapping[str, tuple[str, str]], *, width_mm: float = 0.8) -> str:
    """Return the QML of what units drive: lines by unit, dashed where colours come again."""
    return categorise(
        "unit_id", [(unit, unit) for unit in looks], [_dashed(*look, width_mm) for look in looks.values()]
    )


def beat_style(looks: Mapping[str, tuple[str, str]], units: pd.Series[str]) -> str:
    """Return the QML of beats: lines in the colour of their unit; `units` by beat."""
    values = [(str(beat), f"{beat} ({unit})" if unit else str(beat)) for beat, unit in units.items()]
    return categorise("beat_id", values, [_dashed(*looks.get(unit, ("#8a9299", "")), 1.0) for unit in units])


def stop_style() -> str:
    """Return the QML of the stops: dots by whether they are required, and all their visits planned."""
    return categorise(
        "status", [(each, each) for each in STOP_COLOURS], [dot_symbol(c, size_mm=3.6) for c in STOP_COLOURS.values()]
    )


def row_style() -> str:
    """Return the QML of the plan's rows: dots by what happens."""
    return categorise("what", list(ROW_LABELS.items()), [dot_symbol(colour) for colour in ROW_COLOURS.values()])


def shortfall_style(reasons: list[str]) -> str:
    """Return the QML of what is left out: dots, by reason in the legend."""
    dots = [dot_symbol(STOP_COLOURS["visits left out"], size_mm=4.2) for _ in reasons]
    return categorise("reason", [(each, each) for each in reasons], dots)


def depot_style() -> str:
    """Return the QML of the depots: squares."""
    options = {
        "name": "square",
        "color": tell_rgba("#1a1a1a"),
        "outline_color": tell_rgba("#ffffff"),
        "size": "3.4",
        "size_unit": "MM",
    }
    renderer = draw_renderer("singleSymbol", "")
    return write_document(renderer, [draw_symbol("marker", "SimpleMarker", options)])


def _dashed(colour: str, dashes: str, width_mm: float) -> ET.Element:
    if not dashes:
        return line_symbol(colour, width_mm=width_mm)
    options = {
        "line_color": tell_rgba(colour),
        "line_style": "solid",
        "line_width": f"{width_mm}",
        "line_width_unit": "MM",
        "use_custom_dash": "1",
        "customdash": ";".join(f"{float(part) * width_mm / 2:g}" for part in dashes.split()),
        "customdash_unit": "MM",
    }
    return draw_symbol("line", "SimpleLine", options)
