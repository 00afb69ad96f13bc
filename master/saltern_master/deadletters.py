"""Records that a reader of the journal could not digest, set aside so that it can go on.

A folder with one file a record, named by the time it was set aside and the reader, bounded in number and bytes: over
the bound the oldest goes. Whoever looks into them has ``saltern-run journal.dead_letters``.
"""

from __future__ import annotations

import logging
import os
import re
import time
from typing import Any

from saltern.complaints import Trouble
from saltern.files import write_private
from saltern.set_aside import folder_instead
from saltern_master.complaints import Complaints

log = logging.getLogger(__name__)

MAX_LETTERS = 1000
MAX_BYTES = 64 * 1024 * 1024
SHOWN_BYTES = 200
_LETTER = re.compile(r"[0-9]{1,20}-")


class DeadLetters:
    """The letters in one folder; any thread may call any method."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._complaints = Complaints("records set aside")
        self._trouble = Trouble(log)
        self.count = 0
        """Records set aside since the start."""
        self.unwritten = 0
        """Those of them that could not be written."""

    def put(self, reader: str, record: bytes, error: BaseException) -> None:
        """Set *record* aside, which *reader* could not digest for *error*."""
        self.count += 1
        why = f"{type(error).__name__}: {error}".replace("\n", " ")[:500]
        self._complaints.say(reader, type(error).__name__, f"a record is set aside in {self._folder}: {why}")
        name = f"{time.time_ns():020d}-{reader}"
        try:
            folder_instead(self._folder, 0o700)
            write_private(os.path.join(self._folder, name), f"{why}\n".encode(errors="replace") + record)
            self._trouble.over(f"{self._folder}: can be written again")
            self._trim()
        except OSError as fault:
            self.unwritten += 1
            self._trouble.met(f"{self._folder}: can't be written: {fault.strerror}: what is set aside is lost")

    def listing(self) -> list[dict[str, Any]]:
        """Return the letters, newest first: ``file``, ``reader``, ``time`` (epoch s), ``bytes``, ``reason`` …."""
        found = []
        for name in sorted(self._names(), reverse=True):
            stamp, _, reader = name.partition("-")
            try:
                path = os.path.join(self._folder, name)
                with open(path, "rb") as stream:
                    reason, start = stream.readline(1000), stream.read(SHOWN_BYTES)
                size = os.path.getsize(path)
            except OSError:
                continue
            found.append(
                {
                    "file": path,
                    "reader": reader,
                    "time": int(stamp) / 1e9,
                    "bytes": size - len(reason),
                    "reason": reason.decode(errors="replace").rstrip(),
                    "start": start.decode("latin-1"),
                }
            )
        return found

    def metrics(self) -> dict[str, float]:
        """Return the counter."""
        return {"dead_letters": self.count, "dead_letters_unwritten": self.unwritten}

    def _names(self) -> list[str]:
        try:
            return [entry.name for entry in os.scandir(self._folder) if _LETTER.match(entry.name) and entry.is_file()]
        except OSError:
            return []

    def _trim(self) -> None:
        names = sorted(self._names())
        sizes = {name: os.path.getsize(os.path.join(self._folder, name)) for name in names}
        total = sum(sizes.values())
        while names and (len(names) > MAX_LETTERS or total > MAX_BYTES):
            oldest = names.pop(0)
            total -= sizes[oldest]
            os.unlink(os.path.join(self._folder, oldest))
