"""The one door: in which order a call is judged, who waits for whom, and what comes back when it fails."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Annotated, Any

import pytest

from saltern.errors import (
    ArgumentError,
    Busy,
    CommandError,
    FunctionNotFound,
    IdError,
    InternalError,
    NotAuthorised,
    RequestTimeout,
    SalternError,
    TargetTooCostly,
    UnknownNodegroup,
)
from saltern.ids import check_jid
from saltern.secret import Secret
from saltern_master.auth.audit import MAX_SHOWN
from saltern_master.auth.need import Need
from saltern_master.commands.context import Context
from saltern_master.commands.dispatcher import CALLS_OF_A_MINION, CALLS_OF_A_USER, THREADS
from saltern_master.commands.registry import command
from support.doors import MINIONS, ROOT, Door, Users, minion

JID = "20260131120000123456"


@command("job.publish", Need.JOBS)
async def publish(
    context: Context,
    tgt: str,
    fun: str | list,
    tgt_type: str = "glob",
    kwarg: dict[str, Any] | None = None,
    ret: str = "",
) -> list[str]:
    """Start a job."""
    problem = ["problem"] if context.problem else []
    return [*context.minions, *(f"no {name}" for name in context.unknown), *problem]


@command("target.preview", Need.TARGET)
async def preview(context: Context, tgt: str | list, tgt_type: str = "glob") -> list[str]:
    """Show whom a target means."""
    return list(context.minions)


@command("job.returns", Need.OWN_JOB)
def returns(context: Context, jid: Annotated[str, check_jid]) -> str:
    """Show returns."""
    return jid


@command("runner.thing.hold", Need.RUNNER)
def hold(context: Context) -> bool:
    """Work in a thread until the test says so."""
    gate: threading.Event = context.services.gate  # type: ignore[attr-defined]
    return gate.wait(20)


@command("runner.thing.wait", Need.RUNNER)
async def wait(context: Context) -> None:
    """Wait on the loop for as long as it may take."""
    await asyncio.Event().wait()


@command("runner.thing.thread", Need.RUNNER)
def thread(context: Context) -> tuple[int, str]:
    """Say which thread this is."""
    return threading.get_ident(), threading.current_thread().name


@command("runner.thing.fail", Need.RUNNER)
def fail(context: Context, error: Any) -> None:
    """Raise it."""
    raise error


@command("runner.thing.fail_on_loop", Need.RUNNER)
async def fail_on_loop(context: Context, error: Any) -> None:
    """Raise it."""
    raise error


@command("wheel.key.accept", Need.WHEEL, changes=True)
def accept(context: Context, match: str, error: Any = None) -> str:
    """Accept keys."""
    if error:
        raise error
    return match


@command("minion.pillar", Need.MINION)
def pillar(context: Context) -> str:
    """Return a minion's own."""
    return context.caller.name


COMMANDS = [publish, preview, returns, hold, wait, thread, fail, fail_on_loop, accept, pillar]
ACL = {
    "ann": ["@runner", "@wheel", "test.*"],
    "fred": ["test.*", {"web*": ["cmd.run"]}, {"@runner": ["thing.hold", "thing.x*"]}],
    "eve": [{"db1": ["test.ping"]}],
}
USERS = Users(ann=(), fred=(), eve=(), nobody=())


def door(**services: Any) -> Door:
    return Door(ACL, COMMANDS, USERS, **services)


def answered(who: Any, name: str, *args: Any, here: Door | None = None, **kwargs: Any) -> Any:
    """Return what a call comes back with, its error too."""

    async def scenario() -> Any:
        this = here or door()
        try:
            return await this.call(who, name, *args, **kwargs)
        except SalternError as error:
            return error
        finally:
            this.dispatcher.close()

    return asyncio.run(scenario())


# what before whom


def test_the_target_is_looked_at_only_once_the_functions_are_granted() -> None:
    here = door()
    refused = answered("fred", "job.publish", here=here, tgt="(" * 1000, tgt_type="pcre", fun="cmd.shell")
    assert (type(refused), here.asked) == (NotAuthorised, [])
    here = door()
    refused = answered("fred", "job.publish", here=here, tgt="*", fun=["test.ping", "cmd.shell"])
    assert (type(refused), here.asked) == (NotAuthorised, [])
    assert answered("fred", "job.publish", tgt="(", tgt_type="pcre", fun="test.ping") == ["problem"]


