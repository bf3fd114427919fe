"""What stands before every route: where a request comes from, how large it is, and headers of safety on each answer."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request

from sightgrid.api import bodies
from sightgrid.api.actors import find_actor
from sightgrid.api.problems import Problem, answer_problem
from sightgrid.api.roles import ROUTES
from sightgrid.api.tokens import read_bearer

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from sightgrid.api.settings import Settings

POLICY = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; font-src 'self'; manifest-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
}
ONE_YEAR = {"strict-transport-security": "max-age=31536000"}
SAFE = ("GET", "HEAD", "OPTIONS")
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
UPLOADERS = ROUTES["add_site"] | ROUTES["import_layer"]
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]/@]+?)\.?(:\d+)?")


class Shield:
    """Wraps the application, its answers to its own failures too.

    Parameters
    ----------
    app : ASGIApp
        What answers every failure by itself, and raises it again.
    settings : Settings
        Of the server.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self.settings = app, settings
        self.headers = HEADERS | (ONE_YEAR if settings.secure else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
                # files may be kept but have to be asked after; data is not for the disks of browsers and proxies
                headers.setdefault("cache-control", "no-cache" if scope["path"].startswith("/web/") else "no-store")
            await send(message)

        try:
            check_origin(scope, self.settings)
            receive = await self._take_body(scope, receive)
        except Problem as problem:
            answer = answer_problem(problem.status_code, problem.detail, headers=problem.headers)
            await answer(scope, receive, send_safely)
            return
        except bodies.GoneError:
            return
        with suppress(Exception):  # it is answered and in the log; the web server would log it again
            await self.app(scope, receive, send_safely)

    async def _take_body(self, scope: Scope, receive: Receive) -> Receive:
        headers = Headers(scope=scope)
        length = headers.get("content-length", "" if "transfer-encoding" in headers else "0")
        if length == "0":
            return receive
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        upload = kind == "multipart/form-data"
        try:
            most = await self._limit_size(scope, length, upload=upload)
        except Problem:
            if "expect" not in headers:  # else the client asks before it sends
                await bodies.waste_body(receive)
            raise
        if upload:
            return bodies.limit_body(receive, most)
        body = await bodies.read_body(receive, most)
        if kind.endswith("json"):
            await run_in_threadpool(bodies.check_json, body)
        return bodies.replay_body(body, receive)

    async def _limit_size(self, scope: Scope, length: str, *, upload: bool) -> int:
        most = self.settings.most_upload_bytes if upload else self.settings.most_body_bytes
        if not length or int(length) > bodies.MOST_STRANGER_BYTES:
            # routes check who asks when the body is read: too late for a gigabyte
            actor = await run_in_threadpool(find_actor, Request(scope))
            if actor is None and length:
                raise Problem(401, "sign in first", headers={"WWW-Authenticate": "Bearer"})
            if actor is None:
                most = min(most, bodies.MOST_STRANGER_BYTES)
            elif upload and actor.role not in UPLOADERS:
                raise Problem(403, f"the role {actor.role} may not do this")
        if length and int(length) > most:
            raise Problem(413, f"the request has more than {most:,} bytes")
        return most


def check_origin(scope: Scope, settings: Settings) -> None:
    """Refuse what a page of another server makes a browser ask, and names that are not ours.

    Raises
    ------
    Problem
        Why it is refused.
    """
    headers = Headers(scope=scope)
    if b"%00" in scope.get("raw_path", b"") + scope["query_string"]:
        raise Problem(400, "the address has a character that no text may have (NUL)")
    if settings.secure and scope["scheme"] != "https":
        raise Problem(403, "this server answers over TLS only; a proxy has to send X-Forwarded-Proto: https")
    host = headers.get("host", "").lower()
    names = {name.lower() for name in settings.hosts} | ({*LOOPBACK} if settings.local or settings.hosts else set())
    match = _HOST.fullmatch(host)
    if names and (match is None or match[1] not in names):  # a page elsewhere whose name was made to point here
        raise Problem(403, "this server does not answer to that name; start it with --origin")
    origin = headers.get("origin", "").lower()
    ours = {*settings.origins, f"{'https' if settings.secure else scope['scheme']}://{host}"}
    if origin in {each.lower().rstrip("/") for each in settings.origins}:
        return
    site = headers.get("sec-fetch-site", "")
    if site not in ("", "same-origin", "none"):
        followed = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
        if scope["method"] not in SAFE or not followed:  # a link from elsewhere may open a page, and no more
            raise Problem(403, "pages of other servers may not ask this")
    if scope["method"] in SAFE or read_bearer(headers):  # no page can make a browser send a key
        return
    # forms say "null" under our own referrer policy; then the browser's word on the site counts
    if origin and origin not in ours and not (origin == "null" and site == "same-origin"):
        raise Problem(403, "pages of other servers may not ask this")
