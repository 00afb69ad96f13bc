"""Many Whisper files updated at once: which way they go, and what becomes of those that can't be written."""

from __future__ import annotations

import errno
import os
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import whisper

from saltern_graphite.rules.rollup import METHODS
from saltern_graphite.rules.schemas import Retention
from saltern_graphite.whisper import batch as whisper_batch
from saltern_graphite.whisper import open_files as whisper_open
from saltern_graphite.whisper.batch import FILES_AT_ONCE, update_batch
from saltern_graphite.whisper.file import CorruptFile
from saltern_graphite.whisper.held import HeldFiles
from saltern_graphite.whisper.open_files import MOST_ARCHIVES, BatchResult
from saltern_graphite.whisper.update import LateMode, update
from support.descriptors import open_ones
from support.whisper_files import create

ARCHIVES = ((1, 60), (5, 60), (20, 60))
RETENTIONS = tuple(Retention(*archive) for archive in ARCHIVES)
NOW = 1_700_000_007


def new_files(folder: Path, count: int, method: str = "average", factor: float = 0.0) -> list[str]:
    paths = [str(folder / f"{place}.wsp") for place in range(count)]
    for path in paths:
        create(path, RETENTIONS, method, factor)
    return paths


def write(paths: list[str], time: int, points: int = 1, **options: Any) -> BatchResult:
    """*points* neighbouring slots up to *time* into each file."""
    times = np.tile(np.arange(time - points + 1, time + 1), len(paths))
    values = (times % 7 + 0.5).astype(np.float64)
    return update_batch(paths, np.arange(1, len(paths) + 1) * points, times, values, time, **options)


def one_by_one(*_: object, **__: object) -> None:
    raise AssertionError("this file should have been written along with the others")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("factor", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("points", [1, 7])
def test_points_in_time_are_written_together_round_every_ring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, factor: float, points: int
) -> None:
    [ours, theirs, *more] = new_files(tmp_path, 4, method, factor)
    times = list(range(NOW, NOW + (1300 if points > 1 else 400), points))
    for time in times[:20]:  # files begun by hand at different times have rings that begin at different places
        for path in more:
            whisper.update_many(path, [(time + 3, 1.0)], now=time + 3)
    for round_, time in enumerate(times):
        if round_ == 20:
            monkeypatch.setattr(whisper_open, "update_open", one_by_one)
        assert write([ours, *more], time, points).failures == []
        whisper.update_many(theirs, [(t, t % 7 + 0.5) for t in range(time - points + 1, time + 1)], now=time)
    assert Path(ours).read_bytes() == Path(theirs).read_bytes()


@pytest.mark.parametrize("count", [MOST_ARCHIVES, MOST_ARCHIVES + 1])
def test_files_of_many_archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """As many as anybody has are written together, more one by one."""
    retentions = tuple(Retention(2**level, 40) for level in range(count))
    paths = [str(tmp_path / name) for name in ("ours", "other", "theirs")]
    for path in paths:
        create(path, retentions, "max", 0.5)
    held = HeldFiles(2)
    for round_, time in enumerate(range(NOW, NOW + 3000, 37)):
        if round_ == 1 and count <= MOST_ARCHIVES:
            monkeypatch.setattr(whisper_open, "update_open", one_by_one)
        assert write(paths[:2], time, 37, held=held).failures == []
        whisper.update_many(paths[2], [(t, t % 7 + 0.5) for t in range(time - 36, time + 1)], now=time)
    held.close()
    assert Path(paths[0]).read_bytes() == Path(paths[1]).read_bytes() == Path(paths[2]).read_bytes()


@pytest.mark.parametrize("place", range(8))
def test_points_over_more_than_a_round_end_as_with_the_library(tmp_path: Path, place: int) -> None:
    paths = [str(tmp_path / name) for name in ("ours", "other", "theirs")]
    for path in paths:
        create(path, (Retention(1, 62), Retention(5, 13)), "sum", 0.0)
        whisper.update_many(path, [(NOW - 20, 1.0)], now=NOW - 20)
    [ours, other, theirs] = paths
    times = [NOW + 5 * place, NOW + 5 * place + 65]  # the same slot of the second ring
    update_batch([ours, other], [2, 4], np.array(times * 2), np.array([1.0, 2.0] * 2), times[0])
    whisper.update_many(theirs, [(times[0], 1.0), (times[1], 2.0)], now=times[0])
    assert Path(ours).read_bytes() == Path(other).read_bytes() == Path(theirs).read_bytes()


@pytest.mark.parametrize("late", ["combine", "whisper"])
def test_late_points_are_written_together_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: LateMode) -> None:
    paths, singles = new_files(tmp_path, 3), new_files(tmp_path / "singles", 3)
    points = [(NOW - 200, 1.0), (NOW - 199, 2.0), (NOW - 70, 3.0), (NOW - 1, 4.0), (NOW, 5.0)]
    results = [update(path, points, NOW, late=late) for path in singles]
    monkeypatch.setattr(whisper_open, "update_open", one_by_one)
    times, values = (np.array(column * 3) for column in zip(*points, strict=True))
    result = update_batch(paths, [5, 10, 15], times, values, NOW, late=late)
    assert [(stored, 0) for stored in result.stored.tolist()] == [(one.stored, one.outside) for one in results]
    assert [result.open_spans.get(place, []) for place in range(3)] == [one.open_spans for one in results]
    assert {Path(path).read_bytes() for path in paths} == {Path(path).read_bytes() for path in singles}


