"""What one caller may: the rule of the resolved target beside a model of it, roles, groups, scopes, and the telling."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Collection, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.power import Power
from saltern_master.auth.call import Call
from saltern_master.auth.entries import parse_entries
from saltern_master.auth.indirect import ANY
from saltern_master.auth.rights import LoginRights
from saltern_master.auth.roles import RoleBook, Source

MINIONS = ["web1", "web2", "db1", "db2"]
GROUPS = {"web": ["web*"], "db": ["db1", "db2"], "first": ["web1", "db1"]}
PING, RUN = Call("test.ping"), Call("cmd.run", ["df"])


def power_of(function: str) -> Power:
    return Power.RUNS if function in ("cmd.run", "cmd.shell") else Power.READS


def covered_by(expression: str, minions: Sequence[str]) -> Collection[str]:
    """Stand for targeting: a glob, or several with " or "; any minion that isn't asked about would be a fault."""
    return {m for m in [*minions, "another"] for part in expression.split(" or ") if fnmatch.fnmatchcase(m, part)}


def book(roles: Any = None) -> RoleBook:
    return RoleBook([Source("roles", "", roles or {})], [Source("groups", "", GROUPS)])


def holder(*entries: Any, roles: Any = None, held: Sequence[str] = ()) -> LoginRights:
    made = book(roles)
    parsed = parse_entries("external_auth: file: fred", list(entries))
    made.check(parsed)
    return LoginRights(made.rights(parsed, held), made.groups)


def covers(rights: LoginRights, calls: Sequence[Call], minions: Sequence[str], *, expanded: bool = False) -> bool:
    return rights.covers(calls, minions, power_of, covered_by, expanded=expanded)


# the rule of the resolved target


def test_one_entry_must_cover_all_the_minions() -> None:
    halves = holder({"web*": ["test.ping"]}, {"db*": ["test.ping"]})
    assert covers(halves, [PING], ["web1", "web2"])
    assert not covers(halves, [PING], MINIONS)
    assert covers(halves, [PING], MINIONS, expanded=True)
    assert not covers(halves, [PING], [*MINIONS, "other"], expanded=True)
    assert covers(holder({"web* or db*": ["test.ping"]}), [PING], MINIONS)
    assert covers(holder("test.ping"), [PING], [*MINIONS, "other"])


def test_every_function_of_a_job_must_be_allowed_with_its_own_arguments() -> None:
    rights = holder("test.ping", {"web*": [{"cmd.run": {"args": ["df"]}}]})
    assert covers(rights, [PING, RUN], ["web1"])
    assert not covers(rights, [PING, RUN], ["web1", "db1"])
    assert not covers(rights, [RUN, Call("cmd.run", ["reboot"])], ["web1"])
    assert not covers(rights, [Call("cmd.run", ["reboot"]), RUN], ["web1"])
    assert rights.refused([PING, RUN, Call("cmd.shell"), Call("cmd.run", ["reboot"])], power_of) == [
        "cmd.shell",
        "cmd.run",
    ]
    assert rights.refused([PING, RUN], power_of) == []
    assert rights.refused([Call("cmd.run", ["df"], {"runas": "root"})], power_of) == ["cmd.run"]
    assert rights.refused([Call("cmd.run", None)], power_of) == ["cmd.run"]


def test_a_function_is_allowed_by_one_entry_and_another_by_another() -> None:
    rights = holder({"web*": ["test.ping"]}, {"*": ["test.echo"]})
    assert covers(rights, [PING, Call("test.echo")], ["web1", "web2"])
    assert rights.covered([PING, Call("test.echo")], MINIONS, power_of, covered_by) == {"web1", "web2"}


def test_on_no_minions_what_is_allowed_nowhere_is_refused_all_the_same() -> None:
    rights = holder({"web*": ["test.ping"]})
    assert covers(rights, [PING], [])
    assert not covers(rights, [RUN], [])
    assert not covers(rights, [RUN], [], expanded=True)


def test_nobody_may_anything_that_is_not_granted() -> None:
    nobody = holder()
    assert not nobody
    assert not covers(nobody, [PING], ["web1"])
    assert not covers(nobody, [PING], [])
    assert nobody.refused([PING], power_of) == ["test.ping"]
    assert nobody.covered([PING], MINIONS, power_of, covered_by) == frozenset()
    assert nobody.known(MINIONS, covered_by) == frozenset()
    assert nobody.sees(MINIONS) == frozenset()
    assert not nobody.own("runner", "jobs.active", [], {})
    assert (nobody.everything, nobody.events, nobody.hooks) == (False,) * 3
    assert nobody.perms() == []


