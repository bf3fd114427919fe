"""Parameters of requests: read by hand, so that whatever is wrong with them is one clear line and status 400."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple
from urllib.parse import urlencode

import shapely
from fastapi import Query
from pydantic import WithJsonSchema

from sightgrid.api.features.crs import MOST_COORDINATE
from sightgrid.api.problems import Problem
from sightgrid.store.clock import to_us

if TYPE_CHECKING:
    from fastapi import Request

    from sightgrid.api.features.crs import Reference

DEFAULT_LIMIT = 100
MOST_LIMIT = 10_000
MOST_DIGITS = 18
HALF_TURN_DEG = 180.0

BOX_SIZES = (4, 6)
OPEN = ("", "..")

# as the description of the API shows them; FastAPI itself would answer 422
LIMIT_SCHEMA = {"type": "integer", "minimum": 1, "maximum": MOST_LIMIT, "default": DEFAULT_LIMIT}
BOX_SCHEMA = {
    "oneOf": [{"type": "array", "items": {"type": "number"}, "minItems": size, "maxItems": size} for size in BOX_SIZES]
}
URI_SCHEMA = {"type": "string", "format": "uri"}
LANGUAGES = ("cql2-text", "cql2-json")

Limit = Annotated[
    str | None, WithJsonSchema(LIMIT_SCHEMA), Query(description="Most features of a page; more are never given.")
]
Bbox = Annotated[
    str | None,
    WithJsonSchema(BOX_SCHEMA),
    Query(
        description="What has a point in common with this box: west,south,east,north; in the order of `bbox-crs`.",
        openapi_examples={"Helsinki": {"value": "24.92,60.16,24.96,60.18"}},
    ),
]
BboxCrs = Annotated[
    str | None, WithJsonSchema(URI_SCHEMA), Query(alias="bbox-crs", description="What `bbox` is written in.")
]
Crs = Annotated[str | None, WithJsonSchema(URI_SCHEMA), Query(description="What coordinates shall be written in.")]
When = Annotated[
    str | None,
    WithJsonSchema({"type": "string"}),
    Query(
        alias="datetime",
        description="A time or an interval, open with `..`; for layers whose features have a time, such as incidents.",
        openapi_examples={"since": {"value": "2026-01-01T00:00:00Z/.."}},
    ),
]
Filter = Annotated[
    str | None,
    WithJsonSchema({"type": "string"}),
    Query(alias="filter", description="A condition in CQL2.", openapi_examples={"text": {"value": "kind = 'ptz'"}}),
]
FilterLang = Annotated[
    str | None,
    WithJsonSchema({"type": "string", "enum": list(LANGUAGES), "default": LANGUAGES[0]}),
    Query(alias="filter-lang", description="How `filter` is written."),
]
FilterCrs = Annotated[
    str | None,
    WithJsonSchema(URI_SCHEMA),
    Query(alias="filter-crs", description="What coordinates in `filter` are written in."),
]
After = Annotated[
    str | None, WithJsonSchema({"type": "string"}), Query(description="Where a page begins; `next` links have it.")
]


class Interval(NamedTuple):
    """Times from one to another, both included, in microseconds since 1970; None is open."""

    start_us: int | None
    end_us: int | None


def refuse_unknown(request: Request, known: tuple[str, ...]) -> None:
    """Answer 400 where a request has a parameter that the route does not know, or has one twice."""
    names = [name for name, _ in request.query_params.multi_items()]
    for name in names:
        if name not in known:
            raise Problem(400, f"unknown parameter {shorten(name)}; there are {', '.join(known) or 'none'}")
        if names.count(name) > 1:
            raise Problem(400, f"{name}: is given twice")


def shorten(text: str) -> str:
    """Cut what a request holds for a message, without what a terminal would obey."""
    short = text if len(text) <= 40 else f"{text[:40]}…"  # noqa: PLR2004  (enough to know it again)
    return "".join(sign if sign.isprintable() else "?" for sign in short)


def parse_limit(text: str | None) -> int:
    """Read the size of a page; what is too much becomes the most."""
    if text is None:
        return DEFAULT_LIMIT
    if not re.fullmatch(rf"[0-9]{{1,{MOST_DIGITS}}}", text, re.ASCII) or int(text) == 0:
        raise Problem(400, "limit: must be a whole number above 0")
    return min(int(text), MOST_LIMIT)


def parse_key(text: str | None) -> int:
    """Read where a page of a site's layer begins."""
    if text is None:
        return 0
    if not re.fullmatch(rf"[0-9]{{1,{MOST_DIGITS}}}", text, re.ASCII):
        raise Problem(400, "after: must be what the next link says")
    return int(text)


