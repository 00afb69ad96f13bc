"""The file of the audit: appended to only, each line chained to the one before, so that one that is gone shows.

::

    {"seq":7,"time":"…Z","who":"local:root","what":"wheel.key.accept",…,"prev":"<16 hex>"}

``prev`` is the first 16 hex digits of the SHA-256 of the line before it, without its end: of whatever stands there, the
half line that a kill or a full disk left too. ``seq`` goes up by one. A file that is renamed (logrotate) is
begun anew by the next write, and the chain goes on in it; one that is over its bound is renamed to ``….1`` by us.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Sequence
from typing import NamedTuple

from saltern.appended_file import AppendedFile
from saltern.errors import JournalError, os_errors
from saltern.files import make_folder
from saltern_master.audit.lines import Line, last_lines
from saltern_master.audit.record import Record

log = logging.getLogger(__name__)

MODE = 0o640
NOTHING = "0" * 16
"""What the first line of all is chained to."""


class Written(NamedTuple):
    """A line in the file: its number, its digest, which the next line has as ``prev``, what it says, its bytes."""

    seq: int
    digest: str
    record: Record
    size: int


class Trail:
    """The file *path*. For one thread at a time; raises ``JournalError`` when the disk doesn't do its part."""

    def __init__(self, path: str, max_bytes: int) -> None:
        """*max_bytes*: over which it is renamed, and begun anew."""
        self.path = path
        self.before = f"{path}.1"
        self._file = AppendedFile(path, MODE)
        self._max_bytes = max_bytes
        self._torn = False  # whether the last line in the file has no end
        self.seq = 0
        """Of the last line."""
        self.digest = NOTHING
        """Of the last line."""

    def begin(self, seq: int, digest: str) -> int:
        """Find out where the chain goes on; return how many lines are missing at the file's end.

        *seq* and *digest*: of the last line that the store knows. When the file ends before it, the chain goes on from
        it all the same, and the gap shows for ever.
        """
        there = self.look()
        if seq <= self.seq:
            return 0
        missing = seq - self.seq if there else 0  # a file that is gone was renamed, or compressed
        self.seq, self.digest = seq, digest
        return missing

    def look(self) -> bool:
        """Look how the file ends, for the first time or after a write that failed; return whether there is any line."""
        self._file.close()
        with os_errors(JournalError, self.path, "can't be read"):
            for path in (self.path, self.before):
                if ending := last_lines(path):
                    break
            else:
                return False
        self._torn = path == self.path and not ending.ended
        if ending.seq >= self.seq:
            self.seq, self.digest = ending.seq, ending.digest
        return True

    def append(self, records: Sequence[Record]) -> list[Written]:
        """Write a line for each of *records*, and return them.

        When that fails, ``look`` tells how many of them are there: ``seq`` has gone up by as many.
        """
        made, lines, digest = [], [], self.digest
        for number, record in enumerate(records, self.seq + 1):
            line = record.line(number, digest)
            digest = Line.of(line).digest
            made.append(Written(number, digest, record, len(line)))
            lines.append(line)
        with os_errors(JournalError, self.path, "can't be written"):
            make_folder(os.path.dirname(self.path), 0o750)
            self._rotate()
            self._file.append(b"\n" * self._torn + b"".join(lines))
        self._torn = False
        self.seq, self.digest = self.seq + len(made), digest
        return made

    def close(self) -> None:
        """Give back the descriptor."""
        self._file.close()

    def _rotate(self) -> None:
        with contextlib.suppress(OSError):
            if os.path.getsize(self.path) > self._max_bytes:
                os.rename(self.path, self.before)
                self._torn = False
                log.info(
                    "%s: is %s now: it was over %d bytes", self.path, os.path.basename(self.before), self._max_bytes
                )
