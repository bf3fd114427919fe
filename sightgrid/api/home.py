"""The server's own pages: the map, its landing page for machines, its documentation, how it is."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, JSONResponse, Response

from sightgrid.api.actors import Store
from sightgrid.api.openapi import to_openapi_30
from sightgrid.api.settings import WEB

SPEC = "http://www.opengis.net/spec/"
FEATURES, CQL2 = f"{SPEC}ogcapi-features", f"{SPEC}cql2/1.0/conf"
CONFORMS = (
    f"{SPEC}ogcapi-common-1/1.0/conf/core",
    f"{FEATURES}-1/1.0/conf/core",
    f"{FEATURES}-1/1.0/conf/geojson",
    f"{FEATURES}-1/1.0/conf/oas30",
    f"{FEATURES}-2/1.0/conf/crs",
    f"{FEATURES}-3/1.0/conf/queryables",
    f"{FEATURES}-3/1.0/conf/filter",
    f"{FEATURES}-3/1.0/conf/features-filter",
    f"{CQL2}/cql2-text",
    f"{CQL2}/cql2-json",
    f"{CQL2}/basic-cql2",
    f"{CQL2}/advanced-comparison-operators",
    f"{CQL2}/property-property",
    f"{CQL2}/basic-spatial-functions",
    f"{CQL2}/basic-spatial-functions-plus",
    f"{SPEC}cql2/0.0/conf/basic-spatial-operators",  # the same under its name in the draft, which QGIS asks for
    f"{FEATURES}-4/1.0/conf/create-replace-delete",
    f"{FEATURES}-4/1.0/conf/features",
    f"{FEATURES}-4/1.0/conf/optimistic-locking-etags",
    f"{FEATURES}-5/1.0/conf/schemas",
    f"{FEATURES}-5/1.0/conf/core-roles-features",
)
OPENAPI_TYPE = "application/vnd.oai.openapi+json;version=3.0"

router = APIRouter()


@router.get("/", response_model=None)
def show_landing(request: Request, f: str | None = None) -> Response:
    """Give the map to a browser, and the landing page of the API to a program (``?f=json``)."""
    if f == "html" or (f is None and "text/html" in request.headers.get("accept", "")):
        return FileResponse(WEB / "index.html", headers={"Vary": "Accept", "Cache-Control": "no-cache"})
    base = str(request.base_url).rstrip("/")
    links = [
        ("self", "application/json", "/?f=json", "this document"),
        ("service-desc", OPENAPI_TYPE, "/openapi.json", "the API"),
        ("service-doc", "text/html", "/docs", "the API, for people"),
        ("conformance", "application/json", "/conformance", "what it conforms to"),
        ("data", "application/json", "/collections", "the layers"),
        ("http://www.opengis.net/def/rel/ogc/1.0/processes", "application/json", "/processes", "what can be computed"),
        ("http://www.opengis.net/def/rel/ogc/1.0/job-list", "application/json", "/jobs", "what is being computed"),
        ("alternate", "text/html", "/?f=html", "the map"),
    ]
    return JSONResponse(
        {
            "title": "sightgrid",
            "description": "Public video coverage and patrols of a city",
            "links": [
                {"rel": rel, "type": kind, "title": title, "href": base + path} for rel, kind, path, title in links
            ],
        },
        headers={"Vary": "Accept"},
    )


@router.get("/conformance")
def show_conformance() -> dict[str, list[str]]:
    """List the classes of standards that this server conforms to."""
    return {"conformsTo": list(CONFORMS)}


@router.get("/openapi.json", response_class=Response, responses={200: {"content": {OPENAPI_TYPE: {}}}})
def show_openapi(request: Request) -> Response:
    """Describe the API in OpenAPI."""
    return JSONResponse(to_openapi_30(request.app.openapi()), media_type=OPENAPI_TYPE)


@router.get("/healthz")
def show_health(database: Store) -> dict[str, Any]:
    """Tell whether the server and its store answer."""
    with database.read() as connection:
        connection.execute(sa.text("SELECT 1"))
    return {"status": "ok"}
