"""Reading: the same as the whisper library's fetch, plus what is only in the cache."""

from __future__ import annotations

import logging
import math
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import whisper
from hypothesis import example, given, settings
from hypothesis import strategies as st

from saltern_graphite.evaluation.source import Fetched
from saltern_graphite.store.reader import Reader
from saltern_graphite.whisper.update import update

NOW = 1_718_020_807
ARCHIVES = [(10, 30), (60, 20), (300, 12)]
METHODS = ["average", "sum", "last", "max", "min", "avg_zero", "absmax", "absmin"]

Points = list[tuple[int, float]]


class FakeCache:
    def __init__(self, points: dict[str, Points] | None = None) -> None:
        self._points = points or {}

    def points(self, name: str) -> Points:
        return self._points.get(name, [])


def reader_of(folder: Path | str, cached: Points | None = None, method: str = "average", factor: float = 0.0) -> Reader:
    cache = FakeCache({"a.b": cached or []})
    return Reader(str(folder), cache, lambda name: ARCHIVES, lambda name: (method, factor))


def create(folder: Path | str, method: str = "average", name: str = "a/b.wsp", factor: float = 0.0) -> str:
    path = Path(folder) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    whisper.create(str(path), ARCHIVES, xFilesFactor=factor, aggregationMethod=method)
    return str(path)


def as_whisper(found: Fetched | None) -> object:
    if found is None:
        return None
    values = [None if math.isnan(value) else value for value in found.values.tolist()]
    return (found.start, found.end, found.step), values


moments = st.integers(NOW - 4200, NOW + 400)
updates = st.lists(st.tuples(st.integers(NOW - 3600, NOW), st.integers(-9, 9).map(float)), max_size=60)


@settings(max_examples=150, deadline=None)
@given(st.lists(updates, max_size=3), moments, moments, st.integers(-500, 500), st.sampled_from(METHODS))
def test_the_same_as_whisper(batches: list[Points], start: int, end: int, drift: int, method: str) -> None:
    start, end = min(start, end), max(start, end)
    with tempfile.TemporaryDirectory() as folder:
        path = create(folder, method)
        for batch in batches:
            whisper.update_many(path, batch, now=NOW)
        found = reader_of(folder).fetch("a.b", start, end, NOW + drift)
        expected = whisper.fetch(path, start, end, now=NOW + drift)
    assert as_whisper(found) == expected
    assert found is None or found.method == method


@settings(max_examples=200, deadline=None)
@given(
    st.none() | st.lists(updates, min_size=1, max_size=2),
    updates,
    st.integers(NOW - 3600, NOW - 1),
    st.sampled_from(METHODS),
    st.sampled_from([0.0, 0.2, 0.5, 1.0]),
)
@example(None, [(1718020200, 0.0), (1718020210, 0.0)], 1718017207, "average", 0.2)  # a header rounds 0.2 up
def test_cached_points_show_as_once_they_are_written(
    stored: list[Points] | None, cached: Points, start: int, method: str, factor: float
) -> None:
    """In every archive: a point takes its way through all that are finer."""
    cached = sorted(dict(cached).items())
    with tempfile.TemporaryDirectory() as folder:
        path = create(folder, method, factor=factor)
        for batch in stored or ():
            update(path, batch, NOW)
        with tempfile.TemporaryDirectory() as empty:
            before = reader_of(empty if stored is None else folder, cached, method, factor).fetch(
                "a.b", start, NOW, NOW
            )
        update(path, cached, NOW)
        after = reader_of(folder, [], method, factor).fetch("a.b", start, NOW, NOW)
    assert as_whisper(before) == (as_whisper(after) if cached or stored is not None else None)


