"""Points packed for as long as they wait in memory: some two bytes each, where a metric has many.

::

    metrics   numbers as distances from the first; nothing where they follow each other
    counts    points of each metric; one number where all have as many
    times     written once for neighbours that have the same ones, as the metrics of one host do
    values    the first as it is; the others as differences of whole numbers, in one, two or four bytes

Values with up to three decimals are whole numbers too, times ten or a hundred. What is none, or jumps too far, is
kept as it is. Nothing is ever rounded: what comes out has the bits that went in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from saltern_graphite.store.names import Ids

Seconds = npt.NDArray[np.uint32]
Values = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
Points = list[tuple[int, float]]
"""(epoch seconds, value) in time order."""

_Whole = npt.NDArray[np.int64]
_Mask = npt.NDArray[np.bool_]

MOST_DECIMALS = 3
OBJECT_BYTES = 1_200
"""About what a block of packed points takes besides its columns."""

_CONSTANT, _RAW = 0, 4  # forms of a metric's values; between them the widths below
_WIDTHS: tuple[tuple[int, Any], ...] = ((1, np.int8), (2, np.int16), (3, np.int32))
_FORMS = 8
_MOST_WHOLE = 2.0**53
_SCALES = 10.0 ** np.arange(MOST_DECIMALS + 1)


class Columns(NamedTuple):
    """Points sorted by metric and time: those of ``metrics[i]`` are ``times[ends[i - 1]:ends[i]]`` and their *values*.

    No metric is there twice, none without points, and no time twice for one.
    """

    metrics: Ids
    ends: Places
    times: Seconds
    values: Values


def sorted_columns(ids: Ids, times: Seconds, values: Values) -> Columns:
    """Return points in columns of one length as :class:`Columns`; of several for one second the last given stays."""
    key = ids.astype(np.uint64)
    key <<= np.uint64(32)
    key |= times
    order = np.argsort(key, kind="stable")
    key = key[order]
    order = order[np.append(key[1:] != key[:-1], True)]
    ids = ids[order]
    last = np.append(ids[1:] != ids[:-1], True)
    return Columns(ids[last], np.flatnonzero(last) + 1, times[order], values[order])


class Packed:
    """Some metrics' points, packed. It never changes."""

    __slots__ = (
        "_bases",
        "_counts",
        "_distances",
        "_first",
        "_forms",
        "_kept",
        "_patterns",
        "_times",
        "metrics",
        "points",
    )

    def __init__(self, columns: Columns) -> None:
        self.metrics = len(columns.metrics)
        self.points = len(columns.times)
        self._first = int(columns.metrics[0])
        span = int(columns.metrics[-1]) - self._first
        self._distances = None if span + 1 == self.metrics else _narrow(columns.metrics - np.uint32(self._first))
        counts = np.diff(columns.ends, prepend=0)
        self._counts = _narrow(counts) if (counts != counts[0]).any() else _narrow(counts[:1])
        starts = columns.ends - counts
        self._patterns, self._times = _patterns(columns.times, counts, starts)
        self._bases = columns.values[starts]
        self._forms, self._kept = _pack_values(columns.values, counts, starts)

    @property
    def bytes(self) -> int:
        """The memory that it takes."""
        columns = [self._counts, self._patterns, self._times, self._bases, self._forms, *self._kept.values()]
        if self._distances is not None:
            columns.append(self._distances)
        return OBJECT_BYTES + sum(int(column.nbytes) for column in columns)

    def numbers(self) -> Ids:
        """Return the metrics' numbers, in order."""
        if self._distances is None:
            return np.arange(self._first, self._first + self.metrics, dtype=np.uint32)
        return self._distances.astype(np.uint32) + np.uint32(self._first)

    def unpack(self) -> Columns:
        """Return what was packed."""
        counts = self._all_counts()
        ends = np.cumsum(counts)
        starts = ends - counts
        return Columns(self.numbers(), ends, self._all_times(counts, starts), self._all_values(counts, starts))

    def of(self, number: int) -> Points:
        """Return the points of the metric *number*, in time order; empty when it has none here."""
        place = self._place(number)
        if place < 0:
            return []
        uniform = len(self._counts) == 1
        count = int(self._counts[0 if uniform else place])
        pattern = int(np.searchsorted(self._patterns, place, side="right")) - 1
        before = pattern * count if uniform else self._counts[self._patterns[:pattern]].sum(dtype=np.int64)
        times = self._times[int(before) : int(before) + count].tolist()
        return list(zip(times, self._values_of(place, count), strict=True))

    def _place(self, number: int) -> int:
        distance = number - self._first
        if distance < 0:
            return -1
        if self._distances is None:
            return distance if distance < self.metrics else -1
        place = int(np.searchsorted(self._distances, distance))
        return place if place < self.metrics and self._distances[place] == distance else -1

    def _values_of(self, place: int, count: int) -> list[float]:
        base = float(self._bases[place])
        decimals, form = divmod(int(self._forms[place]), _FORMS)
        if form == _CONSTANT or count == 1:
            return [base] * count
        before = (self._forms[:place] % _FORMS) == form
        if len(self._counts) == 1:
            start = int(np.count_nonzero(before)) * (count - 1)
        else:
            start = int((self._counts[:place][before].astype(np.int64) - 1).sum())
        kept = self._kept[form][start : start + count - 1]
        if form == _RAW:
            return [base, *kept.tolist()]
        scale = float(_SCALES[decimals])
        whole = round(base * scale)
        values = [base]
        for step in kept.tolist():
            whole += step
            values.append(whole / scale)
        return values

    def _all_counts(self) -> Places:
        counts = self._counts.astype(np.int64)
        return np.repeat(counts, self.metrics) if len(counts) == 1 else counts

    def _all_times(self, counts: Places, starts: Places) -> Seconds:
        pattern = np.zeros(self.metrics, np.int64)
        pattern[self._patterns[1:]] = 1
        of_pattern = counts[self._patterns]
        begins = np.cumsum(of_pattern) - of_pattern
        rows = np.arange(self.points) + np.repeat(begins[np.cumsum(pattern)] - starts, counts)
        times: Seconds = self._times[rows]
        return times

    def _all_values(self, counts: Places, starts: Places) -> Values:
        forms = np.repeat(self._forms, counts)
        rest = np.ones(self.points, np.bool_)
        rest[starts] = False
        decimals = self._forms // _FORMS
        steps = np.zeros(self.points, np.int64)
        kinds = forms % _FORMS
        for form, _ in _WIDTHS:
            if form in self._kept:
                steps[rest & (kinds == form)] = self._kept[form]
        plain = np.isin(self._forms % _FORMS, (_CONSTANT, _RAW))
        whole = np.rint(np.where(plain, 0.0, self._bases) * _SCALES[decimals]).astype(np.int64)
        sums = np.cumsum(steps)
        sums += np.repeat(whole - sums[starts], counts)
        values = sums / _SCALES[forms // _FORMS]
        values[np.repeat(plain, counts)] = np.repeat(self._bases[plain], counts[plain])
        if _RAW in self._kept:
            values[rest & (kinds == _RAW)] = self._kept[_RAW]
        return values


def merged(blocks: Sequence[Packed]) -> Columns:
    """Return the points of *blocks*, the oldest first; of several for one second the newest stays."""
    columns = [block.unpack() for block in blocks]
    if len(columns) == 1:
        return columns[0]
    ids = np.concatenate([np.repeat(one.metrics, np.diff(one.ends, prepend=0)) for one in columns])
    times = np.concatenate([one.times for one in columns])
    return sorted_columns(ids, times, np.concatenate([one.values for one in columns]))


def _narrow(numbers: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return *numbers*, none of them negative, in as few bytes as will do."""
    return numbers.astype(np.min_scalar_type(int(numbers.max(initial=0))))


def _patterns(times: Seconds, counts: Places, starts: Places) -> tuple[npt.NDArray[Any], Seconds]:
    """Return the places of the metrics whose times differ from those of the one before, and these times."""
    as_many = np.append(False, counts[1:] == counts[:-1])
    before = np.arange(len(times)) - np.repeat(counts, counts)
    same = np.logical_and.reduceat(times == times[before], starts) & as_many  # where as many are, before is before
    first = ~same
    return _narrow(np.flatnonzero(first)), times[np.repeat(first, counts)]


def _pack_values(values: Values, counts: Places, starts: Places) -> tuple[npt.NDArray[np.uint8], dict[int, Any]]:
    """Return each metric's form, and what is kept of all values but the first ones, by form."""
    rest = np.ones(len(values), np.bool_)
    rest[starts] = False
    bits = values.view(np.int64)
    constant = np.logical_and.reduceat(np.append(True, bits[1:] == bits[:-1]) | ~rest, starts)
    forms = np.where(constant, _CONSTANT, _RAW).astype(np.uint8)
    whole = np.zeros(len(values), np.int64)
    left = ~constant
    for decimals in range(MOST_DECIMALS + 1):
        if not left.any():
            break
        rows = np.repeat(left, counts)
        numbers, exact = _as_whole(values[rows], _SCALES[decimals])
        of_left = counts[left]
        fits = np.logical_and.reduceat(exact, np.cumsum(of_left) - of_left)
        whole[rows] = numbers
        forms[np.flatnonzero(left)[fits]] = _FORMS * decimals
        left[left] = ~fits
    steps = np.diff(whole, prepend=0)
    steps[starts] = 0
    largest = np.maximum.reduceat(np.abs(steps), starts)
    kept: dict[int, Any] = {}
    widths = np.select([largest <= np.iinfo(kind).max for _, kind in _WIDTHS], [form for form, _ in _WIDTHS], _RAW)
    changing = ~constant & ~left
    forms[changing] += widths[changing].astype(np.uint8)
    kinds = np.repeat(forms % _FORMS, counts)
    for form, kind in _WIDTHS:
        chosen = rest & (kinds == form)
        if chosen.any():
            kept[form] = steps[chosen].astype(kind)
    chosen = rest & (kinds == _RAW)
    if chosen.any():
        kept[_RAW] = values[chosen]
    return forms, kept


def _as_whole(values: Values, scale: float) -> tuple[_Whole, _Mask]:
    """Return *values* times *scale* as whole numbers, and which of them say all."""
    with np.errstate(over="ignore"):
        scaled = np.rint(values * scale)
    small = np.abs(scaled) < _MOST_WHOLE
    whole = np.where(small, scaled, 0.0).astype(np.int64)
    exact: _Mask = small & ((whole / scale).view(np.int64) == values.view(np.int64))
    return whole, exact
