"""Keeps what it is given in a dict: for tests of what stands before the files."""

from __future__ import annotations

from collections import deque

from saltern_graphite.file_writers.base import Batch, Failure, Outcome


class MemoryFileWriter:
    """``files`` maps names to their points; a name in ``failing`` fails with that errno and text."""

    depth = 2

    def __init__(self) -> None:
        self.files: dict[str, dict[int, float]] = {}
        self.failing: dict[str, tuple[int, str]] = {}
        self.batches: list[list[str]] = []
        """The names of every batch, in the order in which they came."""
        self._outcomes: deque[Outcome] = deque()

    def submit(self, batch: Batch) -> None:
        """Take *batch* in."""
        self.batches.append(batch.names)
        outcome, begin = Outcome(), 0
        for place, name in enumerate(batch.names):
            span = slice(begin, int(batch.ends[place]))
            begin = span.stop
            if name in self.failing:
                outcome.failures.append(Failure(place, "error", *self.failing[name]))
            elif name not in self.files and not (batch.rules and batch.rules[place]):
                outcome.failures.append(Failure(place, "missing", 0, ""))
            else:
                outcome.created += name not in self.files
                points = dict(zip(batch.times[span].tolist(), batch.values[span].tolist(), strict=True))
                self.files.setdefault(name, {}).update(points)
                outcome.stored += len(points)
        self._outcomes.append(outcome)

    def collect(self) -> Outcome:
        """Return what became of the batch submitted first."""
        return self._outcomes.popleft()

    def close(self) -> None:
        """There is nothing to give up."""
