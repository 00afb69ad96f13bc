"""Carbon's plaintext protocol: ``name value timestamp`` a line, parsed a block at a time into columns.

A block of good lines is taken apart by a handful of C-speed calls; only a block that holds a bad line is looked at
line by line, and the two ways give the same answer. Values and timestamps are whatever Python's ``float`` reads,
as in Carbon; a timestamp of ``-1`` or ``N`` means now. Whether a name, a value or a time is acceptable is the store's
question, not this file's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_LINE_BYTES = 16_384
MAX_SAMPLES = 3  # bad lines kept per block, for the log
CAUSES = ("bad_utf8", "bad_fields", "bad_value", "bad_time", "line_too_long")

_END = "\x00"  # stands for the end of a line while a whole block is split at once


@dataclass(slots=True)
class Block:
    """The points of a block, three columns of one length, and its bad lines: cause -> count, and some of them."""

    names: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    bad: dict[str, int] = field(default_factory=dict)
    samples: list[tuple[str, bytes]] = field(default_factory=list)

    def refuse(self, cause: str, line: bytes) -> None:
        """Count *line* as bad because of *cause*, one of :data:`CAUSES`."""
        self.bad[cause] = self.bad.get(cause, 0) + 1
        if len(self.samples) < MAX_SAMPLES:
            self.samples.append((cause, line[:200]))


def parse(data: bytes, now: float) -> Block:
    """Parse whole lines; the newline at the very end may be missing. *now* is what ``-1`` and ``N`` become."""
    return _parse_at_once(data, now) or _parse_lines(data, now)


def _parse_at_once(data: bytes, now: float) -> Block | None:
    """Parse a block without a bad line, or return ``None``."""
    lines = data.count(b"\n")
    if not data.endswith(b"\n"):
        data += b"\n"
        lines += 1
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    if _END in text:
        return None
    fields = text.replace("\n", f" {_END} ").split()
    # Three fields a line exactly when every fourth field is a line's end and no other is.
    if len(fields) != 4 * lines or fields[3::4].count(_END) != lines:
        return None
    try:
        times = list(map(float, fields[2::4]))
        values = list(map(float, fields[1::4]))
    except ValueError:
        return None
    if min(times) <= -1 or not math.isfinite(sum(times)):
        return None
    if len(data) > MAX_LINE_BYTES and max(map(len, data.split(b"\n"))) > MAX_LINE_BYTES:
        return None
    return Block(fields[0::4], times, values)


def _parse_lines(data: bytes, now: float) -> Block:
    """Parse a block line by line."""
    block = Block()
    for line in data.split(b"\n"):
        if len(line) > MAX_LINE_BYTES:
            block.refuse("line_too_long", line)
            continue
        try:
            fields = line.decode().split()
        except UnicodeDecodeError:
            block.refuse("bad_utf8", line)
            continue
        if not fields:
            continue
        if len(fields) != 3:
            block.refuse("bad_fields", line)
            continue
        try:
            value = float(fields[1])
        except ValueError:
            block.refuse("bad_value", line)
            continue
        try:
            time = now if fields[2] == "N" else float(fields[2])
        except ValueError:
            block.refuse("bad_time", line)
            continue
        block.names.append(fields[0])
        block.times.append(now if -2 < time <= -1 else time)
        block.values.append(value)
    return block


class LineBuffer:
    """Cuts a stream of bytes into blocks of whole lines; it never holds more than one unfinished line."""

    def __init__(self) -> None:
        self._tail = b""
        self._skipping = False

    def feed(self, data: bytes) -> Iterator[bytes | None]:
        """Yield the whole lines that *data* completes, as one block; ``None`` for a line found to be too long."""
        if self._skipping:
            place = data.find(b"\n")
            if place < 0:
                return
            data = data[place + 1 :]
            self._skipping = False
        end = data.rfind(b"\n") + 1
        if end:
            yield self._tail + data[:end]
            self._tail = data[end:]
        else:
            self._tail += data
        if len(self._tail) > MAX_LINE_BYTES:
            self._tail = b""
            self._skipping = True
            yield None

    def rest(self) -> bytes:
        """Return the line that the stream's end left unterminated, and forget it."""
        rest, self._tail = self._tail, b""
        return rest
