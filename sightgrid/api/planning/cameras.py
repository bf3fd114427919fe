"""One camera between GeoJSON and a row of the cameras' frame."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pydantic import BaseModel, Field, StrictInt, StrictStr

from sightgrid.api.planning.lonlat import DECIMALS, find_crs, find_transformer
from sightgrid.columns import COLUMNS, Column
from sightgrid.errors import Fault, SchemaError
from sightgrid.store.layer_tables import SECRET

Longitude = Annotated[float, Field(ge=-180.0, le=180.0, allow_inf_nan=False, strict=True)]
Latitude = Annotated[float, Field(ge=-90.0, le=90.0, allow_inf_nan=False, strict=True)]
HALF_TURN_DEG = 180.0
KEPT = tuple(column for column in COLUMNS["cameras"] if column.name != SECRET)


class PointGeometry(BaseModel):
    """Where a camera stands."""

    type: Literal["Point"]
    coordinates: tuple[Longitude, Latitude] | tuple[Longitude, Latitude, float]


class CameraFeature(BaseModel):
    """A camera as GeoJSON; properties are the columns of the cameras' contract, others are not looked at."""

    type: Literal["Feature"] = "Feature"
    id: StrictStr | StrictInt | None = Field(
        default=None, description="Its number; a camera without one, or with an unknown one, is new."
    )
    geometry: PointGeometry
    properties: dict[str, Any] = Field(default_factory=dict)
    version: int | None = Field(default=None, description="Of the row in the store; not looked at in a request.")


def read_camera(feature: CameraFeature, *, camera_id: str, crs: str) -> gpd.GeoDataFrame:
    """Make a row of the cameras' frame, checked against the contract.

    One row is checked value by value: many times quicker than a frame is checked column by column.

    Parameters
    ----------
    feature : CameraFeature
        In longitude and latitude.
    camera_id : str
        What to call it.
    crs : str
        The coordinate system of the site.

    Returns
    -------
    GeoDataFrame
        One row in the coordinate system of the site, as `sightgrid.gis.layers.settle` would give it.

    Raises
    ------
    SchemaError
        With every fault.
    """
    faults: list[Fault] = []
    values: dict[str, Any] = {}
    for column in KEPT:
        value = feature.properties.get(column.name)
        if value is None and column.default is not None:
            value = column.default
        rule = find_fault(value, column)
        if rule:
            faults.append(Fault(column.name, rule, (camera_id,), 1))
        values[column.name] = value
    hfov = values["hfov_deg"]
    if not faults and values["kind"] == "fixed" and hfov is not None and hfov >= HALF_TURN_DEG:
        rule = "field of view must be below 180 for a fixed (pinhole) camera"
        faults.append(Fault("hfov_deg", rule, (camera_id,), 1))
    longitude, latitude = feature.geometry.coordinates[:2]
    x, y = find_transformer(crs, back=True).transform(longitude, latitude)
    if not (math.isfinite(x) and math.isfinite(y)):
        faults.append(Fault("geometry", "cannot be brought into the coordinate system of the site", (camera_id,), 1))
    if faults:
        raise SchemaError("cameras", tuple(faults))
    index = pd.Index([camera_id], name="camera_id", dtype="str")
    columns = {column.name: _make_array(values.get(column.name), column) for column in COLUMNS["cameras"]}
    columns["geometry"] = gpd.GeoSeries([shapely.Point(x, y)], index=index, crs=find_crs(crs))
    return gpd.GeoDataFrame(columns, index=index)


def find_fault(value: Any, column: Column) -> str | None:
    """Tell which rule of its column a value breaks."""
    if value is None:
        return "must be given" if column.filled else None
    if column.dtype == "flag":
        return None if isinstance(value, bool) else "must be true or false"
    return _find_text_fault(value, column) if column.dtype == "text" else _find_number_fault(value, column)


def _find_text_fault(value: Any, column: Column) -> str | None:
    if not isinstance(value, str):
        return "must be text"
    known = not column.choices or value in column.choices
    return None if known else f"must be one of {', '.join(column.choices)}"


def _find_number_fault(value: Any, column: Column) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "must be a number"
    low, high, low_in, high_in = column.bounds
    inside = (value >= low if low_in else value > low) and (value <= high if high_in else value < high)
    if not (inside and math.isfinite(value)):
        return f"must lie in {column.range}" if column.range else "must be finite"
    return "must be a whole number" if column.dtype == "whole" and value % 1 else None


def write_camera(camera: gpd.GeoDataFrame, *, version: int) -> CameraFeature:
    """Make GeoJSON of a row of the cameras' frame, without the address of its stream."""
    row = camera.iloc[0]
    point = row[camera.geometry.name]
    longitude, latitude = find_transformer(camera.crs.to_string()).transform(point.x, point.y)
    geometry = PointGeometry(type="Point", coordinates=(round(longitude, DECIMALS), round(latitude, DECIMALS)))
    properties = {column.name: _plain(row[column.name]) for column in KEPT}
    return CameraFeature(id=str(camera.index[0]), geometry=geometry, properties=properties, version=version)


def _make_array(value: Any, column: Column) -> np.ndarray[Any, Any]:
    if column.dtype == "flag":
        return np.array([value], dtype=bool)
    if column.dtype == "text":
        return np.array([value], dtype=object)
    return np.array([np.nan if value is None else value], dtype=float)


def _plain(value: Any) -> Any:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    return value.item() if isinstance(value, np.generic) else value
