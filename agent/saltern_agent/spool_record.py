"""What the spool's segments hold: messages, each with what a loss of it is counted for (``spool.py`` draws them)."""

from __future__ import annotations

import struct
from typing import NamedTuple

from saltern import segments
from saltern.segments import Kind
from saltern_agent import origin as origins
from saltern_agent.origin import Origin

SEQ_BYTES = 7
HEAD_BYTES = SEQ_BYTES + 1
MAX_SEQ = 2 ** (8 * SEQ_BYTES) - 1
PLAIN, WITH_ORIGIN, WITH_BEFORE = 0, 1, 2  # the last two may be together


class Before(NamedTuple):
    """The record before another one, as that says: when the first is damaged it is known what it was."""

    seq: int
    origin: Origin


class Record(NamedTuple):
    """One message: its number, its frame, of which schedule and slot it is, and what the one before was."""

    seq: int
    frame: bytes
    origin: Origin | None = None
    before: Before | None = None


class Segment(segments.Segment):
    """One segment: how many of its records are still needed, of which schedules, and when it was last written."""

    __slots__ = ("born", "count", "holes", "last_seq", "modified", "schedules", "unknown", "written")

    def __init__(self, kind: Kind, path: str) -> None:
        super().__init__(kind, path)
        self.count = 0
        self.last_seq = 0
        self.schedules: dict[str, int] = {}
        self.unknown: set[int] = set()  # offsets of records of a layout that isn't known, which were counted
        self.holes: dict[int, tuple[int, int]] = {}  # by where they end: records taken and not counted, and counted
        self.born = self.written = 0.0  # by a steady clock
        self.modified = 0.0  # the file's time when it was found, epoch s

    def counted(self, origin: Origin | None, by: int) -> None:
        """Count a record more, or less."""
        self.count += by
        if origin is not None:
            self.schedules[origin.schedule] = self.schedules.get(origin.schedule, 0) + by


class Read(NamedTuple):
    """A record that was read and not acknowledged, where it ends, and the number in its segment of the next."""

    seq: int
    segment: Segment
    end: int
    next_number: int
    origin: Origin | None


def pack_body(seq: int, frame: bytes, origin: Origin | None, before: Before | None = None) -> bytes:
    """Return the body of a record."""
    packed = origin.packed() if origin is not None else b""
    packed_before = before.origin.packed() if before is not None else b""
    if before is not None and packed_before:
        packed_before = before.seq.to_bytes(SEQ_BYTES, "little") + packed_before
    what = (WITH_ORIGIN if packed else PLAIN) | (WITH_BEFORE if packed_before else PLAIN)
    return seq.to_bytes(SEQ_BYTES, "little") + bytes((what,)) + packed_before + packed + frame


def unpack_body(body: bytes) -> Record | None:
    """Return what is in the body of a record, ``None`` when its layout isn't known here."""
    if len(body) < HEAD_BYTES or body[SEQ_BYTES] & ~(WITH_ORIGIN | WITH_BEFORE):
        return None
    seq, what, at = int.from_bytes(body[:SEQ_BYTES], "little"), body[SEQ_BYTES], HEAD_BYTES
    before = origin = None
    try:
        if what & WITH_BEFORE:
            found, end = origins.unpacked(body, at + SEQ_BYTES)
            before, at = Before(int.from_bytes(body[at : at + SEQ_BYTES], "little"), found), end
        if what & WITH_ORIGIN:
            origin, at = origins.unpacked(body, at)
    except (struct.error, ValueError):
        return None
    return Record(seq, body[at:], origin, before)
