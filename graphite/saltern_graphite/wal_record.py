"""The log's bytes.

::

    segment  = MAGIC record*
    record   = length:u32  crc32(payload):u32  payload        little-endian; length is the payload's
    payload  = count:u32  times:i64*count  values:f64*count  names, UTF-8, joined by newlines

A record is one block of received points. Names hold no newline (:mod:`saltern_graphite.metric_name` sees to that).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence

MAGIC = b"SALTLOG1"
MAX_PAYLOAD_BYTES = 256 * 1024 * 1024  # far above any block we write: a larger length is damage

_FRAME = struct.Struct("<II")
_COUNT = struct.Struct("<I")

Columns = tuple[list[str], list[int], list[float]]
"""Points as three columns of one length: names, times, values."""


def encode(names: Sequence[str], times: Sequence[int], values: Sequence[float]) -> bytes:
    """Return the record of these points, three columns of one length."""
    count = len(names)
    numbers = struct.pack(f"<I{count}q{count}d", count, *times, *values)
    payload = numbers + "\n".join(names).encode()
    return _FRAME.pack(len(payload), zlib.crc32(payload)) + payload


def decode(data: bytes | memoryview) -> Iterator[tuple[int, Columns]]:
    """Yield ``(end, points)`` for each whole record of a segment's bytes, ``end`` being the offset behind it.

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
        yield place, _columns(payload)


def _columns(payload: memoryview) -> Columns:
    (count,) = _COUNT.unpack_from(payload)
    numbers = struct.unpack_from(f"<{count}q{count}d", payload, _COUNT.size)
    text = str(payload[_COUNT.size + 16 * count :], "utf-8")
    return text.split("\n") if count else [], list(numbers[:count]), list(numbers[count:])
