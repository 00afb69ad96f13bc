"""What became of the slots of one minion's schedules that brought the master no sample, as long as it runs.

For each schedule there are running totals, the last error, and *notes*: which slots were dropped (the sample was lost
here) and which were skipped (there was none), until the master has acknowledged an ``account`` message with them. Where
they are kept over restarts is for ``ledger.py`` and, of devices, ``devices/ledgers.py``.

Ranges are bounded. The oldest are forgotten when there are more: the totals still have them, and to the master those
slots are missing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

from saltern.named import NamedTuple
from saltern_agent.origin import Origin
from saltern_agent.ranges import Ranges, Span
from saltern_agent.slots import slot_epoch_s

log = logging.getLogger(__name__)

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

    def row(self) -> dict[str, Any]:
        """Return it as it is kept."""
        notes = [[seconds, notes.dropped.spans, notes.skipped.spans] for seconds, notes in self.notes.items()]
        fields = ("dropped", "skipped", "failed", "error", "error_at")
        return {**{field: getattr(self, field) for field in fields}, "notes": notes}

    @classmethod
    def restored(cls, row: dict[str, Any]) -> Account:
        """Return what ``row`` returned. Raises ``KeyError``, ``TypeError``, ``ValueError``, ``OverflowError``."""
        account = cls()
        account.dropped, account.skipped, account.failed = (int(row[key]) for key in ("dropped", "skipped", "failed"))
        account.error, account.error_at = str(row["error"]), float(row["error_at"])
        for seconds, *kinds in row["notes"]:
            dropped, skipped = ([(int(first), int(last)) for first, last in spans] for spans in kinds)
            account.notes[seconds] = Notes(dropped, skipped)
        return account


class Accounts:
    """The accounts of one minion; ``noted`` is called when there is something to tell the master.

    Not safe for several threads.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.noted: Callable[[], None] = lambda: None
        self._clock = clock
        self._accounts: dict[str, Account] = {}
        self._scheduled: frozenset[str] | None = None  # not known yet

    # what happens

    def drop(self, origins: Iterable[Origin]) -> None:
        """Note returns that were lost here, or are about to be."""
        for origin in origins:
            account = self._account(origin.schedule)
            if account.notes.setdefault(origin.seconds, Notes()).dropped.add(origin.step):
                account.dropped += 1
        self._keep_bounds()
        self._changed(at_once=True)
        self.noted()

    def skip(self, origin: Origin) -> None:
        """Note a slot for which nothing was run."""
        account = self._account(origin.schedule)
        if account.notes.setdefault(origin.seconds, Notes()).skipped.add(origin.step):
            account.skipped += 1
        self._keep_bounds()
        self._changed()
        self.noted()

    def ran(self, schedule: str, function: str, failed: str | None) -> None:
        """Note that a run ended, with a sample or because of *failed* without one."""
        if failed is not None:
            account = self._account(schedule)
            account.failed += 1
            account.series += 1
            account.error, account.error_at = failed[:MAX_ERROR_CHARACTERS], self._clock()
            if account.series == 1:
                self._say(logging.WARNING, f"schedule: {schedule}: {function} made no sample: {account.error}")
            self._changed()
        elif (found := self._accounts.get(schedule)) is not None and found.series:
            text = f"schedule: {schedule}: {function} makes samples again, after failures: {found.series}"
            self._say(logging.INFO, text)
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
        self._changed()

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

    def rows(self) -> dict[str, dict[str, Any]]:
        """Return all, as they are kept."""
        return {name: account.row() for name, account in self._accounts.items()}

    def restore(self, rows: dict[str, dict[str, Any]]) -> None:
        """Take up what ``rows`` returned earlier; what has come meanwhile is added to it.

        Raises ``AttributeError``, ``KeyError``, ``TypeError``, ``ValueError``, ``OverflowError`` for anything else.
        """
        accounts = {str(name): Account.restored(row) for name, row in rows.items()}
        for name, account in self._accounts.items():
            accounts.setdefault(name, Account()).go_on(account)
        self._accounts = accounts

    # inside

    def _changed(self, *, at_once: bool = False) -> None:
        """Something is to be kept; *at_once*: before that which it is about is given up."""

    def _say(self, level: int, text: str) -> None:
        """Log a line."""
        log.log(level, "%s", text)

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


def epochs(spans: Iterable[Span], seconds: float) -> list[list[float]]:
    """Return ranges of slots as a message has them: in epoch seconds."""
    return [[slot_epoch_s(first, seconds), slot_epoch_s(last, seconds)] for first, last in spans]
