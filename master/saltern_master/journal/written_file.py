"""The one file that the journal appends to, which may vanish under its descriptor."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import NamedTuple

from saltern.files import is_at, make_folder

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW


class State(NamedTuple):
    """Whether the file has a name still, and how many bytes."""

    deleted: bool
    size: int


class WrittenFile:
    """One file at a time, which stays open."""

    def __init__(self) -> None:
        self._fd = -1

    @property
    def is_open(self) -> bool:
        """Whether there is a file to append to."""
        return self._fd >= 0

    def open(self, path: str) -> None:
        """Append to the file at *path* from now on, made if it is not there. Raises ``OSError``."""
        self._take(os.open(path, _FLAGS, 0o600))

    def write(self, data: bytes | bytearray, at: int) -> None:
        """Append *data* to the file, which has *at* bytes. Raises ``OSError``; nothing of it is left then."""
        try:
            _write(self._fd, data)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, at)
            raise

    def state(self) -> State:
        """Return what somebody may have done to the file. Raises ``OSError``."""
        status = os.fstat(self._fd)
        return State(status.st_nlink == 0, status.st_size)

    def is_at(self, path: str) -> bool:
        """Return whether *path* is this file."""
        return is_at(self._fd, path)

    def make_again(self, path: str, size: int) -> None:
        """Write the first *size* bytes of the file, which was deleted, to *path* and go on. Raises ``OSError``."""
        data = os.pread(self._fd, size, 0)
        make_folder(os.path.dirname(path), 0o700)
        fd = os.open(path, _FLAGS | os.O_TRUNC, 0o600)
        try:
            _write(fd, data)
        except OSError:
            os.unlink(path)
            os.close(fd)
            raise
        self._take(fd)

    def close(self) -> None:
        """Append nothing more."""
        self._take(-1)

    def _take(self, fd: int) -> None:
        before, self._fd = self._fd, fd
        if before >= 0:
            os.close(before)


def _write(fd: int, data: bytes | bytearray) -> None:
    if os.write(fd, data) < len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
