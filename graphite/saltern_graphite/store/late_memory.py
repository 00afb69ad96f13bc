"""What is remembered of points that came late, so that a backfill in several parts rolls up as if it had come in one.

A coarse slot whose finer slots are gone is computed from the late points passed together
(:mod:`saltern_graphite.whisper.late`). So the late points of each such slot are kept here and passed again with others
of the slot. The log has them too (``unlogged``), for as long as they are here: neither a writer process that dies nor a
start of the server forgets them. Memory is bounded, by points and by age; what is forgotten costs the exactness of
one slot, not the points after it.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from saltern_graphite.file_writers.base import Batch
from saltern_graphite.store.wal.record import Numbers, PointsBody

MAX_POINTS = 200_000
"""Points remembered over all metrics."""
KEPT_S = 3600.0
"""For how long a slot is remembered that gets no more points."""

_Key = tuple[int, int, int]
"""Number, since, until."""
_Row = tuple[int, int, float, int]
"""Number, time, value, width."""


class _Metric:
    """The slots remembered of one metric: their beginnings, by width in seconds."""

    __slots__ = ("newest", "until", "widths")

    def __init__(self) -> None:
        self.widths: dict[int, set[int]] = {}
        self.newest: _Key | None = None
        self.until = 0  # no slot was ever later


class LateMemory:
    """Remembers late points of coarse slots, by the metric's number. For one thread.

    The last slot of a metric is forgotten after all others: most backfills come in order, and go on there.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.max_points = MAX_POINTS
        """So many may be remembered; set it before any is."""
        self._clock = clock
        self._last: OrderedDict[_Key, dict[int, float]] = (
            OrderedDict()
        )  # a metric's newest slot: (number, since, until)
        self._past: OrderedDict[_Key, dict[int, float]] = OrderedDict()  # its others
        self._touched: dict[_Key, float] = {}
        self._of: dict[int, _Metric] = {}
        self._points = 0
        self._news: list[_Row] = []
        self._all_news = False

    def __len__(self) -> int:
        return self._points

    def joined(self, batch: Batch) -> Batch:
        """Return *batch* with the remembered points of the slots that it has points of."""
        if not self._of:
            return batch
        more: dict[int, dict[int, float]] = {}
        begins = np.concatenate(([0], batch.ends[:-1])).tolist()
        for place, number in enumerate(batch.numbers.tolist()):
            if number in self._of and (
                found := self._touched_by(number, batch.times[begins[place] : batch.ends[place]])
            ):
                more[place] = found
        if not more:
            return batch
        times, values, ends = [], [], []
        count = 0
        for place, (begin, end) in enumerate(zip(begins, batch.ends.tolist(), strict=True)):
            if place in more:
                points = more[place]
                points.update(zip(batch.times[begin:end].tolist(), batch.values[begin:end].tolist(), strict=True))
                ordered = sorted(points.items())
                times.append(np.array([time for time, _ in ordered], np.uint32))
                values.append(np.array([value for _, value in ordered], np.float64))
            else:
                times.append(batch.times[begin:end])
                values.append(batch.values[begin:end])
            count += len(times[-1])
            ends.append(count)
        return batch.with_points(np.array(ends, np.int64), np.concatenate(times), np.concatenate(values))

    def keep(self, batch: Batch, place: int, spans: Iterable[tuple[int, int]]) -> None:
        """Remember the points at *place* of *batch*, as it was joined, that lie in *spans* (since, until; sorted)."""
        begin = int(batch.ends[place - 1]) if place else 0
        times: list[int] = batch.times[begin : batch.ends[place]].tolist()
        values: list[float] = batch.values[begin : batch.ends[place]].tolist()
        number = int(batch.numbers[place])
        for since, until in spans:
            low, high = bisect_left(times, since), bisect_left(times, until)
            self._put((number, since, until), zip(times[low:high], values[low:high], strict=True))
        self._bound()

    def restore(self, number: int, at: int, value: float, width: int) -> None:
        """Take back a point that the log kept, in a slot so many seconds wide."""
        since = at - at % width
        self._put((number, since, since + width), [(at, value)])
        self._bound()

    def unlogged(self) -> PointsBody | None:
        """Return what was remembered since :meth:`logged` was last called; ``None`` when nothing was."""
        return _columns(self._rows() if self._all_news else self._news)

    def everything(self) -> PointsBody | None:
        """Return all that is remembered, what has had its time left out."""
        oldest = self._clock() - KEPT_S
        for key in [key for key, touched in self._touched.items() if touched < oldest]:
            self._forget(key)
        return _columns(self._rows())

    def logged(self) -> None:
        """What :meth:`unlogged` or :meth:`everything` last returned is in the log."""
        self._news, self._all_news = [], False

    def _rows(self) -> Iterator[_Row]:
        for key, points in (*self._past.items(), *self._last.items()):
            for at, value in points.items():
                yield key[0], at, value, key[2] - key[1]

    def _touched_by(self, number: int, times: Numbers) -> dict[int, float]:
        """Return the points of the remembered slots in which *times* of the metric are."""
        metric = self._of[number]
        found: dict[int, float] = {}
        if int(times[0]) < metric.until:
            for width, begins in metric.widths.items():
                for since in np.unique(times - times % width).tolist():
                    if since in begins:
                        key = number, since, since + width
                        found.update(self._last[key] if key in self._last else self._past[key])
        return found

    def _put(self, key: _Key, rows: Iterable[tuple[int, float]]) -> None:
        number, since, until = key
        metric = self._of.get(number)
        if metric is None:
            metric = self._of[number] = _Metric()
        begins = metric.widths.setdefault(until - since, set())
        if since in begins:
            points = self._last.pop(key) if key in self._last else self._past.pop(key)
        else:
            begins.add(since)  # before the finer ones go, lest the metric is forgotten with its last slot
            points = self._of_finer(number, metric, since, until)
            metric.until = max(metric.until, until)
        before = len(points)
        for at, value in rows:
            if points.get(at) != value:
                points[at] = value
                self._news.append((number, at, value, until - since))
        self._points += len(points) - before
        self._touched[key] = self._clock()
        newest = metric.newest
        if newest is None or since >= newest[1]:
            if newest is not None and newest in self._last:
                self._past[newest] = self._last.pop(newest)
            metric.newest = key
            self._last[key] = points
        else:
            self._past[key] = points
        if len(self._news) > self.max_points:
            self._news, self._all_news = [], True

    def _of_finer(self, number: int, metric: _Metric, since: int, until: int) -> dict[int, float]:
        """Take the points of the slots of finer archives that a new slot, which began to be needed, is made of."""
        points: dict[int, float] = {}
        for width, begins in metric.widths.items():
            if width < until - since:
                for begin in [one for one in range(since, until, width) if one in begins]:
                    points.update(self._forget((number, begin, begin + width)))
        self._points += len(points)
        return points

    def _bound(self) -> None:
        while self._points > self.max_points and len(self._touched) > 1:
            self._forget(next(iter(self._past or self._last)))

    def _forget(self, key: _Key) -> dict[int, float]:
        number, since, until = key
        points = self._last.pop(key) if key in self._last else self._past.pop(key)
        self._points -= len(points)
        del self._touched[key]
        metric = self._of[number]
        metric.widths[until - since].discard(since)
        if key == metric.newest:
            metric.newest = None
        if not any(metric.widths.values()):
            del self._of[number]
        return points


def _columns(rows: Iterable[_Row]) -> PointsBody | None:
    listed = list(rows)
    if not listed:
        return None
    numbers, times, values, widths = zip(*listed, strict=True)
    return PointsBody(
        np.array(numbers, np.uint32), np.array(times, np.uint32), np.array(values), np.array(widths, np.uint32)
    )
