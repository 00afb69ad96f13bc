"""Reading around the ends of what a Whisper slot can say: its time is 32 bits of seconds since 1970."""

from __future__ import annotations

import math
import os
import struct
from pathlib import Path

import numpy as np
import pytest
import whisper

from saltern_graphite.store.reader import Reader

STEP, POINTS = 60, 100
LAST = (2**32 - 1) // STEP * STEP
"""The last time that a slot of this file can hold."""
NOW = 1_718_020_800


class NoCache:
    def points(self, name: str) -> list[tuple[int, float]]:
        return []


def reader_with(folder: Path, points: dict[int, float]) -> Reader:
    """A reader of one metric ``m`` whose file holds *points*, written slot by slot."""
    path = folder / "m.wsp"
    whisper.create(str(path), [(STEP, POINTS)])
    offset = whisper.info(str(path))["archives"][0]["offset"]
    base = min(points)
    with path.open("r+b") as file:
        for at, value in points.items():
            file.seek(offset + (at - base) // STEP % POINTS * 12)
            file.write(struct.pack("!Ld", at, value))
    return Reader(str(folder), NoCache(), lambda name: [(STEP, POINTS)], lambda name: ("average", 0.0))


def test_a_time_that_only_looks_the_same_in_32_bits(tmp_path: Path) -> None:
    """2**32 is no multiple of 60, so such a slot is at another place too; 64 s of step would bring it there."""
    path = tmp_path / "m.wsp"
    whisper.create(str(path), [(64, 64)])
    offset = whisper.info(str(path))["archives"][0]["offset"]
    at = NOW // 64 * 64
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(struct.pack("!Ld", at, 7.0))
    reader = Reader(str(tmp_path), NoCache(), lambda name: [(64, 64)], lambda name: ("average", 0.0))
    found = reader.fetch("m", at - 64, at, at)
    assert found is not None
    assert found.values.tolist() == [7.0]
    later = at + 2**32
    found = reader.fetch("m", later - 64, later, later)
    assert found is not None
    assert (found.start, found.values.tolist()) == (later, [pytest.approx(math.nan, nan_ok=True)])


def test_up_to_the_last_time_and_beyond(tmp_path: Path) -> None:
    reader = reader_with(tmp_path, {LAST - STEP: 1.0, LAST: 2.0})
    found = reader.fetch("m", LAST - 2 * STEP, LAST, LAST)
    assert found is not None
    assert found.values.tolist() == [1.0, 2.0]
    found = reader.fetch("m", LAST - 2 * STEP, LAST + STEP, LAST + STEP)
    assert found is not None
    assert found.values.tolist() == pytest.approx([1.0, 2.0, math.nan], nan_ok=True)


def test_before_1970(tmp_path: Path) -> None:
    reader = reader_with(tmp_path, {STEP: 1.0, 2 * STEP: 2.0})
    found = reader.fetch("m", -2 * STEP, 2 * STEP, 2 * STEP)
    assert found is not None
    assert found.start == -STEP
    assert found.values.tolist()[-2:] == [1.0, 2.0]
    assert not np.isfinite(found.values[:-2][:1]).any()


def test_the_window_runs_over_the_end_of_the_ring(tmp_path: Path) -> None:
    first = NOW - (POINTS - 1) * STEP
    reader = reader_with(tmp_path, {first + place * STEP: float(place) for place in range(POINTS)})
    with (tmp_path / "m.wsp").open("r+b") as file:  # ten newer points replace the oldest
        file.seek(os.path.getsize(tmp_path / "m.wsp") - POINTS * 12)
        file.write(b"".join(struct.pack("!Ld", NOW + step * STEP, 1000.0 + step) for step in range(1, 11)))
    now = NOW + 10 * STEP
    found = reader.fetch("m", now - 20 * STEP, now, now)
    assert found is not None
    assert found.values.tolist() == [*(float(place) for place in range(90, 100)), *(1000.0 + n for n in range(1, 11))]
