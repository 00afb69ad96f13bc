"""What the spool's segments hold: messages, each with what a loss of it is counted for (``spool.py`` draws them)."""

from __future__ import annotations

import contextlib
import struct
from typing import NamedTuple

from saltern import segments
from saltern.segments import Kind
from saltern_agent import origin as origins
from saltern_agent.origin import Origin

SEQ_BYTES = 7
HEAD_BYTES = SEQ_BYTES + 1
MAX_SEQ = 2 ** (8 * SEQ_BYTES) - 1
PLAIN, WITH_ORIGIN = 0, 1


class Record(NamedTuple):
    """One message: its number, its frame, and of which schedule and slot it is."""

    seq: int
    frame: bytes
    origin: Origin | None = None


class Segment(segments.Segment):
    """One segment: how many of its records are still needed, of which schedules, and when it was last written."""

    __slots__ = ("born", "count", "last_seq", "schedules", "unknown", "written")

    def __init__(self, kind: Kind, path: str) -> None:
        super().__init__(kind, path)
        self.count = 0
        self.last_seq = 0
        self.schedules: dict[str, int] = {}
        self.unknown: set[int] = set()  # offsets of records of a layout that isn't known, which were counted
        self.born = self.written = 0.0

    def counted(self, origin: Origin | None, by: int) -> None:
        """Count a record more, or less."""
        self.count += by
        if origin is not None:
            self.schedules[origin.schedule] = self.schedules.get(origin.schedule, 0) + by


class Read(NamedTuple):
    """A record that was read and not acknowledged, and where it ends."""

    seq: int
    segment: Segment
    end: int
    origin: Origin | None


def pack_body(seq: int, frame: bytes, origin: Origin | None) -> bytes:
    """Return the body of a record."""
    packed = origin.packed() if origin is not None else b""
    what = WITH_ORIGIN if packed else PLAIN
    return seq.to_bytes(SEQ_BYTES, "little") + bytes((what,)) + packed + frame


def unpack_body(body: bytes) -> Record | None:
    """Return what is in the body of a record, ``None`` when its layout isn't known here."""
    seq = int.from_bytes(body[:SEQ_BYTES], "little")
    if body[SEQ_BYTES : SEQ_BYTES + 1] == bytes((PLAIN,)):
        return Record(seq, body[HEAD_BYTES:])
    if body[SEQ_BYTES : SEQ_BYTES + 1] == bytes((WITH_ORIGIN,)):
        with contextlib.suppress(struct.error, ValueError):
            origin, end = origins.unpacked(body, HEAD_BYTES)
            return Record(seq, body[end:], origin)
    return None
