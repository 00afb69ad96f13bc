"""From the journal into the job store: nothing is committed before it is stored, and nothing stops the rest."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from saltern.errors import JournalError, RecordError
from saltern_master.deadletters import DeadLetters
from saltern_master.jobs import keeper as keeper_module
from saltern_master.jobs.keeper import JobKeeper
from saltern_master.jobs.store import JobLoad, JobReturn
from saltern_master.jobs.stores.memory import MemoryJobStore
from saltern_master.jobs.tracker import Taken, Tracker
from saltern_master.journal import Journal
from saltern_master.record import FOR_JOBS, JOB, METRICS, POINTS, write_record
from support.fake_asyncio import FakeAsyncio
from support.masters import until

NOW = 1_800_000_000.0


def jid(number: int) -> str:
    return f"{number:020d}"


def ret(number: int, **more: Any) -> bytes:
    return write_record(FOR_JOBS, "web1", NOW, {"jid": jid(number), "fun": "test.f", "return": number, **more})


def job(number: int) -> bytes:
    load = {"jid": jid(number), "fun": "test.f", "minions": ["web1"], "user": "fred", "owner": "local:fred"}
    return write_record(JOB, "", NOW, load)


class Store(MemoryJobStore):
    """Takes returns when *refuse* lets it, which is asked before each batch; raises what that raises."""

    def __init__(self, refuse: Callable[[Sequence[JobReturn]], None] = lambda _: None) -> None:
        super().__init__()
        self._refuse = refuse
        self.opened = self.purged = 0

    def open(self) -> None:
        self.opened += 1

    def put_returns(self, returns: Sequence[JobReturn]) -> None:
        self._refuse(returns)
        super().put_returns(returns)

    def purge(self, before: float) -> int:
        self.purged += 1
        return super().purge(before)

    def numbers(self) -> list[Any]:
        return sorted(item.data["return"] for item in self._returns.values())


class Kept:
    """A keeper at work on a journal of its own."""

    def __init__(self, folder: Path, store: Store, *, metric_returns: bool = False, **clocks: Any) -> None:
        self.journal = Journal(str(folder / "journal"), 1 << 30, 10**9)
        self.journal.open()
        self.reader = self.journal.reader("jobs")
        self.dead = DeadLetters(str(folder / "dead"))
        self.store = store
        self.keeper = JobKeeper(store, self.reader, self.dead, 3600.0, metric_returns=metric_returns, **clocks)

    def write(self, *records: bytes) -> None:
        for record in records:
            self.journal.append(record)
        self.journal.flush()

    @contextlib.asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.keeper.run())
        yield
        task.cancel()
        await asyncio.wait([task])
        self.journal.close()


def counted(kept: Kept, **numbers: int) -> bool:
    return kept.keeper.metrics() == {"store_set_aside": 0, "dropped": 0, **numbers}


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeAsyncio:
    fake = FakeAsyncio()
    monkeypatch.setattr(keeper_module, "asyncio", fake)
    return fake


def test_jobs_and_what_they_return_are_stored(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = Store()
        kept = Kept(tmp_path, store)
        async with kept.at_work():
            metric = write_record(METRICS, "web1", NOW, {"jid": jid(7), "fun": "stats.collect", "return": {"a": 1}})
            points = write_record(POINTS, "", NOW, {"slot": 1, "values": {}})
            kept.write(job(1), ret(1), metric, points, ret(2, fun=["a.b", "c.d"]))
            await until(lambda: not kept.reader.behind())
        assert store.numbers() == [1, 2]
        assert [one.jid for one in store.jobs(9)] == [jid(1)]
        assert store.returns(jid(2))[0].fun == "a.b,c.d"
        assert store.returns(jid(1))[0].data["id"] == "web1"
        assert kept.keeper.metrics() == {
            "stored": 1,
            "returns_stored": 2,
            "store_failures": 0,
            "store_set_aside": 0,
            "dropped": 0,
        }

    asyncio.run(scenario())


def test_scheduled_returns_of_metrics_are_stored_when_asked_for(tmp_path: Path) -> None:
    async def scenario() -> None:
        kept = Kept(tmp_path, Store(), metric_returns=True)
        async with kept.at_work():
            kept.write(write_record(METRICS, "web1", NOW, {"jid": jid(7), "fun": "stats.collect", "return": 5}))
            await until(lambda: not kept.reader.behind())
        assert kept.store.numbers() == [5]

    asyncio.run(scenario())


def test_nothing_is_committed_before_it_is_stored(tmp_path: Path) -> None:
    gate, reached = threading.Event(), threading.Event()

    def wait(_: Any) -> None:
        reached.set()
        assert gate.wait(20)

    async def scenario() -> None:
        kept = Kept(tmp_path, Store(wait))
        async with kept.at_work():
            kept.write(job(1), ret(1))
            await until(reached.is_set)
            assert kept.reader.behind() > 0
            assert kept.store.numbers() == []
            gate.set()
            await until(lambda: not kept.reader.behind())
            assert kept.store.numbers() == [1]

    asyncio.run(scenario())


def test_a_keeper_that_ends_before_it_stored_does_it_the_next_time(tmp_path: Path) -> None:
    reached = threading.Event()

    def fail(_: Any) -> None:
        reached.set()
        raise JournalError("disk full")

    async def ends_early() -> None:
        kept = Kept(tmp_path, Store(fail))
        async with kept.at_work():
            kept.write(ret(1), ret(2))
            await until(reached.is_set)

    async def next_time() -> None:
        kept = Kept(tmp_path, Store())
        async with kept.at_work():
            await until(lambda: not kept.reader.behind())
        assert kept.store.numbers() == [1, 2]

    asyncio.run(ends_early())
    asyncio.run(next_time())


def test_a_disk_that_fails_is_tried_again_and_not_at_once(tmp_path: Path, fake: FakeAsyncio) -> None:
    failures = iter(range(5))

    def fail(_: Any) -> None:
        if next(failures, None) is not None:
            raise JournalError("jobs.db: can't be written: disk full")

    async def scenario() -> None:
        kept = Kept(tmp_path, Store(fail))
        async with kept.at_work():
            kept.write(job(1), ret(1))
            await until(lambda: not kept.reader.behind())
        assert kept.store.numbers() == [1]
        assert kept.dead.count == 0
        assert kept.keeper.metrics() == {
            "stored": 1,
            "returns_stored": 1,
            "store_failures": 5,
            "store_set_aside": 0,
            "dropped": 0,
        }
        assert fake.slept.count(keeper_module.RETRY_S) == 5

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "error",
    [RecordError("never"), ValueError("of the driver"), TypeError(), RecursionError()],
    ids=lambda error: type(error).__name__,
)
def test_what_cannot_be_stored_is_set_aside_and_the_others_are_stored(tmp_path: Path, error: Exception) -> None:
    def fail(returns: Sequence[JobReturn]) -> None:
        if any(item.data["return"] == 3 for item in returns):
            raise error

    async def scenario() -> None:
        kept = Kept(tmp_path, Store(fail))
        async with kept.at_work():
            kept.write(job(1), *map(ret, range(6)))
            await until(lambda: not kept.reader.behind())
            kept.write(ret(6))
            await until(lambda: not kept.reader.behind())
        assert kept.store.numbers() == [0, 1, 2, 4, 5, 6]
        (letter,) = kept.dead.listing()
        assert (letter["reader"], letter["reason"]) == ("jobs", f"{type(error).__name__}: {error}".rstrip())
        assert Path(letter["file"]).read_bytes().endswith(ret(3))
        assert kept.keeper.metrics() == {
            "stored": 1,
            "returns_stored": 6,
            "store_failures": 0,
            "store_set_aside": 0,
            "dropped": 0,
        }

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "record",
    [
        b"\x01nonsense",
        write_record(FOR_JOBS, "web1", NOW, {"fun": "test.f"}),
        write_record(FOR_JOBS, "web1", NOW, {"jid": jid(9)}),
        write_record(FOR_JOBS, "web1", NOW, {"jid": jid(9), "fun": 5}),
        write_record(JOB, "", NOW, {"fun": "test.f"}),
    ],
    ids=["bytes", "no jid", "no function", "a number for a function", "a job without a jid"],
)
def test_a_record_that_makes_no_sense_is_set_aside_and_kept_from_nobody(tmp_path: Path, record: bytes) -> None:
    async def scenario() -> None:
        kept = Kept(tmp_path, Store())
        kept.write(record, ret(1), job(2))
        tracker = Tracker(Any, lambda *_: True, 5.0)  # type: ignore[arg-type]
        await kept.keeper.tell_of_earlier_jobs(tracker)
        assert tracker.knows(jid(2))
        async with kept.at_work():
            await until(lambda: not kept.reader.behind())
        assert kept.store.numbers() == [1]
        assert [letter["start"] for letter in kept.dead.listing()] == [record[:200].decode("latin-1")]

    asyncio.run(scenario())


def test_jobs_from_before_are_told_of_stored_or_only_journalled(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = Store()
        store.put_jobs([JobLoad(jid(1), NOW, {"fun": "test.f", "minions": ["web1"], "owner": "local:ann"})])
        kept = Kept(tmp_path, store)
        kept.write(job(2), ret(2))
        tracker = Tracker(Any, lambda *_: True, 5.0)  # type: ignore[arg-type]
        await kept.keeper.tell_of_earlier_jobs(tracker)
        assert (tracker.owner(jid(1)), tracker.owner(jid(2))) == ("local:ann", "local:fred")
        assert tracker.take(jid(2), "web1", "any") is Taken.NEW
        assert tracker.take(jid(3), "web1", "any") is Taken.UNSOLICITED
        async with kept.at_work():
            await until(lambda: not kept.reader.behind())
        assert kept.store.numbers() == [2]  # looking ahead took nothing away
        assert kept.store.opened == 2  # which an open one stays

    asyncio.run(scenario())


def test_a_store_that_cannot_be_opened_blinds_the_tracker_and_is_opened_later(tmp_path: Path) -> None:
    class Closed(Store):
        def open(self) -> None:
            super().open()
            if self.opened < 4:
                raise JournalError("jobs.db: the job store can't be opened")

    async def scenario() -> None:
        kept = Kept(tmp_path, Closed())
        tracker = Tracker(Any, lambda *_: True, 5.0)  # type: ignore[arg-type]
        await kept.keeper.tell_of_earlier_jobs(tracker)
        assert tracker.take(jid(3), "web1", "any") is Taken.NEW
        async with kept.at_work():
            kept.write(ret(1))
            await until(lambda: not kept.reader.behind())
        assert kept.store.numbers() == [1]
        assert kept.keeper.metrics()["store_failures"] == 2

    asyncio.run(scenario())


@pytest.mark.parametrize(("step_s", "kept_for_s"), [(0, 3600), (86400, 3600), (-1800, 5400)])
def test_a_clock_that_is_set_forgets_no_job_before_its_time(tmp_path: Path, step_s: float, kept_for_s: float) -> None:
    """One that is set back keeps it for longer: by that clock it is that young."""
    wall, steady = [NOW], [7.0]
    store = Store()
    store.put_jobs([JobLoad(jid(1), NOW, {})])
    kept = Kept(tmp_path, store, clock=lambda: wall[0], steady=lambda: steady[0])
    wall[0] += step_s

    def passed(seconds: float) -> int:
        for clock in (wall, steady):
            clock[0] += seconds
        store.purge(kept.keeper._ageing.now() - 3600)
        return len(store.jobs(9))

    assert passed(kept_for_s - 10) == 1
    assert passed(20) == 0
    kept.journal.close()


def test_a_start_with_a_clock_far_ahead_forgets_no_job_before_its_time(tmp_path: Path, fake: FakeAsyncio) -> None:
    """What an earlier run stored last ages from there on, by a clock that nobody sets."""
    wall, steady = [NOW + 365 * 86400], [7.0]
    store = Store()
    store.put_jobs([JobLoad(jid(1), NOW - 3500, {}), JobLoad(jid(2), NOW - 10, {})])
    store.put_returns([JobReturn(jid(1), "m1", "test.ping", True, NOW - 5, {})])
    store.put_jobs([JobLoad(jid(3), wall[0] + 1, {})])  # came since, and is of that clock

    async def scenario() -> None:
        kept = Kept(tmp_path, store, clock=lambda: wall[0], steady=lambda: steady[0])
        async with kept.at_work():
            await until(lambda: store.purged > 0)
            assert len(store.jobs(9)) == 3
            steady[0] += 200
            purged = store.purged
            await until(lambda: store.purged > purged + 1)
            assert [job.jid for job in store.jobs(9)] == [jid(3), jid(2)]

    asyncio.run(scenario())


def test_what_is_old_is_forgotten_also_when_that_failed_once(tmp_path: Path, fake: FakeAsyncio) -> None:
    class Purging(Store):
        def purge(self, before: float) -> int:
            if super().purge(before) and self.purged == 1:
                raise JournalError("locked")
            return 0

    async def scenario() -> None:
        store = Purging()
        store.put_jobs([JobLoad(jid(1), 1.0, {}), JobLoad(jid(2), time.time() - 60, {})])
        kept = Kept(tmp_path, store)
        async with kept.at_work():
            await until(lambda: store.purged > 2)
        assert [job.jid for job in store.jobs(9)] == [jid(2)]
        assert fake.slept.count(keeper_module.PURGE_EVERY_S) >= 2

    asyncio.run(scenario())


def test_a_store_that_was_begun_anew_blinds_the_tracker_when_there_were_jobs(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = Store()
        store.begun_anew = True
        kept = Kept(tmp_path, store)
        tracker = Tracker(Any, lambda *_: True, 5.0)  # type: ignore[arg-type]
        await kept.keeper.tell_of_earlier_jobs(tracker)
        assert not tracker.blind  # a first start
        async with kept.at_work():
            kept.write(ret(1))
            await until(lambda: not kept.reader.behind())
        again = Kept(tmp_path, store)
        await again.keeper.tell_of_earlier_jobs(tracker)
        assert tracker.take(jid(3), "web1", "any") is Taken.NEW
        again.journal.close()

    asyncio.run(scenario())


def test_while_it_is_behind_it_does_not_pause_and_takes_no_more_than_so_much_at_once(
    tmp_path: Path, fake: FakeAsyncio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper_module, "BATCH_BYTES", 4 << 20)
    batches: list[int] = []

    async def scenario() -> None:
        kept = Kept(tmp_path, Store(lambda returns: batches.append(len(returns))))
        for number in range(22):
            kept.write(ret(number, text="x" * 1_000_000))
        async with kept.at_work():
            await until(lambda: not kept.reader.behind())
            assert kept.store.numbers() == list(range(22))
            assert fake.slept.count(keeper_module.GATHER_S) <= 1
            kept.write(ret(23))
            await until(lambda: not kept.reader.behind())
        assert fake.slept.count(keeper_module.GATHER_S) in (1, 2)
        assert max(batches) <= 5 < len(batches)

    asyncio.run(scenario())


def test_a_burst_is_stored_when_it_is_over_unless_that_takes_long_or_somebody_asks(
    tmp_path: Path, fake: FakeAsyncio, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[int] = []

    async def scenario() -> None:
        kept = Kept(tmp_path, Store(lambda returns: batches.append(len(returns))))
        written = 0

        async def sleep(delay_s: float) -> None:
            nonlocal written
            if delay_s == keeper_module.GATHER_S and written < most:
                written += 1
                kept.write(ret(written))
            await asyncio.sleep(0)

        monkeypatch.setattr(fake, "sleep", sleep)
        most = 4
        async with kept.at_work():
            kept.write(ret(0))
            await until(lambda: len(kept.store.numbers()) == 5)
            assert batches == [5]

            written, most = 10, 10**6
            monkeypatch.setattr(keeper_module, "BURST_S", 0.0)
            kept.write(ret(10))
            await until(lambda: bool(batches[1:]))  # though more comes for ever

            monkeypatch.setattr(keeper_module, "BURST_S", 1e6)
            assert await asyncio.to_thread(kept.keeper.catch_up, 20.0)  # likewise
            most = 0

    asyncio.run(scenario())


def test_many_small_returns_are_stored_so_many_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper_module, "BATCH_RECORDS", 50)
    batches: list[int] = []

    async def scenario() -> None:
        kept = Kept(tmp_path, Store(lambda returns: batches.append(len(returns))))
        points = write_record(POINTS, "", NOW, {"slot": 1, "values": {}})
        kept.write(*(record for number in range(120) for record in (ret(number), points)))
        async with kept.at_work():
            await until(lambda: not kept.reader.behind())
        assert kept.store.numbers() == list(range(120))
        assert batches == [50, 50, 20]

    asyncio.run(scenario())


def test_one_bad_record_among_many_costs_few_tries(tmp_path: Path) -> None:
    tries: list[int] = []

    def fail(returns: Sequence[JobReturn]) -> None:
        tries.append(len(returns))
        if any(item.data["return"] == 300 for item in returns):
            raise RecordError("never")

    async def scenario() -> None:
        kept = Kept(tmp_path, Store(fail))
        kept.write(*map(ret, range(1000)))
        async with kept.at_work():
            await until(lambda: not kept.reader.behind())
        assert kept.store.numbers() == [number for number in range(1000) if number != 300]
        assert kept.dead.count == 1
        assert len(tries) < 30

    asyncio.run(scenario())


def test_who_has_seen_an_answer_finds_it_stored(tmp_path: Path) -> None:
    let_in = threading.Event()

    def slow(_: Sequence[JobReturn]) -> None:
        assert let_in.wait(20)

    async def scenario() -> None:
        kept = Kept(tmp_path, Store(slow))
        assert kept.keeper.catch_up(0.0)  # there is nothing yet
        async with kept.at_work():
            kept.write(job(1), ret(1))
            assert not await asyncio.to_thread(kept.keeper.catch_up, 0.05)
            waiting = asyncio.create_task(asyncio.to_thread(kept.keeper.catch_up, 20.0))
            let_in.set()
            assert await waiting
            assert kept.store.numbers() == [1]
            assert kept.keeper.catch_up(0.0)  # nothing came since

    asyncio.run(scenario())
