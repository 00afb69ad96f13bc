"""The tag index, beside a list that is gone through from one end to the other."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern.errors import FunctionError, GraphiteError, StoreError
from saltern_graphite.tags import found as found_module
from saltern_graphite.tags import index as index_module
from saltern_graphite.tags.expression import parse_expressions
from saltern_graphite.tags.index import TagIndex
from saltern_graphite.tags.tagged_name import spelled, tags_of

TAGS, VALUES = ["dc", "host", "rack"], ["a", "b", "ab", "1"]
EXPRESSION = st.builds(
    "".join,
    st.tuples(
        st.sampled_from([*TAGS, "name", "none"]),
        st.sampled_from(["=", "!=", "=~", "!=~"]),
        st.sampled_from(["", *VALUES, "cpu", "c.*", ".*", ".+", "a|b", "^b|1", "[ab]$"]),
    ),
)
NAME = st.builds(
    lambda name, tags: spelled(name + "".join(f";{tag}={value}" for tag, value in tags.items())),
    st.sampled_from(["cpu", "disk.used", "c"]),
    st.dictionaries(st.sampled_from(TAGS), st.sampled_from(VALUES), max_size=3),
)


class Model:
    """What the index should answer."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def find(self, expressions: list[str]) -> list[str]:
        parsed = parse_expressions(expressions)
        found = []
        for name in self.names:
            tags = tags_of(name)
            if all(one.accepts(tags[one.tag]) if one.tag in tags else not one.needs_value for one in parsed):
                found.append(name)
        return sorted(found)

    def tags(self, expressions: list[str], prefix: str) -> list[str]:
        names = self.find(expressions) if expressions else self.names
        left = {one.tag for one in parse_expressions(expressions)} if expressions else set()
        return sorted({tag for name in names for tag in tags_of(name) if tag.startswith(prefix)} - left)

    def values(self, expressions: list[str], tag: str, prefix: str) -> list[str]:
        names = self.find([*expressions, f"{tag}!="]) if expressions else self.names
        found = {tags_of(name).get(tag, "") for name in names} - {""}
        return sorted(value for value in found if value.startswith(prefix))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["add", "remove"]), st.lists(NAME, max_size=8)), max_size=5),
    st.lists(st.lists(EXPRESSION, min_size=1, max_size=3), min_size=1, max_size=4),
    st.sampled_from(["", "a", "d", "r"]),
)
def test_it_answers_as_the_model_does(
    changes: list[tuple[str, list[str]]], questions: list[list[str]], prefix: str
) -> None:
    index, model = TagIndex(), Model()
    for what, names in changes:
        if what == "add":
            assert index.add(names) == len(set(names) - model.names)
            model.names.update(names)
        else:
            assert index.remove(names) == len(set(names) & model.names)
            model.names.difference_update(names)
        compare(index, model, questions, prefix)
    assert index.count() == len(model.names)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(NAME, max_size=8),
    st.lists(NAME, max_size=8),
    st.lists(st.lists(EXPRESSION, min_size=1, max_size=3), min_size=1, max_size=4),
    st.sampled_from(["", "a", "d", "r"]),
)
def test_what_is_to_be_entered_is_found_as_if_it_were(
    names: list[str], coming: list[str], questions: list[list[str]], prefix: str
) -> None:
    index, model = TagIndex(), Model()
    index.add(names)
    index.coming = lambda: coming
    model.names = {*names, *coming}
    ask(index, model, questions, prefix)
    assert index.complete_tags([], prefix, 2) == model.tags([], prefix)[:2]
    assert index.complete_values([], "dc", prefix, 1) == model.values([], "dc", prefix)[:1]


def compare(index: TagIndex, model: Model, questions: list[list[str]], prefix: str) -> None:
    ask(index, model, questions, prefix)
    assert [tag for _, tag in index.tags()] == model.tags([], "")
    for tag in (*TAGS, "name"):
        try:
            _, values = index.values(tag)
        except LookupError:
            values = []
        counts = {value: count for _, value, count in values}
        of_tag = [tags_of(name).get(tag, "") for name in model.names]
        assert counts == {value: of_tag.count(value) for value in set(of_tag) - {""}}


def ask(index: TagIndex, model: Model, questions: list[list[str]], prefix: str) -> None:
    for expressions in questions:
        try:
            expected = model.find(expressions)
        except FunctionError:
            with pytest.raises(FunctionError):
                index.find(expressions)
            continue
        assert index.find(expressions) == expected
        assert index.complete_tags(expressions, prefix, 100) == model.tags(expressions, prefix)
        for tag in (*TAGS, "name"):
            assert index.complete_values(expressions, tag, prefix, 100) == model.values(expressions, tag, prefix)


def filled(*names: str) -> TagIndex:
    index = TagIndex()
    index.add([spelled(name) for name in names])
    return index


