"""Bytes from a thread to the event loop, a bounded number of them under way."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque

MAX_BYTES = 1 << 20
PIECE_BYTES = 32 * 1024


class PipeClosed(Exception):
    """Nobody reads any more."""


class Pipe:
    """One thread writes, the loop that made it reads."""

    def __init__(self, most: int = MAX_BYTES) -> None:
        self._most = most
        self._loop = asyncio.get_running_loop()
        self._room = threading.Condition()
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._gathered = bytearray()
        self._ended = False
        self._closed = False
        self._error: BaseException | None = None
        self._news = asyncio.Event()

    def write(self, data: bytes) -> None:
        """Hand on *data*, a piece at a time; wait while the reader is behind. Raises ``PipeClosed``."""
        self._gathered += data
        if len(self._gathered) >= PIECE_BYTES:
            self.flush()

    def flush(self) -> None:
        """Hand on what was gathered."""
        with self._room:
            while self._size >= self._most and not self._closed:
                self._room.wait()
            if self._closed:
                raise PipeClosed
            if self._gathered:
                self._pieces.append(bytes(self._gathered))
                self._size += len(self._gathered)
                self._gathered.clear()
        self._tell()

    def end(self, error: BaseException | None = None) -> None:
        """Have the reader come to the end, or to *error*; what was gathered goes before."""
        with self._room:
            if self._gathered and error is None:
                self._pieces.append(bytes(self._gathered))
                self._size += len(self._gathered)
            self._gathered.clear()
            self._ended, self._error = True, error
        self._tell()

    def _tell(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and with it who read
            self._loop.call_soon_threadsafe(self._news.set)

    def all(self) -> bytes | None:
        """Return everything, when all of it is there; else ``None``."""
        with self._room:
            return b"".join(self._pieces) if self._ended and self._error is None else None

    async def read(self) -> bytes | None:
        """Return the next piece, ``None`` at the end. Raises what the thread ended by."""
        while True:
            with self._room:
                if self._pieces:
                    piece = self._pieces.popleft()
                    self._size -= len(piece)
                    self._room.notify_all()
                    return piece
                if self._error is not None:
                    raise self._error
                if self._ended:
                    return None
                self._news.clear()
            await self._news.wait()

    def close(self) -> None:
        """Read no more: who writes is told."""
        with self._room:
            self._closed = True
            self._room.notify_all()
