"""Headers that keep an answer what it is, whoever opens it in a browser."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
CHART_POLICY = f"{POLICY}; sandbox; style-src 'unsafe-inline'"
"""matplotlib says colours and widths of an SVG's shapes in their ``style``: without these all is black."""

SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
}


class SafeAnswers:
    """*app*, each of its answers with :data:`SAFE_HEADERS`: it is taken for nothing else, loads and runs nothing."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                own = "content-security-policy" in headers
                for name, value in SAFE_HEADERS.items():
                    headers.setdefault(name, value)
                if own:
                    pass  # a page that has its own, as it loads more
                elif message["status"] == 304:  # says no type, and its headers would replace those of the stored answer
                    del headers["Content-Security-Policy"]
                elif headers.get("content-type", "").startswith("image/svg"):
                    headers["Content-Security-Policy"] = CHART_POLICY
            await send(message)

        await self._app(scope, receive, sending)
