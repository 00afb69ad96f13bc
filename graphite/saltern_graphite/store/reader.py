"""Reading metrics: Whisper files, with the points that are not in them yet laid over.

A range is read from one archive: the finest that reaches back to its beginning as seen at ``now``. ``start`` is
exclusive and ``end`` inclusive, both are clamped to what the file can hold, and at least one point comes back:
Whisper's own rules. Where that archive is coarser than what is waiting in the cache, the touched slots are
computed again from the finest archive and the cache together.
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
from saltern_graphite.series.series import Fetched, Values
from saltern_graphite.store.view import CachedPoints
from saltern_graphite.tags.completed import completed
from saltern_graphite.tags.tagged_name import readable_path
from saltern_graphite.whisper.aggregate import roll_up
from saltern_graphite.whisper.file import Archive, CompressedFile, Layout, read_layout
from saltern_graphite.whisper.ring import first_of_each, read_slots, values_of

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
        archives = tuple(Archive(0, step, count) for step, count in self._retentions(name))
        layout = Layout(*self._roll_up(name), archives)
        window = _window(layout, start, end, now)
        if window is None:
            return None
        archive, first, stop = window
        values = np.full((stop - first) // archive.step, np.nan)
        _lay_over(values, first, archive, layout, points, None, "")
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
    archive, first, stop = window
    values = values_of(read_slots(handle, path, archive, first, (stop - first) // archive.step), first, archive.step)
    if points:
        _lay_over(values, first, archive, layout, points, handle, path)
    return Fetched(first, stop, archive.step, values, layout.method)


def _window(layout: Layout, start: int, end: int, now: int) -> tuple[Archive, int, int] | None:
    """The archive that answers, its first slot's time and the time after its last; None out of its reach."""
    oldest = now - layout.archives[-1].retention
    if start > end or start > now or end < oldest:
        return None
    start, end = max(start, oldest), min(end, now)
    archive = next(archive for archive in layout.archives if archive.retention >= now - start)
    step = archive.step
    first = start - start % step + step
    stop = end - end % step + step
    return archive, first, max(stop, first + step)


def _lay_over(
    values: Values,
    first: int,
    archive: Archive,
    layout: Layout,
    points: list[tuple[int, float]],
    handle: int | None,
    path: str,
) -> None:
    """Put cached *points* (in time order) into *values*, slots of *archive* from the time *first* on.

    In a coarser archive than the finest, slots with such points are rolled up from these and the file *handle*.
    """
    times = np.array([time for time, _ in points], dtype=np.int64)
    numbers = np.array([value for _, value in points], dtype=np.float64)
    slots = (times // archive.step * archive.step - first) // archive.step
    inside = (slots >= 0) & (slots < len(values)) & ~np.isnan(numbers)
    times, numbers, slots = times[inside], numbers[inside], slots[inside]
    if not len(slots):
        return
    finest = layout.archives[0]
    if archive is finest:
        values[slots] = numbers  # of several in one slot the last stays
        return
    new = first_of_each(slots)
    touched = slots[new]
    starts = first + touched * archive.step
    if handle is None:
        below = np.full((len(starts), archive.step // finest.step), np.nan)
    else:
        stop = int(starts[-1]) + archive.step
        begin = max(int(starts[0]), stop - finest.retention)
        fine = values_of(read_slots(handle, path, finest, begin, (stop - begin) // finest.step), begin, finest.step)
        places = (starts[:, np.newaxis] - begin) // finest.step + np.arange(archive.step // finest.step)
        below = np.where(places >= 0, fine[np.maximum(places, 0)], np.nan)
    below[np.cumsum(new) - 1, times % archive.step // finest.step] = numbers
    rolled, shares = roll_up(layout.method, below, ~np.isnan(below))
    values[touched] = np.where(layout.enough(shares), rolled, np.nan)
