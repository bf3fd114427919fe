"""TileJSON: what a map has to know of tiles before it asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa
from pydantic import BaseModel

from sightgrid.api.tiles.rows import STATUS, list_properties, read_objects
from sightgrid.store.layer_tables import CONTRACTS
from sightgrid.store.work_tables import result_features

if TYPE_CHECKING:
    from sightgrid.api.tiles.tilesets import Tileset

Kind = Literal["Number", "String", "Boolean"]

DEEPEST_DRAWN = 16  # a unit is 15 cm of the projection there; a map enlarges these tiles
FIRST_ROWS = 100
KINDS: dict[str, Kind] = {"text": "String", "number": "Number", "whole": "Number", "flag": "Boolean"}
AGGREGATED: dict[str, Kind] = {"count": "Number", "aggregated": "Boolean"}


class VectorLayer(BaseModel):
    """A layer in the tiles, with its properties."""

    id: str
    fields: dict[str, Kind]
    minzoom: int = 0
    maxzoom: int = DEEPEST_DRAWN


class TileJSON(BaseModel):
    """TileJSON 3.0.0."""

    tilejson: Literal["3.0.0"] = "3.0.0"
    name: str
    scheme: Literal["xyz"] = "xyz"
    tiles: list[str]
    minzoom: int = 0
    maxzoom: int = DEEPEST_DRAWN
    bounds: tuple[float, float, float, float] | None = None
    vector_layers: list[VectorLayer]


class Link(BaseModel):
    """A link."""

    rel: str
    href: str
    type: str


class TilesetItem(BaseModel):
    """One set of tiles, as in OGC API - Tiles."""

    id: str
    title: str
    site_id: int
    layer: str
    dataType: Literal["vector"] = "vector"  # noqa: N815  (the standard's name)
    crs: Literal["http://www.opengis.net/def/crs/EPSG/0/3857"] = "http://www.opengis.net/def/crs/EPSG/0/3857"
    links: list[Link]


class TilesetList(BaseModel):
    """The sets of tiles that the asking person may see."""

    tilesets: list[TilesetItem]


def describe_layer(layer: str) -> VectorLayer:
    """Describe the tiles of a layer of a site."""
    types: dict[str, Kind] = {column.name: KINDS[column.dtype] for column in CONTRACTS[layer]}
    types[STATUS] = "String"
    fields: dict[str, Kind] = {"id": "String"}
    fields |= {name: types[name] for name in list_properties(layer)}
    return VectorLayer(id=layer, fields=fields | AGGREGATED)


def describe_result_layer(connection: sa.Connection, tileset: Tileset) -> VectorLayer:
    """Describe the tiles of a layer of a result, by its first rows."""
    table = result_features
    statement = sa.select(table.c.properties).where(
        table.c.result_id == tileset.result_id, table.c.layer == tileset.layer
    )
    first = connection.execute(statement.limit(FIRST_ROWS)).scalars().all()
    fields: dict[str, Kind] = {"id": "String"}
    for properties in read_objects(first):
        for name, value in properties.items():
            if name != "id" and isinstance(value, str | int | float):
                fields.setdefault(name, _name_kind(value))
    return VectorLayer(id=tileset.layer, fields=fields | AGGREGATED)


def _name_kind(value: Any) -> Kind:
    if isinstance(value, str):
        return "String"
    return "Boolean" if isinstance(value, bool) else "Number"
