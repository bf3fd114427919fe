"""Vector tiles (Mapbox Vector Tiles 2.1) and their TileJSON."""

from __future__ import annotations

import re
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, NamedTuple

import sqlalchemy as sa
from fastapi import APIRouter, Depends, FastAPI, Header, Path, Query, Request
from fastapi.responses import Response

from sightgrid.api.actors import Actor, Store, Who, require_read, require_result
from sightgrid.api.collections import Collection, parse_collection, require_variant
from sightgrid.api.problems import ANY_PROBLEM, Problem
from sightgrid.api.roles import READ, RESULTS, ROUTES
from sightgrid.api.tiles.cache import TileCache, pack_tile
from sightgrid.api.tiles.descriptions import (
    Link,
    TileJSON,
    TilesetItem,
    TilesetList,
    VectorLayer,
    describe_layer,
    describe_result_layer,
)
from sightgrid.api.tiles.drawing import Drawer
from sightgrid.api.tiles.mercator import Tile, check_tile
from sightgrid.api.tiles.preparing import prepare
from sightgrid.api.tiles.tilesets import Tileset, find_result_tileset, find_tileset
from sightgrid.api.work.access import require_kept
from sightgrid.store.database import Database
from sightgrid.store.layer_tables import LAYERS
from sightgrid.store.results import KeptResult, describe_result
from sightgrid.store.scenarios import list_scenarios
from sightgrid.store.sites import find_site, list_sites

MEDIA_TYPE = "application/vnd.mapbox-vector-tile"
LASTING = "private, max-age=31536000, immutable"  # the version stands in the address
PASSING = "private, max-age=0, must-revalidate"
LARGEST_ID = 2**63 - 1

PROBLEM = ANY_PROBLEM["default"]
TILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The tile.", "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}},
    204: {"description": "Nothing lies in the tile."},
    304: {"description": "The tile is as it was."},
    422: PROBLEM,
}
_GZIP = re.compile(r"\s*(gzip|\*)\s*(;\s*q=(?!0(\.0*)?\s*$).*)?")
ResultId = Annotated[int, Path(ge=1, le=LARGEST_ID)]


class Inquiry(NamedTuple):
    """What a request for a tile says beside which one, and what the server draws it with."""

    drawer: Drawer
    cache: TileCache
    version: str | None
    known: str
    takes_gzip: bool

    def knows(self, tag: str) -> bool:
        """Tell whether the asking program has the tile of this tag."""
        known = [each.strip() for each in self.known.split(",")]
        return tag in known or tag.removeprefix("W/") in known or "*" in known


def _inquire(
    request: Request,
    v: Annotated[str | None, Query(description="The version in the TileJSON: the answer may be kept for good.")] = None,
    if_none_match: Annotated[str, Header(description="The ETag of the tile that is known.")] = "",
    accept_encoding: Annotated[str, Header(include_in_schema=False)] = "",
) -> Inquiry:
    state = request.app.state
    takes_gzip = any(_GZIP.fullmatch(each) for each in accept_encoding.lower().split(","))
    return Inquiry(state.drawer, state.tile_cache, v, if_none_match, takes_gzip)


Asked = Annotated[Inquiry, Depends(_inquire)]


@asynccontextmanager
async def _live(app: FastAPI) -> AsyncIterator[None]:
    app.state.drawer, app.state.tile_cache = Drawer(app.state.database), TileCache()
    stop = threading.Event()
    threading.Thread(target=prepare, args=(app.state.drawer, stop), daemon=True, name="tiles").start()
    yield
    stop.set()


router = APIRouter(tags=["tiles"], lifespan=_live)


@router.get("/tiles", responses={422: PROBLEM})
def list_tilesets(request: Request, database: Store, who: Who) -> TilesetList:
    """List the tiles of the layers of all sites, and of the cameras of scenarios."""
    items = []
    for site in list_sites(database):
        names = [(Collection(site.site_id, layer), f"{site.name}: {layer}") for layer in LAYERS]
        if who.role in ROUTES["show_scenario"]:
            names += [
                (Collection(site.site_id, "cameras", each.scenario_id), f"{site.name}: cameras of {each.name}")
                for each in list_scenarios(database, site.site_id)
            ]
        for name, title in names:
            if who.role in READ[name.layer]:
                link = Link(rel="self", href=f"{_find_base(request)}/tiles/{name}", type="application/json")
                items.append(
                    TilesetItem(id=str(name), title=title, site_id=site.site_id, layer=name.layer, links=[link])
                )
    return TilesetList(tilesets=items)


