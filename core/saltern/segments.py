"""Segments: the files in which journal and spool keep records, so that damage costs what it touches and no more.

::

    segment  head | record | record | …
    head     magic 7 | version u8 | mark 8 | crc32 of these                             20 bytes
    record   mark 8 | number u32 | length u32 | crc32 of body | crc32 of these | body   24 bytes and the body

All numbers are big-endian. The mark is eight random bytes of this segment alone: behind damage the next whole record
is found by looking for it, and nothing that a record holds, which others chose, can pass for a record. Records are
numbered from 0, which tells how many the damage took. The head is written together with the first record.

What is found in a file, and what becomes of it::

    whole record      read
    hole              damage before a whole record, or at the end: passed over, counted, copied to ….damaged-<offset>
    torn tail         the start of a record that a kill or a power cut ended, or zeros: cut
    a damaged head    made out from what is left of it, or from the first record
    another version,  the file is renamed to ….unreadable
    a head without
    any of that

Version 1 had no head, no marks and no numbers; its records are read to the first damage, and nothing is appended.
"""

from __future__ import annotations

import errno
import logging
import os
from binascii import crc32
from collections.abc import Iterable, Iterator
from struct import Struct
from typing import Self

from saltern.named import NamedTuple
from saltern.set_aside import copy_aside, of_the_file, set_aside

log = logging.getLogger(__name__)

VERSION = 2
MARK_BYTES = 8
HEAD = Struct(">7sB8sI")
RECORD = Struct(">8sIIII")
CHECKED = RECORD.size - 4  # bytes of a record's header that its own crc32 covers
SCAN_BYTES = 256 * 1024

_READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)


class Kind(NamedTuple):
    """What tells the segments of one use from another's."""

    magic: bytes
    suffix: str
    old_header: Struct
    """Of version 1: length, crc32 of the body."""
    old_uncounted: int
    """Bytes of the body that the length left out in version 1."""


class Record(NamedTuple):
    """A whole record at *start* … *end* (offsets in bytes)."""

    start: int
    end: int
    number: int
    body: bytes


class Hole(NamedTuple):
    """Damage at *start* … *end*, and how many records it took (at its segment's end: at least)."""

    start: int
    end: int
    records: int
    new: bool
    """Whether it was counted now; otherwise its bytes lay beside already."""


