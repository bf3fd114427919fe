"""Features that a request brings: checked at the edge, and made rows of a layer."""

from __future__ import annotations

import json
import re
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.errors import GEOSException

from sightgrid import columns
from sightgrid.api.features.crs import MOST_COORDINATE, find_far, read_shapes
from sightgrid.api.features.geojson import VERSION
from sightgrid.api.features.parameters import parse_time, shorten
from sightgrid.api.problems import Problem
from sightgrid.store.layer_tables import CONTRACTS, INDEX, SECRET, TIMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyproj import CRS

    from sightgrid.api.features.crs import Reference
    from sightgrid.columns import Column

MOST_ID = 128
MOST_POINTS = 100_000
MOST_TEXT = 10_000
MOST_NAME = 64
MOST_EXTRA = 50
MOST_WHOLE = 2**53  # beyond, JSON's numbers have gaps
FIRST_YEAR, LAST_YEAR = 1900, 2200
GEOMETRY = {**columns.GEOMETRY, "grid": ("Polygon", "MultiPolygon"), "incidents": ("Point",)}
STREET = re.compile(r"(-?[0-9]{1,18})_(-?[0-9]{1,18})_([0-9]{1,9})", re.ASCII)
WORDS = {"text": "a text", "number": "a number", "whole": "a whole number", "flag": "true or false"}


class Place(NamedTuple):
    """Where features are brought to.

    Attributes
    ----------
    layer : str
    site : pyproj.CRS
        The coordinate system of the site.
    anchor : tuple of float
        Longitude and latitude in the middle of the site.
    """

    layer: str
    site: CRS
    anchor: tuple[float, float]


def check_id(given: str | int | None, layer: str) -> str:
    """Check the id of a new feature, or make one.

    Raises
    ------
    Problem
        422: it cannot be one.
    """
    if layer == "streets":
        found = STREET.fullmatch(str(given)) if given is not None else None
        if found is None:
            raise Problem(422, "id: a street's is the numbers of its nodes and its own: u_v_key, such as 12_34_0")
        return "_".join(str(int(part)) for part in found.groups())
    if given is None:
        return f"{INDEX[layer][0].removesuffix('_id')}-{uuid.uuid4().hex[:16]}"
    name = str(given)
    if not name.isprintable() or not 0 < len(name.strip()) <= len(name) <= MOST_ID or name in {".", ".."}:
        raise Problem(422, f"id: must be 1 to {MOST_ID} printable characters")
    return name


def read_row(
    name: str, geometry: Any, properties: Mapping[str, Any] | None, place: Place, *, reference: Reference
) -> gpd.GeoDataFrame:
    """Make the row of a layer of a feature.

    Parameters
    ----------
    name : str
        The feature's id.
    geometry, properties
        Its members.
    place : Place
        The layer and the site.
    reference : Reference
        What its coordinates are written in.

    Returns
    -------
    GeoDataFrame
        One row; that it keeps the layer's contract is for the store to check.

    Raises
    ------
    Problem
        422: tells what is wrong with it.
    """
    layer = place.layer
    shape = read_shape(geometry, place, reference)
    values = _read_values(dict(properties or {}), layer)
    names = INDEX[layer]
    index: pd.Index[Any] = pd.Index([name], name=names[0], dtype="str")
    if len(names) > 1:
        index = pd.MultiIndex.from_tuples([tuple(map(int, name.split("_")))], names=names)
    table = pd.DataFrame({key: pd.Series([value], index=index) for key, value in values.items()}, index=index)
    return gpd.GeoDataFrame(table, geometry=gpd.GeoSeries([shape], index=index, crs=place.site))


