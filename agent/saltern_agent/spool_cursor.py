"""How far the master has acknowledged what is in a spool: a number in a file, which is also the spool's lock."""

from __future__ import annotations

import fcntl
import logging
import os
import struct
from binascii import crc32

from saltern.complaints import Complaint
from saltern.errors import JournalError
from saltern.files import is_at, make_folder
from saltern.set_aside import set_aside
from saltern_agent.spool_record import MAX_SEQ

log = logging.getLogger(__name__)

LAYOUT = struct.Struct("<QI")


class SpoolInUse(JournalError):
    """Another agent has the folder."""


class Cursor:
    """The file ``cursor`` in *folder*, which is made, and locked. Raises ``OSError``, ``SpoolInUse``."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._path = os.path.join(folder, "cursor")
        self._not_written = Complaint(log, logging.WARNING)
        self._file = self._open()
        try:
            self.seq = self._read()
        except BaseException:
            os.close(self._file)  # else its lock would keep ourselves out
            raise

    def advance(self, seq: int) -> None:
        """Write that all up to *seq* is done with; what goes wrong is said."""
        self.seq = seq
        try:
            self._write()
        except OSError as error:
            self._not_written.say(f"{self._path}: can't be written: {error.strerror}")
        else:
            self._not_written.over(f"{self._path}: is written again")

    def find(self) -> bool:
        """Make the folder and the file again when they aren't there any more; return whether that was so.

        Raises ``OSError``, ``SpoolInUse``.
        """
        if is_at(self._file, self._path):
            return False
        file = self._open()
        os.close(self._file)
        self._file = file
        self._write()
        log.warning("%s: was removed, or something was mounted there: it is used anew", self._folder)
        return True

    def close(self) -> None:
        """Give the file back, and the lock."""
        os.close(self._file)

    def _open(self) -> int:
        for path, is_right in ((self._folder, os.path.isdir), (self._path, os.path.isfile)):
            if os.path.lexists(path) and not is_right(path):
                set_aside(path, "it is in the way")
        make_folder(self._folder, 0o700)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            text = f"{self._folder}: another agent uses this spool: give each its own cachedir"
            raise SpoolInUse(text, path=self._folder) from None
        except OSError:
            os.close(file)
            raise
        return file

    def _read(self) -> int:
        packed = os.pread(self._file, LAYOUT.size, 0)
        if len(packed) != LAYOUT.size:
            return 0
        seq, check = LAYOUT.unpack(packed)
        return int(seq) if check == crc32(packed[:8]) and seq <= MAX_SEQ else 0

    def _write(self) -> None:
        packed = self.seq.to_bytes(8, "little")
        os.pwrite(self._file, packed + crc32(packed).to_bytes(4, "little"), 0)
