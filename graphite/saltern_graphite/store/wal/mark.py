"""How far the log is in files: what lies before that place need not be read back.

::

    "<segment> <record> <segment> <record> <points> <boot> <check>\\n"     numbers of 20 digits, check: crc32 in hex

Everything before the first place is in files, the second is where the log ended then, and between them were so many
points (-1: it isn't known). A power cut may take what the kernel had not written of those files, but not of the log;
so the first place counts only until the host is started again: *boot* is the kernel's name for that. The line is
written in place, always as many bytes: quick, whole or not at all, and possible on a full disk.
"""

from __future__ import annotations

import os
from binascii import crc32
from collections import deque
from contextlib import suppress
from typing import NamedTuple

from saltern.steady import boot_id

FILE = "written"
MOST_LOOKS = 4096
"""One a second, while a point waits for its file."""


class Place(NamedTuple):
    """A place between two records: the number of a segment, and how many records of it are before."""

    segment: int
    record: int


class Mark(NamedTuple):
    """See above; *trusted* is whether this is still the boot in which it was made."""

    written: Place
    end: Place
    waiting: int
    trusted: bool


class Looks:
    """Ends of the log as they were seen, and how many points were before each."""

    def __init__(self) -> None:
        self._seen: deque[tuple[Place, int]] = deque(maxlen=MOST_LOOKS)

    def add(self, end: Place, points: int) -> None:
        """Remember that so many points were appended when the log ended at *end*."""
        if not self._seen or self._seen[-1] != (end, points):
            self._seen.append((end, points))

    def last_before(self, place: Place, points: int) -> tuple[Place, int]:
        """Return the last end up to *place*, and how many of now *points* lie behind it; *place* and -1: none is known.

        What was seen before that is forgotten.
        """
        while len(self._seen) > 1 and self._seen[1][0] <= place:
            self._seen.popleft()
        end, before = self._seen[0]
        return (end, points - before) if end <= place else (place, -1)


class MarkFile:
    """The file in *folder*. For one thread at a time."""

    def __init__(self, folder: str) -> None:
        self._path = os.path.join(folder, FILE)
        self._fd = -1
        self._boot = boot_id() or "?"
        self._last = ""

    def load(self) -> Mark | None:
        """Return what is there; ``None`` when nothing is, or it makes no sense."""
        try:
            with open(self._path, encoding="ascii") as file:
                line = file.read(400)
        except (OSError, ValueError):
            return None
        text, _, check = line.rstrip("\n").rpartition(" ")
        fields = text.split()
        if len(fields) != 6 or check != f"{crc32(text.encode()):08x}":
            return None
        try:
            numbers = list(map(int, fields[:5]))
        except ValueError:
            return None
        trusted = self._boot != "?" and fields[5] == self._boot
        return Mark(Place(*numbers[:2]), Place(*numbers[2:4]), numbers[4], trusted)

    def save(self, written: Place, end: Place, waiting: int) -> None:
        """Write it. Raises ``OSError``."""
        text = " ".join([*(f"{number:20d}" for number in (*written, *end, waiting)), self._boot])
        if text == self._last:
            return
        if self._fd < 0:
            self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
        os.pwrite(self._fd, f"{text} {crc32(text.encode()):08x}\n".encode(), 0)
        self._last = text

    def forget(self) -> None:
        """Have nothing there, as it would say too much."""
        self.close()
        with suppress(OSError):
            os.unlink(self._path)

    def close(self) -> None:
        """Give the file back; the next ``save`` opens what is there then."""
        self._last = ""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
