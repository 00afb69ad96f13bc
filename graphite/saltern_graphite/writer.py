"""The thread that moves points from the cache into Whisper files and frees the log behind them.

It is steady rather than quick: a generation of points is written over half of ``flush_interval_s``, after having
collected for the other half, so a burst is spread and a steady stream makes a steady load. Metrics never seen before
are written in the next turn. When the disk refuses, the points stay in cache and log, one line a minute says so,
and the writer tries again; nothing needs a restart.
"""

from __future__ import annotations

import errno
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable

import numpy as np

from saltern.complaints import Complaints
from saltern_graphite.cache import Cache
from saltern_graphite.counters import Counters
from saltern_graphite.durability import sync_file_system
from saltern_graphite.file_writer import Batch, Failure, FileWriter, Outcome, Rule
from saltern_graphite.generation import Generation, Places
from saltern_graphite.late_memory import LateMemory
from saltern_graphite.names import Names

TURN_S = 0.25
RETRY_S = 1.0  # after an error that hits every file
HOLD_S = 10.0  # after an error of one file
PRESSURE = 0.5  # above this share of the cache's bound everything is written at once
RELEASE_EVERY_S = 1.0
STOP_S = 0.8  # for the last flush; what isn't written by then is in the log
BATCH_METRICS = 1024

_EVERY_FILE = {
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ECHILD
}  # fmt: skip
_NO_MORE_FILES = {errno.ENOSPC, errno.EDQUOT}  # of a file to be created: those that exist may still have room

log = logging.getLogger(__name__)

RuleOf = Callable[[str], Rule]


