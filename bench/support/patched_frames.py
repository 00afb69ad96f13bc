"""Frames that are packed once and patched: whoever plays thousands of hosts has no time to pack the numbers of each.

Values are found in a frame by packing stand-ins of a fixed width, which are put in their places.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from saltern.wire import pack
from saltern_graphite.receivers.formats.batch import encode
from support import lifelike
from support.lifelike import COUNTERS, DECIMALS, GAUGES, NOISE, SIZES, Numbers, Values

SCHEDULE = "stats"
_SEQ, _SLOT = 0xFEED0001, 0xFEED0002
_WHOLE, _SHORT, _FRACTION = 0xFEEDFACE00000000, 0xFACE0000, 1e200
_HOST = 99_999
_JID = "20260101000000000000"

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.intp]


class Returns:
    """A scheduled return of *numbers*, as an agent sends it to its master."""

    def __init__(self, numbers: Numbers, count: int) -> None:
        self._wide = np.sort(np.concatenate([numbers.places[COUNTERS], numbers.places[SIZES]]))
        self._short = numbers.places[GAUGES]
        self._fractions = np.sort(np.concatenate([numbers.places[DECIMALS], numbers.places[NOISE]]))
        stand_ins: list[int | float] = [0] * count
        for at in range(count):
            stand_ins[at] = _FRACTION * (at + 1)
        for at in self._wide.tolist():
            stand_ins[at] = _WHOLE + at
        for at in self._short.tolist():
            stand_ins[at] = _SHORT + at
        groups: dict[str, dict[str, int | float]] = {}
        for (group, name), stand_in in zip(lifelike.leaves(count), stand_ins, strict=True):
            groups.setdefault(group, {})[name] = stand_in
        body = {
            "jid": _JID,
            "fun": "stats.collect",
            "fun_args": [],
            "return": groups,
            "retcode": 0,
            "success": True,
            "duration_ms": 2.5,
            "schedule": SCHEDULE,
            "slot": _SLOT,
            "metrics": True,
            "return_job": False,
        }
        self._frame = np.frombuffer(pack("ret", _SEQ, body), np.uint8).copy()
        self._seq_at, self._slot_at = (_at(self._frame, [struct.pack(">I", one)]) for one in (_SEQ, _SLOT))
        self._jid_at = _at(self._frame, [_JID.encode()])
        self._wide_at = _at(self._frame, [struct.pack(">Q", _WHOLE + at) for at in self._wide.tolist()])
        self._short_at = _at(self._frame, [struct.pack(">I", _SHORT + at) for at in self._short.tolist()])
        self._fractions_at = _at(
            self._frame, [struct.pack(">d", _FRACTION * (at + 1)) for at in self._fractions.tolist()]
        )

    def frame(self, seq: int, slot: int, values: Values) -> bytes:
        """Return the frame with a host's *values* at *slot*."""
        frame = self._frame.copy()
        frame[self._seq_at] = _bytes(struct.pack(">I", seq))
        frame[self._slot_at] = _bytes(struct.pack(">I", slot))
        frame[self._jid_at] = _bytes(f"{datetime.now(UTC):%Y%m%d%H%M%S%f}".encode())
        frame[self._wide_at] = values[self._wide].astype(">u8").view(np.uint8)
        frame[self._short_at] = values[self._short].astype(">u4").view(np.uint8)
        frame[self._fractions_at] = values[self._fractions].astype(">f8").view(np.uint8)
        return frame.tobytes()


class Batches:
    """A frame of the batch protocol with one host's numbers at one slot."""

    def __init__(self, count: int) -> None:
        stand_ins = [_FRACTION * (at + 1) for at in range(count)]
        names = [lifelike.metric(_HOST, number) for number in range(count)]
        message = {"type": "points", "seq": _SEQ, "names": names, "times": [_SLOT] * count, "values": stand_ins}
        self._frame = np.frombuffer(encode(message), np.uint8).copy()
        self._count = count
        self._seq_at = _at(self._frame, [struct.pack(">I", _SEQ)])
        self._host_at = _at(self._frame, [lifelike.minion_id(_HOST).encode()] * count)
        self._times_at = _at(self._frame, [struct.pack(">I", _SLOT)] * count)
        self._values_at = _at(self._frame, [struct.pack(">d", one) for one in stand_ins])

    def frame(self, seq: int, host: int, slot: int, values: Values) -> bytes:
        """Return the frame with the *values* of *host* at *slot*."""
        frame = self._frame.copy()
        frame[self._seq_at] = _bytes(struct.pack(">I", seq))
        frame[self._host_at] = _bytes(lifelike.minion_id(host).encode() * self._count)
        frame[self._times_at] = _bytes(struct.pack(">I", slot) * self._count)
        frame[self._values_at] = values.astype(">f8").view(np.uint8)
        return frame.tobytes()


def _bytes(data: bytes) -> Bytes:
    return np.frombuffer(data, np.uint8)


def _at(frame: Bytes, stand_ins: Iterable[bytes]) -> Places:
    """Return where the bytes of *stand_ins* are, which come in this order."""
    data, places, after = frame.tobytes(), [], 0
    for stand_in in stand_ins:
        at = data.index(stand_in, after)
        after = at + len(stand_in)
        places.append(np.arange(at, after, dtype=np.intp))
    return np.concatenate(places) if places else np.zeros(0, np.intp)
