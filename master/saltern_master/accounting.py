"""Honest accounting: for every minion and schedule, how many points were expected, received, late and dropped.

A slot is due two intervals after its time (one for the schedule's phase, one for the way). What is not there then is
missing; what comes later counts as received and late. Slots are remembered as bits, the latest in bit 0, so that a
return that comes twice counts once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from saltern.errors import WireError
from saltern.files import write_private
from saltern.wire import pack_value, unpack_value

log = logging.getLogger(__name__)

REMEMBERED_SLOTS = 20_000
DUE_INTERVALS = 2
COMPLETENESS_WINDOW_S = 3600
MAX_SCHEDULES_PER_MINION = 200


class Tally:
    """The account of one schedule on one minion. Slots are epoch seconds, multiples of ``seconds``."""

    __slots__ = ("bits", "dropped", "first", "last", "late", "received", "seconds", "skipped")

    def __init__(self, seconds: float, first: int) -> None:
        self.seconds = seconds
        self.first = first
        self.last = first
        self.bits = 0
        self.received = 0
        self.late = 0
        self.dropped = 0
        self.skipped = 0

    def add(self, slot: int, now: float) -> None:
        """Count the return for *slot*, received at *now*."""
        steps = round((slot - self.last) / self.seconds)
        if steps > 0:
            self.bits = 0 if steps > REMEMBERED_SLOTS else (self.bits << steps) & ((1 << REMEMBERED_SLOTS) - 1)
            self.last = slot
            steps = 0
        if -steps >= REMEMBERED_SLOTS or self.bits >> -steps & 1:
            return
        self.bits |= 1 << -steps
        self.received += 1
        self.first = min(self.first, slot)
        if now > slot + DUE_INTERVALS * self.seconds:
            self.late += 1

    def expected(self, now: float) -> int:
        """Return how many slots are due by now, or came already."""
        due = max(self._last_due(now), self.last if self.bits else 0)
        return max(0, round((due - self.first) / self.seconds) + 1)

    def completeness(self, now: float) -> float | None:
        """Return the percentage received of the slots that became due in the last hour."""
        due = self._last_due(now)
        window = min(int(COMPLETENESS_WINDOW_S / self.seconds) or 1, round((due - self.first) / self.seconds) + 1)
        if window < 1:
            return None
        skip = round((self.last - due) / self.seconds)  # slots later than the due one, or missing since the last
        bits = self.bits >> skip if skip >= 0 else self.bits << -skip
        return 100.0 * (bits & ((1 << window) - 1)).bit_count() / window

    def _last_due(self, now: float) -> int:
        return int((now - DUE_INTERVALS * self.seconds) // self.seconds * self.seconds)


class Accounting:
    """All tallies; kept on disk so that a restart of the master forgets nothing."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._tallies: dict[tuple[str, str], Tally] = {}

    def load(self) -> None:
        """Read what was saved; a file that can't be read starts the account anew, with a line in the log."""
        try:
            with open(self._path, "rb") as stream:
                rows = unpack_value(stream.read())
            for minion_id, name, fields in rows:
                tally = Tally(fields["seconds"], fields["first"])
                for key, value in fields.items():
                    setattr(tally, key, int.from_bytes(value, "big") if key == "bits" else value)
                self._tallies[minion_id, name] = tally
        except FileNotFoundError:
            pass
        except (OSError, WireError, ValueError, TypeError, KeyError, AttributeError) as error:
            log.warning("%s: can't be read, the account starts anew: %s", self._path, error)

    def save(self) -> None:
        """Write the account to disk."""
        rows = [
            (minion_id, name, {key: _stored(key, getattr(tally, key)) for key in Tally.__slots__})
            for (minion_id, name), tally in self._tallies.items()
        ]
        try:
            write_private(self._path, pack_value(rows))
        except OSError as error:
            log.warning("%s: can't be written: %s", self._path, error.strerror)

    def expect(self, minion_id: str, schedule: dict[str, dict[str, Any]], now: float) -> None:
        """Begin to expect what *schedule* (name to job) asks of a minion, from the slot at *now* on."""
        for name, job in schedule.items():
            if job.get("enabled", True):
                seconds = float(job["seconds"])
                tally = self._tallies.get((minion_id, name))
                if tally is None or tally.seconds != seconds:
                    self._tallies[minion_id, name] = Tally(seconds, int(now // seconds * seconds))
        stale = [key for key in self._tallies if key[0] == minion_id and key[1] not in schedule]
        for key in stale:
            del self._tallies[key]

    def received(self, minion_id: str, body: dict[str, Any], now: float) -> None:
        """Count a scheduled return; a name that the master didn't schedule is not expected of anyone."""
        tally = self._tallies.get((minion_id, str(body.get("schedule"))))
        slot = body.get("slot")
        if tally is None or not isinstance(slot, (int, float)) or not 0 < slot < now + 86400:
            return
        tally.add(int(slot), now)
        account = body.get("account")
        if isinstance(account, dict):
            tally.dropped = _count(account.get("dropped"))
            tally.skipped = _count(account.get("skipped"))

    def forget(self, minion_ids: Iterable[str]) -> None:
        """Drop the account of minions whose keys are gone."""
        gone = set(minion_ids)
        self._tallies = {key: tally for key, tally in self._tallies.items() if key[0] not in gone}

    def rows(self, now: float) -> list[tuple[str, str, dict[str, float]]]:
        """Return (minion, schedule, numbers): expected, received, missing, late, dropped, skipped, completeness."""
        return [(minion_id, name, _numbers(tally, now)) for (minion_id, name), tally in self._tallies.items()]


def _numbers(tally: Tally, now: float) -> dict[str, float]:
    expected = tally.expected(now)
    numbers: dict[str, float] = {
        "expected": expected,
        "received": tally.received,
        "missing": max(0, expected - tally.received),
        "late": tally.late,
        "dropped": tally.dropped,
        "skipped": tally.skipped,
    }
    completeness = tally.completeness(now)
    if completeness is not None:
        numbers["completeness"] = completeness
    return numbers


def _stored(key: str, value: Any) -> Any:
    return value.to_bytes((value.bit_length() + 7) // 8, "big") if key == "bits" else value


def _count(value: object) -> int:
    return int(value) if isinstance(value, (int, float)) and 0 <= value < 2**53 else 0
