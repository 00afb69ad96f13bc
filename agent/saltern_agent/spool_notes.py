"""What a spool holds, kept beside its folder: whoever deletes that takes messages, not what is known of them.

::

    cachedir/spool.notes    record, record, …                                      little-endian
    record                  crc32 u32 of the rest | what u8 | length u16 | body
    what                    1: kept   sequence u56 | origin (``saltern_agent.origin``), or nothing
                            2: done   first u56 | last u56: those messages are needed no more

It is a copy, so what goes wrong with it is no more than that: a message that could not be noted is missing in the
account if it vanishes with its folder. The file is emptied when the spool is, and written anew when most of it is done.
"""

from __future__ import annotations

import contextlib
import errno
import os
import struct
from binascii import crc32
from collections.abc import Callable, Collection, Iterable, Iterator

from saltern.files import is_at, replacement
from saltern.named import NamedTuple
from saltern.set_aside import foreign_aside, of_the_file, set_aside
from saltern_agent import origin as origins
from saltern_agent.origin import Origin
from saltern_agent.ranges import Ranges
from saltern_agent.spool_record import SEQ_BYTES

HEAD = struct.Struct("<IBH")
CRC_BYTES = 4
KEPT, DONE = 1, 2
ANEW_BYTES = 256 * 1024
"""The file is written anew when it is twice as large as it was then, from so many bytes on."""

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW


class Noted(NamedTuple):
    """A message that was kept, and what a loss of it is counted for."""

    seq: int
    origin: Origin | None


class Notes:
    """The file *path*; with none nothing is noted. Only ``missing`` raises anything."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = -1
        self._size = 0
        self._anew_at = ANEW_BYTES
        self._done = Ranges()

    def missing(self, found: Ranges, acked: int) -> list[Noted]:
        """Open the file, and return what it says is kept beyond *acked* and is not among the numbers *found*.

        Raises ``OSError`` when the file can't be read just now.
        """
        if not self._path:
            return []
        self.close()
        foreign_aside(self._path)
        try:
            self._open()
            for _ in self._read():  # what is done stands behind it
                pass
            if acked:
                self._done.join([(0, acked)])
            return [one for one in self._read() if one.seq not in self._done and one.seq not in found]
        except OSError as error:
            if not of_the_file(error):
                raise
            with contextlib.suppress(OSError):
                set_aside(self._path, f"can't be read: {error.strerror}")
                self._open()
            return []

    def forget(self, gone: Collection[Noted]) -> None:
        """These are counted: they are needed no more. What is left is written anew."""
        for one in gone:
            self._done.add(one.seq)
        self._write_anew(lambda one: one.seq not in self._done)

    def forget_origins(self, gone: Collection[Origin]) -> None:
        """The losses of messages of these are counted."""
        self._write_anew(lambda one: one.seq not in self._done and one.origin not in gone)

    def keep(self, kept: Iterable[tuple[int, Origin | None]]) -> None:
        """Note that messages are in the spool: their numbers, and what each is of."""
        packed = (
            _packed(KEPT, seq.to_bytes(SEQ_BYTES, "little") + (origin.packed() if origin is not None else b""))
            for seq, origin in kept
        )
        self._append(b"".join(packed))

    def done(self, first: int, last: int) -> None:
        """Note that the messages from *first* to *last* are needed no more."""
        self._done.join([(first, last)])
        self._append(_packed(DONE, first.to_bytes(SEQ_BYTES, "little") + last.to_bytes(SEQ_BYTES, "little")))
        if self._size >= self._anew_at:
            self._write_anew(lambda one: one.seq not in self._done)

    def empty(self) -> None:
        """Nothing is in the spool."""
        if not self._size:
            return
        try:
            os.ftruncate(self._file, 0)
        except OSError:
            return
        self._size, self._anew_at = 0, ANEW_BYTES
        self._done = Ranges()

    def find(self) -> None:
        """Make the file again when it is not there any more."""
        if not self._path or (self._file >= 0 and is_at(self._file, self._path)):
            return
        if self._file >= 0:
            self._write_anew(lambda one: one.seq not in self._done)
        else:
            with contextlib.suppress(OSError):
                self._open()

    def close(self) -> None:
        """Give back the descriptor."""
        if self._file >= 0:
            os.close(self._file)
        self._file, self._size, self._done = -1, 0, Ranges()

    def _open(self) -> None:
        """Open the file to append to it. Raises ``OSError``."""
        self._file = os.open(self._path, _FLAGS, 0o600)
        self._size = os.fstat(self._file).st_size

    def _append(self, record: bytes) -> None:
        if self._file < 0:
            return
        try:
            if os.write(self._file, record) < len(record):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._size)  # nothing is read behind half a record
        else:
            self._size += len(record)

    def _read(self) -> Iterator[Noted]:
        """Yield all that was kept, and take in what is done, up to the first record that is damaged."""
        at = 0
        with open(os.dup(self._file), "rb") as stream:
            stream.seek(0)
            while len(head := stream.read(HEAD.size)) == HEAD.size:
                check, what, length = HEAD.unpack(head)
                body = stream.read(length)
                if len(body) < length or crc32(head[CRC_BYTES:] + body) != check:
                    break
                at += HEAD.size + length
                seq = int.from_bytes(body[:SEQ_BYTES], "little")
                if what == KEPT:
                    yield Noted(seq, _origin(body))
                elif what == DONE:
                    self._done.join([(seq, int.from_bytes(body[SEQ_BYTES:], "little"))])
        if at < self._size:
            os.ftruncate(self._file, at)
            self._size = at

    def _write_anew(self, wanted: Callable[[Noted], bool]) -> None:
        """Write those that are *wanted* to a new file, which takes this one's place. Where that fails it stays."""
        if self._file < 0:
            return
        size = 0
        try:
            with replacement(self._path, 0o600) as stream:
                for one in self._read():
                    if wanted(one):
                        packed = one.origin.packed() if one.origin is not None else b""
                        size += stream.write(_packed(KEPT, one.seq.to_bytes(SEQ_BYTES, "little") + packed))
            before = self._file
            self._open()
            os.close(before)
        except OSError:
            self._anew_at = self._size + ANEW_BYTES
            return
        self._anew_at = max(ANEW_BYTES, 2 * size)
        self._done = Ranges()


def _packed(what: int, body: bytes) -> bytes:
    rest = HEAD.pack(0, what, len(body))[CRC_BYTES:] + body
    return crc32(rest).to_bytes(CRC_BYTES, "little") + rest


def _origin(body: bytes) -> Origin | None:
    with contextlib.suppress(struct.error, ValueError):
        return origins.unpacked(body, SEQ_BYTES)[0]
    return None
