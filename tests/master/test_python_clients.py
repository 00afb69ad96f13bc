"""What the Python clients ask of a master: jobs that run already, ids of one's own, its options and files."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from saltern.asynchronous import AsyncLocalClient, AsyncMasterEvent, AsyncRunnerClient, AsyncWheelClient
from saltern.client import LocalClient
from saltern.config import MasterOptions
from saltern.errors import ArgumentError, ChannelError, MasterNotRunning, NotAuthorised
from saltern.event import MasterEvent, get_event
from saltern.keystore import KeyStore
from saltern.netapi import NetapiClient
from saltern.runner import RunnerClient
from saltern.wheel import WheelClient
from saltern_master.commands.options import without_secrets
from saltern_master.jobs.store import JobReturn
from saltern_master.master import Master
from support.masters import FakeAgent, running, until


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scenario)


@pytest.fixture
def options(options: MasterOptions) -> MasterOptions:
    options["auto_accept"] = True
    return options


async def joined(master: Master, *names: str) -> list[FakeAgent]:
    agents = [FakeAgent(master, name) for name in names]
    for agent in agents:
        await agent.join()
    return agents


async def job_of(agent: FakeAgent) -> dict[str, Any]:
    return (await agent.receive(agent.jobs)).body


def test_a_job_that_runs_already_is_followed(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with running(options) as master:
            client = LocalClient(mopts=options)
            one, two = await joined(master, "web01", "web02")
            started = await asyncio.to_thread(client.run_job, "*", "test.f")
            assert started["minions"] == ["web01", "web02"]
            jobs = [await job_of(agent) for agent in (one, two)]
            one.give_back(jobs[0], "early")
            await until(lambda: master.tracker._active[started["jid"]].waiting == {"web02"})
            rows = client.get_iter_returns(started["jid"], ["web01", "web02", "nobody"], expect_minions=True)
            first = await asyncio.to_thread(next, rows)
            assert first == {"web01": {"ret": "early", "retcode": 0, "jid": started["jid"]}}
            waiting = asyncio.create_task(asyncio.to_thread(list, rows))
            await until(lambda: master.tracker._active[started["jid"]].followers)
            two.give_back(jobs[1], "late")
            late = {"ret": "late", "retcode": 0, "jid": started["jid"]}
            assert await waiting == [{"web02": late}, {"nobody": {"failed": True}}]
            assert await kept(client, started, 2) == {"web01": {"ret": "early"}, "web02": {"ret": "late"}}
            again = client.get_iter_returns(started["jid"], {"web01"}, expect_minions=True)
            assert [list(row) for row in await asyncio.to_thread(list, again)] == [["web01"]]
            values = await asyncio.to_thread(client.get_returns, started["jid"], ["web01", "web02"])
            assert values == {"web01": "early", "web02": "late"}
            for agent in (one, two):
                agent.close()

    run(scenario())


async def kept(client: LocalClient, job: dict[str, Any], count: int) -> dict[str, Any]:
    """Return what is stored of a job's returns, when there are so many."""
    while len(found := await asyncio.to_thread(client.get_cache_returns, job["jid"])) < count:
        await asyncio.sleep(0.02)
    return found


