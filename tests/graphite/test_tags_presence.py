"""Series whose files are gone leave the tag index, and come back with them."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern_graphite.rules.metric_name import relative_path
from saltern_graphite.tags import presence as presence_module
from saltern_graphite.tags.index import TagIndex
from saltern_graphite.tags.presence import Presence
from saltern_graphite.tags.registry import FILE
from saltern_graphite.tags.scan import scan
from saltern_graphite.tags.tagged_name import readable_path


def file_at(folder: Path, relative: str) -> Path:
    path = folder / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


class Tree:
    """A tree, an index of what is in it, and names that wait in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.index = TagIndex()
        self.waiting: set[str] = set()
        self.announced: list[str] = []
        self.presence = Presence(self.index, str(folder), self.waiting.__contains__, self.forget)

    def forget(self, names: Sequence[str]) -> int:
        gone = [name for name in names if name not in self.waiting]
        self.announced += gone
        return len(gone)

    def file(self, name: str) -> Path:
        return file_at(self.folder, relative_path(name))

    def found(self) -> list[str]:
        return self.index.find(["name=~.+"])


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_what_has_no_file_any_more_leaves_and_comes_back_with_it(tree: Tree) -> None:
    names = ["cpu;dc=a", "cpu;dc=b", "cpu;dc=c"]
    paths = {name: tree.file(name) for name in names[:2]}
    paths[names[2]] = file_at(tree.folder, readable_path(names[2]))
    tree.index.add(names)
    tree.presence.look()
    assert tree.found() == names
    for name in ("cpu;dc=a", "cpu;dc=c"):
        paths[name].rename(tree.folder / name)
    tree.presence.look()
    assert (tree.found(), tree.index.count(), tree.announced) == (["cpu;dc=b"], 1, ["cpu;dc=a", "cpu;dc=c"])
    assert tree.index.complete_values([], "dc", "", 9) == ["b"]
    for name in ("cpu;dc=a", "cpu;dc=c"):
        (tree.folder / name).rename(paths[name])
    tree.presence.look()
    assert (tree.found(), tree.index.count()) == (names, 3)
    assert (tree.presence.gone, tree.presence.found) == (2, 2)


def test_what_waits_in_memory_stays(tree: Tree) -> None:
    tree.index.add(["cpu;dc=a", "cpu;dc=b"])
    tree.waiting.add("cpu;dc=a")
    tree.presence.look()
    assert (tree.found(), tree.announced) == (["cpu;dc=a"], ["cpu;dc=b"])


