"""Who gets through a CURVE handshake: the ZAP handler (ZeroMQ RFC 27).

pyzmq's authenticators run in a thread or on ``zmq.asyncio``; ours answers on the master's own loop, so that a
key revoked in one callback can't slip through in the next.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

import zmq
from zmq.utils import z85

log = logging.getLogger(__name__)

ENDPOINT = "inproc://zeromq.zap.01"
VERSION = b"1.0"


class Gate:
    """Answers libzmq's question, for each handshake, whether a key may connect to a port."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], admit: Callable[[str, str], bool]) -> None:
        """*admit* is asked with the port's name and the peer's public key."""
        self._admit = admit
        self._loop: asyncio.AbstractEventLoop | None = None
        self._socket = context.socket(zmq.REP)
        self._socket.linger = 0
        self._socket.bind(ENDPOINT)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to answer on *loop*."""
        self._loop = loop
        loop.add_reader(self._socket.fileno(), self._readable)
        self._readable()

    def close(self) -> None:
        """Stop answering; handshakes then fail."""
        if self._loop is not None:
            self._loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def _readable(self) -> None:
        with contextlib.suppress(zmq.Again):
            while True:
                request = self._socket.recv_multipart(zmq.DONTWAIT)
                self._socket.send_multipart(self._answer(request))

    def _answer(self, request: list[bytes]) -> list[bytes]:
        request_id = request[1] if len(request) > 1 else b""
        if len(request) == 7 and request[0] == VERSION and request[5] == b"CURVE":
            domain, key = request[2].decode("utf-8", "replace"), z85.encode(request[6]).decode()
            if self._admit(domain, key):
                return [VERSION, request_id, b"200", b"OK", key.encode(), b""]
            log.debug("a handshake from %s was refused on the %s port", request[3].decode("ascii", "replace"), domain)
        return [VERSION, request_id, b"400", b"not admitted", b"", b""]
