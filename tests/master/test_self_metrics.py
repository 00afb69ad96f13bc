"""The master's own metrics: all of them, and never a fleet's worth in one turn of the loop."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest

from saltern.keystore import KeyStore
from saltern_master.account.accounting import TALLIES_A_TURN, Accounting
from saltern_master.account.keeper import AccountKeeper
from saltern_master.bus import EventBus
from saltern_master.clocks import Clocks
from saltern_master.fleet import Fleet
from saltern_master.inbox import Inbox
from saltern_master.jobs.tracker import Tracker
from saltern_master.journal import Journal
from saltern_master.keyring import Keyring
from saltern_master.record import POINTS, read_record
from saltern_master.self_metrics import SelfMetrics
from saltern_master.timed_loop import TimedLoop

MINIONS = 500
NUMBERS = ("expected", "received", "missing", "late", "dropped", "skipped", "failed", "lost")


class Part:
    """A part of the master that counts."""

    def metrics(self) -> dict[str, float]:
        return {"number": 7}


def _inbox(journal: Journal) -> Inbox:
    bus = EventBus(10)
    return Inbox(journal, bus, Tracker(bus, lambda minion, frame: False, 5.0))


def _clocks(path: Path) -> Clocks:
    keyring = Keyring(KeyStore(str(path)), auto_accept=False, max_pending=1)
    return Clocks(Fleet(str(path), keyring), EventBus(10), 5.0)


def _accounting(path: Path, minions: int) -> Accounting:
    accounting = Accounting(str(path))
    for number in range(minions):
        accounting.expect(f"web{number}.example.com", {"stats": {"seconds": 15}}, 1_800_000_000)
    return accounting


def test_a_fleets_account_is_journalled_in_many_small_records_and_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        journal = Journal(str(tmp_path / "journal"), 2**30, 3600)
        journal.open()
        reader = journal.reader("test")
        accounting = _accounting(tmp_path / "account", MINIONS)
        inbox = _inbox(journal)
        keeper = AccountKeeper(accounting, journal)
        metrics = SelfMetrics(inbox, keeper, _clocks(tmp_path), {"part": (Part(),)}, 3600)
        turn, put_in = 0, []
        put = inbox.put_points

        def counting(values: dict[str, float], slot: int) -> None:
            put_in.append(turn)
            put(values, slot)

        monkeypatch.setattr(inbox, "put_points", counting)
        working = asyncio.create_task(metrics.run())
        while len(put_in) < 1 + MINIONS / TALLIES_A_TURN:
            turn += 1
            await asyncio.sleep(0)
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working
        inbox.flush_now()
        records = [read_record(payload, POINTS) for payload in await reader.read()]
        journal.close()
        bodies = [record.body for record in records if record is not None]
        assert len({body["slot"] for body in bodies}) == 1
        assert max(len(body["values"]) for body in bodies) <= TALLIES_A_TURN * (len(NUMBERS) + 1)
        assert len(put_in) == len(set(put_in)) == 1 + MINIONS / TALLIES_A_TURN
        values: dict[str, Any] = {}
        for body in bodies:
            values.update(body["values"])
        assert values["saltern.master.part.number"] == 7
        for number in range(MINIONS):
            for name in NUMBERS:
                assert f"saltern.web{number}_example_com.schedule.stats.{name}" in values

    asyncio.run(run())


def test_the_longest_stall_is_a_metric_of_a_loop_that_measures_it(tmp_path: Path) -> None:
    async def run() -> dict[str, float]:
        journal = Journal(str(tmp_path / "journal"), 2**30, 3600)
        accounting = _accounting(tmp_path / "account", 0)
        metrics = SelfMetrics(_inbox(journal), AccountKeeper(accounting, journal), _clocks(tmp_path), {}, 15)
        await asyncio.sleep(0)
        return next(metrics.sample(1_800_000_000))

    name = "saltern.master.process.loop_stall_ms"
    assert name not in asyncio.run(run())
    with asyncio.Runner(loop_factory=TimedLoop) as runner:
        assert runner.run(run())[name] > 0
