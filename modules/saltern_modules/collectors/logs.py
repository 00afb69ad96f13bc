"""Lines of chosen log files, counted by pattern, from the agent's start on.

A pattern is a part of a line; ``*`` in it stands for anything (``error*timeout``), nothing else is special, so that no
pattern can take longer than the line is long. ``name=pattern`` gives it a shorter name in metrics, ``name=path`` a
file.

A file is followed by its name, as ``tail -F`` does: from its end at first, from its beginning when it comes later, is
another one (it was rotated; the old one is read to its end first) or is shorter than it was (it was truncated).
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from saltern_modules.collectors.base import Collector, Metrics, Number, counter, gauge
from saltern_modules.collectors.numbers import Rates
from saltern_modules.collectors.reading.named import Named, check_named, named
from saltern_modules.collectors.segment import segment
from saltern_modules.collectors.source import Source

MAX_FILES = 50
MAX_BYTES = 1 << 20
"""What a sample reads of a file; more is read by the next one, and ``behind_bytes`` says how much is left."""

MAX_LINE_BYTES = 1 << 16
"""A longer line is taken for several."""


def count(lines: bytes, parts: list[bytes]) -> int:
    """Return how many of *lines*, each ended, hold all of *parts* one after another."""
    found, at = 0, 0
    while (start := lines.find(parts[0], at)) >= 0:
        end = lines.find(b"\n", start)
        found += _holds(lines, start, end, parts)
        at = end + 1
    return found


def _holds(lines: bytes, start: int, end: int, parts: list[bytes]) -> bool:
    for part in parts:
        start = lines.find(part, start, end)
        if start < 0:
            return False
        start += len(part)
    return True


def parts_of(pattern: str) -> list[bytes]:
    """Return what a line must hold, in this order."""
    return [part.encode("utf-8", "surrogateescape") for part in pattern.split("*") if part]


class Followed:
    """One file, read on from where it was read to."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.descriptor: int | None = None
        self.position = 0
        self.behind = 0
        """Bytes that are there and not read yet."""

        self._rest = b""
        """The beginning of a line that is not ended yet."""

    def open(self, *, at_end: bool) -> None:
        """Open the file by its name. Raises ``OSError`` when it isn't there, or isn't a file."""
        # Without O_NONBLOCK a pipe of that name would hold up the sample until somebody writes into it.
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            raise OSError(f"{self.path} is no file")
        self.close()
        self.descriptor, self._rest = descriptor, b""
        self.position = status.st_size if at_end else 0

    def read(self) -> bytes:
        """Return the lines that were ended since the last call, :data:`MAX_BYTES` or a little more at most."""
        lines = b""
        if self.descriptor is not None:
            lines = self._more()
            if self.behind == 0 and self._is_another():
                lines += self._last()
        if self.descriptor is None:
            try:
                self.open(at_end=False)
            except OSError:
                return lines
            lines += self._more()
        return lines

    def _more(self) -> bytes:
        assert self.descriptor is not None
        size = os.fstat(self.descriptor).st_size
        if size < self.position:
            self.position, self._rest = 0, b""
        data = os.pread(self.descriptor, MAX_BYTES, self.position)
        self.position += len(data)
        self.behind = max(size - self.position, 0)
        whole, newline, self._rest = (self._rest + data).rpartition(b"\n")
        if len(self._rest) > MAX_LINE_BYTES:
            return whole + newline + self._last()
        return whole + newline

    def _last(self) -> bytes:
        """Return what was begun of a line as a line."""
        rest, self._rest = self._rest, b""
        return rest + b"\n" if rest else b""

    def _is_another(self) -> bool:
        """Return whether ours has the name no longer; it is closed then.

        It is kept while nobody has the name and its writer may still be at it, but not when it was deleted: the disk
        would have its space back only when we let go.
        """
        assert self.descriptor is not None
        own = os.fstat(self.descriptor)
        try:
            named = os.stat(self.path)
        except OSError:
            if own.st_nlink == 0:
                self.close()
            return own.st_nlink == 0
        if (named.st_dev, named.st_ino) == (own.st_dev, own.st_ino):
            return False
        self.close()
        return True

    def close(self) -> None:
        """Close the file; its last line is kept."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    def __del__(self, at_the_end: Callable[[], bool] = sys.is_finalizing) -> None:
        if not at_the_end():  # then this module's own names may be gone, and every file is closed anyway
            self.close()


class Logs(Collector):
    """``logs.<file>.lines``, ``.bytes``, ``.behind_bytes``, ``.readable`` and ``.matches.<pattern>.lines``."""

    name = "logs"
    description = "lines of chosen log files, counted by pattern"
    settings: ClassVar[Mapping[str, Any]] = {"files": {}, "ignore_case": False}
    numbers: ClassVar[Mapping[str, Number]] = {
        "*.readable": gauge("", "1 when the file is there and may be read"),
        "*.lines": counter("lines", "lines that were written to it since the agent looks"),
        "*.bytes": counter("B", "what was written to it since the agent looks"),
        "*.behind_bytes": gauge("B", "what was written and isn't read yet"),
        "*.matches.*.lines": counter("lines", "lines that hold the pattern, since the agent looks"),
    }

    @classmethod
    def check(cls, options: Mapping[str, Any]) -> None:
        """Raise ``ValueError`` for a path that is none, too many files, or a pattern that fits every line."""
        if len(options["files"]) > MAX_FILES:
            raise ValueError(f"files may name {MAX_FILES} at most, not {len(options['files'])}")
        check_named("files", paths := named(options["files"]), "/var/log/syslog")
        for (_, path), patterns in zip(paths, options["files"].values(), strict=True):
            if not path.startswith("/"):
                raise ValueError(f"files: {path!r} is no whole path: write one such as '/var/log/syslog'")
            if ("*" in path or "?" in path) and not os.path.lexists(path):
                raise ValueError(f"files: {path!r} is a pattern, and each file must be named: '/var/log/syslog'")
            things = named(patterns, _label)
            check_named(f"files: {path}", things, "error")
            for _, pattern in things:
                if not parts_of(pattern) or "\n" in pattern:
                    raise ValueError(f"files: {path}: {pattern!r} fits every line or none: write a part of a line")

    def __init__(self, files: Source, settings: Mapping[str, Any]) -> None:
        super().__init__(files, settings)
        self._patterns: dict[str, list[tuple[str, list[bytes]]]] = {}
        self._followed: dict[str, Followed] = {}
        self._counts: dict[str, dict[str, int]] = {}
        """For each file ``lines`` and ``bytes``, and each pattern's lines under ``matches.<name>``."""

        self._rates = Rates(("lines", "bytes"))
        self._match_rates = Rates(("lines",))
        watched = self.options["files"]
        for (name, path), patterns in zip(named(watched), watched.values(), strict=True):
            self._followed[name] = Followed(path)
            self._patterns[name] = [self._prepared(each) for each in named(patterns, _label)]
            self._counts[name] = dict.fromkeys(("lines", "bytes", *(label for label, _ in self._patterns[name])), 0)
            try:
                self._followed[name].open(at_end=True)
            except OSError:
                continue  # it may come, and is then read from its beginning

    def _prepared(self, pattern: Named) -> tuple[str, list[bytes]]:
        thing = pattern.thing.lower() if self.options["ignore_case"] else pattern.thing
        return f"matches.{pattern.label}", parts_of(thing)

    def collect(self, now: float) -> Metrics:
        """Return the counts of each file, with what was written since the last call."""
        told: dict[str, Metrics] = {}
        matches: dict[str, dict[str, float]] = {}
        for name, followed in self._followed.items():
            lines = followed.read()
            counts = self._counts[name]
            counts["lines"] += lines.count(b"\n")
            counts["bytes"] += len(lines)
            searched = lines.lower() if self.options["ignore_case"] else lines
            for label, parts in self._patterns[name]:
                counts[label] += count(searched, parts)
                matches[f"{name}.{label}"] = {"lines": counts[label]}
            told[name] = {"readable": int(followed.descriptor is not None), "behind_bytes": followed.behind}
            told[name] |= {"lines": counts["lines"], "bytes": counts["bytes"]}
        for name, rates in self._rates.update(now, told).items():
            told[name].update(rates)
        for key, rates in self._match_rates.update(now, matches).items():
            matches[key].update(rates)
        for key, numbers in matches.items():
            name, _, label = key.split(".")
            told[name].setdefault("matches", {})[label] = numbers
        return {**told}


def _label(pattern: str) -> str:
    return segment(pattern, " ")
