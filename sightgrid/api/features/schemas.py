"""What a layer's features hold, as JSON Schema: for clients that draw forms, and that write filters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from sightgrid.api.features.filters import GEOMETRY as GEOMETRY_NAME
from sightgrid.api.features.filters import ID
from sightgrid.api.features.geojson import VERSION
from sightgrid.api.features.reading import GEOMETRY
from sightgrid.store.layer_tables import TIMES, kept_columns

if TYPE_CHECKING:
    from sightgrid.columns import Column

MEDIA_TYPE = "application/schema+json"
DRAFT = "https://json-schema.org/draft/2020-12/schema"
SHAPES = "https://geojson.org/schema/"
TYPES = {"text": "string", "number": "number", "whole": "integer", "flag": "boolean"}
# the end of a column's name -> its unit as UCUM has it; the longest end that fits
UNITS = {
    "_px_m": "{px}/m", "_px": "{px}", "_m2": "m2", "_mm": "mm", "_m": "m", "_deg": "deg", "_kph": "km/h", "_s": "s",
}  # fmt: skip
FORMATS = {
    ("Point",): "geometry-point", ("LineString",): "geometry-linestring", ("Polygon",): "geometry-polygon",
    ("Polygon", "MultiPolygon"): "geometry-polygon-or-multipolygon",
}  # fmt: skip


def describe_features(layer: str, title: str, address: str) -> dict[str, Any]:
    """Describe what features hold that are read and written."""
    columns = [column for column in kept_columns(layer) if column.name not in TIMES.get(layer, {}).values()]
    properties = _describe_properties(layer)
    properties[VERSION] = {
        "type": "integer", "title": VERSION, "description": "Counts changes on; comes back with an edit.",
        "readOnly": True,
    }  # fmt: skip
    required = [column.name for column in columns if column.required] + list(TIMES.get(layer, {}))
    return _describe(title, address, _number(properties)) | {"required": required, "additionalProperties": True}


def describe_queryables(layer: str, title: str, address: str) -> dict[str, Any]:
    """Describe what filters can name."""
    return _describe(title, address, _number(_describe_properties(layer))) | {"additionalProperties": False}


def _describe(title: str, address: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {"$schema": DRAFT, "$id": address, "type": "object", "title": title, "properties": properties}


def _describe_properties(layer: str) -> dict[str, Any]:
    times = TIMES.get(layer, {})
    kept = {column.name: _describe_column(column) for column in kept_columns(layer)}
    kinds = GEOMETRY[layer]
    shape = {
        "title": GEOMETRY_NAME, "x-ogc-role": "primary-geometry", "format": FORMATS.get(kinds, "geometry-any"),
        "$ref": f"{SHAPES}{kinds[0] if len(kinds) == 1 else 'Geometry'}.json",
    }  # fmt: skip
    at = {
        name: {"type": "string", "format": "date-time", "title": name, "x-ogc-role": "primary-instant"}
        for name in times
    }
    return {
        ID: {"type": "string", "title": ID, "x-ogc-role": "id", "readOnly": True},
        **at,
        **{name: about for name, about in kept.items() if name not in times.values()},
        GEOMETRY_NAME: shape,
    }


def _describe_column(column: Column) -> dict[str, Any]:
    about: dict[str, Any] = {"type": TYPES[column.dtype], "title": column.name}
    unit = next((unit for end, unit in UNITS.items() if column.name.endswith(end)), None)
    if unit:
        about["x-ogc-unit"] = unit
    if column.choices:
        about["enum"] = list(column.choices)
    if column.default is not None:
        about["default"] = column.default
    low, high, low_in, high_in = column.bounds
    if math.isfinite(low):
        about["minimum" if low_in else "exclusiveMinimum"] = low
    if math.isfinite(high):
        about["maximum" if high_in else "exclusiveMaximum"] = high
    return about


def _number(properties: dict[str, Any]) -> dict[str, Any]:
    """Give properties their order, for clients that lose it."""
    return {name: {**about, "x-ogc-propertySeq": place} for place, (name, about) in enumerate(properties.items(), 1)}
