"""Shapes in filters, and the boxes that tell where to look for what meets a filter."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import shapely
from shapely.errors import GEOSException

from sightgrid.api.features.crs import MOST_COORDINATE, bring_area
from sightgrid.api.features.parameters import BOX_SIZES, make_box
from sightgrid.api.problems import Problem

if TYPE_CHECKING:
    from pyproj import CRS

    from sightgrid.api.features.crs import Reference
    from sightgrid.store.database import Database
    from sightgrid.store.layers import Box


class Question(NamedTuple):
    """What a filter is asked of.

    Attributes
    ----------
    database : Database
    layer : str
    site : pyproj.CRS
        The coordinate system of the site.
    reference : Reference
        What coordinates in the filter are written in.
    anchor : tuple of float
        Longitude and latitude in the middle of the site.
    """

    database: Database
    layer: str
    site: CRS
    reference: Reference
    anchor: tuple[float, float]


def find_box(expression: Any, question: Question) -> Box | None:
    """Find a box that whatever meets the condition touches."""
    if not isinstance(expression, dict):
        return None
    op, args = expression["op"], expression["args"]
    if op == "s_intersects":
        shapes = read_area(args, question)
        return tuple(shapely.total_bounds(shapes)) if shapes else None
    if op not in {"and", "or"}:
        return None
    found = [find_box(part, question) for part in args]
    boxes = [box for box in found if box is not None]
    if op == "and":
        return min(boxes, key=lambda box: (box[2] - box[0]) * (box[3] - box[1]), default=None)
    if len(boxes) < len(found):
        return None
    west, south, east, north = zip(*boxes, strict=True)
    return min(west), min(south), max(east), max(north)


def read_area(args: list[Any], question: Question) -> list[shapely.Geometry]:
    """Return the shape among the arguments of S_INTERSECTS as the site's coordinates have it, see `bring_area`."""
    literals = [arg for arg in args if "property" not in arg]
    return bring_area(read_shape(literals[0], question.reference), question.reference, question.site,
                      anchor=question.anchor)  # fmt: skip


def read_shape(literal: Any, reference: Reference) -> shapely.Geometry:
    """Read a shape in a filter: GeoJSON, or a box.

    Raises
    ------
    Problem
        400: it is none.
    """
    if isinstance(literal, dict) and isinstance(literal.get("bbox"), list) and "type" not in literal:
        sides = literal["bbox"]
        if len(sides) not in BOX_SIZES or not all(_is_number(side) for side in sides):
            raise Problem(400, "filter: a BBOX has 4 or 6 numbers")
        return make_box([float(side) for side in sides], reference, name="filter: BBOX")
    try:
        shape = shapely.from_geojson(json.dumps(literal, allow_nan=False))
    except (GEOSException, ValueError, TypeError, OverflowError, RecursionError):
        raise Problem(400, "filter: a shape must be a GeoJSON geometry") from None
    if shape is None or shape.is_empty or not all(abs(side) <= MOST_COORDINATE for side in shape.bounds):
        raise Problem(400, "filter: a shape must have coordinates in the world")
    if not shape.is_valid:
        raise Problem(400, f"filter: the {shape.geom_type} is not valid: {shapely.is_valid_reason(shape)}")
    return shape


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
