"""Searching a site, and the legends of what a map shows."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from sightgrid.api.actors import Store, Who
from sightgrid.api.planning.legends import Legend, list_legends
from sightgrid.api.planning.routes_sites import SiteId, find_bounds
from sightgrid.api.planning.search import MOST, Hit, search
from sightgrid.api.roles import READ
from sightgrid.store.sites import find_site

router = APIRouter(tags=["planning"])


@router.get("/sites/{site_id}/search")
def search_site(
    site_id: SiteId,
    database: Store,
    who: Who,
    q: Annotated[str, Query(min_length=1, max_length=200, description="A name, an id, or latitude and longitude.")],
    limit: Annotated[int, Query(ge=1, le=MOST)] = MOST,
) -> list[Hit]:
    """Find cameras, places, streets and cells by name or id, and coordinates; case and accents do not matter."""
    site = find_site(database, site_id)
    bounds = find_bounds(database, site)
    return search(database, site, q, cameras=who.role in READ["cameras"], limit=limit, bounds=bounds)


@router.get("/legends")
def show_legends() -> dict[str, Legend]:
    """Give the classes, colours and words of each thematic layer, the same as in reports and in QGIS."""
    return list_legends()