@pytest.mark.parametrize("when", ["before it is announced again", "before it is lost", "after it is lost"])
def test_a_point_that_comes_meanwhile_is_not_lost(tree: Tree, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    tree.index.add(["cpu;dc=a"])
    forget, lose = tree.forget, tree.index.lose

    def come() -> None:
        tree.waiting.add("cpu;dc=a")
        if "cpu;dc=a" in tree.announced:
            tree.index.add(["cpu;dc=a"])

    def forgetting(names: Sequence[str]) -> int:
        if when == "before it is announced again":
            come()
        return forget(names)

    def losing(names: list[str]) -> int:
        if when == "before it is lost":
            come()
        lost = lose(names)
        if when == "after it is lost":
            come()
        return lost

    tree.presence._forget = forgetting
    monkeypatch.setattr(tree.index, "lose", losing)
    tree.presence.look()
    assert tree.found() == ["cpu;dc=a"]


def test_what_is_entered_by_hand_stays_until_it_has_had_a_file(tree: Tree) -> None:
    tree.index.add(["cpu;dc=a", "plain.name"], by_hand=True)
    tree.presence.look()
    assert tree.found() == ["cpu;dc=a", "plain.name"]
    path = tree.file("cpu;dc=a")
    tree.presence.look()
    path.unlink()
    tree.presence.look()
    assert tree.found() == ["plain.name"]
    tree.index.remove(["plain.name"])
    assert tree.found() == []


def test_what_is_taken_out_by_hand_does_not_come_back(tree: Tree) -> None:
    path = tree.file("cpu;dc=a")
    tree.index.add(["cpu;dc=a"])
    path.unlink()
    tree.presence.look()
    tree.index.remove(["cpu;dc=a"])
    path.touch()
    tree.presence.look()
    assert tree.found() == []


def test_a_place_that_can_not_be_seen_is_not_gone(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.index.add(["cpu;dc=a"])
    real = os.stat

    def barred(path: Any, **options: Any) -> os.stat_result:
        if "_tagged" in str(path):
            raise PermissionError(13, "Permission denied")
        return real(path, **options)

    monkeypatch.setattr(os, "stat", barred)
    tree.presence.look()
    assert tree.found() == ["cpu;dc=a"]
    monkeypatch.undo()
    tree.presence.look()
    assert tree.found() == []


def test_a_name_too_long_for_a_file_of_its_own_can_be_gone(tree: Tree) -> None:
    name = f"cpu;dc={'x' * 400}"
    tree.index.add([name])
    tree.presence.look()
    assert tree.found() == []


def test_many_are_looked_at_some_at_a_time(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence_module, "AT_ONCE", 7)
    names = sorted(f"cpu;host=h{number}" for number in range(50))
    tree.index.add(names)
    kept = names[::3]
    for name in kept:
        tree.file(name)
    tree.presence.look()
    assert (tree.found(), tree.index.count()) == (kept, len(kept))
    for name in names:
        tree.file(name)
    tree.presence.look()
    assert tree.found() == names
    tree.presence._rest = lambda seconds: True
    shutil.rmtree(tree.folder / "_tagged")
    before = tree.presence.looked
    tree.presence.look()
    assert (len(tree.found()), tree.presence.looked) == (50 - 7, before)


def test_those_that_went_are_waited_for_so_long_and_no_more(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"cpu;host=h{number}" for number in range(5)]
    tree.index.add(["posted;dc=a"], by_hand=True)
    for at, name in enumerate(names):
        tree.index.add([name])
        monkeypatch.setattr(time, "time", lambda at=at: 1000.0 + at)
        tree.index.lose([name])
    monkeypatch.undo()
    tree.index.forget_lost(1001.0, 2)
    for name in (*names, "posted;dc=a"):
        tree.file(name)
    tree.presence.look()
    assert tree.found() == [*names[3:], "posted;dc=a"]


def test_while_memory_stands_in_for_the_file_nothing_goes(tmp_path: Path) -> None:
    (tmp_path / "db").touch()
    index = TagIndex.open(str(tmp_path / FILE))
    index.add(["cpu;dc=a"])
    Presence(index, str(tmp_path)).look()
    assert index.find(["dc=a"]) == ["cpu;dc=a"]


STEPS = st.lists(st.tuples(st.sampled_from(["file", "gone", "point", "post", "delete", "look"]), st.integers(0, 3)))


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_in_the_end_the_index_is_as_the_tree(tmp_path_factory: pytest.TempPathFactory, steps: list[Any]) -> None:
    tree = Tree(tmp_path_factory.mktemp("tree"))
    names = [f"cpu;n={number}" for number in range(4)]
    posted: set[str] = set()
    known: set[str] = set()
    for what, number in steps:
        name = names[number]
        path = tree.folder / relative_path(name)
        if what == "file" and name in known:  # of others, nothing tells whose file it is
            file_at(tree.folder, relative_path(name))
        elif what == "gone":
            path.unlink(missing_ok=True)
        elif what == "point":
            tree.index.add([name])
            known.add(name)
            file_at(tree.folder, relative_path(name))
        elif what == "post":
            if name not in tree.found() and not path.exists():
                posted.add(name)
            tree.index.add([name], by_hand=True)
            known.add(name)
        elif what == "delete":
            tree.index.remove([name])
            known.discard(name)
            posted.discard(name)
        else:
            tree.presence.look()
            posted -= {one for one in posted if (tree.folder / relative_path(one)).exists()}
    tree.presence.look()
    there = {name for name in known if (tree.folder / relative_path(name)).exists()}
    assert set(tree.found()) == there | (posted & known)
    assert tree.index.count() == len(tree.found())


def test_a_folder_that_was_made_before_its_file_is_looked_at_again(tmp_path: Path) -> None:
    folder = (tmp_path / readable_path("late;dc=a")).parent
    folder.mkdir(parents=True)
    found: list[str] = []
    hollow: set[str] = set()
    scan(str(tmp_path), found.append, threading.Event(), 0.0, hollow)
    assert (found, hollow) == ([], {os.path.relpath(folder, tmp_path)})
    file_at(tmp_path, readable_path("late;dc=a"))
    scan(str(tmp_path), found.append, threading.Event(), time.time() + 100, hollow)
    assert (found, hollow) == (["late;dc=a"], set())
