"""What senders' TCP is read into: much at a time, less while somebody asks for something, little until he has it.

A large block costs less for each point; but who asks waits for a block each time that his request goes a step on, as
one thread does both.
"""

from __future__ import annotations

import time

READ_BYTES = 1024 * 1024  # 20,000 lines: what a block costs beside its points is little then
READ_BYTES_AMONG_REQUESTS = 128 * 1024  # taken in about 3 ms
READ_BYTES_WHILE_WAITED_FOR = 8 * 1024
ASKED_S = 1.0  # who asked once will ask again
WAITED_FOR_S = 0.1  # longer answers, and requests that don't get on, must not hold up what comes in


class ReadBuffer:
    """One buffer for all connections, as what each read brings is used up before the next."""

    def __init__(self) -> None:
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._asked_at = -ASKED_S
        self._waiting = 0

    def asked(self) -> None:
        """A request has come, and waits for its answer."""
        self._asked_at = time.monotonic()
        self._waiting += 1

    def answered(self) -> None:
        """One of the requests that waited has its answer, or is gone."""
        self._waiting -= 1

    def room(self) -> memoryview:
        """Return where the next read may go; it begins where :meth:`taken` does."""
        ago_s = time.monotonic() - self._asked_at
        if ago_s >= ASKED_S:
            return self._buffer
        waited_for = self._waiting and ago_s < WAITED_FOR_S
        return self._buffer[: READ_BYTES_WHILE_WAITED_FOR if waited_for else READ_BYTES_AMONG_REQUESTS]

    def taken(self, count: int) -> bytes:
        """Return a copy of the *count* bytes that were read."""
        return bytes(self._buffer[:count])
