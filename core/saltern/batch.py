"""Running a job on some minions at a time, as ``salt --batch`` does it.

Those that answer a ping now take part. As soon as one of them has answered, the next is started, so that always as many
work on it as may. All of it is one job: the master holds it for those whose turn hasn't come::

    pending ──started──▶ active ──answered, or lost──▶ done
                           ▲                            │
                           └────── the next one ◀───────┘   (after wait_s)
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from saltern.errors import UsageError
from saltern.following import Following
from saltern.local import Access, LocalConnection
from saltern.order import Order


class Away(NamedTuple):
    """Minions that didn't answer the ping, and names that no minion has: they get no job."""

    minions: list[str]
    unknown: list[str]


class Started(NamedTuple):
    """Minions whose turn has come."""

    minions: list[str]


class Answered(NamedTuple):
    """A minion's answer: ``{"ret", "retcode", "jid", …}``."""

    minion_id: str
    data: dict[str, Any]


class Lost(NamedTuple):
    """A minion that had its turn and doesn't return."""

    minion_id: str


Step = Away | Started | Answered | Lost


class Batch:
    """A job in batches, by *access* to the master. *size* is a number of minions, or a percentage as in ``"25%"``.

    *wait_s*: seconds that a place stays empty when its minion has answered. *failhard*: start nobody any more when one
    has failed. Raises ``UsageError`` for a *size* that is neither.
    """

    def __init__(
        self, access: str | Access, order: Order, size: str | int, *, wait_s: float = 0.0, failhard: bool = False
    ) -> None:
        batch_size(size, 0)
        self._access = access
        self._order = order
        self._size = size
        self._wait_s = max(wait_s, 0.0)
        self._failhard = failhard
        self.jid = ""
        """The job's, when there is one."""
        self.matched = False
        """Whether the target means anybody."""
        self.problem = ""
        """What is wrong with the target's expression."""
        self.present: list[str] = []
        """Who answered the ping."""
        self.pending: list[str] = []
        self.active: set[str] = set()
        self.failed = False

    def run(self) -> Iterator[Step]:
        """Yield what happens, who is away first, up to the end. Raises what ``Order.publish`` does."""
        yield self._ping()
        if not self.present:
            return
        with LocalConnection(self._access) as connection:
            ordered = self._order.on(self.present, hold=True).publish(connection)
            self.jid, self.pending = ordered.jid, ordered.minions
            answers = Following(self._access, connection, self.jid)
            places = batch_size(self._size, len(self.pending))
            waits: list[float] = []
            done: list[Step] = []
            while True:
                now = time.monotonic()
                waits = [until for until in waits if until > now]
                if started := self._start(places - len(self.active) - len(waits)):
                    yield Started(started)
                yield from done
                if self.stopped or not (self.active or self.pending):
                    return
                done = self._receive(answers, min(waits) - now if waits and self.pending else None)
                waits += [time.monotonic() + self._wait_s] * len(done)

    @property
    def stopped(self) -> bool:
        """Whether it ended before its time, because one failed."""
        return self._failhard and self.failed

    def _ping(self) -> Away:
        """Find out who answers a ping now, and return who doesn't."""
        with LocalConnection(self._access) as connection:
            ping = self._order.instead("test.ping").publish(connection)
            self.matched, self.problem = bool(ping.minions), ping.problem
            answers = Following(self._access, connection, ping.jid, over=not ping.minions).answers()
            self.present = sorted(minion_id for minion_id, data in answers if "failed" not in data)
        away = {*ping.minions, *(ping.unknown if ping.minions else ())}.difference(self.present)
        return Away(sorted(away), ping.unknown)

    def _start(self, free: int) -> list[str]:
        """Start the next ones, as many as there is room for, and return them."""
        started = [] if self.stopped else self.pending[: max(free, 0)]
        if started:
            self.pending = self.pending[len(started) :]
            self.active.update(started)
            with LocalConnection(self._access) as connection:
                self._order.on(started, jid=self.jid).publish(connection, follow=False)
        return started

    def _receive(self, answers: Following, timeout_s: float | None) -> list[Step]:
        """Return what has come, waiting up to *timeout_s* for it."""
        found: list[Step] = []
        for minion_id, data in answers.receive(timeout_s):
            if minion_id not in self.active:
                continue
            self.active.discard(minion_id)
            self.failed = self.failed or retcode_of(data) != 0
            found.append(Lost(minion_id) if "failed" in data else Answered(minion_id, data))
        if answers.over:  # the master knows nothing of the others any more
            found += [Lost(minion_id) for minion_id in sorted(self.active)]
            self.active.clear()
            self.pending = []
        return found


def batch_size(batch: str | int, total: int) -> int:
    """Return how many of *total* minions ``10`` or ``"25%"`` means, at least one. Raises ``UsageError``."""
    text = str(batch)
    try:
        number = total * float(text.strip("%")) / 100 if "%" in text else int(text)
        return max(1, int(number))
    except (ValueError, OverflowError):
        raise UsageError(
            f"Invalid batch specification {text!r}: must be an integer or percentage string like '10' or '25%'."
        ) from None


def retcode_of(data: Mapping[str, Any]) -> int:
    """Return the retcode of an answer; of several functions' the highest."""
    retcode = data.get("retcode")
    members = retcode.values() if isinstance(retcode, dict) else [retcode]
    return max((int(member) for member in members if isinstance(member, int)), default=0)
