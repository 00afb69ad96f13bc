"""The file that a spool appends to."""

from __future__ import annotations

import contextlib
import os

from saltern.errors import JournalError
from saltern.files import is_at
from saltern.set_aside import set_aside

FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW


class Appender:
    """One file at a time, which stays open. One that was emptied is begun anew: most returns are alone in theirs."""

    def __init__(self) -> None:
        self._file = -1
        self._emptied = ""

    def goes_on(self, path: str) -> bool:
        """Return whether what is appended goes to *path*, and that is still there."""
        return self._file >= 0 and not self._emptied and is_at(self._file, path)

    def begin(self, path: str) -> str:
        """Begin a new file at *path*, or the emptied one where it is; return which. Raises ``OSError``."""
        if self._emptied and is_at(self._file, self._emptied):
            path, self._emptied = self._emptied, ""
            return path
        self.close()
        if os.path.lexists(path):
            set_aside(path, "it is in the way")
        self._file = os.open(path, FLAGS, 0o600)
        return path

    def write(self, path: str, record: bytearray, size: int) -> None:
        """Append *record* to the file, which has *size* bytes. Raises ``JournalError``; nothing of it is left then."""
        try:
            if os.write(self._file, record) == len(record):
                return
            reason: str | None = "the disk is full"
        except OSError as error:
            reason = error.strerror
        try:
            os.ftruncate(self._file, size)
        except OSError:
            self.close()  # nothing is appended behind half a record
        raise JournalError(f"{path}: can't be written: {reason}", path=path)

    def empty(self, path: str) -> bool:
        """Empty the file, for the next one to ``begin``; return whether that could be done."""
        if not self.goes_on(path):
            return False
        try:
            os.ftruncate(self._file, 0)
        except OSError:
            return False
        self._emptied = path
        return True

    def close(self) -> None:
        """Append nothing more to the file; one that was emptied goes."""
        if self._emptied and is_at(self._file, self._emptied):
            with contextlib.suppress(OSError):
                os.unlink(self._emptied)
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        self._emptied = ""
