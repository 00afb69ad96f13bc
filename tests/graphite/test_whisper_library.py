"""Files written by us and by the whisper library with the same points: the same bytes, whatever the points are."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

import numpy as np
import whisper
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern_graphite.rules.rollup import METHODS
from saltern_graphite.whisper.batch import update_batch
from saltern_graphite.whisper.file import Layout, read_layout
from saltern_graphite.whisper.held import HeldFiles
from saltern_graphite.whisper.late import first_in_time
from saltern_graphite.whisper.update import LateMode, update

Archives = tuple[tuple[int, int], ...]
Points = list[tuple[int, float]]

NOW = 1_700_000_007
LAYOUTS: tuple[Archives, ...] = (
    ((1, 60), (5, 60), (20, 60)),
    ((2, 30),),
    ((5, 12), (15, 5)),
    ((1, 62), (5, 13), (20, 8), (60, 10)),
    ((3, 7), (6, 20), (12, 30), (48, 40)),
)
FACTORS = (0.0, 0.1, 0.5, 1.0)

_values = st.one_of(
    st.integers(-9, 9).map(float),
    st.floats(allow_nan=False),  # receivers refuse it, and the sign of one among several is left to the processor
    st.sampled_from([0.0, -0.0, 1e300, -1e300, float("inf")]),
)
_layouts = st.sampled_from(LAYOUTS)
_methods = st.sampled_from(METHODS)
_factors = st.sampled_from(FACTORS)


@st.composite
def _flush(draw: st.DrawFn, oldest: int, newest: int, most: int = 12) -> Points:
    """Points by age, in any order; runs of neighbours as often as single ones."""
    ages = draw(st.lists(st.integers(newest, oldest), min_size=1, max_size=most))
    if draw(st.booleans()):
        ages += range(ages[0], max(ages[0] - draw(st.integers(1, 40)), newest - 1), -1)
    return [(-age, draw(_values)) for age in ages]


def new_files(folder: str, archives: Archives, method: str, factor: float, count: int) -> list[str]:
    paths = [os.path.join(folder, f"{place}.wsp") for place in range(count)]
    for path in paths:
        whisper.create(path, list(archives), factor, method)
    return paths


def read(path: str) -> bytes:
    return Path(path).read_bytes()


@settings(max_examples=200, deadline=None)
@given(st.data(), _layouts, _methods, _factors)
def test_one_file_is_the_librarys(data: st.DataObject, archives: Archives, method: str, factor: float) -> None:
    reach = archives[-1][0] * archives[-1][1]
    # The library writes a run longer than the ring into the next archive, so nothing lies that far in the future.
    flushes = data.draw(st.lists(st.tuples(st.integers(-5, 200), _flush(reach + 20, -2)), min_size=1, max_size=6))
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = new_files(folder, archives, method, factor, 2)
        now = NOW
        for moved, flush in flushes:
            now += moved
            points = [(now + offset, value) for offset, value in flush]
            result = update(ours, points, now, late="whisper")
            whisper.update_many(theirs, points, now=now)
            assert read(ours) == read(theirs)
            assert result.stored + result.outside == len(points)
            assert result.stored == sum(now - time <= reach for time, _ in points)


def columns(flushes: list[Points], now: int) -> tuple[list[int], list[int], list[float]]:
    ends: list[int] = []
    points: Points = []
    for flush in flushes:
        points += sorted((now + offset, value) for offset, value in dict(flush).items())
        ends.append(len(points))
    return ends, [time for time, _ in points], [value for _, value in points]


@settings(max_examples=100, deadline=None)
@given(st.data(), st.sampled_from(["whisper", "combine"]))
def test_a_batch_of_files_is_the_librarys(data: st.DataObject, late: LateMode) -> None:
    kinds = data.draw(st.lists(st.tuples(_layouts, _methods, _factors), min_size=1, max_size=3))
    files = data.draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=8))
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        paths: list[tuple[str, str]] = []
        for number, (archives, method, factor) in enumerate(files):
            os.mkdir(f"{folder}/{number}")
            ours, theirs = new_files(f"{folder}/{number}", archives, method, factor, 2)
            paths.append((ours, theirs))
        now = NOW
        held = stack.enter_context(contextlib.closing(HeldFiles(data.draw(st.sampled_from([0, 2, 8])))))
        for moved in data.draw(st.lists(st.integers(0, 100), min_size=1, max_size=4)):
            now += moved
            flushes = []
            for (ours, _), (archives, _, _) in zip(paths, files, strict=True):
                oldest = archives[-1][0] * archives[-1][1] + 20
                if late == "combine":
                    oldest = now - first_in_time(layout_of(ours).archives, now)
                newest = data.draw(st.sampled_from([0, 0, -3]))
                flushes.append(data.draw(st.one_of(_flush(max(oldest, 0), newest), st.just([]))))
            ends, times, values = columns(flushes, now)
            files_of_ours, points_of_all = [ours for ours, _ in paths], (np.array(times), np.array(values))
            result = update_batch(files_of_ours, ends, *points_of_all, now, late=late, held=held)
            assert result.failures == []
            for place, (ours, theirs) in enumerate(paths):
                start = ends[place - 1] if place else 0
                points = list(zip(times[start : ends[place]], values[start : ends[place]], strict=True))
                whisper.update_many(theirs, points, now=now)
                assert read(ours) == read(theirs), (files[place], points)
                assert result.stored[place] + result.outside[place] == len(points)


def layout_of(path: str) -> Layout:
    fd = os.open(path, os.O_RDONLY)
    try:
        return read_layout(fd, path)
    finally:
        os.close(fd)
