"""A segment of the log, read back as points."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from saltern.segments import RECORD, Hole, Segment
from saltern_graphite.store.packed import Seconds, Values
from saltern_graphite.store.wal.record import NamesBody, PointsBody, decode, points_in


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
    found: list[tuple[int, PointsBody]] = []
    named: list[NamesBody] = []
    following = 0
    for item in segment.recover():
        if isinstance(item, Hole):
            if item.new:
                lost(following, points_in(item.end - item.start - item.records * RECORD.size, item.records))
            continue
        following = item.number + 1
        body = decode(item.body)
        if isinstance(body, NamesBody):
            named.append(body)
        elif body is not None:
            found.append((item.number, body))
        else:
            lost(item.number, points_in(len(item.body), 1))
    names, place_of = _table(named)
    for number, points in found:
        highest = int(points.numbers.max(initial=0))
        place_of = with_room(place_of, highest + 1)
        places = place_of[points.numbers]
        known = places >= 0
        if not known.all():  # damage took both copies of their names
            if points.widths is None:
                lost(number, int(np.count_nonzero(~known)))
            places = places[known]
            widths = None if points.widths is None else points.widths[known]
            points = PointsBody(points.numbers[known], points.times[known], points.values[known], widths)
        yield Points(number, names, places, points.times, points.values, points.widths)


def with_room(place_of: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.int64]:
    """Return *place_of* with at least *size* places, -1 in new ones."""
    if size <= len(place_of):
        return place_of
    more = np.full(max(size, 2 * len(place_of)), -1, np.int64)
    more[: len(place_of)] = place_of
    return more


def _table(named: list[NamesBody]) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Return all names, and for each number the place of its own."""
    names: list[str] = []
    place_of = np.full(0, -1, np.int64)
    for body in named:
        if len(body.numbers):
            place_of = with_room(place_of, int(body.numbers.max()) + 1)
            place_of[body.numbers] = np.arange(len(names), len(names) + len(body.numbers))
            names += body.names
    return names, place_of
