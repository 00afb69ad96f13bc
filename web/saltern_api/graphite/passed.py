"""The store's answer, passed on as it comes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import httpx
from starlette.types import Receive, Scope, Send

from saltern_api.answers import Refused
from saltern_api.graphite.store import pieces
from saltern_api.working import READ_WITHIN_S

WITHIN_S = 300.0
MAX_BYTES = 1 << 30
KEPT = ("content-type", "content-encoding", "content-length", "etag")
HEADERS = {
    "Cache-Control": "private, no-cache",  # the next to ask may see less
    "Vary": "Accept, Accept-Encoding, Authorization, Cookie, X-Auth-Token",
}

log = logging.getLogger(__name__)


class Passed:
    """*answer* to a client; *left* is called when it has it, or has gone. An ASGI application."""

    def __init__(self, answer: httpx.Response, left: Callable[[], None]) -> None:
        self._answer = answer
        self._left = left

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. What breaks off ends the connection: half an answer is none."""
        passing = asyncio.ensure_future(self._pass(send))
        gone = asyncio.ensure_future(_gone(receive))
        try:
            await asyncio.wait((passing, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (passing, gone):
                task.cancel()
            await asyncio.gather(passing, gone, return_exceptions=True)
            await self._answer.aclose()
            self._left()
        if not passing.cancelled() and (error := passing.exception()) is not None:
            log.warning("%s: an answer of the store broke off: %s", scope["path"][:200], error or type(error).__name__)

    async def _pass(self, send: Send) -> None:
        headers = {**HEADERS, **{name: self._answer.headers[name] for name in KEPT if name in self._answer.headers}}
        raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        async with asyncio.timeout(WITHIN_S):
            await send({"type": "http.response.start", "status": self._answer.status_code, "headers": raw})
            size = 0
            async for piece in pieces(self._answer):
                size += len(piece)
                if size > MAX_BYTES:
                    raise Refused(502, f"it has over {MAX_BYTES:,} bytes")
                async with asyncio.timeout(READ_WITHIN_S):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
