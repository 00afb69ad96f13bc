"""Fetching ahead: the bytes are the same, and all that is touched was named before."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from saltern_graphite.file_writers.base import Batch, Rule
from saltern_graphite.file_writers.work import FileWork
from saltern_graphite.rules.schemas import Retention
from saltern_graphite.whisper.ahead import ReadAhead, blocks_read
from saltern_graphite.whisper.batch import update_batch
from support.whisper_files import create

RETENTIONS = (Retention(1, 2000), Retention(10, 2000), Retention(100, 2000))  # each archive several blocks long
NOW = 1_700_000_000
BLOCK_BYTES = 4096


class Always(ReadAhead):
    """As if each batch had waited for the disk."""

    def __init__(self) -> None:
        self.blocks = 0.0
        super().__init__(self._more)
        self.wanted = True

    def _more(self) -> float:
        self.blocks += 1e6
        return self.blocks


def files(folder: Path, count: int) -> list[str]:
    folder.mkdir()
    paths = [str(folder / f"{place}.wsp") for place in range(count)]
    for path in paths:
        create(path, RETENTIONS, "average", 0.0)
    return paths


def write(paths: list[str], time: int, points: int, ahead: ReadAhead | None) -> None:
    times = np.tile(np.arange(time - points + 1, time + 1), len(paths))
    ends = np.arange(1, len(paths) + 1) * points
    assert not update_batch(paths, ends, times, (times % 7 + 0.5).astype(np.float64), time, ahead=ahead).failures


def test_the_bytes_are_the_same(tmp_path: Path) -> None:
    plain, fetched = files(tmp_path / "a", 3), files(tmp_path / "b", 3)
    ahead = Always()
    for step, points in enumerate((1, 7, 40, 1, 200, 3, 900, 900, 900, 13)):  # beyond a round of the finest ring
        for paths, driver in ((plain, None), (fetched, ahead)):
            write(paths, NOW + 137 * step + (points > 800) * 700 * step, points, driver)
        for one, other in zip(plain, fetched, strict=True):
            assert Path(one).read_bytes() == Path(other).read_bytes()


def test_all_blocks_that_are_touched_were_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = files(tmp_path / "a", 3)
    ahead = Always()
    write(paths, NOW, 5, ahead)  # the layout is learned
    named: set[tuple[int, int]] = set()
    pread, pwrite = os.pread, os.pwrite

    def blocks(fd: int, offset: int, size: int) -> set[tuple[int, int]]:
        return {(fd, block) for block in range(offset // BLOCK_BYTES, (offset + size - 1) // BLOCK_BYTES + 1)}

    def advise(fd: int, offset: int, size: int, advice: int) -> None:
        assert advice == os.POSIX_FADV_WILLNEED
        named.update(blocks(fd, offset, size))

    def read(fd: int, size: int, offset: int) -> bytes:
        assert blocks(fd, offset, size) <= named
        return pread(fd, size, offset)

    def written(fd: int, data: bytes, offset: int) -> int:
        assert blocks(fd, offset, len(data)) <= named
        return pwrite(fd, data, offset)

    monkeypatch.setattr(os, "posix_fadvise", advise)
    monkeypatch.setattr(os, "pread", read)
    monkeypatch.setattr(os, "pwrite", written)
    for step in range(1, 8):
        named.clear()
        write(paths, NOW + 211 * step, 40, ahead)
        assert named


def test_it_is_done_while_batches_wait_for_the_disk() -> None:
    read = 0.0
    ahead = ReadAhead(lambda: read)
    wanted = []
    for blocks in (0, 49, 50, 400, 10):
        with ahead.watching(100):
            read += blocks
        wanted.append(ahead.wanted)
    assert wanted == [False, False, True, True, False]
    assert blocks_read() >= 0


def test_whoever_writes_the_files_fetches_ahead_once_it_waited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named: list[int] = []
    monkeypatch.setattr(os, "posix_fadvise", lambda fd, *_: named.append(fd))
    work = FileWork(str(tmp_path), sync=False, late="combine")
    work._ahead = Always()
    work._ahead.wanted = False

    def write_one(time: int, rule: Rule | None) -> None:
        columns = np.array([1]), np.array([time], np.uint32), np.array([1.0])
        assert not work.do(Batch(np.array([7], np.uint32), ["a"], *columns, NOW, [rule])).failures

    write_one(NOW, Rule(RETENTIONS, "average", 0.0))
    assert not named
    write_one(NOW - 1, None)
    assert named
