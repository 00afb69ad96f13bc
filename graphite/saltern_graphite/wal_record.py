"""The log's bytes.

::

    segment  = MAGIC record*
    record   = length:u32  crc32(payload):u32  payload           little-endian; length is the payload's
    payload  = points:u32  new:u32  ids:u32*points  times:u32*points  values:f64*points  new_ids:u32*new  names

A record is one block of received points. Metrics go by numbers that hold for one segment: ``names``, UTF-8 and joined
by newlines, are those of the ``new_ids``, which no earlier record of the segment has used. Names hold no
newline (:mod:`saltern_graphite.metric_name` sees to that). The last byte of MAGIC is the layout's version.
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
_SHORTEST = _COUNTS.size
_CHUNK_BYTES = 1 << 20

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


def is_torn(tail: bytes | memoryview) -> bool:
    """Whether *tail*, behind a segment's last whole record, is what a crash leaves: the beginning of one record more,
    or zeros; and no whole record is anywhere in it."""
    view = memoryview(tail)
    if not np.frombuffer(view, np.uint8).any():
        return True
    if len(view) >= _FRAME.size:
        length, _ = _FRAME.unpack_from(view)
        if length > MAX_PAYLOAD_BYTES or _FRAME.size + length <= len(view):
            return False  # it is all there, and damaged
    return not any(_payload(view, place) is not None for place in _likely(view))


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


def _likely(view: memoryview) -> Iterator[int]:
    """Yield the places of *view* where a record could begin, by its length and counts."""
    least = _FRAME.size + _SHORTEST
    for begin in range(0, len(view) - least + 1, _CHUNK_BYTES):
        count = min(_CHUNK_BYTES, len(view) - least + 1 - begin)
        length, points, new = (_numbers_at_each(view, begin + offset, count) for offset in (0, 8, 12))
        room = len(view) - _FRAME.size - begin - np.arange(count)
        fits = (length >= _SHORTEST + 16 * points + 4 * new) & (length <= room)
        yield from (begin + np.flatnonzero(fits)).tolist()


def _numbers_at_each(view: memoryview, begin: int, count: int) -> npt.NDArray[np.int64]:
    """The number that each of the *count* bytes from *begin* on is the first byte of."""
    some = np.frombuffer(view, np.uint8, count + 3, begin).astype(np.int64)
    return some[:count] | some[1 : count + 1] << 8 | some[2 : count + 2] << 16 | some[3 : count + 3] << 24


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
