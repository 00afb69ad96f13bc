"""Scopes of tokens, which users write: what they may ask, what they cost, and that they are no way to more."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from saltern.config import MasterOptions
from saltern.errors import ConfigError
from saltern_master.auth.audit import Audit
from saltern_master.auth.call import Call
from saltern_master.auth.caller import Caller, Kind
from saltern_master.auth.doorkeeper import Doorkeeper
from saltern_master.auth.entries import OnMinions
from saltern_master.auth.expression import MATCH_WITHIN_S, Expression, Patience
from saltern_master.auth.need import Need, Needed
from saltern_master.auth.powers import Powers
from saltern_master.auth.scope import MAX_BYTES, MAX_RULES, parse_scope

EAUTH = {"file": {"^filename": "/nowhere/users", "fred": ["cmd.run", "test.ping"], "ann": [".*"], "sue": [".*"]}}
ROLES = {
    "web": {"grants": ["@runner", "@wheel"], "on": ["web"], "members": ["file:ann"]},
    "all": {"grants": ["@runner", "@wheel"], "members": ["file:sue"]},
}
EVIL = r"(x+x+)+[yz]+[0-9]"


def opened(options: MasterOptions) -> Doorkeeper:
    given: Any = {**options, "external_auth": EAUTH, "roles": ROLES, "groups": {"web": ["web*"]}}
    return Doorkeeper(given, Powers(), Audit())


@pytest.mark.parametrize("target", ["I@db_password:s*", "J@a:.*", "E@(.+)+", "web1 or P@os:(.+)+", "not I@a:b"])
def test_no_pillar_is_asked_and_no_expression_run_by_the_target_of_a_scope(target: str) -> None:
    with pytest.raises(ConfigError, match="asks for what a token may not: use ids, globs"):
        parse_scope("scope", [{target: ["test.ping"]}])
    assert isinstance(parse_scope("scope", [{"web* or L@db1 or G@os:Debian": ["test.ping"]}])[0], OnMinions)


@pytest.mark.parametrize(
    "scope",
    [
        [{"*": [f"a{number}.[a-z]+" for number in range(MAX_RULES + 1)]}],
        [{"*": [{"cmd.run": [{"args": ["a.*"]}] * (MAX_RULES + 1)}]}],
        [{"*": [{"cmd.run": {"kwargs": {f"a{number}": "b.*" for number in range(MAX_RULES + 1)}}}]}],
        [f"test.{'x' * MAX_BYTES}"],
        ["test.ping"] * MAX_BYTES,
        [{"x" * 100: [f"test.a{number}"]} for number in range(MAX_RULES)],
    ],
)
def test_a_scope_is_short(scope: list[Any]) -> None:
    with pytest.raises(ConfigError, match=r"scope: (is|has) over"):
        parse_scope("scope", scope)


def test_expressions_of_scopes_keep_the_master_from_its_work_for_a_moment_in_a_second(options: MasterOptions) -> None:
    door = opened(options)
    scopes = [[{"*": [{"cmd.run": [{"args": [f"{EVIL}{n}"]} for n in range(20)]}, "test.ping"]}] for n in range(5)]
    began = time.thread_time()
    for scope in scopes:
        fred = Caller(Kind.LOGIN, "fred", source="file", scope=tuple(scope))
        assert door.policy.refused_functions(fred, [Call("cmd.run", ["x" * 4000])]) == ["cmd.run"]
        assert not door.policy.refused_functions(fred, [Call("test.ping")])
    assert time.thread_time() - began < 20 * MATCH_WITHIN_S


def test_patience_comes_back() -> None:
    now = [0.0]
    patience = Patience(lambda: now[0])
    expression, quick = Expression("", EVIL), Expression("", "a.*")
    expression.patience = quick.patience = patience
    assert quick.holds("ab")
    assert not expression.holds("x" * 4000)
    assert not quick.holds("ab")
    assert quick.holds("ab", in_doubt=True)
    now[0] = 1.0
    assert quick.holds("ab")


def test_everything_is_for_whom_it_is_granted_on_all_minions(options: MasterOptions) -> None:
    door = opened(options)
    ann, sue = (Caller(Kind.LOGIN, name, source="file") for name in ("ann", "sue"))
    assert not door.policy.sees_all(ann)
    assert door.policy.sees_all(sue)


def test_a_scope_of_before_that_is_too_much_allows_nothing(options: MasterOptions, tmp_path: Path) -> None:
    door = opened(options)
    fred = Caller(Kind.LOGIN, "fred", source="file", scope=({"I@a:b*": ["test.ping"]}, "test.ping"))
    assert door.policy.refused_functions(fred, [Call("test.ping")]) == ["test.ping"]


# what is a token's own

ROOT_TOKEN, FRED = "f" * 64, Caller(Kind.LOGIN, "fred", source="file")


def by_token(scope: tuple[Any, ...] | None, digest: str = ROOT_TOKEN) -> Caller:
    return Caller(Kind.LOGIN, "fred", source="file", token=digest, scope=scope)


def test_what_its_maker_began_is_not_a_tokens_own(options: MasterOptions) -> None:
    policy = opened(options).policy
    narrow, other = by_token(("test.ping",)), by_token(("test.ping",), "e" * 64)
    assert by_token(None).holder == FRED.holder == "file:fred"
    assert policy.owns(narrow, narrow.holder)
    assert policy.owns(FRED, narrow.holder)
    assert policy.owns(by_token(None), narrow.holder)
    assert not policy.owns(narrow, FRED.holder)
    assert not policy.owns(other, narrow.holder)
    assert not policy.owns(Caller(Kind.LOGIN, "fre", source="file"), narrow.holder)
    assert not policy.owns(narrow, None)


@pytest.mark.parametrize(
    ("own", "scope", "may"),
    [
        (["test.ping"], None, True),
        (["@runner"], None, False),
        (["test.ping"], ("test.ping",), False),
        (["test.ping"], ("@hooks",), True),
        (["test.ping"], ("@events",), True),
        (["@runner"], ("@hooks",), False),
    ],
)
def test_who_posts_to_hooks(options: MasterOptions, own: list[str], scope: tuple[Any, ...] | None, may: bool) -> None:
    door = Doorkeeper({**options, "external_auth": {"file": {**EAUTH["file"], "fred": own}}}, Powers(), Audit())
    assert door.policy.may_call(by_token(scope), Needed(Need.HOOKS, "hook")) is may


def test_a_user_of_this_host_posts_by_a_scope_that_says_it(options: MasterOptions) -> None:
    door = opened(options)
    hook = Needed(Need.HOOKS, "hook")
    for scope, may in ((None, True), (("test.ping",), False), (("@hooks",), True)):
        assert door.policy.may_call(Caller(Kind.LOCAL, "root", 0, token="f", scope=scope), hook) is may