def test_a_coarse_slot_is_made_of_file_and_cache(tmp_path: Path) -> None:
    minute = NOW // 60 * 60 - 60
    path = create(tmp_path, "sum")
    whisper.update_many(path, [(minute, 1.0), (minute + 10, 2.0)], now=NOW)
    reader = reader_of(tmp_path, [(minute + 10, 5.0), (minute + 50, 7.0)], "sum")
    found = reader.fetch("a.b", NOW - 1000, NOW, NOW)
    assert found is not None
    assert found.step == 60
    assert found.values[(minute - found.start) // 60] == 1.0 + 5.0 + 7.0


def test_a_metric_that_has_no_file_yet(tmp_path: Path) -> None:
    cached = [(NOW - 100, 1.0), (NOW - 99, 2.0), (NOW - 5, 3.0)]
    fine = reader_of(tmp_path, cached).fetch("a.b", NOW - 120, NOW, NOW)
    coarse = reader_of(tmp_path, cached, "sum").fetch("a.b", NOW - 600, NOW, NOW)
    assert fine is not None
    assert coarse is not None
    assert (fine.step, coarse.step) == (10, 60)
    assert np.nansum(fine.values) == 5.0  # the second of two points in one slot stays
    assert coarse.values[-1] + np.nansum(coarse.values[:-1]) == 5.0
    assert reader_of(tmp_path, cached).fetch("a.b", NOW + 10, NOW + 20, NOW) is None
    assert reader_of(tmp_path).fetch("a.b", NOW - 120, NOW, NOW) is None


@pytest.mark.parametrize("filed", [True, False])
def test_what_a_file_would_not_keep_is_not_shown_before_either(tmp_path: Path, filed: bool) -> None:
    minute = NOW // 60 * 60 - 60
    if filed:
        create(tmp_path, "sum", factor=0.5)
    few, enough = [(minute, 7.0)], [(minute, 7.0), (minute + 10, 1.0), (minute + 20, 1.0)]
    for cached, shown in ((few, None), (enough, 9.0)):
        found = reader_of(tmp_path, cached, "sum", 0.5).fetch("a.b", NOW - 1000, NOW, NOW)
        assert found is not None
        value = found.values[(minute - found.start) // 60]
        assert (None if math.isnan(value) else value) == shown


def test_a_point_shows_in_the_very_second_it_came(tmp_path: Path) -> None:
    found = reader_of(tmp_path, [(NOW, 4.0)]).fetch("a.b", NOW - 60, NOW, NOW)
    assert found is not None
    assert found.values[-1] == 4.0


@pytest.mark.parametrize(
    "damage",
    [lambda data: b"", lambda data: data[:20], lambda data: data[:500], lambda data: b"\xff" * len(data)],
    ids=["empty", "half a header", "cut short", "garbage"],
)
def test_a_damaged_file_is_no_data_and_one_line(
    tmp_path: Path, damage: object, caplog: pytest.LogCaptureFixture
) -> None:
    path = Path(create(tmp_path))
    assert callable(damage)
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    reader = reader_of(tmp_path)
    with caplog.at_level(logging.WARNING):
        assert [reader.fetch("a.b", NOW - 60, NOW, NOW) for _ in range(3)] == [None, None, None]
    assert len(caplog.records) == 1
    assert "a/b.wsp" in caplog.text
    path.write_bytes(whole)
    assert reader.fetch("a.b", NOW - 60, NOW, NOW) is not None


def test_reads_that_stop_short_are_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = create(tmp_path)
    for now in range(NOW - 400, NOW + 1, 10):
        whisper.update_many(path, [(now, float(now % 70))], now=now)
    whole = as_whisper(reader_of(tmp_path).fetch("a.b", NOW - 300, NOW, NOW))
    real = os.pread
    monkeypatch.setattr(os, "pread", lambda fd, size, offset: real(fd, min(size, 100), offset))
    assert as_whisper(reader_of(tmp_path).fetch("a.b", NOW - 300, NOW, NOW)) == whole


@pytest.mark.parametrize("there", [Path.mkdir, Path.touch, lambda path: path.symlink_to("nowhere"), os.mkfifo])
def test_where_a_file_can_not_be_read_the_newest_points_show(tmp_path: Path, there: Callable[[Path], None]) -> None:
    (tmp_path / "a").mkdir()
    there(tmp_path / "a" / "b.wsp")
    found = reader_of(tmp_path, [(NOW, 4.0)]).fetch("a.b", NOW - 60, NOW, NOW)
    assert found is not None
    assert found.values[-1] == 4.0


def test_a_file_of_go_carbon_shows_nothing_and_is_named_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Path(create(tmp_path)).write_bytes(b"whisper_compressed\x01" + bytes(300))
    reader = reader_of(tmp_path, [(NOW, 4.0)])
    assert [reader.fetch("a.b", NOW - 60, NOW, NOW) for _ in range(2)] == [None, None]
    assert [record.message.partition(": ")[2][:23] for record in caplog.records] == ["compressed by go-carbon"]


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    assert reader_of(tmp_path).fetch("a.b", NOW - 60, NOW, NOW) is None
