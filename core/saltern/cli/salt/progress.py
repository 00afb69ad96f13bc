"""``--progress``: how a job stands, as one line on standard error."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from saltern.batch import retcode_of

CLEAR = "\r\x1b[K"


class Progress:
    """Counts answers. On a terminal the line stays at the bottom; elsewhere only its last state is printed."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._numbers = {"done": 0, "away": 0, "failed": 0}
        self._live = sys.stderr.isatty()
        self._write()

    def count(self, data: Mapping[str, Any]) -> None:
        """Count an answer, or that none comes."""
        away = data.get("out") == "no_return"
        self._numbers["away" if away else "done"] += 1
        self._numbers["failed"] += bool(retcode_of(data)) and not away
        self._write()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Have the line away while something else is printed."""
        if self._live:
            print(CLEAR, end="", file=sys.stderr, flush=True)
        yield

    def end(self) -> None:
        """Leave the last state."""
        if self._live:
            print(file=sys.stderr)
        else:
            print(self._text(), file=sys.stderr)

    def _text(self) -> str:
        done, away, failed = self._numbers.values()
        return f"done {done}, running {max(self._total - done - away, 0)}, away {away}, failed {failed}"

    def _write(self) -> None:
        if self._live:
            print(f"{CLEAR}{self._text()}", end="", file=sys.stderr, flush=True)
