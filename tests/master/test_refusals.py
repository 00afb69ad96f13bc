"""What a user who may command some minions is told of the others: nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from saltern.errors import NotAuthorised, SalternError
from saltern_master.auth.accounts import Account
from saltern_master.auth.caller import Caller, Kind
from saltern_master.auth.policy import Policy
from saltern_master.commands import targeted as module
from saltern_master.commands.dispatcher import Dispatcher
from support.keys import A, B, C, D, Door

FRED = Caller(Kind.LOCAL, "fred", 1000)
ACL = {"fred": [{"web*": ["test.*", "cmd.run"]}, {"db1": ["test.ping"]}]}


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    door = Door(tmp_path)
    door.master.policy = Policy(ACL, door.master.powers, lambda uid: Account("fred"))
    door.master.dispatcher.close()
    door.master.dispatcher = Dispatcher(door.master.registry, door.master.policy, door.master)
    door.accept("web1", A)
    door.accept("hidden", B)
    yield door
    door.close()


def told(door: Door, **job: Any) -> Any:
    """Return what fred is told: the minions of his job, or the refusal."""
    try:
        return asyncio.run(door.master.dispatcher.call(FRED, "job.publish", [], {"fun": "test.ping", **job}))["minions"]
    except SalternError as error:
        return f"{error.code}: {error}"


TARGETS: list[tuple[str, str | list[str]]] = [
    *(
        ("glob", target)
        for target in ("*", "web*", "web1", "w*", "?eb1", "[wd]*", "[!x]*", "db*", "db2", "*2", "x", "")
    ),
    *(
        ("list", target)
        for target in ("web1", "web1,db2", "db2,web1", "db2", "web1,web9", ["web1", "db2"], ["db2"], "")
    ),
    *(("pcre", target) for target in (".*", "web1|db2", "(web1|db.*)", "db2", "(?!web).*", "^d")),
    *(
        ("compound", target)
        for target in ("web1 or db2", "not web*", "* and not G@secret:1", "E@db.* or web1", "L@db2,web1")
    ),
    *(("compound", target) for target in ("not db2", "web1 and not L@db2", "G@secret:1 or web1")),
    *(("grain", target) for target in ("secret:1", "id:*", "secret:*")),
    *(("grain_pcre", target) for target in ("secret:.*", "id:.*")),
]


@pytest.mark.parametrize(("kind", "target"), TARGETS)
@pytest.mark.parametrize("fun", ["test.ping", "cmd.run", ["test.ping", "cmd.run"], "pkg.install"])
def test_a_minion_that_isnt_his_changes_no_answer(door: Door, kind: str, target: Any, fun: Any) -> None:
    job = {"tgt": target, "tgt_type": kind, "fun": fun}
    before = told(door, **job)
    door.accept("db2", C)
    door.fleet.set_grains("db2", C, {"secret": 1, "id": "db2"})
    assert told(door, **job) == before
    assert "db2" not in before or "db2" in str(target)
    assert "hidden" not in before


def test_a_grant_is_as_wide_as_it_says(door: Door) -> None:
    door.accept("db1", D)
    assert told(door, tgt="web*") == told(door, tgt="*", tgt_type="compound", fun="cmd.run") == ["web1"]
    assert told(door, tgt=".*", tgt_type="pcre") == told(door, tgt="web1,db1", tgt_type="list") == ["db1", "web1"]
    assert told(door, tgt="web9") == told(door, tgt="nothing", tgt_type="pcre") == []
    refused = "not_authorised: user fred may not run cmd.run on every minion of that target"
    for target, kind in (("db1", "glob"), ("*", "glob"), ("web1,db1", "list"), (["db1", "web1"], "glob")):
        assert told(door, tgt=target, tgt_type=kind, fun="cmd.run") == refused


@pytest.mark.parametrize("tgt", ["os:" + ":" * 60_000, "(.|.)+!", ",".join(map(str, range(300_000)))])
@pytest.mark.parametrize("fun", ["pkg.install", ["test.ping", "pkg.install"], "schedule.add"])
def test_a_function_that_isnt_his_costs_no_target(
    door: Door, tgt: str, fun: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meant(*_: Any) -> list[str]:
        raise AssertionError("the target was looked at")

    monkeypatch.setattr(module, "_meant", meant)
    for kind in ("glob", "list", "pcre", "grain", "grain_pcre", "compound", "nonsense"):
        job = {"tgt": tgt, "tgt_type": kind, "fun": fun, "kwarg": {"function": "test.ping"}}
        with pytest.raises(NotAuthorised, match="user fred may not run"):
            asyncio.run(door.master.dispatcher.call(FRED, "job.publish", [], job))


@pytest.mark.parametrize("name", ["wheel.key.list_all", "wheel.nosuch", "runner.manage.up", "runner.nosuch"])
@pytest.mark.parametrize("args", [[], [1, 2, 3, 4, 5, 6], [None], [{"a": "x" * 100}]])
def test_what_isnt_his_is_as_what_isnt_there(door: Door, name: str, args: list[Any]) -> None:
    with pytest.raises(NotAuthorised) as refused:
        asyncio.run(door.master.dispatcher.call(FRED, name, args, {"nosuch": 1}))
    client, _, function = name.partition(".")
    what = {"wheel": "manage keys", "runner": "run functions on the master"}[client]
    assert str(refused.value) == f"user fred may not {what} ({function}): grant @{client} in publisher_acl"
