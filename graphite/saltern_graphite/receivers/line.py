"""Plaintext over TCP: a stream of ``name value timestamp`` lines.

A bad line is counted by its cause, now and then one is logged with its sender, and it never hurts the others. An
unterminated last line counts when the sender closes. Nothing is answered.
"""

from __future__ import annotations

import time

from saltern_graphite.receivers.blocks import BlockConnection
from saltern_graphite.receivers.formats.line import Block, LineBuffer, parse
from saltern_graphite.receivers.intake import Intake
from saltern_graphite.receivers.listener import Listener


class LineConnection(BlockConnection):
    """One sender of lines."""

    def __init__(self, intake: Intake, listener: Listener) -> None:
        super().__init__(intake, listener)
        self._buffer = LineBuffer()

    def read(self, data: bytes) -> Block:
        """Return the points of the lines that *data* completes."""
        block = Block()
        for lines in self._buffer.feed(data):
            if lines is None:
                block.refuse("line_too_long", b"")
            else:
                block = parse(lines, time.time())
        return block

    def at_end(self) -> bool:
        """Take the last line, which no newline ended."""
        rest = self._buffer.rest()
        return self.take(rest + b"\n") if rest else True
