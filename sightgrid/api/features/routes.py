"""Routes that tell which layers there are, and what their features hold."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from sightgrid.api.actors import Store, Who
from sightgrid.api.collections import Collection
from sightgrid.api.features import schemas
from sightgrid.api.features.crs import CRS84, list_references
from sightgrid.api.features.geojson import MEDIA_TYPE
from sightgrid.api.features.models import CollectionInfo, CollectionList, Schema
from sightgrid.api.features.opening import Opened, open_collection
from sightgrid.api.features.parameters import link, refuse_unknown
from sightgrid.api.roles import READ, ROUTES
from sightgrid.store.scenarios import list_scenarios
from sightgrid.store.sites import list_sites
from sightgrid.store.variants import State

router = APIRouter(tags=["Layers"])

OGC = "http://www.opengis.net/def/rel/ogc/1.0/"
ABOUT = {
    "cameras": "Cameras: where they stand, where they look, their optics.",
    "obstacles": "What blocks the view: buildings, walls, roofs.",
    "streets": "Streets and footways as a network, one feature for each direction.",
    "water": "Water.",
    "places": "Places that should be seen, with what they ask for.",
    "posts": "Posts that can carry a camera.",
    "zones": "The study area, and areas with a rule: private, forbidden, consent, observable.",
    "grid": "Cells that rates are told for.",
    "incidents": "What happened, where and when.",
}


class SchemaResponse(JSONResponse):
    """An answer that is a JSON Schema."""

    media_type = schemas.MEDIA_TYPE


@router.get("/collections", response_model_exclude_none=True)
def list_collections(request: Request, database: Store, who: Who) -> CollectionList:
    """List the layers of all sites that the role may see, and for planners the cameras of each scenario."""
    refuse_unknown(request, ())
    found = []
    for site in list_sites(database):
        state = State(site.uid, site.name, site.crs.to_string(), site.revisions, 0)
        opened = [Opened(database, Collection(site.site_id, layer), state) for layer in READ if who.role in READ[layer]]
        found += [_describe(request, each, f"{site.name}: {each.layer}") for each in opened]
        if who.role in ROUTES["show_scenario"]:
            for scenario in list_scenarios(database, site.site_id):
                collection = Collection(site.site_id, "cameras", scenario.scenario_id)
                variant = Opened(database, collection, state._replace(scenario_version=scenario.version))
                found.append(_describe(request, variant, f"{site.name}: cameras of {scenario.name}"))
    links = [link(request, "/collections", "self", "application/json", "this document")]
    return CollectionList.model_validate({"links": links, "collections": found})


@router.get("/collections/{collection}", response_model_exclude_none=True)
def show_collection(request: Request, collection: str, database: Store, who: Who) -> CollectionInfo:
    """Describe a layer: where it lies, which coordinate systems it is given in, and where its features are."""
    refuse_unknown(request, ())
    opened = open_collection(database, who, collection)
    return CollectionInfo.model_validate(_describe(request, opened, title(opened)))


@router.get("/collections/{collection}/queryables", response_class=SchemaResponse, response_model=Schema)
def show_queryables(request: Request, collection: str, database: Store, who: Who) -> SchemaResponse:
    """Describe what a `filter` can name, as JSON Schema."""
    refuse_unknown(request, ())
    opened = open_collection(database, who, collection)
    address = link(request, f"/collections/{opened.collection}/queryables", "self", "")["href"]
    return SchemaResponse(schemas.describe_queryables(opened.layer, title(opened), address))


@router.get("/collections/{collection}/schema", response_class=SchemaResponse, response_model=Schema)
def show_schema(request: Request, collection: str, database: Store, who: Who) -> SchemaResponse:
    """Describe what features hold, with units, ranges and choices, as JSON Schema."""
    refuse_unknown(request, ())
    opened = open_collection(database, who, collection)
    address = link(request, f"/collections/{opened.collection}/schema", "self", "")["href"]
    return SchemaResponse(schemas.describe_features(opened.layer, title(opened), address))


def title(opened: Opened) -> str:
    """Name a collection for people."""
    if opened.collection.scenario_id is None:
        return f"{opened.state.name}: {opened.layer}"
    return f"{opened.state.name}: cameras of scenario {opened.collection.scenario_id}"


def _describe(request: Request, opened: Opened, name: str) -> dict[str, Any]:
    path = f"/collections/{opened.collection}"
    references = list_references(opened.crs)
    around = opened.measure()
    storage = next(iter(references))
    return {
        "id": str(opened.collection),
        "title": name,
        "description": ABOUT[opened.layer],
        "extent": {"spatial": {"bbox": [around], "crs": CRS84}} if around else None,
        "crs": list(references),
        "storageCrs": storage if references[storage].crs == opened.crs else None,
        "links": [
            link(request, path, "self", "application/json", "this document"),
            link(request, f"{path}/items", "items", MEDIA_TYPE, "the features"),
            link(request, f"{path}/queryables", f"{OGC}queryables", schemas.MEDIA_TYPE, "what filters can name"),
            link(request, f"{path}/schema", f"{OGC}schema", schemas.MEDIA_TYPE, "what features hold"),
            link(request, f"{path}/schema", "describedby", schemas.MEDIA_TYPE, "what features hold"),
            link(request, f"/tiles/{opened.collection}", f"{OGC}tilesets-vector", "application/json", "vector tiles"),
        ],
    }