def test_what_a_job_makes_run_is_asked_about_before_its_target_too() -> None:
    here = door()
    kwarg = {"function": "cmd.shell"}
    refused = answered("fred", "job.publish", here=here, tgt="web1", fun="schedule.add", kwarg=kwarg)
    assert "cmd.shell" in str(refused)
    assert here.asked == []


def test_a_returner_is_named_by_whom_it_is_granted_to_and_by_no_glob() -> None:
    """It runs what is on the minion with options of the caller's: files are written, returns sent elsewhere."""

    def asked(*grants: Any, **more: Any) -> Any:
        here = Door({"fred": list(grants)}, [publish], Users(fred=()))
        return answered("fred", "job.publish", here=here, **{"tgt": "web*", "fun": "test.ping", **more})

    assert asked("test.ping", "returner:syslog", ret="syslog") == ["web1", "web2"]
    assert asked({"web*": ["test.ping", "returner:syslog"]}, ret="syslog") == ["web1", "web2"]
    for grant in ("test.*", "*", "returner:*", "returner:sysl?g", "syslog.returner", "returner:syslog,mine"):
        refused = asked("test.ping", grant, ret="syslog")
        assert isinstance(refused, NotAuthorised), grant
        assert "grant returner:syslog by its exact name" in str(refused)
    for ret in ("syslog,mine", "mine", "syslog, *", "../x", ",".join("abcdefghijklmnopqrstuvwxyz")):
        assert isinstance(asked("test.ping", "returner:syslog", ret=ret), NotAuthorised), ret
    assert isinstance(asked("test.ping", {"web1": ["returner:syslog"]}, ret="syslog"), NotAuthorised)
    schedule = {"fun": "schedule.add", "kwarg": {"function": "test.ping", "returner": "syslog"}}
    assert asked("test.ping", "schedule.add", "returner:syslog", **schedule) == ["web1", "web2"]
    assert isinstance(asked("test.ping", "schedule.add", **schedule), NotAuthorised)
    modify = {"fun": "schedule.modify", "kwarg": {"return_kwargs": {"filename": "/etc/x"}}}
    assert isinstance(asked("schedule.modify", "returner:syslog", **modify), NotAuthorised)


def test_arguments_are_looked_at_only_where_the_command_is_granted() -> None:
    assert isinstance(answered("eve", "wheel.key.accept", 1, 2, 3, nonsense=4), NotAuthorised)
    assert isinstance(answered("ann", "wheel.key.accept", 1, 2, 3, nonsense=4), ArgumentError)
    assert isinstance(answered("eve", "job.returns", "no jid"), IdError)
    assert isinstance(answered("nobody", "job.returns", "no jid"), NotAuthorised)


def test_a_target_is_looked_at_after_its_command_was_bound() -> None:
    here = door()
    assert isinstance(answered("fred", "job.publish", here=here, tgt="web1", fun="test.ping", more=1), ArgumentError)
    assert here.asked == []


@pytest.mark.parametrize(
    "fun", [None, "", [], ["test.ping", 5], ["test.ping"] * 101, "f" * 513, ["test.ping", "f" * 513], "a\nb"]
)
def test_what_is_no_function_costs_nothing(fun: Any) -> None:
    here = door()
    assert isinstance(answered("fred", "job.publish", here=here, tgt="web1", fun=fun), ArgumentError)
    assert here.asked == []


def test_all_of_the_target_must_be_granted_and_a_refusal_names_no_minion() -> None:
    assert answered("fred", "job.publish", tgt="web*", fun="cmd.run") == ["web1", "web2"]
    assert answered("fred", "job.publish", tgt="*", fun="test.ping") == MINIONS
    refusals = set()
    for target in ("*", "db1", "none*", "web1,db1", "[dw]*"):
        kind = "list" if "," in target else "glob"
        refused = answered("fred", "job.publish", tgt=target, tgt_type=kind, fun="cmd.run")
        assert isinstance(refused, NotAuthorised)
        refusals.add(str(refused))
    assert refusals == {"user fred may not run cmd.run on every minion of that target"}


def test_who_may_not_command_all_minions_learns_nothing_of_the_others_grains() -> None:
    assert answered("fred", "job.publish", tgt="role:*", tgt_type="grain", fun="cmd.run") == ["web1", "web2"]
    here = door()
    assert answered("eve", "job.publish", here=here, tgt="role:web", tgt_type="grain", fun="test.ping") == []
    assert here.asked == ["minions", "grains"]  # of db1 alone


