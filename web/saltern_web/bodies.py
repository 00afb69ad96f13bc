"""Bodies of requests within bounds, before anything of them is read: Django would put any length of one on the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SMALL_BYTES = 64 * 1024
TOGETHER_BYTES = 128 * 1024 * 1024
WITHIN_S = 60.0
_MAX_DIGITS = 15


class _Refused(Exception):
    """The body is taken no further."""

    def __init__(self, status: int, said: str) -> None:
        self.status = status
        self.said = said


class BoundedBodies:
    """*app*, for requests whose body has up to *most* bytes and comes within *within_s* seconds.

    Those over *small* bytes have *together* bytes at a time, of all requests; small ones, as logins are, always come.
    """

    def __init__(
        self,
        app: ASGIApp,
        count: Callable[[str], None],
        most: int,
        small: int = SMALL_BYTES,
        together: int = TOGETHER_BYTES,
        within_s: float = WITHIN_S,
    ) -> None:
        self._app = app
        self._count = count
        self._most = most
        self._small = small
        self._together = together
        self._within_s = within_s
        self._held = 0
        """Bytes of large bodies that are held now."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        held = _Held()
        try:
            try:
                body = await self._read(scope, receive, held)
            except _Refused as error:
                self._count("bodiesRefused")
                more = {"Retry-After": "2"} if error.status == 503 else {}
                headers = {"Connection": "close", **more}
                await PlainTextResponse(f"{error.said}\n", error.status, headers)(scope, receive, send)
                return
            if body is not None:
                await self._app(scope, _given(body, receive), send)
        finally:
            self._held -= held.bytes

    async def _read(self, scope: Scope, receive: Receive, held: _Held) -> bytes | None:
        """Return the body, or nothing when its sender is gone. Raises ``_Refused``."""
        said = Headers(scope=scope).get("content-length", "")
        if said.isascii() and said.isdigit() and (len(said) > _MAX_DIGITS or int(said) > self._most):
            raise self._too_long()
        body = bytearray()
        try:
            async with asyncio.timeout(self._within_s):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    body += message.get("body", b"")
                    if len(body) > self._most:
                        raise self._too_long()
                    self._hold(held, len(body))
                    if not message.get("more_body", False):
                        return bytes(body)
        except TimeoutError:
            raise _Refused(408, f"the body did not come within {self._within_s:g} s") from None

    def _hold(self, held: _Held, size: int) -> None:
        if size > self._small:
            if self._held + size - held.bytes > self._together:
                raise _Refused(503, "too many large forms come at once: try again in a moment")
            self._held += size - held.bytes
            held.bytes = size

    def _too_long(self) -> _Refused:
        return _Refused(413, f"the body is longer than {self._most:,} bytes")


class _Held:
    """What one request holds of the room for large bodies."""

    bytes = 0


def _given(body: bytes, receive: Receive) -> Receive:
    """Return what gives *body* whole, and then what else *receive* has to tell: that who asked is gone."""
    given = False

    async def whole() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return whole
