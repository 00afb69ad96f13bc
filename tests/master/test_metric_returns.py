"""What becomes of a return: a minion writes at its own names and at its own time, and no more of them than it may."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern_master.shipping.metric_returns import MAX_REFUSED_NAMED, MetricReturns
from saltern_master.shipping.name_budget import NameBudget
from saltern_master.shipping.names import Pattern

NOW = 1_800_000_000.5
SLOT = 1_800_000_000
HOUR = 3600
PATTERNS = (
    "saltern.[minion_id].[module]",
    "saltern.[minion_id].[module].[function]",
    "saltern.[minion_id].[function]",
    "saltern.[minion_id].[schedule]",
    "saltern.[minion_id]",
    "saltern.[module].[function]",
    "saltern.[schedule]",
    "saltern",
    "[module].[function]",
    "[function].[minion_id]",
    "SALTERN.[minion_id].[module]",
)


def returns(pattern: str = PATTERNS[0], most: int = 100, max_age_s: float = 168 * HOUR) -> MetricReturns:
    return MetricReturns(Pattern(pattern), NameBudget(most), max_age_s)


def body(value: Any, fun: str = "m.f", **more: Any) -> dict[str, Any]:
    return {"fun": fun, "jid": "1", "return": value, "success": True, "slot": SLOT, **more}


def test_points_are_at_the_slot() -> None:
    made = returns()
    assert made.points("web", body({"a": 1}), NOW) == ({"saltern.web.m.a": 1.0}, SLOT, False)
    unscheduled = body({"a": 1})
    del unscheduled["slot"]
    assert made.points("web", unscheduled, NOW) == ({"saltern.web.m.a": 1.0}, int(NOW), False)


@pytest.mark.parametrize(
    ("pattern", "fun", "schedule", "value"),
    [
        ("saltern.[minion_id].[module]", "schedule.x", "", {"stats": {"completeness": 100}}),
        ("saltern.[minion_id].[module]", "Schedule.x", "", {"stats": {"completeness": 100}}),
        ("saltern.[minion_id].[module]", "schedule", "", 1),
        ("saltern.[minion_id]", "m.f", "", {"schedule": {"stats": {"completeness": 100}}}),
        ("saltern.[minion_id]", "m.schedule", "", 5),
        ("saltern.[minion_id].[schedule]", "m.f", "schedule", {"stats": {"completeness": 100}}),
        ("saltern.[minion_id].[function].[module]", "stats.schedule", "", {"completeness": 100}),
        ("saltern.[module].[function]", "web02.schedule", "", {"stats": {"completeness": 100}}),
        ("saltern.[module].[function]", "master.bus", "", {"dropped": 0}),
        ("saltern", "m.f", "", {"web02": {"schedule": {"stats": {"completeness": 100}}}}),
        ("[module].[function]", "saltern.master", "", {"bus": {"dropped": 0}}),
    ],
)
def test_no_return_writes_what_is_the_masters_word(pattern: str, fun: str, schedule: str, value: Any) -> None:
    made = returns(pattern)
    given = body(value, fun, **({"schedule": schedule} if schedule else {}))
    assert made.points("web", given, NOW)[0] == {}
    assert made.metrics()["names_refused"] == 1
    explained = made.explain("web", fun)
    assert explained is not None
    assert (explained["metrics"], explained["refused_count"]) == ({}, 1)
    assert set(explained["refused"].values()) == {"it is the master's to write"}


words = st.sampled_from(["saltern", "Saltern", "master", "schedule", "SCHEDULE", "web", "x"])
nested = st.recursive(st.integers(), lambda inner: st.dictionaries(words, inner, max_size=3), max_leaves=8)


@given(
    pattern=st.sampled_from(PATTERNS),
    fun=st.lists(words, min_size=1, max_size=3).map(".".join),
    schedule=st.none() | words,
    value=nested,
)
def test_whatever_a_minion_sends(pattern: str, fun: str, schedule: str | None, value: Any) -> None:
    given = body(value, fun, **({"schedule": schedule} if schedule else {}))
    names = returns(pattern).points("web", given, NOW)[0]
    assert not [name for name in names if re.match(r"saltern\.(master|[^.]+\.schedule)(\.|$)", name, re.I)]


@pytest.mark.parametrize(
    "slot", [SLOT - 300 * 24 * HOUR, SLOT - 168 * HOUR - 1, SLOT + 25 * HOUR, 1, 2**33, True, "x", float("nan")]
)
def test_a_slot_that_no_spool_explains_is_refused(slot: Any, caplog: pytest.LogCaptureFixture) -> None:
    made = returns()
    with caplog.at_level(logging.WARNING):
        assert made.points("web", body({"a": 1, "b": 2}, slot=slot), NOW) == ({}, 0, True)
        made.points("web", body({"a": 1}, slot=slot), NOW)
    assert made.metrics() == {"not_numbers": 0, "names_refused": 0, "times_refused": 3}
    explained = made.explain("web", "m.f")
    assert explained is not None
    assert (explained["metrics"], list(explained["refused"])) == ({}, ["saltern.web.m.a"])
    assert explained["names_of_minion"] == 0
    (line,) = caplog.messages
    assert line.startswith("minion web: 2 points refused: ")


@pytest.mark.parametrize("slot", [SLOT - 167 * HOUR, SLOT + 23 * HOUR, float(SLOT)])
def test_a_slot_that_a_spool_explains_is_taken(slot: float) -> None:
    assert returns().points("web", body({"a": 1}, slot=slot), NOW) == ({"saltern.web.m.a": 1.0}, int(slot), False)


def test_names_over_the_budget_are_counted_said_once_and_explained(caplog: pytest.LogCaptureFixture) -> None:
    made = returns(most=3)
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            points, *_ = made.points("evil", body({f"n{number}": number for number in range(1000)}), NOW)
            assert list(points) == ["saltern.evil.m.n0", "saltern.evil.m.n1", "saltern.evil.m.n2"]
    assert made.metrics()["names_refused"] == 5 * 997
    assert caplog.messages == [
        "minion evil: 997 metric names refused, saltern.evil.m.n3 first: the minion has 3 others (max_metric_names)"
    ]
    explained = made.explain("evil", "m.f")
    assert explained is not None
    assert list(explained["metrics"]) == ["saltern.evil.m.n0", "saltern.evil.m.n1", "saltern.evil.m.n2"]
    assert (explained["refused_count"], len(explained["refused"])) == (997, MAX_REFUSED_NAMED)
    assert explained["names_of_minion"] == 3


def test_one_that_makes_names_without_end_costs_another_none() -> None:
    made = returns(most=10)
    for number in range(200):
        made.points("evil", body({f"n{number}-{leaf}": 1 for leaf in range(20)}, f"m{number}.f"), NOW)
    points, *_ = made.points("web", body(dict.fromkeys("abcdefghij", 1)), NOW)
    assert len(points) == 10
    assert made.points("web", body(dict.fromkeys("abcdefghij", 2)), NOW + 15)[0] == dict.fromkeys(points, 2.0)


def test_nothing_is_known_of_what_was_never_returned() -> None:
    assert returns().explain("web", "m.f") is None
