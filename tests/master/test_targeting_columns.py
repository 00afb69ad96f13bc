"""Grains by value: the same answers as from every minion's own, whatever changes in between."""

from __future__ import annotations

import threading
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from saltern.secret import Secret
from saltern_master.targeting import Columns, DataFacts, Known, Target
from saltern_master.targeting.columns import MAX_COLUMNS

TARGETS = [
    "os:debian", "os:*", "os:d*", "os:1*", "roles:a", "roles:0:a", "roles:-1:*", "roles:a:*", "net:b", "net:b:c",
    "net:*:c", "*:a", "*:*", "os:none", "os:true", "roles:*b*",
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


@given(steps)
def test_what_changes_between_answers_is_in_the_next(changes: list[tuple[str, dict[str, Any] | None, str]]) -> None:
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


def test_columns_are_bounded_and_the_one_asked_for_longest_ago_goes() -> None:
    minions = Minions()
    minions.tell("m1", {f"g{n}": n for n in range(100)})
    for number in range(100):
        assert minions.targeted(f"g{number}:{number}") == ["m1"]
        assert minions.targeted("g0:0") == ["m1"]
    assert len(minions.columns._columns) == MAX_COLUMNS
    assert "g0" in minions.columns._columns


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
