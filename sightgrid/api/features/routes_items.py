"""Routes of features: listed, found, created, replaced, deleted."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote

import shapely
import sqlalchemy as sa
from fastapi import APIRouter, Body, Header, Request
from fastapi.responses import Response

from sightgrid.api.actors import Actor, Store, Who
from sightgrid.api.features import parameters as given
from sightgrid.api.features.areas import Question
from sightgrid.api.features.crs import Reference, bring_area, find_reference
from sightgrid.api.features.editing import (
    continue_save,
    create_row,
    delete_row,
    find_row,
    parse_tag,
    remember_save,
    replace_row,
)
from sightgrid.api.features.filters import Answer, parse_filter
from sightgrid.api.features.geojson import MEDIA_TYPE, VERSION, GeoJSONResponse, write_collection, write_features
from sightgrid.api.features.models import Feature, FeatureCollection, NewFeature
from sightgrid.api.features.opening import Opened, open_collection
from sightgrid.api.features.reading import Place, check_id, read_row
from sightgrid.api.problems import Problem
from sightgrid.api.roles import EDIT
from sightgrid.store.intersection import intersects
from sightgrid.store.layer_tables import TIMES, features
from sightgrid.store.layers import read_page
from sightgrid.store.scenario_pages import read_camera_page

router = APIRouter(tags=["Features"])

ITEMS = "/collections/{collection}/items"
ITEM = "/collections/{collection}/items/{item:path}"
CONDITIONS = ("bbox", "datetime", "filter")
LISTED = ("limit", "after", "crs", "bbox-crs", "filter-lang", "filter-crs", *CONDITIONS)
MOST_AFTER = 1000

IfMatch = Annotated[str | None, Header(alias="If-Match", description="The ETag of the feature that was changed.")]
ContentCrs = Annotated[str | None, Header(alias="Content-Crs", description="What the body is written in.")]
Given = Annotated[NewFeature, Body(media_type=MEDIA_TYPE)]


@router.get(ITEMS, response_class=GeoJSONResponse, response_model=FeatureCollection)
def list_items(
    request: Request,
    collection: str,
    database: Store,
    who: Who,
    limit: given.Limit = None,
    after: given.After = None,
    bbox: given.Bbox = None,
    bbox_crs: given.BboxCrs = None,
    crs: given.Crs = None,
    when: given.When = None,
    condition: given.Filter = None,
    filter_lang: given.FilterLang = None,
    filter_crs: given.FilterCrs = None,
) -> Response:
    """Give features page by page; each page links to the next one, and no feature is left out or given twice."""
    given.refuse_unknown(request, LISTED)
    opened = open_collection(database, who, collection)
    most = given.parse_limit(limit)
    reference = find_reference(crs, opened.crs, name="crs")
    answers = []
    box_reference = find_reference(bbox_crs, opened.crs, name="bbox-crs")
    if bbox is not None:
        answers.append(_ask_area(opened, given.parse_bbox(bbox, box_reference), box_reference))
    if when is not None:
        answers += _ask_when(opened, given.parse_when(when))
    filter_reference = find_reference(filter_crs, opened.crs, name="filter-crs")
    language = filter_lang or given.LANGUAGES[0]
    if language not in given.LANGUAGES:
        raise Problem(400, f"filter-lang: must be one of {', '.join(given.LANGUAGES)}")
    if condition is not None:
        question = Question(database, opened.layer, opened.crs, filter_reference, opened.anchor)
        answers.append(parse_filter(condition, language, question))
    frame, last = _read(opened, answers, limit=most, after=after)

    links = [given.link(request, request.url.path, "self", MEDIA_TYPE, **dict(request.query_params))]
    if last is not None:
        query = {**request.query_params, "after": last}
        links.append(given.link(request, request.url.path, "next", MEDIA_TYPE, **query))
    links.append(given.link(request, f"/collections/{opened.collection}", "collection", "application/json"))
    members: dict[str, Any] = {
        "links": links, "timeStamp": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "numberReturned": len(frame),
    }  # fmt: skip
    if not any(name in request.query_params for name in CONDITIONS):
        members["numberMatched"] = opened.count_items()
    written = write_features(frame, opened.layer, reference)
    return GeoJSONResponse(write_collection(written, members), headers=_tell_crs(reference))


@router.get(ITEM, response_class=GeoJSONResponse, response_model=Feature)
def find_item(
    request: Request, collection: str, item: str, database: Store, who: Who, crs: given.Crs = None
) -> Response:
    """Give one feature; its ETag is its version."""
    given.refuse_unknown(request, ("crs",))
    opened = open_collection(database, who, collection)
    return _give(opened, item, find_reference(crs, opened.crs, name="crs"))


@router.post(ITEMS, status_code=201, response_class=GeoJSONResponse, response_model=Feature)
def create_item(
    request: Request, collection: str, body: Given, database: Store, who: Who, content_crs: ContentCrs = None
) -> Response:
    """Add a feature; an id is made up where it brings none."""
    given.refuse_unknown(request, ())
    opened = open_collection(database, who, collection, edit=True)
    reference = _read_crs(content_crs, opened)
    name = check_id(body.id, opened.layer)
    row = read_row(name, body.geometry.model_dump(), body.properties, _place(opened), reference=reference)
    create_row(opened, row, who)
    path = f"/collections/{opened.collection}/items/{quote(name, safe='')}"
    location = given.link(request, path, "self", MEDIA_TYPE)["href"]
    return _give(opened, name, reference, status=201, headers={"Location": location})


@router.put(ITEM, response_class=GeoJSONResponse, response_model=Feature)
def replace_item(
    request: Request,
    collection: str,
    item: str,
    body: Given,
    database: Store,
    who: Who,
    if_match: IfMatch = None,
    content_crs: ContentCrs = None,
) -> Response:
    """Replace a feature, whole, if nobody changed it since it was read.

    The version it was read in stands in `If-Match`. Programs that cannot send it, such as QGIS, bring back the property
    `version` that the feature had.
    """
    given.refuse_unknown(request, ())
    opened = open_collection(database, who, collection, edit=True)
    reference = _read_crs(content_crs, opened)
    version, brought = parse_tag(if_match), None
    if version is None:
        brought = (body.properties or {}).get(VERSION)
        if type(brought) is not int or not 0 <= brought < 10**given.MOST_DIGITS:
            raise _ask_version("If-Match: send the ETag of the feature, or its property version")
        version = continue_save(opened, item, who, version=brought)
    if body.id is not None and str(body.id) != item:
        raise Problem(422, "id: is not the one of the address")
    find_row(opened, item)
    row = read_row(item, body.geometry.model_dump(), body.properties, _place(opened), reference=reference)
    made = replace_row(opened, row, who, version=version, reference=reference)
    if brought is not None:
        remember_save(opened, item, who, read=brought, made=made)
    return _give(opened, item, reference)


@router.delete(ITEM, status_code=204, response_class=Response)
def delete_item(
    request: Request, collection: str, item: str, database: Store, who: Who, if_match: IfMatch = None
) -> Response:
    """Take a feature away, if nobody changed it since it was read."""
    given.refuse_unknown(request, ())
    opened = open_collection(database, who, collection, edit=True)
    version = parse_tag(if_match)
    if version is None:
        raise _ask_version("If-Match: send the ETag of the feature")
    delete_row(opened, item, who, version=version, reference=find_reference(None, opened.crs, name="crs"))
    return Response(status_code=204)


@router.options(ITEMS, status_code=204, response_class=Response)
def show_items_options(collection: str, database: Store, who: Who) -> Response:
    """Tell what may be done with the layer."""
    return _allow(open_collection(database, who, collection), who, "POST")


@router.options(ITEM, status_code=204, response_class=Response)
def show_item_options(collection: str, item: str, database: Store, who: Who) -> Response:  # noqa: ARG001  (any feature)
    """Tell what may be done with a feature of the layer."""
    return _allow(open_collection(database, who, collection), who, "PUT", "DELETE")


def _ask_area(opened: Opened, area: shapely.Geometry, reference: Reference) -> Answer:
    shapes = bring_area(area, reference, opened.crs, anchor=opened.anchor)
    if not shapes:
        return Answer(lambda _: sa.false(), None)
    west, south, east, north = shapely.total_bounds(shapes)
    return Answer(
        lambda table: sa.or_(*(intersects(opened.database, table, shape) for shape in shapes)),
        (float(west), float(south), float(east), float(north)),
    )


def _ask_when(opened: Opened, interval: given.Interval) -> list[Answer]:
    def meet(table: sa.Table) -> sa.ColumnElement[bool]:
        column = table.c[kept]
        return sa.and_(
            sa.true() if interval.start_us is None else column >= interval.start_us,
            sa.true() if interval.end_us is None else column <= interval.end_us,
        )

    kept = next(iter(TIMES.get(opened.layer, {}).values()), "")
    return [Answer(meet, None)] if kept else []  # what has no time is not asked


def _read(opened: Opened, answers: list[Answer], *, limit: int, after: str | None) -> tuple[Any, str | None]:
    site_id, layer, scenario_id = opened.collection

    def meet(table: sa.Table) -> sa.ColumnElement[bool]:
        return sa.and_(sa.true(), *(answer.where(table) for answer in answers))

    boxes = [answer.box for answer in answers if answer.box]
    box = min(boxes, key=lambda each: (each[2] - each[0]) * (each[3] - each[1]), default=None)
    if scenario_id is not None:
        if after is not None and (len(after) > MOST_AFTER or "\0" in after):
            raise Problem(400, "after: must be what the next link says")
        return read_camera_page(opened.database, scenario_id, limit=limit, after=after or "", box=box, where=meet)
    where = meet(features[layer])
    key = given.parse_key(after)
    frame, last = read_page(opened.database, site_id, layer, limit=limit, after=key, box=box, where=where)
    return frame, None if last is None else str(last)


def _give(
    opened: Opened, name: str, reference: Reference, *, status: int = 200, headers: dict[str, str] | None = None
) -> GeoJSONResponse:
    (feature,) = write_features(find_row(opened, name), opened.layer, reference)
    tag = f'"{json.loads(feature)[VERSION]}"'
    sent = {**_tell_crs(reference), "ETag": tag, **(headers or {})}
    return GeoJSONResponse(feature.encode("utf-8", "replace"), status, headers=sent)


def _allow(opened: Opened, who: Actor, *methods: str) -> Response:
    allowed = ["GET", "OPTIONS", *(methods if who.role in EDIT[opened.layer] else ())]
    return Response(status_code=204, headers={"Allow": ", ".join(allowed)})


def _place(opened: Opened) -> Place:
    return Place(opened.layer, opened.crs, opened.anchor)


def _read_crs(text: str | None, opened: Opened) -> Reference:
    return find_reference(None if text is None else text.strip().strip("<>"), opened.crs, name="Content-Crs")


def _tell_crs(reference: Reference) -> dict[str, str]:
    return {"Content-Crs": f"<{reference.uri}>"}


def _ask_version(detail: str) -> Problem:
    return Problem(428, detail)