def test_a_listed_name_is_unknown_when_no_minion_of_the_callers_has_it() -> None:
    assert answered(ROOT, "job.publish", tgt="db1,none", tgt_type="list", fun="cmd.run") == ["db1", "no none"]
    assert answered("fred", "job.publish", tgt="web1,web9", tgt_type="list", fun="cmd.run") == ["web1", "no web9"]
    # What is another's is told as what isn't there.
    both = answered("fred", "job.publish", tgt="web1 or L@db1,none", tgt_type="compound", fun="cmd.run")
    assert both == ["web1", "no db1", "no none"]
    # One that doesn't match the rest of the expression is there all the same.
    assert answered(ROOT, "job.publish", tgt="L@db1,web1 and db*", tgt_type="compound", fun="cmd.run") == ["db1"]


def test_a_preview_shows_of_the_target_what_the_caller_may_do_anything_on() -> None:
    assert answered(ROOT, "target.preview", "*") == MINIONS
    assert answered("fred", "target.preview", "role:*", tgt_type="grain") == MINIONS
    assert answered("eve", "target.preview", "*") == ["db1"]
    assert answered("eve", "target.preview", "db1,web1", tgt_type="list") == ["db1"]
    here = door()
    assert answered("eve", "target.preview", "role:web", tgt_type="grain", here=here) == []
    assert here.asked == ["minions", "grains"]
    for who in ("nobody", minion("web1")):
        here = door()
        assert isinstance(answered(who, "target.preview", "*", here=here), NotAuthorised)
        assert here.asked == []


def test_a_target_that_is_no_target_means_nobody_and_one_that_costs_too_much_is_refused() -> None:
    for kind, tgt in (("compound", "web1 and"), ("glub", "*"), ("ipcidr", "x"), ("grain_pcre", "role:(")):
        assert answered(ROOT, "job.publish", tgt=tgt, tgt_type=kind, fun="test.ping") == ["problem"]
        assert answered(ROOT, "target.preview", tgt, tgt_type=kind) == []
    assert answered(ROOT, "job.publish", tgt="web1 or S@x", tgt_type="compound", fun="cmd.run") == ["web1", "problem"]
    for name in ("job.publish", "target.preview"):
        more = {"fun": "test.ping"} if name == "job.publish" else {}
        assert isinstance(answered(ROOT, name, tgt="*a" * 1000, **more), TargetTooCostly)
        assert isinstance(answered(ROOT, name, tgt="N@x", tgt_type="compound", **more), UnknownNodegroup)


@pytest.mark.parametrize(
    ("kind", "target"),
    [("pillar", "role:a*"), ("pillar_pcre", "role:a"), ("compound", "I@role:a?y"), ("compound", "J|@role|an.")],
)
def test_a_pillar_is_searched_with_patterns_only_by_who_may_read_it(kind: str, target: str) -> None:
    acl = {**ACL, "fred": ["test.*", {"web*": ["cmd.run", "pillar.get"]}]}
    for who, fun, found in (
        (ROOT, "test.ping", MINIONS),
        ("fred", "cmd.run", ["web1", "web2"]),
        ("fred", "test.ping", []),
        ("eve", "test.ping", []),
    ):
        here = Door(acl, COMMANDS, USERS)
        answer = answered(who, "job.publish", here=here, tgt=target, tgt_type=kind, fun=fun)
        assert [one for one in answer if one != "problem"] == found
        exact = {"pillar": "role:any", "pillar_pcre": "role:any"}.get(kind, f"{target[0]}@role:any")
        here = Door(acl, COMMANDS, USERS)
        answer = answered(who, "job.publish", here=here, tgt=exact, tgt_type=kind, fun=fun)
        assert answer == (found or (["db1"] if who == "eve" else MINIONS))


def test_the_names_in_a_nodegroup_are_told_only_to_who_may_command_every_minion() -> None:
    assert answered(ROOT, "job.publish", tgt="some", tgt_type="nodegroup", fun="cmd.run") == ["db1", "no gone"]
    assert answered("fred", "job.publish", tgt="N@some or web1", tgt_type="compound", fun="cmd.run") == ["web1"]
    assert answered("fred", "job.publish", tgt="N@web", tgt_type="compound", fun="cmd.run") == ["web1", "web2"]


