"""The archives of a Whisper file, read as they stand: no clock, no cut, none of the code that wrote them.

::

    file     method u32 | longest retention u32 | xFilesFactor f32 | archives u32 | archive … | slots …
    archive  offset u32 | seconds a point u32 | points u32
    slot     epoch seconds u32 | value f64                                              big-endian
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

_HEAD, _ARCHIVE, _SLOT = struct.Struct(">2LfL"), struct.Struct(">3L"), struct.Struct(">Ld")

METHODS: dict[str, Callable[[Sequence[float]], float]] = {
    "average": lambda values: sum(values) / len(values),
    "sum": sum,
    "max": max,
    "min": min,
    "last": lambda values: values[-1],
}


class Ring(NamedTuple):
    """One archive: *step* in seconds, the values by time (epoch s)."""

    step: int
    points: dict[int, float]


def read(path: Path, since: int, until: int) -> list[Ring]:
    """Return the archives of a file, finest first, with what is in them from *since* to *until*; none without a file.

    Raises ``struct.error`` for what is no Whisper file.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    *_, count = _HEAD.unpack_from(data)
    rings = []
    for number in range(count):
        offset, step, points = _ARCHIVE.unpack_from(data, _HEAD.size + number * _ARCHIVE.size)
        slots = _SLOT.iter_unpack(data[offset : offset + points * _SLOT.size])
        rings.append(Ring(step, {at: value for at, value in slots if since <= at <= until}))
    return rings


def rolled_up(points: dict[int, float], step: int, method: str) -> dict[int, float]:
    """Return what an archive of *step* seconds must hold of *points*, the archive before it (xFilesFactor 0)."""
    gathered: dict[int, list[float]] = {}
    for at in sorted(points):
        gathered.setdefault(at - at % step, []).append(points[at])
    return {at: METHODS[method](values) for at, values in gathered.items()}
