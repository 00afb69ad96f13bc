"""What publisher_acl allows: by name, by glob as far as powers let it, and what a job makes run beside itself."""

from __future__ import annotations

import fnmatch
import grp
import os
import pwd
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import ConfigError
from saltern.power import Power
from saltern.secret import Secret
from saltern_master.auth.accounts import MAX_KNOWN, Account, Accounts, look_up_account
from saltern_master.auth.call import Call
from saltern_master.auth.grants import EVENTS, RUNNER, WHEEL, Grant, Grants, covers, covers_own
from saltern_master.auth.indirect import ANY, MAX_DEPTH, scheduled_functions
from saltern_master.auth.judges.local import LocalJudge
from saltern_master.auth.judges.minion import MinionJudge
from saltern_master.auth.need import Need, Needed
from saltern_master.auth.peers import Peers
from saltern_master.auth.powers import Powers

POWERS = Powers()


def may(
    acl: dict[str, Any], user: str, function: str, minion: str | None = "web1", groups: tuple[str, ...] = ()
) -> bool:
    return any(covers(grant, function, POWERS.of(function), minion) for grant in Grants(acl).of(user, groups))


def may_own(acl: dict[str, Any], user: str, kind: str, function: str) -> bool:
    return any(covers_own(grant, kind, function) for grant in Grants(acl).of(user))


# functions on minions


@pytest.mark.parametrize(
    ("rule", "function", "allowed"),
    [
        ("test.*", "test.ping", True),
        ("*", "saltutil.sync_modules", True),
        ("cp.[gh]*", "cp.get_file_str", False),
        ("cp.[gh]*", "cp.hash_file", True),
        ("cp.*", "cp.push", False),
        ("cp.*", "cp.send", False),
        ("cmd.which", "cmd.which", True),
        ("cmd.run", "cmd.run", True),
        ("schedule.add", "schedule.add", True),
        ("*", "cmd.run", False),
        ("cmd.*", "cmd.run", False),
        ("cmd.ru?", "cmd.run", False),
        ("cmd.[r]un", "cmd.run", False),
        ("cmd.*", "cmd.which", True),
        ("schedule.*", "schedule.add", False),
        ("schedule.*", "schedule.modify", False),
        ("schedule.*", "schedule.run_job", False),
        ("schedule.*", "schedule.list", True),
        ("cp.*", "cp.get_file", False),
        ("*", "event.send", False),
        ("*", "mypkg.undeclared", False),
        ("mypkg.undeclared", "mypkg.undeclared", True),
        ("test.ping", "test.echo", False),
        ("*", ANY, False),
    ],
)
def test_a_glob_never_covers_what_runs_anything(rule: str, function: str, allowed: bool) -> None:
    assert may({"fred": [rule]}, "fred", function) is allowed
    assert may({"fred": [{"*": [rule]}]}, "fred", function) is allowed


def test_nobody_may_anything_that_is_not_granted() -> None:
    assert not may({}, "fred", "test.ping")
    assert not may({"fred": ["test.*"]}, "eve", "test.ping")
    assert not may({"fred": [{"web*": []}]}, "fred", "test.ping")


def test_grants_for_some_minions() -> None:
    acl = {"fred": [{"web*": ["cmd.run"]}, {"db1": "test.*"}]}
    assert may(acl, "fred", "cmd.run", "web7")
    assert not may(acl, "fred", "cmd.run", "db1")
    assert may(acl, "fred", "test.ping", "db1")
    assert not may(acl, "fred", "test.ping", "db2")
    assert may(acl, "fred", "cmd.run", None)  # on some minion
    assert not may(acl, "fred", "cmd.shell", None)


@given(st.text("ab.*?[]", max_size=6), st.sampled_from(["a.b", "b.a", "aa.bb", "*"]), st.sampled_from(list(Power)))
def test_a_grant_against_a_naive_model(pattern: str, function: str, power: Power) -> None:
    if any(sign in pattern for sign in "*?["):
        expected = power in ("reads", "writes") and fnmatch.fnmatchcase(function, pattern)
    else:
        expected = pattern == function
    assert covers(Grant("*", [pattern]), function, power, "m") is expected


# users and groups


