"""The thread that moves points from the cache into Whisper files and frees the log behind them.

It is steady rather than quick: each turn it writes just so many of the waiting metrics that all of them are on disk
before the oldest has waited ``flush_interval_s``, so a burst is spread over the interval and a steady stream
makes a steady load. New metrics are written in the next turn. When the disk refuses, the points stay in cache and log,
one line a minute says so, and the writer tries again; nothing needs a restart.
"""

from __future__ import annotations

import errno
import logging
import math
import os
import threading
import time
from collections.abc import Callable

from saltern_graphite.cache import Cache, Entry
from saltern_graphite.counters import Counters
from saltern_graphite.durability import sync_file_system
from saltern_graphite.metric_name import relative_path
from saltern_graphite.notices import Notices
from saltern_graphite.rollup import Aggregation
from saltern_graphite.schemas import Schema
from saltern_graphite.whisper_file import CorruptFile, create, set_aside
from saltern_graphite.whisper_update import update

TURN_S = 0.25
RETRY_S = 1.0  # after an error that hits every file
HOLD_S = 10.0  # after an error of one file
PRESSURE = 0.5  # above this share of the cache's bound everything is written at once
RELEASE_EVERY_S = 1.0
STOP_S = 0.8  # for the last flush; what isn't written by then is in the log

_WHOLE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM}

log = logging.getLogger(__name__)

SchemaOf = Callable[[str], tuple[Schema, Aggregation]]


class Writer:
    """Writes *cache* into the tree at *whisper_dir*; :meth:`run` is the thread's whole life.

    *schema_of* gives the schema of a new metric, *release* frees the log of what is written, *sync* asks that files
    survive a power cut.
    """

    def __init__(
        self,
        cache: Cache,
        whisper_dir: str,
        counters: Counters,
        schema_of: SchemaOf,
        release: Callable[[], None],
        *,
        flush_interval_s: float,
        sync: bool,
    ) -> None:
        self._cache = cache
        self._whisper_dir = whisper_dir
        self._counters = counters
        self._schema_of = schema_of
        self._release = release
        self._flush_interval_s = flush_interval_s
        self._sync = sync
        self._notices = Notices(log)
        self._held: dict[str, float] = {}
        self._stopping = threading.Event()
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
            healthy = self.turn()
            if time.monotonic() >= next_release:
                self._release()
                next_release = time.monotonic() + RELEASE_EVERY_S
            busy = healthy and self._pressed and self._cache.queues > len(self._held)
            self._stopping.wait(0 if busy else TURN_S if healthy else RETRY_S)
        self._held.clear()
        self.write(self._cache.queues, deadline=time.monotonic() + STOP_S)
        if self._cache.size:
            log.warning("%d points are not on disk yet: the log keeps them for the next start", self._cache.size)

    def turn(self) -> bool:
        """Write what is due now; return whether the disk took it."""
        now = time.monotonic()
        if self._held:
            self._held = {name: until for name, until in self._held.items() if until > now}
        return self.write(self._due(now))

    def write(self, most: int, deadline: float = math.inf) -> bool:
        """Write up to *most* metrics, from the front of the queue, until *deadline* (``time.monotonic()``).

        Return ``False`` when an error that hits every file ended it early.
        """
        while most > 0 and time.monotonic() < deadline:
            if self._stopping.is_set() and math.isinf(deadline):
                break  # the last flush has a deadline
            taken = self._cache.take(min(most, 100), self._held)
            if not taken:
                break
            most -= len(taken)
            for place, (name, entry) in enumerate(taken):
                if not self._write_one(name, entry):
                    for left, _ in reversed(taken[place + 1 :]):
                        self._cache.put_back(left)
                    return False
        return True

    def sync_tree(self) -> bool:
        """Make what was written survive a power cut; return whether that worked."""
        try:
            sync_file_system(self._whisper_dir)
        except OSError as error:
            self._fail("sync", f"{self._whisper_dir} can't be synced: {error.strerror}")
            return False
        return True

    @property
    def _pressed(self) -> bool:
        return self._cache.size > self._cache.max_points * PRESSURE

    def _due(self, now: float) -> int:
        """Return how many metrics to write this turn."""
        queues = self._cache.queues - len(self._held)
        if self._pressed:
            return queues
        fresh, since = self._cache.waiting(self._held)
        if math.isinf(since):
            return fresh
        left_s = since + self._flush_interval_s - now
        return fresh + math.ceil((queues - fresh) * min(1.0, TURN_S / max(left_s, TURN_S)))

    def _write_one(self, name: str, entry: Entry) -> bool:
        """Write one metric; return ``False`` when no other file would fare better."""
        began = time.perf_counter()
        try:
            stored, outside = self._store(name, entry)
        except Exception as error:  # a fault of ours with one file must not end the thread that writes all others
            self._cache.put_back(name)
            return self._go_on_after(name, error)
        self._cache.done(name)
        self._counters.add("updateOperations")
        self._counters.add("committedPoints", stored)
        self._counters.add("updateSeconds", time.perf_counter() - began)
        if outside:
            self._counters.drop({"outside_retention": outside})
        if not self._held:
            self.last_error = ""
        return True

    def _go_on_after(self, name: str, error: Exception) -> bool:
        """Tell of *error* and leave *name* alone for a while; return whether other files are worth a try."""
        if isinstance(error, OSError):
            where, why = error.filename or relative_path(name), error.strerror
        else:
            where, why = relative_path(name), f"{type(error).__name__}: {error}"
        self._fail("write", f"{where} can't be written: {why}; its points are kept and tried again")
        if isinstance(error, OSError) and error.errno in _WHOLE_DISK:
            return False
        self._held[name] = time.monotonic() + HOLD_S
        return True

    def _store(self, name: str, entry: Entry) -> tuple[int, int]:
        path = os.path.join(self._whisper_dir, relative_path(name))
        points = entry.points.items()
        now = int(time.time())
        try:
            result = update(path, points, now)
        except FileNotFoundError:
            self._create(name, path)
            result = update(path, points, now)
        except CorruptFile as error:
            log.error("%s; set aside as %s and begun anew", error, set_aside(path))
            self._create(name, path)
            result = update(path, points, now)
        return result.stored, result.outside

    def _create(self, name: str, path: str) -> None:
        schema, aggregation = self._schema_of(name)
        create(path, schema.retentions, aggregation.method, aggregation.x_files_factor, sync=self._sync)
        self._counters.add("creates")

    def _fail(self, kind: str, message: str) -> None:
        self.last_error = message
        self._counters.add("errors")
        self._notices.warn(kind, "%s", message)
