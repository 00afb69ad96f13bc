"""New Whisper files, many at once: the library's bytes, whole or not at all, nothing overwritten, nothing left over."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
from pathlib import Path

import numpy as np
import pytest
import whisper
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern_graphite.rules.rollup import METHODS
from saltern_graphite.rules.schemas import Retention, parse_retentions
from saltern_graphite.whisper import create as whisper_create
from saltern_graphite.whisper import unfinished as whisper_unfinished
from saltern_graphite.whisper.create import FILES_AT_ONCE, NewFile, create_batch
from saltern_graphite.whisper.update import update
from support.descriptors import open_ones

NOW = 1_700_000_007
RETENTIONS = parse_retentions("15s:1d,1m:7d,15m:1y")


def new_file(path: Path, *points: tuple[int, float]) -> NewFile:
    times = np.array([time for time, _ in points], np.int64)
    values = np.array([value for _, value in points], np.float64)
    return NewFile(str(path), RETENTIONS, "average", 0.0, times, values)


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(METHODS),
    st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    st.lists(st.integers(0, 3000), max_size=12, unique=True),
    st.booleans(),
)
def test_a_new_file_is_the_librarys(
    tmp_path_factory: pytest.TempPathFactory, method: str, factor: float, ages: list[int], sync: bool
) -> None:
    folder = tmp_path_factory.mktemp("whisper")
    retentions = (Retention(1, 60), Retention(5, 100), Retention(20, 200))
    ours, theirs = folder / "a" / "b" / "ours.wsp", folder / "theirs.wsp"
    whisper.create(str(theirs), [(r.step, r.points) for r in retentions], factor, method, sparse=True)
    times = np.array([NOW - age for age in sorted(ages, reverse=True)], np.int64)
    values = np.arange(len(ages), dtype=np.float64)
    request = NewFile(str(ours), retentions, method, factor, times, values)
    result = create_batch([request], NOW, sync=sync, late="whisper")
    if ages:
        whisper.update_many(str(theirs), list(zip(times.tolist(), values.tolist(), strict=True)), now=NOW)
    assert result.failures == []
    assert ours.read_bytes() == theirs.read_bytes()
    assert result.stored.tolist() == [len(ages)]
    assert files_in(folder) == ["a/b/ours.wsp", "theirs.wsp"]


@pytest.mark.parametrize("sync", [False, True])
def test_many_files_in_many_folders(tmp_path: Path, sync: bool) -> None:
    count = FILES_AT_ONCE + 50
    requests = [
        new_file(tmp_path / f"h{place % 7}" / f"m{place}.wsp", (NOW - 20, float(place)), (NOW - 5, 1.0))
        for place in range(count)
    ]
    result = create_batch(requests, NOW, sync=sync)
    assert result.failures == []
    assert result.stored.tolist() == [2] * count
    assert len(files_in(tmp_path)) == count
    for request in requests[:: count // 5]:
        path = Path(request.path)
        assert path.stat().st_mode & 0o777 == 0o644
        assert path.stat().st_blocks * 512 <= 65_536 < path.stat().st_size
        assert whisper.fetch(request.path, NOW - 30, NOW, NOW)[1] == [request.values[0], 1.0]


def test_a_file_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    there = tmp_path / "a.wsp"
    there.write_bytes(b"something")
    result = create_batch([new_file(there, (NOW, 1.0)), new_file(tmp_path / "b.wsp", (NOW, 2.0))], NOW)
    [(place, error)] = result.failures
    assert place == 0
    assert isinstance(error, FileExistsError)
    assert there.read_bytes() == b"something"
    assert result.stored.tolist() == [0, 1]
    assert files_in(tmp_path) == ["a.wsp", "b.wsp"]


def test_a_file_asked_for_twice_is_made_once(tmp_path: Path) -> None:
    result = create_batch([new_file(tmp_path / "a.wsp", (NOW, 1.0)), new_file(tmp_path / "a.wsp", (NOW, 2.0))], NOW)
    assert [(place, type(error)) for place, error in result.failures] == [(1, BlockingIOError)]
    assert whisper.fetch(str(tmp_path / "a.wsp"), NOW - 15, NOW, NOW)[1] == [1.0]


def left_by_a_crash(path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is left when the program ends before the file has its name."""
    with monkeypatch.context() as patch:
        patch.setattr(whisper_unfinished.UnfinishedFile, "link", lambda _file: None)
        patch.setattr(whisper_unfinished.UnfinishedFile, "close", lambda file: os.close(file.fd))
        create_batch([new_file(path, (NOW - 100, 1.0), (NOW - 50, 1.0))], NOW)
    [left] = path.parent.iterdir()
    return left


