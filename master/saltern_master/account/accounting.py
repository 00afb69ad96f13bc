"""Honest accounting: the tallies of all minions and schedules, made from the journal's notes, kept on disk.

The file is one msgpack map, replaced as a whole; the tallies are exactly what the notes up to the position make of
them::

    crc32 u32, big-endian, of the rest
    {version: 3, position: [segment, offset], at: epoch s, steady: s, boot: id,
     tallies: [[minion id, schedule, tally], …]}

*steady* is what a clock that nobody sets showed then, in the machine's run *boot*: whether the clock was set while the
master was away is known from it. After another boot it is only known that it was set back.
"""

from __future__ import annotations

import contextlib
import logging
import time
from binascii import crc32
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from saltern.errors import WireError
from saltern.files import write_private
from saltern.set_aside import of_the_file, set_aside
from saltern.steady import boot_id, steady_s
from saltern.wire import pack_value, unpack_value
from saltern_master.account.slot_states import State
from saltern_master.account.tally import Tally
from saltern_master.clock_steps import SET_S
from saltern_master.complaints import Complaints
from saltern_master.journal import Position
from saltern_master.record import ABSENCES, LOST, RUN

log = logging.getLogger(__name__)

VERSION = 3
CRC_BYTES = 4
TALLIES_A_TURN = 50
"""So many are read at once while others wait for the event loop: 2 ms."""

Row = tuple[str, str, dict[str, float]]
"""Minion, schedule, and ``Tally.numbers``."""

T = TypeVar("T")

_ARRAY_32 = b"\xdd"  # msgpack's head of a list whose length follows as a u32


class _Saved(NamedTuple):
    """What a file holds: the tallies by minion and schedule, when they were saved, and how long ago that was."""

    tallies: dict[str, dict[str, Tally]]
    position: Position
    at: float
    """Epoch s, by the host's clock then."""
    ago_s: float | None
    """By a clock that nobody sets; ``None`` where the machine was booted since."""


