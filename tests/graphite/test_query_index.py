"""The index and its globs."""

from __future__ import annotations

import fnmatch
import itertools
import re
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import GraphiteError
from saltern_graphite.index import Index, Node
from saltern_graphite.index.globs import compile_glob, expand_braces

elements = st.text("ab1", min_size=1, max_size=3)
names = st.lists(elements, min_size=1, max_size=4).map(".".join)
element_patterns = st.lists(
    st.sampled_from(["a", "b", "1", "*", "?", "[ab]", "[!a]", "[a-z]", "[", "{a,b1}", "{*b,1}"]), min_size=1, max_size=3
).map("".join)
element_patterns = element_patterns.filter(lambda element: element != "**")  # that one spans elements
patterns = st.lists(element_patterns, min_size=1, max_size=4).map(".".join)


def index_of(*names: str) -> Index:
    index = Index()
    for name in names:
        index.add(name)
    return index


def naive_match(pattern: str, name: str) -> bool:
    """fnmatch by element over every way to choose the braces' alternatives."""
    parts, subject = pattern.split("."), name.split(".")
    return len(parts) == len(subject) and all(
        any(fnmatch.fnmatchcase(element, choice) for choice in naive_choices(part))
        for part, element in zip(parts, subject, strict=True)
    )


def naive_choices(pattern: str) -> list[str]:
    pieces = re.split(r"\{([^{}]*)\}", pattern)
    options = [piece.split(",") if odd % 2 else [piece] for odd, piece in enumerate(pieces)]
    return ["".join(choice) for choice in itertools.product(*options)]


@given(st.lists(names, max_size=25), patterns)
def test_find_equals_fnmatch_over_all_names(stored: list[str], pattern: str) -> None:
    index = index_of(*stored)
    leaves = {name for name in stored if naive_match(pattern, name)}
    branches = {
        prefix
        for name in stored
        for prefix in itertools.accumulate(name.split(".")[:-1], lambda left, right: f"{left}.{right}")
        if naive_match(pattern, prefix)
    }
    expected = {Node(name, True) for name in leaves} | {Node(name, False) for name in branches}
    assert index.find(pattern) == sorted(expected)
    assert index.expand(pattern) == sorted(leaves)


@given(st.lists(names, max_size=20), st.lists(names, max_size=20))
def test_adding_and_removing(stored: list[str], removed: list[str]) -> None:
    index = index_of(*stored)
    for name in removed:
        index.remove(name)
    left = set(stored) - set(removed)
    assert index.names() == sorted(left)
    assert len(index) == len(left)
    assert index.find("**") == index_of(*left).find("**")
    assert all(name in index for name in left)
    assert not any(name in index for name in set(removed))


def test_any_depth() -> None:
    index = index_of("a.b.c", "a.c", "x.a.c", "a.b")
    assert index.expand("**.c") == ["a.b.c", "a.c", "x.a.c"]
    assert index.expand("a.**.c") == ["a.b.c", "a.c"]
    assert index.expand("a.**") == ["a.b", "a.b.c", "a.c"]
    assert index.expand("**.**.c") == ["a.b.c", "a.c", "x.a.c"]


def test_names_that_are_no_metrics_of_the_tree() -> None:
    index = index_of("cpu;host=a", "a..b", ".a", "a.", "")
    assert index.names() == []
    assert index.find("a..b") == index.find("") == []
    assert "a..b" not in index


def test_a_name_that_is_branch_and_leaf() -> None:
    index = index_of("a.b", "a.b.c")
    assert index.find("a.*") == [Node("a.b", False), Node("a.b", True)]
    index.remove("a.b.c")
    assert index.find("a.*") == [Node("a.b", True)]


def test_case_matters_and_odd_patterns_are_plain_text() -> None:
    index = index_of("a.Load", "a.[x", "a.{x", "a.x+y")
    assert index.expand("a.load") == []
    assert index.expand("a.[x") == ["a.[x"]
    assert index.expand("a.{x") == ["a.{x"]
    assert index.expand("a.x+*") == ["a.x+y"]
    assert index.expand(r"a.\Load") == ["a.Load"]


def test_braces_are_bounded() -> None:
    assert expand_braces("a{b,c}d{e,f}") == ["abde", "abdf", "acde", "acdf"]
    assert compile_glob("{a,b}").literals == ("a", "b")
    with pytest.raises(GraphiteError, match="over 1000 patterns"):
        compile_glob("{a,b}" * 40)


def test_hostile_globs_are_quick() -> None:
    index = index_of("a" * 5000)
    assert index.find("*a" * 200 + "b") == []


def test_building_from_a_tree(tmp_path: Path) -> None:
    for name in ("a/b/c.wsp", "a/b.wsp", "top.wsp", "a/note.txt", "_tagged/abc/def/abcdef.wsp", "a/x.wsp.corrupt-1"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    index = Index()
    index.start_build(str(tmp_path)).join(30)
    assert index.names() == ["a.b", "a.b.c", "top"]
    assert not index.progress.running
    assert index.progress.complete
    assert (index.progress.metrics, index.progress.folders) == (3, 3)
    Index().build(str(tmp_path / "missing"))


def test_a_build_can_be_stopped(tmp_path: Path) -> None:
    (tmp_path / "a.wsp").touch()
    stop = threading.Event()
    stop.set()
    index = Index()
    index.build(str(tmp_path), stop)
    assert not index.progress.complete


def test_readers_beside_a_writer() -> None:
    index = index_of("h0.cpu.user")
    failures: list[BaseException] = []
    done = threading.Event()

    def read() -> None:
        try:
            while not done.is_set():
                assert "h0.cpu.user" in index.expand("*.cpu.*")
                assert "h0.cpu.user" in index.names()
        except BaseException as error:  # told to the test's own thread
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(3000):
        index.add(f"h{number}.cpu.user")
        if number % 3 == 0 and number:
            index.remove(f"h{number}.cpu.user")
    done.set()
    for reader in readers:
        reader.join(20)
    assert failures == []
    assert len(index) == 3000 - 999
