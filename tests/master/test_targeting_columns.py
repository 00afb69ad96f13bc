"""Grains by value: the same answers as from every minion's own, whatever changes in between."""

from __future__ import annotations

import asyncio
import threading
from typing import Any
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from saltern.secret import Secret
from saltern_master.targeting import Columns, DataFacts, Known, Target
from saltern_master.targeting import columns as columns_module
from saltern_master.targeting.columns import AT_ONCE, MAX_PLACES, SPARE_NUMBERS

TARGETS = [
    "os:debian", "os:*", "os:d*", "os:1*", "roles:a", "roles:0:a", "roles:-1:*", "roles:a:*", "net:b", "net:b:c",
    "net:*:c", "*:a", "*:*", "os:none", "os:true", "roles:*b*",
    "*:*:a", "*:b:c", "*:net", "*:NET", "*:n*", "*:b*", "*:1*", "*:none", "*:*:*", "*:a:b", "*:0:a", "*:roles:1:a",
    "*:{*",
]  # fmt: skip
IDS = ["m1", "m2", "m3"]
scalars = st.sampled_from(["a", "A", "b", "Debian", "", "c", None, True, 1, 1.0, "1", False])
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
)
known = st.dictionaries(st.sampled_from(["os", "roles", "net"]), values, max_size=3)
steps = st.lists(st.tuples(st.sampled_from(IDS), known | st.none(), st.sampled_from(TARGETS)), max_size=12)


class Minions:
    """Grains and keys that change, and the columns over them."""

    def __init__(self) -> None:
        self.grains: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, str] = {}
        self.asked: list[str] = []
        self.columns = Columns(self._grains_of, lambda: dict(self.keys))

    def _grains_of(self, minion: str) -> dict[str, Any]:
        self.asked.append(minion)
        return self.grains.get(minion, {})

    def tell(self, minion: str, grains: dict[str, Any]) -> None:
        self.keys.setdefault(minion, "A")
        self.grains[minion] = grains
        self.columns.changed(minion)

    def targeted(self, target: str, kind: str = "grain") -> list[str]:
        return Target(target, kind).select(sorted(self.keys), Known(self.columns))


@given(steps, st.sampled_from([0, 1, AT_ONCE]), st.sampled_from([2, MAX_PLACES]), st.sampled_from([0, 4, 1000]))
def test_what_changes_between_answers_is_in_the_next(
    changes: list[tuple[str, dict[str, Any] | None, str]], at_once: int, places: int, of_all: int
) -> None:
    limits = {"AT_ONCE": at_once, "MAX_PLACES": places, "MAX_ALL_PLACES": of_all, "SPARE_NUMBERS": 1}
    with mock.patch.multiple(columns_module, **limits):
        minions = Minions()
        for minion, grains, target in changes:
            if grains is None:
                minions.keys.pop(minion, None)
            else:
                minions.tell(minion, grains)
            plain = Known(DataFacts(lambda one: minions.grains.get(one, {})))
            for kind in ("grain", "grain_pcre"):
                wanted = Target(target, kind).select(sorted(minions.keys), plain)
                assert minions.targeted(target, kind) == wanted
            minions.columns.catch_up(1)


def test_a_minion_is_asked_about_again_only_when_it_changed() -> None:
    minions = Minions()
    for minion in IDS:
        minions.tell(minion, {"os": "Debian", "roles": ["web"]})
    assert minions.targeted("os:debian") == IDS
    minions.asked.clear()
    assert minions.targeted("os:debian") == IDS
    assert minions.targeted("roles:web") == IDS
    assert minions.asked == []
    minions.tell("m2", {"os": "Ubuntu"})
    assert minions.targeted("os:debian") == ["m1", "m3"]
    assert minions.asked == ["m2"]


def test_what_was_known_by_another_key_is_known_no_more() -> None:
    minions = Minions()
    minions.tell("m1", {"os": "Debian"})
    assert minions.targeted("os:debian") == ["m1"]
    minions.keys["m1"] = "B"
    minions.grains["m1"] = {}  # what the fleet knows by that key; nobody said that anything changed
    assert minions.targeted("os:debian") == []
    del minions.keys["m1"]
    assert minions.targeted("os:*") == []


def test_nothing_is_left_of_minions_that_are_gone() -> None:
    minions = Minions()
    for round_ in range(3):
        for number in range(SPARE_NUMBERS):
            minions.tell(
                f"m{round_}-{number}", {"os": "Debian", f"g{number}": number, "net": {"a": number}, "none": []}
            )
        while minions.columns.catch_up(AT_ONCE):
            pass
        assert len(minions.targeted("os:debian")) == SPARE_NUMBERS
        minions.keys.clear()
    assert minions.targeted("os:debian") == []
    while minions.columns.catch_up(AT_ONCE):
        pass
    assert (minions.columns._columns, minions.columns._data, minions.columns._count) == ({}, {}, 0)
    assert len(minions.columns._ids) <= SPARE_NUMBERS


