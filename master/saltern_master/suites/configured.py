"""The store of suites that a master's options ask for, what feeds it, and what it tells as metrics."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from itertools import islice

from saltern.config import MasterOptions
from saltern.metric_segment import clean, owner
from saltern_master.deadletters import DeadLetters
from saltern_master.journal import Journal
from saltern_master.record import FOR_JOBS
from saltern_master.returners.feeder import Feeder, Keep
from saltern_master.shipping.names import ROOT
from saltern_master.sql.worker import Worker
from saltern_master.suites.run import FUNCTION
from saltern_master.suites.store import SuiteStore

READER = "suites"
DAY_S = 86400.0
TOLD_FOR_S = 7 * DAY_S
"""So long after its last run a suite's figures are told."""
SUITES_A_TURN = 100


class Suites:
    """The suites of the fleet: ``store`` has them, ``feeder`` is the part of the master that keeps it up."""

    def __init__(self, options: MasterOptions, journal: Journal, dead_letters: DeadLetters) -> None:
        """Make it; nothing is opened yet."""
        self.store = SuiteStore(os.path.join(options["cachedir"], "suites.db"))
        keep = Keep(options["keep_suites_days"] * DAY_S, options["suites_max_bytes"])
        reader = journal.reader(READER, FOR_JOBS)
        self.feeder = Feeder(
            READER,
            self.store,
            journal,
            reader,
            dead_letters,
            Worker(READER),
            keep=keep,
            wants=FOR_JOBS,
            mentions=FUNCTION.encode(),
        )

    def catch_up(self, within_s: float) -> bool:
        """Wait in a thread until what was journalled before this call is stored; return whether it is, *within_s*."""
        return self.feeder.catch_up(within_s)

    def metrics(self) -> Mapping[str, float]:
        """Return the counters of what feeds it."""
        return self.feeder.metrics()

    def points(self, now: float | None = None) -> Iterator[dict[str, float]]:
        """Yield what the last run of each suite came to on each minion, by metric name, some at a time.

        ``passed``, ``failed``, ``error``, ``skipped``, ``pass_rate`` (percent of those not skipped), ``seconds``, and
        ``age_s``, which says how long ago that was.
        """
        at = time.time() if now is None else now
        recent = (one for one in self.store.latest.values() if at - one.received < TOLD_FOR_S)
        while some := list(islice(recent, SUITES_A_TURN)):
            values: dict[str, float] = {}
            for one in some:
                prefix = f"{ROOT}.{owner(one.minion_id)}.suites.{clean(one.suite)}"
                ran = one.passed + one.failed + one.error
                counts = {"passed": one.passed, "failed": one.failed, "error": one.error, "skipped": one.skipped}
                rate = 100.0 * one.passed / ran if ran else 100.0
                told = {**counts, "pass_rate": rate, "seconds": one.seconds, "age_s": max(at - one.received, 0.0)}
                values.update((f"{prefix}.{name}", float(value)) for name, value in told.items())
            yield values

    def close(self) -> None:
        """Let go of the file."""
        self.store.close()
