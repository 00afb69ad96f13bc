"""The log's bytes.

::

    segment  = MAGIC record*
    record   = length:u32  crc32(payload):u32  payload           little-endian; length is the payload's
    payload  = points:u32  new:u32  ids:u32*points  times:u32*points  values:f64*points  new_ids:u32*new  names

A record is one block of received points. Metrics go by numbers that hold for one segment: ``names``, UTF-8 and joined
by newlines, are those of the ``new_ids``, which no earlier record of the segment has used. Names hold no
newline (:mod:`saltern_graphite.metric_name` sees to that).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

MAGIC = b"SALTLOG2"
MAX_PAYLOAD_BYTES = 256 * 1024 * 1024  # far above any block we write: a larger length is damage

_FRAME = struct.Struct("<II")
_COUNTS = struct.Struct("<II")

Numbers = npt.NDArray[np.uint32]


class Record(NamedTuple):
    """Points in three columns of one length, and the names of the numbers that the segment had not used before."""

    ids: Numbers
    times: npt.NDArray[np.uint32]
    values: npt.NDArray[np.float64]
    new_ids: Numbers
    names: Sequence[str]


def encode(record: Record) -> bytes:
    """Return the bytes of *record*."""
    names = "\n".join(record.names).encode()
    head = _COUNTS.pack(len(record.ids), len(record.new_ids))
    columns = (
        record.ids.astype("<u4", copy=False),
        record.times.astype("<u4", copy=False),
        record.values.astype("<f8", copy=False),
        record.new_ids.astype("<u4", copy=False),
    )
    payload = b"".join((head, *(column.tobytes() for column in columns), names))
    return _FRAME.pack(len(payload), zlib.crc32(payload)) + payload


def decode(data: bytes | memoryview) -> Iterator[tuple[int, Record]]:
    """Yield ``(end, record)`` for each whole record of a segment's bytes, ``end`` being the offset behind it.

    It ends at the first record that is cut short or doesn't match its checksum: whatever follows can't be trusted.
    """
    view = memoryview(data)
    if view[: len(MAGIC)] != MAGIC:
        return
    place = len(MAGIC)
    while place + _FRAME.size <= len(view):
        length, checksum = _FRAME.unpack_from(view, place)
        start = place + _FRAME.size
        payload = view[start : start + length]
        if length > MAX_PAYLOAD_BYTES or len(payload) < length or zlib.crc32(payload) != checksum:
            return
        place = start + length
        yield place, _record(payload)


def _record(payload: memoryview) -> Record:
    points, new = _COUNTS.unpack_from(payload)
    place = _COUNTS.size
    ids = np.frombuffer(payload, "<u4", points, place)
    times = np.frombuffer(payload, "<u4", points, place + 4 * points)
    values = np.frombuffer(payload, "<f8", points, place + 8 * points)
    new_ids = np.frombuffer(payload, "<u4", new, place + 16 * points)
    text = str(payload[place + 16 * points + 4 * new :], "utf-8")
    return Record(ids, times, values, new_ids, text.split("\n") if new else [])
