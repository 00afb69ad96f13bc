"""The index made equal to the tree, folder by folder, in the test's own thread."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern_graphite.index import Index, mirror
from saltern_graphite.index.folders import Folders
from saltern_graphite.index.mirror import Mirror
from saltern_graphite.index.watches import Watches, open_watches


class Waiting:
    """A memory in which *names* have points."""

    def __init__(self, index: Index, *names: str) -> None:
        self.index = index
        self.names = set(names)

    def waits(self, name: str) -> bool:
        return name in self.names

    def forget(self, names: Sequence[str]) -> int:
        for name in names:
            self.index.remove(name)
        return len(names)


def mirrored(folder: Path, watches: Watches | None = None) -> tuple[Index, Waiting, Mirror]:
    index = Index()
    index.build(str(folder))
    memory = Waiting(index)
    return index, memory, Mirror(index, str(folder), memory, watches)


def look_at_all(one: Mirror) -> int:
    """Look at every folder once, and at new ones; return how much work it was."""
    work = 0
    for number in range(one.folders.end):
        work += one.look(number)
    while one.new:
        work += one.look(one.new.pop())
    return work


def on_disk(folder: Path) -> list[str]:
    """Return what a server would know that starts now."""
    index = Index()
    index.build(str(folder))
    return index.names()


def touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def test_files_that_come_and_go(tmp_path: Path) -> None:
    touch(tmp_path / "a" / "b.wsp")
    touch(tmp_path / "a" / "c" / "d.wsp")
    index, _, one = mirrored(tmp_path)
    look_at_all(one)
    assert (index.followed.found, index.followed.gone) == (0, 0)
    touch(tmp_path / "a" / "new.wsp")
    touch(tmp_path / "far" / "away" / "x.wsp")
    touch(tmp_path / "a" / "c.wsp")
    (tmp_path / "a" / "b.wsp").unlink()
    look_at_all(one)
    assert index.names() == ["a.c", "a.c.d", "a.new", "far.away.x"]
    assert (index.followed.found, index.followed.gone, len(index)) == (3, 1, 4)
    shutil.rmtree(tmp_path / "a")
    look_at_all(one)
    assert index.names() == ["far.away.x"]
    assert len(one.folders) == 3


def test_a_folder_that_is_renamed_takes_its_metrics_along(tmp_path: Path) -> None:
    touch(tmp_path / "old" / "deep" / "x.wsp")
    touch(tmp_path / "old" / "y.wsp")
    index, _, one = mirrored(tmp_path)
    look_at_all(one)
    (tmp_path / "old").rename(tmp_path / "new")
    look_at_all(one)
    assert index.names() == ["new.deep.x", "new.y"]


def test_what_is_in_memory_stays(tmp_path: Path) -> None:
    for name in ("cached", "gone"):
        touch(tmp_path / "a" / f"{name}.wsp")
    index, memory, one = mirrored(tmp_path)
    memory.names.add("a.cached")
    look_at_all(one)
    shutil.rmtree(tmp_path / "a")
    look_at_all(one)
    assert index.names() == ["a.cached"]


def test_a_file_that_is_made_while_it_is_looked_for_stays(tmp_path: Path) -> None:
    touch(tmp_path / "a" / "other.wsp")
    index, memory, one = mirrored(tmp_path)
    index.add("a.written")

    def written(name: str) -> bool:  # between the reading of the folder and the question the writer was here
        touch(tmp_path / "a" / "written.wsp")
        return False

    memory.waits = written  # type: ignore[method-assign]
    look_at_all(one)
    assert index.names() == ["a.other", "a.written"]


def test_a_folder_as_it_was_costs_one_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror, "FRESH_NS", -(10**18))
    for number in range(30):
        touch(tmp_path / f"h{number}" / "x.wsp")
    _, _, one = mirrored(tmp_path)
    look_at_all(one)
    monkeypatch.setattr(os, "listdir", lambda path: pytest.fail(f"{path} was read again"))
    assert look_at_all(one) == 31


def test_a_fresh_folder_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its clock may tick so slowly that it looks as it was."""
    touch(tmp_path / "x.wsp")
    index, _, one = mirrored(tmp_path)
    look_at_all(one)
    status = os.stat(tmp_path)
    touch(tmp_path / "y.wsp")
    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", lambda path: status)
        look_at_all(one)
    assert index.names() == ["x", "y"]


