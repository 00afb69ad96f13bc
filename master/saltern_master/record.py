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
JOB = 8
"""A job that the master sent: the body is its load."""
POINTS = 4
"""Points of the master's: the body is ``{slot: epoch s, values: {metric name: value}}``."""


class Record(NamedTuple):
    """One record, unpacked."""

    flags: int
    minion_id: str
    received: float
    body: dict[str, Any]


def write_record(
    flags: int, minion_id: str, received: float, body: dict[str, Any], packed_body: bytes | None = None
) -> bytes:
    """Return the bytes of a record; *packed_body*: those of *body*, where they are at hand."""
    if packed_body is None:
        return bytes((flags,)) + pack_value((minion_id, received, body))
    head = pack_value((minion_id, received))  # an array of two: what follows makes it three
    return bytes((flags, head[0] + 1)) + head[1:] + packed_body


def read_record(payload: bytes, wanted: int) -> Record | None:
    """Return a record that has any of the flags *wanted*, ``None`` for others.

    Raises ``WireError`` for one that should be ours and can't be read.
    """
    if not payload or not payload[0] & wanted:
        return None
    parts = unpack_value(memoryview(payload)[1:])
    if not (isinstance(parts, list) and len(parts) == 3):
        raise WireError("not a record: expected an array [minion id, received, body]")
    minion_id, received, body = parts
    if not (isinstance(minion_id, str) and isinstance(received, (int, float)) and isinstance(body, dict)):
        raise WireError("not a record: the id must be text, the time a number, the body a map")
    return Record(payload[0], minion_id, float(received), body)
