"""Writes batches in the calling thread: no process, least memory, a core's part of the speed."""

from __future__ import annotations

from collections import deque

from saltern_graphite.file_writers.base import Batch, Outcome
from saltern_graphite.file_writers.work import FileWork


class LocalFileWriter:
    """Does *work* as it is submitted."""

    depth = 1

    def __init__(self, work: FileWork) -> None:
        self._work = work
        self._outcomes: deque[Outcome] = deque()

    def submit(self, batch: Batch) -> None:
        """Write *batch* now."""
        self._outcomes.append(self._work.do(batch))

    def collect(self) -> Outcome:
        """Return what became of the batch submitted first."""
        return self._outcomes.popleft()

    def close(self) -> None:
        """There is nothing to give up."""
