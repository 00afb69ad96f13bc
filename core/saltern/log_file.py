"""The file that a daemon logs to, whatever becomes of it: renamed by logrotate, deleted, its disk full or read-only.

Before each record the name is looked at: where it no longer leads to the open file, the file is opened anew. So a log
is rotated by renaming it; no program needs to be told. What can't be written goes to stderr, with a line that says
why, until it can be.
"""

from __future__ import annotations

import errno
import logging
import os
import sys

from saltern.errors import ConfigError, os_errors

PASSING = frozenset({errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO})
"""Errors of a disk, which may heal; any other means that the configured path is wrong."""


class LogFile(logging.Handler):
    """Appends each record to the file *path*. Raises ``ConfigError`` when *path* can't be a file's."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = os.path.abspath(path)
        self._fd = -1
        self._opened: tuple[int, int] | None = None  # device and inode
        self._missing = 0  # lines that went to stderr instead
        self._torn = False  # whether the last line in the file has no end
        with os_errors(ConfigError, path, "can't be opened", called=f"log_file: {path}"):
            try:
                self._open()
            except OSError as error:
                if error.errno not in PASSING:
                    raise
                self._instead(
                    f"log_file: {path}: can't be opened: {error.strerror}: the log goes to stderr until it can"
                )

    def emit(self, record: logging.LogRecord) -> None:
        """Write *record*; never raises."""
        try:
            line = self.format(record)
        except Exception as error:  # arguments that don't fit the text: whoever logs is not to fail by it
            line = f"{record.name}: a line could not be made of a record: {type(error).__name__}: {error}"
        try:
            self._append(line)
        except OSError as error:
            if not self._missing:
                self._instead(f"log_file: {self._path}: can't be written: {error.strerror}: the log goes to stderr")
            self._missing += 1
            self._instead(line)

    def close(self) -> None:
        """Give back the file."""
        self.acquire()
        try:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1
        finally:
            self.release()
        super().close()

    def _append(self, line: str) -> None:
        if self._opened is None or self._found() != self._opened:
            self._open()
        if self._missing:
            self._write(f"{self._missing} lines before this one could not be written here: they went to stderr")
            self._missing = 0
        self._write(line)

    def _write(self, line: str) -> None:
        data = f"{line}\n".encode("utf-8", "backslashreplace")
        if self._torn:
            data = b"\n" + data
        written = os.write(self._fd, data)
        self._torn = 0 < written < len(data) or (self._torn and not written)
        if written < len(data):  # others append too: what is written stays
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _open(self) -> None:
        fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = fd
        status = os.fstat(fd)
        self._opened = (status.st_dev, status.st_ino)

    def _found(self) -> tuple[int, int] | None:
        try:
            status = os.stat(self._path)
        except FileNotFoundError:
            return None
        return status.st_dev, status.st_ino

    def _instead(self, line: str) -> None:
        try:
            print(line, file=sys.stderr, flush=True)
        except (OSError, ValueError):  # nobody is left to be told
            return
