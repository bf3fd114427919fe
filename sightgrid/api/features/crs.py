"""Coordinate systems of the API: which are offered, how their axes are written, and how shapes come to a site's own."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import shapely
from pyproj import CRS, Transformer

from sightgrid.api.problems import Problem

if TYPE_CHECKING:
    from numpy.typing import NDArray

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
WEB_MERCATOR_TURN_M = 2.0 * math.pi * 6_378_137.0
TURN_DEG = 360.0
# a millimetre, so that what is read and written back stays where it was
DECIMALS_DEG = 8
DECIMALS_M = 3
# Shapes of other systems are cut to what lies around the site before they are brought to its own: farther out that has
# no coordinates. A straight edge is bent on the way, so it is cut into pieces that bend by a few millimetres only.
REACH_DEG = 5.0
MOST_COORDINATE = 1e9  # in degrees or metres; nothing lies farther out
PIECE_DEG = 0.005


class Reference(NamedTuple):
    """One way of writing coordinates.

    Attributes
    ----------
    uri : str
        Its name in the API.
    crs : pyproj.CRS
    inverted : bool
        Northing or latitude comes first, as the authority of the system has it.
    """

    uri: str
    crs: CRS
    inverted: bool

    @property
    def decimals(self) -> int:
        """How many are written."""
        return DECIMALS_DEG if self.crs.is_geographic else DECIMALS_M


@lru_cache(maxsize=64)
def list_references(site: CRS) -> dict[str, Reference]:
    """Return what coordinates may be written in, by URI: the site's own system first, if it has a code."""
    wgs84 = CRS.from_epsg(4326)
    found = []
    authority = site.to_authority(min_confidence=100)
    if authority:
        name, code = authority
        found.append(Reference(f"http://www.opengis.net/def/crs/{name}/0/{code}", site, _is_inverted(site)))
    found += [
        Reference(CRS84, wgs84, inverted=False),
        Reference(f"{EPSG}4326", wgs84, inverted=True),
        Reference(f"{EPSG}3857", CRS.from_epsg(3857), inverted=False),
    ]
    return {reference.uri: reference for reference in found}


def find_reference(text: str | None, site: CRS, *, name: str) -> Reference:
    """Return the coordinate system that a request names; CRS84 (longitude, latitude) if it names none.

    Raises
    ------
    Problem
        400: it is not offered.
    """
    references = list_references(site)
    found = references.get(CRS84 if text is None else text.strip())
    if found is None:
        raise Problem(400, f"{name}: must be one of {', '.join(references)}")
    return found


def write_shapes(shapes: NDArray[np.object_], site: CRS, reference: Reference) -> NDArray[np.object_]:
    """Bring shapes of a site to another coordinate system, rounded and with its axes in their order."""
    return _move(shapes, site, reference.crs, swap_after=reference.inverted, decimals=reference.decimals)


def read_shapes(shapes: NDArray[np.object_], reference: Reference, site: CRS) -> NDArray[np.object_]:
    """Bring shapes as a request writes them to the coordinate system of a site; may be infinite far from it."""
    return _move(shapes, reference.crs, site, swap_before=reference.inverted)


def bring_area(
    shape: shapely.Geometry, reference: Reference, site: CRS, *, anchor: tuple[float, float]
) -> list[shapely.Geometry]:
    """Bring the shape of a question to the coordinate system of a site.

    Parameters
    ----------
    shape : shapely.Geometry
        Valid, in `reference`; maybe beyond the 180th meridian on either side.
    reference : Reference
        What it is written in.
    site : pyproj.CRS
        The coordinate system of the site.
    anchor : tuple of float
        Longitude and latitude in the middle of the site.

    Returns
    -------
    list of shapely.Geometry
        What of it lies around the site: areas, lines and points apart, each if there are any.
    """
    flat = np.array([shapely.force_2d(shape)], dtype=object)
    if reference.inverted:
        flat = _swap(flat)
    parts = shapely.get_parts(shapely.get_parts(flat))  # of a collection of several ones, too
    if reference.crs == site:
        return _gather(parts)
    turn = TURN_DEG if reference.crs.is_geographic else WEB_MERCATOR_TURN_M
    window = _make_window(anchor, reference.crs)
    turned = [shapely.transform(part, _shift(turns * turn)) for part in parts for turns in (-1, 0, 1)]
    around = shapely.get_parts(shapely.intersection(np.array(turned, dtype=object), window))
    pieces = shapely.segmentize(around, PIECE_DEG * turn / TURN_DEG)
    return _gather(_move(pieces, reference.crs, site))


