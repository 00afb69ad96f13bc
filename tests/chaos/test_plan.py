"""Plans of faults."""

from __future__ import annotations

import chaos.__main__  # noqa: F401  # enters the kinds
from chaos.faults.kind import KINDS
from chaos.plan import plan

MINIONS = ["m1", "m2"]


def test_a_seed_makes_the_same_plan_whatever_order_the_kinds_are_in() -> None:
    assert plan(7, 600, MINIONS, KINDS) == plan(7, 600, MINIONS, reversed(list(KINDS)))
    assert plan(7, 600, MINIONS, KINDS) != plan(8, 600, MINIONS, KINDS)


def test_every_kind_comes_and_several_are_on_at_once() -> None:
    planned = plan(1, 3600, MINIONS, KINDS)
    assert {fault.kind.name for fault in planned} == set(KINDS)
    assert any(one.at <= other.at < one.at + one.seconds for one in planned for other in planned if one is not other)


def test_nothing_is_befallen_twice_at_a_time_and_all_is_over_in_time() -> None:
    planned = plan(1, 3600, MINIONS, KINDS)
    assert all(fault.at + fault.seconds <= 3600 for fault in planned)
    for number, one in enumerate(planned):
        for other in planned[number + 1 :]:
            if one.target == other.target and set(one.kind.on.split()) & set(other.kind.on.split()):
                assert other.at >= one.at + one.seconds


def test_the_store_connects_to_nobody() -> None:
    assert not [fault for fault in plan(1, 3600, MINIONS, ["cut", "clock"]) if fault.target == "store"]


def test_no_kinds_no_faults() -> None:
    assert plan(1, 3600, MINIONS, []) == []


def test_only_some_are_befallen_by_the_same_faults() -> None:
    everything = plan(1, 3600, MINIONS, KINDS)
    assert plan(1, 3600, MINIONS, KINDS, ["m1"]) == [fault for fault in everything if fault.target == "m1"]
