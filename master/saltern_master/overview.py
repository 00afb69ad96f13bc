"""The whole fleet at a glance: a few columns with a row for each accepted minion, sorted by id.

Ten thousand rows take a while to put together, and many look at them at once. So they are made by turns with
everything else, once for all who ask within a moment, and whoever sees some minions alone gets rows of the same.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from saltern_master.account.accounting import Accounting
from saltern_master.alert_marks import AlertMarks, Marks
from saltern_master.auth.minion_groups import GroupBook
from saltern_master.briefing import Briefing
from saltern_master.fleet import Fleet
from saltern_master.keyring import Keyring

ROWS_A_TURN = 200
"""So many are made while others wait for the event loop: 1 ms."""
GOOD_FOR_S = 1.0
"""Whoever asks within this time gets the same columns, where they took a while to make."""
TIMES_AS_LONG = 50
"""So many times as long as it took to make is something good, at most: those of a few minions are made anew."""
MARKS_WITHIN_S = 0.02
"""So long new marks of alerts are waited for, where there are some of less than ``MARKS_GOOD_FOR_S`` ago."""
MARKS_GOOD_FOR_S = 5.0
TOTALS_GOOD_FOR_S = HOUR_GOOD_FOR_S = 15.0
MAX_VERSION_CHARS = 40
COUNTED = ("expected", "received", "missing", "lost", "dropped", "skipped", "failed", "late")


class Columns(NamedTuple):
    """One value a minion in each list. Never changed: several who ask have the same."""

    at: float
    """When they were made, epoch s."""
    ids: Sequence[str]
    up: Sequence[bool]
    """Whether it is connected; of a device also, whether its host reaches it."""
    since: Sequence[float | None]
    """When it came or went, epoch s."""
    sampled: Sequence[float | None]
    """The slot of the newest sample that was received, epoch s."""
    interval: Sequence[float | None]
    """Of the shortest schedule that makes metrics, s."""
    received: Sequence[int]
    """Slots of the last hour that were received, of all schedules."""
    expected: Sequence[int]
    version: Sequence[str]
    """What the agent says that it is."""
    marks: Marks
    groups: Mapping[str, Sequence[int]]
    """The rows of each group of minions, in order."""
    via: Sequence[str | None]
    """Of a device, the host that speaks for it."""
    device_up: Sequence[bool | None]
    """Of a device, whether its host reaches it, as far as it said."""


class Hour(NamedTuple):
    """What of the last hour's slots was *received*, of those *expected*, of each of *ids*; good *until* then."""

    until: float
    ids: Sequence[str]
    received: Sequence[int]
    expected: Sequence[int]


class Looked(NamedTuple):
    """The marks of alerts, looked at then and good *until* then."""

    at: float
    until: float
    marks: Marks


class Grouped(NamedTuple):
    """The *rows* of each group among *ids*, made of its *members* when the groups were of that *version*."""

    version: object
    ids: Sequence[str]
    members: Mapping[str, Sequence[str]]
    rows: Mapping[str, Sequence[int]]


