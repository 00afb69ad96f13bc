"""Carbon's plaintext protocol: ``name value timestamp`` a line, parsed a block at a time into columns.

A block of good lines is taken apart by a handful of C-speed calls, a large and plain one (ASCII, single blanks) with
its numbers read by columns; only a block that holds a bad line is looked at line by line. All three ways give the
same answer. Values and timestamps are whatever Python's ``float`` reads, as in Carbon; a timestamp of ``-1`` (down to
just above ``-2``) or ``N`` means now. Whether a name, a value or a time is acceptable is the store's question, not
this file's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from saltern_graphite.receivers.formats.number_columns import PAD, Floats, read_numbers

MAX_LINE_BYTES = 16_384
MAX_SAMPLES = 3  # bad lines kept per block, for the log
CAUSES = ("bad_utf8", "bad_fields", "bad_value", "bad_time", "line_too_long")

_MIN_COLUMN_BYTES = 40_000  # a smaller block is done sooner without numpy
_PLAIN = np.frombuffer(b"  \n", np.uint8)  # what ends the three fields of a plain line
_END = "\x00"  # stands for the end of a line while a whole block is split at once


@dataclass(slots=True)
class Block:
    """The points of a block, three columns of one length, and its bad lines: cause -> count, and some of them."""

    names: list[str] = field(default_factory=list)
    times: list[float] | Floats = field(default_factory=list)
    values: list[float] | Floats = field(default_factory=list)
    bad: dict[str, int] = field(default_factory=dict)
    samples: list[tuple[str, bytes]] = field(default_factory=list)

    def refuse(self, cause: str, line: bytes) -> None:
        """Count *line*, or whatever else came in, as bad because of *cause*."""
        self.bad[cause] = self.bad.get(cause, 0) + 1
        if len(self.samples) < MAX_SAMPLES:
            self.samples.append((cause, line[:200]))

    def extend(self, other: Block) -> None:
        """Add what *other* holds."""
        self.names += other.names
        self.times = _joined(self.times, other.times)
        self.values = _joined(self.values, other.values)
        for cause, count in other.bad.items():
            self.bad[cause] = self.bad.get(cause, 0) + count
        self.samples += other.samples[: MAX_SAMPLES - len(self.samples)]


def parse(data: bytes, now: float) -> Block:
    """Parse whole lines; the newline at the very end may be missing. *now* is what ``-1`` and ``N`` become."""
    return _parse_columns(data) or _parse_at_once(data) or _parse_lines(data, now)


def _parse_columns(data: bytes) -> Block | None:
    """Parse a large block of lines as most programs write them, or return ``None``."""
    if len(data) < _MIN_COLUMN_BYTES or not data.isascii() or not data.endswith(b"\n"):
        return None
    octets = np.frombuffer(data, np.uint8)
    cuts = np.flatnonzero(octets <= ord(" "))  # no blank is above it in ASCII
    if len(cuts) % 3 or not (octets[cuts].reshape(-1, 3) == _PLAIN).all():
        return None
    after_name, after_value, after_time = cuts.reshape(-1, 3).T
    begins = np.concatenate(([0], after_time[:-1] + 1))
    if (begins == after_name).any() or int((after_time - begins).max()) > MAX_LINE_BYTES:
        return None
    fields = data.decode("ascii").replace("\n", " ").split(" ")
    padded, offset = PAD + data, len(PAD)
    try:
        values = read_numbers(
            padded, after_name + (offset + 1), after_value + offset, lambda row: float(fields[3 * row + 1])
        )
        times = read_numbers(
            padded, after_value + (offset + 1), after_time + offset, lambda row: float(fields[3 * row + 2])
        )
    except ValueError:
        return None
    if (times <= -1).any():
        return None
    return Block(fields[0:-1:3], times, values)


def _parse_at_once(data: bytes) -> Block | None:
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
    times: list[float] = []
    values: list[float] = []
    block = Block([], times, values)
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
        times.append(now if -2 < time <= -1 else time)
        values.append(value)
    return block


def _joined(column: list[float] | Floats, more: list[float] | Floats) -> list[float] | Floats:
    if isinstance(column, list):
        column.extend(more)
        return column
    return np.concatenate((column, more))


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
            yield b"".join((self._tail, memoryview(data)[:end]))
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
