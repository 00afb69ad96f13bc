"""Segments of the log as earlier versions wrote them: they are read back, and none is written any more.

::

    segment  = MAGIC record*
    record   = length:u32  crc32(payload):u32  payload           little-endian; length is the payload's
    payload  = points:u32  new:u32  ids:u32*points  times:u32*points  values:f64*points  new_ids:u32*new  names

A record is one block of received points. Metrics go by numbers that hold for one segment: ``names``, UTF-8 and joined
by newlines, are those of the ``new_ids``, which no earlier record of the segment has used. Names hold no
newline (:mod:`saltern_graphite.rules.metric_name` sees to that). The last byte of MAGIC is the layout's version. Behind
damage nothing can be found.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from saltern_graphite.store.wal.segment import Points, with_room

MAGIC = b"SALTLOG2"
MAX_PAYLOAD_BYTES = 256 * 1024 * 1024  # far above any block we write: a larger length is damage

MAX_METRICS = 1 << 27
"""Far above what the memory of any host holds the names of: a larger number is damage."""

_FRAME = struct.Struct("<II")
_COUNTS = struct.Struct("<II")
_SHORTEST = _COUNTS.size

Numbers = npt.NDArray[np.uint32]


class Record(NamedTuple):
    """Points in three columns of one length, and the names of the numbers that the segment had not used before."""

    ids: Numbers
    times: npt.NDArray[np.uint32]
    values: npt.NDArray[np.float64]
    new_ids: Numbers
    names: Sequence[str]


def decode(data: bytes | memoryview) -> Iterator[tuple[int, Record]]:
    """Yield ``(end, record)`` for each whole record of a segment's bytes, ``end`` being the offset behind it.

    It ends at the first record that is cut short, doesn't match its checksum or makes no sense: whatever follows can't
    be trusted.
    """
    view = memoryview(data)
    if view[: len(MAGIC)] != MAGIC:
        return
    place = len(MAGIC)
    while (payload := _payload(view, place)) is not None and (record := _record(payload)) is not None:
        place += _FRAME.size + len(payload)
        yield place, record


def _payload(view: memoryview, place: int) -> memoryview | None:
    """The payload of the whole record at *place*; ``None`` if there is none."""
    if place + _FRAME.size > len(view):
        return None
    length, checksum = _FRAME.unpack_from(view, place)
    start = place + _FRAME.size
    payload = view[start : start + length]
    if not _SHORTEST <= length <= MAX_PAYLOAD_BYTES or len(payload) < length or zlib.crc32(payload) != checksum:
        return None
    return payload


def _record(payload: memoryview) -> Record | None:
    """What *payload* holds; ``None`` if it makes no sense."""
    points, new = _COUNTS.unpack_from(payload)
    place = _COUNTS.size
    if place + 16 * points + 4 * new > len(payload):
        return None
    ids = np.frombuffer(payload, "<u4", points, place)
    times = np.frombuffer(payload, "<u4", points, place + 4 * points)
    values = np.frombuffer(payload, "<f8", points, place + 8 * points)
    new_ids = np.frombuffer(payload, "<u4", new, place + 16 * points)
    try:
        text = str(payload[place + 16 * points + 4 * new :], "utf-8")
    except UnicodeDecodeError:
        return None
    names = text.split("\n") if text else []
    return Record(ids, times, values, new_ids, names) if len(names) == new and all(names) else None


def read_points(data: bytes) -> Iterator[tuple[int, Points]]:
    """Yield the points of each record of a segment's bytes, up to the first that can't be read, and where it ends."""
    names: list[str] = []
    place_of = np.zeros(0, np.int64)
    for number, (end, record) in enumerate(decode(data)):
        if len(record.new_ids):
            highest = int(record.new_ids.max())
            if highest >= MAX_METRICS:
                return
            place_of = with_room(place_of, highest + 1)
            place_of[record.new_ids] = np.arange(len(names), len(names) + len(record.new_ids))
            names += record.names
        if int(record.ids.max(initial=0)) >= len(place_of) and len(record.ids):
            return
        places = place_of[record.ids]
        if (places < 0).any():  # of a metric that was never named
            return
        yield end, Points(number, names, places, record.times, record.values)
