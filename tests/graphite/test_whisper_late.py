"""Points that come late leave the coarse archives as if they had come in time."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
import whisper
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern_graphite.rules.rollup import METHODS
from saltern_graphite.whisper.batch import update_batch
from saltern_graphite.whisper.file import Layout, read_layout
from saltern_graphite.whisper.late import first_in_time, oldest_interval, open_spans
from saltern_graphite.whisper.update import update

Archives = tuple[tuple[int, int], ...]
Points = list[tuple[int, float]]

NOW = 1_700_000_007
LAYOUTS: tuple[Archives, ...] = (
    ((1, 60), (5, 60), (20, 60)),
    ((2, 30), (10, 40)),
    ((2, 30),),
    ((5, 12), (15, 5)),
    ((1, 30), (5, 20), (20, 15), (60, 20)),
)


def new_file(folder: str | Path, name: str, archives: Archives, method: str, factor: float) -> str:
    path = os.path.join(folder, name)
    whisper.create(path, list(archives), factor, method)
    return path


def layout_of(path: str) -> Layout:
    fd = os.open(path, os.O_RDONLY)
    try:
        return read_layout(fd, path)
    finally:
        os.close(fd)


def coarse_slots(path: str, now: int) -> list[dict[int, float]]:
    """The known slots of each archive but the first, in retention by *now*."""
    found = []
    for archive in layout_of(path).archives[1:]:
        data = Path(path).read_bytes()[archive.offset : archive.offset + archive.points * 12]
        slots = np.frombuffer(data, [("time", ">u4"), ("value", ">f8")])
        oldest = oldest_interval(archive, now)
        found.append({int(time): float(value) for time, value in slots if time >= oldest})
    return found


_times = st.lists(st.integers(0, 420), min_size=1, max_size=60, unique=True)


@st.composite
def _series(draw: st.DrawFn) -> Points:
    """Points up to now, some alone and some in runs."""
    ages = set(draw(_times))
    for start in draw(st.lists(st.integers(0, 420), max_size=3)):
        ages |= set(range(start, max(start - draw(st.integers(1, 60)), -1), -1))
    return [(NOW - age, float(draw(st.integers(-9, 9)))) for age in sorted(ages, reverse=True)]


_cases = (st.sampled_from(LAYOUTS), st.sampled_from(METHODS), st.sampled_from([0.0, 0.5, 1.0]))


def in_time(path: str, points: Points) -> None:
    for point in points:
        whisper.update_many(path, [point], now=point[0])


@settings(max_examples=120, deadline=None)
@given(_series(), *_cases)
def test_one_backfill_equals_points_in_time(points: Points, archives: Archives, method: str, factor: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        one, other = (new_file(folder, name, archives, method, factor) for name in ("a", "b"))
        in_time(one, points)
        result = update(other, points, NOW)
        assert coarse_slots(other, NOW) == coarse_slots(one, NOW)
        oldest = oldest_interval(layout_of(one).archives[-1], NOW)
        assert result.outside == sum(time < oldest for time, _ in points)
        assert result.stored == len(points) - result.outside
        before = Path(other).read_bytes()
        update(other, points, NOW)
        assert Path(other).read_bytes() == before


@settings(max_examples=120, deadline=None)
@given(_series(), *_cases, st.data())
def test_a_backfill_in_chunks_equals_points_in_time(
    points: Points, archives: Archives, method: str, factor: float, data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        one, other = (new_file(folder, name, archives, method, factor) for name in ("a", "b"))
        in_time(one, points)
        rings = layout_of(one).archives
        # Some came before the outage, each in its time; the rest afterwards in chunks, the clock going on meanwhile.
        outage = data.draw(st.integers(0, len(points)))
        in_time(other, points[:outage])
        cuts = sorted(data.draw(st.sets(st.integers(outage, len(points)), max_size=4)) | {len(points)})
        now, again, done = NOW, NOW + 1, outage
        for cut in cuts:
            chunk = [point for point in points[:cut] if point in points[done:cut] or point[0] >= again]
            update(other, chunk, now)
            if chunk:
                spans = open_spans(rings, [chunk[-1][0]], now)
                again = spans[0][0] if spans else now + 1
            done = cut
            now += data.draw(st.integers(0, 3))
        assert coarse_slots(other, now) == coarse_slots(one, now)


@settings(max_examples=40, deadline=None)
@given(st.lists(_series(), min_size=1, max_size=5), *_cases)
def test_a_batch_does_with_late_points_what_one_by_one_does(
    flushes: list[Points], archives: Archives, method: str, factor: float
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        batched = [new_file(folder, f"{place}-a", archives, method, factor) for place in range(len(flushes))]
        single = [new_file(folder, f"{place}-b", archives, method, factor) for place in range(len(flushes))]
        ends = np.cumsum([len(points) for points in flushes])
        times = np.array([time for points in flushes for time, _ in points])
        values = np.array([value for points in flushes for _, value in points])
        result = update_batch(batched, ends, times, values, NOW)
        for place, points in enumerate(flushes):
            update_ = update(single[place], points, NOW)
            assert (result.stored[place], result.outside[place]) == (update_.stored, update_.outside)
            assert Path(batched[place]).read_bytes() == Path(single[place]).read_bytes()


def test_an_old_point_does_not_destroy_the_newest(tmp_path: Path) -> None:
    path = new_file(tmp_path, "a", LAYOUTS[0], "average", 0.0)
    update(path, [(NOW, 1.0)], NOW)
    update(path, [(NOW - 60, 9.0)], NOW)  # one whole round before: the same slot of the finest ring
    assert whisper.fetch(path, NOW - 1, NOW, NOW)[1] == [1.0]
    assert coarse_slots(path, NOW)[0][(NOW - 60) // 5 * 5] == 9.0


def test_a_straggler_does_not_replace_an_average_whose_points_are_gone(tmp_path: Path) -> None:
    path = new_file(tmp_path, "a", LAYOUTS[0], "average", 0.0)
    slot = NOW // 5 * 5
    for age in range(5):
        update(path, [(slot + age, 10.0)], slot + age)
    later = slot + 62
    for time in range(slot + 60, later + 1):  # three of the five fine slots are overwritten by these
        update(path, [(time, 0.0)], time)
    update(path, [(slot + 4, 99.0)], later)
    assert coarse_slots(path, later)[0][slot] == 10.0
    assert whisper.fetch(path, slot + 3, slot + 4, later)[1] == [99.0]


@pytest.mark.parametrize(("method", "value"), [("max", 9.0), ("min", -9.0), ("absmax", 9.0), ("absmin", 1.0)])
def test_an_extreme_whose_points_are_gone_is_kept(tmp_path: Path, method: str, value: float) -> None:
    path = new_file(tmp_path, "a", LAYOUTS[0], method, 0.0)
    slot = (NOW - 150) // 5 * 5
    update(path, [(slot, value)], slot)
    for time in range(slot + 60, slot + 65):
        update(path, [(time, 0.0)], time)
    update(path, [(slot + 1, 2.0)], NOW)
    assert coarse_slots(path, NOW)[0][slot] == value


def test_points_in_time_need_not_be_passed_again(tmp_path: Path) -> None:
    path = new_file(tmp_path, "a", LAYOUTS[0], "average", 0.0)
    archives = layout_of(path).archives
    first = first_in_time(archives, NOW)
    assert open_spans(archives, [first], NOW) == []
    fine, coarse = (NOW - 100) // 5 * 5, (NOW - 400) // 20 * 20
    assert open_spans(archives, [NOW - 100], NOW) == [(fine, fine + 5)]
    assert open_spans(archives, [NOW - 400, NOW - 399, NOW - 100], NOW) == [(coarse, coarse + 20), (fine, fine + 5)]
    assert update(path, [(NOW - 400, 1.0), (NOW, 1.0)], NOW).open_spans == [(coarse, coarse + 20)]
    assert update(path, [(NOW, 1.0)], NOW).open_spans == []
