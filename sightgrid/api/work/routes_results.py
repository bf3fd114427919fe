"""Results over HTTP: listed, shown, downloaded, and their layers as GeoJSON."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import shapely
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from pyproj import CRS, Transformer

from sightgrid.api.actors import Store, Who, require_result
from sightgrid.api.problems import Problem
from sightgrid.api.roles import RESULTS
from sightgrid.api.work.access import OPEN, list_kinds, may_see, require_kept
from sightgrid.api.work.models import (
    Name,
    ResultDescription,
    ResultFeatures,
    ResultId,
    ResultList,
    ResultSummary,
    SiteId,
)
from sightgrid.api.work.outcomes import VERSION
from sightgrid.api.work.process import LARGEST_ID
from sightgrid.api.work.processes import PROCESSES
from sightgrid.gis.crs import WGS84
from sightgrid.store.clock import to_time
from sightgrid.store.conflicts import NotFoundError
from sightgrid.store.result_layers import list_result_layers, read_result_layer
from sightgrid.store.results import KeptResult, describe_result, read_result
from sightgrid.store.results import list_results as find_results
from sightgrid.store.sites import find_site, list_sites

if TYPE_CHECKING:
    import geopandas as gpd

    from sightgrid.store.database import Database
    from sightgrid.store.layers import Box

GEOJSON = "application/geo+json"
DECIMALS = 7  # a centimetre
BBOX = r"^-?\d+(\.\d+)?(,-?\d+(\.\d+)?){3}$"
WORLD = (-180.0, -90.0, 180.0, 90.0)
NOWHERE = (1e12, 1e12, 1e12, 1e12)
BEYOND_DEG = 3.0  # around the area of a coordinate system
ENDINGS = {"application/geopackage+sqlite3": "gpkg", "application/json": "json", "application/zip": "zip"}

router = APIRouter(tags=["results"])


class GeoJSONResponse(JSONResponse):  # a JSONResponse, so that it is described by its model
    """An answer that is written as GeoJSON already."""

    media_type = GEOJSON

    def render(self, content: Any) -> bytes:
        """Send what is given."""
        return bytes(content)


@router.get("/sites/{site_id}/results")
def list_results(
    site_id: SiteId,
    database: Store,
    who: Who,
    kind: Annotated[Name | None, Query(description="Of this process.")] = None,
    scenario_id: Annotated[int | None, Query(ge=1, le=LARGEST_ID, description="Of this scenario.")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> ResultList:
    """List the results of a site that who asks may see, the newest first."""
    if all(site.site_id != site_id for site in list_sites(database)):
        raise Problem(404, f"there is no site {site_id}")
    kinds = [name for name in {OPEN, *list_kinds(who)} if kind in {None, name}]
    found = find_results(database, site_id, kinds=kinds, scenario_id=scenario_id, limit=limit)
    shown = [each for each in found if may_see(who, each.scenario_id)]
    return ResultList(results=[ResultSummary(**_describe(database, each)) for each in shown])


@router.get("/results/{result_id}")
def show_result(result_id: ResultId, database: Store, who: Who) -> ResultDescription:
    """Show what was found, from what, and whether that has changed since."""
    result = describe_result(database, result_id)
    require_kept(who, result)
    layers = list_result_layers(database, result_id)
    seen = {name: rows for name, rows in layers.items() if who.role in RESULTS.get(name, ())}
    return ResultDescription(**_describe(database, result), layers=seen)


@router.get(
    "/results/{result_id}/file",
    response_class=Response,
    responses={200: {"content": {kind: {} for kind in ENDINGS}}},
)
def download_result(result_id: ResultId, database: Store, who: Who) -> Response:
    """Download all of a result as a file: a GeoPackage that QGIS opens with its styles, JSON, or a zip of several."""
    known = describe_result(database, result_id)
    require_kept(who, known)
    result = read_result(database, result_id)
    site = re.sub(r"[^A-Za-z0-9_-]+", "-", find_site(database, known.site_id).name).strip("-") or "site"
    name = f"{site}-{known.kind}-{result_id}.{ENDINGS.get(result.media_type, 'bin')}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(result.body, media_type=result.media_type, headers=headers)


@router.get("/results/{result_id}/layers/{layer}", response_class=GeoJSONResponse, response_model=ResultFeatures)
def list_result_features(
    result_id: ResultId,
    layer: str,
    request: Request,
    database: Store,
    who: Who,
    bbox: Annotated[str | None, Query(pattern=BBOX, description="West, south, east, north, in degrees.")] = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    after: Annotated[int, Query(ge=0, le=LARGEST_ID, description="What the link to the next page says.")] = 0,
) -> Response:
    """Give a layer of a result as GeoJSON, page by page."""
    if layer not in RESULTS:
        raise Problem(404, "there is no such layer")
    result = describe_result(database, result_id)
    require_kept(who, result)
    require_result(who, layer)
    box = None if bbox is None else _find_box(bbox, find_site(database, result.site_id).crs)
    frame, following = read_result_layer(database, result_id, layer, box=box, after=after, limit=limit)
    links = [{"href": str(request.url), "rel": "self", "type": GEOJSON, "title": "this page"}]
    if following is not None:
        href = str(request.url.include_query_params(after=following))
        links.append({"href": href, "rel": "next", "type": GEOJSON, "title": "the next page"})
    return GeoJSONResponse(_write_features(frame, links))


def _describe(database: Database, result: KeptResult) -> dict[str, Any]:
    options = dict(result.options)
    version = options.pop(VERSION, None)
    return {
        "result_id": result.result_id,
        "kind": result.kind,
        "site_id": result.site_id,
        "scenario_id": result.scenario_id,
        "scenario_version": version,
        "options": options,
        "figures": result.figures,
        "media_type": result.media_type,
        "made_at": to_time(result.made_at_us),
        "current": _is_current(database, result, options),
    }


def _is_current(database: Database, result: KeptResult, options: dict[str, Any]) -> bool:
    """Tell whether the same inputs would give the same result now."""
    process = PROCESSES.get(result.kind)
    if process is None:
        return False
    try:
        inputs = process.inputs.model_validate(options)
        return process.fingerprint(database, inputs) == result.fingerprint
    except (ValidationError, NotFoundError):  # asked of an older program; a scenario is gone
        return False


def _find_box(bbox: str, crs: CRS) -> Box:
    """Bring a box in degrees into the coordinate system of a site."""
    west, south, east, north = map(float, bbox.split(","))
    least_lon, least_lat, most_lon, most_lat = WORLD
    if not (least_lon <= west <= east <= most_lon and least_lat <= south <= north <= most_lat):
        raise Problem(422, "query/bbox: must be west, south, east, north in degrees, west not beyond east")
    area = crs.area_of_use
    if area is not None:  # far from it a projection may have no answer
        west, south = max(west, area.west - BEYOND_DEG), max(south, area.south - BEYOND_DEG)
        east, north = min(east, area.east + BEYOND_DEG), min(north, area.north + BEYOND_DEG)
    if west > east or south > north:
        return NOWHERE
    transformer = Transformer.from_crs(WGS84, crs, always_xy=True)
    minx, miny, maxx, maxy = transformer.transform_bounds(west, south, east, north)
    return minx, miny, maxx, maxy


def _write_features(frame: gpd.GeoDataFrame, links: list[dict[str, str]]) -> bytes:
    """Write GeoJSON as RFC 7946 wants it."""
    shapes = shapely.transform(frame.geometry.to_crs(WGS84).to_numpy(), lambda each: np.round(each, DECIMALS))
    shapes = shapely.orient_polygons(shapes)
    rows = frame.drop(columns=frame.geometry.name).astype(object)
    rows = rows.where(rows.notna(), None).to_dict("records")
    features = [
        f'{{"type":"Feature","id":{json.dumps(name)},"geometry":{shape},"properties":{json.dumps(row)}}}'
        for name, shape, row in zip(frame.index, shapely.to_geojson(shapes), rows, strict=True)
    ]
    told = f'"numberReturned":{len(features)},"links":{json.dumps(links)}'
    return f'{{"type":"FeatureCollection","features":[{",".join(features)}],{told}}}'.encode()
