"""From the journal into a returner: each row once, whatever dies, and nobody waits for it."""

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
from saltern_master.ageing import Ageing
from saltern_master.deadletters import DeadLetters
from saltern_master.journal import Journal
from saltern_master.journal.reader import Position
from saltern_master.record import FOR_JOBS, JOB, METRICS, POINTS, write_record
from saltern_master.returners import feeder as feeder_module
from saltern_master.returners.drivers.memory import MemoryReturner
from saltern_master.returners.feeder import LOST_TIMES, SUSPECT_BYTES, Feeder, Keep
from saltern_master.returners.rows import ReturnRow, Row
from saltern_master.sql.database import Lost
from saltern_master.sql.worker import Worker
from support.fake_asyncio import FakeAsyncio
from support.masters import until

NOW = 1_800_000_000.0


def jid(number: int) -> str:
    return f"{number:020d}"


def ret(number: int, **more: Any) -> bytes:
    return write_record(FOR_JOBS, "web1", NOW, {"jid": jid(number), "fun": "test.f", "return": number, **more})


class Database(MemoryReturner):
    """Asks *before* each put, and *after* it, when all is stored; raises what these raise."""

    def __init__(self) -> None:
        super().__init__()
        self.before: Callable[[Sequence[Row]], None] = lambda rows: None
        self.after: Callable[[Sequence[Row]], None] = lambda rows: None
        self.opened = 0

    def open(self, journal: str, at: Position) -> Position:
        self.opened += 1
        return super().open(journal, at)

    def put(self, rows: Sequence[Row], upto: Position | None) -> int:
        self.before(rows)
        known = self._known
        new = super().put(rows, upto)
        try:
            self.after(rows)
        except Exception:
            self._known = known  # the commit's answer was lost
            raise
        return new

    def numbers(self) -> list[Any]:
        return sorted(row.data["return"] for row in self.rows if isinstance(row, ReturnRow))


class Fed:
    """A feeder on a journal of its own."""

    def __init__(self, folder: Path, database: MemoryReturner, max_bytes: int = 1 << 30, **more: Any) -> None:
        self.journal = Journal(str(folder / "journal"), max_bytes, 10**9)
        self.journal.open()
        self.reader = self.journal.reader("returner-x", JOB | FOR_JOBS)
        self.dead = DeadLetters(str(folder / "dead"))
        self.feeder = Feeder("x", database, self.journal, self.reader, self.dead, Worker("test"), **more)

    def write(self, *records: bytes) -> None:
        for record in records:
            self.journal.append(record)
        self.journal.flush()

    @contextlib.asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.feeder.run())
        yield
        task.cancel()
        await asyncio.wait([task])
        self.journal.close()

    async def caught_up(self) -> None:
        await until(lambda: not self.reader.behind())


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeAsyncio:
    fake = FakeAsyncio()
    monkeypatch.setattr(feeder_module, "asyncio", fake)
    return fake


def times(number: int, error: Exception) -> Callable[[Sequence[Row]], None]:
    """Return what raises *error* so many times."""
    left = iter(range(number))

    def fail(_: Sequence[Row]) -> None:
        if next(left, None) is not None:
            raise error

    return fail


def test_jobs_and_returns_become_rows_and_nothing_else_does(tmp_path: Path) -> None:
    async def scenario() -> None:
        database = Database()
        fed = Fed(tmp_path, database)
        load = {"jid": jid(1), "fun": "test.f", "arg": [1], "kwarg": {"a": 2}, "tgt": "*", "tgt_type": "glob"}
        async with fed.at_work():
            fed.write(
                write_record(JOB, "", NOW, {**load, "minions": ["web1"], "user": "fred", "owner": "local:fred"}),
                ret(1, success=True, retcode=0, fun_args=[1]),
                ret(2, fun=["a.b", "c.d"], success={"a.b": True, "c.d": False}),
                ret(3, fun="saltutil.find_job"),
                write_record(METRICS, "web1", NOW, {"jid": jid(7), "fun": "stats.collect", "return": {}}),
                write_record(POINTS, "", NOW, {"slot": 1, "values": {}}),
            )
            await fed.caught_up()
        job, one, two = database.rows
        assert job[:2] == (
            jid(1),
            {
                "cmd": "publish",
                "ret": "",
                "jid": jid(1),
                "fun": "test.f",
                "arg": [1, {"__kwarg__": True, "a": 2}],
                "tgt": "*",
                "tgt_type": "glob",
                "minions": ["web1"],
                "user": "fred",
            },
        )
        assert isinstance(one, ReturnRow)
        assert one[:4] == (jid(1), "web1", "test.f", True)
        assert one.data == {
            "jid": jid(1),
            "fun": "test.f",
            "return": 1,
            "success": True,
            "retcode": 0,
            "fun_args": [1],
            "id": "web1",
            "cmd": "_return",
            "_stamp": "2027-01-15T08:00:00.000000+00:00",
        }
        assert isinstance(two, ReturnRow)
        assert (two.fun, two.success) == ("a.b,c.d", False)
        numbers = fed.feeder.metrics()
        assert (numbers["rows"], numbers["connected"], numbers["lag_s"]) == (3, 1, 0)

    asyncio.run(scenario())


