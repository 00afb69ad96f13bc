"""The bodies of the log's records; :mod:`saltern.segments` draws what is around them.

::

    names   = "N" count:u32 numbers:u32*count names                                                  little-endian
    packed  = "Z" count:u32 deflated(numbers:u32*count names)                                             (RFC 1950)
    points  = "P" count:u32 numbers:u32*count times:u32*count values:f64*count
    kept    = "K" count:u32 numbers:u32*count times:u32*count values:f64*count widths:u32*count

``points`` are one block of received points. Metrics go by numbers that hold for one segment; ``names``, UTF-8 and
joined by newlines, ``packed`` where there are many, are theirs (they hold none:
:mod:`saltern_graphite.rules.metric_name` sees to that). A segment has each name twice, before and behind the first
record that uses it: damage to one of them costs no point of another record. ``kept`` are late points that are in their
files already and that later ones may have to be rolled up with (:mod:`saltern_graphite.store.late_memory`); the coarse
slot of each is as many seconds wide.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from saltern.segments import Kind as SegmentKind

KIND = SegmentKind(magic=b"SALTLOG", suffix=".wal", old_header=struct.Struct("<II"), old_uncounted=0)

_HEAD = struct.Struct("<cI")
_NAMES, _PACKED, _POINTS, _KEPT = b"N", b"Z", b"P", b"K"
POINT_BYTES = 16
KEPT_BYTES = 20
_NUMBER_BYTES = 4
_PACKED_FROM_BYTES = 512
_MOST_NAMES_BYTES = 256 * 1024 * 1024
"""No record unpacks to more."""

Numbers = npt.NDArray[np.uint32]
Values = npt.NDArray[np.float64]
Bodies = list[bytes]


class NamesBody(NamedTuple):
    """Numbers and their names."""

    numbers: Numbers
    names: Sequence[str]


class PointsBody(NamedTuple):
    """Points in columns of one length; only those kept have *widths*."""

    numbers: Numbers
    times: Numbers
    values: Values
    widths: Numbers | None = None


def encode_names(numbers: Numbers, names: Sequence[str]) -> bytes:
    """Return the body that names *numbers*."""
    told = numbers.astype("<u4", copy=False).tobytes() + "\n".join(names).encode()
    if len(told) < _PACKED_FROM_BYTES:
        return _HEAD.pack(_NAMES, len(numbers)) + told
    return _HEAD.pack(_PACKED, len(numbers)) + zlib.compress(told, level=1)


def encode_points(points: PointsBody) -> bytes:
    """Return the body of *points*."""
    columns = [
        points.numbers.astype("<u4", copy=False).tobytes(),
        points.times.astype("<u4", copy=False).tobytes(),
        points.values.astype("<f8", copy=False).tobytes(),
    ]
    if points.widths is not None:
        columns.append(points.widths.astype("<u4", copy=False).tobytes())
    kind = _POINTS if points.widths is None else _KEPT
    return b"".join((_HEAD.pack(kind, len(points.numbers)), *columns))


def decode(body: bytes) -> NamesBody | PointsBody | None:
    """Return what *body* says; ``None`` when it makes no sense, as of a record that a newer version invented."""
    if len(body) < _HEAD.size:
        return None
    kind, count = _HEAD.unpack_from(body)
    if kind == _PACKED:
        told = _unpacked(body[_HEAD.size :])
        return None if told is None or len(told) < _NUMBER_BYTES * count else _names(count, told)
    each = {_NAMES: _NUMBER_BYTES, _POINTS: POINT_BYTES, _KEPT: KEPT_BYTES}.get(kind)
    length = len(body) - _HEAD.size
    if each is None or length < count * each or (kind != _NAMES and length != count * each):
        return None
    if kind == _NAMES:
        return _names(count, body[_HEAD.size :])
    numbers = np.frombuffer(body, "<u4", count, _HEAD.size)
    place = _HEAD.size + _NUMBER_BYTES * count
    times = np.frombuffer(body, "<u4", count, place)
    values = np.frombuffer(body, "<f8", count, place + 4 * count)
    widths = np.frombuffer(body, "<u4", count, place + 12 * count) if kind == _KEPT else None
    return PointsBody(numbers, times, values, widths)


def points_in(size: int, records: int) -> int:
    """Return how many points so many *records* of *size* bytes together held, were they all of points."""
    return max(0, size - records * _HEAD.size) // POINT_BYTES


def _unpacked(data: bytes) -> bytes | None:
    unpacking = zlib.decompressobj()
    try:
        told = unpacking.decompress(data, _MOST_NAMES_BYTES)
    except zlib.error:
        return None
    return told if unpacking.eof else None


def _names(count: int, told: bytes) -> NamesBody | None:
    text = told[_NUMBER_BYTES * count :]
    try:
        names = str(text, "utf-8").split("\n") if text else []
    except UnicodeDecodeError:
        return None
    return NamesBody(np.frombuffer(told, "<u4", count), names) if len(names) == count and all(names) else None
