"""Counters of devices, which begin again at 0: when 32 or 64 bits are full, and when the device does.

What is told is what collectors of hosts tell: the counter, and its rate. A counter that was full goes on (what it had
is added), so that neither falls nor jumps. After a restart, or when the device says that a counter was set back, it is
told as it is, and has no rate that once: a made-up number would be stored as if it were true.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TypeVar

from saltern.named import NamedTuple

Key = TypeVar("Key", bound=Hashable)

TICKS_PER_S = 100
FULL_TICKS = 2**32
SLACK_TICKS = 60 * TICKS_PER_S
"""How far a device's clock may be from ours when it is asked whether its uptime was full."""


class Reading(NamedTuple):
    """A counter as it was read. *epoch*: another one tells that it was set back. *most_per_s*: no rate is higher."""

    value: int
    bits: int
    epoch: object = None
    most_per_s: float | None = None


class Counted(NamedTuple):
    """A counter that goes on over 32 bits, and its rate; ``None`` when that can't be told."""

    total: int | float
    per_s: float | None


class _Kept(NamedTuple):
    """What is kept of a counter, of which a switch has a thousand."""

    value: int
    bits: int
    epoch: object
    added: int


class Uptime:
    """A device's uptime in hundredths of a second, of 32 bits: full after 497 days."""

    def __init__(self) -> None:
        self._ticks: int | None = None
        self._at = 0.0
        self._added = 0

    def update(self, now: float, ticks: int) -> tuple[float, bool]:
        """Return the uptime in seconds, and whether the device has restarted since; *now* is monotonic seconds."""
        before, elapsed = self._ticks, (now - self._at) * TICKS_PER_S
        restarted = False
        if before is not None and ticks < before:
            full = before + elapsed >= FULL_TICKS - SLACK_TICKS and ticks <= elapsed + SLACK_TICKS
            restarted = not full
            self._added = self._added + FULL_TICKS if full else 0
        self._ticks, self._at = ticks, now
        return (ticks + self._added) / TICKS_PER_S, restarted


class Counters:
    """Remembers the counters of one table of a device."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, _Kept] = {}
        self._at = 0.0

    def update(self, now: float, readings: Mapping[Key, Reading], *, restarted: bool = False) -> dict[Key, Counted]:
        """Return each counter by its key; *now* is monotonic seconds. What isn't read is forgotten."""
        elapsed = now - self._at
        counted: dict[Key, Counted] = {}
        kept: dict[Hashable, _Kept] = {}
        for key, reading in readings.items():
            before = None if restarted else self._kept.get(key)
            if before is not None and (before.bits, before.epoch) != (reading.bits, reading.epoch):
                before = None
            spent, added = _spent(before, reading, elapsed)
            kept[key] = _Kept(reading.value, reading.bits, reading.epoch, added)
            total: int | float = reading.value + added
            rate = round(spent / elapsed, 3) if spent is not None and elapsed > 0 else None
            counted[key] = Counted(total if total < 2**63 else float(total), rate)
        self._kept, self._at = kept, now
        return counted


def _spent(before: _Kept | None, reading: Reading, elapsed: float) -> tuple[int | None, int]:
    """Return what was counted since, ``None`` when that can't be told, and what is to be added from now on."""
    if before is None:
        return None, 0
    full = 1 << reading.bits
    spent = reading.value - before.value
    most = reading.most_per_s
    if most is not None and most * elapsed >= full:  # it may have been full more than once
        return None, before.added + (full if spent < 0 else 0)
    if spent >= 0:
        return spent, before.added
    spent += full
    # Full, or set back without a word? What it would have counted tells.
    likely = spent < full // 2 if most is None else spent <= most * elapsed * 1.5
    if likely:
        return spent, before.added + full
    return None, 0
