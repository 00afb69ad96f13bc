"""``/metrics``: where Prometheus looks for our own metrics, and Graphite's clients for everyone's."""

from __future__ import annotations

import anyio
from starlette.requests import Request
from starlette.responses import Response

from saltern_graphite.http.answers import Endpoint, packed
from saltern_graphite.measured import Measured
from saltern_graphite.prometheus import CONTENT_TYPE, exposition


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
