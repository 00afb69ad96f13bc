"""Of which schedule a return is, and for which slot: what a loss of it is counted for."""

from __future__ import annotations

import struct

from saltern.named import NamedTuple

MAX_NAME_BYTES = 2048  # of UTF-8; the master takes no longer ones
_HEAD = struct.Struct("<ddH")


class Origin(NamedTuple):
    """A schedule's name, its interval in seconds, and the slot (epoch s)."""

    schedule: str
    seconds: float
    slot: float

    @property
    def step(self) -> int:
        """The slot as a multiple of the interval."""
        return round(self.slot / self.seconds)

    def packed(self) -> bytes:
        """Return it as bytes: interval f64, slot f64, length of the name u16, name in UTF-8; little-endian.

        A name that is too long gives none, ``b""``.
        """
        name = self.schedule.encode("utf-8", "surrogatepass")
        return _HEAD.pack(self.seconds, self.slot, len(name)) + name if len(name) <= MAX_NAME_BYTES else b""


def unpacked(data: bytes, at: int) -> tuple[Origin, int]:
    """Return the origin that is packed at offset *at* of *data*, and where it ends.

    Raises ``struct.error``, ``ValueError``.
    """
    seconds, slot, length = _HEAD.unpack_from(data, at)
    at += _HEAD.size
    name = data[at : at + length].decode("utf-8", "surrogatepass")
    if not seconds > 0 or not abs(slot) < 2**63:
        raise ValueError(f"{seconds} seconds, slot {slot}")
    return Origin(name, seconds, slot), at + length