class Writer:
    """Writes *cache* by means of *files*; :meth:`run` is the thread's whole life.

    *rule_of* gives the layout of a new metric's file, *release* frees the log of what is written; *whisper_dir* is
    what :meth:`sync_tree` forces to the disk.
    """

    def __init__(
        self,
        cache: Cache,
        names: Names,
        files: FileWriter,
        counters: Counters,
        rule_of: RuleOf,
        release: Callable[[], None],
        *,
        whisper_dir: str,
        flush_interval_s: float,
    ) -> None:
        self._cache = cache
        self._names = names
        self._files = files
        self._counters = counters
        self._rule_of = rule_of
        self._release = release
        self._whisper_dir = whisper_dir
        self._half_s = flush_interval_s / 2
        self._notices = Complaints(log, logging.WARNING)
        self.late = LateMemory()
        """For the writer's thread alone."""
        self._stopping = threading.Event()
        self._under_way = 0  # batches submitted and not collected
        self._missing: set[int] = set()  # metrics whose files were there and are to be made anew
        self._first_new = 0  # metrics with this number or a higher one were in no generation yet
        self.last_error = ""
        """What the last failed write said; empty once writing works and no file is held back."""

    def stop(self) -> None:
        """Ask :meth:`run` to flush what it can within :data:`STOP_S` and to return."""
        self._stopping.set()

    @property
    def stopping(self) -> bool:
        """Whether :meth:`stop` was called."""
        return self._stopping.is_set()

    def run(self) -> None:
        """Write until :meth:`stop`, then flush."""
        next_release = 0.0
        while not self._stopping.is_set():
            healthy = False
            try:
                healthy = self.turn()
                if time.monotonic() >= next_release:
                    self._release()
                    next_release = time.monotonic() + RELEASE_EVERY_S
            except Exception as error:  # nobody else writes: a fault of ours must not end it
                healthy = False
                self._recover(error)
            else:
                self._notices.over("fault", "the writer works again")
            hurried = not self._half_s and self._cache.open.metrics > 0
            busy = healthy and (self._pressed or hurried)
            self._stopping.wait(0 if busy else TURN_S if healthy else RETRY_S)
        try:
            self._flush(time.monotonic() + STOP_S)
            self._release()
        except Exception as error:
            self._recover(error)
        self._files.close()

    def _flush(self, deadline: float) -> None:
        """Write what can be until *deadline* (``time.monotonic()``)."""
        self._seal()
        if self._retry_held(math.inf):
            for generation in list(self._cache.sealed):
                if not self._write(generation, generation.waiting, deadline):
                    break
        if self._cache.size:
            log.warning("%d points are not on disk yet: the log keeps them for the next start", self._cache.size)

    def _recover(self, error: Exception) -> None:
        """Tell of a fault of ours, and have what was under way written once more: that does no harm."""
        self._fail("fault", f"the writer failed: {type(error).__name__}: {error}; points are kept and tried again")
        while self._under_way:
            self._under_way -= 1
            self._files.collect()  # lest it is taken for the answer to another batch
        for generation in self._cache.sealed:
            generation.recall()

    def turn(self) -> bool:
        """Write what is due now; return whether the disk took it."""
        now = time.monotonic()
        if self._pressed or (self._cache.open.metrics and self._ripe(now)):
            self._seal()
        if not self._retry_held(now):
            return False
        # Metrics never seen before come first: no older generation holds a point of theirs.
        for new in (True, False):
            for generation in list(self._cache.sealed):
                due = generation.new if new else self._due(generation, now)
                if not self._write(generation, due, math.inf):
                    return False
        if not self._cache.held():
            self.last_error = ""
            self._notices.over("write", "files in %s are written again", self._whisper_dir)
        return True

    def sync_tree(self) -> bool:
        """Make what was written survive a power cut; return whether that worked."""
        try:
            sync_file_system(self._whisper_dir)
        except OSError as error:
            self._fail("sync", f"{self._whisper_dir} can't be synced: {error.strerror}")
            return False
        self._notices.over("sync", "%s is synced again", self._whisper_dir)
        return True

    @property
    def _pressed(self) -> bool:
        return self._cache.size > self._cache.max_points * PRESSURE

    def _ripe(self, now: float) -> bool:
        """Whether the open generation is to be sealed: it is old enough, or has metrics never seen before."""
        return len(self._names) > self._first_new or now - self._cache.open.since >= self._half_s

    def _seal(self) -> None:
        known = len(self._names)
        self._cache.seal(known)
        self._first_new = known

    def _due(self, generation: Generation, now: float) -> int:
        """Return how many metrics of *generation* to write this turn, so that all are by the end of its time."""
        left_s = generation.sealed_at + self._half_s - now
        if self._pressed or left_s <= TURN_S:
            return generation.waiting
        return math.ceil(generation.waiting * TURN_S / left_s)

    def _write(self, generation: Generation, most: int, deadline: float) -> bool:
        """Write up to *most* metrics of *generation* until *deadline* (``time.monotonic()``).

        Return ``False`` when an error that hits every file ended it early.
        """
        under_way: deque[tuple[Places, Batch, int]] = deque()
        began = time.perf_counter()
        healthy = True
        while under_way or (most > 0 and healthy and generation.waiting):
            if healthy and most > 0 and generation.waiting and len(under_way) < self._files.depth:
                if time.monotonic() >= deadline or (self.stopping and math.isinf(deadline)):
                    most = 0  # the last flush has a deadline of its own
                    continue
                places = self._without_held(generation, generation.take(min(most, BATCH_METRICS)))
                most -= BATCH_METRICS
                if len(places):
                    batch = self._batch(generation, places)
                    known = self.late.joined(batch)
                    self._submit(known)
                    under_way.append((places, known, len(known.times) - len(batch.times)))
                continue
            places, batch, again = under_way.popleft()
            healthy = self._settle(generation, places, batch, self._collected(batch, again)) and healthy
        self._counters.add("updateSeconds", time.perf_counter() - began)
        return healthy

    def _without_held(self, generation: Generation, places: Places) -> Places:
        """Pass over metrics whose files can't be written at present: their points are held with the others."""
        held = self._cache.held()
        if not held:
            return places
        barred = np.isin(generation.metrics[places], np.fromiter(held, np.uint32, len(held)))
        for place in places[barred].tolist():
            self._hold(generation, place, held[int(generation.metrics[place])].until)
        return places[~barred]

    def _batch(self, generation: Generation, places: Places) -> Batch:
        numbers = generation.metrics[places]
        lengths, begins = generation.lengths(places), generation.begins(places)
        ends = np.cumsum(lengths)
        rows = np.arange(int(ends[-1])) + np.repeat(begins - ends + lengths, lengths)
        names = self._names.of(numbers.tolist())
        rules: list[Rule | None] | None = None
        if int(numbers.max()) >= generation.first_new or self._missing:
            create = (numbers >= generation.first_new).tolist()
            rules = [
                self._rule_of(name) if new or number in self._missing else None
                for name, number, new in zip(names, numbers.tolist(), create, strict=True)
            ]
            self._missing.difference_update(numbers.tolist())
        times, values = generation.times[rows], generation.values[rows]
        return Batch(numbers, names, ends, times, values, int(time.time()), rules)

    def _submit(self, batch: Batch) -> None:
        self._files.submit(batch)
        self._under_way += 1

    def _collected(self, batch: Batch, again: int) -> Outcome:
        """Return what became of the batch submitted first, of which *again* points had been written before."""
        self._under_way -= 1
        outcome = self._files.collect()
        outcome.stored = max(0, outcome.stored - again)
        for place, spans in outcome.late.items():
            self.late.keep(batch, place, spans)
        return outcome

    def _settle(self, generation: Generation, places: Places, batch: Batch, outcome: Outcome) -> bool:
        """Take note of what became of *batch*; return whether other files are worth a try."""
        healthy, failed = True, np.zeros(len(places), np.bool_)
        for failure in outcome.failures:
            failed[failure.place] = True
            again = self._fault(failure, int(batch.numbers[failure.place]))
            if again:
                generation.again(places[failure.place : failure.place + 1])
            else:
                self._hold(generation, int(places[failure.place]), time.monotonic() + HOLD_S)
            healthy = healthy and not _hits_every_file(failure)
        done = places[~failed]
        if len(done):
            self._cache.finish(generation, done)
        self._count(outcome, len(done))
        return healthy

    def _fault(self, failure: Failure, number: int) -> bool:
        """Tell of *failure* of the metric *number*; return whether to try again at once, or as soon as the disk can."""
        if failure.kind in ("error", "uncreated"):
            self._fail(f"write {failure.code}", f"{failure.text}; its points are kept and tried again")
            return _hits_every_file(failure)
        if failure.kind == "corrupt":
            self._counters.add("corruptFiles")
            log.error("%s", failure.text)
        self._missing.add(number)
        return True

    def _retry_held(self, now: float) -> bool:
        """Try again to write what is held aside and was left alone long enough; return whether the disk took it."""
        for number, held in self._cache.held().items():
            if held.until > now:
                continue
            points = sorted(held.points.items())
            batch = Batch(
                np.array([number], np.uint32),
                [self._names.name(number)],
                np.array([len(points)]),
                np.array([timestamp for timestamp, _ in points], np.uint32),
                np.array([value for _, value in points], np.float64),
                int(time.time()),
                [self._rule_of(self._names.name(number))],
            )
            known = self.late.joined(batch)
            self._submit(known)
            outcome = self._collected(known, len(known.times) - len(points))
            self._count(outcome, 1 - len(outcome.failures))
            if not outcome.failures:
                self._cache.release(number)
                continue
            held.until = now + HOLD_S
            failure = outcome.failures[0]
            self._fault(failure, number)
            if _hits_every_file(failure):
                return False
            if failure.kind == "uncreated" and failure.code in _NO_MORE_FILES:
                for other in self._cache.held().values():  # none of them will fare better now
                    other.until = max(other.until, held.until)
                break
        return True

    def _count(self, outcome: Outcome, updates: int) -> None:
        self._counters.add("updateOperations", updates)
        self._counters.add("committedPoints", outcome.stored)
        self._counters.add("creates", outcome.created)
        if outcome.outside:
            self._counters.drop({"outside_retention": outcome.outside})

    def _hold(self, generation: Generation, place: int, until: float) -> None:
        dropped = self._cache.hold(generation, place, until)
        if dropped:
            self._counters.drop({"file_unwritable": dropped})

    def _fail(self, kind: str, message: str) -> None:
        self.last_error = message
        self._counters.add("errors")
        self._notices.say(kind, "%s", message)


def _hits_every_file(failure: Failure) -> bool:
    """Whether no other file would fare better."""
    if failure.kind == "uncreated" and failure.code in _NO_MORE_FILES:
        return False
    return failure.code in _EVERY_FILE
