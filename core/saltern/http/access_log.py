"""Where the lines of the access log go: a file, which may be rotated, or standard output; a thread writes them."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import threading
from collections.abc import Callable, Mapping
from logging.handlers import QueueHandler, QueueListener

from saltern.appended_file import AppendedFile
from saltern.complaints import Complaints
from saltern.errors import ConfigError, os_errors

MOST_WAITING = 10_000
"""Lines that wait for a slow disk; more are dropped and counted."""

_CLOSES_S, _MODE = 2.0, 0o640


class AccessLog(QueueHandler):
    """One JSON object per line, appended to *path*; ``-`` is standard output.

    Writing never keeps a request waiting: lines that a disk can't take are dropped, each told to *count* as
    ``accessLogDropped``. Raises ``ConfigError`` when *path* can't be opened.
    """

    def __init__(self, path: str, count: Callable[[str, float], None] = lambda name, amount: None) -> None:
        self._count = count
        self._writer = _Writer(path, self.handleError)
        super().__init__(self._writer.queue)
        self._writer.start()

    def write(self, told: Mapping[str, object]) -> None:
        """Have *told* written soon; any thread may call it."""
        self.handle(logging.makeLogRecord({"msg": told}))

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Leave the text to the thread."""
        return record

    def handleError(self, record: logging.LogRecord) -> None:
        """Count a line that is dropped: the queue is full, or the disk."""
        self._count("accessLogDropped", 1)

    def close(self) -> None:
        """Write what waits, unless that takes long, and stop."""
        ending = threading.Thread(target=self._writer.stop, daemon=True)
        ending.start()
        ending.join(_CLOSES_S)


class _Writer(QueueListener):
    """Writes by itself: each handler of ``logging`` has a lock, for which the process's end would wait with a disk."""

    def __init__(self, path: str, dropped: Callable[[logging.LogRecord], None]) -> None:
        super().__init__(queue.Queue(MOST_WAITING))
        self._dropped = dropped
        self._notices = Complaints(logging.getLogger(__name__), logging.WARNING)
        self._path = path
        self._file = AppendedFile(path, _MODE)
        self._append = _print if path == "-" else self._file.append
        with os_errors(ConfigError, path, "can't be written", called=f"access log {path}"):
            self._append(b"")

    def handle(self, record: logging.LogRecord) -> None:
        """Write a line."""
        try:
            self._append(f"{json.dumps(record.msg)}\n".encode())
        except OSError as error:
            self._dropped(record)
            self._notices.say("write", "access log %s: can't be written: %s", self._path, error.strerror)

    def stop(self) -> None:
        """Write what waits, and stop; again: do nothing."""
        with contextlib.suppress(queue.Full):  # its disk hangs
            if self._thread is not None:
                super().stop()
            self._file.close()


def _print(lines: bytes) -> None:
    while lines:
        lines = lines[os.write(1, lines) :]
