"""What one entry grants: Salt's grammar, without the holes that Salt's reading of it has."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import ConfigError
from saltern.power import Power
from saltern.secret import Secret
from saltern_master.auth.call import Call, calls_of
from saltern_master.auth.entries import OnMaster, OnMinions, Word, parse_entries
from saltern_master.auth.indirect import ANY
from saltern_master.auth.powers import Powers

POWERS = Powers()


def one(entry: Any) -> Any:
    (parsed,) = parse_entries("external_auth: file: fred", [entry])
    return parsed


def may(entry: Any, function: str, *args: Any, **kwargs: Any) -> bool:
    parsed = one(entry)
    assert isinstance(parsed, OnMinions)
    return parsed.rule_for(Call(function, args, kwargs), POWERS.of(function)) is not None


def may_own(entry: Any, client: str, function: str, *args: Any, by_name: bool = False, **kwargs: Any) -> bool:
    parsed = one(entry)
    assert isinstance(parsed, OnMaster)
    return parsed.allows(client, function, list(args), kwargs, by_name=by_name)


# functions


@pytest.mark.parametrize(
    ("pattern", "function", "allowed"),
    [
        ("test.ping", "test.ping", True),
        (r"test\.ping", "test.ping", True),
        ("test.ping", "testXping", False),
        ("test.ping", "test.ping_all", False),  # Salt admits it: it looks at the beginning alone
        ("test.pin", "test.ping", False),
        (r"test\..*", "test.echo", True),
        ("test.*", "test.echo", True),
        (r"test\..*", "xtest.echo", False),
        (r"test\.(ping|echo)", "test.echo", True),
        (r"test\.(ping|echo)", "test.echos", False),
        ("cmd.run", "cmd.run", True),
        (r"cmd\.run", "cmd.run", True),
        (r"cmd\..*", "cmd.run", False),
        (r"cmd\..*", "cmd.which", True),
        (r"cmd\.(run)", "cmd.run", False),
        ("[a-z.]*", "cmd.run", False),
        (".+", "cmd.run", False),
        (r"schedule\..*", "schedule.add", False),
        ("schedule.add", "schedule.add", True),
        (r"mypkg\..*", "mypkg.undeclared", False),
        ("mypkg.undeclared", "mypkg.undeclared", True),
        (".*", "cmd.run", True),
        ("*", "cmd.run", True),
        (".*", "mypkg.undeclared", True),
        (".*", ANY, True),
        (".+", ANY, False),
        ("returner:syslog", "returner:syslog", True),
        ("returner:.*", "returner:syslog", False),
        ("test.*", "test.x\n", False),
    ],
)
def test_an_expression_means_whole_names_and_only_an_exact_one_or_all_covers_what_runs_anything(
    pattern: str, function: str, allowed: bool
) -> None:
    assert may(pattern, function) is allowed
    assert may({"web*": [pattern]}, function) is allowed
    assert may({"web*": pattern}, function) is allowed


@given(st.from_regex(r"[a-z]{1,3}(\.[a-z]{1,3}|\*|\.\*)?", fullmatch=True), st.sampled_from(Power))
def test_an_expression_never_means_more_than_the_regular_expression_that_it_is(pattern: str, power: Power) -> None:
    try:
        entry = one(pattern)
    except ConfigError:
        return
    for function in ("a.b", "ab.c", "abc.abc", "a.bc", "z", "zz.z"):
        covered = entry.rule_for(Call(function), power) is not None
        exact = re.fullmatch(r"[a-z.]+", pattern) is not None
        assert not covered or re.fullmatch(pattern, function)
        assert not covered or exact or power.by_glob
        assert (
            covered
            or not re.fullmatch(pattern.replace(".", r"\.") if exact else pattern, function)
            or not (exact or power.by_glob)
        )


def test_no_expression_keeps_the_master_busy() -> None:
    entry = one({"*": [{"test.echo": {"args": ["(a|a)*[bc]"]}}]})
    began = time.monotonic()
    assert entry.rule_for(Call("test.echo", ["a" * 60_000]), Power.READS) is None
    assert entry.rule_for(Call("test.echo", ["a" * 200_000 + "b"]), Power.READS) is None
    assert time.monotonic() - began < 20  # an expression that turns back would take for ever


# arguments


@pytest.mark.parametrize(
    ("conditions", "args", "kwargs", "allowed"),
    [
        ({"args": ["df -h"]}, ["df -h"], {}, True),
        ({"args": ["df -h"]}, ["df -h; reboot"], {}, False),  # open ends
        ({"args": ["df -h"]}, ["x; df -h"], {}, False),
        ({"args": ["df .*"]}, ["df -h\nreboot"], {}, False),
        ({"args": ["df -h"]}, [], {}, False),
        ({"args": ["df -h"]}, ["df -h", "more"], {}, False),
        ({"args": ["df -h"]}, ["df -h"], {"runas": "root"}, False),  # what it doesn't name
        ({"args": ["df -h"]}, ["df -h", "runas=root"], {}, False),
        ({"args": ["df -h"]}, ["df -h", {"__kwarg__": True, "runas": "root"}], {}, False),
        ({"args": ["df -h", "..."]}, ["df -h", "more", 3], {}, True),
        ({"args": ["df -h", "..."]}, ["df -h"], {}, True),
        ({"args": ["df -h", "..."]}, [], {}, False),
        ({"args": ["df -h", "..."]}, ["df -h"], {"runas": "root"}, False),
        ({"args": ["df -h", "..."]}, ["df -h", "runas=root"], {}, False),
        ({"args": ["df -h"], "kwargs": {"...": None}}, ["df -h", "runas=root"], {"cwd": "/"}, True),
        ({"args": ["df -h"], "kwargs": {"...": None}}, ["df -h", "more"], {}, False),
        ({"args": [None]}, ["anything"], {}, True),
        ({"args": [None]}, [None], {}, True),
        ({"args": [None]}, [], {}, False),
        ({"args": [5, True]}, [5, True], {}, True),
        ({"args": [5]}, [55], {}, False),
        ({"args": [1.5]}, ["1x5"], {}, False),
        ({"args": ["a", None, "c"]}, ["a", "b", "c"], {}, True),
        ({"args": ["a", None, "c"]}, ["a", "b", "d"], {}, False),
        ({"kwargs": {"cmd": "df"}}, [], {"cmd": "df"}, True),
        ({"kwargs": {"cmd": "df"}}, ["cmd=df"], {}, True),
        ({"kwargs": {"cmd": "df"}}, ["cmd=df"], {"cmd": "rm"}, False),  # whichever counts
        ({"kwargs": {"cmd": "df"}}, ["cmd=rm", "cmd=df"], {}, False),
        ({"kwargs": {"cmd": "df"}}, [], {"cmd": "dfx"}, False),
        ({"kwargs": {"cmd": "df"}}, [], {}, False),
        ({"kwargs": {"cmd": "df"}}, ["df"], {"cmd": "df"}, False),
        ({"kwargs": {"cmd": None}}, [], {"cmd": "rm"}, True),
        ({"kwargs": {"cmd": None}}, [], {"cmd": "rm", "cwd": "/"}, False),
        ({"kwargs": {"cmd": None, "...": None}}, [], {"cmd": "rm", "cwd": "/"}, True),
        ({"args": ["s3cret"]}, [Secret("s3cret")], {}, True),
        ({"args": [r"\*\*\*"]}, [Secret("s3cret")], {}, False),
        ([{"args": ["a"]}, {"kwargs": {"k": "v"}}], ["a"], {}, True),
        ([{"args": ["a"]}, {"kwargs": {"k": "v"}}], [], {"k": "v"}, True),
        ([{"args": ["a"]}, {"kwargs": {"k": "v"}}], ["a"], {"k": "v"}, False),
    ],
)
def test_conditions_are_held_against_all_that_a_function_is_given(
    conditions: Any, args: list[Any], kwargs: dict[str, Any], allowed: bool
) -> None:
    assert may({"*": [{"cmd.run": conditions}]}, "cmd.run", *args, **kwargs) is allowed


def test_what_is_not_known_to_be_given_only_a_rule_without_conditions_allows() -> None:
    free = one({"*": ["cmd.run"]})
    tied = one({"*": [{"cmd.run": {"args": ["..."], "kwargs": {"...": None}}}]})
    assert free.rule_for(Call("cmd.run", None), Power.RUNS)
    assert tied.rule_for(Call("cmd.run", None), Power.RUNS) is None
    assert tied.rule_for(Call("cmd.run", ["x"], {"y": 1}), Power.RUNS)


def test_a_rule_without_conditions_counts_beside_one_that_has_some() -> None:
    assert may({"*": [{"cmd.run": {"args": ["a"]}}, "cmd.run"]}, "cmd.run", "b", c=1)


def test_a_job_calls_its_functions_each_with_its_own_arguments_and_what_they_make_run() -> None:
    assert calls_of("test.ping", None, None) == [Call("test.ping")]
    assert calls_of(["a.b", "c.d"], [["1"], []], {"k": 1}) == [Call("a.b", ["1"], {"k": 1}), Call("c.d", [], {"k": 1})]
    assert calls_of(["a.b", "c.d"], [], None) == [Call("a.b"), Call("c.d")]
    assert calls_of("a.b", None, None, "syslog,mysql")[1:] == [Call(f"returner:{n}", None) for n in ("syslog", "mysql")]
    assert calls_of("test.cross_test", ["cmd.run", ["rm"]], None)[1:] == [Call("cmd.run", None)]


# on the master


@pytest.mark.parametrize(
    ("entry", "client", "function", "allowed"),
    [
        ("@runner", "runner", "jobs.list_jobs", True),
        ("@runners", "runner", "jobs.list_jobs", True),
        ("@runner", "wheel", "key.accept", False),
        ("@wheel", "wheel", "key.accept", True),
        ("@wheels", "wheel", "key.accept", True),
        ("@wheel", "runner", "jobs.active", False),
        ("@jobs", "runner", "jobs.active", True),
        ("@jobs", "runner", "jobsx.active", False),
        ("@jobs", "runner", "manage.up", False),
        ("@key", "wheel", "key.accept", True),
        ("@key", "wheel", "config.values", False),
        ({"@runner": [r"jobs\..*"]}, "runner", "jobs.active", True),
        ({"@runner": ["jobs.activ"]}, "runner", "jobs.active", False),
        ({"@runner": r"jobs\..*"}, "runner", "manage.up", False),
        ({"@jobs": ["list_.*"]}, "runner", "jobs.list_jobs", True),
        ({"@jobs": ["list_.*"]}, "runner", "jobs.active", False),
        ({"@jobs": ["active"]}, "runner", "jobs.active", True),
        ({"@wheel": [r"key\..*"]}, "wheel", "key.delete", True),
        ({"@wheel": [r"key\..*"]}, "runner", "key.delete", False),
    ],
)
def test_functions_of_the_master(entry: Any, client: str, function: str, allowed: bool) -> None:
    assert may_own(entry, client, function) is allowed


def test_functions_of_the_master_have_conditions_too_and_their_arguments_are_no_keywords() -> None:
    entry = {"@runner": [{"manage.up": {"kwargs": {"tgt": "web.*"}}}]}
    assert may_own(entry, "runner", "manage.up", tgt="web1")
    assert not may_own(entry, "runner", "manage.up", tgt="db1")
    assert not may_own(entry, "runner", "manage.up")
    assert not may_own(entry, "runner", "manage.up", "tgt=web1")  # there it is a text


def test_a_runner_of_the_operators_own_is_covered_by_its_name_alone() -> None:
    for entry in ("@runner", "@mine", {"@runner": [".*"]}, {"@runner": [r"mine\..*"]}, {"@mine": [".*"]}):
        assert may_own(entry, "runner", "mine.fun")
        assert not may_own(entry, "runner", "mine.fun", by_name=True)
    for entry in ({"@runner": ["mine.fun"]}, {"@runner": [r"mine\.fun"]}, {"@mine": ["fun"]}):
        assert may_own(entry, "runner", "mine.fun", by_name=True)
        assert not may_own(entry, "runner", "mine.funs", by_name=True)


def test_an_entry_for_the_master_never_covers_minions() -> None:
    assert isinstance(one("@test"), OnMaster)
    assert isinstance(one({"@runner": ["test.ping"]}), OnMaster)
    assert isinstance(one("@events"), Word)


# what is written wrongly


def test_each_key_of_a_dict_is_an_entry() -> None:
    parsed = parse_entries("x", [{"web*": ["test.ping"], "@runner": ["jobs.active"]}])
    assert [entry.written for entry in parsed] == [{"web*": ["test.ping"]}, {"@runner": ["jobs.active"]}]


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ("test.ping", "must be a list of entries"),
        (None, "must be a list of entries"),
        ([1], "must be a function"),
        ([None], "must be a function"),
        ([{}], "must be a function"),
        ([""], "'' is no function"),
        (["test"], r"test\..*"),
        (["*.ping"], "is not a regular expression"),
        (["(a{1000}){1000}.b"], "parts with its repeats"),
        (["a" * 5000 + ".b+"], "over 4,096 characters"),
        ([{"": ["test.ping"]}], "is no target"),
        ([{True: ["test.ping"]}], "must be a target"),
        ([{"ldap(OU=x)": ["test.ping"]}], "not looked up in a directory"),
        ([{"web*": None}], "must be a function"),
        ([{"web*": ["@runner"]}], "grant it beside"),
        ([{"web*": [["test.ping"]]}], "must be a function"),
        ([{"web*": [{1: {}}]}], "is no function"),
        ([{"web*": [{"cmd.run": None}]}], "must be {args"),
        ([{"web*": [{"cmd.run": {}}]}], "must be {args"),
        ([{"web*": [{"cmd.run": []}]}], "an empty list"),
        ([{"web*": [{"cmd.run": {"arg": ["x"]}}]}], "must be {args"),
        ([{"web*": [{"cmd.run": {"args": "x"}}]}], "must be a list"),
        ([{"web*": [{"cmd.run": {"args": [["x"]]}}]}], "null for any value"),
        ([{"web*": [{"cmd.run": {"args": ["...", "x"]}}]}], "must be the last"),
        ([{"web*": [{"cmd.run": {"kwargs": ["x"]}}]}], "must be a map"),
        ([{"web*": [{"cmd.run": {"kwargs": {1: "x"}}}]}], "must be a map"),
        (["@"], "is not known"),
        (["@a.b"], "is not known"),
        ([{"@runner": []}], "write it alone"),
        ([{"@jobs": ["jobs.active"]}], "without their module"),
        ([{"@runner": ["active"]}], r"active\..*"),
        ([{"@events": ["x"]}], "takes no functions"),
        ([{"role:x": ["test.ping"]}], "takes no functions"),
        (["role:"], "names no role"),
        (["test.ping"] * 1001, "1,000 are allowed"),
    ],
)
def test_what_can_not_be_understood_is_said_with_its_place(entries: Any, says: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse_entries("external_auth: file: fred", entries)
    assert str(raised.value).startswith("external_auth: file: fred: ")
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)
