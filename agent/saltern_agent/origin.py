"""Of which schedule a return is, for which slot and minion: what a loss of it is counted for."""

from __future__ import annotations

import struct

from saltern.named import NamedTuple

MAX_NAME_BYTES = 2048  # of UTF-8; the master takes no longer ones
_HEAD = struct.Struct("<ddH")


class Origin(NamedTuple):
    """A schedule's name, its interval in seconds, the slot (epoch s), and a device, or ``""`` for the host itself."""

    schedule: str
    seconds: float
    slot: float
    minion: str = ""

    @property
    def name(self) -> str:
        """The schedule's name among those of all minions of the host."""
        return name_of(self.schedule, self.minion)

    @property
    def step(self) -> int:
        """The slot as a multiple of the interval."""
        return round(self.slot / self.seconds)

    def packed(self) -> bytes:
        """Return it as bytes: interval f64, slot f64, length of the name u16, name in UTF-8; little-endian.

        The name of a device's schedule is followed by a zero and the device. One that is too long gives none, ``b""``.
        """
        name = self.name.encode("utf-8", "surrogatepass")
        fits = len(name) <= MAX_NAME_BYTES + len(self.minion) + bool(self.minion)
        return _HEAD.pack(self.seconds, self.slot, len(name)) + name if fits else b""


def name_of(schedule: str, minion: str) -> str:
    """Return the name of a minion's *schedule* among those of all minions of the host; *minion* ``""``: its own."""
    return f"{schedule}\0{minion}" if minion else schedule


def named(name: str, seconds: float, slot: float) -> Origin:
    """Return the origin whose schedule goes by *name* among those of all minions."""
    schedule, _, minion = name.partition("\0")
    return Origin(schedule, seconds, slot, minion)


def unpacked(data: bytes, at: int) -> tuple[Origin, int]:
    """Return the origin that is packed at offset *at* of *data*, and where it ends.

    Raises ``struct.error``, ``ValueError``.
    """
    seconds, slot, length = _HEAD.unpack_from(data, at)
    at += _HEAD.size
    name = data[at : at + length].decode("utf-8", "surrogatepass")
    if not seconds > 0 or not abs(slot) < 2**63:
        raise ValueError(f"{seconds} seconds, slot {slot}")
    return named(name, seconds, slot), at + length
