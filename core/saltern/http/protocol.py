"""uvicorn's HTTP protocol, within bounds: of connections, and of what may come before a request is a request.

httptools' parser takes a quarter of the time that h11's does, but keeps a head of any length.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus
from typing import NamedTuple, Protocol

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from saltern.http.safe_answers import SAFE_HEADERS

MAX_HEAD_BYTES = 64 * 1024
"""Request line and headers together. Targets too long for it come in a body."""
_TOO_LONG = f"the request's line and headers are over {MAX_HEAD_BYTES} bytes: use POST\n"
_UNREADABLE = (
    "this is no HTTP/1.1 request that can be read: the URL must be percent-encoded ASCII, headers well formed; "
    "https:// needs a proxy before this port\n"
)


class Readers(Protocol):
    """Who is told of requests, so that other work makes room for them."""

    def asked(self) -> None:
        """A request has come."""
        ...

    def answered(self) -> None:
        """A request has its answer, or its client is gone; once for each that came."""
        ...


class Nobody:
    """Readers for which no work makes room."""

    def asked(self) -> None:
        """A request has come."""

    def answered(self) -> None:
        """A request is over."""


NOBODY = Nobody()


class Bounds(NamedTuple):
    """At most *most* connections, and *share* of one address; *refused* is called for each one more.

    *readers* hears of requests. *open* counts the connections of each address.
    """

    most: int
    share: int
    refused: Callable[[], None]
    readers: Readers
    open: Counter[str]


class BoundedHttp(HttpToolsProtocol):
    """A connection within *bounds*."""

    bounds: Bounds
    _in_head = False
    _head_bytes = 0
    _chunk_bytes = 0
    _waiting = False
    _address = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn does
        """Take in a connection, or end it at once when there are too many."""
        super().connection_made(transport)
        self._address = str((transport.get_extra_info("peername") or ("",))[0])
        self.bounds.open[self._address] += 1
        if len(self.connections) > self.bounds.most or self.bounds.open[self._address] > self.bounds.share:
            self.bounds.refused()
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """Have *data* parsed; a head over ``MAX_HEAD_BYTES`` is refused."""
        self._chunk_bytes = len(data)
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._end_with(_refusal(431, _TOO_LONG))

    def send_400_response(self, msg: str) -> None:
        """What uvicorn says of requests that its parser gives up on, in words that help."""
        if self._in_head and self._head_bytes + self._chunk_bytes > MAX_HEAD_BYTES:  # its URLs are bounded too
            self._end_with(_refusal(431, _TOO_LONG))
        else:
            self._end_with(_refusal(400, _UNREADABLE))

    def _end_with(self, answer: bytes) -> None:
        self.transport.write(answer)
        self.transport.close()

    def on_message_begin(self) -> None:
        """A request begins, with its head."""
        self._in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is read: from now on an answer is waited for."""
        if not self._waiting:
            self._waiting = True
            self.bounds.readers.asked()
        super().on_headers_complete()  # fails for a URL of over 65,535 bytes
        self._in_head = False

    def on_response_complete(self) -> None:
        """The answer is sent."""
        self._over()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody waits for the answer any more."""
        self._over()
        self.bounds.open[self._address] -= 1
        if not self.bounds.open[self._address]:
            del self.bounds.open[self._address]
        super().connection_lost(exc)

    def _over(self) -> None:
        if self._waiting:
            self._waiting = False
            self.bounds.readers.answered()


def http_protocol(
    most: int, refused: Callable[[], None], readers: Readers = NOBODY, share: int | None = None
) -> type[asyncio.Protocol]:
    """Return uvicorn's HTTP protocol, with at most *most* connections, and *share* of one address; by default all.

    *refused* is called for each one more; *readers* hears of requests.
    """

    class Bounded(BoundedHttp):
        bounds = Bounds(most, most if share is None else share, refused, readers, Counter())

    return Bounded


def _refusal(status: int, line: str) -> bytes:
    body = line.encode()
    safe = "".join(f"{name.lower()}: {value}\r\n" for name, value in SAFE_HEADERS.items())
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
        "content-type: text/plain; charset=utf-8\r\ncache-control: no-store\r\n"
        f"{safe}"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body
