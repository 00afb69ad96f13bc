"""uvicorn's HTTP protocol, within bounds: of connections, and of what may come before a request is a request.

httptools' parser takes a quarter of the time that h11's does, but keeps a head of any length.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 64 * 1024
"""Request line and headers together. Targets too long for it come in a body."""
_TOO_LONG = f"the request's line and headers are over {MAX_HEAD_BYTES} bytes: use POST\n"


class Readers(Protocol):
    """Who is told of requests, so that other work makes room for them."""

    def asked(self) -> None:
        """A request has come."""
        ...

    def answered(self) -> None:
        """A request has its answer, or its client is gone; once for each that came."""
        ...


def http_protocol(most: int, refused: Callable[[], None], readers: Readers) -> type[asyncio.Protocol]:
    """Return uvicorn's HTTP protocol, with at most *most* connections.

    *refused* is called for each one more; *readers* hears of requests.
    """

    class BoundedHttp(HttpToolsProtocol):
        _in_head = False
        _head_bytes = 0
        _waiting = False

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn does
            super().connection_made(transport)
            if len(self.connections) > most:
                refused()
                transport.abort()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self._in_head and not self.transport.is_closing():
                self._head_bytes += len(data)
                if self._head_bytes > MAX_HEAD_BYTES:
                    self.send_400_response(
                        f"the request's line and headers are over {MAX_HEAD_BYTES} bytes: use POST\n"
                    )

        def on_message_begin(self) -> None:
            self._in_head, self._head_bytes = True, 0
            super().on_message_begin()

        def on_headers_complete(self) -> None:
            self._in_head = False
            if not self._waiting:
                self._waiting = True
                readers.asked()
            super().on_headers_complete()

        def on_response_complete(self) -> None:
            self._over()
            super().on_response_complete()

        def connection_lost(self, exc: Exception | None) -> None:
            self._over()
            super().connection_lost(exc)

        def _over(self) -> None:
            if self._waiting:
                self._waiting = False
                readers.answered()

    return BoundedHttp