def test_more_files_than_are_open_at_once(tmp_path: Path) -> None:
    paths = new_files(tmp_path, FILES_AT_ONCE + 3)
    used = open_ones()
    result = write(paths, NOW, 2)
    assert result.stored.tolist() == [2] * len(paths)
    assert len({Path(path).read_bytes() for path in paths}) == 1
    assert len(os.listdir("/proc/self/fd")) == used


def test_more_points_than_are_worked_on_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whisper_batch, "POINTS_AT_ONCE", 50)
    paths = new_files(tmp_path, 5)
    assert write(paths, NOW, 59).stored.tolist() == [59] * 5
    assert len({Path(path).read_bytes() for path in paths}) == 1


def test_a_bad_file_fails_alone(tmp_path: Path) -> None:
    paths = new_files(tmp_path, 6)
    os.unlink(paths[1])
    os.truncate(paths[2], 100)
    os.truncate(paths[3], os.path.getsize(paths[3]) - 1)
    Path(paths[4]).write_bytes(b"\xff" * 5000)
    result = write(paths, NOW)
    found = {place: type(error) for place, error in result.failures}
    assert found == {1: FileNotFoundError, 2: CorruptFile, 3: CorruptFile, 4: CorruptFile}
    assert all(paths[place] in str(error) for place, error in result.failures)
    assert result.stored.tolist() == [1, 0, 0, 0, 0, 1]
    assert not Path(paths[1]).exists()
    assert Path(paths[0]).read_bytes() == Path(paths[5]).read_bytes()


def test_a_file_replaced_between_two_updates_is_looked_at_anew(tmp_path: Path) -> None:
    [path, other] = new_files(tmp_path, 2)
    write([path], NOW)
    os.unlink(other)
    create(other, (Retention(2, 30), Retention(10, 50)), "sum", 0.0)
    write([other], NOW - 40)
    os.rename(other, path)
    assert write([path], NOW).stored.tolist() == [1]
    assert whisper.fetch(path, NOW - 42, NOW, NOW)[1][0] == (NOW - 40) % 7 + 0.5
    assert whisper.fetch(path, NOW - 2, NOW, NOW)[1] == [NOW % 7 + 0.5]


@pytest.mark.parametrize("good", [0, 3, 10])
def test_a_disk_that_fills_up_fails_the_rest_and_a_retry_mends_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, good: int
) -> None:
    paths = new_files(tmp_path, 4)
    left = good
    real = os.pwrite

    def pwrite(fd: int, data: bytes, offset: int) -> int:
        nonlocal left
        left -= 1
        if left == -1:
            return real(fd, data[:5], offset)  # a write may also stop short before it fails
        if left < -1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, data, offset)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", pwrite)
        result = write(paths, NOW)
        assert {getattr(error, "errno", 0) for _, error in result.failures} == {errno.ENOSPC}
        assert sorted(place for place, _ in result.failures) == [0, 1, 2, 3]
        assert result.stored.tolist() == [0, 0, 0, 0]
    assert write(paths, NOW).failures == []
    [whole] = new_files(tmp_path / "whole", 1)
    write([whole], NOW)
    assert {Path(path).read_bytes() for path in paths} == {Path(whole).read_bytes()}


def test_writes_that_stop_short_are_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = new_files(tmp_path, 4)
    [whole] = new_files(tmp_path / "whole", 1)
    write([whole], NOW, 7)
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, offset: real(fd, data[:5], offset))
    monkeypatch.setattr(whisper_open, "update_open", one_by_one)
    result = write(paths, NOW, 7)
    assert (result.failures, result.stored.tolist()) == ([], [7] * 4)
    assert {Path(path).read_bytes() for path in paths} == {Path(whole).read_bytes()}


def test_few_descriptors_are_enough(tmp_path: Path) -> None:
    paths = new_files(tmp_path, 60)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))) + 8, hard))
    try:
        result = write(paths, NOW)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert result.failures == []
    assert result.stored.tolist() == [1] * 60


def test_files_of_another_owner_are_written_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = new_files(tmp_path, 3)
    real = os.open

    def opened(path: str, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_NOATIME and path == paths[1]:
            raise PermissionError(errno.EPERM, "Operation not permitted", path)
        return real(path, flags, mode)

    monkeypatch.setattr(os, "open", opened)
    result = write(paths, NOW)
    assert (result.failures, result.stored.tolist()) == ([], [1, 1, 1])


def test_files_without_points_and_points_without_archive(tmp_path: Path) -> None:
    paths = new_files(tmp_path, 3)
    times = np.array([NOW - 5000, NOW - 3000, NOW, 2**32 + 5], np.int64)
    result = update_batch(paths, [0, 4, 4], times, np.ones(4), NOW)
    assert (result.stored.tolist(), result.outside.tolist(), result.failures) == ([0, 1, 0], [0, 3, 0], [])


def test_columns_that_dont_match_are_refused(tmp_path: Path) -> None:
    paths = new_files(tmp_path, 2)
    with pytest.raises(ValueError, match="2 files, 1 ends, 3 times and 3 values"):
        update_batch(paths, [3], np.arange(3), np.ones(3), NOW)
