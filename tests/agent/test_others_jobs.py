"""What a job may know of the jobs of other users, and do to them."""

from __future__ import annotations

import os
from typing import Any

import pytest

from saltern.secret import MASK, Secret
from saltern_agent.jobs import Job, read_job
from saltern_agent.runner import Runner


def job(user: str, *, sees: bool = False, schedule: bool = False) -> Job:
    extra = {"schedule": "x"} if schedule else {}
    return Job("1", "test.echo", ["argument", Secret("hunter2")], {"k": "word"}, user=user, sees=sees, extra=extra)


@pytest.mark.parametrize(
    ("asker", "shown"),
    [
        (job("fred"), True),
        (job("eve"), False),
        (job("root", sees=True), True),
        (job("root"), False),
        (job("", sees=True), True),
        (job("fred", schedule=True), False),
        (None, False),
    ],
)
def test_whom_a_job_concerns(asker: Job | None, shown: bool) -> None:
    described = job("fred").describe(asker)
    assert described["arg"] == (["argument", MASK, {"__kwarg__": True, "k": "word"}] if shown else MASK)
    assert (described["fun"], described["user"]) == ("test.echo", "fred")
    assert "hunter2" not in repr(described)


def test_jobs_without_a_user_are_of_nobody() -> None:
    assert not job("").concerns(job(""))
    assert not job("schedule", schedule=True).concerns(job("schedule"))
    assert not job("schedule", schedule=True).concerns(job("schedule", schedule=True))
    assert job("schedule", schedule=True).concerns(job("root", sees=True))


@pytest.mark.parametrize(
    ("said", "sees"), [({"sees": True}, True), ({}, False), ({"sees": 1}, False), ({"sees": "no"}, False)]
)
def test_only_a_plain_true_sees(said: dict[str, Any], sees: bool) -> None:
    read = read_job({"jid": "20260131235959123456", "fun": "test.ping", **said})
    assert read.sees is sees


def test_others_jobs_on_a_running_agent(master: Any, agent: Any) -> None:
    slow = master.job("test.sleep", [300], user="fred")
    master.wait_for(lambda: slow in [one["jid"] for one in master.run("saltutil.running", user="eve")["return"]])

    def seen(fun: str, *arg: Any, **asker: Any) -> Any:
        answer = master.run(fun, *arg, **asker)["return"]
        return (answer if isinstance(answer, dict) else answer[0])["arg"]

    for fun, arg in (("saltutil.running", []), ("saltutil.is_running", ["test.*"]), ("saltutil.find_job", [slow])):
        assert seen(fun, *arg, user="eve") == MASK
        assert seen(fun, *arg, user="fred") == [300]
        assert seen(fun, *arg, user="root", sees=True) == [300]
    for fun, arg in (("kill_job", []), ("term_job", []), ("signal_job", [9])):
        refused = master.run(f"saltutil.{fun}", slow, *arg, user="eve")
        assert refused["return"] == f"ERROR: job {slow} is another user's: only fred, or who may do all, may end it"
        assert refused["success"] is False
    assert master.run("saltutil.find_job", slow, user="eve")["return"]["jid"] == slow
    assert f"Signal 9 sent to job {slow} at pid " in master.run("saltutil.kill_job", slow, user="fred")["return"]
    assert "killed" in master.returned(slow)["return"]
    another = master.job("test.sleep", [300], user="fred")
    killed = master.run("saltutil.kill_job", another, user="root", sees=True)["return"]
    assert killed.startswith(f"Signal 9 sent to job {another} at pid ")


def test_the_master_hears_of_the_jobs_that_it_started_and_which_process_does_them() -> None:
    here, isolated, scheduled = job("fred"), job("fred"), job("schedule", schedule=True)
    isolated.register_child(4321)
    runner = object.__new__(Runner)
    runner._jobs = {"1": here, "2": isolated, "3": scheduled}
    assert runner.asked_for() == {"1": os.getpid(), "2": 4321}
    isolated.forget_child(4321)
    assert runner.asked_for()["2"] == os.getpid()
