"""What is remembered of points that came late, so that a backfill in several parts rolls up as if it had come in one.

A coarse slot whose finer slots are gone is computed from the late points passed together
(:mod:`saltern_graphite.whisper_late`). When a part of a backfill ends within such a slot, its points of that slot are
kept here and passed again with the next part. Memory is bounded; what is forgotten costs the exactness of one slot,
not the points after it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from saltern_graphite.file_writer import Batch

MAX_POINTS = 200_000
"""Points remembered over all metrics; those of the metric that had none for longest go first."""


class _Open(NamedTuple):
    """The points of the slot that ends at *until*, epoch seconds."""

    until: int
    points: dict[int, float]


class LateMemory:
    """Remembers the late points of each metric's open coarse slot."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, _Open] = OrderedDict()
        self._points = 0

    def joined(self, batch: Batch) -> Batch:
        """Return *batch* with the remembered points that belong to slots which it goes on with."""
        if not self._open:
            return batch
        begins = np.concatenate(([0], batch.ends[:-1]))
        more: dict[int, dict[int, float]] = {}
        for place, name in enumerate(batch.names):
            found = self._open.get(name)
            if found is not None and batch.times[begins[place]] < found.until:
                more[place] = found.points
        if not more:
            return batch
        times, values, ends = [], [], []
        count = 0
        for place, (begin, end) in enumerate(zip(begins.tolist(), batch.ends.tolist(), strict=True)):
            span = slice(begin, end)
            points = dict(more.get(place, {}))
            points.update(zip(batch.times[span].tolist(), batch.values[span].tolist(), strict=True))
            ordered = sorted(points.items())
            times += [time for time, _ in ordered]
            values += [value for _, value in ordered]
            count += len(ordered)
            ends.append(count)
        return batch.with_points(np.array(ends, np.int64), np.array(times, np.uint32), np.array(values, np.float64))

    def keep(self, batch: Batch, open_spans: Mapping[int, tuple[int, int]]) -> None:
        """Remember the points of *batch*, as it was joined, that lie in *open_spans*: from and until, by place."""
        for place, (since, until) in open_spans.items():
            begin = int(batch.ends[place - 1]) if place else 0
            span = slice(begin, int(batch.ends[place]))
            rows = zip(batch.times[span].tolist(), batch.values[span].tolist(), strict=True)
            points = {time: value for time, value in rows if since <= time < until}
            self._forget(batch.names[place])
            self._open[batch.names[place]] = _Open(until, points)
            self._points += len(points)
        while self._points > MAX_POINTS and len(self._open) > 1:
            self._forget(next(iter(self._open)))

    def _forget(self, name: str) -> None:
        found = self._open.pop(name, None)
        if found is not None:
            self._points -= len(found.points)
