"""Returns and events on their way to the master: numbered, sent in order, kept until acknowledged.

Each is in the spool, on disk, before it is sent; memory is for when the disk fails, and goes to the disk in order once
it works again. Whatever is in memory is newer than all that is spooled. At least once: after every new welcome all
that wasn't acknowledged is sent again, in order. What is lost all the same is told to the ledger before it goes.

What is for devices comes in crowds: it is written, and then sent, together with what comes at the same time. Returns
and events of theirs that are no slot's are one message with as many numbers, kept and acknowledged as one.
An ``account`` message takes a number and its turn among the others, and isn't kept: the ledger is where it is from.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from saltern.complaints import Complaint
from saltern.errors import JournalError
from saltern.named import NamedTuple
from saltern.wire import body_of
from saltern_agent.bundle import MAX_MESSAGES, Bundle, count_in, numbered_to
from saltern_agent.envelope import enveloped, is_envelope, renumbered
from saltern_agent.origin import Origin
from saltern_agent.spool import Spool
from saltern_agent.spool_record import Record

log = logging.getLogger(__name__)

WINDOW = 64  # messages sent and not acknowledged
WINDOW_BYTES = 2 * 1024 * 1024
SEQ_PER_MS = 256  # more than an agent can send
WRITTEN = 256  # at once
CROWD = 2 * MAX_MESSAGES
CROWD_BYTES = 1024 * 1024  # of what waits for others to be written with
MAX_THEN = 100  # calls that wait for an acknowledgement


class Sent(NamedTuple):
    """A message that was sent on this connection and not acknowledged; ``lost``: it is too large, and wasn't sent."""

    seq: int
    size: int
    origin: Origin | None
    lost: bool


class Report:
    """An ``account`` message; ``answered`` is called with why it was refused, or ``None``."""

    __slots__ = ("answered", "frame", "sent", "seq")

    def __init__(self, seq: int, frame: bytes, answered: Callable[[str | None], None]) -> None:
        self.seq = seq
        self.frame = frame
        self.answered = answered
        self.sent = False


