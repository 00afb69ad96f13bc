"""Connections of devices: each is its host's connection, with an envelope around what goes over it.

What one frame says to many devices of a host goes as one envelope. libzmq takes so many messages for one peer and no
more, and a host of thousands of devices is one peer; so what it doesn't take yet waits here, bounded in bytes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from saltern.errors import WireError
from saltern.wire import pack
from saltern_master.connection import Connection
from saltern_master.delegations.voice import parts

MAX_WAITING_BYTES = 8 * 1024 * 1024
"""Of frames that wait for a host; or a single one of any size."""
AGAIN_S = 0.02
MAX_IN_ENVELOPE = 20_000
"""Devices that one envelope is for."""


def is_voice(key: str) -> bool:
    """Return whether *key* is what speaks for a device: its host's key with its own id."""
    return parts(key) is not None


class HostLine:
    """A host's connection for jobs, as its devices share it."""

    def __init__(self, host: str, peer: Connection) -> None:
        self.host = host
        self.peer = peer
        self.devices: dict[str, DevicePeer] = {}
        """Those that are attached over it."""
        self.told = False
        """Whether the host was told what it serves."""
        self.refused = 0
        """Frames that were not sent since too much waited already."""
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._again: asyncio.TimerHandle | None = None
        self._over = False

    def device(self, minion_id: str, key: str) -> DevicePeer:
        """Return the connection of a device that speaks by *key*, a new one where there is none."""
        found = self.devices.get(minion_id)
        if found is None or found.key != key:
            found = self.devices[minion_id] = DevicePeer(self, minion_id, key)
        return found

    def leave(self, minions: Iterable[str]) -> list[DevicePeer]:
        """Return, and forget, the connections of some devices, of those that have one."""
        return [peer for name in minions if (peer := self.devices.pop(name, None)) is not None]

    def send(self, frame: bytes) -> bool:
        """Send a frame to the host itself, behind what waits; return ``False`` when it is gone, or too much waits."""
        if self._over:
            return False
        if not self._waiting and self.peer.send(frame):
            return True
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return False
        if self._waiting and self._bytes + len(frame) > MAX_WAITING_BYTES:
            self.refused += 1
            return False
        self._waiting.append(frame)
        self._bytes += len(frame)
        if self._again is None:
            self._again = loop.call_later(AGAIN_S, self._send_waiting)
        return True

    def send_for(self, minions: Sequence[str], frame: bytes) -> bool:
        """Send one frame for several devices."""
        if self._over:
            return False
        try:
            envelopes = [envelope(some, frame) for some in _parts(minions)]
        except WireError:  # the frame just fits a message, and nothing goes around it
            self.refused += 1
            return False
        return all(self.send(one) for one in envelopes)

    def end(self) -> list[DevicePeer]:
        """Send nothing more; return, and forget, the connections of the devices that were attached."""
        self._over = True
        if self._again is not None:
            self._again.cancel()
        self._waiting.clear()
        gone, self.devices = list(self.devices.values()), {}
        return gone

    def _send_waiting(self) -> None:
        self._again = None
        while self._waiting and self.peer.send(self._waiting[0]):
            self._bytes -= len(self._waiting.popleft())
        if self._waiting:
            self._again = asyncio.get_running_loop().call_later(AGAIN_S, self._send_waiting)


class DevicePeer:
    """A device's connection; *key* is what speaks for it: its host's key, and its own id (``delegations.voice``)."""

    __slots__ = ("key", "line", "minion_id")

    def __init__(self, line: HostLine, minion_id: str, key: str) -> None:
        self.line = line
        self.minion_id: str | None = minion_id
        self.key = key

    @property
    def address(self) -> str:
        """The address that its host is connected from."""
        return self.line.peer.address

    def send(self, frame: bytes) -> bool:
        """Send a frame; see ``Connection``."""
        return self.minion_id is not None and self.line.send_for((self.minion_id,), frame)


def envelope(minions: Sequence[str], frame: bytes) -> bytes:
    """Return the frame that carries another one for *minions*. Raises ``MessageTooLarge``."""
    return pack("for", 0, {"minions": list(minions), "message": frame})


def _parts(minions: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(minions), MAX_IN_ENVELOPE):
        yield minions[first : first + MAX_IN_ENVELOPE]
