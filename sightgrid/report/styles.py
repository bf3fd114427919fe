"""Colours and QGIS styles: one palette for the map, the GeoPackage and the figures.

All colours stay apart for colour-blind readers: sequences run from light to dark, categories differ in lightness too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sightgrid.report.qml import categorise, dot_symbol, fill_symbol, graduate, line_symbol

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
    symbols = [fill_symbol(colour, opacity=0.7, line="#ffffff", line_mm=0.1) for colour in RATE_COLOURS]
    return graduate(column, symbols, breaks=RATE_BREAKS, labels=RATE_LABELS)


def street_style() -> str:
    """Return the QML of the streets: lines by the share of their length that is seen, five classes."""
    symbols = [line_symbol(colour, width_mm=0.7) for colour in LINE_COLOURS]
    return graduate("rate", symbols, breaks=RATE_BREAKS, labels=RATE_LABELS)


def seen_area_style(models: Sequence[str]) -> str:
    """Return the QML of the seen areas: translucent, by the model that gave them."""
    colours = [_OTHER_COLOURS[i % len(_OTHER_COLOURS)] for i in range(len(models))]
    symbols = [fill_symbol(colour, opacity=0.3, line=colour, line_mm=0.2) for colour in colours]
    return categorise("model", [(model, model) for model in models], symbols)


def blind_spot_style() -> str:
    """Return the QML of the blind spots: filled by cause."""
    symbols = [fill_symbol(colour, opacity=0.5, line=colour, line_mm=0.3) for colour in CAUSE_COLOURS.values()]
    return categorise("cause", [(cause, cause) for cause in CAUSE_COLOURS], symbols)


def camera_style() -> str:
    """Return the QML of the cameras: dots by status (measured, moved, not measured)."""
    symbols = [dot_symbol(colour) for colour in STATUS_COLOURS.values()]
    return categorise("status", list(STATUS_LABELS.items()), symbols)


def new_camera_style(phases: Sequence[int]) -> str:
    """Return the QML of planned cameras: dots, the darker the earlier they are built."""
    dark = density_colours(len(phases))[::-1]
    values = [(str(phase), f"phase {phase}") for phase in phases]
    return categorise("phase", values, [dot_symbol(colour, size_mm=3.6) for colour in dark])


def changed_camera_style() -> str:
    """Return the QML of the cameras that a plan turns or takes down."""
    symbols = [dot_symbol(colour, size_mm=3.0) for colour in CAMERA_CHANGE_COLOURS.values()]
    return categorise("change", [(change, change) for change in CAMERA_CHANGE_COLOURS], symbols)


def demand_style() -> str:
    """Return the QML of the demand points: small dots by what a plan changes for them."""
    symbols = [dot_symbol(colour, size_mm=1.0, line_mm=0.0) for colour in CHANGE_COLOURS.values()]
    return categorise("change", [(change, change) for change in CHANGE_COLOURS], symbols)
