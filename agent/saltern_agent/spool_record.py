"""What the spool's segments hold: messages, each with what a loss of it is counted for.

::

    body of a record   sequence u56 | what u8 | former | origin | frame    little-endian
    what               0: neither (as in the oldest layout, whose sequence was u64); + 1: origin, + 4: former;
                       + 2: one of the former alone, without their length
    origin             of which schedule and slot a return is (``saltern_agent.origin``), known without the frame
    former             length u16 | sequence u56, origin | …: of the four records before that have one, the last one
                       first: when these are damaged it is known what they were
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections import deque
from collections.abc import Iterator

from saltern import segments
from saltern.named import NamedTuple
from saltern.segments import Kind
from saltern_agent import origin as origins
from saltern_agent.origin import Origin
from saltern_agent.ranges import Ranges
from saltern_agent.slots import slot_epoch_s

KIND = Kind(magic=b"SALTSPL", suffix=".seg", old_header=struct.Struct("<II"), old_uncounted=8)
SEQ_BYTES = 7
HEAD_BYTES = SEQ_BYTES + 1
MAX_SEQ = 2 ** (8 * SEQ_BYTES) - 1
PLAIN, WITH_ORIGIN, WITH_BEFORE, WITH_FORMER = 0, 1, 2, 4  # an origin, and one of the last two, may be together
KNOWN = frozenset(origin | other for origin in (PLAIN, WITH_ORIGIN) for other in (PLAIN, WITH_BEFORE, WITH_FORMER))
LENGTH = struct.Struct("<H")
FORMER = 4
"""So many records before it are told of; of more damaged ones in a row the oldest stay unknown."""


class Before(NamedTuple):
    """A record before another one, as that says."""

    seq: int
    origin: Origin


class Record(NamedTuple):
    """One message: its number, its frame, of which schedule and slot it is, and what those before were, packed."""

    seq: int
    frame: bytes
    origin: Origin | None = None
    told: bytes = b""

    def former(self) -> Iterator[Before]:
        """Yield what it says of records before it that have an origin, the last one first."""
        at = 0
        with contextlib.suppress(struct.error, ValueError):
            while at < len(self.told):
                seq = int.from_bytes(self.told[at : at + SEQ_BYTES], "little")
                origin, at = origins.unpacked(self.told, at + SEQ_BYTES)
                yield Before(seq, origin)


class Former:
    """What the next record tells of those before it."""

    def __init__(self) -> None:
        self._packed: deque[bytes] = deque(maxlen=FORMER)

    def copy(self) -> Former:
        """Return another one that tells the same."""
        other = Former()
        other._packed = self._packed.copy()
        return other

    def add(self, seq: int, origin: Origin | None) -> None:
        """Take note of a record; one that is of no schedule isn't told of."""
        packed = origin.packed() if origin is not None else b""
        if packed:
            self._packed.appendleft(seq.to_bytes(SEQ_BYTES, "little") + packed)

    def told(self) -> bytes:
        """Return it as ``Record.told``."""
        return b"".join(self._packed)


class Segment(segments.Segment):
    """One segment: how many of its records are still needed, of which slots, and when it was last written."""

    __slots__ = ("born", "count", "holes", "last_seq", "modified", "schedules", "slots", "unknown", "written")

    def __init__(self, kind: Kind, path: str) -> None:
        super().__init__(kind, path)
        self.count = 0
        self.last_seq = 0
        self.schedules: dict[str, int] = {}  # by ``Origin.name``
        self.slots: dict[tuple[str, float], Ranges] = {}  # of schedules at an interval, as multiples of that
        self.unknown: set[int] = set()  # offsets of records of a layout that isn't known, which were counted
        self.holes: dict[int, tuple[int, int]] = {}  # by where they end: records taken and not counted, and counted
        self.born = self.written = 0.0  # by a steady clock
        self.modified = 0.0  # the file's time when it was found, epoch s

    @property
    def first_seq(self) -> int:
        """The number in its name: no record in it has a lower one."""
        return int(os.path.basename(self.path).removesuffix(KIND.suffix))

    def counted(self, origin: Origin | None, by: int) -> None:
        """Count a record more, or less; 0: it was counted otherwise, and is needed no more."""
        self.count += by
        if origin is None:
            return
        name = origin.name
        self.schedules[name] = self.schedules.get(name, 0) + by
        slots = self.slots.setdefault((name, origin.seconds), Ranges())
        if by > 0:
            slots.add(origin.step)
        else:
            slots.remove(origin.step, origin.step)

    def origins(self) -> Iterator[Origin]:
        """Yield of which schedules and slots its records are that are still needed, whatever became of the file."""
        for (name, seconds), slots in self.slots.items():
            for first, last in slots.spans:
                for step in range(first, last + 1):
                    yield origins.named(name, seconds, slot_epoch_s(step, seconds))

    def is_gone(self) -> bool:
        """Return whether somebody removed the file."""
        try:
            os.stat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:
            return False  # that says nothing of the file
        return False

    def readable(self) -> set[Origin]:
        """Return of which schedules and slots the records are that can be read."""
        found = set[Origin]()
        with contextlib.suppress(OSError), open(self.path, "rb", buffering=0) as stream:
            at = self.start
            while at < self.size:
                item = self.record(stream.fileno(), at)
                if item is None:
                    at = max(self.behind_damage(stream.fileno(), at), at + 1)
                    continue
                at = item.end
                record = unpack_body(item.body)
                if record is not None and record.origin is not None:
                    found.add(record.origin)
        return found


class Read(NamedTuple):
    """A record that was read and not acknowledged, where it ends, and the number in its segment of the next."""

    seq: int
    segment: Segment
    end: int
    next_number: int
    origin: Origin | None


def pack_body(seq: int, frame: bytes, origin: Origin | None, told: bytes = b"") -> bytes:
    """Return the body of a record; *told* is what ``Former`` has of those before it."""
    packed = origin.packed() if origin is not None else b""
    what = (WITH_ORIGIN if packed else PLAIN) | (WITH_FORMER if told else PLAIN)
    length = LENGTH.pack(len(told)) if told else b""
    return b"".join((seq.to_bytes(SEQ_BYTES, "little"), bytes((what,)), length, told, packed, frame))


def unpack_body(body: bytes) -> Record | None:
    """Return what is in the body of a record, ``None`` when its layout isn't known here."""
    if len(body) < HEAD_BYTES or body[SEQ_BYTES] not in KNOWN:
        return None
    seq, what, at = int.from_bytes(body[:SEQ_BYTES], "little"), body[SEQ_BYTES], HEAD_BYTES
    told, origin = b"", None
    try:
        if what & WITH_BEFORE:
            _, end = origins.unpacked(body, at + SEQ_BYTES)
            told, at = body[at:end], end
        elif what & WITH_FORMER:
            end = at + LENGTH.size + LENGTH.unpack_from(body, at)[0]
            told, at = body[at + LENGTH.size : end], end
        if what & WITH_ORIGIN:
            origin, at = origins.unpacked(body, at)
    except (struct.error, ValueError):
        return None
    return Record(seq, body[at:], origin, told)
