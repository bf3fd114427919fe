"""Depots: where a unit starts and ends, as its file tells, and whether that can be."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import shapely

from sightgrid.gis.crs import WGS84
from sightgrid.gis.streets import MODES
from sightgrid.patrol.streets.network import USABLE

if TYPE_CHECKING:
    from sightgrid.site import Site

DEPOTS = ("depot", "depot_lonlat")
FARTHEST_M = 200.0  # from a depot to a street that the unit may use
LIMITS_DEG = np.array([180.0, 90.0])

Blame = tuple[str, str]  # field, rule


def is_number(value: object) -> bool:
    """Tell whether a value of a file is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and bool(np.isfinite(value))


def locate_depot(unit: dict[str, Any], *, site: Site, mode: Any) -> tuple[shapely.Point | None, Blame | None]:
    """Find the depot of a unit.

    Parameters
    ----------
    unit : dict
        The unit's table, with ``depot`` (a place_id or ``[x, y]``) or ``depot_lonlat``.
    site : Site
        Places, streets and water.
    mode : str
        How the unit moves; another than those known is reported elsewhere.

    Returns
    -------
    depot : shapely.Point or None
        In the coordinate system of the site.
    blame : (str, str) or None
        Field and broken rule: the depot is not told, is in water, or more than 200 m from the unit's streets.
    """
    given = [key for key in DEPOTS if key in unit]
    if len(given) != 1:
        return None, ("depot", "must be given once, as depot or depot_lonlat")
    name, value = given[0], unit[given[0]]
    if name == "depot" and isinstance(value, str):
        point, rule = _find_place(value, site)
    else:
        point, rule = _read_pair(value, name, site)
    return point, (name, rule) if rule else _check_ground(point, site, mode)


def _find_place(place_id: str, site: Site) -> tuple[shapely.Point | None, str]:
    if place_id in site.places.index:
        return site.places.geometry[place_id].centroid, ""
    near = get_close_matches(place_id, list(site.places.index), n=1)
    hint = f", perhaps {near[0]}" if near else ""
    return None, f"{place_id!r} is no place_id of the site{hint}"


def _read_pair(value: Any, name: str, site: Site) -> tuple[shapely.Point | None, str]:
    """Return the point of two numbers, or what is wrong with them."""
    if not isinstance(value, list) or len(value) != len(LIMITS_DEG) or not all(map(is_number, value)):
        return None, "must be a place_id or [x, y]" if name == "depot" else "must be [longitude, latitude]"
    point = shapely.Point(value)
    if name == "depot":
        return point, ""
    if (np.abs(value) > LIMITS_DEG).any():
        return None, "must lie in [-180, 180] and [-90, 90]"
    point = gpd.GeoSeries([point], crs=WGS84).to_crs(site.crs).iloc[0]
    whole = np.isfinite(shapely.get_coordinates(point)).all()
    return (point, "") if whole else (None, "lies outside the coordinate system of the site")


def _check_ground(point: shapely.Point, site: Site, mode: Any) -> Blame | None:
    if mode not in MODES:
        return None
    streets = site.streets.geometry[site.streets[USABLE[mode]].astype(bool)]
    if not len(streets):
        return "depot", f"the site has no street for mode {mode}"
    distance = float(streets.distance(point).min())
    way = f"the nearest street for mode {mode} is {distance:,.0f} m away"
    if site.water.intersects(point).any():
        return "depot", f"lies in water; {way}"
    return ("depot", f"{way}, farther than {FARTHEST_M:g} m") if distance > FARTHEST_M else None