def test_what_a_crash_left_is_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.wsp"
    left = left_by_a_crash(path, monkeypatch)
    assert left.name.startswith(".new-")
    assert left.stat().st_size > 0
    assert create_batch([new_file(path, (NOW, 2.0))], NOW).failures == []
    fresh = tmp_path / "b.wsp"
    create_batch([new_file(fresh, (NOW, 2.0))], NOW)
    assert path.read_bytes() == fresh.read_bytes()
    assert files_in(tmp_path) == ["a.wsp", "b.wsp"]


def test_what_another_program_is_making_is_left_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.wsp"
    left = left_by_a_crash(path, monkeypatch)
    before = left.read_bytes()
    with left.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        [(_, error)] = create_batch([new_file(path, (NOW, 2.0))], NOW).failures
        assert isinstance(error, BlockingIOError)
        assert left.read_bytes() == before
    assert create_batch([new_file(path, (NOW, 2.0))], NOW).failures == []


@pytest.mark.parametrize("broken", ["header", "points", "sync", "link"])
def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    module, name = {
        "header": (whisper_unfinished, "write_all"),
        "points": (os, "pwrite"),
        "sync": (whisper_create, "sync_file_system"),
        "link": (os, "link"),
    }[broken]
    requests = [new_file(tmp_path / "x" / f"{place}.wsp", (NOW, 1.0)) for place in range(3)]
    with monkeypatch.context() as patch:
        patch.setattr(module, name, full)
        result = create_batch(requests, NOW, sync=True)
    assert [(place, getattr(error, "errno", 0)) for place, error in result.failures] == [
        (place, errno.ENOSPC) for place in range(3)
    ]
    assert result.stored.tolist() == [0, 0, 0]
    assert list((tmp_path / "x").iterdir()) == []
    assert create_batch(requests, NOW, sync=True).failures == []


def test_a_folder_that_cant_be_made_fails_its_files_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = create_batch([new_file(tmp_path / "file" / "a.wsp"), new_file(tmp_path / "b" / "a.wsp")], NOW)
    assert [(place, type(error)) for place, error in result.failures] == [(0, NotADirectoryError)]
    assert files_in(tmp_path) == ["b/a.wsp", "file"]


def test_late_first_points_say_what_to_pass_again(tmp_path: Path) -> None:
    late = NOW - 2 * 86400
    result = create_batch([new_file(tmp_path / "a.wsp", (NOW, 1.0)), new_file(tmp_path / "b.wsp", (late, 1.0))], NOW)
    assert result.open_spans == {1: [(late // 60 * 60, late // 60 * 60 + 60)]}


def test_a_long_name_can_be_created(tmp_path: Path) -> None:
    path = tmp_path / ("ü" * 125 + ".wsp")
    assert create_batch([new_file(path, (NOW, 1.0))], NOW).failures == []
    assert update(str(path), [(NOW, 2.0)], NOW).stored == 1


def test_few_descriptors_are_enough(tmp_path: Path) -> None:
    requests = [new_file(tmp_path / f"{place}.wsp", (NOW, 1.0)) for place in range(100)]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = open_ones()
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))) + 10, hard))
    try:
        result = create_batch(requests, NOW)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert result.failures == []
    assert len(files_in(tmp_path)) == 100
    assert len(os.listdir("/proc/self/fd")) == used
