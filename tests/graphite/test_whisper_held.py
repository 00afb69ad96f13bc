"""Whisper files held open between batches: the same bytes as without, and never a point in a file that has gone."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import whisper
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern_graphite.file_writers.base import Batch, Rule
from saltern_graphite.file_writers.work import FileWork
from saltern_graphite.rules.schemas import Retention
from saltern_graphite.whisper.batch import update_batch
from saltern_graphite.whisper.file import CorruptFile
from saltern_graphite.whisper.held import HELD_S, HeldFiles
from saltern_graphite.whisper.open_files import BatchResult
from support.descriptors import exhausted
from support.whisper_files import create

RETENTIONS = (Retention(1, 60), Retention(5, 60), Retention(20, 60))
NOW = 1_700_000_007


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def held(clock: Clock) -> Iterator[HeldFiles]:
    files = HeldFiles(8, clock=clock)
    yield files
    files.close()


def new_files(folder: Path, *names: str) -> list[str]:
    paths = [str(folder / f"{name}.wsp") for name in names]
    for path in paths:
        create(path, RETENTIONS, "average", 0.0)
    return paths


def write(paths: list[str], time: int, held: HeldFiles | None, value: float = 1.5) -> BatchResult:
    count = len(paths)
    columns = np.arange(1, count + 1), np.full(count, time), np.full(count, value)
    return update_batch(paths, *columns, time, held=held)


def open_files() -> set[str]:
    """Return what of this process is open, ``(deleted)`` behind what is no more."""
    found = set()
    for fd in os.listdir("/proc/self/fd"):
        try:
            found.add(os.readlink(f"/proc/self/fd/{fd}"))
        except OSError:  # the listing's own
            continue
    return {path for path in found if ".wsp" in path}


def test_files_stay_open_as_far_as_there_is_room(tmp_path: Path, held: HeldFiles) -> None:
    paths = new_files(tmp_path, *"abcdefghijk")
    for time in range(NOW, NOW + 200, 3):
        assert write(paths, time, held).stored.tolist() == [1] * 11
        assert open_files() == set(paths[:8])
    others = new_files(tmp_path / "others", "a")
    for time in range(NOW, NOW + 200, 3):
        write(others, time, None)
    assert {Path(path).read_bytes() for path in paths} == {Path(others[0]).read_bytes()}
    held.close()
    assert open_files() == set()


def test_no_file_is_held_for_long(tmp_path: Path, held: HeldFiles, clock: Clock) -> None:
    [a, b] = new_files(tmp_path, *"ab")
    write([a], NOW, held)
    clock.now += HELD_S - 1
    write([b], NOW, held)
    assert open_files() == {a, b}
    clock.now += 2
    write([b], NOW + 1, held)
    assert open_files() == {b}


@pytest.mark.parametrize("what", ["deleted", "renamed", "replaced", "deleted with its folder"])
def test_a_file_that_is_gone_gets_no_more_points(tmp_path: Path, held: HeldFiles, what: str) -> None:
    [path, other] = new_files(tmp_path / "x", "path", "other")
    assert write([path, other], NOW, held).failures == []
    moved = tmp_path / "moved.wsp"
    if what == "deleted":
        os.unlink(path)
    elif what == "renamed":
        os.rename(path, moved)
    elif what == "replaced":
        create(f"{path}.other", (Retention(2, 30),), "sum", 0.0)
        os.rename(f"{path}.other", path)
    else:
        shutil.rmtree(tmp_path / "x")
        new_files(tmp_path / "x", "other")
    result = write([path, other], NOW + 1, held, 7.0)
    assert result.stored[1] == 1
    if what == "replaced":
        assert result.failures == []
        assert whisper.fetch(path, NOW - 1, NOW + 1, NOW + 1)[1] == [7.0]
    else:
        assert [(place, type(error)) for place, error in result.failures] == [(0, FileNotFoundError)]
    if what == "renamed":
        assert whisper.fetch(str(moved), NOW, NOW + 1, NOW + 1)[1] == [None]
    assert not any("deleted" in file for file in open_files())


def test_a_file_cut_short_is_told(tmp_path: Path, held: HeldFiles) -> None:
    [path, other] = new_files(tmp_path, "path", "other")
    write([path, other], NOW, held)
    os.truncate(path, os.path.getsize(path) - 1)
    result = write([path, other], NOW + 1, held)
    assert [(place, type(error)) for place, error in result.failures] == [(0, CorruptFile)]
    assert result.stored.tolist() == [0, 1]


def test_an_unusual_point_and_those_after_it(tmp_path: Path, held: HeldFiles) -> None:
    paths = new_files(tmp_path, *"ab")
    for time in (NOW, NOW + 1, NOW - 100, NOW + 2):
        columns = np.arange(1, 3), np.full(2, time), np.full(2, 2.5)
        assert update_batch(paths, *columns, NOW + 2, held=held).failures == []
    [other] = new_files(tmp_path / "other", "a")
    for time in (NOW, NOW + 1, NOW - 100, NOW + 2):
        update_batch([other], [1], np.array([time]), np.array([2.5]), NOW + 2)
    assert {Path(path).read_bytes() for path in paths} == {Path(other).read_bytes()}


def test_descriptors_are_given_back_when_there_are_no_others(tmp_path: Path, held: HeldFiles) -> None:
    paths = new_files(tmp_path, *"abcdefgh")
    write(paths, NOW, held)
    more = new_files(tmp_path / "more", *"ab")
    with exhausted():
        result = write(more, NOW, held)
    assert (result.failures, result.stored.tolist()) == ([], [1, 1])
    assert open_files() == set(more)


def test_a_damaged_file_set_aside_is_not_written_on(tmp_path: Path) -> None:
    rule = Rule(RETENTIONS, "average", 0.0)
    work = FileWork(str(tmp_path), sync=False, late="combine", most_held=4)

    def do(time: int) -> list[str]:
        columns = np.array([1]), np.array([time], np.uint32), np.array([1.0])
        outcome = work.do(Batch(np.array([0], np.uint32), ["a"], *columns, time, [rule]))
        return [failure.kind for failure in outcome.failures]

    path = tmp_path / "a.wsp"
    assert [do(NOW), do(NOW + 1), work.holds_files] == [[], [], True]
    whole = path.read_bytes()
    os.truncate(path, 100)
    assert do(NOW + 2) == ["error"], "it may be a copy that is still on its way"
    path.write_bytes(whole)
    assert do(NOW + 2) == []
    os.truncate(path, 100)
    os.utime(path, (NOW, NOW))
    assert do(NOW + 2) == ["corrupt"]
    [aside] = tmp_path.glob("a.wsp.corrupt-*")
    assert [do(NOW + 2), do(NOW + 3)] == [[], []]
    assert aside.stat().st_size == 100
    assert whisper.fetch(str(path), NOW + 1, NOW + 3, NOW + 3)[1] == [1.0, 1.0]
    work.let_files_go()
    assert open_files() == set()


@settings(max_examples=60)
@given(st.data())
def test_whatever_else_writes_the_bytes_are_the_same(data: st.DataObject) -> None:
    """Our updates with files held, without, and the library's, in turns: each finds what the others left."""
    method = data.draw(st.sampled_from(["average", "sum", "max", "last"]))
    factor = data.draw(st.sampled_from([0.0, 0.5, 1.0]))
    with tempfile.TemporaryDirectory() as folder:
        paths = [f"{folder}/{place}.wsp" for place in range(4)]
        for path in paths:
            create(path, RETENTIONS, method, factor)
        ours, theirs = paths[:3], paths[3]
        held, now = HeldFiles(2), NOW
        try:
            for moved in data.draw(st.lists(st.integers(0, 150), min_size=1, max_size=12)):
                now += moved
                value = float(moved)
                if data.draw(st.booleans()):
                    for path in ours:
                        whisper.update_many(path, [(now, value)], now=now)
                else:
                    result = write(ours, now, data.draw(st.sampled_from([held, held, None])), value)
                    assert result.stored.tolist() == [1, 1, 1]
                whisper.update_many(theirs, [(now, value)], now=now)
                assert {Path(path).read_bytes() for path in paths} == {Path(theirs).read_bytes()}
        finally:
            held.close()
