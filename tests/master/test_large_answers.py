"""Answers that are large: a job's follower asks for what came too fast, and the socket's answers come in pieces."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from saltern.config import MasterOptions
from saltern.errors import MessageTooLarge
from saltern.following import Following
from saltern.local import LocalConnection
from saltern.order import Order
from saltern_master.bus import MAX_QUEUE_BYTES
from saltern_master.commands import jobs as jobs_module
from saltern_master.entrances import local as entrance_module
from saltern_master.jobs.store import JobLoad, JobReturn
from saltern_master.jobs.stores.memory import MemoryJobStore
from saltern_master.jobs.stores.sqlite import SqliteJobStore
from support.masters import FakeAgent, running, until

RETURN = "x" * 1_000_000
AGENTS = 13
JID = "20260101000000000000"


def large_jobs(number: int) -> list[JobLoad]:
    """Jobs of now, which the master keeps, with 10 kB of arguments each."""
    return [JobLoad(f"{int(JID) + n}", time.time(), {"fun": "test.f", "arg": ["y" * 10_000]}) for n in range(number)]


def test_a_follower_that_reads_late_gets_every_answer(options: MasterOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    assert AGENTS * len(RETURN) > MAX_QUEUE_BYTES
    read = threading.Event()
    asked: list[int] = []
    some_returns = SqliteJobStore.some_returns

    def counted(store: SqliteJobStore, jid: str, minions: Any, max_bytes: int) -> list[JobReturn]:
        found = some_returns(store, jid, minions, max_bytes)
        asked.append(len(found))
        return found

    monkeypatch.setattr(SqliteJobStore, "some_returns", counted)
    options["auto_accept"] = True

    def follow() -> dict[str, Any]:
        with LocalConnection(options["sock_dir"]) as connection:
            job = Order("*", "glob", "test.big", [], {}).publish(connection)
            assert read.wait(30)
            return dict(Following(options["sock_dir"], connection, job.jid).answers())

    async def scenario() -> None:
        async with running(options) as master:
            agents = [FakeAgent(master, f"web{number:02}") for number in range(AGENTS)]
            for agent in agents:
                await agent.join()
            following = asyncio.create_task(asyncio.to_thread(follow))
            for agent in agents:
                job = (await agent.receive(agent.jobs)).body
                agent.give_back(job, RETURN)
            await until(lambda: not master.tracker.metrics()["active"] and master.tracker.knows(job["jid"]))
            read.set()
            found = await following
            assert {name: answer.get("ret") for name, answer in found.items()} == {one.id: RETURN for one in agents}
            assert 0 < sum(asked) < AGENTS  # what was over the bound, and no more
            assert max(asked) <= jobs_module.MAX_SHOWN_BYTES // len(RETURN)
            for agent in agents:
                agent.close()

    asyncio.run(scenario())


def test_an_answer_that_is_too_large_is_an_error_and_others_are_answered_meanwhile(
    options: MasterOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entrance_module, "MAX_LOCAL_BYTES", 5_000_000)
    monkeypatch.setattr(entrance_module, "TURN_S", 0.0)

    async def scenario() -> None:
        async with running(options) as master:
            await asyncio.to_thread(master.job_store.put_jobs, large_jobs(900))

            def ask(limit: int) -> Any:
                with LocalConnection(options["sock_dir"]) as connection:
                    with contextlib.suppress(MessageTooLarge):
                        return connection.call("runner.jobs.list_jobs", limit=limit)
                    return connection.call("runner.manage.up")  # the connection goes on

            several = await asyncio.gather(*(asyncio.to_thread(ask, limit) for limit in (900, 300, 300)))
            assert [len(answer) for answer in several] == [0, 300, 300]
            assert several[1][f"{int(JID) + 899}"]["Arguments"] == ["y" * 10_000]

    asyncio.run(scenario())


def test_answers_and_events_on_one_connection_are_whole_messages(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with running(options) as master:
            await asyncio.to_thread(master.job_store.put_jobs, large_jobs(300))
            done = threading.Event()

            def ask() -> tuple[list[int], int]:
                answers, events = list[int](), 0
                try:
                    with LocalConnection(options["sock_dir"]) as connection:
                        connection.call("event.subscribe", "x/")
                        for _ in range(5):
                            connection.send({"command": "runner.jobs.list_jobs", "kwargs": {"limit": 300}})
                        while len(answers) < 5:
                            message = connection.receive(20)
                            assert message is not None
                            if "result" in message:
                                answers.append(len(message["result"]))
                            else:
                                assert message["tag"] in ("x/y", "salt/events/lost")
                                events += 1
                finally:
                    done.set()  # also when it fails, or the test would publish for ever
                return answers, events

            asking = asyncio.create_task(asyncio.to_thread(ask))
            while not done.is_set():
                master.bus.publish("x/y", {"text": "z" * 200_000})
                await asyncio.sleep(0.001)
            answers, events = await asking
            assert answers == [300] * 5
            assert events > 0

    asyncio.run(scenario())


def test_some_returns_are_as_many_as_fit_and_one_at_least(tmp_path: Path) -> None:
    store = SqliteJobStore(str(tmp_path / "jobs.db"), 1 << 30)
    store.open()
    sizes = {"a": 500, "b": 500, "c": 5000, "d": 10}
    store.put_returns(
        [JobReturn(JID, name, "test.f", True, 1.0, {"return": "x" * size}) for name, size in sizes.items()]
    )

    def some(*minions: str) -> list[str]:
        return [item.minion_id for item in store.some_returns(JID, minions, 2000)]

    assert some("a", "b", "c", "d") == ["a", "b"]
    assert some("c", "d") == ["c"]
    assert some("d", "z") == ["d"]
    assert (some("z"), some()) == ([], [])
    store.close()
    assert MemoryJobStore().some_returns(JID, ["a"], 1) == []
