"""Slots of a ring: read and written round its end, and what is no slot is damage with a name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import whisper

from saltern_graphite.whisper.file import Archive, CorruptFile, Layout, read_layout
from saltern_graphite.whisper.ring import (
    Ring,
    Rows,
    place_of,
    read_base,
    read_ring,
    read_slots,
    ring_of,
    values_of,
)

STEP, POINTS = 5, 12
NOW = 1_700_000_005


@pytest.fixture
def file(tmp_path: Path) -> Iterator[tuple[int, str, Layout]]:
    path = str(tmp_path / "a.wsp")
    whisper.create(path, [(STEP, POINTS)])
    fd = os.open(path, os.O_RDWR)
    yield fd, path, read_layout(fd, path)
    os.close(fd)


def row(*times: int) -> Rows:
    return Rows(np.zeros(len(times), np.int64), np.array(times), np.array(times) / 2)


def test_what_is_written_is_read_round_the_end(file: tuple[int, str, Layout]) -> None:
    fd, path, layout = file
    [archive] = layout.archives
    times = range(NOW, NOW + 20 * STEP, STEP)
    for time in times:
        ring_of(fd, path, archive).write(row(time))
    start = times[-POINTS]
    slots = read_slots(fd, path, archive, start, POINTS)
    assert slots["time"].tolist() == list(times[-POINTS:])
    assert values_of(slots, start, STEP).tolist() == [time / 2 for time in times[-POINTS:]]
    assert np.isnan(values_of(slots, start - POINTS * STEP, STEP)).all()  # those were a round before
    base = read_base(fd, path, archive)
    assert read_ring(fd, path, archive)["time"][0] == base
    assert place_of(archive, base, start) == times.index(start) % POINTS


def test_a_run_longer_than_the_ring_leaves_its_last_round(file: tuple[int, str, Layout]) -> None:
    fd, path, layout = file
    [archive] = layout.archives
    times = range(NOW, NOW + 30 * STEP, STEP)
    ring_of(fd, path, archive).write(row(*times))
    assert sorted(read_ring(fd, path, archive)["time"].tolist()) == list(times[-POINTS:])
    assert os.fstat(fd).st_size == layout.end


def test_rows_of_as_many_slots_as_files_need_not_be_one_of_each(tmp_path: Path) -> None:
    fds = []
    for name in ("a", "b"):
        whisper.create(str(tmp_path / name), [(STEP, POINTS)])
        fds.append(os.open(tmp_path / name, os.O_RDWR))
    [archive] = read_layout(fds[0], "a").archives
    rows = Rows(np.array([1, 1]), np.array([NOW, NOW + 2 * STEP]), np.array([1.0, 2.0]))
    ring = Ring(fds, archive, np.zeros(2, np.int64))
    ring.write(rows)
    assert ring.bases.tolist() == [0, NOW]
    assert ring.read(rows.files, rows.times, 1)["value"].tolist() == [[1.0], [2.0]]
    assert not read_ring(fds[0], "a", archive)["time"].any()
    for fd in fds:
        os.close(fd)


@pytest.mark.parametrize(
    "read",
    [
        lambda fd, path, archive: read_base(fd, path, archive),
        lambda fd, path, archive: read_ring(fd, path, archive),
        lambda fd, path, archive: read_slots(fd, path, archive, 0, POINTS),
        lambda fd, path, archive: ring_of(fd, path, archive),
        lambda fd, path, archive: Ring([fd], archive, np.array([NOW]), path).read(*row(NOW)[:2], 1),
    ],
    ids=["base", "all", "a run", "bases", "rows"],
)
def test_a_file_cut_short_since_its_header_was_read_is_corrupt(
    file: tuple[int, str, Layout], read: Callable[[int, str, Archive], object]
) -> None:
    fd, path, layout = file
    [archive] = layout.archives
    os.ftruncate(fd, archive.offset + 3)
    with pytest.raises(CorruptFile, match=r"a\.wsp: cut short while it was read"):
        read(fd, path, archive)