def test_nothing_is_committed_before_it_is_stored_and_lag_tells_how_old_that_is(tmp_path: Path) -> None:
    gate, reached = threading.Event(), threading.Event()
    database = Database()

    def wait(_: Any) -> None:
        reached.set()
        assert gate.wait(20)

    database.before = wait

    async def scenario() -> None:
        fed = Fed(tmp_path, database, clock=lambda: NOW + 7)
        async with fed.at_work():
            fed.write(ret(1))
            await until(reached.is_set)
            numbers = fed.feeder.metrics()
            assert (numbers["lag_s"], numbers["behind_bytes"] > 0) == (7, True)
            gate.set()
            await fed.caught_up()
        assert database.numbers() == [1]

    asyncio.run(scenario())


@pytest.mark.parametrize("done", [False, True], ids=["it wasn't stored", "it was stored all the same"])
def test_what_failed_is_tried_again_and_stored_once(
    tmp_path: Path, done: bool, fake: FakeAsyncio, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        database = Database()
        failing = times(4, Lost("db: can't be written: gone away"))
        if done:
            database.after = failing
        else:
            database.before = failing
        fed = Fed(tmp_path, database)
        async with fed.at_work():
            fed.write(ret(1), ret(2))
            await fed.caught_up()
            fed.write(ret(3))
            await fed.caught_up()
        assert database.numbers() == [1, 2, 3]
        assert fed.feeder.failures == 4 if not done else fed.feeder.failures >= 1
        assert fed.dead.count == 0
        assert len([line for line in caplog.messages if "wait in the journal" in line]) == 1

    asyncio.run(scenario())


def test_a_database_that_is_away_at_the_start_is_opened_later(tmp_path: Path, fake: FakeAsyncio) -> None:
    back = threading.Event()

    class Away(Database):
        def open(self, journal: str, at: Position) -> Position:
            if not back.is_set():
                self.opened += 1
                raise JournalError("db: can't be opened")
            return super().open(journal, at)

    async def scenario() -> None:
        database = Away()
        fed = Fed(tmp_path, database, clock=lambda: NOW + 60)
        fed.write(ret(1))
        async with fed.at_work():
            await until(lambda: database.opened > 5)
            assert fed.feeder.metrics()["lag_s"] == 60
            back.set()
            await fed.caught_up()
        assert database.numbers() == [1]
        slept = [s for s in fake.slept if s >= 0.3]
        assert len(slept) >= 5
        assert max(slept) > 2 * min(slept)  # each time longer

    asyncio.run(scenario())


@pytest.mark.parametrize("error", [RecordError("never"), ValueError("of the driver"), RecursionError()])
def test_what_is_never_taken_is_set_aside_and_the_others_are_stored(tmp_path: Path, error: Exception) -> None:
    async def scenario() -> None:
        database = Database()

        def refuse(rows: Sequence[Row]) -> None:
            if any(isinstance(row, ReturnRow) and row.data["return"] == 3 for row in rows):
                raise error

        database.before = refuse
        fed = Fed(tmp_path, database)
        async with fed.at_work():
            fed.write(
                b"\x01nonsense", write_record(FOR_JOBS, "web1", NOW, {"jid": jid(9)}), *map(ret, (0, 1, 2, 4, 5, 3))
            )
            await fed.caught_up()
            assert list(database.done.values()) == [fed.reader.committed]
            fed.write(ret(6))
            await fed.caught_up()
        assert database.numbers() == [0, 1, 2, 4, 5, 6]
        assert {letter["reader"] for letter in fed.dead.listing()} == {"returner-x"}
        assert fed.feeder.metrics()["set_aside"] == fed.dead.count == 3

    asyncio.run(scenario())


def test_a_row_that_breaks_the_connection_each_time_stops_nobody_for_ever(tmp_path: Path) -> None:
    breaks: list[int] = []

    async def scenario() -> None:
        database = Database()

        def break_off(rows: Sequence[Row]) -> None:
            if any(isinstance(row, ReturnRow) and row.jid == jid(2) for row in rows):
                breaks.append(len(rows))
                raise Lost("db: can't be written: lost connection")

        database.before = break_off
        fed = Fed(tmp_path, database)
        async with fed.at_work():
            fed.write(ret(1), ret(2, text="x" * SUSPECT_BYTES), ret(3))
            await fed.caught_up()
        assert database.numbers() == [1, 3]
        assert fed.dead.count == 1
        assert breaks.count(1) == LOST_TIMES

    asyncio.run(scenario())


def test_a_small_row_is_never_thought_to_be_why_the_connection_is_lost(tmp_path: Path) -> None:
    async def scenario() -> None:
        database = Database()
        database.before = times(3 * LOST_TIMES, Lost("db: can't be written: lost connection"))
        fed = Fed(tmp_path, database)
        async with fed.at_work():
            fed.write(ret(1))
            await fed.caught_up()
        assert (database.numbers(), fed.dead.count) == ([1], 0)

    asyncio.run(scenario())


def test_what_is_over_the_journals_bound_before_it_is_stored_is_lost_and_counted(tmp_path: Path) -> None:
    async def scenario() -> None:
        database = Database()
        away = threading.Event()

        def refuse(_: Sequence[Row]) -> None:
            if not away.is_set():
                raise JournalError("db: away")

        database.before = refuse
        fed = Fed(tmp_path, database, max_bytes=40_000)
        other = fed.journal.reader("other", FOR_JOBS)
        async with fed.at_work():
            for number in range(100):
                fed.write(ret(number, text="x" * 1000))
                other.read_now()
                other.commit()
            fed.journal.trim()
            await until(lambda: fed.feeder.failures > 0)
            away.set()
            await fed.caught_up()
            numbers = fed.feeder.metrics()
        stored = len(database.numbers())
        assert 0 < stored < 100
        assert numbers["lost"] == 100 - stored
        assert database.numbers() == sorted(set(database.numbers()))

    asyncio.run(scenario())


def test_a_database_that_was_put_back_gets_again_what_is_still_in_the_journal(tmp_path: Path) -> None:
    database = Database()

    async def run(*records: bytes) -> None:
        fed = Fed(tmp_path, database)
        async with fed.at_work():
            fed.write(*records)
            await until(lambda: fed.feeder.metrics()["connected"] and not fed.reader.behind())

    asyncio.run(run(ret(1), ret(2)))
    backup, done = list(database.rows), dict(database.done)
    asyncio.run(run(ret(3)))
    database.rows, database.done = backup, done
    asyncio.run(run())
    assert database.numbers() == [1, 2, 3]


def test_a_journal_that_was_begun_anew_is_read_from_its_start(tmp_path: Path) -> None:
    database = Database()

    async def run(folder: Path, *records: bytes) -> None:
        fed = Fed(folder, database)
        async with fed.at_work():
            fed.write(*records)
            await fed.caught_up()

    asyncio.run(run(tmp_path / "a", *map(ret, range(3))))
    asyncio.run(run(tmp_path / "b", *map(ret, range(100, 150))))
    assert database.numbers() == [*range(3), *range(100, 150)]


def test_two_returners_at_two_speeds_and_one_that_hangs_hinder_nobody(tmp_path: Path) -> None:
    hangs = threading.Event()

    async def scenario() -> None:
        hanging, quick = Database(), Database()
        hanging.before = lambda rows: assert_(hangs.wait(30))
        fed = Fed(tmp_path, hanging)
        reader = fed.journal.reader("returner-y", JOB | FOR_JOBS)
        other = Feeder("y", quick, fed.journal, reader, fed.dead, Worker("test"))
        task = asyncio.create_task(other.run())
        began = time.monotonic()
        async with fed.at_work():
            fed.write(*map(ret, range(20)))
            await until(lambda: not reader.behind())
            assert quick.numbers() == list(range(20))
            assert fed.feeder.metrics()["behind_bytes"] > 0
            task.cancel()
            await asyncio.wait([task])
        assert time.monotonic() - began < 25  # its end isn't waited for either

    asyncio.run(scenario())
    hangs.set()


def assert_(true: bool) -> None:
    assert true


def test_what_is_old_goes_in_steps_and_a_clock_that_was_set_ahead_takes_nothing(tmp_path: Path) -> None:
    steps: list[tuple[float | None, int | None]] = []

    class Old(Database):
        def newest(self) -> float | None:
            return NOW - 1000

        def purge(self, before: float | None, max_bytes: int | None) -> int:
            steps.append((before, max_bytes))
            return 500 if len(steps) < 4 else 0

    async def scenario() -> None:
        ageing = Ageing(clock=lambda: NOW + 10**8, steady=lambda: 5.0)
        fed = Fed(tmp_path, Old(), keep=Keep(3600, 10**9), ageing=ageing)
        async with fed.at_work():
            await until(lambda: len(steps) >= 4)
        assert set(steps) == {(NOW - 1000 - 3600, 10**9)}
        assert fed.feeder.metrics()["purged"] == 1500

    asyncio.run(scenario())