def test_a_folder_that_cannot_be_read_is_not_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    touch(tmp_path / "a" / "x.wsp")
    for number in range(20):
        (tmp_path / "a" / f"empty{number}").mkdir()
    index, _, one = mirrored(tmp_path)
    look_at_all(one)
    stat = os.stat

    def refuse(path: str) -> os.stat_result:
        if "/a" in path.removeprefix(str(tmp_path)):
            raise PermissionError(13, "Permission denied", path)
        return stat(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", refuse)
        look_at_all(one)
        look_at_all(one)
    assert (index.names(), one.unread) == (["a.x"], 21)
    assert caplog.text.count("can't be read: Permission denied") == 1  # a line, whatever is below
    (tmp_path / "a" / "x.wsp").unlink()
    with caplog.at_level(logging.INFO):
        look_at_all(one)
    assert (index.names(), one.unread) == ([], 0)
    assert caplog.text.count("index: all folders can be read (it was met 20 more times)") == 1


def test_links_lead_where_they_lead_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror, "FRESH_NS", -(10**18))  # what a link leads to changes no folder that it is in
    tree, beside = tmp_path / "tree", tmp_path / "beside"
    tree.mkdir()
    touch(tree / "a" / "x.wsp")
    (tree / "later").symlink_to(beside)
    (tree / "a" / "back").symlink_to(tree)
    index, _, one = mirrored(tree)
    look_at_all(one)
    assert index.names() == ["a.x"]
    touch(beside / "y.wsp")
    look_at_all(one)
    assert index.names() == ["a.x", "later.y"]
    shutil.rmtree(beside)
    look_at_all(one)
    assert index.names() == ["a.x"]
    (tree / "a" / "back").unlink()
    (tree / "a" / "back").symlink_to(tmp_path / "none")
    look_at_all(one)
    assert index.names() == on_disk(tree) == ["a.x"]


def test_the_whole_tree_goes_and_comes_back(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    touch(tree / "a" / "x.wsp")
    index, _, one = mirrored(tree)
    look_at_all(one)
    tree.rename(tmp_path / "elsewhere")
    look_at_all(one)
    assert index.names() == []
    (tmp_path / "elsewhere").rename(tree)
    look_at_all(one)
    assert index.names() == ["a.x"]


elements = st.sampled_from(["a", "b", "c"])
places = st.lists(elements, min_size=1, max_size=4).map("/".join)
operations = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["file", "folder", "delete", "delete file", "look"]), places, places),
        st.tuples(st.sampled_from(["rename", "rename file", "link", "copy"]), places, places),
    ),
    max_size=25,
)


def do(folder: Path, what: str, one: str, other: str) -> None:
    path, to = folder / one, folder / other
    if what == "file":
        touch(path.with_suffix(".wsp"))
    elif what == "folder":
        path.mkdir(parents=True)
    elif what == "delete":
        path.unlink() if path.is_symlink() else shutil.rmtree(path)
    elif what == "delete file":
        path.with_suffix(".wsp").unlink()
    elif what == "rename":
        path.rename(to)
    elif what == "rename file":
        path.with_suffix(".wsp").rename(to.with_suffix(".wsp"))
    elif what == "link":
        path.symlink_to(to)
    elif not to.is_relative_to(path):
        shutil.copytree(path, to, symlinks=True)


@given(operations, st.booleans())
@settings(max_examples=150, deadline=None)
def test_after_any_operations_one_look_makes_it_equal(
    tmp_path_factory: pytest.TempPathFactory, done: list[tuple[str, str, str]], watched: bool
) -> None:
    folder = tmp_path_factory.mktemp("tree")
    watches = open_watches() if watched else None
    try:
        index, _, one = mirrored(folder, watches)
        look_at_all(one)
        for what, path, other in done:
            if what == "look":
                look_at_all(one)
                continue
            try:
                do(folder, what, path, other)
            except (OSError, shutil.Error):
                continue  # it can't be done here
        look_at_all(one)
        assert index.names() == on_disk(folder)
        assert len(index) == len(index.names())
        if watches is not None:
            assert len(watches) <= len(one.folders)
    finally:
        if watches is not None:
            watches.close()
        shutil.rmtree(folder)


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=60))
@settings(max_examples=60, deadline=None)
def test_folders_beside_a_dict(steps: list[tuple[int, bool]]) -> None:
    folders = Folders()
    paths: dict[int, list[str]] = {0: []}
    for count, (choice, removed) in enumerate(steps):
        number = sorted(paths)[choice % len(paths)]
        if removed and number:
            gone = [one for one, path in paths.items() if path[: len(paths[number])] == paths[number]]
            assert sorted(one for one, _ in folders.remove(number)) == sorted(gone)
            for one in gone:
                del paths[one]
        elif not removed:
            paths[folders.add(number, f"n{count}")] = [*paths[number], f"n{count}"]
        assert len(folders) == len(paths)
        for one, path in paths.items():
            assert folders.alive(one)
            assert folders.path(one) == path
            below = {tuple(path) for path in paths.values() if path[:-1] == paths[one] and path}
            assert {(*paths[one], name) for name, _ in folders.below(one)} == below
        assert sum(folders.alive(number) for number in range(folders.end)) == len(paths)
