"""How the master and its child speak: msgpack maps behind a 4-byte big-endian length, over two pipes."""

from __future__ import annotations

import os
import struct
import threading
from typing import Any

from saltern.wire import pack_value, unpack_value

LENGTH = struct.Struct(">I")


class Gone(Exception):
    """Who started this process isn't there any more."""


class Line:
    """What was standard input and output; what runs here gets neither: it reads nothing, and prints to stderr."""

    def __init__(self) -> None:
        self._from, self._to = os.dup(0), os.dup(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        self._sending = threading.Lock()

    def receive(self) -> dict[str, Any]:
        """Return the next message. Raises ``Gone``."""
        (length,) = LENGTH.unpack(self._read(LENGTH.size))
        message: dict[str, Any] = unpack_value(self._read(length), secrets=True)
        return message

    def send(self, message: dict[str, Any]) -> None:
        """Send a message, from any thread. Raises ``WireError`` for one that can't be packed."""
        self.send_packed(pack_value(message))

    def send_packed(self, packed: bytes) -> None:
        """Send a message that is packed."""
        view = memoryview(LENGTH.pack(len(packed)) + packed)
        with self._sending:
            while view:
                view = view[os.write(self._to, view) :]

    def wait_for_end(self) -> None:
        """Return once the other end is closed."""
        while os.read(self._from, 4096):
            pass

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            chunk = os.read(self._from, size - len(data))
            if not chunk:
                raise Gone
            data += chunk
        return data
