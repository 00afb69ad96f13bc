"""What became of the slots that brought the master no sample: the agent's own account, kept over restarts and kills.

For each schedule it has running totals, the last error, and *notes*: which slots were dropped (the sample was lost
here) and which were skipped (there was none), until the master has acknowledged an ``account`` message with them.
Everything is written before what it is about is given up: a kill in between leaves a slot that is noted as dropped
and arrives all the same, which the master counts as received.

::

    cachedir/ledger   magic 7 | version u8 | crc32 u32, big-endian, of the rest | msgpack of the rest
    rest              {name: {dropped, skipped, failed, error, error_at, notes}}
    notes             [[interval in seconds, dropped, skipped], …], these two as [[first, last], …], both included
    first, last       slots, as multiples of the interval

Ranges are bounded. The oldest are forgotten when there are more: the totals still have them, and to the master those
slots are missing.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from binascii import crc32
from collections.abc import Callable, Iterable
from typing import Any

from saltern.complaints import Complaint
from saltern.errors import WireError
from saltern.files import make_folder, write_atomic
from saltern.named import NamedTuple
from saltern.set_aside import foreign_aside, of_the_file, set_aside
from saltern.wire import pack_value, unpack_value
from saltern_agent.origin import Origin
from saltern_agent.ranges import Ranges, Span
from saltern_agent.slots import slot_epoch_s

log = logging.getLogger(__name__)

HEAD = b"SALTLDG\x01"
CRC_BYTES = 4
MAX_RANGES = 1000  # of one schedule
MAX_RANGES_IN_ALL = 20_000
MAX_RANGES_TOLD = 1000  # in one message
MAX_SCHEDULES = 1000
MAX_ERROR_CHARACTERS = 300


class Told(NamedTuple):
    """Notes that a message carries: of *schedule* at an interval of so many *seconds*."""

    schedule: str
    seconds: float
    dropped: list[Span]
    skipped: list[Span]


class Notes:
    """Slots of one schedule at one interval that the master was not told of yet."""

    __slots__ = ("dropped", "skipped")

    def __init__(self, dropped: Iterable[Span] = (), skipped: Iterable[Span] = ()) -> None:
        self.dropped = Ranges(dropped)
        self.skipped = Ranges(skipped)

    def __len__(self) -> int:
        """Return how many ranges there are."""
        return len(self.dropped) + len(self.skipped)


class Account:
    """The account of one schedule; ``series`` is how many runs have failed one after the other since the start."""

    __slots__ = ("dropped", "error", "error_at", "failed", "notes", "series", "skipped")

    def __init__(self) -> None:
        self.dropped = self.skipped = self.failed = self.series = 0
        self.error = ""
        self.error_at = 0.0
        self.notes: dict[float, Notes] = {}

    def go_on(self, later: Account) -> None:
        """Add what a *later* account of the same schedule has."""
        self.dropped, self.skipped = self.dropped + later.dropped, self.skipped + later.skipped
        self.failed, self.series = self.failed + later.failed, later.series
        if later.error_at:
            self.error, self.error_at = later.error, later.error_at
        for seconds, notes in later.notes.items():
            before = self.notes.setdefault(seconds, Notes())
            before.dropped.join(notes.dropped.spans)
            before.skipped.join(notes.skipped.spans)

    def ranges(self) -> int:
        """Return how many ranges are noted."""
        return sum(map(len, self.notes.values()))

    def forget_oldest(self) -> None:
        """Forget the oldest range of the oldest interval."""
        seconds, notes = next(iter(self.notes.items()))
        longer = notes.dropped if len(notes.dropped) >= len(notes.skipped) else notes.skipped
        del longer.spans[0]
        if not len(notes):
            del self.notes[seconds]


class Ledger:
    """The ledger in the file *path*. ``noted`` is called when there is something to tell the master.

    A file that can't be read is set aside and begun anew, one that can't be written is tried again at the next change
    and by ``save``; both are said once. Not safe for several threads.
    """

    def __init__(self, path: str, clock: Callable[[], float] = time.time) -> None:
        self.noted: Callable[[], None] = lambda: None
        self.unsaved = False
        self._path = path
        self._clock = clock
        self._accounts: dict[str, Account] = {}
        self._scheduled: frozenset[str] | None = None  # not known yet
        self._not_written = Complaint(log)
        self._not_read = Complaint(log)
        self._loaded = False
        self._load()

    # what happens

    def drop(self, origins: Iterable[Origin]) -> None:
        """Note returns that were lost here, or are about to be."""
        for origin in origins:
            account = self._account(origin.schedule)
            if account.notes.setdefault(origin.seconds, Notes()).dropped.add(origin.step):
                account.dropped += 1
        self._changed()

    def skip(self, origin: Origin) -> None:
        """Note a slot for which nothing was run."""
        account = self._account(origin.schedule)
        if account.notes.setdefault(origin.seconds, Notes()).skipped.add(origin.step):
            account.skipped += 1
        self._changed()

    def ran(self, schedule: str, function: str, failed: str | None) -> None:
        """Note that a run ended, with a sample or because of *failed* without one."""
        if failed is not None:
            account = self._account(schedule)
            account.failed += 1
            account.series += 1
            account.error, account.error_at = failed[:MAX_ERROR_CHARACTERS], self._clock()
            if account.series == 1:
                log.warning("schedule: %s: %s made no sample: %s", schedule, function, account.error)
            self.unsaved = True
            self.save()
        elif (found := self._accounts.get(schedule)) is not None and found.series:
            log.info("schedule: %s: %s makes samples again, after failures: %d", schedule, function, found.series)
            found.series = 0

    def retain(self, schedules: Iterable[str]) -> None:
        """These are scheduled now: the accounts of others go once the master has their notes."""
        self._scheduled = frozenset(schedules)
        self._prune()

    # what is told

    def report(self) -> list[Told]:
        """Return notes to tell the master, one interval of each schedule; empty when there are none."""
        left = MAX_RANGES_TOLD
        report = []
        for name, account in self._accounts.items():
            for seconds, notes in account.notes.items():
                dropped = notes.dropped.spans[:left]
                skipped = notes.skipped.spans[: left - len(dropped)]
                left -= len(dropped) + len(skipped)
                if dropped or skipped:
                    report.append(Told(name, seconds, dropped, skipped))
                break  # a message has one interval for each
        return report

    def told(self, report: Iterable[Told]) -> None:
        """Forget what *report* carries: the master has it."""
        for part in report:
            account = self._accounts.get(part.schedule)
            notes = account.notes.get(part.seconds) if account is not None else None
            if account is None or notes is None:
                continue
            for ranges, spans in ((notes.dropped, part.dropped), (notes.skipped, part.skipped)):
                for first, last in spans:
                    ranges.remove(first, last)
            if not len(notes):
                del account.notes[part.seconds]
        self._prune()
        self.unsaved = True
        self.save()

    def of(self, schedule: str) -> dict[str, Any]:
        """Return a schedule's totals ``dropped``, ``skipped``, ``failed``, and ``last_error``: None or text, when."""
        account = self._accounts.get(schedule) or Account()
        error = {"text": account.error, "when": account.error_at} if account.error_at else None
        return {
            "dropped": account.dropped,
            "skipped": account.skipped,
            "failed": account.failed,
            "last_error": error,
        }

    def save(self) -> None:
        """Write it, when there is something new."""
        if not self._loaded:
            self._load()  # else what was kept would be written over
        if not (self.unsaved and self._loaded):
            return
        rest = pack_value({name: _row(account) for name, account in self._accounts.items()})
        try:
            make_folder(os.path.dirname(self._path), 0o700)
            foreign_aside(self._path)
            write_atomic(self._path, HEAD + crc32(rest).to_bytes(CRC_BYTES, "big") + rest, mode=0o600)
        except OSError as error:
            self._not_written.say(f"{self._path}: can't be written: {error.strerror}: the account is kept in memory")
            return
        self.unsaved = False
        self._not_written.over(f"{self._path}: is written again")

    # inside

    def _changed(self) -> None:
        self._keep_bounds()
        self.unsaved = True
        self.save()
        self.noted()

    def _account(self, schedule: str) -> Account:
        account = self._accounts.get(schedule)
        if account is None:
            if len(self._accounts) >= MAX_SCHEDULES:
                unneeded = (name for name, old in self._accounts.items() if not old.notes)
                del self._accounts[next(unneeded, next(iter(self._accounts)))]
            account = self._accounts[schedule] = Account()
        return account

    def _keep_bounds(self) -> None:
        over = -MAX_RANGES_IN_ALL
        for account in self._accounts.values():
            while account.ranges() > MAX_RANGES:
                account.forget_oldest()
            over += account.ranges()
        for _ in range(over):
            max(self._accounts.values(), key=Account.ranges).forget_oldest()

    def _prune(self) -> None:
        if self._scheduled is None:
            return
        for name in [name for name, account in self._accounts.items() if not account.notes]:
            if name not in self._scheduled:
                del self._accounts[name]

    def _load(self) -> None:
        try:
            with open(self._path, "rb") as stream:
                kept = stream.read()
        except FileNotFoundError:
            self._loaded = True
            return
        except OSError as error:
            self._loaded = of_the_file(error)
            then = "begins anew" if self._loaded else "is kept in memory until it can"
            self._not_read.say(f"{self._path}: can't be read, the account {then}: {error.strerror}")
            return
        self._loaded = True
        self._not_read.over(f"{self._path}: can be read again")
        rest = kept[len(HEAD) + CRC_BYTES :]
        try:
            if kept[: len(HEAD)] != HEAD or int.from_bytes(kept[len(HEAD) :][:CRC_BYTES], "big") != crc32(rest):
                raise ValueError("it is damaged, or of another version")
            accounts = {str(name): _restored(row) for name, row in unpack_value(rest).items()}
        except (WireError, ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            with contextlib.suppress(OSError):
                set_aside(self._path, f"the account begins anew: {error}")
            return
        for name, account in self._accounts.items():
            accounts.setdefault(name, Account()).go_on(account)
        self._accounts = accounts


def epochs(spans: Iterable[Span], seconds: float) -> list[list[float]]:
    """Return ranges of slots as a message has them: in epoch seconds."""
    return [[slot_epoch_s(first, seconds), slot_epoch_s(last, seconds)] for first, last in spans]


def _row(account: Account) -> dict[str, Any]:
    notes = [[seconds, notes.dropped.spans, notes.skipped.spans] for seconds, notes in account.notes.items()]
    fields = ("dropped", "skipped", "failed", "error", "error_at")
    return {**{field: getattr(account, field) for field in fields}, "notes": notes}


def _restored(row: dict[str, Any]) -> Account:
    account = Account()
    account.dropped, account.skipped, account.failed = (int(row[key]) for key in ("dropped", "skipped", "failed"))
    account.error, account.error_at = str(row["error"]), float(row["error_at"])
    for seconds, *kinds in row["notes"]:
        dropped, skipped = ([(int(first), int(last)) for first, last in spans] for spans in kinds)
        account.notes[seconds] = Notes(dropped, skipped)
    return account
