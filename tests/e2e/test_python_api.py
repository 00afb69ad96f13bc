"""Scripts that users bring from Salt, with ``salt`` replaced by ``saltern``."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import saltern.client
import saltern.config
import saltern.event
import saltern.wheel
from saltern.errors import ArgumentError, MasterNotRunning
from support.stacks import Parts, wait_for


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    parts = Parts(tmp_path_factory.mktemp("stack"), minions=2, master="schedule: {stats: false}\n")
    with parts.running():
        yield parts


def test_pending_keys_are_accepted_by_a_script(tmp_path: Path) -> None:
    parts = Parts(tmp_path / "s", master="schedule: {stats: false}\n", minion="pending_retry_interval: 0.5\n")
    path = parts.stack.config_dir
    minion = parts.stack.minion_ids[0]
    (Path(parts.stack.root) / "pki" / "master" / "minions" / minion).unlink()
    try:
        parts.start()
        opts = saltern.config.master_config(path)
        wheel = saltern.wheel.Wheel(opts)
        pending = wait_for(lambda: wheel.call_func("key.list_all")["minions_pre"], "the pending key")
        assert pending == [minion]
        wait_for(lambda: "waiting for this minion's key" in parts.log(f"agent {minion}"), "the agent to say so")
        for m in pending:
            wheel.call_func("key.accept", match=m)
        client = saltern.client.LocalClient(path)
        wait_for(parts.up, "the accepted agent")
        assert client.cmd("*", "test.ping") == {minion: True}
    finally:
        parts.stop_all()


def test_functions_on_minions(parts: Parts) -> None:
    client = saltern.client.LocalClient(parts.stack.config_dir)
    minions = parts.stack.minion_ids
    assert client.cmd("*", "test.ping") == dict.fromkeys(minions, True)
    answer = client.cmd("*", "test.arg_clean", ["arg1", "arg2"], kwarg={"foo": "bar"})
    assert answer == {minion: {"args": ["arg1", "arg2"], "kwargs": {"foo": "bar"}} for minion in minions}
    several = client.cmd("*", ["grains.items", "sys.doc", "cmd.run"], [[], [], ["uptime"]])
    for minion in minions:
        assert several[minion]["grains.items"]["id"] == minion
        assert "CLI Example" in several[minion]["sys.doc"]["test.ping"]
        assert "load average" in several[minion]["cmd.run"]
    assert client.cmd(minions[0], "test.ping") == {minions[0]: True}
    assert client.cmd([minions[1]], "test.ping") == {minions[1]: True}
    assert client.cmd(f"id:{minions[1]}", "test.ping", tgt_type="grain") == {minions[1]: True}
    assert client.cmd("nobody", "test.ping") == {}


def test_keywords_that_nobody_heeds_are_refused(parts: Parts) -> None:
    client = saltern.client.LocalClient(parts.stack.config_dir)
    minion = parts.stack.minion_ids[0]
    wrong: dict[str, Any] = {"expr_form": "list"}
    for call in (client.cmd, client.run_job, client.cmd_async, client.cmd_subset):
        with pytest.raises(TypeError, match="takes no keyword argument 'expr_form': use tgt_type"):
            call("*", "test.ping", **wrong)
    for lazy in (client.cmd_iter, client.cmd_batch):
        with pytest.raises(TypeError, match="'tmeout'"):
            list(lazy("*", "test.ping", tmeout=3))
    assert client.cmd(minion, "test.ping", metadata={"a": 1}, gather_job_timeout=3) == {minion: True}


def test_some_minions_at_a_time_and_some_alone(parts: Parts) -> None:
    client = saltern.client.LocalClient(parts.stack.config_dir)
    first, second = parts.stack.minion_ids
    answers = list(client.cmd_batch("*", "test.echo", ["x"], batch=1))
    assert answers == [{first: "x"}, {second: "x"}]
    assert list(
        client.cmd_batch(f"{first},nosuch", "test.arg_clean", kwarg={"a": 1}, tgt_type="list", batch="50%")
    ) == [{first: {"args": [], "kwargs": {"a": 1}}}]
    with pytest.raises(ArgumentError, match="must be an integer or percentage string"):
        list(client.cmd_batch("*", "test.ping", batch="x"))
    assert list(client.cmd_subset("*", "test.ping", subset=1).values()) == [True]
    assert client.cmd_subset("*", "test.ping") == {first: True, second: True}
    assert client.cmd_subset("nobody", "test.ping") == {}


def test_returns_of_a_job_that_runs_already(parts: Parts) -> None:
    client = saltern.client.LocalClient(parts.stack.config_dir)
    started = client.run_job("*", "test.sleep", [0.5])
    found: dict[str, object] = {}
    minions = [*started["minions"], "nosuch"]
    for answer in client.get_iter_returns(started["jid"], minions, timeout=0.2, expect_minions=True):
        assert answer is not None
        found.update({minion: data.get("ret", data.get("failed")) for minion, data in answer.items()})
    assert found == {**dict.fromkeys(started["minions"], True), "nosuch": True}
    assert client.get_cache_returns("20200101000000000000") == {}


def test_a_job_runs_on_its_own(parts: Parts) -> None:
    client = saltern.client.LocalClient(parts.stack.config_dir)
    started = client.run_job("*", "test.sleep", [300])
    assert started == {"jid": started["jid"], "minions": sorted(parts.stack.minion_ids)}
    minion = parts.stack.minion_ids[0]
    found = wait_for(lambda: client.cmd(minion, "saltutil.find_job", [started["jid"]])[minion], "the job")
    assert found["fun"] == "test.sleep"
    client.cmd("*", "saltutil.kill_job", [started["jid"]])


def test_a_long_job_is_waited_for(parts: Parts) -> None:
    client = saltern.client.LocalClient(parts.stack.config_dir)
    minion = parts.stack.minion_ids[0]
    assert client.cmd(minion, "test.sleep", [2], timeout=0.3) == {minion: True}


def test_events(parts: Parts) -> None:
    opts = saltern.config.master_config(parts.stack.config_dir)
    bus = saltern.event.MasterEvent(opts["sock_dir"])
    bus.subscribe()
    client = saltern.client.LocalClient(parts.stack.config_dir)
    minion = parts.stack.minion_ids[0]
    jid = client.cmd_async(minion, "test.echo", ["hello"])
    for e in bus.iter_events(full=True, wait=30):
        if e["tag"] == f"salt/job/{jid}/ret/{minion}":
            data = e["data"]
            break
    assert {key: data[key] for key in ("fun", "fun_args", "jid", "id", "return", "retcode", "success", "cmd")} == {
        "fun": "test.echo",
        "fun_args": ["hello"],
        "jid": jid,
        "id": minion,
        "return": "hello",
        "retcode": 0,
        "success": True,
        "cmd": "_return",
    }
    assert data["_stamp"][:2] == "20"
    assert data["from"] == f"minion:{minion}"
    assert bus.fire_event({"by": "a script", "from": "minion:somebody"}, "my/tag")
    heard = bus.get_event(wait=30, tag="my/")
    assert heard is not None
    assert (heard["by"], heard["from"]) == ("a script", "user:root")
    bus.close()


def test_without_a_master_the_error_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "master").write_text(f"sock_dir: {tmp_path}/run\n")
    client = saltern.client.LocalClient(tmp_path)
    with pytest.raises(MasterNotRunning, match="is saltern-master running"):
        client.cmd("*", "test.ping")


def test_this_host_is_called_as_its_minion(parts: Parts) -> None:
    minion = parts.stack.minion_ids[0]
    with saltern.client.Caller(parts.stack.minion_config(minion)) as caller:
        assert caller.opts["id"] == minion
        assert caller.cmd("grains.get", "id") == minion
        assert caller.cmd("test.arg_clean", "k=2", b=1) == {"args": ["k=2"], "kwargs": {"b": 1}}
        assert caller.cmd("cp.list_master") == []  # the master is asked
        assert "test.ping" in caller.sminion.functions
        with pytest.raises(KeyError, match="nosuch"):
            caller.cmd("nosuch.fun")
        with pytest.raises(TypeError):
            caller.cmd("test.echo")


def test_programs_of_asyncio_call_many_at_once(parts: Parts) -> None:
    async def scenario() -> None:
        minions = sorted(parts.stack.minion_ids)
        async with saltern.client.AsyncLocalClient(parts.stack.config_dir) as client:
            answers = await asyncio.gather(*[client.cmd("*", "test.echo", [str(n)]) for n in range(20)])
            assert answers == [dict.fromkeys(minions, str(n)) for n in range(20)]
            found = [one async for row in client.cmd_iter("*", "test.ping") for one in row]
            assert sorted(found) == minions
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await client.cmd("*", "test.sleep", [30])

    asyncio.run(scenario())
    client = saltern.client.LocalClient(parts.stack.config_dir)
    client.cmd("*", "saltutil.kill_all_jobs")
