"""The store: what receivers give points to, and where readers find them.

``accept`` checks points, writes them to the log and puts them into the cache, in this order; from then on they survive
``kill -9`` and are visible to readers. The writer's thread moves them into Whisper files and frees the log.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

from saltern.errors import StoreError
from saltern_graphite.cache import Cache
from saltern_graphite.counters import Counters
from saltern_graphite.index import Index
from saltern_graphite.metric_name import BadName, canonical
from saltern_graphite.options import StoreOptions
from saltern_graphite.rollup import Aggregation, Aggregations
from saltern_graphite.schemas import Schema, Schemas
from saltern_graphite.wal import Wal
from saltern_graphite.writer import Writer

MAX_AHEAD_S = 86_400  # a clock further ahead is wrong, and its points would overwrite the ring's oldest
REPLAY_WAIT_S = 5.0
STOP_WAIT_S = 1.2
ROOM_POLL_S = 0.05  # between looks at a cache that is full while the log is read back

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a block of points: how many were *accepted*, how many *refused* for which cause.

    *samples* holds one name for each cause.
    """

    accepted: int
    refused: dict[str, int] = field(default_factory=dict)
    samples: dict[str, str] = field(default_factory=dict)


class _Refusals:
    """Counts refused points by cause and keeps a name of each."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.samples: dict[str, str] = {}

    def add(self, cause: str, name: str) -> None:
        self.counts[cause] += 1
        self.samples.setdefault(cause, name)


class Store:
    """Keeps points under the folder *root*. :meth:`start` it before :meth:`accept`, :meth:`stop` it at the end.

    ``accept`` belongs to one thread, that of the receivers; ``cache``, ``index``, ``health`` and the schema
    questions may be used from any.
    """

    def __init__(self, root: str, options: StoreOptions | None = None) -> None:
        options = options or StoreOptions()
        self.options = options
        self.whisper_dir = options.whisper_dir(root)
        self.counters = Counters()
        self.cache = Cache(options.cache_max_points)
        self.index = Index()
        self.wal = Wal(os.path.join(root, "log"), fsync=options.fsync, max_bytes=options.log_max_bytes)
        self.on_new_metric: Callable[[str], None] = self.index.add
        """Called once, from any thread, for every metric first seen by this process."""
        self.on_room: Callable[[], None] = lambda: None
        """Called from the writer's thread when a full store may have room again. Set it before :meth:`start`."""
        self._conf_dir = options.conf_dir(root)
        self._schemas = Schemas([], [])
        self._aggregations = Aggregations([], [])
        self._names: dict[str, str] = {}
        self._seen: set[str] = set()
        self._commit = threading.Lock()
        self._replayed = threading.Event()
        self._replayed.set()
        self._writer = Writer(
            self.cache,
            self.whisper_dir,
            self.counters,
            self._schema_of,
            self._release_log,
            flush_interval_s=options.flush_interval_s,
            sync=options.fsync == "always",
        )
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    def start(self) -> None:
        """Read the schemas, take the log, start the writer, and read back what the last run left in the log.

        It returns once that is read back, or after :data:`REPLAY_WAIT_S` seconds; the store says it is :attr:`full`
        until then. Raises ``StoreError`` when the folder can't be used.
        """
        self.reload_schemas()
        try:
            os.makedirs(self.whisper_dir, exist_ok=True)
        except OSError as error:
            raise StoreError(f"Whisper folder {self.whisper_dir} can't be made: {error.strerror}") from error
        self.wal.open()
        self.cache.on_room = self.on_room
        self._replayed.clear()
        self._thread.start()
        self._replayed.wait(REPLAY_WAIT_S)

    def stop(self) -> None:
        """Write what fits into about a second; the rest is in the log and comes back at the next start."""
        if not self._thread.is_alive():
            return
        self._writer.stop()
        self._thread.join(STOP_WAIT_S)
        if self._thread.is_alive():
            log.warning("the disk is slow: the writer is left behind, what it had not written is in the log")
        self.wal.close()

    def reload_schemas(self) -> None:
        """Read both schema files again; what is wrong with them is logged, line by line. Old files don't change."""
        schemas, aggregations = Schemas.load(self._conf_dir), Aggregations.load(self._conf_dir)
        for problem in schemas.problems + aggregations.problems:
            log.error("%s; the section is left out", problem)
        self._schemas, self._aggregations = schemas, aggregations

    @property
    def full(self) -> bool:
        """Whether receivers should wait: cache or log are at their bound, or the log is still being read back."""
        return self.cache.full or self.wal.full or not self._replayed.is_set()

    def accept(self, names: Sequence[str], times: Sequence[float], values: Sequence[float]) -> Accepted:
        """Take points, three columns of one length; when it returns the accepted ones survive ``kill -9``.

        *times* are epoch seconds, cut to whole ones; of two values for one second the later given wins. Refused are
        bad names (:data:`saltern_graphite.metric_name.CAUSES`), values that are not finite (``not_finite``),
        times before 1970 or not finite (``bad_time``) and times over a day ahead (``future``). Raises
        ``StoreError`` when the log can't be written: then none was accepted, and all may be given again.
        """
        refused = _Refusals()
        known = self._names
        spelled = [known.get(name) or self._spell(name, refused) for name in names]
        if refused.counts or not _all_good(times, values):
            spelled, times, values = _good_points(spelled, times, values, refused)
        if spelled:
            self._commit_points(cast("list[str]", spelled), list(map(int, times)), values)
        if refused.counts:
            self.counters.drop(refused.counts)
        return Accepted(len(spelled), dict(refused.counts), refused.samples)

    def retentions(self, name: str) -> list[tuple[int, int]]:
        """Return the archives a new file for *name* would get: (seconds per point, points), finest first."""
        return [(retention.step, retention.points) for retention in self._schemas.match(name).retentions]

    def aggregation_method(self, name: str) -> str:
        """Return the roll-up method that a new file for *name* would get."""
        return self._aggregations.match(name).method

    def health(self) -> dict[str, object]:
        """Return how the store is, as plain values; ``ok`` is whether points come in and reach the disk."""
        error = self._writer.last_error
        return {
            "ok": not error and not self.full,
            "error": error,
            "replaying": not self._replayed.is_set(),
            "cache": {
                "points": self.cache.size,
                "max_points": self.cache.max_points,
                "metrics": self.cache.queues,
                "oldest_s": round(self.cache.oldest_age(), 3),
            },
            "log": {"bytes": self.wal.bytes, "max_bytes": self.wal.max_bytes, "fsync": self.wal.fsync},
            "totals": self.counters.totals(),
        }

    def _spell(self, name: str, refused: _Refusals) -> str | None:
        """Return how *name*, not met before, is spelled; ``None`` when it is refused."""
        try:
            spelled = self._names[name] = canonical(name)
        except BadName as bad:
            refused.add(bad.cause, name)
            return None
        return spelled

    def _commit_points(self, names: Sequence[str], times: Sequence[int], values: Sequence[float]) -> None:
        with self._commit:  # between log and cache no segment may be freed
            segment = self.wal.append(names, times, values)
            self._cache_points(segment, names, times, values)

    def _cache_points(self, segment: int, names: Sequence[str], times: Sequence[int], values: Sequence[float]) -> None:
        fresh = set(names) - self._seen
        self.cache.add(names, times, values, segment, fresh)
        self._seen |= fresh
        for name in fresh:
            self.on_new_metric(name)

    def _schema_of(self, name: str) -> tuple[Schema, Aggregation]:
        return self._schemas.match(name), self._aggregations.match(name)

    def _run(self) -> None:
        """The writer's thread: read the log back, then write until stopped."""
        points = 0
        for segment, columns in self.wal.replay():
            while self.cache.full and not self._writer.stopping:
                if not self._writer.turn():
                    time.sleep(ROOM_POLL_S)
            if self._writer.stopping:
                break
            self._cache_points(segment, *columns)
            points += len(columns[0])
        else:
            self._replayed.set()
            self.on_room()
            if points:
                log.info("%d points of the last run were read back from the log", points)
        self._writer.run()

    def _release_log(self) -> None:
        """Free the log's segments that hold no unwritten point; called by the writer, in its thread."""
        if not self._replayed.is_set():
            return
        self.wal.rotate()
        if self.wal.releasable(self.wal.current):
            with self._commit:
                oldest = self.cache.oldest_segment()
                before = self.wal.current if oldest is None else min(oldest, self.wal.current)
            if self.wal.releasable(before) and (self.wal.fsync == "never" or self._writer.sync_tree()):
                self.wal.release(before)
        self.on_room()  # the log may have room again; the gate asks before it opens


def _all_good(times: Sequence[float], values: Sequence[float]) -> bool:
    """Return whether every point may be stored; a sum shows a NaN or an infinity in one pass."""
    if not times:
        return True
    finite = math.isfinite(sum(values)) and math.isfinite(sum(times))
    return finite and min(times) >= 1 and max(times) <= time.time() + MAX_AHEAD_S


def _good_points(
    names: Sequence[str | None], times: Sequence[float], values: Sequence[float], refused: _Refusals
) -> tuple[list[str | None], list[float], list[float]]:
    """Return the columns without the points that can't be stored, and count those in *refused*.

    A name that is ``None`` was counted before.
    """
    latest = time.time() + MAX_AHEAD_S
    good: list[tuple[str, float, float]] = []
    for name, timestamp, value in zip(names, times, values, strict=True):
        if name is None:
            continue
        if not math.isfinite(value):
            refused.add("not_finite", name)
        elif not timestamp >= 1 or timestamp == math.inf:
            refused.add("bad_time", name)
        elif timestamp > latest:
            refused.add("future", name)
        else:
            good.append((name, timestamp, value))
    return [row[0] for row in good], [row[1] for row in good], [row[2] for row in good]
