"""Series that were taken out of the tag index and still arrive: they come back with their next point."""

from __future__ import annotations

import threading
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from saltern_graphite.rules.metric_name import canonical
from saltern_graphite.store.names import Names, Refusals
from saltern_graphite.tags.registry import Registry
from support.stacks import wait_for

RAW = ["cpu;dc=a;host=b", "cpu;host=b;dc=a", 'cpu{host="b",dc="a"}', "mem;dc=a", "~mem;dc=a", "plain.metric"]


def numbers_of(names: Names, *raw: str) -> list[int]:
    numbers: list[int] = names.numbers(raw, Refusals())[0].tolist()
    return numbers


@given(st.lists(st.one_of(st.sampled_from(RAW), st.lists(st.sampled_from(RAW), max_size=2))))
def test_a_name_is_announced_once_after_each_request_and_keeps_its_number(steps: list[str | list[str]]) -> None:
    """A text is a point that comes, a list a request to announce."""
    names = Names()
    met: list[str] = []
    names.on_new = met.append
    due, numbers = {canonical(raw) for raw in RAW}, dict[str, int]()
    for step in steps:
        met.clear()
        if isinstance(step, list):
            asked = [canonical(raw) for raw in step]
            names.announce_again(asked)
            due.update(asked)
            assert not met
        else:
            name = canonical(step)
            (number,) = numbers_of(names, step)
            assert numbers.setdefault(name, number) == number
            assert names.name(number) == name
            assert met == [name] * (name in due)
            due.discard(name)
        assert all(names.find(name) == number for name, number in numbers.items())
        assert names.awake() == [name for name in numbers if name not in due]
    assert len(names) == len(numbers)


def test_a_name_that_is_refused_meanwhile_rests_on() -> None:
    denied: set[str] = set()
    names = Names(lambda name: "denied" if name in denied else None)
    assert numbers_of(names, "cpu;dc=a") == [0]
    names.announce_again(["cpu;dc=a"])
    denied.add("cpu;dc=a")
    names.check_again()
    assert names.numbers(["cpu;dc=a"], Refusals())[1] is not None
    denied.clear()
    names.check_again()
    assert numbers_of(names, "cpu;dc=a") == [0]
    assert names.awake() == ["cpu;dc=a"]


def test_points_come_while_names_are_asked_for() -> None:
    names = Names()
    met: list[str] = []
    names.on_new = met.append
    raw = [f"cpu;host=w{number}" for number in range(50)]
    numbers = numbers_of(names, *raw)
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            names.announce_again(raw[::3])

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(500):
            assert numbers_of(names, *raw) == numbers
            assert [names.find(name) for name in raw] == numbers
    finally:
        stop.set()
        asking.join()
    assert len(names) == 50
    assert len(met) > 50


def test_a_removed_series_is_entered_again_when_it_comes(tmp_path: Path) -> None:
    names = Names()
    registry = Registry(str(tmp_path), str(tmp_path / "whisper"), known=names.awake)
    names.on_new = registry.met
    registry.index.on_removed = names.announce_again
    registry.start()
    index = registry.index
    try:
        numbers_of(names, "cpu;dc=a", "cpu;dc=b")
        wait_for(lambda: index.find(["name=cpu"]) == ["cpu;dc=a", "cpu;dc=b"], "both")
        assert index.remove(["cpu;dc=a", "never.met;dc=a"]) == 1
        numbers_of(names, "cpu;dc=b")
        registry.settle()
        assert index.find(["name=cpu"]) == ["cpu;dc=b"]
        numbers_of(names, "cpu;dc=a")
        wait_for(lambda: index.find(["name=cpu"]) == ["cpu;dc=a", "cpu;dc=b"], "the one that came again")
        registry.settle()
        assert index.count() == 2
    finally:
        registry.stop()
