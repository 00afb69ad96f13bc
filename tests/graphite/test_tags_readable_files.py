"""Tagged series whose files Carbon named by the series: where points go, and what a reader sees."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import whisper
from hypothesis import given
from hypothesis import strategies as st

from saltern_graphite.evaluation.source import Fetched
from saltern_graphite.file_writers.base import Batch, Outcome, Rule
from saltern_graphite.file_writers.work import FileWork
from saltern_graphite.rules.metric_name import relative_path
from saltern_graphite.rules.schemas import Retention
from saltern_graphite.store.reader import Reader
from saltern_graphite.tags.completed import completed
from saltern_graphite.tags.tagged_name import readable_path

NOW = 1_700_000_040
NAME = "disk.used;dc=a"
RULE = Rule((Retention(60, 1440),), "average", 0.0)


@pytest.fixture
def work(tmp_path: Path) -> FileWork:
    return FileWork(str(tmp_path), sync=False, late="combine")


def make(path: Path, points: dict[int, float], step: int = 60) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    whisper.create(str(path), [(step, 1440)])
    whisper.update_many(str(path), sorted(points.items()), now=NOW)


def give(work: FileWork, name: str, at: int, value: float) -> Outcome:
    """Write one point as the writer does: what is missing is to be created when it is given again."""
    numbers, ends = np.zeros(1, np.uint32), np.ones(1, np.int64)
    for _ in range(4):
        columns = np.array([at], np.uint32), np.array([value])
        outcome = work.do(Batch(numbers, [name], ends, *columns, NOW, [RULE]))
        if not outcome.failures:
            return outcome
        assert [failure.kind for failure in outcome.failures] in (["missing"], ["corrupt"])
    raise AssertionError(outcome)


def stored(path: Path) -> dict[int, float]:
    (start, end, step), values = whisper.fetch(str(path), NOW - 3600, NOW, now=NOW)
    return {at: value for at, value in zip(range(start, end, step), values, strict=True) if value is not None}


def test_points_go_on_in_the_file_that_is_there(tmp_path: Path, work: FileWork) -> None:
    hashed, readable = tmp_path / relative_path(NAME), tmp_path / readable_path(NAME)
    make(readable, {NOW - 600: 1.0})
    assert give(work, NAME, NOW - 120, 2.0) == Outcome(stored=1)
    assert give(work, NAME, NOW - 60, 3.0) == Outcome(stored=1)
    assert stored(readable) == {NOW - 600: 1.0, NOW - 120: 2.0, NOW - 60: 3.0}
    assert not hashed.exists()
    readable.rename(hashed)  # as Carbon does where TAG_HASH_FILENAMES was turned on
    assert give(work, NAME, NOW, 4.0) == Outcome(stored=1)
    assert stored(hashed)[NOW] == 4.0
    assert not readable.exists()


def test_a_new_series_is_named_by_its_hash(tmp_path: Path, work: FileWork) -> None:
    assert give(work, NAME, NOW, 1.0) == Outcome(stored=1, created=1)
    assert stored(tmp_path / relative_path(NAME)) == {NOW: 1.0}
    assert not (tmp_path / readable_path(NAME)).exists()
    long = "cpu;" + ";".join(f"t{number}={'x' * 100}" for number in range(5))  # no file can have this name
    assert give(work, long, NOW, 1.0) == Outcome(stored=1, created=1)
    assert give(work, "cpu;path=/var/log", NOW, 1.0) == Outcome(stored=1, created=1)


def test_a_corrupt_one_is_set_aside_and_begun_anew(tmp_path: Path, work: FileWork) -> None:
    readable = tmp_path / readable_path(NAME)
    make(readable, {NOW - 600: 1.0})
    give(work, NAME, NOW - 60, 3.0)
    readable.write_bytes(b"no whisper file")
    os.utime(readable, (NOW, NOW))
    assert give(work, NAME, NOW, 4.0).stored == 1
    assert stored(tmp_path / relative_path(NAME)) == {NOW: 4.0}
    assert len(list(readable.parent.glob("*.corrupt-*"))) == 1


class Waiting:
    """Points that are in no file yet."""

    def points(self, name: str) -> list[tuple[int, float]]:
        assert name == NAME
        return [(NOW, 9.0)]


@pytest.mark.parametrize("kept", [("hashed",), ("readable",), ("hashed", "readable")])
def test_a_reader_sees_all_there_is(tmp_path: Path, kept: tuple[str, ...]) -> None:
    points = {
        "hashed": {NOW - 180: 3.0, NOW - 120: 4.0},
        "readable": {NOW - 600: 1.0, NOW - 180: 2.0},
    }
    paths = {"hashed": tmp_path / relative_path(NAME), "readable": tmp_path / readable_path(NAME)}
    expected = {NOW: 9.0}
    for which in reversed(kept):  # where both have a value the one in use has it
        make(paths[which], points[which])
        expected.update(points[which])
    reader = Reader(str(tmp_path), Waiting(), lambda name: [(60, 1440)], lambda name: ("average", 0.0))
    found = reader.fetch(NAME, NOW - 3600, NOW, NOW)
    assert found is not None
    times = range(found.start, found.end, found.step)
    seen = {at: float(value) for at, value in zip(times, found.values, strict=True) if not np.isnan(value)}
    assert seen == expected


def fetched(start: int, step: int, values: list[float]) -> Fetched:
    return Fetched(start, start + step * len(values), step, np.array(values), "average")


VALUES = st.lists(st.sampled_from([1.0, 2.0, float("nan")]), min_size=1, max_size=12)


@given(st.integers(0, 10), st.integers(1, 6), VALUES, st.integers(0, 10), st.integers(1, 6), VALUES)
def test_gaps_are_filled_and_nothing_else(
    start: int, step: int, values: list[float], other_start: int, other_step: int, others: list[float]
) -> None:
    first, second = fetched(start, step, values), fetched(other_start, other_step, others)
    found = completed(first, second)
    if np.isnan(first.values).all():
        assert found is second
        return
    assert found is not None
    assert found[:3] == first[:3]
    for place, value in enumerate(found.values):
        slot = range(start + place * step, start + (place + 1) * step)
        inside = [other for at, other in enumerate(others) if other_start + at * other_step in slot and other == other]
        if not np.isnan(values[place]):
            assert value == values[place]
        elif inside:
            assert value == inside[-1]
        else:
            assert np.isnan(value)


def test_one_alone_is_the_answer() -> None:
    one = fetched(0, 1, [1.0])
    assert completed(one, None) is one
    assert completed(None, one) is one
    assert completed(None, None) is None
