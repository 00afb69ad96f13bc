"""What senders' TCP is read into, much at a time or, while somebody asks for something, little.

A large block costs less for each point; but whoever asks meanwhile waits until it is taken, as one thread does both.
"""

from __future__ import annotations

import time

READ_BYTES = 1024 * 1024  # 20,000 lines: what a block costs beside its points is little then
READ_BYTES_WHILE_ASKED = 128 * 1024  # taken in about 2 ms
ASKED_S = 1.0  # who asked once will ask again


class ReadBuffer:
    """One buffer for all connections, as what each read brings is used up before the next."""

    def __init__(self) -> None:
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._asked_at = -ASKED_S

    def asked(self) -> None:
        """Somebody asks for something."""
        self._asked_at = time.monotonic()

    def room(self) -> memoryview:
        """Return where the next read may go; it begins where :meth:`taken` does."""
        asked = time.monotonic() - self._asked_at < ASKED_S
        return self._buffer[:READ_BYTES_WHILE_ASKED] if asked else self._buffer

    def taken(self, count: int) -> bytes:
        """Return a copy of the *count* bytes that were read."""
        return bytes(self._buffer[:count])
