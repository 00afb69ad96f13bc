"""A file that lines are appended to, whatever becomes of its name: renamed by logrotate, deleted, made anew.

Before each write the name is looked at: where it no longer leads to the open file, the file is opened anew. So a log
is rotated by renaming it; no program needs to be told.
"""

from __future__ import annotations

import os


class AppendedFile:
    """The file *path*, made with *mode* less the umask when it isn't there; it is opened by the first write."""

    def __init__(self, path: str, mode: int = 0o666) -> None:
        self.path = os.path.abspath(path)
        self._mode = mode
        self._fd = -1
        self._opened: tuple[int, int] | None = None  # device and inode
        self._torn = False  # whether the last line in the file has no end

    def open(self) -> None:
        """Open it, also when it is open. Raises ``OSError``."""
        fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, self._mode)
        self.close()
        self._fd = fd
        status = os.fstat(fd)
        self._opened = (status.st_dev, status.st_ino)
        self._torn = False

    def append(self, lines: bytes) -> None:
        """Write whole *lines*, at once as far as the kernel takes them. Raises ``OSError``.

        When a part was written, as on a full disk, it stays: others append too. What is written next begins a line.
        """
        if self._opened is None or self._found() != self._opened:
            self.open()
        left = memoryview(b"\n" + lines if self._torn else lines)
        while left:
            written = os.write(self._fd, left)
            left = left[written:]
            self._torn = bool(left) and (written > 0 or self._torn)

    def close(self) -> None:
        """Give back the descriptor; a write opens the file again."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd, self._opened = -1, None

    def _found(self) -> tuple[int, int] | None:
        try:
            status = os.stat(self.path)
        except FileNotFoundError:
            return None
        return status.st_dev, status.st_ino
