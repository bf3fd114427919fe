"""Every error as ``application/problem+json`` (RFC 9457): what went wrong, never where in the program."""

from __future__ import annotations

import errno
import logging
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from sightgrid.errors import CRSError, InfeasibleError, InputError, SightgridError, SourceError, hide
from sightgrid.store.conflicts import ExistsError, NotFoundError, StaleVersionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI, Request

MEDIA_TYPE = "application/problem+json"
TITLES = {
    400: "Bad request", 401: "Sign in first", 403: "Not allowed", 404: "Not found", 405: "Method not allowed",
    406: "Not acceptable", 408: "Too slow", 409: "Conflict", 411: "Length required", 412: "Changed by somebody else",
    413: "Too large", 415: "Unsupported type", 422: "Cannot be used", 428: "Version required", 429: "Too many requests",
    500: "Internal error", 503: "Not available", 507: "No space",
}  # fmt: skip
# the first that fits
STATUS: tuple[tuple[type[SightgridError], int], ...] = (
    (NotFoundError, 404),
    (ExistsError, 409),
    (StaleVersionError, 412),
    (CRSError, 400),
    (InputError, 422),
    (InfeasibleError, 422),
    (SourceError, 422),
    (SightgridError, 503),
)
NO_SPACE = "the disk of the server is full; nothing was changed"
FULL = ("disk is full", "no space left", "could not extend file")

log = logging.getLogger("sightgrid.api")


class ProblemDocument(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str = Field(description="One line for people.")


# for the description of the API: what any route may answer instead of what it says
ANY_PROBLEM: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "What went wrong.",
        "content": {MEDIA_TYPE: {"schema": ProblemDocument.model_json_schema()}},
    }
}


class Problem(HTTPException):
    """An answer that is a problem.

    Parameters
    ----------
    status : int
        The HTTP status.
    detail : str
        One line for people.
    headers : mapping, optional
        Sent with it.
    more : mapping, optional
        Further members of the JSON object.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(status, detail, headers)
        self.more = dict(more or {})


def answer_problem(
    status: int, detail: str, *, headers: Mapping[str, str] | None = None, more: Mapping[str, Any] | None = None
) -> JSONResponse:
    """Make the answer of a problem."""
    body = {"type": "about:blank", "title": TITLES.get(status, "Error"), "status": status, "detail": detail}
    return JSONResponse({**body, **(more or {})}, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def handle_problems(app: FastAPI) -> None:
    """Let an application answer every error with a problem."""
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(SightgridError, _answer_ours)
    app.add_exception_handler(OSError, _answer_system)
    app.add_exception_handler(Exception, _answer_unknown)


async def _answer_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101  (registered for it)
    more = error.more if isinstance(error, Problem) else None
    headers = dict(error.headers or {})
    if error.status_code == 405 and (methods := _list_methods(request)):  # noqa: PLR2004
        headers["Allow"] = ", ".join(methods)  # the router itself tells those of one of the routes only
    return answer_problem(error.status_code, str(error.detail), headers=headers, more=more)


def _list_methods(request: Request) -> list[str]:
    fitting = [
        route.methods
        for route in iter_route_contexts(request.app.routes)
        if route.methods and route.path_regex.match(request.scope["path"])
    ]
    return sorted(set().union(*fitting))


async def _answer_invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  (registered for it)
    faults = [{"where": "/".join(map(str, each["loc"])), "rule": each["msg"]} for each in error.errors()[:20]]
    first = faults[0] if faults else {"where": "", "rule": "not valid"}
    more = {"faults": faults}
    return answer_problem(422, f"{first['where']}: {first['rule']}", more=more)  # never the value: it may be a secret


async def _answer_ours(request: Request, error: Exception) -> JSONResponse:
    status = next(status for kind, status in STATUS if isinstance(error, kind))
    text = str(error).removeprefix(f"{request.app.state.database.name}: ")  # where the store lies is nobody's business
    if status == STATUS[-1][1]:
        log.error("%s", hide(text))
        if any(words in text.lower() for words in FULL):
            return answer_problem(507, NO_SPACE)
        return answer_problem(status, "the store cannot be used at the moment; nothing was changed")
    more = {"given": error.given, "current": error.current} if isinstance(error, StaleVersionError) else None
    return answer_problem(status, " ".join(hide(word) for word in text.split(" ")), more=more)


async def _answer_system(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        log.error("%s %r: %s", request.method, request.url.path, error.strerror)
        return answer_problem(507, NO_SPACE)
    return await _answer_unknown(request, error)


async def _answer_unknown(request: Request, error: Exception) -> JSONResponse:
    log.error("%s %r: %s", request.method, request.url.path, type(error).__name__, exc_info=error)
    return answer_problem(500, "something went wrong in the server; its log says more")
