"""What of the calls through the one door becomes a record, and who may see it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from saltern.config import MasterOptions
from saltern.errors import ArgumentError, KeyStoreError, NotAuthorised, SalternError
from saltern_master.audit.record import Record
from saltern_master.auth.audit import Audit
from saltern_master.auth.caller import Caller, Kind
from saltern_master.auth.need import Need
from saltern_master.commands import audit as audit_commands
from saltern_master.commands.context import Context
from saltern_master.commands.dispatcher import Dispatcher
from saltern_master.commands.registry import Answered, command
from saltern_master.commands.stream import Stream
from support.doors import ROOT, Door, Users, minion
from support.masters import running

JID = "20260131120000123456"


@command("job.publish", Need.JOBS)
async def publish(
    context: Context, tgt: str, fun: str | list[Any], tgt_type: str = "glob", arg: list[Any] | None = None
) -> Any:
    """Start a job."""
    return Stream({"jid": JID, "minions": list(context.minions)}, None)  # type: ignore[arg-type]


@command("job.returns", Need.OWN_JOB)
def returns(context: Context, jid: str) -> str:
    """Show returns."""
    return jid


@command("wheel.key.accept", Need.WHEEL, changes=True)
def accept(context: Context, match: str, error: Any = None) -> Any:
    """Accept keys."""
    if error:
        raise error
    return {"done": {"minions": [match, "b"]}, "refused": ["c: it changed"]} if match == "a" else {"minions": [match]}


@command("wheel.key.gen", Need.WHEEL, changes=True, private=True)
def gen(context: Context) -> Any:
    """Make a key."""
    return {"priv": ["secret"]}


@command("runner.thing.try", Need.RUNNER, changes=True)
def tried(context: Context) -> Answered:
    """Come to nothing."""
    return Answered("no", False)


@command("runner.thing.wait", Need.RUNNER, changes=True)
async def wait(context: Context) -> None:
    """Come to no end."""
    await asyncio.Event().wait()


@command("runner.thing.look", Need.RUNNER)
def look(context: Context) -> None:
    """Change nothing."""


class Kept:
    """A book in memory."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.arguments: list[Mapping[str, Any] | None] = []

    def put(self, record: Record, arguments: Mapping[str, Any] | None = None) -> None:
        self.records.append(record)
        self.arguments.append(arguments)


def recorded(who: str | Caller, name: str, *args: Any, **kwargs: Any) -> Kept:
    kept = Kept()

    async def scenario() -> None:
        users = Users(ann=(), fred=())
        here = Door(
            {"ann": ["@runner", "@wheel"], "fred": ["test.*"]},
            [publish, returns, accept, gen, tried, wait, look],
            users,
        )
        here.dispatcher = Dispatcher(here.registry, here.policy, here.services, audit=Audit(kept))
        try:
            await here.call(who, name, *args, **kwargs)
        except (SalternError, RuntimeError):
            pass
        finally:
            here.dispatcher.close()

    asyncio.run(scenario())
    return kept


def test_a_job_is_a_change_with_its_target_minions_functions_and_jid() -> None:
    kept = recorded(ROOT, "job.publish", tgt="web*", fun=["test.ping", "cmd.run"], arg=[[], ["x"]])
    (one,) = kept.records
    assert one._replace(time=0.0) == Record(
        0.0,
        "local:root",
        "job.publish",
        "ok",
        via="local",
        functions="test.ping,cmd.run",
        target="glob:web*",
        jid=JID,
        minions=2,
        ids="web1,web2",
    )
    assert kept.arguments[0] is not None
    assert kept.arguments[0]["arg"] == [[], ["x"]]


def test_a_change_of_keys_names_those_that_it_was_done_to() -> None:
    assert recorded("ann", "wheel.key.accept", "x").records[0].ids == "x"
    (one,) = recorded("ann", "wheel.key.accept", "a").records
    assert (one.ids, one.minions, one.who) == ("a,b", 2, "local:ann")
    assert recorded("ann", "wheel.key.gen").records[0].ids == ""


