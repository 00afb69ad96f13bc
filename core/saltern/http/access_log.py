"""Where the lines of the access log go: a file, which may be rotated, or standard output; a thread writes them."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import threading
from collections.abc import Callable, Mapping

from saltern.appended_file import AppendedFile
from saltern.complaints import Complaints
from saltern.errors import ConfigError, os_errors

MOST_WAITING = 10_000
"""Lines that wait for a slow disk; more are dropped and counted."""

_AT_ONCE = 500
_CLOSES_S = 2.0
_MODE = 0o640

log = logging.getLogger(__name__)

Record = Mapping[str, object]


class AccessLog:
    """One JSON object per line, appended to *path*; ``-`` is standard output.

    Writing never keeps a request waiting: lines that a disk can't take are dropped, each told to *count* as
    ``accessLogDropped``. Raises ``ConfigError`` when *path* can't be opened.
    """

    def __init__(self, path: str, count: Callable[[str, float], None] = lambda name, amount: None) -> None:
        self._path = path
        self._count = count
        self._notices = Complaints(log, logging.WARNING)
        self._waiting: queue.Queue[Record | None] = queue.Queue(MOST_WAITING)
        self._file = None if path == "-" else AppendedFile(path, _MODE)
        if self._file is not None:
            with os_errors(ConfigError, path, "can't be written", called=f"access log {path}"):
                self._file.open()
        self._thread = threading.Thread(target=self._run, name="access log", daemon=True)
        self._thread.start()

    def write(self, record: Record) -> None:
        """Have *record* written soon; any thread may call it."""
        try:
            self._waiting.put_nowait(record)
        except queue.Full:
            self._count("accessLogDropped", 1)

    def close(self) -> None:
        """Write what waits, unless that takes long, and stop."""
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(None)
            self._thread.join(_CLOSES_S)

    def _run(self) -> None:
        ended = False
        while not ended:
            records = [self._waiting.get()]
            with contextlib.suppress(queue.Empty):
                while len(records) < _AT_ONCE:
                    records.append(self._waiting.get_nowait())
            ended = None in records
            self._append([record for record in records if record is not None])
        if self._file is not None:
            self._file.close()

    def _append(self, records: list[Record]) -> None:
        lines = "".join(f"{json.dumps(record)}\n" for record in records).encode()
        try:
            if self._file is not None:
                self._file.append(lines)
            else:
                _print(lines)
        except OSError as error:
            self._count("accessLogDropped", len(records))
            self._notices.say("write", "access log %s: can't be written: %s", self._path, error.strerror)


def _print(lines: bytes) -> None:
    left = memoryview(lines)
    while left:
        left = left[os.write(1, left) :]
