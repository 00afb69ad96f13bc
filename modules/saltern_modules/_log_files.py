"""Reading log files from their end: blocks backwards, lines out of them, as many as are wanted, within bounds."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from saltern.named import NamedTuple
from saltern_modules._log_times import stamp_of

BLOCK_BYTES = 1 << 16
MAX_LINE_BYTES = 1 << 14
"""Of a line so many are shown."""
MAX_HELD_BYTES = 1 << 20
"""A longer line is taken for several."""
MAX_SCANNED_BYTES = 256 << 20
MAX_ROTATED = 20
MAX_LOOSE = 5000
"""Lines without a time, one behind the other, that are taken to be of the line before them."""
OLDER_IN_A_ROW = 100
"""Lines from before *since*, one behind the other, after which no more are looked at: some are a little late."""

_SERIAL = re.compile(r"(\d{1,4})(\.gz|\.xz|\.bz2)?")
_DATED = re.compile(r"(\d{8}(?:-?\d{2,10})?)(\.gz|\.xz|\.bz2)?")


class Line(NamedTuple):
    """A line, and when it was written, seconds since the epoch; one that doesn't say has the time of that before it."""

    at: float | None
    text: str


class Wanted(NamedTuple):
    """What is looked for: at most *lines* and *size* bytes, from *since* until *until*, that hold *parts* in order."""

    lines: int
    size: int
    since: float | None
    until: float | None
    parts: tuple[str, ...]
    ignore_case: bool


class Tail:
    """Takes lines, the last one first, and keeps what is wanted. ``full``: it takes no more; ``cut``: why, if early."""

    def __init__(self, wanted: Wanted, now: float) -> None:
        self._wanted = wanted
        self._now = now
        self._kept: list[Line] = []
        self._loose: list[str] = []
        self._size = 0
        self._older = 0
        timeless = wanted.since is None and wanted.until is None
        self._needed = tuple(part.encode() for part in wanted.parts) if timeless else ()
        self.full = False
        self.cut = ""

    def take(self, raw: bytes) -> None:
        """Take the next line towards the beginning."""
        if self._needed and not self._loose and not self._may_hold(raw):
            return  # nobody needs its time: most of a large file ends here
        text = raw[:MAX_LINE_BYTES].decode("utf-8", "replace").rstrip("\r")
        at = stamp_of(text, self._now)
        if at is None:
            self._loose.append(text)  # it is of the stamped line before it, which comes next
            if len(self._loose) > max(self._wanted.lines, MAX_LOOSE):
                self.flush()
            return
        self._older = self._older + 1 if self._is_before(at) else 0
        for loose in self._loose:
            self._keep(Line(at, loose))
        self._loose.clear()
        self._keep(Line(at, text))
        if self._older >= OLDER_IN_A_ROW:
            self.full = True

    def flush(self) -> None:
        """Take lines that have no time, and no line before them that has."""
        for loose in self._loose:
            self._keep(Line(None, loose))
        self._loose.clear()

    def lines(self) -> list[Line]:
        """Return what was kept, the first line first."""
        return self._kept[::-1]

    def _may_hold(self, raw: bytes) -> bool:
        """Return whether a line could hold what is looked for: the parts of it that are ASCII are there."""
        text = raw.lower() if self._wanted.ignore_case else raw
        return all(part in text for part in self._needed if part.isascii())

    def _is_before(self, at: float) -> bool:
        return self._wanted.since is not None and at < self._wanted.since

    def _keep(self, line: Line) -> None:
        wanted = self._wanted
        if self.full or not holds(line.text, wanted.parts, wanted.ignore_case):
            return
        if line.at is None and (wanted.since is not None or wanted.until is not None):
            return
        if line.at is not None and (self._is_before(line.at) or (wanted.until is not None and line.at > wanted.until)):
            return
        size = len(line.text.encode("utf-8", "replace")) + 16
        if self._size + size > wanted.size:
            self.full, self.cut = True, f"over {wanted.size:,} bytes"
            return
        self._size += size
        self._kept.append(line)
        self.full = len(self._kept) >= wanted.lines