def test_unknown_and_forbidden_get_the_same_answer() -> None:
    def of(who: Any, name: str) -> tuple[type, str]:
        error = answered(who, name)
        return type(error), str(error).replace(name.partition(".")[2], "X")

    for who in ("eve", "nobody", "fred"):
        assert of(who, "runner.thing.thread") == of(who, "runner.thing.none")
        assert of(who, "wheel.key.accept") == of(who, "wheel.key.none")
        assert of(who, "minion.pillar") == of(who, "minion.none")
    assert of("nobody", "job.publish") == of("nobody", "job.none")
    assert of(minion("web1"), "minion.none")[0] is NotAuthorised
    for name in ("job.publish", "runner.thing.thread", "wheel.key.accept", "nothing", ""):
        assert of(minion("web1"), name)[0] is NotAuthorised


def test_who_may_is_told_what_is_near_but_no_name_that_is_not_his() -> None:
    unknown = answered("ann", "runner.thing.tread")
    assert (type(unknown), str(unknown)) == (
        FunctionNotFound,
        "'thing.tread' is not a runner function: did you mean thing.thread?",
    )
    assert "thing.hold" in str(answered("fred", "runner.thing.xhold"))
    assert "thing.thread" not in str(answered("fred", "runner.thing.xthread"))
    assert isinstance(answered(ROOT, "no.such"), FunctionNotFound)


def test_a_job_is_its_owners() -> None:
    here = door()
    here.owners[JID] = USERS.caller("fred").principal
    assert answered("fred", "job.returns", JID, here=here) == JID
    others = {str(answered("ann", "job.returns", jid, here=door())) for jid in (JID, JID[::-1])}
    assert {text.rsplit(" ", 1)[0] for text in others} == {"user ann did not start a job"}
    here = door()
    here.owners[JID] = USERS.caller("fred").principal
    assert isinstance(answered("ann", "job.returns", JID, here=here), NotAuthorised)
    assert answered(ROOT, "job.returns", JID) == JID


# how often


def test_one_who_has_his_share_of_calls_is_turned_away_and_others_are_served() -> None:
    async def scenario() -> None:
        here = door(gate=threading.Event())
        held = [asyncio.ensure_future(here.call("fred", "runner.thing.hold")) for _ in range(CALLS_OF_A_USER)]
        await asyncio.sleep(0)
        for name in ("runner.thing.hold", "no.such", "wheel.key.accept"):  # before anything else is looked at
            with pytest.raises(Busy, match=f"{CALLS_OF_A_USER} of your calls"):
                await here.call("fred", name)
        served = [await here.call("ann", "runner.thing.thread") for _ in range(50)]
        served += [await here.call(minion("web1"), "minion.pillar") for _ in range(50)]
        assert len(served) == 100
        counts = here.dispatcher.metrics()
        assert (counts["busy"], counts["running"], counts["done"]) == (3, CALLS_OF_A_USER, 100)
        here.services.gate.set()
        assert await asyncio.gather(*held) == [True] * CALLS_OF_A_USER
        assert here.dispatcher.metrics()["running"] == 0
        await here.call("fred", "runner.thing.hold")
        here.dispatcher.close()

    asyncio.run(scenario())


def test_minions_have_a_share_each_and_no_thread_of_the_users() -> None:
    @command("minion.hold", Need.MINION)
    def hold_too(context: Context) -> bool:
        return context.services.gate.wait(20)  # type: ignore[attr-defined,no-any-return]

    async def scenario() -> None:
        here = Door(ACL, [*COMMANDS, hold_too], USERS, gate=threading.Event())
        fleet = [minion(f"web{n}") for n in range(THREADS)]
        held = [asyncio.ensure_future(here.call(one, "minion.hold")) for one in fleet for _ in range(CALLS_OF_A_MINION)]
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await here.call(fleet[0], "minion.pillar")
        assert [await here.call("ann", "wheel.key.accept", "web1") for _ in range(20)] == ["web1"] * 20
        here.services.gate.set()
        await asyncio.gather(*held)
        here.dispatcher.close()

    asyncio.run(scenario())


# where it runs


