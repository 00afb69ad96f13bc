"""Which slot of each scheduled job was begun last: on disk before it is run, so that no restart runs it again.

One file that stays open, with a record for each job, written in place::

    head     magic 7 | version u8 | zeros                                    32 bytes
    record   key u64 | slot f64 (epoch s) | crc32 u32 of these | zeros       32 bytes, little-endian

The key is a hash of the job's name and interval, for devices of their id too. No record crosses a block of the disk. A
damaged one is passed over, which costs at most one more run of that slot.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import struct
from binascii import crc32

from saltern.complaints import Complaint
from saltern.files import is_at, make_folder
from saltern.set_aside import foreign_aside, of_the_file

log = logging.getLogger(__name__)

RECORD_BYTES = 32
HEAD = b"SALTSLT\x01".ljust(RECORD_BYTES, b"\0")
BODY = struct.Struct("<Qd")
MAX_RECORDS = 1024
"""Of a host itself. Then the one whose slot is the longest ago gives way."""


class Begun:
    """The records in the file *path*, at most *max_records*, read when it is made.

    What can't be written is said once, and runs go on.
    """

    def __init__(self, path: str, max_records: int = MAX_RECORDS) -> None:
        self._path = path
        self._max_records = max_records
        self._slots: dict[int, float] = {}
        self._places: dict[int, int] = {}
        self._file = -1
        self._not_written = Complaint(log)
        self._not_read = Complaint(log)
        self._unread = False  # there is a file that can't be read just now, and isn't to be written over
        self._read()

    def last(self, key: int) -> float | None:
        """Return the slot (epoch s) that was begun last of the job *key*."""
        return self._slots.get(key)

    def begin(self, key: int, slot: float) -> None:
        """Write down that *slot* of the job *key* begins."""
        if self._unread:
            self._read()
        if key not in self._places:
            self._places[key] = self._place()
        self._slots[key] = slot
        try:
            if self._unread:
                raise OSError(errno.EAGAIN, "what is in it can't be read")
            if self._file < 0 or not is_at(self._file, self._path):
                self._make()
            self._put(self._record(key), (1 + self._places[key]) * RECORD_BYTES)
        except OSError as error:
            self.close()  # what is in the file is not known now: the next one makes it whole
            self._not_written.say(
                f"{self._path}: can't be written: {error.strerror}: a restart may run the current slot again"
            )
        else:
            self._not_written.over(f"{self._path}: is written again")

    def close(self) -> None:
        """Give back the descriptor."""
        file, self._file = self._file, -1
        if file >= 0:
            with contextlib.suppress(OSError):
                os.close(file)

    def _place(self) -> int:
        if len(self._places) < self._max_records:
            return len(self._places)
        oldest = min(self._slots, key=lambda key: self._slots[key])
        del self._slots[oldest]
        return self._places.pop(oldest)

    def _make(self) -> None:
        """Make the file, which somebody may have removed, with all that is known. Raises ``OSError``."""
        self.close()
        make_folder(os.path.dirname(self._path), 0o700)
        foreign_aside(self._path)
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        in_place = sorted(self._places, key=lambda key: self._places[key])
        self._put(HEAD + b"".join(map(self._record, in_place)), 0)
        os.ftruncate(self._file, (1 + len(in_place)) * RECORD_BYTES)

    def _record(self, key: int) -> bytes:
        body = BODY.pack(key, self._slots[key])
        return (body + crc32(body).to_bytes(4, "little")).ljust(RECORD_BYTES, b"\0")

    def _put(self, data: bytes, at: int) -> None:
        if os.pwrite(self._file, data, at) < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _read(self) -> None:
        self._unread = False
        try:
            with open(self._path, "rb") as stream:
                kept = stream.read((1 + self._max_records) * RECORD_BYTES)
        except FileNotFoundError:
            return
        except OSError as error:
            self._unread = not of_the_file(error)
            self._not_read.say(f"{self._path}: can't be read: {error.strerror}: the current slots may be run again")
            return
        self._not_read.over(f"{self._path}: can be read again")
        if kept[: len(HEAD)] != HEAD:
            log.error("%s: is damaged, or of another version: the current slots may be run again", self._path)
            return
        damaged = 0
        for at in range(RECORD_BYTES, len(kept) - RECORD_BYTES + 1, RECORD_BYTES):
            body = kept[at : at + BODY.size]
            if int.from_bytes(kept[at + BODY.size :][:4], "little") != crc32(body):
                damaged += 1
                continue
            key, slot = BODY.unpack(body)
            if key not in self._places:
                self._places[key] = len(self._places)
                self._slots[key] = slot
        if damaged:
            log.error("%s: records that are damaged: %d: those slots may be run again", self._path, damaged)
