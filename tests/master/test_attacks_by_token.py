"""Tokens used for more than they are for, and others' calls looked into, at a real master."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from saltern.config import MasterOptions
from saltern.errors import ArgumentError, NotAuthorised, SalternError
from saltern.local import Access, LocalConnection
from saltern_master.auth.token import Use
from saltern_master.master import Master
from support.masters import FakeAgent, running


@pytest.fixture
def options(options: MasterOptions, tmp_path: Path) -> MasterOptions:
    options["auto_accept"] = True
    options["external_auth"] = {
        "sharedsecret": {
            "ada": [".*", "@runner", "@wheel", "@events"],
            "evan": ["test.ping", "@events"],
            "fred": ["test.ping", {"web*": ["cmd.run"]}],
            "gwen": [
                {"@runner": [{"test.arg": {"args": ["a", "[0-9]"]}}]},
                {"@wheel": [{"key.name_match": {"args": ["web"]}}]},
            ],
        }
    }
    options["sharedsecret"] = "s3cret"  # type: ignore[typeddict-unknown-key]
    return options


def ask(options: MasterOptions, token: str, command: str, *args: Any, **kwargs: Any) -> Any:
    with LocalConnection(Access(options["sock_dir"], {"token": token, "for": "any"})) as connection:
        return connection.call(command, *args, **kwargs)


def login(options: MasterOptions, name: str) -> str:
    who = {"username": name, "password": "s3cret", "eauth": "sharedsecret"}
    with LocalConnection(Access(options["sock_dir"], who)) as connection:
        return str(connection.call("login.begin")["token"])


def told(options: MasterOptions, token: str, after: int = 0) -> list[dict[str, Any]]:
    """Return the events that the master has, as who has *token* sees them, up to one that is fired now."""
    with LocalConnection(Access(options["sock_dir"], {"token": token, "for": "any"})) as connection:
        connection.call("event.subscribe", after=after, numbered=True)
        with LocalConnection(options["sock_dir"]) as own:
            own.call("event.fire", "test/over", {})
        found = []
        while (event := connection.receive(10.0)) is not None and event["tag"] != "test/over":
            found.append(event)
        return found


async def off(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return await asyncio.to_thread(partial(call, *args, **kwargs))


async def refused(call: Callable[..., Any], *args: Any, **kwargs: Any) -> SalternError:
    with pytest.raises(SalternError) as raised:
        await off(call, *args, **kwargs)
    return raised.value


def test_a_token_with_a_scope_has_nothing_of_its_makers(options: MasterOptions) -> None:
    async def scenario(master: Master, agent: FakeAgent) -> None:
        await agent.join()
        ada, other = await off(login, options, "ada"), await off(login, options, "ada")
        scope = ["test.ping", "@events"]
        made = await off(ask, options, ada, "runner.auth.token_create", "ci", scope=scope)
        token = made["token"]
        job = await off(ask, options, ada, "job.publish", "*", "test.echo", ["top secret"])
        of_token = await off(ask, options, token, "job.publish", "*", "test.ping")
        await off(ask, options, ada, "runner.test.arg", "top secret")
        for command in ("job.returns", "job.follow"):
            assert isinstance(await refused(ask, options, token, command, job["jid"]), NotAuthorised)
            await off(ask, options, token, command, of_token["jid"])
            await off(ask, options, ada, command, of_token["jid"])
        seen = await off(told, options, token)
        assert f"salt/job/{job['jid']}/new" in [event["tag"] for event in seen]
        assert "top secret" not in json.dumps(seen)
        assert "top secret" in json.dumps(await off(told, options, ada))
        listed = await off(ask, options, token, "runner.auth.token_list")
        assert [one["label"] for one in listed] == ["ci"]
        for one in await off(ask, options, ada, "runner.auth.token_list"):
            if one["use"] == Use.SESSION.value:
                error = await refused(ask, options, token, "runner.auth.token_revoke", one["id"])
                assert isinstance(error, ArgumentError)
        await off(ask, options, other, "login.about")
        assert await off(ask, options, token, "runner.auth.token_revoke", "ci") is True
        await refused(ask, options, token, "login.about")

    play(options, scenario)


def test_who_chooses_the_jid_of_what_another_ran_on_the_master_sees_none_of_it(options: MasterOptions) -> None:
    async def scenario(master: Master, agent: FakeAgent) -> None:
        await agent.join()
        ada, evan = await off(login, options, "ada"), await off(login, options, "evan")
        await off(ask, options, ada, "runner.test.arg", "top secret")
        (jid,) = {event["data"]["jid"] for event in await off(told, options, evan) if "salt/run/" in event["tag"]}
        error = await refused(ask, options, evan, "job.publish", "*", "test.ping", new_jid=jid)
        assert f"there is a job {jid} already" in str(error)
        master.runs._owners.clear()  # as thousands of calls later
        assert (await off(ask, options, evan, "job.publish", "*", "test.ping", new_jid=jid))["jid"] == jid
        seen = await off(told, options, evan)
        assert f"salt/run/{jid}/ret" in [event["tag"] for event in seen]
        assert "top secret" not in json.dumps(seen)

    play(options, scenario)


def test_a_token_that_has_just_ended_makes_none(options: MasterOptions) -> None:
    async def scenario(master: Master, _: FakeAgent) -> None:
        fred = await off(login, options, "fred")
        token = (await off(ask, options, fred, "runner.auth.token_create", "ci", scope=["test.ping"]))["token"]
        caller = await master.logins.caller({"token": token}, master.policy.local_caller(0), "", owner=True)
        await off(ask, options, fred, "runner.auth.token_revoke", "ci")
        with pytest.raises(NotAuthorised, match="a token makes no tokens"):
            await master.dispatcher.call(caller, "runner.auth.token_create", ["wide"], {})

    play(options, scenario)


def test_who_logs_in_posts_to_hooks_in_his_own_name(options: MasterOptions) -> None:
    async def scenario(_: Master, agent: FakeAgent) -> None:
        await agent.join()
        evan = await off(login, options, "evan")
        error = await refused(ask, options, evan, "event.hook", "x", anybody=True)
        assert "in his own name alone" in str(error)
        await off(ask, options, evan, "event.hook", "x")
        (event,) = (one for one in await off(told, options, evan) if one["tag"] == "salt/netapi/hook/x")
        assert event["data"]["from"] == "sharedsecret:evan"

    play(options, scenario)


def play(options: MasterOptions, scenario: Callable[[Master, FakeAgent], Coroutine[Any, Any, None]]) -> None:
    async def played() -> None:
        async with running(options) as master:
            agent = FakeAgent(master, "web1")
            try:
                await scenario(master, agent)
            finally:
                agent.close()

    asyncio.run(played())


def test_conditions_on_functions_of_the_master_hold_at_the_door_and_in_the_background(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with running(options):
            gwen = await off(login, options, "gwen")
            assert (await off(ask, options, gwen, "runner.test.arg", "a", 1))["args"] == ["a", 1]
            assert await off(ask, options, gwen, "wheel.key.name_match", "web") == {}
            for args, kwargs in (
                (("b", 1), {}),
                (("a",), {}),
                (("a", 1, 2), {}),
                (("a", 1), {"more": 1}),
                (("a", 12), {}),
            ):
                for command, given, named in (
                    ("runner.test.arg", args, kwargs),
                    ("runner.async", ("test.arg", list(args), kwargs), {}),
                ):
                    error = await refused(ask, options, gwen, command, *given, **named)
                    assert isinstance(error, NotAuthorised)
                    assert "with these arguments" in str(error)
            for command, given in (("wheel.key.name_match", ["db"]), ("wheel.async", ["key.name_match", ["db"]])):
                error = await refused(ask, options, gwen, command, *given)
                assert "with these arguments" in str(error)
            started = await off(ask, options, gwen, "runner.async", "test.arg", ["a", 1])
            assert started["tag"].startswith("salt/run/")

    asyncio.run(scenario())


def test_one_grant_must_be_good_for_all_that_a_target_means(
    options: MasterOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    options["publisher_acl_blacklist"] = {"modules": ["test.version"]}

    async def scenario() -> None:
        async with running(options) as master:
            monkeypatch.setattr(master.keyring, "minions", lambda: ["db1", "web1", "web2"])
            ada, fred = await off(login, options, "ada"), await off(login, options, "fred")
            for tgt, kind in (("*", "glob"), ("db1", "glob"), (["web1", "db1"], "list"), ("not L@web1", "compound")):
                error = await refused(ask, options, fred, "job.publish", tgt, "cmd.run", ["id"], tgt_type=kind)
                assert isinstance(error, NotAuthorised), tgt
                assert "on every minion of that target" in str(error)
            error = await refused(ask, options, fred, "job.publish", "*", ["test.ping", "cmd.run"], [[], ["id"]])
            assert isinstance(error, NotAuthorised)
            found = await off(ask, options, fred, "job.publish", "web*", "cmd.run", ["id"])
            assert found["minions"] == ["web1", "web2"]
            assert (await off(ask, options, fred, "job.publish", "*", "test.ping"))["minions"] == [
                "db1",
                "web1",
                "web2",
            ]
            for token in (ada, fred):
                error = await refused(ask, options, token, "job.publish", "*", ["test.ping", "test.version"], [[], []])
                assert "may be run by nobody" in str(error)

    asyncio.run(scenario())