class Overview:
    """Puts ``Columns`` together of what the other parts know."""

    def __init__(
        self,
        keyring: Keyring,
        fleet: Fleet,
        accounting: Accounting,
        briefing: Briefing,
        marks: AlertMarks,
        groups: Callable[[], tuple[object, GroupBook]],
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """*groups* returns those in force, behind something that is another when they are."""
        self.started = clock()
        self._keyring = keyring
        self._fleet = fleet
        self._accounting = accounting
        self._briefing = briefing
        self._alert_marks = marks
        self._group_book = groups
        self._clock = clock
        self._steady = steady
        self._busy = asyncio.Lock()
        self._columns: Columns | None = None
        self._columns_until = 0.0
        self._hour: Hour | None = None
        self._looked: Looked | None = None
        self._looking: asyncio.Task[Marks] | None = None
        self._groups: Grouped | None = None
        self._totals: Mapping[str, Sequence[float]] = {}
        self._totals_until = 0.0

    async def columns(self) -> Columns:
        """Return the columns, at most ``GOOD_FOR_S`` old; others that ask meanwhile wait for the same."""
        async with self._busy:
            ids = self._keyring.minions()
            grouped = self._groups is not None and self._groups.version == self._group_book()[0]
            fresh = grouped and self._steady() < self._columns_until
            if self._columns is None or not fresh or self._columns.ids != ids:
                began = self._steady()
                self._columns = await self._made(ids)
                self._columns_until = self._until(began, GOOD_FOR_S)
            return self._columns

    async def totals(self) -> Mapping[str, Sequence[float]]:
        """Return for each minion the numbers of ``COUNTED``, of all its schedules since they began."""
        async with self._busy:
            if self._steady() >= self._totals_until:
                began = self._steady()
                found: dict[str, Sequence[float]] = {}
                for rows in self._accounting.rows_by_turns(self._clock()):
                    for minion, _, numbers in rows:
                        own = [numbers[name] for name in COUNTED]
                        before = found.get(minion)
                        found[minion] = [sum(pair) for pair in zip(own, before, strict=True)] if before else own
                    await asyncio.sleep(0)
                self._totals, self._totals_until = found, self._until(began, TOTALS_GOOD_FOR_S)
            return self._totals

    async def _made(self, ids: list[str]) -> Columns:
        now = self._clock()
        metrics = self._briefing.schedules.metrics
        up: list[bool] = []
        since: list[float | None] = []
        sampled: list[float | None] = []
        interval: list[float | None] = []
        version: list[str] = []
        via: list[str | None] = []
        device_up: list[bool | None] = []
        for number, minion in enumerate(ids, 1):
            link = self._fleet.link(minion)
            via.append(self._fleet.host_of(minion) or self._keyring.delegations.server_of(minion))
            device_up.append(self._fleet.device_state(minion).up if via[-1] is not None else None)
            up.append(link.jobs is not None and device_up[-1] is not False)
            since.append(link.since or None)
            version.append(str(link.grains.get("salternversion", ""))[:MAX_VERSION_CHARS])
            shortest: float | None = None
            newest: float | None = None
            for name, tally in self._accounting.of(minion).items():
                if name in metrics:
                    shortest = tally.seconds if shortest is None else min(shortest, tally.seconds)
                    slot = tally.newest()
                    newest = slot if newest is None or (slot or 0.0) > newest else newest
            interval.append(shortest)
            sampled.append(newest)
            if number % ROWS_A_TURN == 0:
                await asyncio.sleep(0)
        hour = await self._hour_of(ids, now)
        marks, groups = await self._looked_at(ids), await self._grouped(ids)
        of_hour = hour.received, hour.expected
        return Columns(now, ids, up, since, sampled, interval, *of_hour, version, marks, groups, via, device_up)

    async def _hour_of(self, ids: list[str], now: float) -> Hour:
        """Return what came of the last hour; it is counted anew less often, as it changes less."""
        if self._hour is None or self._steady() >= self._hour.until or self._hour.ids != ids:
            began = self._steady()
            received: list[int] = []
            expected: list[int] = []
            for number, minion in enumerate(ids, 1):
                came = due = 0
                for tally in self._accounting.of(minion).values():
                    of_hour = tally.last_hour(now)
                    came, due = came + of_hour[0], due + of_hour[1]
                received.append(came)
                expected.append(due)
                if number % ROWS_A_TURN == 0:
                    await asyncio.sleep(0)
            self._hour = Hour(self._until(began, HOUR_GOOD_FOR_S), ids, received, expected)
        return self._hour

    def _until(self, began: float, most_s: float) -> float:
        """Return until when what was begun then, and is made now, is good."""
        now = self._steady()
        return now + min(most_s, TIMES_AS_LONG * (now - began))

    async def _looked_at(self, ids: list[str]) -> Marks:
        """Return the marks of alerts; where it takes long to make new ones those of a moment before."""
        now = self._steady()
        if self._looked is None or now >= self._looked.until:
            if self._looking is None:
                self._looking = asyncio.create_task(self._look(ids))
            looking = self._looking
            recent = self._looked is not None and now - self._looked.at < MARKS_GOOD_FOR_S
            await asyncio.wait((looking,), timeout=MARKS_WITHIN_S if recent else None)
            if looking.done():
                return looking.result()
        assert self._looked is not None
        return self._looked.marks

    async def _look(self, ids: list[str]) -> Marks:
        began = self._steady()
        try:
            marks = await asyncio.to_thread(self._alert_marks.look, ids)
            self._looked = Looked(began, self._until(began, GOOD_FOR_S), marks)
            return marks
        finally:
            self._looking = None

    async def _grouped(self, ids: list[str]) -> Mapping[str, Sequence[int]]:
        """Return the rows of each group; of one whose members are the same they are known."""
        version, book = self._group_book()
        before = self._groups
        if before is None or before.version != version or before.ids != ids:
            known = before.members if before is not None and before.ids == ids else {}
            place = {minion: row for row, minion in enumerate(ids)}
            members = {name: book.members(name) for name in book.names}
            rows: dict[str, Sequence[int]] = {}
            for name in members:
                if before is not None and known.get(name) == members[name]:
                    rows[name] = before.rows[name]
                else:
                    rows[name] = sorted(place[minion] for minion in book.minions_of([name], ids))
                    await asyncio.sleep(0)
            self._groups = Grouped(version, ids, members, rows)
        assert self._groups is not None
        return self._groups.rows
