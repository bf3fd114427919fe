"""The cameras' health over HTTP."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from sightgrid.api.actors import Store, Who
from sightgrid.api.health.models import (
    After,
    CameraDetail,
    CameraId,
    CameraRow,
    HealthTable,
    Status,
    StreamChange,
    StreamList,
    StreamRow,
    Words,
)
from sightgrid.api.health.views import describe_camera, list_rows
from sightgrid.api.planning.exports import mask_formula
from sightgrid.api.planning.models import Id
from sightgrid.errors import InputError
from sightgrid.health.addresses import parse_address
from sightgrid.store.audit_entries import noting
from sightgrid.store.health_pages import count_health, find_health, read_health_page, read_thumbnail
from sightgrid.store.sites import find_site
from sightgrid.store.streams import read_stream_page, write_streams

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sightgrid.store.database import Database
    from sightgrid.store.sites import StoredSite

CHUNK = 5000
COLUMNS = tuple(CameraRow.model_fields)

Statuses = Annotated[list[Status] | None, Query(description="Only cameras of these; all, if not given.")]

router = APIRouter(tags=["health"])


@router.get("/sites/{site_id}/health")
def list_health(
    site_id: Id,
    database: Store,
    status: Statuses = None,
    q: Words = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    after: After = "",
) -> HealthTable:
    """List the cameras of a site with what their newest probes found, page by page."""
    site = find_site(database, site_id)
    found = read_health_page(database, site, statuses=status, text=q, limit=limit + 1, after=after)
    counts = None if after else count_health(database, site)
    more = found[limit - 1].camera_id if len(found) > limit else None
    return HealthTable(cameras=list_rows(site, found[:limit]), counts=counts, after=more)


@router.get(
    "/sites/{site_id}/health.csv", response_class=StreamingResponse, responses={200: {"content": {"text/csv": {}}}}
)
def export_health(site_id: Id, database: Store, status: Statuses = None, q: Words = "") -> StreamingResponse:
    """Give the table of the cameras' health as CSV; a spreadsheet computes nothing of it."""
    site = find_site(database, site_id)
    name = re.sub(r"[^A-Za-z0-9_]+", "-", site.name).strip("-") or "site"
    return StreamingResponse(
        _write_table(database, site, status, q),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}-health.csv"'},
    )


@router.get(
    "/sites/{site_id}/health/{camera_id:path}/thumbnail",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}},
)
def show_thumbnail(site_id: Id, camera_id: CameraId, database: Store) -> Response:
    """Give the last picture of a camera; browsers do not keep it."""
    at, data = read_thumbnail(database, find_site(database, site_id), camera_id)
    headers = {"Cache-Control": "no-store", "Last-Modified": at.strftime("%a, %d %b %Y %H:%M:%S GMT")}
    return Response(data, media_type="image/jpeg", headers=headers)


@router.get("/sites/{site_id}/health/{camera_id:path}")
def show_camera_health(site_id: Id, camera_id: CameraId, database: Store) -> CameraDetail:
    """Show what was found out about one camera: its last probes, its outages, its rates."""
    return describe_camera(database, find_site(database, site_id), camera_id)


@router.get("/sites/{site_id}/streams")
def list_streams(
    site_id: Id, database: Store, limit: Annotated[int, Query(ge=1, le=1000)] = 100, after: After = ""
) -> StreamList:
    """List where the streams of a site are: scheme, host and port, and nothing that could open them."""
    find_site(database, site_id)
    found = read_stream_page(database, site_id, limit=limit + 1, after=after)
    names = list(found)
    rows = [_describe_stream(name, found[name]) for name in names[:limit]]
    return StreamList(streams=rows, after=names[limit - 1] if len(names) > limit else None)


@router.put("/sites/{site_id}/streams/{camera_id:path}", status_code=204)
def set_stream(site_id: Id, camera_id: CameraId, change: StreamChange, database: Store, who: Who) -> None:
    """Set the address of a camera's stream, or take it away."""
    site = find_site(database, site_id)
    find_health(database, site, camera_id)
    text = change.stream_url.strip()
    if text and parse_address(text).scheme == "file":
        raise InputError("stream_url: must be rtsp, rtsps, http or https; files of the server are no streams")
    with noting(actor=who.name, action="stream.set" if text else "stream.remove", target=f"{site.name}/{camera_id}"):
        write_streams(database, site_id, {camera_id: text})


def _describe_stream(camera_id: str, text: str) -> StreamRow:
    try:
        address = parse_address(text)
    except InputError as error:
        rule = str(error).removeprefix("stream address: ")
        return StreamRow(camera_id=camera_id, scheme="", host="", port=None, has_login=False, fault=rule)
    return StreamRow(
        camera_id=camera_id,
        scheme=address.scheme,
        host=address.host,
        port=address.port or None,
        has_login=address.has_credentials,
        fault="",
    )


def _write_table(database: Database, site: StoredSite, statuses: Sequence[Status] | None, text: str) -> Iterator[str]:
    yield "\ufeff"  # spreadsheets ask for the mark
    yield _write_rows([COLUMNS])
    after = ""
    while True:
        page = read_health_page(database, site, statuses=statuses, text=text, limit=CHUNK, after=after)
        rows = [row.model_dump(mode="json") for row in list_rows(site, page)]
        yield _write_rows([[mask_formula(row[name]) for name in COLUMNS] for row in rows])
        if len(page) < CHUNK:
            return
        after = page[-1].camera_id


def _write_rows(rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