@pytest.mark.parametrize(
    ("who", "user", "groups", "meant"),
    [
        ("fred", "fred", (), True),
        ("fred", "freda", (), False),
        ("web*", "webmaster", (), True),
        ("*", "anybody", (), True),
        ("ops%", "fred", ("ops", "users"), True),
        ("ops%", "ops", ("users",), False),
        ("ops%", "ops%", (), False),
        ("o*%", "fred", ("ops",), True),
        ("ops", "fred", ("ops",), False),
        ("*%", "fred", (), False),
    ],
)
def test_who_is_meant(who: str, user: str, groups: tuple[str, ...], meant: bool) -> None:
    assert may({who: ["test.ping"]}, user, "test.ping", groups=groups) is meant


def test_grants_of_several_names_add_up() -> None:
    acl = {"*": ["test.ping"], "fred": ["cmd.run"], "ops%": ["status.*"]}
    assert may(acl, "fred", "test.ping")
    assert may(acl, "fred", "cmd.run")
    assert not may(acl, "fred", "status.uptime")
    assert may(acl, "fred", "status.uptime", groups=("ops",))


def test_accounts_are_those_of_the_host() -> None:
    me = pwd.getpwuid(os.geteuid())
    account = look_up_account(os.geteuid())
    assert account.name == me.pw_name
    assert grp.getgrgid(me.pw_gid).gr_name in account.groups
    nobody = next(uid for uid in range(40_000, 50_000) if not _known(uid))
    assert look_up_account(nobody) == Account(str(nobody), frozenset())


def _known(uid: int) -> bool:
    try:
        return bool(pwd.getpwuid(uid))
    except KeyError:
        return False


def test_accounts_are_remembered_for_a_moment_and_not_without_bound() -> None:
    asked: list[int] = []
    now = 0.0

    def look_up(uid: int) -> Account:
        asked.append(uid)
        return Account(str(uid), frozenset({f"group{len(asked)}"}))

    accounts = Accounts(look_up, lambda: now)
    assert accounts.of(7) == accounts.of(7)
    assert asked == [7]
    now = 5.0
    assert accounts.of(7).groups == {"group2"}
    for uid in range(100, 100 + MAX_KNOWN):
        accounts.of(uid)
    assert len(accounts._known) <= MAX_KNOWN


# the master's own functions


def test_the_masters_own_functions() -> None:
    acl = {
        "all": ["@runner", "@wheel", "@events"],
        "some": [{"@runner": ["manage.up", "metrics.*"]}, {"@wheel": "key.list_all"}],
        "jobs": ["@jobs"],
        "star": ["*", {"*": ["*"]}],
    }
    assert may_own(acl, "all", RUNNER, "manage.up")
    assert may_own(acl, "all", WHEEL, "key.accept")
    assert may_own(acl, "all", EVENTS, "subscribe")
    assert not may(acl, "all", "test.ping")
    assert not may(acl, "all", "test.ping", None)
    assert may_own(acl, "some", RUNNER, "metrics.explain")
    assert not may_own(acl, "some", RUNNER, "jobs.list_jobs")
    assert not may_own(acl, "some", WHEEL, "key.accept")
    assert may_own(acl, "jobs", RUNNER, "jobs.list_jobs")
    assert not may_own(acl, "jobs", RUNNER, "manage.up")
    assert not any(may_own(acl, "star", kind, "jobs.list_jobs") for kind in (RUNNER, WHEEL, EVENTS))


