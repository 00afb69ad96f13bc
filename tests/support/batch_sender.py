"""A sender of acknowledged batches that remembers what was acknowledged."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Sequence

import msgpack

from support.stacks import wait_for


class Sender:
    """A connection to the batch port, made by *connect*. :attr:`acknowledged` is all that the server said it has.

    :attr:`batches` is how many batches it acknowledged; a point sent again counts there, and only there, again.
    """

    def __init__(self, connect: Callable[[], socket.socket]) -> None:
        self.acknowledged: dict[tuple[str, int], float] = {}
        self.batches = 0
        self._connect = connect
        self._sequence = 0
        self._socket = connect()

    def connect(self) -> None:
        """Connect anew, to a server that was started again."""
        self._socket.close()
        self._socket = self._connect()

    def send(self, names: Sequence[str], at: int, value: float) -> bool:
        """Send one point per name and return whether the server took them. Raises ``OSError`` when it went away."""
        self._sequence += 1
        columns = {"names": list(names), "times": [at] * len(names), "values": [value] * len(names)}
        body: bytes = msgpack.packb({"v": 1, "type": "points", "seq": self._sequence, **columns})
        self._socket.sendall(struct.pack(">I", len(body)) + body)
        (length,) = struct.unpack(">I", self._receive(4))
        answer = msgpack.unpackb(self._receive(length))
        assert answer["seq"] == self._sequence, answer
        if answer["type"] == "error":
            return False
        assert (answer["accepted"], answer["refused"]) == (len(names), 0), answer
        self.acknowledged.update({(name, at): value for name in names})
        self.batches += 1
        return True

    def send_until_taken(self, names: Sequence[str], at: int, value: float) -> None:
        """Send them again and again until the server takes them, as the master's engine does."""
        wait_for(lambda: self.send(names, at, value), f"{names[0]} … to be taken", 30)

    def close(self) -> None:
        self._socket.close()

    def _receive(self, size: int) -> bytes:
        data = self._socket.recv(size, socket.MSG_WAITALL)
        if len(data) < size:
            raise ConnectionResetError("the server closed the connection")
        return data
