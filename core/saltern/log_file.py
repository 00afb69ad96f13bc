"""The file that a daemon logs to, whatever becomes of it: renamed by logrotate, deleted, its disk full or read-only.

What can't be written goes to stderr, with a line that says why, until it can be.
"""

from __future__ import annotations

import errno
import logging
import sys

from saltern.appended_file import AppendedFile
from saltern.errors import ConfigError, os_errors

PASSING = frozenset({errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO})
"""Errors of a disk, which may heal; any other means that the configured path is wrong."""


class LogFile(logging.Handler):
    """Appends each record to the file *path*. Raises ``ConfigError`` when *path* can't be a file's."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._file = AppendedFile(path)
        self._missing = 0  # lines that went to stderr instead
        with os_errors(ConfigError, path, "can't be opened", called=f"log_file: {path}"):
            try:
                self._file.open()
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
            if self._missing:
                self._write(f"{self._missing} lines before this one could not be written here: they went to stderr")
                self._missing = 0
            self._write(line)
        except OSError as error:
            if not self._missing:
                self._instead(
                    f"log_file: {self._file.path}: can't be written: {error.strerror}: the log goes to stderr"
                )
            self._missing += 1
            self._instead(line)

    def close(self) -> None:
        """Give back the file."""
        self.acquire()
        try:
            self._file.close()
        finally:
            self.release()
        super().close()

    def _write(self, line: str) -> None:
        self._file.append(f"{line}\n".encode("utf-8", "backslashreplace"))

    def _instead(self, line: str) -> None:
        try:
            print(line, file=sys.stderr, flush=True)
        except (OSError, ValueError):  # nobody is left to be told
            return