def find_far(shape: shapely.Geometry, site: CRS, *, anchor: tuple[float, float]) -> tuple[float, float] | None:
    """Return longitude and latitude of a point of a site's shape that is far away from the site, or None."""
    wgs84 = CRS.from_epsg(4326)
    points = shapely.get_coordinates(shape)
    lon, lat = _transformer(site, wgs84).transform(*points.T)
    west, south, east, north = _make_window(anchor, wgs84).bounds
    with np.errstate(invalid="ignore"):  # infinite where the system has no coordinates
        lon = np.mod(lon - west, TURN_DEG) + west
    far = ~((lon >= west) & (lon <= east) & (lat >= south) & (lat <= north))
    if not far.any():
        return None
    return float(lon[far][0]), float(lat[far][0])


def find_lonlat(x: float, y: float, site: CRS) -> tuple[float, float]:
    """Return longitude and latitude of a point of a site."""
    lon, lat = _transformer(site, CRS.from_epsg(4326)).transform(x, y)
    return float(lon), float(lat)


def _gather(parts: NDArray[np.object_]) -> list[shapely.Geometry]:
    parts = parts[~shapely.is_empty(parts)]
    kinds = shapely.get_dimensions(parts)
    gathered = []
    for kind, gather in enumerate((shapely.multipoints, shapely.multilinestrings, shapely.union_all)):
        some = parts[kinds == kind]
        if len(some):
            gathered.append(some[0] if len(some) == 1 else gather(some))
    return gathered


def _make_window(anchor: tuple[float, float], crs: CRS) -> shapely.Geometry:
    lon, lat = anchor
    wide = REACH_DEG / max(math.cos(math.radians(lat)), 0.1)
    south, north = max(lat - REACH_DEG, -90.0), min(lat + REACH_DEG, 90.0)
    if crs.is_geographic:
        return shapely.box(lon - wide, south, lon + wide, north)
    metres = WEB_MERCATOR_TURN_M / TURN_DEG
    steep = [math.degrees(math.asinh(math.tan(math.radians(max(min(each, 89.0), -89.0))))) for each in (south, north)]
    return shapely.box((lon - wide) * metres, steep[0] * metres, (lon + wide) * metres, steep[1] * metres)


def _shift(by: float) -> Any:
    return lambda points: points + (by, 0.0)  # noqa: RUF005  (an array)


def _move(
    shapes: NDArray[np.object_],
    source: CRS,
    target: CRS,
    *,
    swap_before: bool = False,
    swap_after: bool = False,
    decimals: int | None = None,
) -> NDArray[np.object_]:
    points = shapely.get_coordinates(shapes)
    if swap_before:
        points = points[:, ::-1]
    if source != target:
        points = np.column_stack(_transformer(source, target).transform(*points.T))
    if decimals is not None:
        points = np.round(points, decimals)
    if swap_after:
        points = points[:, ::-1]
    moved: NDArray[np.object_] = shapely.set_coordinates(shapely.force_2d(shapes), points)
    return moved


def _swap(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    swapped: NDArray[np.object_] = shapely.set_coordinates(shapes, shapely.get_coordinates(shapes)[:, ::-1])
    return swapped


@lru_cache(maxsize=64)
def _transformer(source: CRS, target: CRS) -> Transformer:
    return Transformer.from_crs(source, target, always_xy=True)


def _is_inverted(crs: CRS) -> bool:
    return [axis.direction for axis in crs.axis_info[:2]] == ["north", "east"]