@router.get("/tiles/{collection}", responses={422: PROBLEM}, response_model_exclude_none=True)
def show_tileset(collection: str, request: Request, database: Store, who: Who) -> TileJSON:
    """Describe the tiles of a layer (TileJSON 3); after a change of the layer the address of its tiles is another."""
    name = _open(collection, who)
    title = f"{find_site(database, name.site_id).name}: {name.layer}"
    with database.read() as connection:
        tileset = find_tileset(connection, name)
        return _describe(request, connection, tileset, f"tiles/{name}", title, describe_layer(name.layer))


@router.get("/tiles/{collection}/{z}/{x}/{y}.mvt", response_class=Response, responses=TILE)
def draw_tile(collection: str, z: int, x: int, y: int, asked: Asked, database: Store, who: Who) -> Response:
    """Draw a tile of a layer: its rows, or where there are too many of them what they add up to."""
    name, tile = _open(collection, who), check_tile(z, x, y)
    with database.read() as connection:
        return _answer(connection, find_tileset(connection, name), tile, asked)


@router.get("/results/{result_id}/tiles/{layer}", responses={422: PROBLEM}, response_model_exclude_none=True)
def show_result_tileset(result_id: ResultId, layer: str, request: Request, database: Store, who: Who) -> TileJSON:
    """Describe the tiles of a layer of a result (TileJSON 3)."""
    result = _open_result(database, result_id, layer, who)
    title = f"{find_site(database, result.site_id).name}: {layer} of {result.kind}"
    with database.read() as connection:
        tileset = find_result_tileset(connection, result, layer)
        described = describe_result_layer(connection, tileset)
        return _describe(request, connection, tileset, f"results/{result_id}/tiles/{layer}", title, described)


@router.get("/results/{result_id}/tiles/{layer}/{z}/{x}/{y}.mvt", response_class=Response, responses=TILE)
def draw_result_tile(
    result_id: ResultId, layer: str, z: int, x: int, y: int, asked: Asked, database: Store, who: Who
) -> Response:
    """Draw a tile of a layer of a result."""
    result, tile = _open_result(database, result_id, layer, who), check_tile(z, x, y)
    with database.read() as connection:
        return _answer(connection, find_result_tileset(connection, result, layer), tile, asked)


def _open(text: str, who: Actor) -> Collection:
    name = parse_collection(text)
    require_read(who, name.layer)
    require_variant(who, name)
    return name


def _open_result(database: Database, result_id: int, layer: str, who: Actor) -> KeptResult:
    if layer not in RESULTS:
        raise Problem(404, "there is no such layer")
    result = describe_result(database, result_id)
    require_kept(who, result)
    require_result(who, layer)
    return result


def _find_base(request: Request) -> str:
    return str(request.base_url).rstrip("/")


def _describe(
    request: Request, connection: sa.Connection, tileset: Tileset, path: str, title: str, layer: VectorLayer
) -> TileJSON:
    drawer: Drawer = request.app.state.drawer
    version = drawer.find_version(connection, tileset)
    return TileJSON(
        name=title,
        tiles=[f"{_find_base(request)}/{path}/{{z}}/{{x}}/{{y}}.mvt?v={version}"],
        bounds=drawer.summaries.get(connection, tileset).find_bounds(),
        vector_layers=[layer],
    )


def _answer(connection: sa.Connection, tileset: Tileset, tile: Tile, asked: Inquiry) -> Response:
    version = asked.drawer.find_version(connection, tileset)
    tag = f'W/"{version}"'
    headers = {
        "ETag": tag, "Cache-Control": LASTING if asked.version == version else PASSING, "Vary": "Accept-Encoding",
    }  # fmt: skip
    if asked.knows(tag):
        return Response(status_code=304, headers=headers)
    key = (*tileset.identity, version, tile)
    packed = asked.cache.get(key)
    if packed is None:
        packed = pack_tile(asked.drawer.draw(connection, tileset, tile))
        asked.cache.put(key, packed)
    if not packed.body:
        return Response(status_code=204, headers=headers)
    if packed.zipped and asked.takes_gzip:
        return Response(packed.body, media_type=MEDIA_TYPE, headers={**headers, "Content-Encoding": "gzip"})
    return Response(packed.unpack(), media_type=MEDIA_TYPE, headers=headers)
