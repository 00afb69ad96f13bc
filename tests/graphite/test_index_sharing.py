"""The index shares equal branches; nobody may notice but by the memory it takes."""

from __future__ import annotations

import gc
import itertools
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from saltern_graphite.index import BRANCH, LEAF, Index, Node
from saltern_graphite.index import tidy as tidying
from saltern_graphite.index.branch import SELF, Branch, Frozen, Shelf, count_leaves

elements = st.text("ab-1", min_size=1, max_size=2)
paths = st.lists(elements, min_size=1, max_size=4)
names = paths.map(".".join)
patterns = st.lists(st.sampled_from(["a", "b", "*", "a*", "**", "{a,b}", "[!a]"]), min_size=1, max_size=4).map(".".join)


def frozen(names: list[str], shelf: Shelf) -> dict[str, Frozen | None]:
    """What lies right below, of which all is frozen; made by itself, not by the index."""
    below: dict[str, list[str]] = {}
    for name in names:
        first, _, rest = name.partition(".")
        below.setdefault(first, []).append(rest)
    children: dict[str, Frozen | None] = {}
    for first, rests in below.items():
        deeper: dict[str, Frozen | None] = frozen([rest for rest in rests if rest], shelf)
        if deeper and "" in rests:
            deeper[SELF] = None
        children[first] = shelf.freeze(deeper) if deeper else None
    return children


class AnyOrder(RuleBasedStateMachine):
    """Adding, removing, grafting and tidying in any order, beside a plain set of names."""

    @initialize()
    def start(self) -> None:
        self.index = Index()
        self.names: set[str] = set()
        self.shelf = Shelf()

    @rule(name=names)
    def add(self, name: str) -> None:
        self.index.add(name)
        self.names.add(name)

    @rule(name=names)
    def remove(self, name: str) -> None:
        self.index.remove(name)
        self.names.discard(name)

    @rule(data=st.data())
    def remove_a_known_one(self, data: st.DataObject) -> None:
        if self.names:
            self.remove(data.draw(st.sampled_from(sorted(self.names))))

    @rule(path=st.lists(elements, max_size=2), below=st.lists(names, min_size=1, max_size=6))
    def graft(self, path: list[str], below: list[str]) -> None:
        self.index.graft(path, frozen(below, self.shelf))
        self.names.update(".".join([*path, name]) for name in below)

    @rule()
    def tidy(self) -> None:
        self.index.tidy()

    @rule(pattern=patterns)
    def find(self, pattern: str) -> None:
        plain = Index()
        for name in self.names:
            plain.add(name)
        found = self.index.find(pattern)
        assert found == plain.find(pattern)
        ends = self.index.ends(pattern)
        assert ends.leaves == sum(node.is_leaf for node in found)
        assert ends.branches == sum(not node.is_leaf for node in found)
        kinds: dict[str, int] = {}
        for node in found:
            kinds[node.name] = kinds.get(node.name, 0) | (LEAF if node.is_leaf else BRANCH)
        assert ends.names == kinds

    @rule(after=names)
    def page(self, after: str) -> None:
        behind = [name for name in sorted(self.names) if name > after]
        assert list(itertools.chain.from_iterable(self.index.walk(after))) == behind

    @invariant()
    def has_them_all(self) -> None:
        assert self.index.names() == sorted(self.names)
        assert len(self.index) == len(self.names)
        assert all(name in self.index for name in self.names)


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


def fleet(hosts: int) -> list[str]:
    return [
        f"fleet.host{host}.cpu.{cpu}.{kind}" for host in range(hosts) for cpu in range(4) for kind in ("user", "idle")
    ]


def test_equal_branches_become_one() -> None:
    index = Index()
    for name in fleet(50):
        index.add(name)
    index.tidy()
    assert len(different_branches(index)) == 5  # the root, the fleet, a host, its cpus, a cpu
    index.add("fleet.host7.cpu.0.steal")
    assert index.expand("fleet.*.cpu.*.steal") == ["fleet.host7.cpu.0.steal"]
    assert index.expand("fleet.host8.cpu.0.*") == ["fleet.host8.cpu.0.idle", "fleet.host8.cpu.0.user"]
    index.remove("fleet.host7.cpu.0.steal")
    index.tidy()
    assert len(different_branches(index)) == 5
    assert index.names() == sorted(fleet(50))


