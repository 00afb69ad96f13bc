"""What the server says of itself: version, functions, health, its own metrics."""

from __future__ import annotations

from collections.abc import Mapping

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from saltern_graphite.functions import PIE_MODES, Library
from saltern_graphite.http.answers import Endpoint, as_json, both_slashes, error_object, packed
from saltern_graphite.http.params import Params
from saltern_graphite.store.view import StoreView
from saltern_graphite.telemetry.health import why_not_ok
from saltern_graphite.telemetry.measurable import Measured
from saltern_graphite.telemetry.prometheus import CONTENT_TYPE, exposition

GRAPHITE_VERSION = "1.1.10"
"""Of which Graphite we speak the API; clients choose what they send by it."""


class AboutApi:
    """Answers that don't depend on any metric."""

    def __init__(self, store: StoreView, library: Library) -> None:
        self._store = store
        self._library = library

    def routes(self) -> list[Route]:
        """Where it answers."""
        read = ["GET"]
        return [
            *both_slashes("/version", self.version, read),
            *both_slashes("/functions", as_json(self.functions), read),
            *both_slashes("/functions/{name}", as_json(self.function), read),
            *both_slashes("/health", self.health, read),
        ]

    async def version(self, request: Request) -> Response:
        """``/version``: of Graphite, as clients expect."""
        return PlainTextResponse(f"{GRAPHITE_VERSION}\n")

    def functions(self, request: Request, params: Params) -> object:
        """``/functions``: all functions, with ``grouped=1`` by group, with ``group=`` those of one."""
        grouped = params.text("grouped").lower() in ("1", "true")
        return self._asked(params).as_json(grouped=grouped, group=params.text("group") or None)

    def function(self, request: Request, params: Params) -> object:
        """``/functions/<name>``: one function."""
        name = request.path_params["name"]
        function = self._asked(params).get(name)
        return error_object(404, f"Function not found: {name}") if function is None else function.as_json(name)

    def _asked(self, params: Params) -> Library:
        return PIE_MODES if params.text("type") == "pie" else self._library

    async def health(self, request: Request) -> Response:
        """``/health``: what the store says, and how far the index is; 503 when the store is not ``ok``.

        :mod:`saltern_graphite.telemetry.health` has its shape.
        """
        index = self._store.index
        progress = index.progress
        said = self._store.health()
        told: Mapping[str, object] = {
            "ok": True,
            **said,
            "error": why_not_ok(said),
            "metrics": len(index),
            "index": {
                "building": progress.running,
                "complete": progress.complete,
                "metrics": progress.metrics,
                "folders": progress.folders,
                "seconds": round(progress.seconds, 3),
                **index.followed.told(),
            },
        }
        return JSONResponse(told, 200 if told["ok"] else 503)


def scrape_or_find(store: Measured, find: Endpoint) -> Endpoint:
    """Return the endpoint of ``/metrics``: the exposition of *store* for a GET without ``query``, else *find*.

    Graphite answers ``/metrics`` as it does ``/metrics/find``, where a query is required: no request means both.
    """

    async def endpoint(request: Request) -> Response:
        if request.method == "POST" or "query" in request.query_params:
            return await find(request)
        return await anyio.to_thread.run_sync(_answer, request)

    def _answer(request: Request) -> Response:
        return packed(request, exposition(store).encode(), CONTENT_TYPE, {"Cache-Control": "no-cache"})

    return endpoint
