"""Who may do what: default deny, one table, and the same answer to everybody whom it doesn't concern."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern_master.auth.accounts import Account
from saltern_master.auth.caller import Caller, Kind
from saltern_master.auth.need import Need, Needing
from saltern_master.auth.policy import MAX_NAMED, Policy, some_of
from saltern_master.auth.powers import Powers
from support.doors import MINIONS, NOBODY_HERE, ROOT, Users, minion

POWERS = Powers()
USERS = Users(fred=["ops"], ann=(), eve=(), webadmin=["web", "ops"])
FRED, ANN, EVE, WEBADMIN = (USERS.caller(name) for name in ("fred", "ann", "eve", "webadmin"))
ACL = {
    "fred": ["test.*", {"web*": ["cmd.run", "pkg.*"]}],
    "ann": ["@wheel", {"@runner": ["jobs.*"]}],
    "web*": [{"web1": ["cmd.*"]}],
    "ops%": ["@events", {"db*": ["test.ping"]}],
}


def policy(acl: dict[str, Any] | None = None) -> Policy:
    return Policy(ACL if acl is None else acl, POWERS, USERS.of)


def needing(need: Need, function: str = "jobs.list_jobs") -> Needing:
    wanted: Needing = SimpleNamespace(need=need, function=function)  # type: ignore[assignment]
    return wanted


def test_root_and_the_masters_own_user_have_a_row_and_no_other_number_has() -> None:
    own = policy({})
    for uid in (0, os.geteuid()):
        assert own.of(Caller(Kind.LOCAL, "whoever", uid)).everything
    for uid in (1, 1000, NOBODY_HERE, -1, 65534, 2**32 - 1):
        if uid != os.geteuid():
            assert own.of(Caller(Kind.LOCAL, "root", uid)).anything is False


def test_who_has_no_grant_is_nobody() -> None:
    assert policy().of(EVE).anything is False
    assert policy({}).of(FRED).anything is False
    assert policy({"eve": []}).of(EVE).anything is False
    assert (policy({}).open_to_users, policy().open_to_users) == (False, True)


def test_the_name_and_the_groups_are_the_kernels_not_the_callers() -> None:
    assert policy().local_caller(FRED.uid) == FRED
    assert policy().local_caller(4242) == Caller(Kind.LOCAL, "4242", 4242)
    assert policy({"root": ["test.*"]}).of(Caller(Kind.LOCAL, "root", NOBODY_HERE + 1)).everything is False


@pytest.mark.parametrize(
    ("caller", "function", "minions"),
    [
        (FRED, "test.ping", MINIONS),
        (FRED, "cmd.run", ["web1", "web2"]),
        (FRED, "cmd.run_all", []),
        (FRED, "cmd.shell", []),
        (FRED, "pkg.install", []),  # nobody declared it: no glob covers it
        (ANN, "test.ping", []),
        (EVE, "test.ping", []),
        (WEBADMIN, "test.ping", ["db1"]),
        (WEBADMIN, "cmd.run", []),
        (WEBADMIN, "cmd.which", ["web1"]),
        (ROOT, "anything.at_all", MINIONS),
        (minion("web1"), "test.ping", []),
    ],
)
def test_which_functions_on_which_minions(caller: Caller, function: str, minions: list[str]) -> None:
    own = policy()
    if own.refused_functions(caller, [function]):
        assert minions == []
    else:
        assert list(own.covered(caller, [function], MINIONS)) == minions


def test_several_functions_are_covered_where_each_one_is() -> None:
    own = policy()
    assert own.refused_functions(FRED, ["test.ping", "cmd.shell", "cmd.run"]) == ["cmd.shell"]
    assert list(own.covered(FRED, ["test.ping", "cmd.run"], MINIONS)) == ["web1", "web2"]
    assert list(own.covered(FRED, ["test.ping", "cmd.shell"], MINIONS)) == []


def test_a_refusal_says_what_would_let_him_where_no_glob_does() -> None:
    assert policy().why_refused(["test.ping"]) == ""
    assert policy().why_refused(["cmd.run", "test.ping"]) == ": grant cmd.run by its exact name, no glob covers it"
    assert some_of(["a", "b"]) == "a, b"
    assert some_of([f"f{n}" for n in range(MAX_NAMED + 3)]) == "f0, f1, f2, f3, f4 and 3 more"


@pytest.mark.parametrize(
    ("need", "allowed"),
    [
        (Need.JOBS, [ROOT, FRED, WEBADMIN]),
        (Need.OWN_JOB, [ROOT, FRED, WEBADMIN]),
        (Need.RUNNER, [ROOT, ANN]),
        (Need.WHEEL, [ROOT, ANN]),
        (Need.EVENTS, [ROOT, FRED, WEBADMIN]),
        (Need.MINION, [minion("web1")]),
    ],
)
def test_who_may_call_what_at_all(need: Need, allowed: list[Caller]) -> None:
    everyone = [ROOT, FRED, ANN, EVE, WEBADMIN, minion("web1")]
    assert [caller for caller in everyone if policy().may_call(caller, needing(need))] == allowed


def test_a_grant_of_some_runners_is_for_those() -> None:
    assert policy().may_call(ANN, needing(Need.RUNNER, "jobs.active"))
    assert not policy().may_call(ANN, needing(Need.RUNNER, "manage.up"))
    assert policy().may_see(ANN, "runner.jobs.none")
    assert not policy().may_see(ANN, "runner.manage.none")
    assert not policy().may_see(FRED, "runner.jobs.none")
    assert not policy().may_see(minion("web1"), "minion.none")
    assert policy().may_see(ROOT, "anything")


@given(st.sampled_from([FRED, ANN, EVE, WEBADMIN, minion("web1")]), st.text(max_size=30), st.sampled_from(list(Need)))
def test_whoever_may_be_told_of_a_name_might_call_it(caller: Caller, name: str, need: Need) -> None:
    own = policy()
    client, _, function = name.partition(".")
    clients = {"runner": Need.RUNNER, "wheel": Need.WHEEL, "event": Need.EVENTS}
    if own.may_see(caller, name):
        assert own.may_call(caller, needing(clients[client], function))
    assert "\n" not in own.refusal(caller, name) or "\n" in name


def test_a_job_is_its_owners_and_who_sees_all_sees_it() -> None:
    own = policy()
    assert own.owns(FRED, "local:fred")
    assert own.owns(ROOT, "local:fred")
    assert own.owns(ROOT, None)
    for caller, owner in ((ANN, "local:fred"), (FRED, "minion:fred"), (FRED, "fred"), (FRED, None), (FRED, "")):
        assert not own.owns(caller, owner)
    assert not own.owns(minion("fred"), "local:fred")


def test_names_of_different_kinds_are_never_equal() -> None:
    user, host = Caller(Kind.LOCAL, "web1", NOBODY_HERE), minion("web1")
    assert (user.principal, host.principal) == ("local:web1", "minion:web1")
    assert (user.provenance, host.provenance) == ("user:web1", "minion:web1")
    assert Policy({"web1": ["*", "@wheel"]}, POWERS, lambda _: Account("web1")).of(host).anything is False


def test_authorisation_is_by_who_what_and_whom_and_a_refusal_names_functions_alone() -> None:
    """The whole of it once: nobody, a function, all of a target; and the power that a glob never gives."""
    own = policy()
    assert own.of(EVE).anything is False
    assert own.refused_functions(FRED, ["cmd.run"]) == []
    assert set(own.covered(FRED, ["cmd.run"], MINIONS)) < set(MINIONS)
    for caller in (FRED, ANN, EVE, WEBADMIN):
        for name in ("runner.manage.up", "wheel.key.list_all", "event.subscribe", "job.publish", "x"):
            assert not any(one in own.refusal(caller, name) for one in MINIONS)
