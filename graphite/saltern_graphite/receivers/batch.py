"""The batch port: frames of points in columns, each acknowledged once its points are in the log.

:mod:`saltern_graphite.receivers.formats.batch` has the protocol. Frames of one connection are answered in order.
"""

from __future__ import annotations

from saltern.errors import StoreError
from saltern_graphite.receivers.connection import Connection
from saltern_graphite.receivers.formats.batch import MAX_FRAME_BYTES, BadFrame, decode, encode
from saltern_graphite.receivers.frame_buffer import FrameBuffer, FrameTooLong
from saltern_graphite.receivers.intake import Intake
from saltern_graphite.receivers.listener import Listener

CAUSE = "bad_frame"


class BatchConnection(Connection):
    """One sender of batches."""

    def __init__(self, intake: Intake, listener: Listener) -> None:
        super().__init__(intake, listener)
        self._buffer = FrameBuffer(MAX_FRAME_BYTES)
        self._lost = False

    def take(self, data: bytes) -> bool:
        """Take frames; ``False`` when the store has no room, the frames that are left stay in the buffer."""
        if self._lost:
            return True
        self._buffer.feed(data)
        try:
            while not self.intake.gate.closed:
                body = self._buffer.next()
                if body is None or self._lost:
                    return True
                self._answer(body)
        except FrameTooLong as long:
            self._refuse(BadFrame(str(long), lost=True))
            return True
        return False

    def _answer(self, body: bytes) -> None:
        try:
            points = decode(body)
        except BadFrame as bad:
            self._refuse(bad)
            return
        try:
            result = self.intake.store.accept(points.names, points.times, points.values)
        except StoreError as error:
            self.send(encode({"type": "error", "seq": points.seq, "error": str(error)}))
            return
        self.intake.received(result, self.peer)
        refused = sum(result.refused.values())
        answer = {"accepted": result.accepted, "refused": refused, "why": result.refused}
        which = {"which": result.which} if refused else {}
        self.send(encode({"type": "ack", "seq": points.seq, **answer, **which}))

    def _refuse(self, bad: BadFrame) -> None:
        points = bad.points
        self.intake.store.counters.drop({CAUSE: points or 1})
        self.intake.notices.say(CAUSE, "%s: frame refused: %s", self.peer, bad)
        if points is not None:  # an error would have it sent again, and nothing behind it would ever come
            answer = {"accepted": 0, "refused": points, "why": {CAUSE: points}, "which": list(range(points))}
            self.send(encode({"type": "ack", "seq": bad.seq, **answer, "error": str(bad)}))
            return
        self.send(encode({"type": "error", "seq": bad.seq, "error": str(bad)}))
        if bad.lost:
            self._lost = True
            self._buffer.clear()
            self.close()
