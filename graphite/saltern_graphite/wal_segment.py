"""A segment of the log, read back as points."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from saltern_graphite.generation import Seconds, Values
from saltern_graphite.wal_record import MAGIC, decode

MAX_METRICS = 1 << 27
"""Far above what the memory of any host holds the names of: a larger number is damage."""


class Points(NamedTuple):
    """A record's points; *end* is the offset behind it. *places* are in *names*, a list that grows by the record."""

    end: int
    names: list[str]
    places: npt.NDArray[np.int64]
    times: Seconds
    values: Values


def read_points(data: bytes) -> Iterator[Points]:
    """Yield the points of each record of a segment's bytes, up to the first that can't be read."""
    names: list[str] = []
    place_of = np.zeros(0, np.int64)
    for end, record in decode(data):
        if len(record.new_ids):
            highest = int(record.new_ids.max())
            if highest >= MAX_METRICS:
                return
            place_of = _with_room(place_of, highest + 1)
            place_of[record.new_ids] = np.arange(len(names), len(names) + len(record.new_ids))
            names += record.names
        if int(record.ids.max(initial=0)) >= len(place_of) and len(record.ids):
            return
        places = place_of[record.ids]
        if (places < 0).any():  # of a metric that was never named
            return
        yield Points(end, names, places, record.times, record.values)


def why_not_read(data: bytes) -> tuple[str, str]:
    """Why nothing of a segment's bytes can be read, by its head, and what helps; empty if its head is well."""
    head = data[: len(MAGIC)]
    if head == MAGIC or MAGIC.startswith(data):  # the second: a crash came before the whole head was written
        return "", ""
    if head[:-1] == MAGIC[:-1]:
        why = f"it was written by another version of saltern-graphite ({_shown(head)}, this one reads {_shown(MAGIC)})"
        return why, ": to have its points, stop this server, rename it back and start that version once"
    return f"its head is damaged ({_shown(head)}, not {_shown(MAGIC)})", ""


def _with_room(place_of: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.int64]:
    if size <= len(place_of):
        return place_of
    more = np.full(max(size, 2 * len(place_of)), -1, np.int64)
    more[: len(place_of)] = place_of
    return more


def _shown(head: bytes) -> str:
    return repr(head)[1:]
