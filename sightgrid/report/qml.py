"""QGIS layer styles (QML), element by element."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Sequence

_DOCTYPE = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
_CASING = "#1a1a1a"
_UPPERMOST = 1e9  # QGIS wants a number as the upper limit of a class


def graduate(column: str, symbols: Sequence[ET.Element], *, breaks: Sequence[float], labels: Sequence[str]) -> str:
    """Return the QML of a layer in classes of a number, one symbol for each class."""
    renderer = draw_renderer("graduatedSymbol", column)
    renderer.set("graduatedMethod", "GraduatedColor")
    ranges = ET.SubElement(renderer, "ranges")
    for i, label in enumerate(labels):
        limits = {"lower": f"{breaks[i]:.15g}", "upper": f"{min(breaks[i + 1], _UPPERMOST):.15g}"}
        ET.SubElement(ranges, "range", {**limits, "symbol": str(i), "label": label, "render": "true"})
    return write_document(renderer, symbols)


def categorise(column: str, values: Sequence[tuple[str, str]], symbols: Sequence[ET.Element]) -> str:
    """Return the QML of a layer with one symbol for each value of a column."""
    renderer = draw_renderer("categorizedSymbol", column)
    categories = ET.SubElement(renderer, "categories")
    for i, (value, label) in enumerate(values):
        what = {"type": "string", "value": value, "symbol": str(i), "label": label, "render": "true"}
        ET.SubElement(categories, "category", what)
    return write_document(renderer, symbols)


def draw_renderer(kind: str, column: str) -> ET.Element:
    """Return what tells QGIS by which column a layer is drawn."""
    return ET.Element("renderer-v2", {"type": kind, "attr": column, "symbollevels": "0", "forceraster": "0"})


def write_document(renderer: ET.Element, symbols: Sequence[ET.Element]) -> str:
    """Return the whole QML."""
    root = ET.Element("qgis", {"version": "3.22.0", "styleCategories": "Symbology"})
    root.append(renderer)
    parent = ET.SubElement(renderer, "symbols")
    for i, symbol in enumerate(symbols):
        symbol.set("name", str(i))
        parent.append(symbol)
    return _DOCTYPE + ET.tostring(root, encoding="unicode")


def fill_symbol(colour: str, *, opacity: float, line: str, line_mm: float) -> ET.Element:
    """Return how an area is filled."""
    options = {
        "color": tell_rgba(colour, opacity),
        "style": "solid",
        "outline_color": tell_rgba(line),
        "outline_style": "solid",
        "outline_width": f"{line_mm}",
        "outline_width_unit": "MM",
    }
    return draw_symbol("fill", "SimpleFill", options)


def line_symbol(colour: str, *, width_mm: float) -> ET.Element:
    """Return how a line is drawn."""
    options = {
        "line_color": tell_rgba(colour),
        "line_style": "solid",
        "line_width": f"{width_mm}",
        "line_width_unit": "MM",
    }
    return draw_symbol("line", "SimpleLine", options)


def dot_symbol(colour: str, *, size_mm: float = 2.4, line_mm: float = 0.3) -> ET.Element:
    """Return how a point is drawn."""
    options = {
        "name": "circle",
        "color": tell_rgba(colour),
        "outline_color": tell_rgba(_CASING),
        "outline_style": "solid" if line_mm else "no",
        "outline_width": f"{line_mm}",
        "outline_width_unit": "MM",
        "size": f"{size_mm}",
        "size_unit": "MM",
    }
    return draw_symbol("marker", "SimpleMarker", options)


def draw_symbol(kind: str, layer: str, options: dict[str, str]) -> ET.Element:
    """Return a symbol of one layer."""
    symbol = ET.Element("symbol", {"type": kind, "alpha": "1", "clip_to_extent": "1", "force_rhr": "0"})
    body = ET.SubElement(symbol, "layer", {"class": layer, "enabled": "1", "locked": "0", "pass": "0"})
    option_map = ET.SubElement(body, "Option", {"type": "Map"})
    for name, value in options.items():
        ET.SubElement(option_map, "Option", {"name": name, "type": "QString", "value": value})
    return symbol


def tell_rgba(colour: str, opacity: float = 1.0) -> str:
    """Return a colour as QGIS writes it."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"{red},{green},{blue},{round(255 * opacity)}"
