"""Writes in the calling thread while there are few metrics, and by processes of their own once there are many."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

from saltern_graphite.file_writers.base import Batch, FileWriter, Outcome

FIRST_PROCESS_METRICS = 10_000
"""From so many metrics on files are worth a process, whose memory (some 28 MB) a small host saves."""
MORE_METRICS = 1_000_000
"""Each so many are worth one more, as long as half of the processors are left to others."""

log = logging.getLogger(__name__)


class FittingFileWriter:
    """Begins with *thread*, and asks *processes* for a driver with so many of them when *metrics* calls for it."""

    def __init__(self, thread: FileWriter, processes: Callable[[int], FileWriter], metrics: Callable[[], int]) -> None:
        self._driver = thread
        self._processes = processes
        self._metrics = metrics
        self._workers = 0
        self._most = max(1, (os.cpu_count() or 1) // 2)
        self._under_way = 0

    @property
    def workers(self) -> int:
        """How many processes there are now."""
        return self._workers

    @property
    def depth(self) -> int:
        """That of the driver there is now."""
        return self._driver.depth

    def submit(self, batch: Batch) -> None:
        """Have *batch* written, by another driver than before if that is better and nothing is under way."""
        if not self._under_way:
            self._fit()
        self._driver.submit(batch)
        self._under_way += 1

    def collect(self) -> Outcome:
        """Return what became of the batch submitted first."""
        self._under_way -= 1
        return self._driver.collect()

    def close(self) -> None:
        """Give up what there is."""
        self._driver.close()

    def _fit(self) -> None:
        metrics = self._metrics()
        wanted = 0 if metrics < FIRST_PROCESS_METRICS else min(self._most, 1 + metrics // MORE_METRICS)
        if wanted > self._workers:
            driver = self._processes(wanted)
            self._driver.close()
            self._driver, self._workers = driver, wanted
            log.info("%d metrics: their files are written by %d processes", metrics, wanted)
