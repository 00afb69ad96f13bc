"""The batch port: frames of points in columns, each acknowledged once its points are in the log.

:mod:`saltern_graphite.batch_frame` has the protocol. Frames of one connection are answered in order.
"""

from __future__ import annotations

from saltern.errors import StoreError
from saltern_graphite.batch_frame import LENGTH, MAX_FRAME_BYTES, BadFrame, decode, encode
from saltern_graphite.receivers.connection import Connection, Intake, Listener

CAUSE = "bad_frame"


class BatchConnection(Connection):
    """One sender of batches."""

    def __init__(self, intake: Intake, listener: Listener) -> None:
        super().__init__(intake, listener)
        self._buffer = bytearray()
        self._lost = False

    def take(self, data: bytes) -> bool:
        """Take frames; ``False`` when the store has no room, the frames that are left stay in the buffer."""
        self._buffer += data
        place = 0
        while not self._lost and len(self._buffer) >= place + LENGTH.size:
            (length,) = LENGTH.unpack_from(self._buffer, place)
            if length > MAX_FRAME_BYTES:
                why = f"a frame of {length} bytes is over the limit of {MAX_FRAME_BYTES}"
                self._refuse(BadFrame(why, lost=True))
                break
            end = place + LENGTH.size + length
            if len(self._buffer) < end:
                break
            if self.intake.gate.closed:
                del self._buffer[:place]
                return False
            self._answer(bytes(self._buffer[place + LENGTH.size : end]))
            place = end
        del self._buffer[:place]
        if self._lost:
            self._buffer.clear()
        return True

    def _answer(self, body: bytes) -> None:
        try:
            points = decode(body)
        except BadFrame as bad:
            self._refuse(bad)
            return
        try:
            result = self.intake.store.accept(points.names, points.times, points.values)
        except StoreError as error:
            self.intake.notices.warn("log", "%s; batches are refused", error)
            self.send(encode({"type": "error", "seq": points.seq, "error": str(error)}))
            return
        self.intake.received(result, self.peer)
        refused = sum(result.refused.values())
        answer = {"accepted": result.accepted, "refused": refused, "why": result.refused}
        self.send(encode({"type": "ack", "seq": points.seq, **answer}))

    def _refuse(self, bad: BadFrame) -> None:
        self.intake.store.counters.drop({CAUSE: 1})
        self.intake.notices.warn(CAUSE, "%s: frame refused: %s", self.peer, bad)
        self.send(encode({"type": "error", "seq": bad.seq, "error": str(bad)}))
        if bad.lost:
            self._lost = True
            self.close()
