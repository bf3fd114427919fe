"""Layers in and out as files."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

import shapely
from fastapi import APIRouter, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sightgrid.api.actors import Actor, Store, Who, get_settings, require_edit, require_read
from sightgrid.api.planning.exports import MEDIA_TYPES, Format, name_file, read_layers, send_export
from sightgrid.api.planning.imports import read_upload
from sightgrid.api.planning.models import LARGEST_ID, LayerName
from sightgrid.api.planning.routes_sites import SiteId
from sightgrid.api.planning.storing import extend_layer, extend_variant, replace_layer, replace_variant
from sightgrid.api.planning.uploads import Upload, describe_form, receive, speaking_of
from sightgrid.api.problems import Problem
from sightgrid.api.roles import READ
from sightgrid.store.audit_entries import noting
from sightgrid.store.conflicts import NotFoundError
from sightgrid.store.database import Database
from sightgrid.store.layer_tables import LAYERS, features
from sightgrid.store.layers import read_layer
from sightgrid.store.scenarios import find_scenario
from sightgrid.store.sites import find_site

router = APIRouter(tags=["planning"])

FORM = describe_form(
    mode={"type": "string", "enum": ["replace", "add"], "default": "replace"},
    scenario_id={"type": "integer", "minimum": 1, "description": "Cameras only: into this scenario."},
    zone={"type": "string", "description": "Incidents only: the time zone of times without an offset."},
)
FILES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file.",
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in MEDIA_TYPES.values()},
    }
}


class ImportForm(BaseModel):
    """How a file is taken in."""

    model_config = ConfigDict(extra="forbid")

    mode: Literal["replace", "add"] = "replace"
    scenario_id: int | None = Field(default=None, ge=1, le=LARGEST_ID)
    zone: str | None = Field(default=None, max_length=100)


class ImportReport(BaseModel):
    """What was taken in."""

    layer: LayerName
    mode: Literal["replace", "add"]
    scenario_id: int | None
    rows: int
    version: int = Field(description="Of the layer, or of the scenario.")
    notes: list[str] = Field(description="What was repaired, assumed or left out.")


@router.post("/sites/{site_id}/layers/{layer}", response_model=ImportReport, openapi_extra=FORM)
async def import_layer(
    site_id: SiteId, layer: Annotated[LayerName, Path()], request: Request, database: Store, who: Who
) -> ImportReport:
    """Take a layer in from a file, in the place of what is there or beside it; with any fault nothing is changed."""
    require_edit(who, layer)
    most_bytes = get_settings(request).most_upload_bytes
    async with receive(request) as upload:
        return await run_in_threadpool(_take_in, database, site_id, layer, upload, who, most_bytes=most_bytes)


@router.get("/sites/{site_id}/export", response_class=StreamingResponse, responses=FILES)
def export_layers(
    site_id: SiteId,
    database: Store,
    who: Who,
    layers: Annotated[
        str | None,
        Query(description="Names of layers with commas between; all that may be seen if not given.", max_length=200),
    ] = None,
    form: Annotated[Format, Query(alias="format")] = "gpkg",
    scenario_id: Annotated[int | None, Query(ge=1, le=LARGEST_ID, description="Cameras of this scenario.")] = None,
) -> StreamingResponse:
    """Give layers as a file: one GeoPackage, or one file for each layer, several in an archive."""
    site = find_site(database, site_id)
    names = _list_layers(layers, who)
    if scenario_id is not None:
        require_read(who, "cameras")
    frames = read_layers(database, site_id, names, scenario_id=scenario_id)
    if layers is None:
        frames = {layer: frame for layer, frame in frames.items() if len(frame)}
    parts = [site.name]
    if scenario_id is not None and "cameras" in frames:
        parts.append(find_scenario(database, scenario_id).name)
    return send_export(frames, form=form, name=name_file(*parts))


def _list_layers(text: str | None, who: Actor) -> list[str]:
    if text is None:
        return [layer for layer in LAYERS if who.role in READ[layer]]
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    unknown = [name for name in names if name not in LAYERS]
    if unknown or not names:
        raise Problem(422, f"layers: must be some of {', '.join(get_args(LayerName))}")
    for name in names:
        require_read(who, name)
    return names


def _take_in(
    database: Database, site_id: int, layer: LayerName, upload: Upload, who: Actor, *, most_bytes: int
) -> ImportReport:
    try:
        form = ImportForm.model_validate({key: value or None for key, value in upload.fields.items()})
    except ValidationError as error:
        first = error.errors()[0]
        raise Problem(422, f"{'/'.join(map(str, first['loc']))}: {first['msg']}") from error
    site = find_site(database, site_id)
    scenario = None
    if form.scenario_id is not None:
        if layer != "cameras":
            raise Problem(422, "scenario_id: a scenario has cameras only")
        scenario = find_scenario(database, form.scenario_id)
        if scenario.site_id != site_id:
            raise NotFoundError(f"the site has no scenario {form.scenario_id}")
    study = read_layer(database, site_id, "zones", where=features["zones"].c.rule == "study")
    area = shapely.union_all(study.geometry.to_numpy())
    with speaking_of(upload):
        frame, notes = read_upload(
            upload, layer, crs=site.crs, study=area, most_bytes=most_bytes, zone=form.zone, adding=form.mode == "add"
        )
    target = site.name if scenario is None else f"{site.name}/{scenario.name}"
    detail = {"layer": layer, "file": upload.name, "rows": len(frame), "mode": form.mode}
    with noting(actor=who.name, action="layer.import", target=target, detail=detail):
        if scenario is not None:
            write = replace_variant if form.mode == "replace" else extend_variant
            version = write(database, scenario.scenario_id, frame)
        elif form.mode == "replace":
            version = replace_layer(database, site_id, layer, frame)
        else:
            version = extend_layer(database, site_id, layer, frame)
    return ImportReport(
        layer=layer, mode=form.mode, scenario_id=form.scenario_id, rows=len(frame), version=version,
        notes=notes,
    )  # fmt: skip