def test_what_blocks_never_runs_on_the_loop() -> None:
    async def scenario() -> None:
        here = door()
        ident, name = await here.call("ann", "runner.thing.thread")
        assert ident != threading.get_ident()
        assert name.startswith("command")
        await here.call(ROOT, "job.publish", tgt="role:web", tgt_type="grain", fun="test.ping")
        assert here.threads
        assert threading.get_ident() not in here.threads
        here.dispatcher.close()

    asyncio.run(scenario())


def test_nobody_waits_for_longer_than_he_said() -> None:
    async def scenario() -> None:
        here = door(gate=threading.Event())
        for name in ("runner.thing.wait", "runner.thing.hold"):
            with pytest.raises(RequestTimeout, match=rf"{name}: no answer within 0.01 s"):
                await here.call("ann", name, within_s=0.01)
        with pytest.raises(RequestTimeout):
            await here.call("ann", "runner.thing.wait", within_s=-5)
        assert here.dispatcher.metrics()["running"] == 0
        here.services.gate.set()
        here.dispatcher.close()

    asyncio.run(scenario())


# what comes back


@pytest.mark.parametrize("where", ["runner.thing.fail", "runner.thing.fail_on_loop"])
@pytest.mark.parametrize(
    "error",
    [
        KeyError("x"),
        ValueError("two\nlines"),
        OSError(28, "no space"),
        TimeoutError("of its own"),
        StopIteration(),
        StopAsyncIteration(),
        RecursionError(),
        MemoryError(),
        AssertionError(),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "why"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_any_exception_is_one_error_of_ours_and_the_next_call_is_answered(where: str, error: Exception) -> None:
    async def scenario() -> None:
        here = door()
        for _ in range(3):
            with pytest.raises(InternalError, match=r"the master failed \(\w+\): its log has more") as caught:
                await asyncio.wait_for(here.call("ann", where, error), 20)
            assert "\n" not in str(caught.value)
        assert (await here.call("ann", "runner.thing.thread"))[0]
        assert here.dispatcher.metrics()["failed"] == 3
        here.dispatcher.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("where", ["runner.thing.fail", "runner.thing.fail_on_loop"])
def test_an_error_of_ours_comes_back_as_it_is(where: str) -> None:
    error = CommandError("why", minion="web1")
    assert answered("ann", where, error) is error


# audit


def test_changes_and_refusals_are_audited_within_bounds_and_reading_is_not(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        here = door()
        await here.call("ann", "runner.thing.thread")
        await here.call("ann", "wheel.key.accept", "web1")
        with pytest.raises(CommandError):
            await here.call("ann", "wheel.key.accept", "web1", CommandError("y" * 10_000))
        for _ in range(100):
            with pytest.raises(NotAuthorised):
                await here.call("eve", "wheel.key.accept", "x")
        for who, name in (("fred", "x"), ("eve", "y" * 500)):
            with pytest.raises(NotAuthorised, match="and 95 more: grant"):
                await here.call(who, "job.publish", tgt="*", fun=[f"cmd.{name}{n}" for n in range(100)])
        await here.call("ann", "wheel.key.accept", "x" * 10_000)
        assert here.dispatcher.metrics()["refused"] == 102
        here.dispatcher.close()

    with caplog.at_level(logging.INFO):
        asyncio.run(scenario())
    lines = caplog.messages
    assert lines[0] == "user ann: wheel.key.accept(match='web1', error=None)"
    assert lines[1].startswith("user ann: wheel.key.accept(match='web1', error=CommandError(")
    assert " failed: yyy" in lines[1]
    assert lines[2] == "user eve: user eve may not manage keys (key.accept): grant @wheel in publisher_acl"
    assert lines[3].startswith("user fred: user fred may not run cmd.x0, cmd.x1, cmd.x2, cmd.x3, cmd.x4 and 95 more")
    assert len(lines) == 5
    assert max(map(len, lines)) < 3 * MAX_SHOWN


def test_no_secret_is_audited(caplog: pytest.LogCaptureFixture) -> None:
    @command("wheel.set", Need.WHEEL, changes=True)
    def set_it(context: Context, value: Any) -> str:
        return "ok"

    with caplog.at_level(logging.INFO):
        here = Door(ACL, [set_it], USERS)
        assert answered("ann", "wheel.set", {"a": [Secret("hunter2")]}, here=here) == "ok"
    assert "hunter2" not in caplog.text
    assert "wheel.set" in caplog.text
