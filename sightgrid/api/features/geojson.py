"""Features as GeoJSON (RFC 7946): rows of a layer written, many at a time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from fastapi.responses import JSONResponse

from sightgrid.api.features.crs import write_shapes
from sightgrid.store.layer_tables import CONTRACTS, SECRET, TIMES
from sightgrid.store.rows import name_ids

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import geopandas as gpd
    import pandas as pd

    from sightgrid.api.features.crs import Reference

MEDIA_TYPE = "application/geo+json"
VERSION = "version"
JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class GeoJSONResponse(JSONResponse):
    """An answer that is GeoJSON, written already."""

    media_type = MEDIA_TYPE

    def render(self, content: Any) -> bytes:
        """Send what is given."""
        return bytes(content)


def write_features(frame: gpd.GeoDataFrame, layer: str, reference: Reference) -> list[str]:
    """Write each row of a layer as a feature.

    Parameters
    ----------
    frame : GeoDataFrame
        As the store gives it: with a column ``version``, which each feature has beside its properties and among them
        (clients that know nothing of the first bring back the second).
    layer : str
        The layer.
    reference : Reference
        What coordinates are written in.

    Returns
    -------
    list of str
        JSON objects, without addresses of streams.
    """
    if frame.empty:
        return []
    shapes = write_shapes(shapely.orient_polygons(frame.geometry.to_numpy()), frame.crs, reference)
    names = [name for name in frame.columns if name not in {frame.geometry.name, SECRET}]
    whole = {column.name for column in CONTRACTS[layer] if column.dtype == "whole"}
    columns = [_list_values(frame[name], whole=name in whole) for name in names]
    keys = [str(name) for name in names]
    rows = zip(*columns, strict=True)
    members = zip(
        name_ids(frame.index), frame[VERSION].tolist(), shapely.to_geojson(shapes).tolist(), rows, strict=True
    )
    return [
        f'{{"type":"Feature","id":{JSON.encode(name)},"version":{version},"geometry":{shape},'
        f'"properties":{JSON.encode(dict(zip(keys, row, strict=True)))}}}'
        for name, version, shape, row in members
    ]


def write_collection(features: Sequence[str], members: Mapping[str, Any]) -> bytes:
    """Join features to a collection with further members."""
    head = JSON.encode({"type": "FeatureCollection", **members})
    return f'{head[:-1]},"features":[{",".join(features)}]}}'.encode("utf-8", "replace")


def name_times(layer: str) -> set[str]:
    """Return the columns of a layer that hold times."""
    return set(TIMES.get(layer, {}))


def _list_values(values: pd.Series[Any], *, whole: bool) -> list[Any]:
    if values.dtype.kind == "M":
        return [at.isoformat().replace("+00:00", "Z") for at in values]
    if values.dtype.kind in "iub":
        return values.tolist()
    if values.dtype.kind != "f":
        # texts, where pandas has NaN for none; and beside the contract anything that JSON knows
        return [_clean(value) for value in values.tolist()]
    known = np.isfinite(values.to_numpy())
    numbers = values.tolist()
    if whole:
        return [int(number) if there else None for number, there in zip(numbers, known, strict=True)]
    if known.all():
        return numbers
    return [number if there else None for number, there in zip(numbers, known, strict=True)]


def _clean(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value
