"""A returner on a real SQLite file against a model: whatever dies and whenever, each return is there once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from saltern_master.deadletters import DeadLetters
from saltern_master.journal import Journal
from saltern_master.journal.reader import Position
from saltern_master.record import FOR_JOBS, JOB, METRICS, write_record
from saltern_master.returners import feeder as feeder_module
from saltern_master.returners.drivers.sqlite import SqliteReturner
from saltern_master.returners.feeder import Feeder
from saltern_master.returners.returner import Elsewhere
from saltern_master.returners.rows import Row
from saltern_master.sql.address import sqlite_file
from saltern_master.sql.database import Database, Lost
from support.fake_asyncio import FakeAsyncio
from support.masters import until

NOW = 1_800_000_000.0
IN_MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else None
"""Where no disk is waited for: there are many transactions."""
JID = 20_000_000_000_000_000_000


class Killed(BaseException):
    """The master dies here."""


class AtOnce:
    """A worker that does what it is given on the loop, in order, so that a death is where it is wanted."""

    async def run(self, call: Callable[[], Any]) -> Any:
        await asyncio.sleep(0)
        return call()


class Flaky(SqliteReturner):
    """Fails and dies as the plan says: ``lost`` before it is stored, ``ambiguous`` after; likewise ``kill…``."""

    plan: list[str]

    def put(self, rows: Sequence[Row], upto: Position | None) -> int:
        what = self.plan.pop(0) if self.plan else ""
        if what == "lost":
            raise Lost("gone away")
        if what == "kill":
            raise Killed
        done = self._done
        new = super().put(rows, upto)
        if what == "ambiguous":
            self._done = done  # as when the commit's answer is lost
            raise Lost("gone away")
        if what == "kill after":
            raise Killed
        return new


STEPS = st.one_of(
    st.tuples(st.just("write"), st.integers(1, 4)),
    st.tuples(st.just("again"), st.integers(0, 40)),
    st.tuples(st.just("others"), st.integers(1, 3)),
    st.tuples(st.just("run"), st.lists(st.sampled_from(["", "lost", "ambiguous", "kill", "kill after"]), max_size=4)),
    st.tuples(st.just("forget position"), st.just(0)),
    st.tuples(st.just("back up"), st.just(0)),
    st.tuples(st.just("put back"), st.just(0)),
    st.tuples(st.just("delete row"), st.integers(0, 40)),
)


@example(steps=[("write", 2), ("run", []), ("delete row", 0), ("forget position", 0)], whole=True)
@example(steps=[("write", 4), ("run", ["ambiguous", "kill after"]), ("again", 1)], whole=False)
@given(steps=st.lists(STEPS, max_size=14), whole=st.booleans())
@settings(max_examples=20)
def test_each_return_is_there_once(steps: list[tuple[str, Any]], whole: bool) -> None:
    with pytest.MonkeyPatch.context() as patched, tempfile.TemporaryDirectory(dir=IN_MEMORY) as folder:
        patched.setattr(feeder_module, "asyncio", FakeAsyncio())
        if not whole:
            patched.setattr(feeder_module, "BATCH_ROWS", 2)
        asyncio.run(_Scenario(Path(folder)).run([*steps, ("run", [])]))


class _Scenario:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "returns.db"
        self.written = 0
        self.deleted: set[int] = set()
        self.backup: bytes | None = None
        self.journal = self._journal()

    def _journal(self) -> Journal:
        journal = Journal(str(self.folder / "journal"), 1 << 30, 10**9, notes_folder=str(self.folder / "notes"))
        journal.open()
        return journal

    async def run(self, steps: list[tuple[str, Any]]) -> None:
        for what, much in steps:
            await getattr(self, f"_{what.replace(' ', '_')}")(much)
            self.check(complete=what == "run")
        self.journal.close()

    async def _write(self, number: int) -> None:
        for _ in range(number):
            self._put(self.written)
            self.written += 1
        self.journal.flush()

    async def _again(self, number: int) -> None:
        """An agent sends a return again whose acknowledgement it didn't get."""
        if number < self.written and number not in self.deleted:
            self._put(number)
            self.journal.flush()

    async def _others(self, number: int) -> None:
        for _ in range(number):
            self.journal.append(write_record(METRICS, "web1", NOW, {"fun": "stats.collect", "return": {}}))
        self.journal.flush()

    def _put(self, number: int) -> None:
        jid = f"{JID + number // 2}"
        if number % 2 == 0:
            self.journal.append(write_record(JOB, "", NOW, {"jid": jid, "fun": "test.f", "minions": []}))
        body = {"jid": jid, "fun": "test.f", "return": number, "success": True}
        self.journal.append(write_record(FOR_JOBS, f"web{number % 2}", NOW, body))

    async def _run(self, plan: list[str]) -> None:
        """Run a master, again after each death, until all is stored."""
        plan = list(plan)
        while True:
            returner = Flaky(Database(sqlite_file(str(self.path))), "x")
            returner.plan = plan
            reader = self.journal.reader("returner-x", JOB | FOR_JOBS)
            dead = DeadLetters(str(self.folder / "dead"))
            feeder = Feeder("x", returner, self.journal, reader, dead, AtOnce())  # type: ignore[arg-type]
            task = asyncio.create_task(_dying(feeder))
            await until(lambda reader=reader, feeder=feeder, task=task: task.done() or _idle(reader, feeder))
            died = task.done()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            returner.close()
            assert dead.count == 0
            if not died:
                return
            self.journal = self._journal()  # as it is on disk: the position of a second ago, or none

    async def _forget_position(self, _: int) -> None:
        self.journal.close()
        (self.folder / "notes" / "returner-x.position").unlink(missing_ok=True)
        self.journal = self._journal()

    async def _back_up(self, _: int) -> None:
        if self.path.exists():
            self.backup = self.path.read_bytes()

    async def _put_back(self, _: int) -> None:
        if self.backup is not None:
            self.path.write_bytes(self.backup)

    async def _delete_row(self, number: int) -> None:
        """Somebody deletes a row that he doesn't want: it stays away."""
        if number < self.written and number in self.rows():
            with contextlib.closing(sqlite3.connect(self.path)) as connection, connection:
                connection.execute("DELETE FROM salt_returns WHERE full_ret = ?", [str(number)])
            self.deleted.add(number)
            self.backup = None

    def rows(self) -> list[int]:
        if not self.path.exists():
            return []
        with contextlib.closing(sqlite3.connect(self.path)) as connection:
            try:
                return sorted(int(row[0]) for row in connection.execute("SELECT full_ret FROM salt_returns"))
            except sqlite3.OperationalError:
                return []

    def check(self, *, complete: bool) -> None:
        there, wanted = self.rows(), [number for number in range(self.written) if number not in self.deleted]
        assert len(there) == len(set(there))
        assert set(there) <= set(wanted)
        if complete:
            assert there == wanted


def test_a_position_that_somebody_else_moved_is_asked_for_again(tmp_path: Path) -> None:
    made = [SqliteReturner(Database(sqlite_file(str(tmp_path / "x.db"))), "x") for _ in range(2)]
    for one in made:
        one.open("j", Position(1, 0))
    made[0].put([], Position(1, 10))
    with pytest.raises(Elsewhere):
        made[1].put([], Position(1, 20))
    assert made[1].open("j", Position(1, 0)) == Position(1, 10)
    assert made[1].open("another", Position(3, 0)) == Position(3, 0)


async def _dying(feeder: Feeder) -> None:
    with contextlib.suppress(Killed, BaseExceptionGroup):
        await feeder.run()


def _idle(reader: Any, feeder: Feeder) -> bool:
    return not reader.behind() and bool(feeder.metrics()["connected"])
