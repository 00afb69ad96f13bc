"""Honest accounting: for every minion and schedule, how many points were expected, received, late and dropped.

A slot is due two intervals after its time (one for the schedule's phase, one for the way). What is not there then is
missing; what comes later counts as received and late. Slots are remembered as bits, the latest in bit 0, so that a
return that comes twice counts once, even one that waited in an agent's spool for three days.

The file is one msgpack list of rows, replaced as a whole::

    [minion id, schedule, {seconds, first, last, received, late, dropped, skipped, slots}]

``slots`` are the bits, big-endian, compressed by zlib: most are ones. (Older files have them bare, as ``bits``.)
"""

from __future__ import annotations

import asyncio
import logging
import threading
import zlib
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from saltern.errors import WireError
from saltern.files import write_private
from saltern.wire import pack_value, unpack_value

log = logging.getLogger(__name__)

REMEMBERED_SLOTS = 20_000
DUE_INTERVALS = 2
COMPLETENESS_WINDOW_S = 3600
TALLIES_A_TURN = 50
"""So many are read at once while others wait for the event loop: 2 ms."""

Row = tuple[str, str, dict[str, float]]
"""Minion, schedule, numbers: expected, received, missing, late, dropped, skipped, completeness."""

T = TypeVar("T")

_ARRAY_32 = b"\xdd"  # msgpack's head of a list whose length follows as a u32


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
        self._tallies: dict[str, dict[str, Tally]] = {}
        self._begun = 0
        self._written = 0
        self._writing = threading.Lock()

    def load(self) -> None:
        """Read what was saved; a file that can't be read starts the account anew, with a line in the log."""
        tallies: dict[str, dict[str, Tally]] = {}
        try:
            with open(self._path, "rb") as stream:
                rows = unpack_value(stream.read())
            for minion_id, name, fields in rows:
                tallies.setdefault(minion_id, {})[name] = _restored(fields)
        except FileNotFoundError:
            return
        except (OSError, WireError, ValueError, TypeError, KeyError, OverflowError, zlib.error) as error:
            log.warning("%s: can't be read, the account starts anew: %s", self._path, error)
            return
        self._tallies = tallies

    def save(self) -> None:
        """Write the account to disk, at once."""
        self._write(self._next_number(), [_packed(*one) for one in self._all()])

    async def save_in_turns(self) -> None:
        """Write the account to disk, a few tallies in a turn of the event loop, the file in a thread."""
        number = self._next_number()
        rows: list[bytes] = []
        for some in _by(TALLIES_A_TURN, self._all()):
            rows += [_packed(*one) for one in some]
            await asyncio.sleep(0)
        await asyncio.to_thread(self._write, number, rows)

    def _next_number(self) -> int:
        self._begun += 1
        return self._begun

    def _write(self, number: int, rows: list[bytes]) -> None:
        with self._writing:
            if number < self._written:
                return  # what was gathered later has been written already
            self._written = number
            try:
                write_private(self._path, b"".join((_ARRAY_32, len(rows).to_bytes(4, "big"), *rows)))
            except OSError as error:
                log.warning("%s: can't be written: %s", self._path, error.strerror)

    def expect(self, minion_id: str, schedule: dict[str, dict[str, Any]], now: float) -> None:
        """Begin to expect what *schedule* (name to job) asks of a minion, from the slot at *now* on."""
        before = self._tallies.get(minion_id, {})
        tallies = {name: tally for name, tally in before.items() if name in schedule}
        for name, job in schedule.items():
            if job.get("enabled", True):
                seconds = float(job["seconds"])
                tally = tallies.get(name)
                if tally is None or tally.seconds != seconds:
                    tallies[name] = Tally(seconds, int(now // seconds * seconds))
        if tallies:
            self._tallies[minion_id] = tallies  # a new one: the old may be read at the moment
        else:
            self._tallies.pop(minion_id, None)

    def received(self, minion_id: str, body: dict[str, Any], now: float) -> None:
        """Count a scheduled return; a name that the master didn't schedule is not expected of anyone."""
        tally = self._tallies.get(minion_id, {}).get(str(body.get("schedule")))
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
        for minion_id in minion_ids:
            self._tallies.pop(minion_id, None)

    def rows(self, now: float) -> Iterator[Row]:
        """Yield the numbers of every tally; the account may change meanwhile."""
        for minion_id, name, tally in self._all():
            yield minion_id, name, _numbers(tally, now)

    def rows_by_turns(self, now: float) -> Iterator[list[Row]]:
        """Yield what ``rows`` does, as much at a time as the event loop can do in one turn."""
        return _by(TALLIES_A_TURN, self.rows(now))

    def _all(self) -> Iterator[tuple[str, str, Tally]]:
        for minion_id, tallies in list(self._tallies.items()):
            for name, tally in tallies.items():
                yield minion_id, name, tally


def _by(count: int, items: Iterator[T]) -> Iterator[list[T]]:
    while some := list(islice(items, count)):
        yield some


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


def _packed(minion_id: str, name: str, tally: Tally) -> bytes:
    slots = zlib.compress(tally.bits.to_bytes((tally.bits.bit_length() + 7) // 8, "big"), zlib.Z_BEST_SPEED)
    fields = {key: getattr(tally, key) for key in Tally.__slots__ if key != "bits"}
    return pack_value((minion_id, name, {**fields, "slots": slots}))


def _restored(fields: dict[str, Any]) -> Tally:
    """Return the tally of a row. Raises ``KeyError``, ``TypeError``, ``ValueError``, ``zlib.error``."""
    tally = Tally(float(fields["seconds"]), int(fields["first"]))
    if not tally.seconds > 0:
        raise ValueError(f"{tally.seconds} seconds")
    for key in ("last", "received", "late", "dropped", "skipped"):
        setattr(tally, key, int(fields[key]))
    if "slots" in fields:
        bits = zlib.decompressobj().decompress(fields["slots"], (REMEMBERED_SLOTS + 7) // 8)
    else:
        bits = fields["bits"]
    tally.bits = int.from_bytes(bits, "big")
    return tally


def _count(value: object) -> int:
    return int(value) if isinstance(value, (int, float)) and 0 <= value < 2**53 else 0