class Accounting:
    """All tallies, and up to where in the journal they are kept."""

    def __init__(self, path: str, steady: Callable[[], float] = steady_s, boot: str | None = None) -> None:
        """*boot* names the machine's run that *steady* belongs to."""
        self.position = Position(0, 0)
        self.changed = False
        """Whether there are tallies that no file has."""
        self.loaded = False
        """Whether it is known what was saved. Until then no note is to be taken in, nor anything written."""
        self._path = path
        self._steady = steady
        self._boot = boot_id() if boot is None else boot
        self._tallies: dict[str, dict[str, Tally]] = {}
        self._complaints = Complaints("the account")

    def load(self) -> None:
        """Read what was saved; a file that is damaged is set aside and the account starts anew, which is logged.

        One that can't be read just now leaves ``loaded`` as it is, to be tried again.
        """
        try:
            saved = self._read()
        except FileNotFoundError:
            self.loaded = True
            return
        except (OSError, WireError, ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            if isinstance(error, OSError) and not of_the_file(error):
                text = f"{self._path}: can't be read just now, so the account waits: {error.strerror}"
                self._complaints.say("account", "read", text)
                return
            log.warning("%s: can't be read, the account starts anew: %s", self._path, error)
            with contextlib.suppress(OSError):
                set_aside(self._path, "the account could not be read")
            self.loaded = True
            return
        for minion_id, begun in self._tallies.items():  # what is expected of them has become known meanwhile
            before = saved.tallies.get(minion_id, {})
            saved.tallies[minion_id] = {
                name: before[name] if name in before and before[name].seconds == tally.seconds else tally
                for name, tally in begun.items()
            }
        self._tallies, self.position, self.loaded = saved.tallies, saved.position, True
        now = time.time()
        right = max(now, saved.at) if saved.ago_s is None else saved.at + saved.ago_s
        if abs(now - right) >= SET_S:  # the clock was set while nobody looked
            log.warning("the clock was set by %+.1f s while the master was away", now - right)
            self.stepped(right, now)

    def _read(self) -> _Saved:
        """Return what was saved. Raises ``OSError``, and for what is none of ours ``WireError`` and Python's own."""
        with open(self._path, "rb") as stream:
            packed = stream.read()
        if int.from_bytes(packed[:CRC_BYTES], "big") != crc32(packed[CRC_BYTES:]):
            raise ValueError("it is damaged, or of another version")
        kept = unpack_value(memoryview(packed)[CRC_BYTES:])
        if not isinstance(kept, dict) or kept.get("version") != VERSION:
            raise ValueError("it is of another version")
        tallies: dict[str, dict[str, Tally]] = {}
        for minion_id, name, fields in kept["tallies"]:
            tallies.setdefault(str(minion_id), {})[str(name)] = Tally.restored(fields)
        segment, offset = map(int, kept["position"])
        same_boot = kept.get("boot") == self._boot != ""
        ago_s = max(0.0, self._steady() - float(kept["steady"])) if same_boot else None
        return _Saved(tallies, Position(segment, offset), float(kept["at"]), ago_s)

    def packed(self) -> Iterator[list[bytes]]:
        """Yield the tallies as they are kept, as many at a time as the event loop can do in one turn."""
        return _by(TALLIES_A_TURN, (pack_value((*key, tally.packed())) for *key, tally in self._all()))

    def write(self, rows: Sequence[bytes], position: Position) -> bool:
        """Write what ``packed`` yielded, made of the notes up to *position*; return whether that worked. May block."""
        clock = {"steady": self._steady(), "boot": self._boot}
        head = pack_value({"version": VERSION, "position": list(position), "at": time.time(), **clock, "tallies": []})
        try:
            packed = b"".join((head[:-1], _ARRAY_32, len(rows).to_bytes(4, "big"), *rows))
            write_private(self._path, crc32(packed).to_bytes(CRC_BYTES, "big") + packed)
        except OSError as error:
            self._complaints.say("account", "write", f"{self._path}: can't be written: {error.strerror}")
            return False
        return True

    def expect(self, minion_id: str, schedule: Mapping[str, Mapping[str, Any]], now: float) -> None:
        """Begin to expect what *schedule* (name to job) asks of a minion, from now on."""
        before = self._tallies.get(minion_id, {})
        tallies: dict[str, Tally] = {}
        for name, job in schedule.items():
            if job.get("enabled", True):
                seconds = float(job["seconds"])
                tally = before.get(name)
                if tally is None or tally.seconds != seconds:
                    tally = Tally.begun(seconds, now, instead=tally is not None)
                tallies[name] = tally
        self.changed = self.changed or tallies != before
        if tallies:
            self._tallies[minion_id] = tallies  # a new one: the old may be read at the moment
        else:
            self._tallies.pop(minion_id, None)

    def note(self, note: Sequence[Any]) -> None:
        """Take in a note of the journal's; what isn't about slots that are expected of anyone changes nothing."""
        flags = note[0]
        try:
            if flags & RUN:
                _, minion_id, received, name, at, failed = note
                tally = self._tallies.get(minion_id, {}).get(name)
                if tally is not None:
                    tally.ran(at, received, failed=failed)
            elif flags & ABSENCES:
                self._absent(*note[1:])
            elif flags & LOST:
                self._lost(*note[1:])
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            self._complaints.say("account", "note", f"a note that makes no sense was passed over: {error}")

    def forget(self, minion_ids: Iterable[str]) -> None:
        """Drop the account of minions whose keys are gone."""
        for minion_id in minion_ids:
            self._tallies.pop(minion_id, None)

    def stepped(self, before: float, after: float) -> None:
        """Take note that the master's clock was set from *before* to *after* (epoch s)."""
        for _, _, tally in self._all():
            tally.stepped(before, after)

    def of(self, minion_id: str) -> Mapping[str, Tally]:
        """Return a minion's tallies by schedule; not to be changed."""
        return self._tallies.get(minion_id, {})

    def rows(self, now: float) -> Iterator[Row]:
        """Yield the numbers of every tally; the account may change meanwhile."""
        for minion_id, name, tally in self._all():
            yield minion_id, name, tally.numbers(now)

    def rows_by_turns(self, now: float) -> Iterator[list[Row]]:
        """Yield what ``rows`` does, as much at a time as the event loop can do in one turn."""
        return _by(TALLIES_A_TURN, self.rows(now))

    def _absent(self, minion_id: str, received: float, schedules: Mapping[str, Mapping[str, Any]]) -> None:
        for name, kinds in schedules.items():
            tally = self._tallies.get(minion_id, {}).get(name)
            if tally is None or tally.seconds != kinds.get("seconds"):
                continue
            for kind in ("skipped", "dropped"):
                tally.absent(kind, kinds.get(kind, ()), received)

    def _lost(self, cause: str, _when: float, lost: Mapping[str, Mapping[str, Sequence[float]]]) -> None:
        state = State[f"LOST_{cause.upper()}"]
        for minion_id, schedules in lost.items():
            for name, slots in schedules.items():
                tally = self._tallies.get(minion_id, {}).get(name)
                if tally is not None:
                    for at in slots:
                        tally.lost(at, state)

    def _all(self) -> Iterator[tuple[str, str, Tally]]:
        for minion_id, tallies in list(self._tallies.items()):
            for name, tally in tallies.items():
                yield minion_id, name, tally


def _by(count: int, items: Iterator[T]) -> Iterator[list[T]]:
    while some := list(islice(items, count)):
        yield some
