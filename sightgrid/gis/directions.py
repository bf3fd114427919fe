"""Reading what mappers write: directions, heights, tilts, speeds, levels.

Nothing is guessed: what cannot be read comes back as None.
"""

from __future__ import annotations

import re
from typing import NamedTuple

WINDS = ("N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW")
BEARINGS = {name: index * 22.5 for index, name in enumerate(WINDS)}
FULL_CIRCLE = 360.0
STRAIGHT_DOWN = 90.0
FOOT_M, INCH_M = 0.3048, 0.0254
MPH_KPH = 1.609344

_NUMBER = r"\d+(?:[.,]\d+)?"
_BEARING = re.compile(rf"({_NUMBER})\s*°?|([NESW]{{1,3}})", re.IGNORECASE)
_RANGE = re.compile(r"\s*[-\u2013\u2014]\s*")
_METRES = re.compile(rf"({_NUMBER})\s*(?:m|metres?|meters?)?", re.IGNORECASE)
_FEET = re.compile(rf"({_NUMBER})\s*(?:'|ft|feet)\s*(?:({_NUMBER})\s*(?:\"|''|in))?", re.IGNORECASE)
_TILT = re.compile(rf"[+-]?{_NUMBER}", re.IGNORECASE)
_SPEED = re.compile(rf"({_NUMBER})\s*(km/h|kmh|kph|mph)?", re.IGNORECASE)


class Direction(NamedTuple):
    """Where one camera head looks: the middle of its view, and the width of a range if one was written."""

    azimuth_deg: float
    width_deg: float | None = None


def parse_directions(text: str) -> list[Direction | None]:
    """Read a direction tag: degrees, compass letters, clockwise ranges, several heads parted by ``;``.

    Parameters
    ----------
    text : str
        Such as ``"45"``, ``"45.5°"``, ``"nne"``, ``"90-270"``, ``"N-E"`` or ``"0;180"``.

    Returns
    -------
    list
        One entry per head; None for a head whose direction cannot be read.

    Examples
    --------
    >>> parse_directions("90-270;NE")
    [Direction(azimuth_deg=180.0, width_deg=180.0), Direction(azimuth_deg=45.0, width_deg=None)]
    """
    return [_parse_direction(part) for part in text.split(";") if part.strip()]


def _parse_direction(text: str) -> Direction | None:
    ends = [_parse_bearing(part) for part in _RANGE.split(text.strip())]
    match ends:
        case [float(middle)]:
            return Direction(middle % FULL_CIRCLE)
        case [float(start), float(end)]:
            whole_turn = abs(end - start) == FULL_CIRCLE
            width = FULL_CIRCLE if whole_turn else (end - start) % FULL_CIRCLE
            if width == 0:
                return Direction(start % FULL_CIRCLE)
            return Direction((start + width / 2) % FULL_CIRCLE, width)
    return None


def _parse_bearing(text: str) -> float | None:
    match = _BEARING.fullmatch(text.strip())
    if match is None:
        return None
    degrees, letters = match.groups()
    if letters:
        return BEARINGS.get(letters.upper())
    value = _to_float(degrees)
    return value if value <= FULL_CIRCLE else None


def parse_metres(text: str) -> float | None:
    """Read a length in metres (``4``, ``4 m``, ``3,5``) or in feet and inches (``12'``, ``12'6"``)."""
    text = text.strip()
    match = _METRES.fullmatch(text)
    if match:
        return _to_float(match[1])
    match = _FEET.fullmatch(text)
    if match:
        return _to_float(match[1]) * FOOT_M + (_to_float(match[2]) * INCH_M if match[2] else 0.0)
    return None


def parse_tilt(text: str) -> float | None:
    """Read ``camera:tilt`` (-90 straight down, 90 straight up) as degrees below the horizon (down positive)."""
    match = _TILT.fullmatch(text.strip().removesuffix("°").rstrip())
    value = float(match[0].replace(",", ".")) if match else None
    return 0.0 - value if value is not None and abs(value) <= STRAIGHT_DOWN else None


def parse_speed(text: str) -> float | None:
    """Read ``maxspeed`` in km/h; named limits such as ``FI:urban`` or ``none`` stay unknown."""
    match = _SPEED.fullmatch(text.strip())
    if match is None:
        return None
    kph = _to_float(match[1]) * (MPH_KPH if (match[2] or "").lower() == "mph" else 1.0)
    return kph if kph > 0 else None


def parse_levels(text: str) -> float | None:
    """Read a number of storeys; of several (``"1;6"``) the highest counts."""
    parts = [part.strip() for part in text.split(";")]
    if not all(re.fullmatch(_NUMBER, part) for part in parts):
        return None
    return max(_to_float(part) for part in parts)


def _to_float(text: str) -> float:
    return float(text.replace(",", "."))
