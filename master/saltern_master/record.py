"""The journal's records: what minions returned, and points that the master made itself.

::

    record = flags : 1 byte | msgpack [minion id, received (epoch s), body]

The flags say who wants a record, so that a consumer passes over the others without unpacking them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from saltern.errors import WireError
from saltern.wire import pack_value, unpack_value

FOR_JOBS = 1
"""A return that the job store keeps."""
METRICS = 2
"""A return whose numbers are metrics."""
POINTS = 4
"""Points of the master's: the body is ``{slot: epoch s, values: {metric name: value}}``."""


class Record(NamedTuple):
    """One record, unpacked."""

    flags: int
    minion_id: str
    received: float
    body: dict[str, Any]


def write_record(flags: int, minion_id: str, received: float, body: dict[str, Any]) -> bytes:
    """Return the bytes of a record."""
    return bytes((flags,)) + pack_value((minion_id, received, body))


def read_record(payload: bytes, wanted: int) -> Record | None:
    """Return a record that has any of the flags *wanted*; ``None`` for others, and for those of another version."""
    if not payload or not payload[0] & wanted:
        return None
    try:
        minion_id, received, body = unpack_value(memoryview(payload)[1:])
        if isinstance(minion_id, str) and isinstance(body, dict):
            return Record(payload[0], minion_id, float(received), body)
    except (WireError, ValueError, TypeError):
        pass
    return None
