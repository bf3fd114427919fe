"""Colours and QGIS styles of patrols: who drives where, what is visited, where attention is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from sightgrid.report.styles import _categorised, _document, _dot, _line, _renderer, _rgba, _symbol

if TYPE_CHECKING:
    from collections.abc import Mapping

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

_UPPERMOST = 1e9  # QGIS wants a number as the upper limit of a class


def attention_class(multiple: float) -> int:
    """Return the class of attention per metre, given as a multiple of the mean."""
    return next(i for i, upper in enumerate(ATTENTION_BREAKS[1:]) if multiple <= upper or upper == ATTENTION_BREAKS[-1])


def attention_style() -> str:
    """Return the QML of attention: lines, darker and wider where more is wanted per metre."""
    renderer = _renderer("graduatedSymbol", "attention_level")
    renderer.set("graduatedMethod", "GraduatedColor")
    ranges = ET.SubElement(renderer, "ranges")
    for i, label in enumerate(ATTENTION_LABELS):
        upper = min(ATTENTION_BREAKS[i + 1], _UPPERMOST)
        limits = {"lower": f"{ATTENTION_BREAKS[i]:.15g}", "upper": f"{upper:.15g}"}
        ET.SubElement(ranges, "range", {**limits, "symbol": str(i), "label": label, "render": "true"})
    looks = zip(ATTENTION_COLOURS, ATTENTION_WIDTHS_MM, strict=True)
    return _document(renderer, [_line(colour, width_mm=width) for colour, width in looks])


def unit_style(looks: Mapping[str, tuple[str, str]], *, width_mm: float = 0.8) -> str:
    """Return the QML of what units drive: lines by unit, dashed where colours come again."""
    return _categorised(
        "unit_id", [(unit, unit) for unit in looks], [_dashed(*look, width_mm) for look in looks.values()]
    )


def beat_style(looks: Mapping[str, tuple[str, str]], units: pd.Series[str]) -> str:
    """Return the QML of beats: lines in the colour of their unit; `units` by beat."""
    values = [(str(beat), f"{beat} ({unit})" if unit else str(beat)) for beat, unit in units.items()]
    return _categorised("beat_id", values, [_dashed(*looks.get(unit, ("#8a9299", "")), 1.0) for unit in units])


def stop_style() -> str:
    """Return the QML of the stops: dots by whether they are required, and all their visits planned."""
    return _categorised(
        "status", [(each, each) for each in STOP_COLOURS], [_dot(c, size_mm=3.6) for c in STOP_COLOURS.values()]
    )


def row_style() -> str:
    """Return the QML of the plan's rows: dots by what happens."""
    return _categorised("what", list(ROW_LABELS.items()), [_dot(colour) for colour in ROW_COLOURS.values()])


def shortfall_style(reasons: list[str]) -> str:
    """Return the QML of what is left out: dots, by reason in the legend."""
    dots = [_dot(STOP_COLOURS["visits left out"], size_mm=4.2) for _ in reasons]
    return _categorised("reason", [(each, each) for each in reasons], dots)


def depot_style() -> str:
    """Return the QML of the depots: squares."""
    options = {
        "name": "square",
        "color": _rgba("#1a1a1a"),
        "outline_color": _rgba("#ffffff"),
        "size": "3.4",
        "size_unit": "MM",
    }
    renderer = _renderer("singleSymbol", "")
    return _document(renderer, [_symbol("marker", "SimpleMarker", options)])


def _dashed(colour: str, dashes: str, width_mm: float) -> ET.Element:
    if not dashes:
        return _line(colour, width_mm=width_mm)
    options = {
        "line_color": _rgba(colour),
        "line_style": "solid",
        "line_width": f"{width_mm}",
        "line_width_unit": "MM",
        "use_custom_dash": "1",
        "customdash": ";".join(f"{float(part) * width_mm / 2:g}" for part in dashes.split()),
        "customdash_unit": "MM",
    }
    return _symbol("line", "SimpleLine", options)
