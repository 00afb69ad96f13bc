"""What became of the slots of devices that brought the master no sample: one file for all devices of a host.

It is written at once when returns are lost, and otherwise within seconds: with thousands of devices it has megabytes.
So a kill may leave slots of the last seconds unknown to it, which the master counts as missing. Writing takes a
hundredth of the time at most, and a tenth when returns are lost.

::

    cachedir/devices/ledger   as ``ledger.py`` has it, the rest being {device: {name: …}}
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

from saltern_agent.accountant import Report
from saltern_agent.accounts import Accounts
from saltern_agent.ledger import AccountFile
from saltern_agent.origin import Origin

log = logging.getLogger(__name__)

SAVE_S = 1.0
SHARE, SHARE_OF_LOSSES = 100, 10
"""A save that took so long is followed by the next one after so many times that at the earliest."""

MAX_DEVICES = 40_000
"""Twice as many as a host serves: those that left have accounts until the master has their notes."""


class DeviceAccounts(Accounts):
    """The accounts of one device in *ledgers*."""

    __slots__ = ("_ledgers", "_minion")

    def __init__(self, ledgers: Ledgers, minion: str, clock: Callable[[], float]) -> None:
        super().__init__(clock)
        self._ledgers = ledgers
        self._minion = minion
        self.noted = self._noted

    @property
    def empty(self) -> bool:
        """Whether there is nothing to keep."""
        return not self._accounts

    def _noted(self) -> None:
        self._ledgers.has_notes(self._minion)

    def _changed(self, *, at_once: bool = False) -> None:
        self._ledgers.changed(at_once=at_once)

    def _say(self, level: int, text: str) -> None:
        self._ledgers.say(level, f"{self._minion}: {text}")


class Ledgers:
    """The accounts of all devices, in the file *path*; ``noted`` is called when there is something to tell the master.

    Not safe for several threads.
    """

    def __init__(
        self, path: str, clock: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic
    ) -> None:
        self.noted: Callable[[], None] = lambda: None
        self.say: Callable[[int, str], None] = log.log
        """Logs a line at a level."""
        self._clock = clock
        self._steady = steady
        self._accounts: dict[str, DeviceAccounts] = {}
        self._to_tell: dict[str, None] = {}  # whose turn is next first
        self._took_s = 0.0
        self._saved_at = -SAVE_S
        self._holds = False
        self._file = AccountFile(path, self._rows, self._restore)

    @property
    def unsaved(self) -> bool:
        """Whether there is something that isn't written."""
        return self._file.unsaved

    def of(self, minion: str) -> DeviceAccounts:
        """Return the accounts of a device."""
        found = self._accounts.get(minion)
        if found is None:
            if len(self._accounts) >= MAX_DEVICES:
                unneeded = (name for name, old in self._accounts.items() if old.empty)
                del self._accounts[next(unneeded, next(iter(self._accounts)))]
            found = self._accounts[minion] = DeviceAccounts(self, minion, self._clock)
        return found

    def forget(self, minion: str) -> None:
        """Have no accounts of a device that isn't served any more, once the master has its notes."""
        accounts = self._accounts.get(minion)
        if accounts is not None:
            accounts.retain(())
            if accounts.empty:
                del self._accounts[minion]

    def drop(self, origins: Iterable[Origin]) -> None:
        """Note returns of devices that were lost here, or are about to be."""
        by_minion: dict[str, list[Origin]] = {}
        for origin in origins:
            by_minion.setdefault(origin.minion, []).append(origin)
        self._holds = True  # one save for all
        try:
            for minion, lost in by_minion.items():
                self.of(minion).drop(lost)
        finally:
            self._holds = False
        self.changed(at_once=True)

    def report(self) -> Report | None:
        """Return what is to be told of one device, another one each time; ``None`` when there is nothing."""
        for minion in list(self._to_tell):
            del self._to_tell[minion]
            accounts = self._accounts.get(minion)
            told = accounts.report() if accounts is not None else []
            if accounts is not None and told:
                self._to_tell[minion] = None  # to the end
                return Report(minion, accounts, told)
        return None

    def save(self, *, at_once: bool = True) -> None:
        """Write it when there is something new; not *at_once*: unless that was done a short while ago."""
        if not self._file.unsaved or (not at_once and self._steady() < self._saved_at + self._rest_s(SHARE)):
            return
        began = self._steady()
        self._file.save()
        self._saved_at = self._steady()
        self._took_s = self._saved_at - began

    def changed(self, *, at_once: bool) -> None:
        """There is something to be kept."""
        self._file.unsaved = True
        if at_once and not self._holds and self._steady() >= self._saved_at + SHARE_OF_LOSSES * self._took_s:
            self.save()

    def has_notes(self, minion: str) -> None:
        """There is something to tell the master of a device."""
        self._to_tell.setdefault(minion)
        self.noted()

    def _rest_s(self, share: int) -> float:
        return max(SAVE_S, share * self._took_s)

    def _rows(self) -> dict[str, Any]:
        return {minion: accounts.rows() for minion, accounts in self._accounts.items() if not accounts.empty}

    def _restore(self, rows: dict[str, dict[str, dict[str, Any]]]) -> None:
        for minion, kept in rows.items():
            accounts = self.of(str(minion))
            accounts.restore(kept)
            if accounts.report():
                self._to_tell.setdefault(str(minion))
