"""What a minion may run on others, and on the master: what its rules say, and nothing beyond them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from saltern.config import MasterOptions
from saltern.errors import ConfigError
from saltern_master.auth.peers import Peers
from saltern_master.commands.minion import MAX_PUBLISHED_BYTES
from support.masters import FakeAgent, running

PEER: dict[str, Any] = {
    "web.*": ["test\\..*", "cmd.run", {"db*": ["status\\..*"]}],
    "db01": [".*", "publish.publish"],
    "mad.*": ["(a|a)*b.*"],
}


@contextlib.contextmanager
def agents(master: Any, *ids: str) -> Iterator[list[FakeAgent]]:
    made = [FakeAgent(master, minion_id) for minion_id in ids]
    try:
        yield made
    finally:
        for one in made:
            one.close()


def peers(options: MasterOptions, **more: Any) -> MasterOptions:
    return {**options, "auto_accept": True, "peer": PEER, **more}  # type: ignore[typeddict-item, return-value]


async def asks(agent: FakeAgent, cmd: str = "publish", **args: Any) -> dict[str, Any]:
    return await agent.call(cmd, **args)


def test_a_minion_runs_what_it_may_on_whom_it_may_and_it_alone_has_the_answers(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with running(peers(options)) as master:
            with agents(master, "web01", "db01", "db02") as (web01, db01, db02):
                for one in (web01, db01, db02):
                    await one.join()
                web01.send(
                    "call", 7, cmd="publish", args={"tgt": "db*", "fun": "status.uptime", "arg": ["/"], "timeout": 5}
                )
                for one in (db01, db02):
                    job = (await one.receive(one.jobs)).body
                    assert (job["fun"], job["arg"], job["user"]) == ("status.uptime", ["/"], "minion:web01")
                    assert (job["tgt"], job["tgt_type"], job["sees"]) == ("db*", "glob", False)
                    one.give_back(job, f"of {one.id}", **({"out": "nested"} if one is db02 else {}))
                replies = {}
                while "reply" not in replies:
                    message = await web01.receive()
                    replies[message.type] = message
                assert replies["reply"].seq == 7
                of = {"db01": {"ret": "of db01"}, "db02": {"ret": "of db02", "out": "nested"}}
                assert replies["reply"].body == {"result": of}

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("asker", "args"),
    [
        ("web01", {"tgt": "*", "fun": "status.uptime"}),  # on some minions alone
        ("web01", {"tgt": "web*", "fun": "status.uptime"}),
        ("web01", {"tgt": "db*", "fun": "cmd.run_all"}),  # an expression covers no function that runs commands
        ("web01", {"tgt": "db*", "fun": "xtest.ping"}),
        ("web01", {"tgt": "db*", "fun": "pillar.items"}),
        ("db01", {"tgt": "*", "fun": "cmd.run"}),  # not even .*
        ("db01", {"tgt": "*", "fun": "event.send"}),
        ("db01", {"tgt": "*", "fun": "publish.publish"}),
        ("db01", {"tgt": "*", "fun": "publish.nothing"}),
        ("cache1", {"tgt": "*", "fun": "test.ping"}),
        ("cache1", {}),
        ("mad1", {"tgt": "*", "fun": "a" * 400}),  # for ever, without a limit of time
    ],
)
def test_what_is_beyond_the_rules_is_refused(options: MasterOptions, asker: str, args: dict[str, Any]) -> None:
    async def scenario() -> None:
        async with running(peers(options)) as master:
            with agents(master, asker, "db09") as (one, other):
                await one.join()
                await other.join()
                answer = await asks(one, **args)
                assert answer["code"] == "not_authorised", answer
                assert await other.nothing_comes(0.05)

    asyncio.run(scenario())


def test_what_is_published_is_bounded_and_nobody_is_waited_for_for_ever(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with running(peers(options)) as master:
            with agents(master, "web01", "db01") as (web01, db01):
                await web01.join()
                await db01.join()
                large = await asks(web01, tgt="db*", fun="test.echo", arg=["x" * MAX_PUBLISHED_BYTES])
                assert large["code"] == "too_large"
                assert await asks(web01, tgt="nobody", fun="test.echo") == {"result": {}}
                assert await asks(web01, tgt="db01", fun="test.echo", timeout=0.05) == {"result": {}}
                assert (await db01.receive(db01.jobs)).body["fun"] == "test.echo"

    asyncio.run(scenario())


def test_a_minion_runs_runners_by_rules_of_their_own(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with running(peers(options, peer_run={"web.*": ["manage.up"]})) as master:
            with agents(master, "web01", "db01") as (web01, db01):
                await web01.join()
                await db01.join()
                up = await asks(web01, "runner.manage.up", arg=[], kwarg={})
                assert sorted(up["result"]) == ["db01", "web01"]
                for one, cmd in ((web01, "runner.manage.down"), (db01, "runner.manage.up"), (web01, "runner.x")):
                    assert (await asks(one, cmd, arg=[], kwarg={}))["code"] == "not_authorised"
                for cmd in ("wheel.key.list_all", "job.publish", "event.fire"):
                    assert (await asks(web01, cmd))["code"] == "not_authorised"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"web": "test.ping"}, "peer: web: must be a list of functions"),
        ({"web": [3]}, "peer: web: must hold functions"),
        ({"web": [{"db": [{"x": []}]}]}, "peer: web: db: must hold functions"),
        ({"(": []}, "peer: '\\(' is not a regular expression"),
        ({"web": ["(a{1000}){1000}"]}, "peer: .* comes to over"),
    ],
)
def test_rules_that_make_no_sense_are_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Peers("peer", given)