def test_what_fails_is_recorded_with_its_kind_and_what_only_reads_is_not() -> None:
    (failed,) = recorded("ann", "wheel.key.accept", "a", error=KeyStoreError("no")).records
    assert (failed.result, failed.code) == ("failed", "keys")
    (broken,) = recorded("ann", "wheel.key.accept", "a", error=RuntimeError("no")).records
    assert (broken.result, broken.code) == ("failed", "internal")
    (cancelled,) = recorded("ann", "runner.thing.wait", within_s=0.02).records
    assert (cancelled.result, cancelled.code) == ("failed", "cancelled")
    assert recorded("ann", "runner.thing.try").records[0].result == "failed"
    assert recorded("ann", "runner.thing.look").records == []
    assert recorded(ROOT, "job.returns", JID).records == []


def test_what_is_refused_is_recorded_by_its_name_without_a_look_at_what_was_given() -> None:
    kept = recorded("fred", "wheel.key.accept", "x" * 1000)
    assert [(one.who, one.what, one.result, one.code) for one in kept.records] == [
        ("local:fred", "wheel.key.accept", "refused", "not_authorised")
    ]
    assert kept.arguments == [None]
    (one,) = recorded(minion("web1"), "x" * 10_000).records
    assert (one.who, one.via, len(one.what)) == ("minion:web1", "minion", 100)


def test_who_logged_in_is_recorded_with_by_what_and_from_where() -> None:
    kept = Kept()
    caller = Caller(Kind.LOGIN, "fred", source="ldap", address="192.0.2.7")
    Audit(kept).refuse(caller, NotAuthorised("no"), "runner.x")
    Audit(kept).note("file:eve", "login", "failed", address="192.0.2.8", via="file")
    Audit().note("file:eve", "login")
    first, second = kept.records
    assert (first.who, first.via, first.address) == ("ldap:fred", "ldap", "192.0.2.7")
    assert (second.who, second.what, second.result, second.address) == ("file:eve", "login", "failed", "192.0.2.8")


@pytest.mark.parametrize(
    "asked",
    [{"limit": 0}, {"limit": 10_001}, {"user": "*" * 7}, {"command": "x" * 201}, {"result": "good"}, {"since": "x"}],
)
def test_what_no_one_can_ask_for_is_an_error(asked: dict[str, Any], options: MasterOptions) -> None:
    async def scenario() -> None:
        async with running(options) as master:
            with pytest.raises(ArgumentError):
                await master.dispatcher.call(ROOT, "runner.audit.query", [], asked)

    asyncio.run(scenario())


def test_a_master_audits_and_shows_it_to_who_may_everything_alone(options: MasterOptions) -> None:
    options["publisher_acl"] = {"nobody": ["@runner"]}

    async def scenario() -> None:
        async with running(options) as master:

            async def call(who: Caller, name: str, *args: Any, **kwargs: Any) -> Any:
                return await master.dispatcher.call(who, name, list(args), kwargs)

            await call(ROOT, "runner.fileserver.update")
            await call(ROOT, "job.publish", tgt="*", fun="test.ping")
            other = master.policy.local_caller(65534)
            for name in ("runner.audit.query", "runner.audit.verify"):
                with pytest.raises(NotAuthorised):
                    await call(other, name)
            found = await call(ROOT, "runner.audit.query", user="local:*", since="1h")
            assert [(one["what"], one["result"]) for one in found] == [
                ("runner.audit.verify", "refused"),
                ("runner.audit.query", "refused"),
                ("job.publish", "ok"),
                ("runner.fileserver.update", "ok"),
            ]
            assert (await call(ROOT, "runner.audit.query", command="test.*"))[0]["target"] == "glob:*"
            assert (await call(ROOT, "runner.audit.verify"))["last"] == 4
            assert master.audit_book.metrics()["written"] == 4
        assert master.audit_book._thread is not None
        assert not master.audit_book._thread.is_alive()

    asyncio.run(scenario())
    assert audit_commands.query.private