class Segment:
    """One file. Reading takes a descriptor of it; whoever appends writes what ``pack`` returns and says ``wrote``."""

    __slots__ = (
        "_header_bytes",
        "_holes",
        "_kind",
        "_sealed",
        "mark",
        "next_number",
        "path",
        "size",
        "start",
        "unreadable",
    )

    def __init__(self, kind: Kind, path: str) -> None:
        """A new segment in *path*, without a byte."""
        self._kind = kind
        self._holes: dict[int, Hole] = {}  # met before, by the offset
        self._use(os.urandom(MARK_BYTES))
        self.path = path
        self.size = 0
        self.next_number = 0
        """Of what is appended next; 0 also for a segment that was found, until ``recover``."""
        self._sealed = False

    @classmethod
    def find(cls, kind: Kind, folder: str) -> tuple[dict[int, Self], list[int]]:
        """Return the segments in *folder* by number, in order, and the numbers of those that were set aside now.

        Nothing but their heads is read. Raises ``OSError``.
        """
        segments: dict[int, Self] = {}
        unreadable = []
        for name in os.listdir(folder):
            stem = name.removesuffix(kind.suffix)
            if stem == name or not stem.isdecimal():
                continue
            segment = cls.look(kind, os.path.join(folder, name))
            if segment is None:
                unreadable.append(int(stem))
            else:
                segments[int(stem)] = segment
        return dict(sorted(segments.items())), unreadable

    @classmethod
    def look(cls, kind: Kind, path: str) -> Self | None:
        """Return the segment in the file *path*; ``None`` when it can't be read and was set aside. Raises ``OSError``.

        Where nothing can be renamed it stays, and the log says so.
        """
        segment = cls(kind, path)
        try:
            why = segment._read_head()
        except OSError as error:
            if not of_the_file(error):
                raise
            why = f"it can't be read: {error.strerror}"
        if not why:
            return segment
        try:
            set_aside(path, why)
        except OSError as error:
            log.error("%s: %s; it stays there, for it can't be renamed: %s", path, why, error.strerror)
        return None

    @property
    def appendable(self) -> bool:
        """Whether records may be appended: not in version 1, nor behind damage that could not be copied."""
        return bool(self.mark) and not self._sealed

    # writing

    def pack(self, bodies: Iterable[bytes]) -> bytearray:
        """Return the bytes to append for records with these bodies."""
        packed = bytearray()
        if not self.size:
            packed += HEAD.pack(self._kind.magic, VERSION, self.mark, 0)[:-4]
            packed += crc32(packed).to_bytes(4, "big")
        for number, body in enumerate(bodies, self.next_number):
            header = RECORD.pack(self.mark, number, len(body), crc32(body), 0)[:CHECKED]
            packed += header
            packed += crc32(header).to_bytes(4, "big")
            packed += body
        return packed

    def wrote(self, size: int, records: int) -> None:
        """Note that *size* bytes with so many records were appended."""
        self.size += size
        self.next_number += records

    # reading

    def bodies(self, data: bytes) -> tuple[list[bytes], int]:
        """Return the bodies of the whole records at the start of *data*, and how many bytes they take."""
        bodies = []
        at = 0
        while (header := self._header(data, at)) is not None:
            begin = at + self._header_bytes
            body = data[begin : begin + header[1]]
            if len(body) < header[1] or crc32(body) != header[2]:
                break
            bodies.append(body)
            at = begin + header[1]
        return bodies, at

    def record(self, fd: int, at: int) -> Record | None:
        """Return the record at offset *at*, or ``None`` when there is no whole one."""
        header = self._header(os.pread(fd, self._header_bytes, at), 0)
        if header is None:
            return None
        number, length, check = header
        begin = at + self._header_bytes
        if begin + length > self.size:
            return None
        body = os.pread(fd, length, begin)
        return Record(at, begin + length, number, body) if crc32(body) == check and len(body) == length else None

    def hole(self, fd: int, at: int) -> Hole:
        """Return the hole at *at*, where no whole record is: its bytes lie beside, reading goes on at its end."""
        if at in self._holes:
            return self._holes[at]._replace(records=0, new=False)
        for item in self._walk(fd):
            if item.start <= at < item.end:
                break
        else:
            return Hole(at, self.size, 0, False)
        if isinstance(item, Record):
            return Hole(at, item.start, 0, False)  # whoever was at this offset had lost his place
        return self._note(fd, item)

    def behind_damage(self, fd: int, at: int) -> int:
        """Return where the next whole record begins behind *at*, or the end of the file; nothing is counted."""
        following = self._next_record(fd, at)
        return following.start if following is not None else self.size

    def recover(self) -> Iterator[Record | Hole]:
        """Yield all that is in the file, which is brought in order: a torn tail is cut, and so is a damaged one.

        To be exhausted before anything is appended. A file that may only be read is left as it is, and not appendable.
        Raises ``OSError``.
        """
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError as error:
            if error.errno not in _READ_ONLY:
                raise
            fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            self._sealed = True
        number = 0
        try:
            if self.size < self.start:
                self._cut(fd, 0)
            for item in self._walk(fd):
                if isinstance(item, Record):
                    number = item.number + 1
                elif item.end == self.size and self._torn(fd, item.start):
                    self._cut(fd, item.start)
                    break
                else:
                    item = self._note(fd, item)
                    if item.end == self.size and not self._sealed:
                        self._cut(fd, item.start)
                yield item
            self.next_number = number
        finally:
            os.close(fd)

    def _use(self, mark: bytes) -> None:
        self.mark = mark
        self.start = HEAD.size if mark else 0
        self._header_bytes = RECORD.size if mark else self._kind.old_header.size

    def _read_head(self) -> str:
        """Find out how the existing file is to be read; return why it can't be, or ``""``. Raises ``OSError``."""
        magic = self._kind.magic
        fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            self.size = os.fstat(fd).st_size
            head = os.pread(fd, HEAD.size, 0)
            if not magic.startswith(head[: len(magic)]):
                self._use(b"")
                if self.record(fd, 0) is not None:
                    return ""
                foreign = head[: len(magic)].isalnum()
                return "" if not foreign and self._made_out(fd) else "its head is damaged"
            if len(head) > len(magic) and head[len(magic)] != VERSION:
                return f"it is of version {head[len(magic)]}, and this program knows {VERSION}"
            if len(head) == HEAD.size:
                if crc32(head[:-4]) != int.from_bytes(head[-4:], "big"):
                    return "" if self._made_out(fd) else "its head is damaged"
                self._use(head[len(magic) + 1 : -4])
            return ""
        finally:
            os.close(fd)

    def _made_out(self, fd: int) -> bool:
        """Read on behind a damaged head, if what is left of it or of the first record is the mark of a whole record."""
        data = os.pread(fd, HEAD.size + MARK_BYTES, 0)
        for at in (len(self._kind.magic) + 1, HEAD.size):
            mark = data[at : at + MARK_BYTES]
            if len(mark) < MARK_BYTES:
                continue
            self._use(mark)
            if self.record(fd, HEAD.size) is not None or self._next_record(fd, HEAD.size) is not None:
                log.error("%s: its head is damaged: it is read all the same", self.path)
                return True
        return False

    def _header(self, data: bytes, at: int) -> tuple[int, int, int] | None:
        """Return number, length and crc32 of the body, if a sound header is there."""
        if at + self._header_bytes > len(data):
            return None
        if not self.mark:
            length, check = self._kind.old_header.unpack_from(data, at)
            return (-1, length + self._kind.old_uncounted, check) if length + self._kind.old_uncounted else None
        mark, number, length, check, own = RECORD.unpack_from(data, at)
        if mark != self.mark or crc32(data[at : at + CHECKED]) != own:
            return None
        return number, length, check

    def _walk(self, fd: int) -> Iterator[Record | Hole]:
        at, number = self.start, 0
        while at < self.size:
            record = self.record(fd, at)
            if record is not None:
                number = record.number + 1 if self.mark else number + 1
                yield record._replace(number=number - 1)
                at = record.end
                continue
            following = self._next_record(fd, at)
            past = following.number if following else self.next_number
            end = following.start if following else self.size
            yield Hole(at, end, max(past - number, 1), True)
            at = end

    def _next_record(self, fd: int, at: int) -> Record | None:
        while self.mark and (at := at + 1) < self.size:
            block = os.pread(fd, SCAN_BYTES, at)
            found = block.find(self.mark)
            if found >= 0:
                at += found
                if (record := self.record(fd, at)) is not None:
                    return record
            elif len(block) < MARK_BYTES:
                return None
            else:
                at += len(block) - MARK_BYTES
        return None

    def _torn(self, fd: int, at: int) -> bool:
        """Whether what is at *at* is the beginning of a record, or zeros: what is left of a write that didn't end."""
        head = os.pread(fd, self._header_bytes, at)
        if self.mark and self.mark.startswith(head[:MARK_BYTES]):
            header = self._header(head, 0)
            if len(head) < self._header_bytes or (header and at + self._header_bytes + header[1] > self.size):
                return True
        while block := os.pread(fd, SCAN_BYTES, at):
            if block.count(0) < len(block):
                return False
            at += len(block)
        return True

    def _note(self, fd: int, hole: Hole) -> Hole:
        counted = sum(met.records for met in self._holes.values() if hole.start <= met.start < hole.end)
        hole = hole._replace(records=max(hole.records - counted, 0))
        self._holes[hole.start] = hole
        try:
            new = copy_aside(fd, self.path, hole.start, hole.end)
        except OSError as error:
            log.error("%s: damaged bytes can't be copied: %s", self.path, error.strerror)
            self._sealed = new = True
        if new:
            log.error("%s: damaged from byte %d to %d: records lost: %d", self.path, hole.start, hole.end, hole.records)
        return hole._replace(new=new)

    def _cut(self, fd: int, at: int) -> None:
        if self._sealed:
            return
        if at < self.size:
            log.warning("%s: its last %d bytes are torn and were cut", self.path, self.size - at)
        os.ftruncate(fd, at)
        self.size = at
