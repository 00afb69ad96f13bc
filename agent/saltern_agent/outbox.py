"""Returns and events on their way to the master: numbered, sent in order, kept until acknowledged.

While the master acknowledges in time they are in memory only. They go to the spool, on disk, as soon as the channel
is away, an acknowledgement is overdue, or there are too many; whatever is in memory is always newer than all that
is spooled. At least once: after every new welcome all that wasn't acknowledged is sent again, in order.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import msgpack

from saltern.errors import JournalError
from saltern_agent.healing_spool import HealingSpool
from saltern_agent.spool import Spool

log = logging.getLogger(__name__)

WINDOW = 64  # messages sent and not acknowledged
WINDOW_BYTES = 2 * 1024 * 1024
COMPLAINT_INTERVAL_S = 60.0
SEQ_PER_MS = 256  # more than an agent can send
MAX_THEN = 100  # calls that wait for an acknowledgement


class Item:
    """A message in memory: its number, its frame, when it came (monotonic seconds)."""

    __slots__ = ("at", "frame", "seq")

    def __init__(self, seq: int, frame: bytes, at: float) -> None:
        self.seq = seq
        self.frame = frame
        self.at = at


class Outbox:
    """The queue between the agent and the channel.

    *send* takes a frame and returns whether it went out; *max_bytes* bounds the memory, *spool_after_s* says how
    long an acknowledgement may take before the spool is used. Everything but ``put`` of new frames is called by
    the channel's changes of state. Not safe for several threads.
    """

    def __init__(
        self,
        spool: Spool | HealingSpool,
        send: Callable[[bytes], bool],
        *,
        max_bytes: int,
        spool_after_s: float,
        clock: Callable[[], float] = time.monotonic,
        epoch: Callable[[], float] = time.time,
    ) -> None:
        self._spool = spool
        self._send = send
        self._max_bytes = max_bytes
        self._spool_after_s = spool_after_s
        self._clock = clock
        self._memory: deque[Item] = deque()
        self._memory_bytes = 0
        self._sent = 0  # how many from the front of the memory were sent on this connection
        self._flight: deque[tuple[int, int]] = deque()  # sent on this connection, not acknowledged: number, bytes
        self._flight_bytes = 0
        self._limit = 2**63
        self._open = False
        self._then: list[tuple[int, Callable[[], object]]] = []
        self._lost = 0
        self._complained_at = -COMPLAINT_INTERVAL_S
        self._seq = max(spool.highest, int(epoch() * 1000) * SEQ_PER_MS)

    @property
    def pending(self) -> int:
        """Messages not acknowledged, in memory and on disk."""
        return len(self._memory) + self._spool.pending

    @property
    def dropped(self) -> int:
        """Messages lost since the agent's start: to the spool's bounds, a full disk, or the master's refusal."""
        return self._lost + self._spool.dropped

    def stats(self) -> dict[str, int]:
        """Return ``pending``, ``spooled`` (messages on disk), ``spool_bytes`` and ``dropped``."""
        return {
            "pending": self.pending,
            "spooled": self._spool.pending,
            "spool_bytes": self._spool.size,
            "dropped": self.dropped,
        }

    def put(self, frame: bytes) -> int:
        """Queue a frame that was packed with sequence number 0; return the number that it got."""
        self._seq = max(self._seq, self._spool.highest) + 1
        item = Item(self._seq, numbered(frame, self._seq), self._clock())
        self._memory.append(item)
        self._memory_bytes += len(item.frame)
        self._pump()
        if not self._open or self._memory_bytes > self._max_bytes:
            self._spill()
        return self._seq

    def opened(self, limit: int) -> None:
        """The channel was welcomed: send everything again; messages over *limit* bytes would be refused."""
        self._open = True
        self._limit = limit
        self._start_over()
        self._pump()

    def closed(self) -> None:
        """The channel is away: everything goes to disk."""
        self._open = False
        self._then.clear()
        self._start_over()
        self._spill()

    def ack(self, seq: int, refused: dict[int, str] | None = None) -> None:
        """The master has everything up to *seq*; what it *refused*, by number, it will never take."""
        for number, reason in (refused or {}).items():
            self._lost += 1
            log.error("the master refused message %s: %s", number, reason)
        self._spool.ack(seq)
        while self._memory and self._memory[0].seq <= seq:
            self._forget_first()
        while self._flight and self._flight[0][0] <= seq:
            self._flight_bytes -= self._flight.popleft()[1]
        self._pump()
        due = [call for upto, call in self._then if upto <= seq]
        self._then = [(upto, call) for upto, call in self._then if upto > seq]
        for call in due:
            call()

    def when_acknowledged(self, call: Callable[[], object]) -> None:
        """Call once the master has everything that was put here so far; not at all when the channel goes first."""
        if len(self._then) < MAX_THEN:
            self._then.append((self._seq, call))

    def tick(self) -> None:
        """Spill what waits for too long, drop what is too old, send what couldn't be sent; call it every second."""
        if self._memory and self._clock() - self._memory[0].at > self._spool_after_s:
            self._spill()
        self._spool.expire()
        self._pump()

    def close(self) -> None:
        """Write everything to disk and give back the files."""
        self._open = False
        self._spill()
        self._spool.close()

    def _start_over(self) -> None:
        self._sent = 0
        self._flight.clear()
        self._flight_bytes = 0
        self._spool.rewind()

    def _pump(self) -> None:
        """Send, oldest first, as much as the window takes."""
        while self._open and len(self._flight) < WINDOW and self._flight_bytes < WINDOW_BYTES:
            record = self._spool.peek()
            if record is not None:
                if not self._deliver(record.seq, record.frame):
                    return
                self._spool.advance()
            elif self._sent < len(self._memory):
                item = self._memory[self._sent]
                if not self._deliver(item.seq, item.frame):
                    return
                self._sent += 1
            else:
                return

    def _deliver(self, seq: int, frame: bytes) -> bool:
        """Send *frame*; one that the master's socket would choke on is counted as lost and passed over."""
        if len(frame) > self._limit:
            self._lost += 1
            log.error("a message of %d bytes was dropped: the master takes at most %d", len(frame), self._limit)
            return True  # forgotten when the master acknowledges what comes after it
        if not self._send(frame):
            return False
        self._flight.append((seq, len(frame)))
        self._flight_bytes += len(frame)
        return True

    def _spill(self) -> None:
        """Move the memory to the spool; when that fails keep as much as may be kept, the newest."""
        while self._memory:
            item = self._memory[0]
            try:
                self._spool.append(item.seq, item.frame, read=self._sent > 0)
            except JournalError as error:
                self._complain(error)
                break
            self._forget_first()
        while self._memory and self._memory_bytes > self._max_bytes:
            self._forget_first()
            self._lost += 1

    def _forget_first(self) -> None:
        item = self._memory.popleft()
        self._memory_bytes -= len(item.frame)
        self._sent -= self._sent > 0

    def _complain(self, error: JournalError) -> None:
        if self._clock() - self._complained_at >= COMPLAINT_INTERVAL_S:
            self._complained_at = self._clock()
            log.error("%s; returns stay in memory, %d were lost so far", error, self._lost)


def numbered(frame: bytes, seq: int) -> bytes:
    """Return *frame*, a message packed with sequence number 0, with *seq* instead.

    The type and the number stand first in a message (``saltern.wire``), so the body, which took a worker's time to
    pack, is left alone.
    """
    at = 3 + (frame[2] & 0x1F)  # array of 4, version 1, type: a text under 32 bytes
    assert frame[at] == 0
    packed: bytes = msgpack.packb(seq)
    return frame[:at] + packed + frame[at + 1 :]


def refusals(body: dict[str, Any]) -> dict[int, str]:
    """Return the ``refused`` of an ``ack``, whatever the master put there."""
    refused = body.get("refused")
    if not isinstance(refused, dict):
        return {}
    return {number: str(reason) for number, reason in refused.items() if isinstance(number, int)}