def test_filters_are_anchored_and_limits_cut() -> None:
    index = filled("cpu;dc=a;host=w1", "cpu;dc=b;host=w2", "mem;dc=ab;adc=x")
    assert [tag for _, tag in index.tags("dc")] == ["dc"]
    assert [tag for _, tag in index.tags("^.*dc")] == ["adc", "dc"]
    assert [tag for _, tag in index.tags(limit=2)] == ["adc", "dc"]
    assert index.tags(limit=0) == []
    assert [value for _, value, _ in index.values("dc", "a")[1]] == ["a", "ab"]
    assert [value for _, value, _ in index.values("dc", limit=1)[1]] == ["a"]
    assert index.complete_tags([], "d", 5) == ["dc"]
    assert index.complete_values([], "dc", "a", 1) == ["a"]
    with pytest.raises(LookupError):
        index.values("nope")


def test_a_prefix_means_itself() -> None:
    index = filled("cpu;a%=1", "cpu;a_b=x*y", "cpu;a=x")
    assert index.complete_tags([], "a%", 9) == ["a%"]
    assert index.complete_tags([], "a_", 9) == ["a_b"]
    assert index.complete_values([], "a_b", "x*", 9) == ["x*y"]


def test_more_series_than_allowed_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    index = filled(*(f"cpu;host=w{number}" for number in range(5)))
    with pytest.raises(FunctionError, match="over 4 series have these tags: narrow"):
        index.find(["name=cpu"], 4)
    assert len(index.find(["name=cpu"], 5)) == 5  # the shorter answer was not remembered
    with pytest.raises(FunctionError, match="over 4 series"):
        index.find(["name=cpu"], 4)
    monkeypatch.setattr(index_module, "MAX_LISTED", 3)
    with pytest.raises(GraphiteError, match="there are 5, 3 are shown at once: give a filter or a limit"):
        index.values("host")
    assert len(index.values("host", limit=4)[1]) == 4


def test_what_is_remembered_is_forgotten_at_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(found_module, "MAX_FINDS_REMEMBERED", 2)
    index = filled("cpu;dc=a")
    for _ in range(2):
        for expressions in (["dc=a"], ["dc=~a"], ["name=cpu"]):
            assert index.find(expressions) == ["cpu;dc=a"]
    assert len(index._found) == 2
    index.add(["cpu;dc=a;host=w"])
    assert index.find(["dc=a"]) == ["cpu;dc=a", "cpu;dc=a;host=w"]
    index.remove(["cpu;dc=a"])
    assert index.find(["dc=a"]) == ["cpu;dc=a;host=w"]
    assert index.find(["dc=a"]) is not index.find(["dc=a"])


def test_a_failed_change_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = TagIndex.open(str(tmp_path / "tags.sqlite"))
    index.add(["cpu;dc=a"])
    pair = index._entry._pair

    def failing(connection: sqlite3.Connection, tag: str, value: str) -> int:
        if value == "bad":
            raise sqlite3.OperationalError("disk I/O error")
        return pair(connection, tag, value)

    monkeypatch.setattr(index._entry, "_pair", failing)
    with pytest.raises(StoreError, match=r"the tag index .*tags\.sqlite: disk I/O error"):
        index.add(["cpu;dc=new", "cpu;dc=bad"])
    monkeypatch.undo()
    assert index.find(["name=cpu"]) == ["cpu;dc=a"]
    assert index.add(["cpu;dc=new", "cpu;dc=bad"]) == 2  # by ids of its own, not by those that were undone
    assert index.find(["dc=new"]) == ["cpu;dc=new"]
    index.close()


def test_it_is_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "db" / "tags.sqlite"
    index = TagIndex.open(str(path))
    index.add(["cpu;dc=a", "cpu;dc=b"])
    index.close()
    again = TagIndex.open(str(path))
    assert again.find(["name=cpu"]) == ["cpu;dc=a", "cpu;dc=b"]
    assert again.add(["cpu;dc=a"]) == 0
    assert path.stat().st_mode & 0o777 == 0o600
    again.close()


def test_readers_and_writers_at_once(tmp_path: Path) -> None:
    index = TagIndex.open(str(tmp_path / "tags.sqlite"))
    stop = threading.Event()

    def write(worker: int) -> None:
        for number in range(40):
            index.add([f"cpu;host=w{worker}-{number}", f"mem;host=w{number}"])

    def read() -> int:
        rounds = 0
        while not stop.is_set() or not rounds:
            names = index.find(["name=cpu"])
            assert names == sorted(names)
            assert set(index.complete_tags(["name=cpu"], "", 9)) <= {"host"}
            rounds += 1
        return rounds

    with ThreadPoolExecutor(6) as pool:
        reading = [pool.submit(read) for _ in range(3)]
        for writing in [pool.submit(write, worker) for worker in range(3)]:
            writing.result()
        stop.set()
        assert all(one.result() for one in reading)
    assert len(index.find(["name=cpu"])) == 120
    assert len(index.find(["name=mem"])) == 40
    index.close()
