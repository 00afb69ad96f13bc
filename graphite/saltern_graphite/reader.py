"""Reading metrics: Whisper files, with the points that are not in them yet laid over.

A range is read from one archive: the finest that reaches back to its beginning as seen at ``now``. ``start`` is
exclusive and ``end`` inclusive, both are clamped to what the file can hold, and at least one point comes back:
Whisper's own rules. Where that archive is coarser than what is waiting in the cache, the touched slots are
computed again from the finest archive and the cache together.
"""

from __future__ import annotations

import errno
import logging
import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import lru_cache
from threading import Lock

import numpy as np
import numpy.typing as npt

from saltern.errors import StoreError
from saltern_graphite.aggregation import consolidation, reduce_rows
from saltern_graphite.metric_name import relative_path
from saltern_graphite.render.source import Fetched
from saltern_graphite.series import Values
from saltern_graphite.store_view import CachedPoints
from saltern_graphite.tags.completed import completed
from saltern_graphite.tags.tagged_name import readable_path
from saltern_graphite.whisper_file import Archive, Layout, read_layout

log = logging.getLogger(__name__)

SLOT = np.dtype([("time", ">u4"), ("value", ">f8")])
"""A slot of a Whisper archive."""

_TIMES_END = 1 << 32
"""No slot can hold this time or a later one."""

_TIMES_KEPT = 1 << 16
"""The times of a window with no more slots than this are kept for the next metric: at most 16 times 256 KiB."""

_BAD_FILES_REMEMBERED = 1000
"""Of how many files we remember that they are bad, so as to say it once."""

Times = npt.NDArray[np.int64]


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
        method: Callable[[str], str],
    ) -> None:
        self._whisper_dir = whisper_dir
        self._cache = cache
        self._retentions = retentions
        self._method = method
        self._bad_files: OrderedDict[str, None] = OrderedDict()
        self._lock = Lock()

    def fetch(self, name: str, start: int, end: int, now: int) -> Fetched | None:
        """The values of *name* in ``(start, end]``; None when it has no data, or can have none, there.

        A file that can't be read counts as no data and is named in the log, once.
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
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            if not isinstance(error, FileNotFoundError | NotADirectoryError):
                self._complain(path, f"{path}: can't be opened: {error.strerror}")
            return self._unsaved(name, points, start, end, now) if points else None
        try:
            found = _fetch_from(handle, path, points, start, end, now)
        except StoreError as error:
            self._complain(path, str(error))
            return None
        except OSError as error:
            self._complain(path, f"{path}: can't be read: {error.strerror}")
            return None
        finally:
            os.close(handle)
        if self._bad_files and path in self._bad_files:
            self._forgive(path)
        return found

    def _unsaved(self, name: str, points: list[tuple[int, float]], start: int, end: int, now: int) -> Fetched | None:
        """The values of a metric that is in the cache alone."""
        archives = tuple(Archive(0, step, count) for step, count in self._retentions(name))
        layout = Layout(self._method(name), 0.0, archives)
        window = _window(layout, start, end, now)
        if window is None:
            return None
        archive, first, stop = window
        values = np.full((stop - first) // archive.step, np.nan)
        _lay_over(None, layout, archive, points, first, values)
        return Fetched(first, stop, archive.step, values, layout.method)

    def _complain(self, path: str, what: str) -> None:
        with self._lock:
            new = path not in self._bad_files
            self._bad_files[path] = None
            if len(self._bad_files) > _BAD_FILES_REMEMBERED:
                self._bad_files.popitem(last=False)
        if new:
            log.warning("%s; its metric shows no data", what)

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
    values = _read(handle, archive, first, stop)
    if points:
        _lay_over(handle, layout, archive, points, first, values)
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


def _read(handle: int, archive: Archive, first: int, stop: int) -> Values:
    """The slots of *archive* from the time *first* up to *stop*; NaN where nothing was written at that time.

    The ring begins anywhere; a slot counts only if it holds the very time that it is read for.
    """
    count = (stop - first) // archive.step
    base = _slots(handle, archive, 0, 1)[0]["time"]
    if base == 0:
        return np.full(count, np.nan)
    place = (first - int(base)) // archive.step % archive.points
    until_end = min(count, archive.points - place)
    turn = first + until_end * archive.step
    values = np.empty(count)
    values[:until_end] = _values(_slots(handle, archive, place, until_end), first, turn, archive.step)
    if count > until_end:
        values[until_end:] = _values(_slots(handle, archive, 0, count - until_end), turn, stop, archive.step)
    return values


def _values(slots: npt.NDArray[np.void], first: int, stop: int, step: int) -> Values:
    """The values of *slots*, which are for the times from *first* up to *stop*; NaN where another time is."""
    values: Values = slots["value"].astype(np.float64)
    if first >= 0 and stop <= _TIMES_END:
        stored_times = _stored_times if len(slots) <= _TIMES_KEPT else _stored_times.__wrapped__
        held = slots["time"].view(np.uint32) == stored_times(first, stop, step)
    else:
        held = slots["time"] == np.arange(first, stop, step)
    if not held.all():
        values[~held] = np.nan
    return values


@lru_cache(maxsize=16)  # the metrics of a request are read over the same few windows
def _stored_times(first: int, stop: int, step: int) -> npt.NDArray[np.uint32]:
    """The times from *first* up to *stop* with their bytes as a file holds them: those compare without a swap."""
    return np.arange(first, stop, step).astype(">u4").view(np.uint32)


def _slots(handle: int, archive: Archive, place: int, count: int) -> npt.NDArray[np.void]:
    size = count * SLOT.itemsize
    data = os.pread(handle, size, archive.offset + place * SLOT.itemsize)
    if len(data) < size:
        raise OSError(errno.EIO, "cut short while it was read")
    return np.frombuffer(data, dtype=SLOT)


def _lay_over(
    handle: int | None,
    layout: Layout,
    archive: Archive,
    points: list[tuple[int, float]],
    first: int,
    values: Values,
) -> None:
    """Put cached *points* (in time order) into *values*, slots of *archive* from the time *first* on."""
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
    touched = np.unique(slots)
    buckets = first + touched * archive.step
    cells = _fine_cells(handle, finest, buckets, archive.step)
    cells[(times % archive.step) // finest.step, np.searchsorted(touched, slots)] = numbers
    values[touched] = reduce_rows(consolidation(layout.method), cells, 0.0)


def _fine_cells(handle: int | None, finest: Archive, buckets: Times, width: int) -> npt.NDArray[np.float64]:
    """What the *finest* archive holds of the intervals of *width* seconds that begin at *buckets*.

    One column for each interval.
    """
    per_bucket = width // finest.step
    cells = np.full((per_bucket, len(buckets)), np.nan)
    if handle is None:
        return cells
    stop = int(buckets[-1]) + width
    begin = max(int(buckets[0]), stop - finest.retention)
    fine = _read(handle, finest, begin, stop)
    wanted = buckets[np.newaxis, :] + np.arange(per_bucket)[:, np.newaxis] * finest.step
    known = wanted >= begin
    cells[known] = fine[(wanted[known] - begin) // finest.step]
    return cells
