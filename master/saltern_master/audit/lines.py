"""Lines of the audit's file, as they are read: their digests, and what they say."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from saltern.digest import sha256
from saltern.files import open_file

DIGEST_CHARS = 16
MAX_LINE_BYTES = 64 * 1024
MAX_NUMBER = 2**62
TAIL_BYTES = 1024 * 1024
"""Of a file's end, looked through for the last whole line."""


class Line(NamedTuple):
    """A line: its digest, and its JSON, ``None`` when it is the half of one, or nothing of ours."""

    digest: str
    said: dict[str, Any] | None
    size: int = 0

    @classmethod
    def of(cls, line: bytes) -> Line:
        """Return what *line* is, with its end or without."""
        text = line.rstrip(b"\n")
        try:
            said = json.loads(text)
        except (ValueError, RecursionError):
            said = None
        whole = isinstance(said, dict) and type(said.get("seq")) is int and 0 < said["seq"] < MAX_NUMBER
        return cls(sha256(text).hexdigest()[:DIGEST_CHARS], said if whole else None, len(line))

    @property
    def seq(self) -> int:
        """Its number, 0 when it has none."""
        return 0 if self.said is None else int(self.said["seq"])


class Ending(NamedTuple):
    """How a file ends: the number of its last whole line, the digest of its last line, whether that has an end."""

    seq: int
    digest: str
    ended: bool


def last_lines(path: str) -> Ending | None:
    """Return how the file at *path* ends, ``None`` when it has no line or isn't there. Raises ``OSError``."""
    try:
        fd = open_file(path)
    except FileNotFoundError:
        return None
    with open(fd, "rb") as stream:
        size = os.fstat(fd).st_size
        stream.seek(max(0, size - TAIL_BYTES))
        tail = stream.read(TAIL_BYTES)
    lines = [line for line in tail.split(b"\n") if line]
    if not lines:
        return None
    seq = next((found.seq for line in reversed(lines) if (found := Line.of(line)).said is not None), 0)
    return Ending(seq, Line.of(lines[-1]).digest, tail.endswith(b"\n"))


def lines_of(path: str) -> Iterator[Line]:
    """Yield the lines of the file at *path*, none when it isn't there. Raises ``OSError``."""
    try:
        fd = open_file(path)
    except FileNotFoundError:
        return
    with open(fd, "rb") as stream:
        left = os.fstat(fd).st_size  # what comes meanwhile is another's
        while left > 0 and (line := stream.readline(min(MAX_LINE_BYTES, left))):
            left -= len(line)
            if line != b"\n":
                yield Line.of(line)
