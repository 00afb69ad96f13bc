"""When a scheduled job is due.

A slot is a multiple of the interval since the epoch, in wall-clock seconds; the point's time is the slot. A job
fires at ``slot + phase``, where the phase is a stable hash of the minion's id and the job's name: a fleet never
fires at once, and a host neither skips a slot nor runs one twice, restarts and small clock steps included. A clock that
is set further back than that counts at once: a slot that lies ahead is not waited for, and runs again when it comes.
"""

from __future__ import annotations

import math

from saltern.digest import sha256

STEP_BACK_S = 45.0  # a clock that went back further was set, rather than slewed: its new time counts
JID_OFFSETS = 1_000_000


def stable_hash(text: str) -> int:
    """Return 64 bits of hash that are the same on every host and in every run."""
    return int(sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16], 16)


def slot_epoch_s(slot: int, interval_s: float) -> float:
    """Return the instant of *slot*, a multiple of the interval; a whole number when it is one."""
    epoch_s = slot * interval_s
    return int(epoch_s) if epoch_s == int(epoch_s) else round(epoch_s, 6)


class Slots:
    """The slots of one job of *interval_s* seconds, and which of them were run; *key* spreads the phases."""

    __slots__ = ("_held_s", "interval_s", "jid_offset_s", "last", "phase_s")

    def __init__(self, key: str, interval_s: float) -> None:
        self.interval_s = interval_s
        digest = stable_hash(key)
        self.phase_s = digest / 2**64 * interval_s
        self.jid_offset_s = digest % JID_OFFSETS / 1_000_000
        self.last: int | None = None
        self._held_s = max(STEP_BACK_S, interval_s)  # what is less than so long before the last slot is waited out

    def due(self, now: float) -> int | None:
        """Return the slot, as a multiple of the interval, that is to be run at *now*, or ``None``.

        Slots that passed unseen (a stopped machine, a clock set forward) are not made up for.
        """
        return self._take(now - self.phase_s)

    def current(self, now: float) -> int | None:
        """Return the slot that *now* is in when it wasn't run yet, without waiting for the phase, else ``None``."""
        return self._take(now)

    def wait_s(self, now: float) -> float:
        """Return the seconds from *now* until a slot is due that wasn't run yet; 0 when one is."""
        at = now - self.phase_s
        slot = math.floor(at / self.interval_s)
        if self.last is not None and self._was_run(slot, at):
            slot = self.last + 1
        return max(0.0, slot * self.interval_s + self.phase_s - now)

    def epoch_s(self, slot: int) -> float:
        """Return the instant of *slot*, a whole number when it is one."""
        return slot_epoch_s(slot, self.interval_s)

    def jid_epoch_s(self, slot: int) -> float:
        """Return the instant that the jid of *slot* is made of: the same however often the slot is run."""
        return self.epoch_s(slot) + self.jid_offset_s

    def _take(self, at: float) -> int | None:
        slot = math.floor(at / self.interval_s)
        if self._was_run(slot, at):
            return None
        self.last = slot
        return slot

    def _was_run(self, slot: int, at: float) -> bool:
        """Say whether *slot*, which *at* is in, was run, or passed, as far as the clock can be believed."""
        return self.last is not None and slot <= self.last and at > self.last * self.interval_s - self._held_s
