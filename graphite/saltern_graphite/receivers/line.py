"""Plaintext over TCP: a stream of ``name value timestamp`` lines.

A bad line is counted by its cause, now and then one is logged with its sender, and it never hurts the others. An
unterminated last line counts when the sender closes. Nothing is answered.
"""

from __future__ import annotations

import time

from saltern.errors import StoreError
from saltern_graphite.line import Block, LineBuffer, parse
from saltern_graphite.receivers.connection import Connection, Intake, Listener


def report_bad(intake: Intake, block: Block, peer: str) -> None:
    """Count the bad lines of *block* and log a sample of each kind."""
    if not block.bad:
        return
    intake.store.counters.drop(block.bad)
    for cause, line in block.samples:
        intake.notices.warn(cause, "%s: line refused (%s): %r", peer, cause, line)


class LineConnection(Connection):
    """One sender of lines."""

    def __init__(self, intake: Intake, listener: Listener) -> None:
        super().__init__(intake, listener)
        self._buffer = LineBuffer()
        self._held: Block | None = None

    def take(self, data: bytes) -> bool:
        """Take lines; ``False`` when the store has no room and one block is held."""
        taken = self._store(self._held) if self._held else True
        for lines in self._buffer.feed(data):
            block = Block() if lines is None else parse(lines, time.time())
            if lines is None:
                block.refuse("line_too_long", b"")
            report_bad(self.intake, block, self.peer)
            taken = (not block.names or self._store(block)) and taken
        return taken

    def at_end(self) -> bool:
        """Take the last line, which no newline ended."""
        rest = self._buffer.rest()
        return self.take(rest + b"\n") if rest else True

    def _store(self, block: Block) -> bool:
        """Give *block* to the store, or hold it."""
        if self.intake.gate.closed:
            self._held = block
            return False
        try:
            accepted = self.intake.store.accept(block.names, block.times, block.values)
        except StoreError as error:
            self.intake.notices.warn("log", "%s; senders wait", error)
            self._held = block
            return False
        self._held = None
        self.intake.received(accepted, self.peer)
        return True
