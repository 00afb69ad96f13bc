"""Requests to an application without a socket."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from starlette.applications import Starlette


class AsgiClient:
    """Asks *app*, each request in an event loop of its own; what the application raises is raised here."""

    def __init__(self, app: Starlette) -> None:
        self._app = app

    async def ask(self, method: str, url: str, **kwargs: Any) -> httpx.Response:
        """Send one request, in the loop that runs; keywords are those of ``httpx``."""
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, url, **kwargs)

    def request(self, method: str, url: str, **kwargs: Any) -> httpx.Response:
        """Send one request; keywords are those of ``httpx``."""
        return asyncio.run(self.ask(method, url, **kwargs))

    def get(self, url: str, **kwargs: Any) -> httpx.Response:
        """GET *url*."""
        return self.request("GET", url, **kwargs)

    def post(self, url: str, **kwargs: Any) -> httpx.Response:
        """POST to *url*."""
        return self.request("POST", url, **kwargs)
