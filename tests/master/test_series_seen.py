"""Whose series someone sees, and where they are in the tree of names."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import ConfigError, NotAuthorised
from saltern.metric_segment import owner
from saltern_graphite.http.restricted.prefixes import Prefixes
from saltern_master.auth.caller import Caller
from saltern_master.commands import events, series
from saltern_master.shipping.names import Pattern, masters_own
from support.doors import ROOT, Door, Users, minion

OPTIONS = {"metric_pattern": "saltern.[minion_id].[module]"}


@pytest.fixture
def door() -> Door:
    acl: dict[str, Any] = {"watch": [{"web*": ["test.ping"]}], "fire": ["@events"], "all": [".*"]}
    commands = [series.series, events.fire]
    return Door(acl, commands, Users(watch=[], fire=[], all=[], none=[]), options=OPTIONS)


def told(door: Door, who: str | Caller, *args: Any) -> Any:
    return asyncio.run(door.call(who, "login.series", *args))


def test_who_sees_whose(door: Door) -> None:
    watched = told(door, "watch")
    assert watched["places"] == ["saltern.web1", "saltern.web2"]
    assert watched["minions"] == ["web1", "web2"]
    assert (watched["all"], watched["fires"], watched["principal"]) == (False, False, "local:watch")
    fires = told(door, "fire")
    assert (fires["places"], fires["minions"], fires["fires"], fires["all"]) == ([], [], True, False)
    everyone = told(door, "all")
    assert everyone["places"] == ["saltern.db1", "saltern.web1", "saltern.web2"]
    assert not everyone["all"]
    root = told(door, ROOT)
    assert root == {"version": root["version"], "principal": "local:root", "fires": True, "all": True}
    for nobody in ("none", minion("web1")):
        with pytest.raises(NotAuthorised):
            told(door, nobody)


def test_what_was_seen_already_is_not_told_again_until_it_changes(door: Door) -> None:
    version = told(door, "watch")["version"]
    assert told(door, "watch", version) == {"version": version, "same": True}
    door.policy.version += 1
    assert told(door, "watch", version)["places"]
    version = told(door, "watch")["version"]
    door.services.keyring.minions = lambda: ["web1"]
    assert told(door, "watch", version)["places"] == ["saltern.web1"]


@pytest.mark.parametrize(
    ("pattern", "place"),
    [
        ("saltern.[minion_id].[module]", "saltern.web1_x"),
        ("stats.[minion_id].x", "stats.web1_x"),
        ("stats.[module].[minion_id]", "stats.*.web1_x"),
        ("stats.[module][function].[minion_id].z", "stats.*.web1_x"),
        ("stats.m-[module].[minion_id]", "stats.m-*.web1_x"),
        ("[minion_id].[module]", "web1_x"),
        ("a.x-[minion_id]y", "a.x-web1_xy"),
        ("saltern.hosts.[minion_id]", "saltern.hosts.web1_x"),
        ("[module].[minion_id]", None),
        ("saltern.[module].[minion_id]", None),
        ("a.[module]-[minion_id]", None),
        ("a.[minion_id][function]", None),
        ("a.b", None),
        ("carbon.[minion_id]", None),
        ("a.{b}.[minion_id]", None),
        ("a.*.[minion_id]", None),
        ("a b.[minion_id]", None),
    ],
)
def test_places(pattern: str, place: str | None) -> None:
    account = "saltern.web1_x.schedule"
    found = Pattern(pattern).places("web1.x")
    assert found == ([account] if place is None else [place] if account.startswith(f"{place}.") else [place, account])


@pytest.mark.parametrize(
    ("pattern", "minion_id"),
    [
        ("saltern.hosts.[minion_id]", "schedule"),
        ("saltern.hosts.[minion_id]", "Schedule"),
        ("[minion_id].[module]", "saltern"),
        ("[minion_id].[module]", "Saltern"),
        ("[minion_id].[module]", "carbon"),
    ],
)
def test_an_id_that_leads_among_others_metrics_sees_its_account_alone(pattern: str, minion_id: str) -> None:
    assert Pattern(pattern).places(minion_id) == [f"saltern.{owner(minion_id)}.schedule"]


elements = st.lists(
    st.sampled_from(
        ["saltern", "stats", "master", "schedule", "hosts", "-", "[minion_id]", "[module]", "[function]", "[schedule]"]
    ),
    min_size=1,
    max_size=2,
).map("".join)
ids = st.sampled_from(["web1", "web-1", "master", "schedule", "saltern", "stats", "hosts", "db1.x", "carbon"])
words = st.sampled_from(["master", "schedule", "web1", "stats", "saltern", "hosts", "db1_x", "cpu", "agents"])


@given(st.lists(elements, min_size=1, max_size=4).map(".".join), ids, ids, words, words, words)
def test_no_place_holds_what_another_minion_or_the_master_writes(
    text: str, one: str, other: str, module: str, function: str, schedule: str
) -> None:
    try:
        pattern = Pattern(text)
    except ConfigError:
        return
    seen = Prefixes(pattern.places(one))
    name = f"{pattern.prefix(other, f'{module}.{function}', schedule)}.leaf"
    if one != other and not masters_own(name, [name]):
        assert not seen.allows(name)
    for own in (
        "saltern.master.bus",
        f"saltern.{owner(other)}.schedule.{module}",
        f"carbon.agents.{module}.{function}",
    ):
        assert not seen.allows(own) or (one == other and ".schedule." in own), own