class Outbox:
    """The queue between the agent and the channel.

    *send* takes a frame and returns whether it went out; *max_bytes* bounds the memory; *post* calls something soon in
    the same thread; *lost* is told the origins of returns that are lost, before they are forgotten. Everything but
    ``put`` of new frames is called by the channel's changes of state. Not safe for several threads.
    """

    def __init__(
        self,
        spool: Spool,
        send: Callable[[bytes], bool],
        *,
        max_bytes: int,
        lost: Callable[[list[Origin]], object] = lambda origins: None,
        epoch: Callable[[], float] = time.time,
        post: Callable[[Callable[[], None]], object] = lambda call: call(),
    ) -> None:
        self.window = WINDOW
        """How many messages may be on their way; more for a host that speaks for many minions."""
        self._spool = spool
        self._send = send
        self._max_bytes = max_bytes
        self._lost = lost
        self._post = post
        self._crowd = 0  # how many in the memory wait for others to be written with
        self._bundle = Bundle()
        self._gathered = Bundle()  # what will be one message of the memory
        self._memory: deque[Record] = deque()
        self._memory_bytes = 0
        self._sent = 0  # how many from the front of the memory were sent on this connection
        self._flight: deque[Sent] = deque()
        self._flight_bytes = 0
        self._limit = 2**63
        self._open = False
        self._report: Report | None = None
        self._then: list[tuple[int, Callable[[], object]]] = []
        self._dropped = 0
        self._disk_fails = Complaint(log)
        self._too_large = Complaint(log)
        self._refused = Complaint(log)
        self._done_to = 0
        self._seq = max(spool.last_seq, spool.acked, int(epoch() * 1000) * SEQ_PER_MS)

    @property
    def pending(self) -> int:
        """Messages not acknowledged, in memory and on disk."""
        return len(self._memory) + bool(self._gathered.first) + self._spool.pending

    @property
    def dropped(self) -> int:
        """Messages lost since the agent's start: to the spool's bounds, a full disk, or the master's refusal."""
        return self._dropped + self._spool.dropped

    def stats(self) -> dict[str, int]:
        """Return ``pending``, ``spooled`` (messages on disk), ``spool_bytes`` and ``dropped``."""
        return {
            "pending": self.pending,
            "spooled": self._spool.pending,
            "spool_bytes": self._spool.size,
            "dropped": self.dropped,
        }

    def spooled(self, name: str) -> int:
        """Return how many returns of the schedule that goes by *name*, ``Origin.name``, aren't acknowledged."""
        in_memory = sum(1 for item in self._memory if item.origin and item.origin.name == name)
        return in_memory + self._spool.spooled(name)

    def put(self, frame: bytes, origin: Origin | None = None) -> int:
        """Queue a frame that was packed with sequence number 0; return the number that it got.

        A loss of it is counted for *origin*.
        """
        self._add(frame, origin)
        self._settle()
        return self._seq

    def put_soon(self, minion: str, frame: bytes, origin: Origin | None = None) -> None:
        """Queue a frame for the device *minion* likewise; it is written and sent soon, with others that come meanwhile.

        Without an *origin* it is one of many in one message.
        """
        if origin is not None:
            self._add(enveloped(minion, frame), origin)
        else:
            self._gather(minion, frame)
        self._crowd += 1
        if self._crowd >= CROWD or self._memory_bytes > CROWD_BYTES:
            self._settle()
        elif self._crowd == 1:
            self._post(self._settle)

    def report(self, frame: bytes, answered: Callable[[str | None], None]) -> None:
        """Send an ``account`` message, packed with number 0, when its turn comes; one at a time.

        *answered* is called with ``None`` when the master has it, or with why it will never take it; not at all when
        the channel goes first.
        """
        self._end_gathering()
        self._seq += 1
        self._report = Report(self._seq, numbered(frame, self._seq), answered)
        self._pump()

    def opened(self, limit: int) -> None:
        """The channel was welcomed: send everything again; messages over *limit* bytes would be refused."""
        self._open = True
        self._limit = limit
        self._start_over()
        self._spill()
        self._pump()

    def closed(self) -> None:
        """The channel is away."""
        self._open = False
        self._then.clear()
        self._start_over()
        self._spill()

    def ack(self, seq: int, refused: dict[int, str] | None = None) -> None:
        """The master has everything up to *seq*; what it *refused*, by number, it will never take.

        What a number says beyond what was sent says nothing.
        """
        refused = refused or {}
        passed = []
        if self._bundle.first:
            seq = min(seq, self._bundle.first - 1)
        while self._flight and self._flight[0].seq <= seq:
            passed.append(self._flight.popleft())
            self._flight_bytes -= passed[-1].size
        if not passed:
            return
        for number in [number for number in refused if self._done_to < number <= passed[-1].seq]:
            self._refused.say(f"the master refused message {number}: {refused[number]}")
        known = {sent.seq for sent in passed} if refused else ()
        self._dropped += sum(self._done_to < number <= passed[-1].seq for number in refused if number not in known)
        report = self._report.seq if self._report else None
        self._lose(sent.origin for sent in passed if (sent.lost or sent.seq in refused) and sent.seq != report)
        self._forget(passed[-1].seq, refused)
        self._pass_over()
        if not self._crowd:  # else what waits to be written is sent with what there is room for now, in a moment
            self._pump()
        due = [call for upto, call in self._then if upto <= self._done_to]
        self._then = [(upto, call) for upto, call in self._then if upto > self._done_to]
        for call in due:
            call()

    def when_acknowledged(self, call: Callable[[], object]) -> bool:
        """Call once the master has everything that was put here so far; not at all when the channel goes first.

        That is at once when it has. Return whether there was a place for it among the calls that wait.
        """
        if not self.pending:
            call()
            return True
        if len(self._then) >= MAX_THEN:
            return False
        self._then.append((self._seq, call))
        return True

    def tick(self) -> None:
        """Try a disk that failed again, drop what is too old, send what couldn't be sent; call it every second."""
        self._spill()
        self._spool.expire()
        self._pump()

    def close(self) -> None:
        """Write everything to disk and give back the files."""
        self._open = False
        self._spill()
        self._spool.close()

    def _add(self, frame: bytes, origin: Origin | None) -> None:
        self._end_gathering()
        self._seq += 1
        self._remember(Record(self._seq, numbered(frame, self._seq), origin))

    def _gather(self, minion: str, frame: bytes) -> None:
        if not self._gathered.holds(minion, frame, self._seq + 1, self._limit):
            self._end_gathering()
            if not self._gathered.holds(minion, frame, self._seq + 1, self._limit):
                self._add(enveloped(minion, frame), None)
                return
        self._seq += 1

    def _end_gathering(self) -> None:
        """Have what was gathered be a message."""
        if self._gathered.first:
            self._remember(Record(self._seq, self._gathered.packed()))
            self._gathered.clear()

    def _remember(self, item: Record) -> None:
        self._memory.append(item)
        self._memory_bytes += len(item.frame)

    def _settle(self) -> None:
        """Write what was put here, and send it."""
        self._spill()
        self._pump()
        self._keep_bounds()

    # sending

    def _start_over(self) -> None:
        self._sent = 0
        self._report = None
        self._flight.clear()
        self._flight_bytes = 0
        self._bundle.clear()
        self._spool.rewind()

    def _pump(self) -> None:
        """Send, in the order of their numbers, as much as the window takes."""
        if self._crowd:
            self._spill()  # what isn't written yet isn't sent
        if self._open:
            self._fill_window()
            self._send_bundle()

    def _fill_window(self) -> None:
        while len(self._flight) < self.window and self._flight_bytes < WINDOW_BYTES:
            record = self._spool.peek()
            if record is None and not self._spool.exhausted:
                return  # its acknowledgement would be taken for one of all that is in the spool
            item = record or (self._memory[self._sent] if self._sent < len(self._memory) else None)
            report = self._report
            if report is not None and not report.sent and (item is None or report.seq < item.seq):
                report.sent = self._deliver(report.seq, report.frame, None)
                if not report.sent:
                    return
            elif item is None or not self._deliver(item.seq, item.frame, item.origin):
                return
            elif record is not None:
                self._spool.advance()
            else:
                self._sent += 1
            if self._flight and self._flight[0].lost:
                self._pass_over()

    def _deliver(self, seq: int, frame: bytes, origin: Origin | None) -> bool:
        """Send *frame*, and wait for its acknowledgement; one that the master's socket would choke on isn't sent."""
        lost = len(frame) > self._limit
        if lost:
            self._too_large.say(f"a message of {len(frame)} bytes was dropped: the master takes at most {self._limit}")
        elif not self._send_bundled(seq, frame):
            return False
        size = 0 if lost else len(frame)
        self._flight.append(Sent(seq, size, origin, lost))
        self._flight_bytes += size
        return True

    def _send_bundled(self, seq: int, frame: bytes) -> bool:
        """Have *frame* be sent, with others when it is for a device; return whether it is, or will be."""
        if not self._bundle.takes(frame, self._limit):
            if not self._send_bundle():
                return False
            if not self._bundle.takes(frame, self._limit):
                return self._send(frame)
        self._bundle.add(seq, frame)
        return True

    def _send_bundle(self) -> bool:
        """Send what waits for others; return whether nothing waits any more."""
        if self._bundle.first:
            if not self._send(self._bundle.packed()):
                return False
            self._bundle.clear()
        return True

    def _pass_over(self) -> None:
        """Be done with what is too large, once all before it is acknowledged."""
        while self._flight and self._flight[0].lost:
            sent = self._flight.popleft()
            if self._report is None or sent.seq != self._report.seq:
                self._lose([sent.origin])
            self._forget(sent.seq, {sent.seq: "it is larger than the master takes"})

    # keeping

    def _forget(self, seq: int, refused: dict[int, str]) -> None:
        """Be done with everything up to *seq*."""
        self._done_to = seq
        self._spool.ack(seq)
        while self._memory and self._memory[0].seq <= seq:
            self._forget_first()
        report = self._report
        if report is not None and report.seq <= seq:
            self._report = None
            report.answered(refused.get(report.seq))

    def _spill(self) -> None:
        """Move the memory to the spool, if the disk takes it."""
        self._crowd = 0
        self._end_gathering()
        if not self._memory and self._spool.usable:
            return
        try:
            self._find_spool()
            while self._memory:
                some = list(islice(self._memory, min(self._sent, WRITTEN) or WRITTEN))
                for _ in range(self._spool.append_some(some, read=self._sent > 0)):
                    self._forget_first()
        except JournalError as error:
            self._disk_fails.say(f"{error}; returns stay in memory")
        else:
            self._disk_fails.over("returns go to the disk again")

    def _find_spool(self) -> None:
        """Try a folder again that couldn't be used. Raises ``JournalError``.

        What is found in it is older than what was sent since, so it waits until all of that is acknowledged.
        """
        if self._spool.usable or self._flight:
            return
        self._spool.open()
        newest = max(self._spool.last_seq, self._spool.acked)
        if self._memory and self._memory[0].seq <= newest:  # the clock went back
            for place, item in enumerate(self._memory):
                newest += count_in(item.frame)
                self._memory[place] = item._replace(seq=newest, frame=numbered(item.frame, newest))
        self._seq = max(self._seq, newest)

    def _keep_bounds(self) -> None:
        """Drop the oldest from a memory that holds too much, but never the newest."""
        dropped = []
        while self._memory_bytes > self._max_bytes and len(self._memory) > 1:
            dropped.append(self._memory[0].origin)
            self._forget_first()
        if dropped:
            self._lose(dropped)

    def _forget_first(self) -> None:
        self._memory_bytes -= len(self._memory.popleft().frame)
        self._sent -= self._sent > 0

    def _lose(self, origins: Iterable[Origin | None]) -> None:
        """Count losses, and have those of scheduled returns written down."""
        lost = list(origins)
        self._dropped += len(lost)
        known = [origin for origin in lost if origin is not None]
        if known:
            self._lost(known)


def numbered(frame: bytes, seq: int) -> bytes:
    """Return *frame*, a message that ``saltern.wire`` packed, with the number *seq* instead of its own.

    The type and the number stand first in a message, so the body, which took a worker's time to pack, is left alone.
    """
    if is_envelope(frame):
        return renumbered(frame, seq)
    if count_in(frame) > 1:
        return numbered_to(frame, seq)
    at = 3 + (frame[2] & 0x1F)  # array of 4, version 1, type: a text under 32 bytes
    body = body_of(frame)
    assert body is not None
    return frame[:at] + b"\xcf" + seq.to_bytes(8, "big") + body  # as msgpack has any number over 32 bits


def refusals(body: dict[str, Any]) -> dict[int, str]:
    """Return the ``refused`` of an ``ack``, whatever the master put there."""
    refused = body.get("refused")
    if not isinstance(refused, dict):
        return {}
    return {number: str(reason) for number, reason in refused.items() if isinstance(number, int)}
