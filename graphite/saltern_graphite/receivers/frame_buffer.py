"""Cuts a stream of bytes into frames, each with its length before it."""

from __future__ import annotations

from saltern.errors import WireError
from saltern_graphite.receivers.formats.batch import LENGTH


class FrameTooLong(WireError):
    """A frame says that it is longer than allowed; what follows can't be made sense of."""


class FrameBuffer:
    """The bytes of a stream that are not used yet: at most one frame of *max_bytes*, and what was read with it."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = bytearray()
        self._place = 0

    def __len__(self) -> int:
        return len(self._bytes) - self._place

    def feed(self, data: bytes) -> None:
        """Add what was read."""
        if self._place:
            del self._bytes[: self._place]
            self._place = 0
        self._bytes += data

    def next(self) -> bytes | None:
        """Return the next frame's body, ``None`` when it is not all there; raise :class:`FrameTooLong`."""
        begin = self._place + LENGTH.size
        if len(self._bytes) < begin:
            return None
        (length,) = LENGTH.unpack_from(self._bytes, self._place)
        if length > self._max_bytes:
            self.clear()
            raise FrameTooLong(f"a frame of {length} bytes is over the limit of {self._max_bytes}")
        if len(self._bytes) < begin + length:
            return None
        self._place = begin + length
        return bytes(memoryview(self._bytes)[begin : begin + length])

    def clear(self) -> None:
        """Forget everything."""
        self._bytes.clear()
        self._place = 0
