"""Carbon's pickle port: frames of many points, as carbon-relay and other senders in Python speak it.

:mod:`saltern_graphite.receivers.formats.pickle` has the protocol. A frame that can't be used is counted and logged, and
the next one is read; one that says it is too long ends the connection, as what follows can't be made sense of. Nothing
is answered.
"""

from __future__ import annotations

import time

from saltern_graphite.receivers.blocks import BlockConnection
from saltern_graphite.receivers.formats.line import Block
from saltern_graphite.receivers.formats.pickle import MAX_FRAME_BYTES, decode
from saltern_graphite.receivers.formats.pickle_program import BadPickle
from saltern_graphite.receivers.frame_buffer import FrameBuffer, FrameTooLong
from saltern_graphite.receivers.intake import Intake
from saltern_graphite.receivers.listener import Listener


class PickleConnection(BlockConnection):
    """One sender of pickles."""

    def __init__(self, intake: Intake, listener: Listener) -> None:
        super().__init__(intake, listener)
        self._buffer = FrameBuffer(MAX_FRAME_BYTES)
        self._lost = False

    def read(self, data: bytes) -> Block:
        """Return the points of the frames that *data* completes."""
        block = Block()
        if self._lost:
            return block
        self._buffer.feed(data)
        try:
            while (body := self._buffer.next()) is not None:
                self._add(body, block)
        except FrameTooLong as long:
            block.refuse("frame_too_long", str(long).encode())
            self._lost = True
            self.close()
        return block

    def at_end(self) -> bool:
        """Count the frame that the stream's end cut off."""
        if len(self._buffer):
            block = Block()
            block.refuse("frame_cut", b"%d bytes" % len(self._buffer))
            self._buffer.clear()
            self.intake.refused(block, self.peer)
        return True

    def _add(self, body: bytes, block: Block) -> None:
        try:
            block.extend(decode(body, time.time()))
        except BadPickle as bad:
            block.refuse("bad_pickle", str(bad).encode("utf-8", "replace"))
