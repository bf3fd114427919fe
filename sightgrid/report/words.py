"""Numbers as people read them, the same in the map, the figure and the command line."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from sightgrid.site import Site

HECTARE_M2 = 1e4
SQUARE_KILOMETRE_M2 = 1e6
SHORT_M = 10.0  # shorter lengths get a decimal

_CAMERA_WORDS = {
    "azimuth_deg": "direction",
    "tilt_deg": "tilt",
    "hfov_deg": "field of view",
    "vfov_deg": "vertical field of view",
    "width_px": "picture width",
    "height_px": "picture height",
    "mount_height_m": "mount height",
    "max_range_m": "range",
}


def percent(share: float) -> str:
    """Return a share (0..1) as per cent with one decimal; '' where there is none."""
    return f"{100 * share:.1f} %" if math.isfinite(share) else ""


def square_metres(area_m2: float) -> str:
    """Return an area in square metres, in hectares from one on, in square kilometres from one on."""
    if area_m2 >= SQUARE_KILOMETRE_M2:
        return f"{area_m2 / SQUARE_KILOMETRE_M2:,.2f} km²"
    return f"{area_m2 / HECTARE_M2:,.2f} ha" if area_m2 >= HECTARE_M2 else f"{area_m2:,.0f} m²"


def metres(length_m: float) -> str:
    """Return a length in metres; '' where there is none."""
    if not math.isfinite(length_m):
        return ""
    return f"{length_m:,.1f} m" if abs(length_m) < SHORT_M else f"{length_m:,.0f} m"


def degrees(angle_deg: float) -> str:
    """Return a bearing in whole degrees; '' where there is none."""
    return f"{angle_deg:.0f}°" if math.isfinite(angle_deg) else ""


def number(value: float) -> str:
    """Return a number with up to two decimals; '' where there is none."""
    return f"{value:,.2f}".rstrip("0").rstrip(".") if math.isfinite(value) else ""


def text(value: Any) -> str:
    """Return text; '' for nothing given."""
    return "" if pd.isna(value) else str(value)


def listed(columns: Any) -> str:
    """Return comma-separated columns of the camera table as words."""
    names = (name for name in text(columns).split(",") if name)
    return ", ".join(_CAMERA_WORDS.get(name, name.replace("_", " ")) for name in names)


def sources(site: Site) -> tuple[str, ...]:
    """Return the attribution that a site's data ask for."""
    mapped = site.name == "helsinki" or any("OpenStreetMap" in note for note in site.notes)
    return ("\N{COPYRIGHT SIGN} OpenStreetMap contributors",) if mapped else ()
