"""``/stats``, ``/metrics``, ``/health`` and ``/openapi.yaml``: what the API says of itself."""

from __future__ import annotations

import asyncio
import os
import time
from importlib import resources

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from saltern.__about__ import __version__
from saltern.errors import SalternError
from saltern_api.accepting import YAML
from saltern_api.context import HEADERS, Context, wanted_form
from saltern_api.tokens import session_token

DOCUMENT = "openapi.yaml"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
LOOKED_AT_S = 1.0
"""How long it counts that the master was there."""


class About:
    """The endpoints."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._began = time.time()
        self._document = resources.files("saltern_api").joinpath(DOCUMENT).read_bytes()
        self._looked: tuple[float, bool] = (-LOOKED_AT_S, False)

    async def stats(self, request: Request) -> ASGIApp:
        """GET ``/stats``: the counters."""
        form = wanted_form(request)
        await self._permit(request)
        settings = self._context.settings
        told = {
            "Saltern API": {
                "Version": __version__,
                "Process": os.getpid(),
                "Start Time": self._began,
                "Uptime": time.time() - self._began,
                "Threads": settings.thread_pool,
                **(self._context.counters.totals() if settings.collect_stats else {}),
            }
        }
        return Response(form.whole(told), headers=HEADERS, media_type=form.media_type)

    async def metrics(self, request: Request) -> ASGIApp:
        """GET ``/metrics``: the counters for Prometheus."""
        await self._permit(request)
        return Response(self._context.counters.prometheus(), headers=HEADERS, media_type=PROMETHEUS)

    async def health(self, request: Request) -> ASGIApp:
        """GET ``/health``: whether the API is there, and a master behind it; for everyone."""
        form = wanted_form(request)
        alive = await self._master_is_there()
        told = {"ok": alive, "error": None if alive else "no master answers on its socket", "version": __version__}
        return Response(form.whole(told), 200 if alive else 503, HEADERS, form.media_type)

    async def openapi(self, request: Request) -> ASGIApp:
        """GET ``/openapi.yaml``: the API's description."""
        return Response(self._document, headers=HEADERS, media_type=YAML)

    async def _permit(self, request: Request) -> None:
        """Raise ``NotAuthorised`` unless a session asks, where one must."""
        if not self._context.settings.stats_disable_auth:
            token = session_token(request)
            await self._context.workers.call(request, lambda client: client.session(token), token)

    async def _master_is_there(self) -> bool:
        at, alive = self._looked
        if time.monotonic() - at >= LOOKED_AT_S:
            try:
                alive = await asyncio.wait_for(asyncio.to_thread(self._context.workers.master.is_there), LOOKED_AT_S)
            except (SalternError, TimeoutError, OSError):
                alive = False
            self._looked = (time.monotonic(), alive)
        return alive
