"""The server's own pages: the map, its landing page for machines, its documentation, how it is."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, JSONResponse, Response

from sightgrid.api.actors import Store
from sightgrid.api.settings import WEB

CONFORMS = (
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
)
OPENAPI_TYPE = "application/vnd.oai.openapi+json;version=3.0"

router = APIRouter()


@router.get("/", response_model=None)
def show_landing(request: Request, f: str | None = None) -> Response:
    """Give the map to a browser, and the landing page of the API to a program (``?f=json``)."""
    if f == "html" or (f is None and "text/html" in request.headers.get("accept", "")):
        return FileResponse(WEB / "index.html")
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
        }
    )


@router.get("/conformance")
def show_conformance() -> dict[str, list[str]]:
    """List the classes of standards that this server conforms to."""
    return {"conformsTo": list(CONFORMS)}


@router.get("/openapi.json", response_model=None)
def show_openapi(request: Request) -> Response:
    """Describe the API in OpenAPI."""
    return JSONResponse(request.app.openapi(), media_type=OPENAPI_TYPE)


@router.get("/healthz")
def show_health(database: Store) -> dict[str, Any]:
    """Tell whether the server and its store answer."""
    with database.read() as connection:
        connection.execute(sa.text("SELECT 1"))
    return {"status": "ok"}
