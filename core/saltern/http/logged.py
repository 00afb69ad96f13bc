"""Each request in one line of the access log.

::

    {"time": "2026-11-21T15:25:04.123Z", "client": "192.0.2.7", "user": "grafana", "method": "POST",
     "path": "/render", "status": 200, "bytes": 5120, "seconds": 0.0123, "targets": 2, "series": 12, "points": 2880,
     "cache": "miss", "dashboard": "aBc", "panel": "4", "org": "1", "agent": "Grafana/11.2"}

``bytes`` are those of the body as it was sent. What is not known is left out; ``status`` 499 is a client that went.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from saltern.http.access_log import AccessLog

_MAX_CHARS = 200
_FACTS = "saltern.facts"


def tell(scope: Scope, **facts: object) -> None:
    """Add *facts* to what the access log says of the request in *scope*, if there is one."""
    scope.get(_FACTS, {}).update(facts)


class Logged:
    """*app*, each of its answers told to *log*."""

    def __init__(self, app: ASGIApp, log: AccessLog, headers: Sequence[tuple[str, str]] = (), hidden: str = "") -> None:
        """*headers*: which are told, each under a name. *hidden*: behind this beginning of a path nothing is told."""
        self._app = app
        self._log = log
        self._headers = headers
        self._hidden = hidden

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, and log it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        facts: dict[str, object] = {}
        scope[_FACTS] = facts
        began, status, sent = time.perf_counter(), 0, 0

        async def counting(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                sent += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, counting)
        finally:
            told = {"status": status, "bytes": sent, "seconds": round(time.perf_counter() - began, 6)}
            self._log.write({**self._asked(scope), **told, **facts})

    def _asked(self, scope: Scope) -> dict[str, object]:
        now = datetime.now(UTC)
        path: str = scope["path"]
        if self._hidden and path.startswith(self._hidden):
            path = f"{self._hidden}…"
        asked: dict[str, object] = {
            "time": f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z",
            "client": scope["client"][0] if scope.get("client") else "",
            "method": scope["method"][:_MAX_CHARS],
            "path": path[:_MAX_CHARS],
        }
        headers = Headers(scope=scope)
        for name, header in self._headers:
            if header in headers:
                asked.setdefault(name, headers[header][:_MAX_CHARS])
        return asked
