"""What senders' TCP is read into: much at a time, less while somebody asks, nothing for the moment of an answer.

A large block costs less for each point; but who asks waits for a block each time that his request goes a step on, as
one thread does both, and other threads that work for him wait for the interpreter. So senders stand back meanwhile, for
half of the time at most: the kernel keeps what they send.
"""

from __future__ import annotations

import time
from collections.abc import Callable

READ_BYTES = 1024 * 1024  # 20,000 lines: what a block costs beside its points is little then
READ_BYTES_AMONG_REQUESTS = 128 * 1024  # taken in about 3 ms
READ_BYTES_WHILE_WAITED_FOR = 8 * 1024
ASKED_S = 1.0  # who asked once will ask again
WAITED_FOR_S = 0.1  # longer answers, and requests that don't get on, must not hold up what comes in
STAND_BACK_S = 0.01  # at once; then senders have as long


class ReadBuffer:
    """One buffer for all connections, as what each read brings is used up before the next."""

    def __init__(self) -> None:
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._asked_at = -ASKED_S
        self._waiting = 0
        self._back_until = 0.0
        self._reading_until = 0.0
        self._standing: list[Callable[[], None]] = []

    def asked(self) -> None:
        """A request has come, and waits for its answer."""
        now = self._asked_at = time.monotonic()
        self._waiting += 1
        if now >= self._reading_until:
            self._back_until = now + STAND_BACK_S
            self._reading_until = self._back_until + STAND_BACK_S

    def answered(self) -> None:
        """One of the requests that waited has its answer, or is gone."""
        self._waiting -= 1
        if not self._waiting:
            self.go_on()

    def stand_back(self, go_on: Callable[[], None]) -> float:
        """Return for how many seconds a sender should not be read from; *go_on* is called when nobody waits any more.

        0: it may be. Whoever stands back calls :meth:`go_on` after that time.
        """
        left_s = self._back_until - time.monotonic() if self._waiting else 0.0
        if left_s <= 0:
            return 0.0
        self._standing.append(go_on)
        return left_s

    def go_on(self) -> None:
        """Have all who stand back read again."""
        standing, self._standing = self._standing, []
        for go_on in standing:
            go_on()

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