@pytest.mark.parametrize(
    ("acl", "fault"),
    [
        ({"fred": "test.*"}, "publisher_acl: fred: must be a list of grants, as in [test.*]"),
        ({"fred": ["@all"]}, "publisher_acl: fred: @all is not known: use one of @runner, @wheel, @events, @jobs"),
        ({"fred": [{"@all": ["x.y"]}]}, "@all is not known"),
        ({"fred": [{"@events": ["x.y"]}]}, "@events takes no functions: only @runner and @wheel do"),
        ({"fred": [{"web*": ["@runner"]}]}, "fred: @runner is no function: grant it beside, not in a list"),
        ({"fred": [{"@runner": ["@wheel"]}]}, "fred: @wheel is no function"),
        ({"fred": [5]}, "fred: 5 must be a function or 'minions: [functions]'"),
        ({"fred": [{"a": ["x"], "b": ["y"]}]}, "must be a function or"),
        ({"fred": [{"a": [5]}]}, "must be a function or"),
        ({"fred": [{5: ["test.ping"]}]}, "must be a function or"),
        ({"%": ["test.*"]}, "publisher_acl: '%' names nobody: use a user, or a group as in ops%"),
        ({"": ["test.*"]}, "'' names nobody"),
    ],
)
def test_grants_at_fault(acl: dict[str, Any], fault: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Grants(acl)
    assert fault in str(caught.value)
    assert "\n" not in str(caught.value)


# what a job makes run beside itself


def nested(depth: int, last: str) -> dict[str, Any]:
    kwarg: dict[str, Any] = {"function": last}
    for _ in range(depth):
        kwarg = {"function": "schedule.add", "job_args": ["x"], "job_kwargs": kwarg}
    return kwarg


@pytest.mark.parametrize(
    ("fun", "kwarg", "functions"),
    [
        ("test.ping", {"function": "cmd.run"}, []),
        ("schedule.add", {"function": "cmd.shell", "job_args": ["id -u"], "seconds": 1}, ["cmd.shell"]),
        ("schedule.modify", {"function": "cmd.shell"}, ["cmd.shell"]),
        ("schedule.modify", {"seconds": 5, "enabled": True}, []),
        ("schedule.modify", {"job_args": ["id -u"]}, [ANY]),
        ("schedule.modify", {"job_kwargs": {"cmd": "id"}}, [ANY]),
        ("schedule.add", {}, []),
        ("schedule.add", {"function": Secret("cmd.run")}, [ANY]),
        ("schedule.add", {"function": ["cmd.run"]}, [ANY]),
        ("schedule.add", nested(1, "cmd.run"), ["schedule.add", "cmd.run"]),
        ("schedule.add", nested(MAX_DEPTH, "cmd.run"), ["schedule.add", ANY]),
        ("schedule.add", {"function": "schedule.add", "job_kwargs": [1]}, ["schedule.add", ANY]),
        (
            "schedule.add",
            {"function": "schedule.add", "job_kwargs": {"function": Secret("cmd.run")}},
            ["schedule.add", ANY],
        ),
        ("schedule.add", {"function": "schedule.modify", "job_kwargs": {"job_args": [1]}}, ["schedule.modify", ANY]),
        ("schedule.run_job", {}, []),
        ("cp.get_file", {}, []),
        ("event.send", {}, []),
    ],
)
def test_what_a_job_makes_run(fun: str, kwarg: dict[str, Any], functions: list[str]) -> None:
    assert scheduled_functions(fun, ["p"], kwarg) == functions


MARKED = {"__kwarg__": True, "function": "cmd.run", "job_args": ["id"]}
ENTRY = {"mine_function": "cmd.run", "cmd": "id"}


@pytest.mark.parametrize(
    ("fun", "arg", "kwarg", "functions"),
    [
        ("schedule.add", ["x", "function=cmd.run", "job_args=[id]", "seconds=1"], {}, ["cmd.run"]),
        ("schedule.add", ["x", MARKED], {}, ["cmd.run"]),
        ("schedule.add", ["x", MARKED], {"function": "test.ping"}, ["test.ping"]),
        ("schedule.modify", ["x", "job_args=[id]"], {}, [ANY]),
        ("schedule.add", ["x", "function=test.ping", "returner=mysql"], {}, ["returner:mysql", "test.ping"]),
        ("schedule.add", ["x", f"name={'x' * 20_000}"], {}, [ANY]),
        ("schedule.add", ["x"], {"function": "mine.send", "job_args": ["cmd.run", "id"]}, ["mine.send", "cmd.run"]),
        ("mine.send", ["cmd.run", "id"], {}, ["cmd.run"]),
        ("mine.send", ["x", "mine_function=cmd.run", "id"], {}, ["cmd.run"]),
        ("mine.send", ["x", {"__kwarg__": True, "mine_function": "cmd.run"}], {}, ["cmd.run"]),
        ("mine.send", [], {"name": "cmd.run"}, ["cmd.run"]),
        ("mine.send", ["cmd.run", {"mine_function": "test.ping"}], {}, ["cmd.run"]),
        ("mine.send", [Secret("cmd.run")], {}, [ANY]),
        ("mine.send", ["schedule.add", "y"], {"function": "cmd.run"}, ["schedule.add", "cmd.run"]),
        ("test.cross_test", ["cmd.run", ["id"]], {}, ["cmd.run"]),
        ("test.cross_test", ["mine.send", ["cmd.run"]], {}, ["mine.send", "cmd.run"]),
        ("test.cross_test", [], {"func": "cmd.run", "args": ["id"]}, ["cmd.run"]),
        ("test.try", ["cmd.run", "cmd=id"], {}, ["cmd.run"]),
        ("test.try", [], {"module": "cmd.run", "cmd": "id"}, ["cmd.run"]),
        ("test.try", ["test.try", "module=cmd.run"], {}, ["test.try", ANY]),
        ("mine.update", [], {}, []),
        ("mine.update", [True], {}, []),
        ("mine.update", [], {"mine_functions": ["test.ping", "cmd.run"]}, ["test.ping", "cmd.run"]),
        ("mine.update", [False, {"x": ENTRY}], {}, ["cmd.run"]),
        ("mine.update", ["mine_functions={x: [{mine_function: cmd.run}, id]}"], {}, ["cmd.run"]),
        ("mine.update", [], {"mine_functions": {"x": {"mine_function": Secret("cmd.run")}}}, [ANY]),
    ],
)
def test_however_it_is_written(fun: str, arg: list[Any], kwarg: dict[str, Any], functions: list[str]) -> None:
    assert scheduled_functions(fun, arg, kwarg) == functions


def test_every_indirect_function_has_its_rule() -> None:
    """A new one must be thought of: it may name functions in its arguments."""
    from saltern_master.auth import indirect
    from saltern_master.auth.powers import bundled_sources, declaration

    said = [declaration(stem, source) for stem, source in bundled_sources().items()]
    names = {f"{one.name}.{name}" for one in said for name, power in one.powers.items() if power == Power.INDIRECT}
    rules = re.findall(r"``([\w.*]+)``", indirect.__doc__ or "")
    assert {name for name in names if not any(fnmatch.fnmatchcase(name, rule) for rule in rules)} == set()


def test_no_glob_grants_the_content_of_any_file_nor_what_the_minion_alone_reaches() -> None:
    """/etc/shadow, private keys, passwords in settings: who reads them is root soon."""
    said = Powers()
    for module, names in {
        "file": "read seek_read grep search contains contains_regex contains_glob get_diff check_file_meta extract_hash"
        " get_source_sum source_list",
        "hashutil": "base64_encodefile",
        "ini": "get_option get_section get_ini",
        "dnsutil": "parse_hosts parse_zone",
        "sysctl": "show",
        "lowpkg": "diff",
        "mount": "fstab automaster swapon",
        "ps": "proc_info",
        "environ": "get item items",
        "git": "config_get config_get_regex config_get_regexp remote_get remotes",
        "ssh": "check_key_file",
        "pkg": "set_selections diff",
        "shadow": "info",
        "logs": "tail",
    }.items():
        assert [name for name in names.split() if said.of(f"{module}.{name}").by_glob] == []


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("schedule.add"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["function", "job_args", "job_kwargs", "x"]), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(
    st.sampled_from(["schedule.add", "schedule.modify"]),
    st.dictionaries(st.sampled_from(["function", "job_args", "job_kwargs"]), JUNK),
)
def test_any_arguments_name_functions(fun: str, kwarg: dict[str, Any]) -> None:
    found = scheduled_functions(fun, [], kwarg)
    assert all(isinstance(name, str) for name in found)
    function = kwarg.get("function")
    assert function is None or (function if isinstance(function, str) else ANY) in found


# judges


@pytest.mark.parametrize("judge", [LocalJudge([Grant("web*", ["test.*"])], POWERS), LocalJudge([], POWERS)])
def test_what_nobody_granted_is_limited_to_no_minion(judge: LocalJudge) -> None:
    delete = Needed(Need.WHEEL, "key.delete")
    assert not judge.may_call(delete)
    assert judge.limits(delete, (), {}, ["web1"]) == frozenset()
    assert judge.may_give(delete, (), {})
    granted = LocalJudge([Grant(WHEEL, ["key.*"])], POWERS)
    assert granted.limits(delete, (), {}, ["web1"]) is None


def test_what_peer_grants_is_limited_likewise() -> None:
    judge = MinionJudge("web1", Peers("peer", {"web1": ["test.*"]}), Peers("peer_run", {"web1": ["jobs.*"]}), POWERS)
    assert judge.limits(Needed(Need.RUNNER, "jobs.active"), (), {}, ["db1"]) is None
    assert judge.limits(Needed(Need.RUNNER, "manage.up"), (), {}, ["db1"]) == frozenset()
    assert judge.may_run("test.ping")
    assert not judge.may_run("cmd.run")
    assert judge.covers([Call("test.ping", None)], ["db1", "web2"])
    assert not judge.covers([Call("cmd.run", None)], ["db1"])
