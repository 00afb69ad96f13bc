"""The store: what receivers give points to, and where readers find them.

``accept`` checks points, writes them to the log and puts them into the cache, in this order; from then on they survive
``kill -9`` and are visible to readers. The writer's thread moves them into Whisper files and frees the log.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt

from saltern.complaints import Complaints
from saltern.errors import StoreError
from saltern.files import make_folder
from saltern_graphite.file_writers.base import WRITER_NICE, FileWriter, Rule
from saltern_graphite.file_writers.fitting import FittingFileWriter
from saltern_graphite.file_writers.local import LocalFileWriter
from saltern_graphite.file_writers.process import ProcessFileWriter
from saltern_graphite.file_writers.work import FileWork
from saltern_graphite.index import Index
from saltern_graphite.process.options import StoreOptions
from saltern_graphite.rules.name_lists import CAUSES as LISTED
from saltern_graphite.rules.name_lists import NameLists
from saltern_graphite.rules.rollup import Aggregations
from saltern_graphite.rules.schemas import Schemas
from saltern_graphite.store.cache import Cache
from saltern_graphite.store.late_memory import LateMemory
from saltern_graphite.store.names import Ids, Names, Refusals
from saltern_graphite.store.pace import Pace
from saltern_graphite.store.packed import Seconds, Values
from saltern_graphite.store.wal.segment import Points
from saltern_graphite.store.wal.wal import Wal
from saltern_graphite.store.writer import Writer
from saltern_graphite.telemetry.counters import Counters

STILL_READ_BACK = "the log of the last run is still being read back: not all that was received is seen yet"
MAX_AHEAD_S = 86_400  # a clock further ahead is wrong, and its points would overwrite the ring's oldest
REPLAY_WAIT_S = 5.0
STOP_WAIT_S = 1.2
ROOM_POLL_S = 0.05  # between looks at a cache that is full while the log is read back
COPIED_POINTS = 4096
"""About so many held points are copied to the log at once: receivers wait meanwhile."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a block of points: how many were *accepted*, how many *refused* for which cause.

    *samples* holds one name for each cause, *which* the places of all refused points in the block, in order.
    """

    accepted: int
    refused: dict[str, int] = field(default_factory=dict)
    samples: dict[str, str] = field(default_factory=dict)
    which: list[int] = field(default_factory=list)


class Store:
    """Keeps points under the folder *root*. :meth:`start` it before :meth:`accept`, :meth:`stop` it at the end.

    *files* writes the files; by default, what the options say. ``accept`` belongs to one thread, that of the
    receivers; ``cache``, ``index``, ``health`` and the schema questions may be used from any.
    """

    def __init__(self, root: str, options: StoreOptions | None = None, files: FileWriter | None = None) -> None:
        options = options or StoreOptions()
        self.options = options
        self.whisper_dir = options.whisper_dir(root)
        self.counters = Counters()
        self.index = Index()
        self.name_lists = NameLists(options.conf_dir(root))
        """Which names are let in. Its ``reload`` belongs to the thread of :meth:`accept`."""
        self.names = Names(self.name_lists.refuse)
        self.name_lists.on_change = self.names.check_again
        self.names.on_new = self._met
        self.names.on_many_new = self._met_many
        self.cache = Cache(self.names, options.cache_max_points, options.cache_max_bytes)
        self.wal = Wal(os.path.join(root, "log"), self.names.of, fsync=options.fsync, max_bytes=options.log_max_bytes)
        self.counters.gauge("log.unreadable", lambda: len(self.wal.unreadable.paths))
        self.counters.gauge("log.gone", lambda: self.wal.gone)
        self.on_new_metric: Callable[[str], None] = lambda name: None
        """Called, from any thread, for every metric first seen by this process, and when it is announced again."""
        self.parts: dict[str, Callable[[], object]] = {}
        """What others tell in :meth:`health`, by its name there; it must not block."""
        self.on_room: Callable[[], None] = lambda: None
        """Called from the writer's thread when a full store may have room again. Set it before :meth:`start`."""
        self.on_release: Callable[[], None] = lambda: None
        """Called from the writer's thread before a part of the log is freed. Set it before :meth:`start`."""
        self.on_freed: Callable[[], None] = lambda: None
        """Called from the writer's thread now and then, when much memory was freed. Set it before :meth:`start`."""
        self._conf_dir = options.conf_dir(root)
        self._schemas = Schemas([], [])
        self._aggregations = Aggregations([], [])
        self._files = files
        self._commit = threading.Lock()
        self._meeting = threading.Lock()  # from a name's first sight until its points are in the cache
        self._replayed = threading.Event()
        self._replayed.set()
        self._writer: Writer | None = None
        self._notices = Complaints(log, logging.WARNING)
        self._late_in = 0  # the last segment in which are all late points that are remembered
        self._log_error = ""  # what the last append said; empty once one worked
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    def start(self) -> None:
        """Read the schemas, take the log, start the writer, and read back what the last run left in the log.

        It returns once that is read back, or after :data:`REPLAY_WAIT_S` seconds; the store says that it is
        :attr:`replaying` until then, and takes points all the same. Folders that can't be written now are tried again,
        and :meth:`health` says so. Raises ``StoreError`` when another process has the log, or where a folder should be
        is something else.
        """
        self.reload_schemas()
        self.name_lists.reload()
        self._make_whisper_folder()
        why = self.wal.open()
        if why:
            self._log_failed(why)
        self._writer = Writer(
            self.cache,
            self.names,
            self._files or self._file_writer(),
            self.counters,
            self._rule_of,
            self._release_log,
            whisper_dir=self.whisper_dir,
            pace=Pace(self.options.flush_interval_s, self.options.flush_at_most_s),
            log_load=lambda: self.wal.bytes / self.wal.max_bytes,
            freed=self.on_freed,
        )
        late = self._writer.late
        late.max_points = min(late.max_points, self.wal.most_kept)
        self.cache.on_room = self.on_room
        self._replayed.clear()
        self._thread.start()
        self._replayed.wait(REPLAY_WAIT_S)

    def stop(self) -> None:
        """Write what fits into about a second; the rest is in the log and comes back at the next start."""
        if self._writer is None or not self._thread.is_alive():
            return
        self._writer.stop()
        self._thread.join(STOP_WAIT_S)
        if self._thread.is_alive() and self.cache.size:  # else it is only a writer process that takes long to end
            why = "the log is still being read back" if self.replaying else "the disk is slow"
            log.warning("%s: the writer is left behind, what it had not written is in the log", why)
        self.wal.close()

    def reload_schemas(self) -> None:
        """Read both schema files again; what is wrong with them is logged, line by line. Old files don't change."""
        schemas, aggregations = Schemas.load(self._conf_dir), Aggregations.load(self._conf_dir)
        for problem in schemas.problems + aggregations.problems:
            log.error("%s; the section is left out", problem)
        self._schemas, self._aggregations = schemas, aggregations

    @property
    def full(self) -> bool:
        """Whether receivers should wait: cache or log are at their bound."""
        return self.cache.full or self.wal.full

    @property
    def replaying(self) -> bool:
        """Whether the log is still being read back: not all that was received is seen yet."""
        return not self._replayed.is_set()

    def accept(self, names: Sequence[str], times: Sequence[float], values: Sequence[float]) -> Accepted:
        """Take points, three columns of one length; when it returns the accepted ones survive ``kill -9``.

        *times* are epoch seconds, cut to whole ones; of two values for one second the later given wins. Refused are
        bad names (:data:`saltern_graphite.rules.metric_name.CAUSES`), values that are not finite (``not_finite``),
        times before 1970 or not finite (``bad_time``) and times over a day ahead (``future``). Raises
        ``StoreError`` when the log can't be written: then none was accepted, and all may be given again.
        """
        refused = Refusals()
        seconds, numbers = np.array(times, np.float64), np.array(values, np.float64)
        latest = time.time() + MAX_AHEAD_S
        good = np.isfinite(numbers) & (seconds >= 1) & (seconds <= latest)  # a NaN is in no range
        places = None if good.all() else np.flatnonzero(good)
        if places is not None:
            _count_bad(refused, names, seconds, numbers, ~good)
            names = [names[place] for place in places.tolist()]
            seconds, numbers = seconds[good], numbers[good]
        with self._meeting:
            ids, known = self.names.numbers(names, refused)
            if known is not None:
                good[(np.arange(len(good)) if places is None else places)[~known]] = False
                ids, seconds, numbers = ids[known], seconds[known], numbers[known]
            if len(ids):
                self._commit_points(ids, seconds.astype(np.uint32), numbers)
        if refused.counts:  # a name that is not wanted is no error; receivers count it under Carbon's name
            self.counters.drop({cause: count for cause, count in refused.counts.items() if cause not in LISTED})
        which = np.flatnonzero(~good).tolist() if refused.counts else []
        return Accepted(len(ids), refused.counts, refused.samples, which)

    def waits(self, name: str) -> bool:
        """Return whether *name* has points that are in no file, or may have: the log is still being read back."""
        return self.replaying or self.cache.waits(name)

    def forget(self, names: Sequence[str]) -> int:
        """Take those of *names* whose files are gone and that don't wait out of the index; return how many those were.

        They are announced again with their next points, which make their files anew.
        """
        with self._meeting:
            gone = [name for name in names if not self.waits(name)]
            self.names.announce_again(gone)
            for name in gone:
                self.index.remove(name)
        return len(gone)

    def retentions(self, name: str) -> list[tuple[int, int]]:
        """Return the archives a new file for *name* would get: (seconds per point, points), finest first."""
        return [(retention.step, retention.points) for retention in self._schemas.match(name).retentions]

    def roll_up(self, name: str) -> tuple[str, float]:
        """Return the roll-up method and the xFilesFactor that a new file for *name* would get."""
        rule = self._aggregations.match(name)
        return rule.method, rule.x_files_factor

    def health(self) -> dict[str, object]:
        """Return how the store is, as plain values; ``ok`` is whether points come in and reach the disk."""
        error = self._log_error or (self._writer.last_error if self._writer else "")
        ended = self._thread.ident is not None and not self._thread.is_alive()
        if ended and self._writer is not None and not self._writer.stopping:
            error = "the writer has ended: the log keeps what comes until the store is started again"
        return {
            "ok": not error and not self.full,
            "error": error,
            "warnings": [
                *(told for told in (self.wal.unreadable.told(), self.wal.unread_why) if told),
                *([STILL_READ_BACK] if self.replaying else []),
                *(self._writer.warnings if self._writer else ()),
            ],
            "replaying": self.replaying,
            "cache": {
                "points": self.cache.size,
                "max_points": self.cache.max_points,
                "bytes": self.cache.bytes,
                "max_bytes": self.cache.max_bytes,
                "metrics": self.cache.queues,
                "oldest_s": round(self.cache.oldest_age(), 3),
            },
            "log": {"bytes": self.wal.bytes, "max_bytes": self.wal.max_bytes, "fsync": self.wal.fsync},
            "totals": self.counters.totals(),
            **{name: ask() for name, ask in self.parts.items()},
        }

    def _make_whisper_folder(self) -> None:
        try:
            make_folder(self.whisper_dir, 0o750)
        except (NotADirectoryError, FileExistsError) as error:
            raise StoreError(f"Whisper folder {self.whisper_dir} can't be made: {error.strerror}") from error
        except OSError as error:  # it will be, with the first file
            log.error("Whisper folder %s can't be made: %s", self.whisper_dir, error.strerror)

    def _met(self, name: str) -> None:
        self.index.add(name)
        self.on_new_metric(name)

    def _met_many(self, names: Sequence[str]) -> None:
        """Have the index take in all names of a branch together, which is quicker."""
        branches: dict[str, dict[str, None]] = {}
        for name in names:
            if ";" not in name:
                branch, _, leaf = name.rpartition(".")
                branches.setdefault(branch, {})[sys.intern(leaf)] = None
        for branch, leaves in branches.items():
            self.index.graft(branch.split(".") if branch else [], leaves)
        for name in names:
            self.on_new_metric(name)

    def _commit_points(self, ids: Ids, times: Seconds, values: Values) -> None:
        with self._commit:  # between log and cache no segment may be freed
            try:
                place = self.wal.append(ids, times, values)
            except StoreError as error:
                self._log_failed(str(error))
                raise
            if self._log_error and not self.wal.refused:  # a full disk may still have room for a little
                self._log_works()
            self.cache.add(ids, times, values, place)

    def _rule_of(self, name: str) -> Rule:
        rule = self._aggregations.match(name)
        return Rule(self._schemas.match(name).retentions, rule.method, rule.x_files_factor)

    def _file_writer(self) -> FileWriter:
        sync, late, workers = self.options.fsync == "always", self.options.late, self.options.writers
        thread = LocalFileWriter(FileWork(self.whisper_dir, sync=sync, late=late))
        processes = partial(ProcessFileWriter, self.whisper_dir, sync=sync, late=late)
        if workers is None:
            return FittingFileWriter(thread, processes, lambda: len(self.names))
        return processes(workers) if workers else thread

    def _run(self) -> None:
        """The writer's thread: read the log back, then write until stopped."""
        assert self._writer is not None
        if sys.platform == "linux":  # where a thread has a priority of its own
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), WRITER_NICE)
        if self._read_back(self._writer):
            self._replayed.set()
            self.on_room()
        self._writer.run()

    def _read_back(self, writer: Writer) -> bool:
        """Put what the last run left in the log into the cache; return ``False`` if stopped meanwhile."""
        points = known = 0
        names: list[str] = []
        numbers = np.zeros(0, np.uint32)  # of the first names, as many as are *known*
        restored: set[int] = set()  # segments whose late points are remembered already
        for place, record in self.wal.replay():
            if record.names is not names:
                names, known = record.names, 0
            if len(names) > known:
                if len(names) > len(numbers):
                    numbers = np.concatenate((numbers, np.zeros(len(names), np.uint32)))  # seldom: it doubles
                numbers[known : len(names)] = self.names.add_all(names[known:])
                known = len(names)
            ids = numbers[record.places]
            if record.widths is not None:
                if place.segment not in restored:
                    _restore(writer.late, ids, record)
                continue
            points += len(ids)
            if self.cache.read_back(ids, record.times, record.values, place) >= self.cache.most_at_once:
                writer.pack_read_back()
            if self.cache.full and not restored:  # points are to be written that late ones behind them belong to
                for segment, records in self.wal.kept():
                    restored.add(segment)
                    for late in records:
                        of = [late.names[number] for number in late.places.tolist()]
                        _restore(writer.late, self.names.add_all(of), late)
            while self.cache.full and not writer.stopping and not writer.make_room():
                time.sleep(ROOM_POLL_S)
            if writer.stopping:
                return False
        writer.pack_read_back()
        if self.wal.lost:
            self.counters.drop({"log_damaged": self.wal.lost})
            self.wal.lost = 0
        if points:
            log.info("%d points of the last run were read back from the log", points)
        return True

    def _release_log(self) -> None:
        """Note how far the log is in files, and free its segments without unwritten points; in the writer's thread."""
        if self._writer is None or self.replaying:
            return
        if self.wal.unread:  # its folder was not there when we started
            self._read_back(self._writer)
        if self._log_error:
            self._try_log()
        self.wal.rotate()
        if self.wal.unreadable.paths:
            self.wal.unreadable.look()
        if self.wal.releasable(self.wal.current):
            self._log_held_again()
        if self._log_late(self._writer.late):
            with self._commit:  # between log and cache no segment may be freed
                written = self.cache.oldest_place() or self.wal.end
            before = min(self.wal.written(written).segment, self._late_in)
            if self.wal.releasable(before) and (self.wal.fsync == "never" or self._writer.sync_tree()):
                self.on_release()
                self.wal.release(before)
        self.on_room()  # the log may have room again; the gate asks before it opens

    def _try_log(self) -> None:
        """See whether the log can be written again, though nothing comes."""
        try:
            self.wal.probe()
        except StoreError as error:
            self._log_failed(str(error))
        else:
            self._log_works()

    def _log_failed(self, why: str) -> None:
        self._log_error = why
        self.counters.add("logFailures")
        self._notices.say("append", "%s; senders have to try again until it can", why)

    def _log_works(self) -> None:
        self._log_error = ""
        self._notices.over("append", "the log in %s is written again", self.wal.folder)

    def _log_late(self, late: LateMemory) -> bool:
        """Have late points, which are in files, in the current segment too; return whether they are.

        All of them once a segment, as older ones are to be freed, though that may take long; after that the news.
        """
        segment = self.wal.current
        every = self._late_in < segment and self.wal.releasable(segment)
        points = late.everything() if every else late.unlogged()
        if points is not None:
            try:
                place = self.wal.append(points.numbers, points.times, points.values, points.widths)
            except StoreError as error:
                self._notices.say("relog", "%s; older segments are kept", error)
                return False
            segment = place.segment
        late.logged()
        if every:
            self._late_in = segment
        return True

    def _log_held_again(self) -> None:
        """Copy what is held of unwritable files to the current segment, lest a few of these keep the whole log."""
        current = self.wal.current
        waiting = [(number, one) for number, one in self.cache.held().items() if one.place.segment < current]
        while waiting:
            numbers: list[int] = []
            rows: list[tuple[int, int, float]] = []
            with self._commit:  # a newer value that came between would be in the log before the older one
                while waiting and len(rows) < COPIED_POINTS:
                    number, held = waiting.pop()
                    # Of a point that came again since, the newer value: what is read back last wins.
                    newest = dict(self.cache.points(self.names.name(number)))
                    rows += [(number, at, newest.get(at, value)) for at, value in held.points]
                    numbers.append(number)
                ids, times, values = zip(*rows, strict=True)
                try:
                    place = self.wal.append(
                        np.array(ids, np.uint32), np.array(times, np.uint32), np.array(values, np.float64)
                    )
                except StoreError as error:
                    self._notices.say("relog", "%s; older segments are kept", error)
                    return
            self.cache.relog(place, numbers)


def _restore(late: LateMemory, ids: Ids, kept: Points) -> None:
    """Have *late* remember points that the log kept."""
    assert kept.widths is not None
    for row in zip(*(column.tolist() for column in (ids, kept.times, kept.values, kept.widths)), strict=True):
        late.restore(*row)


def _count_bad(
    refused: Refusals, names: Sequence[str], times: Values, values: Values, bad: npt.NDArray[np.bool_]
) -> None:
    """Count the *bad* points in *refused*, each by the first thing that is wrong with it."""
    not_finite = bad & ~np.isfinite(values)
    bad_time = bad & ~not_finite & (~(times >= 1) | np.isinf(times))
    future = bad & ~not_finite & ~bad_time
    for cause, rows in (("not_finite", not_finite), ("bad_time", bad_time), ("future", future)):
        places = np.flatnonzero(rows)
        if len(places):
            refused.add(cause, names[int(places[0])], len(places))
