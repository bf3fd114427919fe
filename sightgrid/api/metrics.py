"""What the server measures of itself, as Prometheus reads it."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from sightgrid.api.actors import Store
from sightgrid.store.figures import count_jobs, measure_size

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
TILES = ("draw_tile", "draw_result_tile")
STATES = ("queued", "running", "done", "failed", "retryable", "cancelled")
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.3, 0.6, 1.2, 2.5, 5.0, 10.0, 30.0)
LEFT = 499  # stands for the status of an answer that nobody waited for

access = logging.getLogger("sightgrid.access")
router = APIRouter()


class Metrics:
    """The counters of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self.requests = Counter("sightgrid_requests", "Requests that were answered.", labels, registry=self.registry)
        self.seconds = Histogram(
            "sightgrid_request_seconds",
            "How long requests took, by route.",
            ("route",),
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self.tiles = Counter("sightgrid_tiles_drawn", "Tiles that were sent.", registry=self.registry)
        self.jobs = Gauge("sightgrid_jobs", "Jobs by state.", ("state",), registry=self.registry)
        self.bytes = Gauge("sightgrid_store_bytes", "Size of the store.", registry=self.registry)


class Meter:
    """Wraps the application and counts what it answers; and writes each into the access log.

    Routes are told by their templates: what somebody asked for, which may be a secret, stands nowhere.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), LEFT

        async def send_and_see(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, send_and_see)
        finally:
            seconds = time.perf_counter() - began
            method = scope["method"] if scope["method"] in METHODS else "other"
            route = _name_route(scope)
            self.metrics.requests.labels(method, route, status).inc()
            self.metrics.seconds.labels(route).observe(seconds)
            if status == 200 and getattr(scope.get("route"), "name", None) in TILES:  # noqa: PLR2004
                self.metrics.tiles.inc()
            access.info("%s %s %d %.0f ms", method, route, status, seconds * 1000.0)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def show_metrics(request: Request, database: Store) -> Response:
    """Give the measures of the server in the text format of Prometheus."""
    metrics: Metrics = request.app.state.metrics
    found = count_jobs(database)
    for state in STATES:
        metrics.jobs.labels(state).set(found.get(state, 0))
    metrics.bytes.set(measure_size(database))
    return Response(generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _name_route(scope: Scope) -> str:
    template = getattr(scope.get("route"), "path", None)
    if template:
        return str(template)
    return "/web" if scope["path"].startswith("/web/") else "none"
