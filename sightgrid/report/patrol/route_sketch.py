"""A sketch of one unit's route as SVG: still, light, and drawn without any network, so that it prints."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

if TYPE_CHECKING:
    from sightgrid.report.patrol.briefing import Briefing

CARD_MM = 186.0  # of the width of a card
WIDE, TALL = (1000.0, 440.0), (410.0, 1040.0)  # largest width and height, where a card is 1000 wide
MARGIN_M = 60.0
OFTEN = (1 / 3, 2 / 3)  # of the unit's most passes: streets driven more often are drawn wider
WIDTHS = (2.2, 4.2, 6.6)
RADIUS = 12.5
SCALE_SHARE = 0.3  # of the width, at most, for the scale bar

_LAND, _STREET, _WATER, _INK = "#ffffff", "#c9ced3", "#c3d9e6", "#1a1a1a"


class Sketch(NamedTuple):
    """An ``<svg>`` element, its width in millimetres, and whether it is to stand beside the timetable."""

    svg: str
    width_mm: float
    tall: bool


def draw_route(briefing: Briefing, unit_id: str) -> Sketch:
    """Draw the streets a unit drives, wider where it passes often, and its stops by their numbers.

    Parameters
    ----------
    briefing : Briefing
        The shift.
    unit_id : str
        One of the plan's units.

    Returns
    -------
    Sketch
        Over the whole card, or a part of it, whichever shows the streets larger.
    """
    site, plan = briefing.site, briefing.plan
    passes = briefing.passes[unit_id]
    passes = passes[passes > 0]
    streets = site.streets.geometry
    depot = plan.units.geometry[unit_id]
    made = plan.visits[(plan.visits["unit_id"] == unit_id) & (plan.visits["what"] == "visit")]
    served = plan.stops.geometry[made["stop_id"].unique()]
    shown = np.concatenate([streets[passes.index].to_numpy(), served.to_numpy(), np.array([depot], object)])
    west, south, east, north = shapely.total_bounds(shown)
    west, south, east, north = west - MARGIN_M, south - MARGIN_M, east + MARGIN_M, north + MARGIN_M
    scales = [min(width / (east - west), height / (north - south)) for width, height in (WIDE, TALL)]
    scale, tall = max(scales), scales[1] > scales[0]
    width = (TALL if tall else WIDE)[0]
    aside = (width / scale - (east - west)) / 2.0  # the drawing fills its width
    west, east = west - aside, east + aside
    height = (north - south) * scale
    frame = shapely.box(west, south, east, north)

    def place(xy: np.ndarray) -> np.ndarray:
        return np.round(np.column_stack([(xy[:, 0] - west) * scale, (north - xy[:, 1]) * scale]), 1)

    def path(lines: np.ndarray) -> str:
        lean = shapely.get_parts(shapely.simplify(lines, 1.0 / scale))
        return "".join(
            "M" + "L".join(f"{x:g} {y:g}" for x, y in place(shapely.get_coordinates(line)))
            for line in lean
            if not shapely.is_empty(line)
        )

    near = streets[streets.intersects(frame)].to_numpy()
    water = site.water.geometry[site.water.intersects(frame)].intersection(frame)
    rings = shapely.boundary(water[~water.is_empty].to_numpy()) if len(water) else np.empty(0, object)
    colour, _ = briefing.look(unit_id)
    size = f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="Route of {escape(unit_id)}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif">',
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="{_LAND}"/>',
        f'<path d="{path(rings)}" fill="{_WATER}" fill-rule="evenodd"/>',
        f'<path d="{path(near)}" fill="none" stroke="{_STREET}" stroke-width="1.2"/>',
        f'<g fill="none" stroke="{colour}" stroke-linecap="round" stroke-linejoin="round">',
    ]
    rank = np.searchsorted(OFTEN, passes.to_numpy() / passes.max()) if len(passes) else np.empty(0, int)
    for level, thick in enumerate(WIDTHS):
        chosen = streets[passes.index[rank == level]].to_numpy()
        if len(chosen):
            parts.append(f'<path d="{path(chosen)}" stroke-width="{thick}" stroke-opacity="0.8"/>')
    parts.append("</g>")
    spots = _spread(place(np.array([[depot.x, depot.y], *zip(served.x, served.y, strict=True)])))
    x, y = spots[0]
    side = 2.0 * RADIUS
    parts.append(
        f'<rect x="{x - RADIUS:g}" y="{y - RADIUS:g}" width="{side:g}" height="{side:g}" fill="{_INK}"/>'
        f'<text x="{x:g}" y="{y + 5.6:g}" font-size="16" font-weight="700" text-anchor="middle" fill="#fff">D</text>'
    )
    for stop_id, (x, y) in zip(served.index, spots[1:], strict=True):
        parts.append(
            f'<circle cx="{x:g}" cy="{y:g}" r="{RADIUS:g}" fill="#fff" stroke="{_INK}" stroke-width="1.6"/>'
            f'<text x="{x:g}" y="{y + 5.3:g}" font-size="15" font-weight="700" text-anchor="middle" '
            f'fill="{_INK}">{briefing.numbers[str(stop_id)]}</text>'
        )
    parts.append(_scale_bar(width, height, scale))
    parts.append("</svg>")
    return Sketch("".join(parts), CARD_MM * width / WIDE[0], tall)


def _spread(spots: np.ndarray) -> np.ndarray:
    """Push numbers apart that would hide each other."""
    spots = spots.astype(float)
    for _ in range(30):
        step = spots[:, None, :] - spots[None, :, :]
        away = np.hypot(step[..., 0], step[..., 1])
        np.fill_diagonal(away, np.inf)
        close = away < 2.0 * RADIUS + 1.0
        if not close.any():
            break
        # two at one place go apart along the row of their numbers
        angle = np.where(away > 0.0, np.arctan2(step[..., 1], step[..., 0]), np.pi * np.tri(len(spots)))
        push = np.where(close, (2.0 * RADIUS + 1.5 - np.where(np.isfinite(away), away, 0.0)) / 2.0, 0.0)
        spots += 0.6 * np.stack([(push * np.cos(angle)).sum(axis=1), (push * np.sin(angle)).sum(axis=1)], axis=1)
    return np.round(spots, 1)


def _scale_bar(width: float, height: float, scale: float) -> str:
    """A bar of a round length at the lower left, and where north is."""
    most = SCALE_SHARE * width / scale
    power = 10.0 ** np.floor(np.log10(most))
    length_m = power * max(step for step in (1, 2, 5) if step * power <= most)
    y = height - 14.0
    label = f"{length_m:,.0f} m, north is up"
    x = 14.0 + length_m * scale
    return (
        f'<path d="M14 {y - 6:g}V{y:g}H{x:g}V{y - 6:g}" fill="none" stroke="{_INK}" stroke-width="2"/>'
        f'<text x="{x + 8:g}" y="{y + 1:g}" font-size="16" fill="{_INK}" stroke="{_LAND}" stroke-width="4" '
        f'paint-order="stroke">{label}</text>'
    )
