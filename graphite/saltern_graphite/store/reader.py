"""Reading metrics: Whisper files, with the points that are not in them yet laid over.

A range is read from one archive: the finest that reaches back to its beginning as seen at ``now``. ``start`` is
exclusive and ``end`` inclusive, both are clamped to what the file can hold, and at least one point comes back:
Whisper's own rules. In an archive that is coarser than the finest the points of the cache show as they will once
they are written: rolled up with what the file has, through every archive between.
"""

from __future__ import annotations

import logging
import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock

import numpy as np

from saltern.errors import StoreError
from saltern_graphite.rules.metric_name import relative_path
from saltern_graphite.rules.schemas import Retention
from saltern_graphite.series.series import Fetched, Values
from saltern_graphite.store.view import CachedPoints
from saltern_graphite.tags.completed import completed
from saltern_graphite.tags.tagged_name import readable_path
from saltern_graphite.whisper.file import CompressedFile, Layout, layout_of, read_layout
from saltern_graphite.whisper.overlay import rolled_up
from saltern_graphite.whisper.ring import Rows, read_slots, values_of

log = logging.getLogger(__name__)

_BAD_FILES_REMEMBERED = 1000
"""Of how many files we remember that they are bad, so as to say it once."""


class Reader:
    """Reads what is known of a metric now. Any number of threads may use one.

    *retentions* and *method* tell how a metric will be stored that has no file yet: its archives as
    ``(step, points)``, finest first, and the name of its aggregation method.
    """

    def __init__(
        self,
        whisper_dir: str,
        cache: CachedPoints,
        retentions: Callable[[str], Sequence[tuple[int, int]]],
        roll_up: Callable[[str], tuple[str, float]],
    ) -> None:
        self._whisper_dir = whisper_dir
        self._cache = cache
        self._retentions = retentions
        self._roll_up = roll_up
        self._bad_files: OrderedDict[str, None] = OrderedDict()
        self._lock = Lock()

    def fetch(self, name: str, start: int, end: int, now: int) -> Fetched | None:
        """The values of *name* in ``(start, end]``; None when it has no data, or can have none, there.

        A file that can't be read is named in the log, once: what is in the cache is all the data then.
        """
        points = self._cache.points(name)
        path = f"{self._whisper_dir}/{relative_path(name)}"
        readable = f"{self._whisper_dir}/{readable_path(name)}" if ";" in name else ""
        if not readable or not os.path.exists(readable):  # Carbon may have named a file so that people can read it
            return self._fetch(name, path, points, start, end, now)
        if not os.path.exists(path):
            return self._fetch(name, readable, points, start, end, now)
        found = self._fetch(name, path, points, start, end, now)
        return completed(found, self._fetch(name, readable, [], start, end, now))

    def _fetch(
        self, name: str, path: str, points: list[tuple[int, float]], start: int, end: int, now: int
    ) -> Fetched | None:
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe would keep us waiting
        except OSError as error:
            if not isinstance(error, FileNotFoundError | NotADirectoryError):
                self._complain(path, f"{path}: can't be opened: {error.strerror}")
            return self._unsaved(name, points, start, end, now) if points else None
        try:
            found = _fetch_from(handle, path, points, start, end, now)
        except CompressedFile as error:  # what waits for it will be dropped
            self._complain(path, str(error))
            return None
        except (StoreError, OSError) as error:
            why = f"{path}: can't be read: {error.strerror}" if isinstance(error, OSError) else str(error)
            self._complain(path, why)
            return self._unsaved(name, points, start, end, now) if points else None
        finally:
            os.close(handle)
        if self._bad_files and path in self._bad_files:
            self._forgive(path)
        return found

    def _unsaved(self, name: str, points: list[tuple[int, float]], start: int, end: int, now: int) -> Fetched | None:
        """The values of a metric that is in the cache alone."""
        retentions = tuple(Retention(step, count) for step, count in self._retentions(name))
        layout = layout_of(retentions, *self._roll_up(name))  # a header rounds the xFilesFactor
        window = _window(layout, start, end, now)
        if window is None:
            return None
        level, first, stop = window
        archive = layout.archives[level]
        values = _values(None, "", layout, level, first, (stop - first) // archive.step, points, now)
        return Fetched(first, stop, archive.step, values, layout.method)

    def _complain(self, path: str, what: str) -> None:
        with self._lock:
            new = path not in self._bad_files
            self._bad_files[path] = None
            if len(self._bad_files) > _BAD_FILES_REMEMBERED:
                self._bad_files.popitem(last=False)
        if new:
            log.warning("%s; its metric shows no more than the newest points", what)

    def _forgive(self, path: str) -> None:
        with self._lock:
            self._bad_files.pop(path, None)


def _fetch_from(
    handle: int, path: str, points: list[tuple[int, float]], start: int, end: int, now: int
) -> Fetched | None:
    layout = read_layout(handle, path)
    window = _window(layout, start, end, now)
    if window is None:
        return None
    level, first, stop = window
    archive = layout.archives[level]
    values = _values(handle, path, layout, level, first, (stop - first) // archive.step, points, now)
    return Fetched(first, stop, archive.step, values, layout.method)


def _window(layout: Layout, start: int, end: int, now: int) -> tuple[int, int, int] | None:
    """The archive that answers, its first slot's time and the time after its last; None out of its reach."""
    oldest = now - layout.archives[-1].retention
    if start > end or start > now or end < oldest:
        return None
    start, end = max(start, oldest), min(end, now)
    level = next(level for level, archive in enumerate(layout.archives) if archive.retention >= now - start)
    step = layout.archives[level].step
    first = start - start % step + step
    stop = end - end % step + step
    return level, first, max(stop, first + step)


def _values(
    handle: int | None,
    path: str,
    layout: Layout,
    level: int,
    first: int,
    count: int,
    points: list[tuple[int, float]],
    now: int,
) -> Values:
    """Return *count* values of an archive of the file *handle*, if there is one, with the cached *points*."""
    archive = layout.archives[level]
    if handle is None:
        values = np.full(count, np.nan)
    else:
        values = values_of(read_slots(handle, path, archive, first, count), first, archive.step)
    if points:
        times = np.array([time for time, _ in points], np.int64)
        rows = Rows(np.zeros_like(times), times, np.array([value for _, value in points], np.float64))
        if level:
            rows = rolled_up(rows, layout, level, now, handle, path)
        places = (rows.times - first) // archive.step
        inside = (places >= 0) & (places < count)
        values[places[inside]] = rows.values[inside]  # of several in one slot the last stays
    return values
