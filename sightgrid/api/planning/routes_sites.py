"""Sites: listed, shown, added from a file, taken out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from sightgrid.api.actors import Actor, Store, Who
from sightgrid.api.planning.lonlat import DECIMALS, find_transformer
from sightgrid.api.planning.memory import Memory
from sightgrid.api.planning.models import LARGEST_ID, Name
from sightgrid.api.planning.uploads import Upload, describe_form, receive, speaking_of
from sightgrid.api.problems import Problem
from sightgrid.api.roles import EDIT, PLAN, PROCESSES, READ
from sightgrid.gis.io import open_site
from sightgrid.store import sites
from sightgrid.store.audit_entries import noting
from sightgrid.store.clock import to_time
from sightgrid.store.database import Database
from sightgrid.store.layer_tables import LAYERS, features
from sightgrid.store.layers import count_features, read_layer
from sightgrid.store.results import list_results
from sightgrid.store.sites import StoredSite

OPEN_RESULTS = "coverage"  # whoever may see a site may know what its newest measurement is
MOST_RESULTS = 500
WHOLE_SITE = ".gpkg"

SiteId = Annotated[int, Path(ge=1, le=LARGEST_ID, description="The number of a site.")]
Bounds = tuple[float, float, float, float]

router = APIRouter(tags=["planning"])

# what is true of a layer as long as its revision stays: counting a million rows takes a while
_COUNTS = Memory[int](500)
_BOUNDS = Memory[Bounds | None](100)


class SiteSummary(BaseModel):
    """A site in short."""

    site_id: int
    name: str
    crs: str = Field(description="The coordinate system in which it is kept and measured.")
    made_at: datetime
    bounds: Bounds | None = Field(description="West, south, east, north of its study area, in degrees.")
    center: tuple[float, float] | None = Field(description="Longitude and latitude of its middle.")


class LayerSummary(BaseModel):
    """A layer in short."""

    count: int
    revision: int = Field(description="Every change counts it on.")
    editable: bool


class SiteDescription(SiteSummary):
    """A site with its layers, as far as who asks may see them."""

    notes: list[str] = Field(description="What was repaired, assumed or left out when it was read.")
    layers: dict[str, LayerSummary]
    results: dict[str, int] = Field(description="For each kind of work its newest result of the site itself.")


@router.get("/sites")
def list_sites(database: Store) -> list[SiteSummary]:
    """List the sites by name."""
    return [_summarise(database, site) for site in sites.list_sites(database)]


@router.get("/sites/{site_id}")
def show_site(site_id: SiteId, database: Store, who: Who) -> SiteDescription:
    """Show a site, its layers and its newest results."""
    return _describe(database, sites.find_site(database, site_id), who)


@router.post(
    "/sites",
    status_code=201,
    response_model=SiteDescription,
    openapi_extra=describe_form(name={"type": "string", "minLength": 1, "maxLength": 200}),
)
async def add_site(request: Request, response: Response, database: Store, who: Who) -> SiteDescription:
    """Add a site from a GeoPackage with layers ``cameras``, ``obstacles``, ``zones`` or ``study``, and others."""
    async with receive(request) as upload:
        site = await run_in_threadpool(_bring_in, database, upload, who)
    response.headers["Location"] = f"/sites/{site.site_id}"
    return site


@router.delete("/sites/{site_id}", status_code=204)
def delete_site(site_id: SiteId, database: Store, who: Who) -> None:
    """Take a site out, with all its layers, scenarios, results, plans and jobs."""
    site = sites.find_site(database, site_id)
    with noting(actor=who.name, action="site.delete", target=site.name):
        sites.delete_site(database, site_id)


def _bring_in(database: Database, upload: Upload, who: Actor) -> SiteDescription:
    if upload.path.suffix != WHOLE_SITE:
        raise Problem(422, f"{upload.name}: a site is a GeoPackage ({WHOLE_SITE}) with layers of the names of a site's")
    try:
        name = TypeAdapter(Name).validate_python(upload.fields.get("name") or upload.stem)
    except ValidationError as error:
        raise Problem(422, "name: must be one line of at most 200 characters") from error
    if any(site.name == name for site in sites.list_sites(database)):
        raise Problem(409, f"there is a site called {name} already")
    with speaking_of(upload):
        site = open_site(upload.path)
    with noting(actor=who.name, action="site.add", target=name, detail={"file": upload.name}):
        site_id = sites.import_site(database, site, name=name)
    return _describe(database, sites.find_site(database, site_id), who)


def _summarise(database: Database, site: StoredSite) -> SiteSummary:
    bounds = find_bounds(database, site)
    center = None if bounds is None else ((bounds[0] + bounds[2]) / 2.0, (bounds[1] + bounds[3]) / 2.0)
    return SiteSummary(
        site_id=site.site_id, name=site.name, crs=site.crs.to_string(), made_at=to_time(site.made_at_us),
        bounds=bounds, center=center,
    )  # fmt: skip


def _describe(database: Database, site: StoredSite, who: Actor) -> SiteDescription:
    layers = {
        layer: LayerSummary(
            count=_count(database, site, layer), revision=site.revisions[layer], editable=who.role in EDIT[layer]
        )
        for layer in LAYERS
        if who.role in READ[layer]
    }
    kinds = [kind for kind, roles in PROCESSES.items() if who.role in roles or kind == OPEN_RESULTS]
    newest: dict[str, int] = {}
    for result in list_results(database, site.site_id, kinds=kinds, limit=MOST_RESULTS):
        if result.scenario_id is None:
            newest.setdefault(result.kind, result.result_id)
    # notes name cameras
    notes = [note for note in site.notes if who.role in PLAN or (":" in note and note.partition(":")[0] in layers)]
    summary = _summarise(database, site)
    return SiteDescription(**summary.model_dump(), notes=notes, layers=layers, results=newest)


def _count(database: Database, site: StoredSite, layer: str) -> int:
    key = (site.uid, layer, site.revisions[layer])
    return _COUNTS.recall(key, lambda: count_features(database, site.site_id, layer))


def find_bounds(database: Database, site: StoredSite) -> Bounds | None:
    """Return west, south, east and north of a site's study area, in degrees; None if it has none."""

    def find() -> Bounds | None:
        study = read_layer(database, site.site_id, "zones", where=features["zones"].c.rule == "study")
        if study.empty:
            return None
        west, south, east, north = find_transformer(site.crs.to_string()).transform_bounds(*study.total_bounds)
        return round(west, DECIMALS), round(south, DECIMALS), round(east, DECIMALS), round(north, DECIMALS)

    return _BOUNDS.recall((site.uid, site.revisions["zones"]), find)
