"""``returns.query`` through the door, and a master that writes to a returner."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from typing import Any

import pytest

from saltern.config import MasterOptions
from saltern.errors import ArgumentError
from saltern_master.auth.accounts import Account
from saltern_master.auth.caller import Caller, Kind
from saltern_master.auth.policy import Policy
from saltern_master.jobs.store import JobLoad, JobReturn
from saltern_master.journal.reader import Position
from saltern_master.master import Master
from support.masters import FakeAgent, running, until

ROOT = Caller(Kind.LOCAL, "root", 0)
FRED = Caller(Kind.LOCAL, "fred", 1234)
JIDS = [f"202601010000000000{n:02d}" for n in range(6)]


@pytest.fixture
def now() -> float:
    """Of the test: its file may have been read long before."""
    return time.time()


@pytest.fixture
def master(options: MasterOptions, now: float) -> Any:
    """A master's objects, with returns of six jobs on two minions; nobody started it."""
    options["returners"] = {"here": "sqlite"}
    made = Master(options)
    made.job_store.open()
    made.job_store.put_jobs([JobLoad(JIDS[0], now, {"fun": "test.ping", "minions": ["a"], "owner": "local:root"})])
    made.job_store.put_returns(
        [
            JobReturn(jid, minion, "test.f" if n % 2 else "test.ping", n != 3, now - 3600 * n, {"return": {"n": n}})
            for n, jid in enumerate(JIDS)
            for minion in ("a", "b")
        ]
    )
    yield made
    made.job_store.close()
    made.journal.close()
    made.dispatcher.close()


def ask(master: Master, caller: Caller = ROOT, **given: Any) -> Any:
    return asyncio.run(master.dispatcher.call(caller, "runner.returns.query", [], given))


def keys(answer: dict[str, Any]) -> list[str]:
    return [f"{one['jid'][-1]}{one['id']}" for one in answer["returns"]]


def test_returns_are_found_by_what_is_asked(master: Master, now: float) -> None:
    everything = ask(master)
    assert keys(everything) == ["5b", "5a", "4b", "4a", "3b", "3a", "2b", "2a", "1b", "1a", "0a"]  # 0b was nobody's
    one = everything["returns"][-1]
    assert {**one, "time": ""} == {
        "jid": JIDS[0], "id": "a", "fun": "test.ping", "success": True, "return": {"n": 0}, "time": ""
    }  # fmt: skip
    assert one["time"].endswith("Z")
    assert keys(ask(master, minion="a", function="test.f")) == ["5a", "3a", "1a"]
    assert keys(ask(master, jid=JIDS[2])) == ["2b", "2a"]
    assert keys(ask(master, success=False)) == ["3b", "3a"]
    assert keys(ask(master, since="90m")) == ["1b", "1a", "0a"]
    assert keys(ask(master, since=now - 3 * 3600 - 5, until="1.5h", minion="a")) == ["3a", "2a"]
    assert keys(ask(master, until="2000-01-01T00:00")) == []
    for returner in (None, "here"):  # no number is too much
        master.returners["here"].open("j" * 32, Position(0, 0))
        assert keys(ask(master, until="99999999w", since=1e300, returner=returner)) == []
        assert keys(ask(master, until=-1e300, returner=returner)) == []


def test_what_another_ran_on_the_master_is_kept_from_others_when_its_job_is_gone(
    options: MasterOptions, master: Master, now: float
) -> None:
    master.policy = Policy({"fred": ["@runner"]}, master.powers, lambda uid: Account("fred", ()))
    master.dispatcher._policy = master.policy
    returned = JobReturn("2" * 20, "host_master", "runner.fileserver.envs", True, now, {"return": "***"})
    master.job_store.put_returns([returned])  # as from a returner, which keeps it longer than the store keeps the job
    assert keys(ask(master))[0] == "2host_master"
    assert keys(ask(master, FRED)) == keys(ask(master))[1:]


def test_pages_follow_one_another(master: Master) -> None:
    seen: list[str] = []
    after = None
    while True:
        answer = ask(master, limit=4, after=after)
        seen += keys(answer)
        after = answer.get("after")
        if after is None:
            break
    assert seen == keys(ask(master))
    assert keys(ask(master, limit=2, offset=3)) == ["4a", "3b"]


def test_large_returns_come_some_at_a_time(master: Master, now: float) -> None:
    later = [f"203001010000000000{n:02d}" for n in range(3)]
    master.job_store.put_returns([JobReturn(j, "big", "f", True, now, {"return": "x" * 3_000_000}) for j in later])
    answer = ask(master, minion="big")
    assert (len(answer["returns"]), answer["after"]) == (1, f"{later[2]}/big")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"limit": 0}, "limit must be between 1 and 1,000"),
        ({"limit": 5000}, "limit must be between 1 and 1,000"),
        ({"offset": -1}, "offset must be between"),
        ({"since": "yesterday"}, "since: 'yesterday' is no time: write seconds since 1970"),
        ({"after": "x"}, "after: 'x' is none"),
        ({"returner": "there"}, "returner: there is none called 'there': there are here"),
    ],
)
def test_what_is_wrong_is_said(master: Master, given: dict[str, Any], said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        ask(master, **given)


def test_who_may_not_run_runners_finds_nothing(master: Master) -> None:
    with pytest.raises(Exception, match=r"returns\.query") as caught:
        ask(master, FRED)
    assert type(caught.value).__name__ in ("NotAuthorised", "FunctionNotFound")


def test_a_master_writes_what_a_minion_returns_to_a_returner(options: MasterOptions) -> None:
    options["returners"] = {"here": "sqlite"}
    options["auto_accept"] = True

    async def scenario() -> None:
        async with running(options) as master:
            agent = FakeAgent(master, "web1")
            await agent.join()
            call = master.dispatcher.call
            given = {"tgt": "web1", "fun": "test.echo", "arg": ["x"]}
            published = await call(ROOT, "job.publish", [], given)
            assert agent.jobs is not None
            job = (await agent.receive(agent.jobs)).body
            agent.give_back(job, {"a": [1, "ü"]})
            (feeder,) = master.returners.parts
            await until(lambda: feeder.metrics()["rows"] == 2)
            answer = await call(ROOT, "runner.returns.query", [], {"returner": "here"})
            (found,) = answer["returns"]
            assert (found["jid"], found["id"], found["return"]) == (published["jid"], "web1", {"a": [1, "ü"]})
            names = {name for values in master.self_metrics.sample(time.time()) for name in values}
            for name in ("rows", "failures", "lost", "behind_bytes", "lag_s", "set_aside", "purged", "connected"):
                assert f"saltern.master.returners.here.{name}" in names
            agent.close()

    asyncio.run(scenario())
    with closing(sqlite3.connect(f"{options['cachedir']}/returns.db")) as connection:
        rows = connection.execute("SELECT fun, id, fun_args, full_ret, success FROM salt_returns").fetchall()
    assert rows == [("test.echo", "web1", "['x']", '{"a": [1, "ü"]}', "1")]