def test_entries_for_the_master_are_none_for_minions() -> None:
    rights = holder("@runner", "@test", {"@runner": ["test.ping"]})
    assert rights.refused([PING], power_of) == ["test.ping"]
    assert not rights.on_minions
    assert rights.known(MINIONS, covered_by) == frozenset()


FUNCTIONS = ["test.ping", "test.echo", "cmd.run"]
PATTERNS = st.sampled_from(["test.ping", r"test\..*", "cmd.run", r"cmd\..*", ".*", r"[a-z]+\.[a-z]+"])
TARGETS = st.sampled_from(["*", "web*", "db*", "web1", "db1 or web*", "none"])
ENTRIES = st.lists(st.tuples(TARGETS, st.lists(PATTERNS, max_size=3)), max_size=4)
CALLS = st.lists(st.sampled_from(FUNCTIONS), min_size=1, max_size=3)
CHOSEN = st.lists(st.sampled_from(MINIONS), unique=True, min_size=1)


def model_allows(patterns: list[str], function: str) -> bool:
    group = {"test.ping": 0, "test.echo": 0, "cmd.run": 1}[function]
    for pattern in patterns:
        if pattern in (function, ".*"):
            return True
        if group == 0 and pattern in (r"test\..*", r"[a-z]+\.[a-z]+"):
            return True
    return False


@given(ENTRIES, CALLS, CHOSEN)
def test_who_may_is_whom_the_model_lets(
    entries: list[tuple[str, list[str]]], functions: list[str], minions: list[str]
) -> None:
    rights = holder(*({target: patterns} for target, patterns in entries))
    calls = [Call(function) for function in functions]

    def on(function: str) -> list[set[str]]:
        return [
            {m for m in minions if m in covered_by(target, minions)}
            for target, patterns in entries
            if model_allows(patterns, function)
        ]

    assert covers(rights, calls, minions) == all(any(one == set(minions) for one in on(f)) for f in functions)
    union = {f: set().union(*on(f)) for f in functions}
    assert covers(rights, calls, minions, expanded=True) == all(union[f] == set(minions) for f in functions)
    assert rights.covered(calls, minions, power_of, covered_by) == set(minions).intersection(*union.values())
    assert rights.refused(calls, power_of) == list(
        dict.fromkeys(f for f in functions if not any(model_allows(patterns, f) for _, patterns in entries))
    )


@given(ENTRIES, ENTRIES, CALLS, CHOSEN, st.booleans())
def test_a_scope_only_takes_away(
    entries: list[tuple[str, list[str]]],
    scope: list[tuple[str, list[str]]],
    functions: list[str],
    minions: list[str],
    expanded: bool,
) -> None:
    own, narrow = (holder(*({target: patterns} for target, patterns in some)) for some in (entries, scope))
    parsed = parse_entries("token ci", [{target: patterns} for target, patterns in scope])
    both = own.scoped(book().rights(parsed))
    calls = [Call(function) for function in functions]
    assert covers(both, calls, minions, expanded=expanded) == (
        covers(own, calls, minions, expanded=expanded) and covers(narrow, calls, minions, expanded=expanded)
    )
    assert set(both.refused(calls, power_of)) == {*own.refused(calls, power_of), *narrow.refused(calls, power_of)}
    for one in ("known", "covered"):
        asked: tuple[Any, ...] = (minions, covered_by) if one == "known" else (calls, minions, power_of, covered_by)
        assert getattr(both, one)(*asked) == getattr(own, one)(*asked) & getattr(narrow, one)(*asked)


# roles and groups

DBA = {"dba": {"grants": ["cmd.run", {"*2": ["test.echo"]}, {"@runner": [r"jobs\..*"]}], "on": ["db"]}}


