"""Colours and QGIS styles: one palette for the map, the GeoPackage and the figures.

All colours stay apart for colour-blind readers: sequences run from light to dark, categories differ in lightness too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Sequence

RATE_BREAKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
RATE_COLOURS = ("#ffffcc", "#a1dab4", "#41b6c4", "#2c7fb8", "#253494")
LINE_COLOURS = ("#a6a6a6", "#7fc6b0", *RATE_COLOURS[2:])  # pale lines would be lost on white
RATE_LABELS = ("0 to 20 %", "20 to 40 %", "40 to 60 %", "60 to 80 %", "80 to 100 %")

_DENSITY_ANCHORS = ("#fdd49e", "#fdae61", "#ef7d30", "#d7481d", "#a3263f", "#6a176e", "#2d0b59")

CLOSED_COLOUR = "#eceded"
CAUSE_COLOURS = {"no camera": "#3f3f3f", "out of range": "#8c8c8c", "occluded": "#b5478f", "camera down": "#e08214"}
STATUS_COLOURS = {"measured": "#0b5cad", "moved": "#e69f00", "not measured": "#ffffff"}
STATUS_LABELS = {
    "measured": "measured where it stands",
    "moved": "moved off a building's wall",
    "not measured": "not measured",
}
CHANGE_COLOURS = {"seen before": "#56b4e9", "seen with the plan": "#d55e00", "not seen": "#8c8c8c"}
CAMERA_CHANGE_COLOURS = {"turned": "#009e73", "removed": "#ffffff"}
_OTHER_COLOURS = ("#d55e00", "#e69f00", "#cc79a7", "#009e73", "#56b4e9", "#0072b2")

_DOCTYPE = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
_CASING = "#1a1a1a"


def density_colours(count: int) -> tuple[str, ...]:
    """Return `count` colours from light (few pixels per metre) to dark (many)."""
    last = len(_DENSITY_ANCHORS) - 1
    steps = [round(i * last / max(count - 1, 1)) for i in range(count)]
    return tuple(_DENSITY_ANCHORS[step] for step in steps)


def rate_class(rate: float) -> int | None:
    """Return the class of a rate (0..1) among `RATE_COLOURS`; None where there is no rate.

    A rate on a break belongs to the class below, as in QGIS.
    """
    if not rate >= 0:  # also NaN
        return None
    return next(i for i, upper in enumerate(RATE_BREAKS[1:]) if rate <= upper or upper == RATE_BREAKS[-1])


def grid_style(column: str = "rate") -> str:
    """Return the QML of the grid: filled by a coverage rate, five classes."""
    symbols = [_fill(colour, opacity=0.7, line="#ffffff", line_mm=0.1) for colour in RATE_COLOURS]
    return _graduated(column, symbols)


def street_style() -> str:
    """Return the QML of the streets: lines by the share of their length that is seen, five classes."""
    return _graduated("rate", [_line(colour, width_mm=0.7) for colour in LINE_COLOURS])


def seen_area_style(models: Sequence[str]) -> str:
    """Return the QML of the seen areas: translucent, by the model that gave them."""
    colours = [_OTHER_COLOURS[i % len(_OTHER_COLOURS)] for i in range(len(models))]
    symbols = [_fill(colour, opacity=0.3, line=colour, line_mm=0.2) for colour in colours]
    return _categorised("model", [(model, model) for model in models], symbols)


def blind_spot_style() -> str:
    """Return the QML of the blind spots: filled by cause."""
    symbols = [_fill(colour, opacity=0.5, line=colour, line_mm=0.3) for colour in CAUSE_COLOURS.values()]
    return _categorised("cause", [(cause, cause) for cause in CAUSE_COLOURS], symbols)


def camera_style() -> str:
    """Return the QML of the cameras: dots by status (measured, moved, not measured)."""
    symbols = [_dot(colour) for colour in STATUS_COLOURS.values()]
    return _categorised("status", list(STATUS_LABELS.items()), symbols)


def new_camera_style(phases: Sequence[int]) -> str:
    """Return the QML of planned cameras: dots, the darker the earlier they are built."""
    dark = density_colours(len(phases))[::-1]
    values = [(str(phase), f"phase {phase}") for phase in phases]
    return _categorised("phase", values, [_dot(colour, size_mm=3.6) for colour in dark])


def changed_camera_style() -> str:
    """Return the QML of the cameras that a plan turns or takes down."""
    symbols = [_dot(colour, size_mm=3.0) for colour in CAMERA_CHANGE_COLOURS.values()]
    return _categorised("change", [(change, change) for change in CAMERA_CHANGE_COLOURS], symbols)


def demand_style() -> str:
    """Return the QML of the demand points: small dots by what a plan changes for them."""
    symbols = [_dot(colour, size_mm=1.0, line_mm=0.0) for colour in CHANGE_COLOURS.values()]
    return _categorised("change", [(change, change) for change in CHANGE_COLOURS], symbols)


# ---------------------------------------------------------------------------------------------------- QML elements


def _graduated(column: str, symbols: Sequence[ET.Element]) -> str:
    renderer = _renderer("graduatedSymbol", column)
    renderer.set("graduatedMethod", "GraduatedColor")
    ranges = ET.SubElement(renderer, "ranges")
    for i, label in enumerate(RATE_LABELS):
        limits = {"lower": f"{RATE_BREAKS[i]:.15g}", "upper": f"{RATE_BREAKS[i + 1]:.15g}"}
        ET.SubElement(ranges, "range", {**limits, "symbol": str(i), "label": label, "render": "true"})
    return _document(renderer, symbols)


def _categorised(column: str, values: Sequence[tuple[str, str]], symbols: Sequence[ET.Element]) -> str:
    renderer = _renderer("categorizedSymbol", column)
    categories = ET.SubElement(renderer, "categories")
    for i, (value, label) in enumerate(values):
        what = {"type": "string", "value": value, "symbol": str(i), "label": label, "render": "true"}
        ET.SubElement(categories, "category", what)
    return _document(renderer, symbols)


def _renderer(kind: str, column: str) -> ET.Element:
    return ET.Element("renderer-v2", {"type": kind, "attr": column, "symbollevels": "0", "forceraster": "0"})


def _document(renderer: ET.Element, symbols: Sequence[ET.Element]) -> str:
    root = ET.Element("qgis", {"version": "3.22.0", "styleCategories": "Symbology"})
    root.append(renderer)
    parent = ET.SubElement(renderer, "symbols")
    for i, symbol in enumerate(symbols):
        symbol.set("name", str(i))
        parent.append(symbol)
    return _DOCTYPE + ET.tostring(root, encoding="unicode")


def _fill(colour: str, *, opacity: float, line: str, line_mm: float) -> ET.Element:
    options = {
        "color": _rgba(colour, opacity),
        "style": "solid",
        "outline_color": _rgba(line),
        "outline_style": "solid",
        "outline_width": f"{line_mm}",
        "outline_width_unit": "MM",
    }
    return _symbol("fill", "SimpleFill", options)


def _line(colour: str, *, width_mm: float) -> ET.Element:
    options = {"line_color": _rgba(colour), "line_style": "solid", "line_width": f"{width_mm}", "line_width_unit": "MM"}
    return _symbol("line", "SimpleLine", options)


def _dot(colour: str, *, size_mm: float = 2.4, line_mm: float = 0.3) -> ET.Element:
    options = {
        "name": "circle",
        "color": _rgba(colour),
        "outline_color": _rgba(_CASING),
        "outline_style": "solid" if line_mm else "no",
        "outline_width": f"{line_mm}",
        "outline_width_unit": "MM",
        "size": f"{size_mm}",
        "size_unit": "MM",
    }
    return _symbol("marker", "SimpleMarker", options)


def _symbol(kind: str, layer: str, options: dict[str, str]) -> ET.Element:
    symbol = ET.Element("symbol", {"type": kind, "alpha": "1", "clip_to_extent": "1", "force_rhr": "0"})
    body = ET.SubElement(symbol, "layer", {"class": layer, "enabled": "1", "locked": "0", "pass": "0"})
    option_map = ET.SubElement(body, "Option", {"type": "Map"})
    for name, value in options.items():
        ET.SubElement(option_map, "Option", {"name": name, "type": "QString", "value": value})
    return symbol


def _rgba(colour: str, opacity: float = 1.0) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"{red},{green},{blue},{round(255 * opacity)}"