def different_branches(index: Index) -> set[int]:
    found: set[int] = set()
    waiting: list[Branch | None] = [index.root]
    while waiting:
        branch = waiting.pop()
        if branch is not None and id(branch) not in found:
            found.add(id(branch))
            waiting += branch.values()
    return found


def test_a_known_name_undoes_nothing() -> None:
    index = Index()
    for name in fleet(3):
        index.add(name)
    index.tidy()
    root = index.root
    assert isinstance(root, Frozen)
    index.add("fleet.host1.cpu.1.idle")
    index.remove("fleet.host1.cpu.1.nothing")
    assert index.root is root


def test_a_shelf_forgets_what_nobody_has() -> None:
    shelf = Shelf()
    one = shelf.freeze({"a": None, "b": shelf.freeze({"c": None})})
    assert one is shelf.freeze({"b": shelf.freeze({"c": None}), "a": None})
    assert (one.leaves, count_leaves({"x": one, "y": None}), len(shelf)) == (2, 3, 2)
    del one
    gc.collect()
    assert len(shelf) == 0


def test_a_very_wide_branch_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tidying, "WIDEST", 10)
    index = Index()
    for number in range(11):
        index.add(f"wide.n{number}.x")
    index.tidy()
    assert not isinstance(index.root, Frozen)
    assert len(index.expand("wide.*.x")) == 11
    assert all(isinstance(below, Frozen) for below in (index.root["wide"] or {}).values())


@given(st.integers(0, 5))
@settings(max_examples=3, deadline=None)
def test_tidying_beside_adding_and_reading(seed: int) -> None:
    index = Index()
    index.add("fleet.first.cpu.0.user")
    failures: list[BaseException] = []
    done = threading.Event()

    def run(what: str) -> None:
        try:
            while not done.is_set():
                if what == "tidy":
                    index.tidy()
                elif what == "read":
                    assert "fleet.first.cpu.0.user" in index.expand("fleet.*.cpu.0.user")
                    assert index.ends("fleet.*.cpu.0.user").leaves >= 1
                else:
                    some = list(itertools.chain.from_iterable(index.walk()))
                    assert some == sorted(set(some))
        except BaseException as error:  # told to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=run, args=(what,)) for what in ("tidy", "read", "walk")]
    for thread in threads:
        thread.start()
    kept = fleet(60)
    for number, name in enumerate(kept):
        index.add(f"{name}{seed}")
        index.add(f"{name}.gone")
        if number % 2:
            index.remove(f"{name}.gone")
    done.set()
    for thread in threads:
        thread.join(20)
    assert failures == []
    expected = {f"{name}{seed}" for name in kept} | {f"{name}.gone" for name in kept[::2]} | {"fleet.first.cpu.0.user"}
    assert index.names() == sorted(expected)
    assert len(index) == len(expected)


def test_tidying_starts_by_itself() -> None:
    index = Index()
    for number in range(tidying.AT_LEAST // 8 + 1):
        for name in fleet(1):
            index.add(f"{number}.{name}")
    deadline = time.monotonic() + 40
    while len(different_branches(index)) > 1000 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(different_branches(index)) < 1000


def test_deep_names_are_no_trouble() -> None:
    deep = ".".join("a" * 1500)
    index = Index()
    index.add(deep)
    index.add(f"{deep}.b")
    index.tidy()
    assert index.names() == [deep, f"{deep}.b"]
    assert index.expand(".".join("*" * 1500)) == [deep]
    assert index.find(deep) == [Node(deep, False), Node(deep, True)]
    index.remove(deep)
    index.tidy()
    assert index.names() == [f"{deep}.b"]
