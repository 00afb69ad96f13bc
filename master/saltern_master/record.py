"""The journal's records: what minions returned, and what the master says itself.

::

    record = flags : 1 byte | msgpack [minion id, received (epoch s), body]
    body   = the agent's own bytes, where the master changes nothing in them; else packed by the master
    note   = msgpack [flags, …]: what a record is about, without the record itself

The flags say who wants a record, so that a consumer passes over the others without unpacking them. Notes go to the
journal's index (``journal/index.py``): from them the account is kept, and known what a lost record held::

    [flags]                                                 a job's return, a job, points
    [flags, minion id, received, schedule, slot, failed]    a scheduled run
    [flags, minion id, received, schedules]                 what an agent ran or kept none of: ``ABSENCES``
    [flags, cause, when, {minion id: {schedule: [slot]}}]   what was lost behind the journal: ``LOST``

Slots are epoch seconds.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from saltern.errors import WireError
from saltern.wire import pack_text, pack_value, unpack_value

FOR_JOBS = 1
"""A return that the job store keeps."""
METRICS = 2
"""A return whose numbers are metrics."""
POINTS = 4
"""Points of the master's: the body is ``{slot: epoch s, values: {metric name: value}}``."""
JOB = 8
"""A job that the master sent: the body is its load."""
RUN = 16
"""A scheduled run: the body has ``schedule``, ``slot`` and, where it made no sample, ``failed``."""
ABSENCES = 32
"""Slots without a return, as their agent tells: the body is that of an ``account`` message."""
LOST = 64
"""Slots whose returns were lost behind the journal: the body is ``{cause, lost: {minion id: {schedule: [slot]}}}``."""

Lost = dict[str, dict[str, list[float]]]
"""Minion id to schedule to slots."""

_ABOUT_SLOTS = RUN | ABSENCES | LOST
_HEADS = [bytes((flags, 0x93)) for flags in range(256)]
_TIME = struct.Struct(">Bd")
"""What stands before a record's packed body, in msgpack: an array of three, and a number of eight bytes in it."""


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
    return b"".join((_HEADS[flags], pack_text(minion_id), _TIME.pack(0xCB, received), packed_body))


def lost_record(cause: str, lost: Lost) -> tuple[bytes, bytes]:
    """Return the record, and its note, that says of slots that their returns were lost for *cause*."""
    body, now = {"cause": cause, "lost": lost}, time.time()
    return write_record(LOST, "", now, body), write_note(LOST, "", now, body)


def write_note(flags: int, minion_id: str, received: float, body: Mapping[str, Any]) -> bytes:
    """Return the note of a record."""
    return pack_value(_note(flags, minion_id, received, body))


def note_of(payload: bytes) -> Sequence[Any]:
    """Return the note of a record as it is; of one that can't be read its flags alone."""
    flags = payload[0] if payload else 0
    if flags & _ABOUT_SLOTS:
        try:
            record = read_record(payload, flags)
        except WireError:
            record = None
        if record is not None:
            return _note(*record)
    return (flags & ~_ABOUT_SLOTS,)


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


def _note(flags: int, minion_id: str, received: float, body: Mapping[str, Any]) -> tuple[Any, ...]:
    if flags & RUN:
        return flags, minion_id, received, body.get("schedule"), body.get("slot"), "failed" in body
    if flags & ABSENCES:
        return flags, minion_id, received, body.get("schedules")
    if flags & LOST:
        return flags, body.get("cause"), received, body.get("lost")
    return (flags,)