def test_a_jid_of_ones_own_is_used_once(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with running(options) as master:
            client = LocalClient(mopts=options)
            (agent,) = await joined(master, "web01")
            jid = "20260101000000123456"
            start = partial(client.cmd_async, "*", "test.f", jid=jid)
            assert await asyncio.to_thread(start) == jid
            job = await job_of(agent)
            assert job["jid"] == jid
            with pytest.raises(ArgumentError, match=f"there is a job {jid} already: give another jid"):
                await asyncio.to_thread(start)
            for wrong in ("20260101", "x" * 20, "../../../../etc/pass"):
                with pytest.raises(ValueError, match="jid"):
                    await asyncio.to_thread(partial(client.cmd_async, "*", "test.f", jid=wrong))
            agent.give_back(job, 1)
            await kept(client, {"jid": jid}, 1)
            agent.close()
        async with running(options):  # it is known from the store too
            with pytest.raises(ArgumentError, match="already"):
                await asyncio.to_thread(start)

    run(scenario())


def test_a_jid_that_a_scheduled_run_took_is_no_jobs(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with running(options) as master:
            (agent,) = await joined(master, "web01")
            jid = "20260101000000123456"
            taken = JobReturn(jid, "web01", "test.f", True, time.time(), {"jid": jid, "return": 1})
            await asyncio.to_thread(master.job_store.put_returns, [taken])
            assert not master.tracker.knows(jid)
            client = LocalClient(mopts=options)
            with pytest.raises(ArgumentError, match=f"there is a job {jid} already"):
                await asyncio.to_thread(partial(client.run_job, "*", "test.f", jid=jid))
            agent.close()

    run(scenario())


def test_minions_have_as_long_to_answer_as_was_asked_for(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with running(options) as master:
            (agent,) = await joined(master, "web01")
            client = LocalClient(mopts={**options, "gather_job_timeout": 0.1})
            began = asyncio.get_running_loop().time()
            answer = await asyncio.to_thread(partial(client.cmd, "*", "test.f", timeout="0.1"))
            assert answer["web01"].startswith("Minion did not return. [No response]\nThe minions may not have all")
            assert answer["web01"].endswith(f"saltern-run jobs.lookup_jid {(await job_of(agent))['jid']}")
            assert asyncio.get_running_loop().time() - began < 5  # as long as the master's own time to answer
            started = await asyncio.to_thread(client.run_job, "*", "test.f")
            rows = client.get_iter_returns(started["jid"], ["web01"], timeout=0.1, expect_minions=True)
            assert await asyncio.to_thread(list, rows) == [{"web01": {"failed": True}}]
            agent.close()

    run(scenario())


def test_credentials_that_are_not_whole_are_refused_in_one_line(options: MasterOptions) -> None:
    client = LocalClient(mopts=options)
    for call in (client.cmd, client.run_job, client.cmd_async, client.cmd_subset):
        with pytest.raises(ArgumentError, match="a login needs username, password and eauth"):
            call("*", "test.ping", eauth="pam", username="x")
    for kind in (RunnerClient, WheelClient):
        with pytest.raises(ArgumentError, match="No authentication credentials given: eauth, password"):
            kind(options).cmd_async({"fun": "key.list_all", "username": "x"})


def test_whom_nobody_lets_in_is_refused_by_every_client(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with running(options):
            client, who = LocalClient(mopts=options), {"eauth": "pam", "username": "x", "password": "y"}
            for call in (client.cmd, client.run_job, client.cmd_async, client.cmd_subset):
                with pytest.raises(NotAuthorised, match="Could not authenticate using provided credentials"):
                    await asyncio.to_thread(partial(call, "*", "test.ping", **who))
            for kind in (RunnerClient, WheelClient):
                for credentials in (who, {"token": "x"}, {"token": "0" * 64}):
                    with pytest.raises(NotAuthorised):
                        await asyncio.to_thread(kind(options).cmd_async, {"fun": "key.list_all", **credentials})

    asyncio.run(scenario())


def test_without_a_master_nobody_who_logs_in_changes_keys(options: MasterOptions) -> None:
    keys = KeyStore(options["pki_dir"])
    keys.create()
    own = WheelClient(options)
    assert own.cmd("key.gen_accept", ["web1"])["pub"]
    for credentials in ({"token": "0" * 64}, {"eauth": "file", "username": "x", "password": "y"}):
        for low in ({"fun": "key.list_all"}, {"fun": "key.gen_accept", "id_": "evil"}, {"fun": "key.delete_all"}):
            with pytest.raises(MasterNotRunning):
                own.cmd_sync({**low, **credentials})
            with pytest.raises(MasterNotRunning):
                NetapiClient({**options, "netapi_enable_clients": ["wheel"]}).run(
                    {"client": "wheel", **low, **credentials}
                )
    assert keys.ids("minions") == ["web1"]


def test_functions_of_the_master_answer_as_salts_do(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with running(options):
            runner = RunnerClient(options)
            call = partial(asyncio.to_thread, runner.cmd)
            assert await call("test.arg", ["1", "a", "k=2", {"__kwarg__": True, "x": None}], kwarg={"y": [1]}) == {
                "args": [1, "a"],
                "kwargs": {"k": 2, "x": None, "y": [1]},
            }
            assert (await call("jobs.lookup_jid", ["nonsense"])).startswith(
                "Exception occurred in runner jobs.lookup_jid: "
            )
            data = await call("metrics.explain", ["web01", "x.y"], full_return=True)
            assert (data["success"], data["retcode"], len(data["jid"])) == (False, 1, 20)
            usage = await call("jobs.lookup_jid")
            assert usage.startswith("\nPassed invalid arguments: jobs.lookup_jid was called wrongly: missing")
            assert "saltern-run jobs.lookup_jid" in usage.partition("\n\nUsage:\n")[2]
            with pytest.raises(ArgumentError, match=r"^The following keyword arguments are not valid: nosuch=1$"):
                await call("manage.up", kwarg={"nosuch": 1})
            with pytest.raises(KeyError, match="is not a runner function"):
                await call("manage.nosuch")
            synced = await asyncio.to_thread(partial(runner.cmd_sync, {"fun": "test.arg", "a": 1}, full_return=True))
            assert synced["tag"] == f"salt/run/{synced['data']['jid']}/ret"
            assert synced["data"]["return"] == {"args": [], "kwargs": {"a": 1}}
            functions = await asyncio.to_thread(lambda: runner.functions)
            assert "manage.up" in functions
            assert await asyncio.to_thread(functions["test.arg"], "1", b=2) == {"args": ["1"], "kwargs": {"b": 2}}

    run(scenario())


def test_secrets_of_the_wheel_are_for_its_caller_alone(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with running(options):
            with await asyncio.to_thread(get_event, "master", opts=options) as events:
                wheel = WheelClient(options)
                made = await asyncio.to_thread(wheel.cmd, "key.gen_accept", ["new1"])
                ended = await asyncio.to_thread(partial(events.get_event, tag="/ret", match_type="endswith"))
                assert ended is not None
                assert ended["return"] == "***"
                assert ended["fun"] == "wheel.key.gen_accept"
                assert made["priv"] not in str(ended)

    run(scenario())


def test_options_are_shown_without_secrets() -> None:
    shown = without_secrets(
        "",
        {
            "timeout": 5.0,
            "events_token": "abc",
            "gitfs_remotes": [
                {"https://joe:pass@git.example/x": [{"password": "p"}]},
                "https://joe:pass@git.example/y",
            ],
            "alerts": {"a": {"api_key": "k", "metric": "a.b"}},
            "empty_token": "",
        },
    )
    assert "pass@" not in str(shown)
    assert shown["timeout"] == 5.0
    assert shown["events_token"] == shown["alerts"]["a"]["api_key"] == "***"
    assert shown["alerts"]["a"]["metric"] == "a.b"
    assert "'p'" not in str(shown)
    assert shown["empty_token"] == ""


def test_files_of_the_roots_are_shown_and_none_outside(options: MasterOptions, tmp_path: Path) -> None:
    first, second = tmp_path / "one", tmp_path / "two"
    for root in (first, second):
        (root / "sub").mkdir(parents=True)
        (root / "sub/a.txt").write_text(f"of {root.name} ä\n")
    (first / "b.bin").write_bytes(b"\0\1")
    (first / "long.txt").write_text("ä" * 400)
    (first / ".env").write_text("PASSWORD=x")
    (first / "out").symlink_to("/etc/passwd")
    (tmp_path / "secret").write_text("x")
    options["file_roots"] = {"base": [str(first), str(second)], "dev": []}

    async def scenario() -> None:
        async with running(options):
            wheel = WheelClient(options)

            async def ask(fun: str, *args: Any) -> Any:
                return await asyncio.to_thread(wheel.cmd, f"file_roots.{fun}", list(args))

            assert await ask("find", "sub/a.txt") == [{f"{first}/sub/a.txt": "txt"}, {f"{second}/sub/a.txt": "txt"}]
            assert await ask("read", "sub/a.txt") == [
                {f"{first}/sub/a.txt": "of one ä\n"},
                {f"{second}/sub/a.txt": "of two ä\n"},
            ]
            assert await ask("find", "b.bin") == [{f"{first}/b.bin": "bin"}]
            assert await ask("read", "b.bin") == []
            assert await ask("read", "long.txt") == [{f"{first}/long.txt": "ä" * 400}]
            for hidden in (
                ".env",
                "out",
                "../secret",
                f"{tmp_path}/secret",
                "sub/../../secret",
                "sub",
                "",
                "nosuch",
                "a\0",
            ):
                assert await ask("find", hidden) == await ask("read", hidden) == []
            trees = {
                str(first): {"b.bin": "f", "long.txt": "f", "sub": {"a.txt": "f"}},
                str(second): {"sub": {"a.txt": "f"}},
            }
            assert await ask("list_env") == trees
            assert await ask("list_roots") == {"base": [trees], "dev": [{}]}
            assert await ask("list_env", "nosuch") == {}
            assert await asyncio.to_thread(wheel.cmd, "minions.connected") == []
            assert (await asyncio.to_thread(wheel.cmd, "config.values"))["file_roots"] == options["file_roots"]

    run(scenario())


def test_calls_of_asyncio_wait_beside_each_other_and_end_when_cancelled(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with running(options) as master:
            (agent,) = await joined(master, "web01")
            async with AsyncLocalClient(mopts=options, most=2) as client:
                calls = [asyncio.create_task(client.cmd("*", "test.f", [n])) for n in range(2)]
                jobs = [await job_of(agent) for _ in calls]
                for job in reversed(jobs):
                    agent.give_back(job, job["arg"][0], seq=job["arg"][0] + 1)
                assert await asyncio.gather(*calls) == [{"web01": 0}, {"web01": 1}]
                cancelled = [asyncio.create_task(client.cmd("*", "test.f")) for _ in range(5)]
                await job_of(agent)
                for call in cancelled:
                    call.cancel()
                assert [type(error) for error in await asyncio.gather(*cancelled, return_exceptions=True)] == [
                    asyncio.CancelledError
                ] * 5
                rows = client.cmd_iter("*", "test.g")
                following = asyncio.create_task(anext(rows))
                job = await job_of(agent)
                while job.get("fun") != "test.g":  # other messages may come between
                    job = await job_of(agent)
                agent.give_back(job, "g", seq=9)
                assert (await following)["web01"]["ret"] == "g"
                assert [row async for row in rows] == []
                left = client.cmd_iter("*", "test.h")
                waiting = asyncio.create_task(anext(left))
                await job_of(agent)
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
                await left.aclose()  # type: ignore[attr-defined]
                assert await client.cmd("nobody", "test.f") == {}  # there are threads for it
            agent.close()

    run(scenario())


def test_the_masters_functions_and_events_for_asyncio(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with (
            running(options),
            AsyncRunnerClient(options) as runner,
            AsyncWheelClient(options) as wheel,
            AsyncMasterEvent(options["sock_dir"]) as events,
        ):
            await events.subscribe()
            assert await wheel.cmd("key.list", ["accepted"]) == {"minions": []}
            started = await runner.asynchronous("test.arg", {"arg": ["x"], "kwarg": {}})
            async for event in events.iter_events(f"{started['tag']}/ret"):
                assert event["return"] == {"args": ["x"], "kwargs": {}}
                break
            with pytest.raises(KeyError):
                await runner.cmd("nosuch.fun")
            nothing = asyncio.create_task(events.get_event(None, "nosuch/"))
            await asyncio.sleep(0)
            nothing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await nothing
            await events.subscribe()
            assert await events.fire_event({"a": 1}, "my/tag")
            found = await events.get_event(tag="my/", full=True)
            assert found is not None
            assert found["data"]["a"] == 1
        assert events._events._stream is None

    run(scenario())


def test_events_that_came_while_another_was_waited_for_are_kept_when_subscribed_to(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with running(options):
            with await asyncio.to_thread(get_event, "master", options["sock_dir"]) as events:
                await asyncio.to_thread(_fire_and_get, events)

    def _fire_and_get(events: MasterEvent) -> None:
        events.subscribe("mine/")
        events.subscribe("x/*/y", "fnmatch")
        for tag in ("mine/1", "other/1", "x/1/y", "mine/2", "last/1"):
            events.fire_event({"tag": tag}, tag)
        assert events.get_event(tag="last/") is not None
        assert events.get_event(tag="other/", no_block=True) is None
        assert [event["tag"] for event in events.iter_events("mine/", wait=0.01)] == ["mine/1", "mine/2"]
        events.unsubscribe("x/*/y", "fnmatch")
        assert events.get_event(tag="x/", wait=0.01) is None
        assert events.get_event_noblock() is None
        with pytest.raises(ArgumentError, match="match_type 'glob' is not known: use startswith, endswith"):
            events.get_event(match_type="glob")
        assert MasterEvent(events.sock_dir).fire_master({}, "my/tag")

    run(scenario())
    with pytest.raises(ArgumentError, match="'minion' has no event bus"):
        get_event("minion", opts=options)
    with pytest.raises(ArgumentError, match="sock_dir"):
        get_event("master")


def test_a_follower_of_events_comes_back_to_a_master_that_was_started_again(options: MasterOptions) -> None:
    async def scenario() -> None:
        events = MasterEvent(options["sock_dir"])
        async with running(options):
            await asyncio.to_thread(events.subscribe, "my/")
            gone = MasterEvent(options["sock_dir"])
            await asyncio.to_thread(gone.subscribe)
        with pytest.raises(ChannelError):
            await asyncio.to_thread(gone.get_event)
        waiting = asyncio.create_task(asyncio.to_thread(partial(events.get_event, 30, "my/tag", auto_reconnect=True)))
        async with running(options) as master:
            await until(lambda: master.bus.metrics()["subscribers"] and events._stream is not None)
            while not waiting.done():
                master.bus.publish("my/tag", {"a": 1})
                await asyncio.sleep(0.05)
            found = await waiting
            assert found is not None
            assert found["a"] == 1
        events.close()

    run(scenario())
    assert os.path.exists(options["pki_dir"])
