"""A segment of the log, read back as points."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from saltern.segments import RECORD, Hole, Segment
from saltern_graphite.store.packed import Seconds, Values
from saltern_graphite.store.wal.record import NamesBody, Numbers, PointsBody, decode, points_in


class Points(NamedTuple):
    """The points of the record with this number in its segment. *places* are in *names*; only those kept have *widths*.

    One list of names serves all records of a segment; it may grow from record to record.
    """

    record: int
    names: list[str]
    places: npt.NDArray[np.int64]
    times: Seconds
    values: Values
    widths: Seconds | None = None


def read_segment(segment: Segment, lost: Callable[[int, int], None]) -> Iterator[Points]:
    """Yield the points of each whole record, and bring the file in order (``Segment.recover``).

    *lost* is called with the number of a record that could not be read and how many points it held, as far as that can
    be told. Raises ``OSError``.
    """
    named = _Named()
    waiting: deque[tuple[int, PointsBody]] = deque()  # the names of the first are still to come
    following = 0
    for item in segment.recover():
        if isinstance(item, Hole):
            if item.new:
                lost(following, points_in(item.end - item.start - item.records * RECORD.size, item.records))
            continue
        following = item.number + 1
        if named.again(item.body):
            continue
        body = decode(item.body)
        if body is None:
            lost(item.number, points_in(len(item.body), 1))
        elif isinstance(body, PointsBody):
            waiting.append((item.number, body))
        else:
            named.add(body, item.body)
        while waiting and (points := named.points(*waiting[0])) is not None:
            waiting.popleft()
            yield points
    for number, body in waiting:  # damage took both copies of some names
        known = named.known(body.numbers)
        if body.widths is None:
            lost(number, int(np.count_nonzero(~known)))
        widths = None if body.widths is None else body.widths[known]
        part = PointsBody(body.numbers[known], body.times[known], body.values[known], widths)
        found = named.points(number, part)
        assert found is not None
        yield found


class _Named:
    """The names of a segment, as they are met: each has a place in ``names``, and each number the place of its own."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._place_of = np.full(0, -1, np.int64)
        self._last = b""

    def again(self, body: bytes) -> bool:
        """Whether *body* is that of the names added last: where nothing is damaged, all of them are there twice."""
        return body == self._last

    def add(self, named: NamesBody, body: bytes) -> None:
        """Take in what the record *body* says."""
        self._last = body
        if len(named.numbers):
            self._place_of = with_room(self._place_of, int(named.numbers.max()) + 1)
            self._place_of[named.numbers] = np.arange(len(self.names), len(self.names) + len(named.numbers))
            self.names += named.names

    def known(self, numbers: Numbers) -> npt.NDArray[np.bool_]:
        """Return which *numbers* have a name."""
        self._place_of = with_room(self._place_of, int(numbers.max(initial=0)) + 1)
        known: npt.NDArray[np.bool_] = self._place_of[numbers] >= 0
        return known

    def points(self, number: int, body: PointsBody) -> Points | None:
        """Return the points of the record with that *number*; ``None`` when some of their names are not known yet."""
        if not self.known(body.numbers).all():
            return None
        places = self._place_of[body.numbers]
        return Points(number, self.names, places, body.times, body.values, body.widths)


def with_room(place_of: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.int64]:
    """Return *place_of* with at least *size* places, -1 in new ones."""
    if size <= len(place_of):
        return place_of
    more = np.full(max(size, 2 * len(place_of)), -1, np.int64)
    more[: len(place_of)] = place_of
    return more
