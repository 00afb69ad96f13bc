"""How far long work is: a line on stderr that is written over on a terminal, a new one now and then elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TextIO

TERMINAL_EVERY_S = 0.2
ELSEWHERE_EVERY_S = 5.0


class Progress:
    """Counts files; *total* is 0 when it isn't known. Use as a context: at the end its line on a terminal is wiped."""

    def __init__(self, verb: str, total: int = 0, stream: TextIO | None = None) -> None:
        self._verb = verb
        self._total = total
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._every = TERMINAL_EVERY_S if self._terminal else ELSEWHERE_EVERY_S
        self._began = self._told = time.monotonic()
        self.files = 0

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    @property
    def rate(self) -> float:
        """Files per second so far."""
        return self.files / max(time.monotonic() - self._began, 1e-6)

    def step(self) -> None:
        """Count a file, and tell when it is time."""
        self.files += 1
        now = time.monotonic()
        if now - self._told >= self._every:
            self._told = now
            end = "\r" if self._terminal else "\n"
            self._stream.write(f"{self.line():<78}{end}" if self._terminal else self.line() + end)
            self._stream.flush()

    def line(self) -> str:
        """Return what there is to tell."""
        if not self._total:
            return f"{self._verb}: {self.files} files, {self.rate:.0f}/s"
        left_s = (self._total - self.files) / max(self.rate, 1e-6)
        share = self.files / self._total
        return (
            f"{self._verb}: {self.files}/{self._total} files ({share:.0%}), {self.rate:.0f}/s, {_length(left_s)} left"
        )

    def clear(self) -> None:
        """Take the line off a terminal, so that other output begins on an empty one."""
        if self._terminal:
            self._stream.write("\r" + " " * 78 + "\r")
            self._stream.flush()


def _length(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
