"""uvicorn's HTTP protocol, within bounds: of connections, and of what may come before a request is a request.

httptools' parser takes a quarter of the time that h11's does, but keeps a head of any length.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 64 * 1024
"""Request line and headers together. Targets too long for it come in a body."""
_TOO_LONG = f"the request's line and headers are over {MAX_HEAD_BYTES} bytes: use POST\n"


def http_protocol(most: int, refused: Callable[[], None], asked: Callable[[], None]) -> type[asyncio.Protocol]:
    """Return uvicorn's HTTP protocol, with at most *most* connections.

    *refused* is called for each one more, *asked* whenever something of a request comes.
    """

    class BoundedHttp(HttpToolsProtocol):
        _in_head = False
        _head_bytes = 0

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn does
            super().connection_made(transport)
            if len(self.connections) > most:
                refused()
                transport.abort()

        def data_received(self, data: bytes) -> None:
            asked()
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
            super().on_headers_complete()

    return BoundedHttp
