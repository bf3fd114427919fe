"""What the routes of the layers read and answer, for the description of the API."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from sightgrid.api.features.parameters import MOST_LIMIT


class Link(BaseModel):
    """A link to something else of this server."""

    rel: str
    type: str
    href: str
    title: str | None = None


class SpatialExtent(BaseModel):
    """Where the features lie: west, south, east, north."""

    bbox: list[list[float]]
    crs: str


class Extent(BaseModel):
    """Where the features lie."""

    spatial: SpatialExtent


class CollectionInfo(BaseModel):
    """A layer of a site, or the cameras of a site as a scenario has them."""

    id: str
    title: str
    description: str
    itemType: Literal["feature"] = "feature"  # noqa: N815  (the standard's name)
    extent: Extent | None = None
    crs: list[str]
    storageCrs: str | None = None  # noqa: N815  (the standard's name)
    links: list[Link]


class CollectionList(BaseModel):
    """The layers that may be seen."""

    links: list[Link]
    collections: list[CollectionInfo]


class Geometry(BaseModel):
    """A shape: GeoJSON."""

    model_config = ConfigDict(extra="allow")

    type: Literal["Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon"]
    coordinates: list[Any]


class NewFeature(BaseModel):
    """A feature to be kept: GeoJSON. What it does not tell becomes empty."""

    model_config = ConfigDict(extra="allow")

    type: Literal["Feature"]
    id: Annotated[
        str | int | None, Field(description="1 to 128 printable characters; made up where there is none.")
    ] = None
    geometry: Geometry
    properties: dict[str, Any] | None = None


class Feature(BaseModel):
    """A feature: GeoJSON."""

    type: Literal["Feature"]
    id: str
    version: Annotated[int, Field(description="Counts changes on; the ETag of the feature.")]
    geometry: Geometry
    properties: dict[str, Any]


class FeatureCollection(BaseModel):
    """A page of features: GeoJSON."""

    type: Literal["FeatureCollection"]
    links: list[Link]
    timeStamp: str  # noqa: N815  (the standard's name)
    numberReturned: Annotated[int, Field(ge=0, le=MOST_LIMIT)]  # noqa: N815  (the standard's name)
    numberMatched: Annotated[int | None, Field(description="Left out where there is a condition.")] = None  # noqa: N815
    features: list[Feature]


class Schema(BaseModel):
    """A JSON Schema."""

    model_config = ConfigDict(extra="allow")

    type: Literal["object"]
    title: str
    properties: dict[str, Any]
