"""The thread that moves points from the cache into Whisper files and frees the log behind them.

It is steady rather than quick: :mod:`saltern_graphite.store.pace` says how rarely files are written, new ones among
them, and a shelf of points is written at a time. When the disk refuses, the points stay in cache and log, one line a
minute says so, and the writer tries again; nothing needs a restart.
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
from saltern_graphite.file_writers.base import Batch, Failure, FileWriter, Outcome, Rule
from saltern_graphite.store.cache import LOW_WATERMARK, Cache
from saltern_graphite.store.generation import Generation
from saltern_graphite.store.late_memory import LateMemory
from saltern_graphite.store.names import Names
from saltern_graphite.store.numbers import Numbers
from saltern_graphite.store.pace import EASY, HARD, SHARE, Pace
from saltern_graphite.store.packed import Places
from saltern_graphite.store.shelf import METRICS
from saltern_graphite.store.unwritable import Unwritable
from saltern_graphite.telemetry.counters import Counters
from saltern_graphite.whisper.durability import sync_file_system

TURN_S = 0.25
LONG_TURN_S = 1.0
RETRY_S = 1.0  # after an error that hits every file
OWN = "carbon."
"""How the names of a store's own metrics begin, and those of relays."""
HOLD_S = 10.0  # after an error of one file
PACK_S = 20.0
"""How long points come into one generation before they are packed, if they wait for their files for twice as long."""
JOIN_S = 0.1  # of a turn, for joining packed points
FREED_EVERY_S = 3.0
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

    *rule_of* gives the layout of a new metric's file, *release* frees the log of what is written, *log_load* says how
    full it is (1: at its bound); *whisper_dir* is what :meth:`sync_tree` forces to the disk. *freed* is called every
    :data:`FREED_EVERY_S`, about: packing frees much memory.
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
        pace: Pace,
        log_load: Callable[[], float] = lambda: 0.0,
        freed: Callable[[], None] = lambda: None,
    ) -> None:
        self._cache = cache
        self._names = names
        self._files = files
        self._counters = counters
        self._rule_of = rule_of
        self._release = release
        self._whisper_dir = whisper_dir
        self._pace = pace
        self._log_load = log_load
        self._freed = freed
        self._freed_at = 0.0
        self._notices = Complaints(log, logging.WARNING)
        self.late = LateMemory()
        """For the writer's thread alone."""
        self._stopping = threading.Event()
        self._under_way = 0  # batches submitted and not collected
        self._missing: set[int] = set()  # metrics whose files were there and are to be made anew
        self._metrics = 0  # that came, but for a Carbon's own: of a store in bad order these may be all that is written
        self._seen = 0  # metrics with this number or a higher one were not looked at yet
        self._pack_s = 0.0  # what the last packing took
        self._fresh: set[int] = set()  # shelves on which there are some without files
        self._known = Numbers()  # those that were written once: they have files
        self._last_turn = time.monotonic()
        self._unwritable = Unwritable()
        self._error = ""  # what failed for all files at once; empty once writing works

    def stop(self) -> None:
        """Ask :meth:`run` to flush what it can within :data:`STOP_S` and to return."""
        self._stopping.set()

    @property
    def last_error(self) -> str:
        """What keeps points from the disk, all or most of them; empty while it takes them."""
        return self._error or self._unwritable.outage(self._metrics)

    @property
    def warnings(self) -> list[str]:
        """What keeps points of some metrics from their files, a line for each kind of reason."""
        return self._unwritable.warnings()

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
            busy = healthy and (self._load > HARD or (not self._pace.least_s and self._cache.open.metrics > 0))
            self._stopping.wait(0 if busy else TURN_S if healthy else RETRY_S)
        try:
            self._flush(time.monotonic() + STOP_S)
            self._release()
        except Exception as error:
            self._recover(error)
        self._files.close()

    def _flush(self, deadline: float) -> None:
        """Write what can be until *deadline* (``time.monotonic()``)."""
        self.pack()
        if self._retry_held(math.inf) and self._write_taken(deadline):
            shelves = self._cache.shelves
            while shelves:
                oldest = min(shelves, key=lambda number: shelves[number].since)
                if time.monotonic() >= deadline or not self._write(self._cache.take(oldest), deadline):
                    break
        if self._cache.size:
            log.warning("%d points are not on disk yet: the log keeps them for the next start", self._cache.size)

    def _recover(self, error: Exception) -> None:
        """Tell of a fault of ours, and have what was under way written once more: that does no harm."""
        self._fail("fault", f"the writer failed: {type(error).__name__}: {error}; points are kept and tried again")
        while self._under_way:
            self._under_way -= 1
            self._files.collect()  # lest it is taken for the answer to another batch
        for generation in self._cache.generations:
            generation.recall()

    def turn(self) -> bool:
        """Write what is due now; return whether the disk took it."""
        now = time.monotonic()
        passed_s, self._last_turn = now - self._last_turn, now
        load, names = self._load, len(self._names)
        wait_s, new_wait_s = self._pace.wait_s(names, load), self._pace.new_wait_s(names - self._known.count, load)
        self._pack_what_is_ripe(now, min(wait_s, new_wait_s) if names > self._seen else wait_s)
        self.join(time.monotonic() + JOIN_S)
        self._tell_freed()
        if not self._retry_held(now) or not self._write_taken(math.inf):
            return False
        waiting = [
            (shelf.since + (min(wait_s, new_wait_s) if number in self._fresh else wait_s), shelf.metrics, number)
            for number, shelf in self._cache.shelves.items()
        ]
        for number in self._pace.due(waiting, now, max(passed_s, TURN_S)):
            self._fresh.discard(number)
            if not self._write(self._cache.take(number), math.inf):
                return False
            if time.monotonic() - now > LONG_TURN_S:  # what comes meanwhile is to be packed too, and the log freed
                break
        if not self._unwritable.disk_fails:
            self._error = ""
        if not self._cache.held():
            self._notices.over("write", "files in %s are written again", self._whisper_dir)
        return True

    def _pack_what_is_ripe(self, now: float, wait_s: float) -> None:
        """Pack the points that came, if they are to wait *wait_s* in all, or are many."""
        opened = self._cache.open
        ripe_s = min(PACK_S, max(wait_s / 2, self._pack_s / SHARE)) if wait_s else 0.0
        if self._cache.crowded or (opened.count and now - opened.since >= ripe_s):
            self.pack()

    def pack(self) -> None:
        """Pack the points that came."""
        known, began = len(self._names), time.perf_counter()
        self._cache.pack()
        self._pack_s = time.perf_counter() - began
        self._look_at(known)

    def pack_read_back(self) -> None:
        """Pack the points that were read back; join what is packed, which takes long, where memory gets scarce."""
        known = len(self._names)
        self._cache.pack_read_back()
        if self._cache.load > EASY:
            self.join()
        self._look_at(known)
        self._tell_freed()

    def make_room(self) -> bool:
        """Write what was read back until there is room, or no more of it; return whether the disk took it.

        What came since is written afterwards, lest an older value comes behind it.
        """
        shelves = self._cache.shelves
        if not self._write_taken(math.inf):
            return False
        for number in sorted(
            (number for number, shelf in shelves.items() if shelf.old), key=lambda n: shelves[n].since
        ):
            while not self.stopping and number in shelves and shelves[number].old:
                if self._cache.load < LOW_WATERMARK:  # above it receivers would wait to the end
                    return True
                if not self._write(self._cache.take(number, old=True), math.inf):
                    return False
        return True

    def _tell_freed(self) -> None:
        now = time.monotonic()
        if now >= self._freed_at:
            self._freed_at = now + FREED_EVERY_S
            self._freed()

    def _look_at(self, known: int) -> None:
        """Note on which shelves there are metrics that weren't looked at yet, of those numbered below *known*."""
        fresh = self._names.of(range(self._seen, known))
        self._metrics += sum(not name.startswith(OWN) for name in fresh)
        self._fresh.update(range(self._seen // METRICS, -(-known // METRICS)) if fresh else ())
        self._seen = known

    def join(self, until: float = math.inf) -> None:
        """Join packed points where there are many blocks of them, until that time (``time.monotonic()``)."""
        for number in list(self._cache.shelves):
            if time.monotonic() >= until:
                break
            while self._cache.join(number):
                pass

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
    def _load(self) -> float:
        return max(self._cache.load, self._log_load())

    def _write_taken(self, deadline: float) -> bool:
        """Write what was taken before and could not be written; return whether it could be now."""
        return all(self._write(generation, deadline) for generation in list(self._cache.generations))

    def _write(self, generation: Generation, deadline: float) -> bool:
        """Write *generation* until *deadline* (``time.monotonic()``).

        Return ``False`` when an error that hits every file ended it early.
        """
        under_way: deque[tuple[Places, Batch, int]] = deque()
        began, files = time.perf_counter(), generation.waiting
        healthy = going_on = True
        while under_way or (going_on and healthy and generation.waiting):
            if going_on and healthy and generation.waiting and len(under_way) < self._files.depth:
                if time.monotonic() >= deadline or (self.stopping and math.isinf(deadline)):
                    going_on = False  # the last flush has a deadline of its own
                    continue
                places = self._without_held(generation, generation.take(BATCH_METRICS))
                if len(places):
                    batch = self._batch(generation, places)
                    known = self.late.joined(batch)
                    self._submit(known)
                    under_way.append((places, known, len(known.times) - len(batch.times)))
                continue
            places, batch, again = under_way.popleft()
            healthy = self._settle(generation, places, batch, self._collected(batch, again)) and healthy
        passed_s = time.perf_counter() - began
        self._counters.add("updateSeconds", passed_s)
        self._pace.wrote(files - generation.waiting, passed_s)
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
        to_make = self._missing.union(self._known.others(numbers).tolist())
        if to_make:
            rules = [
                self._rule_of(name) if number in to_make else None
                for name, number in zip(names, numbers.tolist(), strict=True)
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
        healthy, failed, written = True, np.zeros(len(places), np.bool_), np.ones(len(places), np.bool_)
        for failure in outcome.failures:
            written[failure.place] = False
            if failure.kind == "compressed":
                self._drop(failure, batch)
                continue
            failed[failure.place] = True
            again = self._fault(failure, int(batch.numbers[failure.place]))
            if again:
                generation.again(places[failure.place : failure.place + 1])
            else:
                self._hold(generation, int(places[failure.place]), time.monotonic() + HOLD_S)
            healthy = healthy and not _hits_every_file(failure)
        done = places[~failed]
        if len(done):
            self._known.add(generation.metrics[done])
            self._cache.finish(generation, done)
        self._unwritable.written(batch.numbers, written)
        self._count(outcome, int(written.sum()))
        return healthy

    def _drop(self, failure: Failure, batch: Batch) -> None:
        """Give up the points of a metric whose file is go-carbon's; say so once."""
        span = int(batch.ends[failure.place]) - (int(batch.ends[failure.place - 1]) if failure.place else 0)
        self._counters.drop({"file_compressed": span})
        number = int(batch.numbers[failure.place])
        if self._unwritable.compressed(number, failure):
            log.error("%s: it stays as it is, and points for %s are dropped", failure.text, self._names.name(number))

    def _fault(self, failure: Failure, number: int) -> bool:
        """Tell of *failure* of the metric *number*; return whether to try again at once, or as soon as the disk can."""
        if failure.kind in ("error", "uncreated"):
            every = failure.code in _EVERY_FILE
            self._fail(f"write {failure.code}", f"{failure.text}; its points are kept and tried again", outage=every)
            if _hits_every_file(failure):
                return True
            self._unwritable.hold(number, failure, every=every)
            return False
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
            points = len(held.times)
            batch = Batch(
                np.array([number], np.uint32),
                [self._names.name(number)],
                np.array([points]),
                held.times,
                held.values,
                int(time.time()),
                [self._rule_of(self._names.name(number))],
            )
            known = self.late.joined(batch)
            self._submit(known)
            outcome = self._collected(known, len(known.times) - points)
            self._count(outcome, 1 - len(outcome.failures))
            failure = outcome.failures[0] if outcome.failures else None
            if failure is not None and failure.kind == "compressed":
                self._drop(failure, batch)
            if failure is None or failure.kind == "compressed":
                self._cache.release(number)
                self._unwritable.release(number)
                continue
            if failure.kind != "corrupt":  # that is out of the way by now
                held.until = now + HOLD_S
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

    def _fail(self, kind: str, message: str, *, outage: bool = True) -> None:
        if outage:
            self._error = message
        self._counters.add("errors")
        self._notices.say(kind, "%s", message)


def _hits_every_file(failure: Failure) -> bool:
    """Whether no other file would fare better."""
    if failure.kind == "uncreated" and failure.code in _NO_MORE_FILES:
        return False
    return failure.code in _EVERY_FILE
