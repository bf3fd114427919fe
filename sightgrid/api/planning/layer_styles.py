"""How QGIS draws the layers of a site: the colours of our own maps."""

from __future__ import annotations

from sightgrid.report.qml import categorise, dot_symbol, draw_renderer, fill_symbol, line_symbol, write_document
from sightgrid.report.styles import CLOSED_COLOUR, STATUS_COLOURS

ZONE_COLOURS = {
    "study": "#5b6670", "private": "#cc79a7", "forbidden": "#d55e00", "consent": "#e69f00", "observable": "#009e73",
}  # fmt: skip
SYMBOLS = {
    "cameras": dot_symbol(STATUS_COLOURS["measured"]),
    "obstacles": fill_symbol("#d9dbde", opacity=1.0, line="#b9bcc0", line_mm=0.1),
    "streets": line_symbol("#8a9299", width_mm=0.4),
    "water": fill_symbol("#cfdde6", opacity=1.0, line="#9fb8c6", line_mm=0.1),
    "places": dot_symbol("#009e73", size_mm=3.0),
    "posts": dot_symbol("#8c8c8c", size_mm=1.2, line_mm=0.1),
    "grid": fill_symbol(CLOSED_COLOUR, opacity=0.2, line="#5b6670", line_mm=0.2),
    "incidents": dot_symbol("#b3123b", size_mm=2.0),
}


def draw_style(layer: str) -> str:
    """Return the QML of a layer of a site."""
    if layer != "zones":
        return write_document(draw_renderer("singleSymbol", ""), [SYMBOLS[layer]])
    fills = [fill_symbol(colour, opacity=0.2, line=colour, line_mm=0.4) for colour in ZONE_COLOURS.values()]
    return categorise("rule", [(rule, rule) for rule in ZONE_COLOURS], fills)
