"""Each answer counted by how it went."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_BY_STATUS: Mapping[int, str] = {401: "requestsUnauthorised", 429: "requestsBusy", 499: "requestsGone"}


class Counted:
    """*app*, each of its answers told to *count*."""

    def __init__(self, app: ASGIApp, count: Callable[[str], None]) -> None:
        self._app = app
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._count("requests")
                if message["status"] >= 500:
                    self._count("requestsFailed")
                elif name := _BY_STATUS.get(message["status"]):
                    self._count(name)
            await send(message)

        await self._app(scope, receive, counting if scope["type"] == "http" else send)