def test_a_role_is_good_on_its_groups_alone() -> None:
    dba = holder(roles=DBA, held=["dba"])
    assert covers(dba, [RUN], ["db1", "db2"])
    assert not covers(dba, [RUN], ["db1", "web1"])
    assert covers(dba, [Call("test.echo")], ["db2"])
    assert not covers(dba, [Call("test.echo")], ["web2"])
    assert dba.known(MINIONS, covered_by) == {"db1", "db2"}
    assert dba.own("runner", "jobs.active", [], {})
    assert covers(holder("role:dba", roles=DBA), [RUN], ["db1", "db2"])
    assert not covers(holder("role:dba", roles=DBA), [RUN], ["web1"])


def test_a_role_within_a_role_is_good_on_what_is_in_the_groups_of_both() -> None:
    roles = {**DBA, "lead": {"grants": ["role:dba", "test.ping"], "on": ["first"]}}
    lead = holder(roles=roles, held=["lead"])
    assert covers(lead, [RUN], ["db1"])
    assert not covers(lead, [RUN], ["db2"])
    assert not covers(lead, [RUN], ["web1"])
    assert covers(lead, [PING], ["db1", "web1"])


def test_two_roles_do_not_add_up_unless_it_is_expanded() -> None:
    roles = {name: {"grants": ["test.ping"], "on": [name]} for name in ("web", "db")}
    both = holder(roles=roles, held=["web", "db"])
    assert not covers(both, [PING], MINIONS)
    assert covers(both, [PING], MINIONS, expanded=True)
    assert covers(holder(roles={"x": {"grants": ["test.ping"], "on": ["web", "db"]}}, held=["x"]), [PING], MINIONS)


def test_a_watcher_sees_his_groups_and_runs_nothing_there() -> None:
    watcher = holder(roles={"watcher": {"on": ["web"]}}, held=["watcher"])
    assert watcher.sees(MINIONS) == {"web1", "web2"}
    assert watcher.sees(MINIONS, arguments=True) == frozenset()
    assert watcher.known(MINIONS, covered_by) == {"web1", "web2"}
    assert watcher.refused([PING], power_of) == ["test.ping"]
    assert not covers(watcher, [PING], ["web1"])
    assert watcher.own("runner", "jobs.lookup_jid", ["1"], {})


def test_an_operator_runs_whatever_he_likes_on_his_groups() -> None:
    operator = holder(roles={"operator": {"on": ["web"]}}, held=["operator"])
    assert covers(operator, [RUN, PING, Call(ANY, None)], ["web1", "web2"])
    assert not covers(operator, [PING], ["db1"])
    assert operator.sees(MINIONS) == operator.sees(MINIONS, arguments=True) == {"web1", "web2"}


def test_an_admin_is_everything() -> None:
    admin = holder(held=["admin"])
    assert covers(admin, [RUN, Call(ANY, None)], MINIONS)
    assert admin.refused([Call(ANY, None)], power_of) == []
    assert admin.covered([RUN], MINIONS, power_of, covered_by) == set(MINIONS)
    assert admin.known(MINIONS, covered_by) == admin.sees(MINIONS) == set(MINIONS)
    assert admin.own_named("runner", "mine.own")
    assert not holder(".*", "@runner", "@wheel", "@events", "@hooks").everything


def test_who_may_follow_all_events_sees_all_but_what_others_jobs_were_given() -> None:
    listener = holder("@events")
    assert listener.sees(MINIONS) == set(MINIONS)
    assert listener.sees(MINIONS, arguments=True) == frozenset()
    assert listener.events
    granted = holder("test.ping", "@hooks")
    assert (granted.events, granted.hooks) == (False, True)


def test_a_scope_limits_an_admin_too() -> None:
    scope = book().rights(parse_entries("token ci", [{"web*": ["cmd.run"]}, "@jobs", {"@runner": ["mine.own"]}]))
    narrow = holder(held=["admin"]).scoped(scope)
    assert not narrow.everything
    assert covers(narrow, [RUN], ["web1"])
    assert not covers(narrow, [RUN], ["db1"])
    assert narrow.own("runner", "jobs.active", [], {})
    assert not narrow.own("runner", "manage.up", [], {})
    assert not narrow.offers("wheel", "key.accept")
    assert narrow.own_named("runner", "mine.own")
    assert (narrow.events, narrow.hooks) == (False, False)
    assert narrow.sees(MINIONS) == frozenset()
    assert narrow.perms() == ["@jobs", {"@runner": ["mine.own"]}, {"web*": ["cmd.run"]}]
    narrower = narrow.scoped(book().rights(parse_entries("token", ["test.ping"])))
    assert narrower.refused([RUN, PING], power_of) == ["cmd.run", "test.ping"]
    assert not holder(held=["admin"]).scoped(())


