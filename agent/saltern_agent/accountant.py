"""Tells the master what the ledger notes: ``account`` messages, docs/protocol.md."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from saltern.complaints import Complaint
from saltern.named import NamedTuple
from saltern.wire import pack
from saltern_agent.accounts import Accounts, Told, epochs
from saltern_agent.envelope import enveloped
from saltern_agent.outbox import Outbox

log = logging.getLogger(__name__)

GATHER_S = 5.0  # notes come in series, and a message for each would be one too many


class Report(NamedTuple):
    """What a message tells: *told* of the *accounts* of *minion*, ``""`` for the host itself."""

    minion: str
    accounts: Accounts
    told: list[Told]


class Accountant:
    """Sends the notes of *ledger* by *outbox* while the channel is up, one message at a time; *later* sets a timer."""

    def __init__(self, ledger: Accounts, outbox: Outbox, later: Callable[[float, Callable[[], None]], Any]) -> None:
        self.of_devices: Callable[[], Report | None] = lambda: None
        """Returns what is to be told next of a device, which has its turn when there is nothing of the host's own."""
        self._ledger = ledger
        self._outbox = outbox
        self._later = later
        self._up = False
        self._waits = False
        self._asked = False
        self._refused = Complaint(log)
        ledger.noted = self.noted

    def noted(self) -> None:
        """There is something to tell: soon, with what comes meanwhile."""
        if self._up and not self._waits and not self._asked:
            self._waits = True
            self._later(GATHER_S, self._gathered)

    def opened(self) -> None:
        """The channel is up: what the master hasn't acknowledged is told (again)."""
        self._up = True
        self._asked = False
        self._tell()

    def closed(self) -> None:
        """The channel is away."""
        self._up = False

    def _gathered(self) -> None:
        self._waits = False
        self._tell()

    def _tell(self) -> None:
        if not self._up or self._asked:
            return
        told = self._ledger.report()
        report = Report("", self._ledger, told) if told else self.of_devices()
        if report is not None:
            self._asked = True
            frame = enveloped(report.minion, pack("account", 0, message(report.told)))
            self._outbox.report(frame, partial(self._answered, report))

    def _answered(self, report: Report, refused: str | None) -> None:
        """The master has the report, or will never take it."""
        self._asked = False
        if refused is not None:
            whose = f"the account of {report.minion}" if report.minion else "this agent's account"
            self._refused.say(f"the master refused {whose}: {refused}")
        report.accounts.told(report.told)
        if self._ledger.report():
            self.noted()
        elif report.minion or self.of_devices() is not None:
            self._tell()


def message(report: list[Told]) -> dict[str, Any]:
    """Return the body of an ``account`` message."""
    return {
        "schedules": {
            part.schedule: {
                "seconds": part.seconds,
                "dropped": epochs(part.dropped, part.seconds),
                "skipped": epochs(part.skipped, part.seconds),
            }
            for part in report
        }
    }
