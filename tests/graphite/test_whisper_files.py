"""Single Whisper files, created, updated and set aside, against the whisper library."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import pytest
import whisper
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern_graphite.rules.rollup import METHODS
from saltern_graphite.rules.schemas import Retention
from saltern_graphite.whisper import unfinished as whisper_unfinished
from saltern_graphite.whisper.file import CorruptFile, read_layout, set_aside
from saltern_graphite.whisper.update import update
from support.whisper_files import create

ARCHIVES = ((1, 60), (5, 60), (20, 60))
RETENTIONS = tuple(Retention(*archive) for archive in ARCHIVES)
NOW = 1_700_000_007
Points = list[tuple[int, float]]


def values(path: str, step: int, now: int = NOW) -> dict[int, float]:
    """All known slots of one archive, as the library reads them."""
    points = next(points for found, points in ARCHIVES if found == step)
    (start, end, found), read = whisper.fetch(path, now - step * points, now, now, archiveToSelect=step)
    assert found == step
    return {time: value for time, value in zip(range(start, end, step), read, strict=True) if value is not None}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("factor", [0.0, 0.1, 1.0])
def test_created_files_are_the_librarys_byte_for_byte(tmp_path: Path, method: str, factor: float) -> None:
    ours, theirs = tmp_path / "x" / "y" / "ours.wsp", tmp_path / "theirs.wsp"
    create(str(ours), RETENTIONS, method, factor, sync=True)
    whisper.create(str(theirs), list(ARCHIVES), factor, method)
    assert ours.read_bytes() == theirs.read_bytes()
    assert os.listdir(ours.parent) == ["ours.wsp"]
    fd = os.open(ours, os.O_RDONLY)
    layout = read_layout(fd, str(ours))
    os.close(fd)
    assert (layout.method, [(a.step, a.points) for a in layout.archives]) == (method, list(ARCHIVES))


def test_new_files_take_one_block_not_their_whole_size(tmp_path: Path) -> None:
    path = tmp_path / "a.wsp"
    create(str(path), (Retention(1, 10_000_000),), "average", 0.0)
    assert path.stat().st_size > 100_000_000
    assert path.stat().st_blocks * 512 <= 65_536


_batches = st.lists(
    st.tuples(
        st.integers(0, 200),  # how far the clock moves first
        st.lists(st.tuples(st.integers(0, 39), st.integers(-9, 9).map(float)), min_size=1, max_size=12),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=80, deadline=None)
@given(_batches, st.sampled_from(METHODS), st.sampled_from([0.0, 0.5, 1.0]))
def test_points_in_time_end_as_with_the_library(batches: list[tuple[int, Points]], method: str, factor: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = os.path.join(folder, "ours.wsp"), os.path.join(folder, "theirs.wsp")
        for path in (ours, theirs):
            create(path, RETENTIONS, method, factor)
        now = NOW
        for moved, ages in batches:
            now += moved
            points = [(now - age, value) for age, value in sorted(dict(ages).items())]
            result = update(ours, points, now)
            assert (result.stored, result.outside) == (len(points), 0)
            whisper.update_many(theirs, points, now=now)
        for step, _ in ARCHIVES:
            assert values(ours, step, now) == values(theirs, step, now)


def new_file(folder: Path, method: str = "average") -> str:
    path = str(folder / "a.wsp")
    create(path, RETENTIONS, method, 0.0)
    return path


def test_late_points_are_aggregated_into_the_coarse_archive(tmp_path: Path) -> None:
    path = new_file(tmp_path)
    slot = (NOW - 150) // 5 * 5
    result = update(path, [(slot + place, float(place)) for place in range(5)], NOW)
    assert (result.stored, result.outside) == (5, 0)
    assert values(path, 1) == {}
    assert values(path, 5) == {slot: 2.0}
    assert values(path, 20) == {slot // 20 * 20: 2.0}


def test_a_backfill_over_all_archives_lands_in_each(tmp_path: Path) -> None:
    path = new_file(tmp_path, "sum")
    oldest = NOW // 20 * 20 - 59 * 20
    result = update(path, [(time, 1.0) for time in range(oldest - 3, NOW + 1)], NOW)
    assert result.outside == 3
    assert values(path, 1) == dict.fromkeys(range(NOW - 59, NOW + 1), 1.0)
    fine = NOW // 5 * 5 - 59 * 5
    assert set(values(path, 5)) == set(range(fine, NOW + 1, 5))
    assert [value for time, value in values(path, 5).items() if time < NOW // 5 * 5] == [5.0] * 59
    coarse = values(path, 20)
    assert set(coarse) == set(range(oldest, NOW + 1, 20))
    assert [value for time, value in coarse.items() if time < NOW // 20 * 20] == [20.0] * 59


def test_future_points_go_to_the_finest_archive(tmp_path: Path) -> None:
    path = new_file(tmp_path)
    assert update(path, [(NOW + 10, 4.0)], NOW).stored == 1
    assert values(path, 1, NOW + 10) == {NOW + 10: 4.0}


def test_writing_twice_changes_nothing(tmp_path: Path) -> None:
    path = new_file(tmp_path)
    points = [(NOW - age, float(age)) for age in range(0, 900, 7)]
    update(path, points, NOW)
    once = Path(path).read_bytes()
    update(path, points, NOW)
    assert Path(path).read_bytes() == once


@pytest.mark.parametrize(
    "damage",
    [b"", b"short", b"\0" * 100, b"\xff" * 100, None],
    ids=["empty", "short", "zeros", "ones", "truncated"],
)
def test_damage_is_seen_and_set_aside(tmp_path: Path, damage: bytes | None) -> None:
    path = Path(new_file(tmp_path))
    path.write_bytes(path.read_bytes()[:-1] if damage is None else damage)
    before = path.read_bytes()
    with pytest.raises(CorruptFile, match=r"a\.wsp: "):
        update(str(path), [(NOW, 1.0)], NOW)
    aside = Path(set_aside(str(path)))
    assert aside.name.startswith("a.wsp.corrupt-")
    assert aside.read_bytes() == before
    assert not path.exists()


def test_a_long_name_can_be_set_aside(tmp_path: Path) -> None:
    path = tmp_path / ("ü" * 125 + ".wsp")
    path.write_bytes(b"junk")
    assert Path(set_aside(str(path))).exists()


def test_no_half_made_file_is_left_when_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(whisper_unfinished, "write_all", full)
    with pytest.raises(OSError, match="No space"):
        create(str(tmp_path / "a" / "b.wsp"), RETENTIONS, "average", 0.0)
    assert os.listdir(tmp_path / "a") == []