def read_shape(geometry: Any, place: Place, reference: Reference) -> shapely.Geometry:
    """Read a shape and bring it to the coordinate system of the site; heights are left out.

    Raises
    ------
    Problem
        422: it is none, is not of the layer's kind, crosses itself, or lies elsewhere.
    """
    try:
        shape = shapely.from_geojson(json.dumps(geometry, allow_nan=False))
    except (GEOSException, ValueError, TypeError, OverflowError, RecursionError):
        raise Problem(422, "geometry: must be a GeoJSON geometry with finite numbers") from None
    if shape is None or shape.is_empty:
        raise Problem(422, "geometry: must be given")
    points = shapely.count_coordinates(shape)
    if points > MOST_POINTS:
        raise Problem(422, f"geometry: has {points:,} points; a feature may have {MOST_POINTS:,}")
    shape = shapely.force_2d(shape)
    allowed = GEOMETRY[place.layer]
    if shape.geom_type not in allowed and shapely.get_num_geometries(shape) == 1:
        shape = shapely.get_geometry(shape, 0)  # some programs write a single part as a collection
    if shape.geom_type not in allowed:
        raise Problem(422, f"geometry: must be a {' or a '.join(allowed)}, not a {shape.geom_type}")
    spots = shapely.get_coordinates(shape)
    if not (np.abs(spots) <= MOST_COORDINATE).all():
        raise Problem(422, "geometry: lies outside the world")
    if reference.crs.is_geographic:
        lon, lat = spots.T[::-1] if reference.inverted else spots.T
        if (np.abs(lon) > 180.0).any() or (np.abs(lat) > 90.0).any():  # noqa: PLR2004  (the world)
            first = "latitude" if reference.inverted else "longitude"
            raise Problem(422, f"geometry: lies outside the world; {first} comes first")
    _refuse_invalid(shape)
    moved = read_shapes(np.array([shape], dtype=object), reference, place.site)[0]
    far = find_far(moved, place.site, anchor=place.anchor)
    if far is not None:
        raise Problem(422, f"geometry: lies far away from the site, at longitude {far[0]:.4f}, latitude {far[1]:.4f}")
    return moved


def _refuse_invalid(shape: shapely.Geometry) -> None:
    if shape.is_valid:
        return
    reason, _, spot = shapely.is_valid_reason(shape).partition("[")
    at = f" at {spot.rstrip(']')}" if spot else ""
    what = "crosses itself" if "intersection" in reason.lower() else f"is not valid ({reason.strip()})"
    raise Problem(422, f"geometry: the {shape.geom_type} {what}{at}")


def _read_values(properties: dict[str, Any], layer: str) -> dict[str, Any]:
    faults, values = [], {}
    for name, value in properties.items():
        if value is None or name == VERSION or (name == SECRET and value == ""):
            continue
        try:
            values[name] = _read_property(name, value, layer)
        except ValueError as error:
            faults.append((shorten(name), str(error)))
    if len(values) > MOST_EXTRA + len(CONTRACTS[layer]):
        faults.append(("properties", f"has more than {MOST_EXTRA} that the layer does not know"))
    if faults:
        refuse(faults)
    return values


def _read_property(name: str, value: Any, layer: str) -> Any:
    times = TIMES.get(layer, {})
    if name == SECRET and layer == "cameras":
        raise ValueError("addresses are kept apart from the cameras; set them on their own")
    if name in {*INDEX[layer], *times.values(), "geometry"}:
        raise ValueError("is no property; the id and the geometry stand beside the properties")
    if name in times:
        return _read_time(value)
    column = next((column for column in CONTRACTS[layer] if column.name == name), None)
    read = _read_extra(name, value) if column is None else _read_value(value, column)
    if read is None:
        given = "a short name with a text, a number, true or false" if column is None else WORDS[column.dtype]
        raise ValueError(f"must be {given}")
    return read


def refuse(faults: list[tuple[str, str]]) -> NoReturn:
    """Answer 422 with all that is wrong with a feature: columns and the rules they break."""
    detail = "; ".join(f"{column}: {rule}" for column, rule in faults)
    raise Problem(422, detail, more={"faults": [{"where": column, "rule": rule} for column, rule in faults]})


def _read_value(value: Any, column: Column) -> Any:
    if column.dtype == "text":
        return value if _is_text(value) else None
    if column.dtype == "flag":
        return value if isinstance(value, bool) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= MOST_WHOLE:
        return None
    if column.dtype == "whole" and value != int(value):
        return None
    return float(value)


def _read_extra(name: str, value: Any) -> Any:
    if not 0 < len(name) <= MOST_NAME or not name.isprintable():
        return None
    if isinstance(value, str):
        return value if _is_text(value) else None
    return value if isinstance(value, int | float) and abs(value) <= MOST_WHOLE else None


def _is_text(value: Any) -> bool:
    return (
        isinstance(value, str)
        and len(value) <= MOST_TEXT
        and not any(sign == "\0" or "\ud800" <= sign <= "\udfff" for sign in value)
    )


def _read_time(value: Any) -> pd.Timestamp:
    try:
        at = pd.Timestamp(parse_time(str(value), name=""), unit="us", tz="UTC")
    except Problem:
        raise ValueError("must be a time such as 2026-01-31T12:00:00Z") from None
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise ValueError(f"must lie between the years {FIRST_YEAR} and {LAST_YEAR}")
    return at
