"""Areas: which of them are filled, and from where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from saltern_graphite.render.formats.charts.trace import Times, Trace
from saltern_graphite.series import Values

AREA_MODES = ("none", "first", "all", "stacked")


def filled(drawn: Sequence[Trace], mode: str) -> list[Trace]:
    """*drawn* with the lower edges of areas set: areas first, then lines, each in their order.

    ``stacked`` puts each series on the sum of those before it; otherwise areas begin at 0 and those before hide those
    after, so that what ``stacked()`` has summed lies side by side. The area between two lines is never stacked.
    """
    areas: list[Trace] = []
    lines: list[Trace] = []
    covers = {False: _Cover(), True: _Cover()}
    totals = {False: _Total(), True: _Total()}
    lower: Trace | None = None
    for number, trace in enumerate(drawn):
        if trace.band == "first":
            lower = trace
        elif trace.band == "second" and lower is not None:
            areas.append(_between(lower, trace))
            lower = None
        elif trace.infinite:
            lines.append(trace)
        elif mode == "stacked":
            areas.append(totals[trace.right].put(trace))
        elif trace.filled or mode == "all" or (mode == "first" and number == 0):
            areas.append(covers[trace.right].put(trace))
        else:
            lines.append(trace)
    if lower is not None:
        lines.append(lower)
    return areas + lines


def _between(one: Trace, other: Trace) -> Trace:
    edge = _on(other.times, one.times, one.values)
    low, high = np.minimum(edge, other.values), np.maximum(edge, other.values)
    return replace(other, low=low, high=high)


class _Total:
    """A running sum."""

    def __init__(self) -> None:
        self._times: Times = np.zeros(0)
        self._sum: Values = np.zeros(0)

    def put(self, trace: Trace) -> Trace:
        """*trace* on top of all before it; a gap adds nothing."""
        low = _on(trace.times, self._times, self._sum)
        merged = _merged(self._times, trace.times)
        added = _on(merged, trace.times, trace.values)
        self._sum = _on(merged, self._times, self._sum) + np.where(np.isnan(added), 0.0, added)
        self._times = merged
        high = low + trace.values
        return replace(trace, values=high, low=low, high=high)


class _Cover:
    """What areas drawn so far hide, above and below 0."""

    def __init__(self) -> None:
        self._times: Times = np.zeros(0)
        self._above: Values = np.zeros(0)
        self._below: Values = np.zeros(0)

    def put(self, trace: Trace) -> Trace:
        """*trace* as the area that is still to be seen of it."""
        above, below = (_on(trace.times, self._times, edge) for edge in (self._above, self._below))
        positive = trace.values >= 0
        low = np.where(positive, above, np.minimum(trace.values, below))
        high = np.where(positive, np.maximum(trace.values, above), below)
        merged = _merged(self._times, trace.times)
        added = np.nan_to_num(_on(merged, trace.times, trace.values))
        self._above = np.maximum(_on(merged, self._times, self._above), added)
        self._below = np.minimum(_on(merged, self._times, self._below), added)
        self._times = merged
        missing = np.isnan(trace.values)
        return replace(trace, low=np.where(missing, np.nan, low), high=np.where(missing, np.nan, high))


def _merged(times: Times, others: Times) -> Times:
    if len(times) == len(others) and np.array_equal(times, others):
        return times
    return np.union1d(times, others)


def _on(times: Times, known: Times, values: Values) -> Values:
    """*values* at other times: in between on the line, 0 outside."""
    if len(known) == len(times) and np.array_equal(known, times):
        return values
    if not len(known):
        return np.zeros(len(times))
    there: Values = np.interp(times, known, values, left=0.0, right=0.0)
    return there