def parse_bbox(text: str, reference: Reference) -> shapely.Geometry:
    """Read a box, in its own coordinate system; one over the 180th meridian reaches beyond it.

    Raises
    ------
    Problem
        400: it is no box.
    """
    try:
        sides = [float(part) for part in text.split(",")]
    except ValueError:
        sides = []
    if len(sides) not in BOX_SIZES or not all(map(math.isfinite, sides)):
        raise Problem(400, "bbox: must be 4 or 6 numbers")
    return make_box(sides, reference, name="bbox")


def make_box(sides: list[float], reference: Reference, *, name: str) -> shapely.Geometry:
    """Make a box of 4 numbers, or of 6 with heights, which do not matter."""
    half = len(sides) // 2
    x0, y0, x1, y1 = sides[0], sides[1], sides[half], sides[half + 1]
    if reference.crs.is_geographic:
        if reference.inverted and x0 <= x1 and y0 > y1:
            y1 += 2 * HALF_TURN_DEG
        elif not reference.inverted and y0 <= y1 and x0 > x1:
            x1 += 2 * HALF_TURN_DEG
    if max(map(abs, (x0, y0, x1, y1))) > MOST_COORDINATE:
        raise Problem(400, f"{name}: lies outside the world")
    if x0 > x1 or y0 > y1:
        raise Problem(400, f"{name}: its lower corner must come first")
    return shapely.box(x0, y0, x1, y1)


def parse_when(text: str) -> Interval:
    """Read a time or an interval.

    Raises
    ------
    Problem
        400: it is neither.
    """
    parts = text.split("/")
    if len(parts) == 1:
        at = parse_time(text, name="datetime")
        return Interval(at, at)
    if len(parts) == 2 and not all(part in OPEN for part in parts):  # noqa: PLR2004  (start and end)
        start, end = (None if part in OPEN else parse_time(part, name="datetime") for part in parts)
        if start is None or end is None or start <= end:
            return Interval(start, end)
    raise Problem(400, "datetime: must be a time, or start/end with .. for an open side")


def parse_time(text: str, *, name: str) -> int:
    """Read a time with its zone, as RFC 3339 writes it, in microseconds since 1970."""
    try:
        at = datetime.fromisoformat(text)
        if "T" in text.upper() and at.tzinfo is not None:
            return to_us(at)
    except (ValueError, OverflowError):
        pass
    raise Problem(400, f"{name}: must be a time such as 2026-01-31T12:00:00Z")


def parse_day(text: str, *, name: str) -> Interval:
    """Read a day in UTC: from its first to its last microsecond."""
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
            start = datetime.fromisoformat(text).replace(tzinfo=UTC)
            return Interval(to_us(start), to_us(start.replace(hour=23, minute=59, second=59, microsecond=999_999)))
    except ValueError:
        pass
    raise Problem(400, f"{name}: must be a day such as 2026-01-31")


def link(request: Request, path: str, rel: str, kind: str, title: str | None = None, **query: Any) -> dict[str, str]:
    """Make a link to something else of this server."""
    base = str(request.base_url).rstrip("/")
    href = f"{base}{path}{'?' if query else ''}{urlencode(query)}"
    return {"rel": rel, "type": kind, **({"title": title} if title else {}), "href": href}