def holds(text: str, parts: Iterable[str], ignore_case: bool) -> bool:
    """Return whether *text* holds all of *parts*, one after the other."""
    if ignore_case:
        text = text.lower()
    at = 0
    for part in parts:
        found = text.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return True


def parts_of(pattern: str, ignore_case: bool) -> tuple[str, ...]:
    """Return what a line must hold: ``*`` stands for anything, and nothing else is special."""
    return tuple(part for part in (pattern.lower() if ignore_case else pattern).split("*") if part)


def backwards(file: int) -> Iterator[bytes]:
    """Yield the lines of an open file, the last one first, without their ends."""
    at = os.fstat(file).st_size
    if at and os.pread(file, 1, at - 1) == b"\n":
        at -= 1  # the end of the last line is no line
    elif not at:
        return
    rest: list[bytes] = [b""]
    held = 0
    while at > 0:
        start = max(0, at - BLOCK_BYTES)
        first, *lines = os.pread(file, at - start, start).split(b"\n")
        at = start
        if lines:
            rest.append(lines.pop())
            yield b"".join(reversed(rest))
            yield from reversed(lines)
            rest, held = [], 0
        rest.append(first)
        held += len(first)
        if held > MAX_HELD_BYTES and at > 0:
            yield b"".join(reversed(rest))
            rest, held = [], 0
    yield b"".join(reversed(rest))


def read_plain(file: int, tail: Tail) -> int:
    """Have *tail* take the lines of an open file; return how many bytes were looked at."""
    scanned = 0
    for line in backwards(file):
        tail.take(line)
        scanned += len(line) + 1
        if tail.full:
            break
        if scanned > MAX_SCANNED_BYTES:
            tail.full, tail.cut = True, f"{MAX_SCANNED_BYTES:,} bytes were looked at"
    return scanned


def read_packed(stream: Any, tail: Tail, lines: int) -> None:
    """Have *tail* take the last lines of a stream that can only be read forwards: as many as it could want."""
    last: deque[bytes] = deque(maxlen=max(lines * 20, 1000))
    scanned = 0
    while line := stream.readline(MAX_HELD_BYTES):
        last.append(line.rstrip(b"\n")[:MAX_LINE_BYTES])
        scanned += len(line)
        if scanned > MAX_SCANNED_BYTES:
            tail.cut = f"{MAX_SCANNED_BYTES:,} bytes were looked at"
            break
    while last and not tail.full:
        tail.take(last.pop())


def rotated(path: str, names: Iterable[str]) -> list[str]:
    """Return of *names*, those in its folder, the files that *path* became by rotation, the newest first."""
    own = os.path.basename(path)
    serial: list[tuple[int, str]] = []
    dated: list[tuple[str, str]] = []
    for name in names:
        after = name.removeprefix(own)
        if after == name or after[:1] not in (".", "-"):
            continue
        if after[0] == "." and (found := _SERIAL.fullmatch(after[1:])):
            serial.append((int(found[1]), name))
        elif found := _DATED.fullmatch(after[1:]):
            dated.append((found[1], name))
    ordered = [name for _, name in sorted(serial)] + [name for _, name in sorted(dated, reverse=True)]
    return [os.path.join(os.path.dirname(path), name) for name in ordered[:MAX_ROTATED]]


def unpacker(path: str) -> Callable[[Any], Any] | None:
    """Return what opens a packed file, ``None`` for one that isn't packed."""
    if path.endswith(".gz"):
        import gzip

        return lambda stream: gzip.GzipFile(fileobj=stream)
    if path.endswith(".xz"):
        import lzma

        return lzma.LZMAFile
    if path.endswith(".bz2"):
        import bz2

        return bz2.BZ2File
    return None