def test_a_scope_gives_nothing() -> None:
    scope = book().rights(parse_entries("token ci", [".*", "@runner", "@events", "role:admin"]))
    wide = holder("test.ping").scoped(scope)
    assert wide.refused([RUN], power_of) == ["cmd.run"]
    assert not wide.own("runner", "jobs.active", [], {})
    assert (wide.everything, wide.events) == (False, False)


def test_what_may_be_called_with_some_arguments_is_offered() -> None:
    rights = holder({"@runner": [{"manage.up": {"kwargs": {"tgt": "web1"}}}, "mine.own"]}, {"@wheel": ["key.accept"]})
    assert rights.offers("runner", "manage.up")
    assert not rights.own("runner", "manage.up", [], {})
    assert rights.own("runner", "manage.up", [], {"tgt": "web1"})
    assert rights.own_named("runner", "mine.own")
    assert rights.names_runners
    assert not holder("@runner", {"@wheel": ["key.accept"]}).names_runners


# what is told


def test_perms_are_in_salts_grammar_texts_first() -> None:
    rights = holder(
        {"web*": ["test.ping", {"cmd.run": {"args": ["df"]}}]}, "@jobs", r"test\..*", "@jobs", roles=DBA, held=["dba"]
    )
    assert rights.perms() == [
        "@jobs",
        r"test\..*",
        {"( *2 ) and ( db1 or db2 )": ["test.echo"]},
        {"@runner": [r"jobs\..*"]},
        {"db1 or db2": ["cmd.run"]},
        {"web*": ["test.ping", {"cmd.run": {"args": ["df"]}}]},
    ]
    json.dumps(rights.perms())
    watcher = holder(held=["watcher"]).perms()
    assert [list(one) for one in watcher] == [["@runner"]]


@pytest.mark.parametrize(
    ("call", "minions", "line"),
    [
        (Call("test.echo"), ["web1"], r"external_auth: file: fred: test\..*"),
        (RUN, ["db1", "db2"], "role dba: cmd.run on group db"),
        (Call("test.echo"), ["db1"], r"external_auth: file: fred: test\..*"),
        (Call("pkg.list"), ["web1"], "external_auth: file: fred: pkg.list on web*"),
        (Call("pkg.install", ["x"]), ["web1"], "external_auth: file: fred: pkg.install with these arguments on web*"),
        (
            Call("pkg.install", ["y"]),
            ["web1"],
            "refused: external_auth: file: fred: pkg.install doesn't allow these arguments",
        ),
        (
            Call("pkg.list"),
            ["db1"],
            "refused: no single entry covers all of these minions: external_auth: file: fred: pkg.list on web*",
        ),
        (Call("nothing.at_all"), ["web1"], "refused: nothing grants nothing.at_all"),
        (
            Call("cmd.shell"),
            ["web1"],
            r"refused: external_auth: file: fred: cmd\..* doesn't cover cmd.shell, whose power is runs: grant it by "
            "its exact name",
        ),
    ],
)
def test_what_decided_is_told(call: Call, minions: list[str], line: str) -> None:
    rights = holder(
        r"test\..*",
        r"cmd\..*",
        {"web*": ["pkg.list", {"pkg.install": {"args": ["x"]}}]},
        roles=DBA,
        held=["dba"],
    )
    assert rights.why(call, minions, power_of, covered_by) == line
    assert covers(rights, [call], minions) is not line.startswith("refused: ")


def test_what_decides_for_an_admin_for_several_and_for_a_scope_is_told() -> None:
    assert holder(held=["admin"]).why(RUN, MINIONS, power_of, covered_by) == "role admin: everything"
    halves = holder({"web*": ["test.ping"]}, {"db*": ["test.ping"]})
    assert halves.why(PING, MINIONS, power_of, covered_by, expanded=True) == (
        "external_auth: file: fred: test.ping on web*; external_auth: file: fred: test.ping on db*"
    )
    narrow = halves.scoped(book().rights(parse_entries("token ci", ["test.echo"])))
    assert narrow.why(PING, ["web1"], power_of, covered_by) == ("refused: the token's scope: nothing grants test.ping")