def test_a_minion_with_too_many_grains_is_looked_at_itself() -> None:
    minions = Minions()
    minions.tell("m1", {"os": "Debian", "many": list(range(MAX_PLACES))})
    minions.tell("m2", {f"g{n}": n for n in range(MAX_PLACES + 1)})
    minions.tell("m3", {"os": "Debian", 1: "a"})  # type: ignore[dict-item]  # as YAML reads it
    minions.tell("m4", {"os": "Debian"})
    assert minions.targeted("os:debian") == ["m1", "m3", "m4"]
    assert minions.targeted("*:debian") == ["m1", "m3", "m4"]
    assert minions.targeted("many:999") == ["m1"]
    assert minions.targeted("g7:7") == ["m2"]
    assert minions.targeted("*:1:a") == ["m3"]
    assert set(minions.columns._columns) == {"os"}
    minions.tell("m1", {"os": "Debian"})
    assert minions.targeted("os:debian") == ["m1", "m3", "m4"]
    assert minions.columns._large == {"m2", "m3"}


def test_the_index_holds_whatever_the_order_of_the_changes() -> None:
    minions = Minions()
    for minion, os in (("m1", "a"), ("m2", "b"), ("m3", "b"), ("m1", "b"), ("m2", "a"), ("m1", "c")):
        minions.tell(minion, {"os": os, f"own-{minion}-{os}": 1})
        minions.columns.catch_up(1)
    assert [minions.targeted(f"os:{os}") for os in "abc"] == [["m2"], ["m3"], ["m1"]]
    assert set(minions.columns._columns) == {"os", "own-m1-c", "own-m2-a", "own-m3-b"}


def test_any_value_is_meant_with_salts_delimiter_alone() -> None:
    minions = Minions()
    minions.tell("m1", {"os": "x|a"})
    minions.tell("m2", {"*|a": "b"})
    known = Known(minions.columns)
    assert Target("*|a", "grain", delimiter="|").select(["m1", "m2"], known) == ["m2"]
    assert Target("*:x|a", "grain").select(["m1", "m2"], known) == ["m1"]
    minions.tell("m3", {"net": {"b": "a"}})
    assert Target("*:*:a", "grain_pcre").select(["m1", "m3"], known) == ["m3"]  # of which a part is no expression


def test_whoever_asks_before_the_index_is_made_does_not_make_it() -> None:
    minions = Minions()
    for number in range(AT_ONCE + 1):
        minions.tell(f"m{number}", {"os": "Debian"})
    assert len(minions.targeted("os:debian")) == AT_ONCE + 1
    assert minions.columns._data == {}


def test_the_index_is_made_and_kept_up_in_the_background() -> None:
    minions = Minions()
    ids = [f"m{number}" for number in range(2 * AT_ONCE)]

    async def told(grains: dict[str, Any]) -> None:
        for minion in ids:
            minions.tell(minion, grains)
        while not all(minions.columns._data.get(minion) == grains for minion in ids):
            await asyncio.sleep(0)

    async def kept_up() -> None:
        running = asyncio.create_task(minions.columns.run())
        for grains in ({"os": "Debian"}, {"os": "Ubuntu"}):
            await told(grains)
        running.cancel()

    asyncio.run(kept_up())
    minions.asked.clear()
    assert minions.targeted("os:ubuntu") == sorted(ids)
    assert minions.asked == []


def test_an_answer_that_is_read_stays_as_it_was() -> None:
    minions = Minions()
    for minion in IDS:
        minions.tell(minion, {"os": "Debian", "net": {"a": 1}})
    texts, boxes = minions.columns.values("os", set(IDS)).texts, minions.columns.values("net", set(IDS)).boxes
    for minion in IDS:
        minions.tell(minion, {"os": "Ubuntu"})
    assert minions.targeted("os:ubuntu") == IDS
    assert {text: sorted(texts[text]) for text in texts} == {"debian": IDS}
    assert [sorted(ids) for _, ids in boxes] == [IDS]


def test_a_secret_in_what_is_known_is_three_stars() -> None:
    known = Known(
        DataFacts(dict), DataFacts(lambda _: {"a": Secret("x"), "b": [Secret("x")], "c": {"d": {"e": Secret("x")}}})
    )
    for target in ("a:x", "b:x", "c:d:e:x", "c:*:x", "*:x", "c:*:e:x"):
        for kind in ("pillar", "pillar_exact", "pillar_pcre"):
            assert Target(target, kind).select(["m1"], known) == []
    for target in ("a:*", "b:*", "c:d:e", "c:d:e:[*][*][*]"):
        assert Target(target, "pillar").select(["m1"], known) == ["m1"]


def test_columns_may_be_asked_and_changed_by_several_threads_at_once() -> None:
    minions = Minions()
    ids = [f"m{n}" for n in range(50)]
    for minion in ids:
        minions.tell(minion, {"os": "a", "n": {"x": 1}})
    faults: list[BaseException] = []

    def ask() -> None:
        try:
            for _ in range(50):
                assert set(minions.targeted("os:[ab]")) == set(ids)
                assert set(minions.targeted("n:x:[12]")) == set(ids)
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(500):
        minions.tell(ids[number % 50], {"os": "ab"[number % 2], "n": {"x": 1 + number % 2}})
    for thread in threads:
        thread.join()
    assert faults == []
