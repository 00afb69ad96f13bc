"""The write-ahead log: what goes in comes out, whatever is torn off, damaged or deleted."""

from __future__ import annotations

import errno
import os
import struct
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern.errors import StoreError
from saltern.segments import HEAD, Kind, Segment
from saltern_graphite.store.wal import mark as wal_mark
from saltern_graphite.store.wal import record as record_module
from saltern_graphite.store.wal import wal as wal_module
from saltern_graphite.store.wal.old import MAGIC, read_points
from saltern_graphite.store.wal.record import NamesBody, PointsBody, decode, encode_names, encode_points
from saltern_graphite.store.wal.wal import Place, Wal
from support.damage import damages
from support.descriptors import exhausted

Point = tuple[str, int, float]

_name = st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=20)
_point = st.tuples(_name, st.integers(1, 2**32 - 1), st.floats(allow_nan=False, allow_infinity=False))


@pytest.fixture
def log_folder(tmp_path: Path) -> Iterator[Path]:
    return tmp_path / "log"


class Log:
    """A log that is given names, numbered in the order in which they are first used."""

    def __init__(self, folder: Path, **options: object) -> None:
        self.names: list[str] = []
        self.wal = Wal(str(folder), lambda numbers: [self.names[number] for number in numbers], **options)  # type: ignore[arg-type]  # passed through
        self.why = self.wal.open()

    def append(self, *points: Point) -> Place:
        self.names += dict.fromkeys(name for name, _, _ in points if name not in self.names)
        ids = np.array([self.names.index(name) for name, _, _ in points], np.uint32)
        times = np.array([time for _, time, _ in points], np.uint32)
        return self.wal.append(ids, times, np.array([value for _, _, value in points], np.float64))

    def keep(self, name: str, time: int, value: float, width: int) -> None:
        self.names += [name] if name not in self.names else []
        columns = (np.array([one], np.uint32) for one in (self.names.index(name), time, width))
        number, times, widths = columns
        self.wal.append(number, times, np.array([value]), widths)

    def replayed(self) -> list[Point]:
        return [point for _, points in self.records() for point in points]

    def records(self) -> list[tuple[Place, list[Point]]]:
        found = []
        self.kept = []
        for place, record in self.wal.replay():
            rows = zip(record.places.tolist(), record.times.tolist(), record.values.tolist(), strict=True)
            points = [(record.names[place], time, value) for place, time, value in rows]
            if record.widths is None:
                found.append((place, points))
            else:
                self.kept += [(*point, width) for point, width in zip(points, record.widths.tolist(), strict=True)]
        return found


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != wal_mark.FILE)


def written(folder: Path, *points: Point) -> Path:
    """A segment with a record for each of *points*, and its path."""
    log = Log(folder)
    for point in points:
        log.append(point)
    log.wal.close()
    return folder / "0000000001.wal"


# the bodies


@given(st.lists(_point, max_size=5))
def test_bodies_round_trip(points: list[Point]) -> None:
    numbers = np.arange(len(points), dtype=np.uint32)
    times = np.array([point[1] for point in points], np.uint32)
    values = np.array([point[2] for point in points], np.float64)
    named = decode(encode_names(numbers, [name for name, _, _ in points]))
    assert isinstance(named, NamesBody)
    assert (named.numbers.tolist(), named.names) == (numbers.tolist(), [name for name, _, _ in points])
    for widths in (None, times):
        found = decode(encode_points(PointsBody(numbers, times, values, widths)))
        assert isinstance(found, PointsBody)
        assert [None if column is None else column.tolist() for column in found] == [
            None if column is None else column.tolist() for column in (numbers, times, values, widths)
        ]


@given(
    st.binary(max_size=60)
    | st.tuples(st.sampled_from(b"NPK"), st.binary(max_size=60)).map(lambda b: bytes([b[0]]) + b[1])
)
def test_a_body_that_makes_no_sense_is_none(body: bytes) -> None:
    found = decode(body)
    assert found is None or len(found.numbers) <= len(body)


# reading back


def test_what_was_appended_is_there_after_reopening_until_released(log_folder: Path) -> None:
    first = Log(log_folder)
    assert first.append(("a", 1, 0.5), ("b", 2, 1.5)) == (1, 0)
    first.wal.close()
    second = Log(log_folder, fsync="always")
    assert second.replayed() == [("a", 1, 0.5), ("b", 2, 1.5)]
    assert second.append(("c", 3, 2.5)).segment == 2
    assert second.wal.releasable(second.wal.current)
    second.wal.release(second.wal.current)
    second.wal.close()
    third = Log(log_folder, fsync="never")
    assert third.replayed() == [("c", 3, 2.5)]
    third.wal.close()


def test_torn_tail_is_cut_and_told_once(log_folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = written(log_folder, ("a", 1, 1.0), ("a", 2, 2.0))
    os.truncate(path, path.stat().st_size - 3)
    again = Log(log_folder)
    assert again.replayed() == [("a", 1, 1.0)]
    again.wal.close()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "torn and were cut" in caplog.text
    assert again.wal.lost == 0
    caplog.clear()
    third = Log(log_folder)
    assert third.replayed() == [("a", 1, 1.0)]
    third.wal.close()
    assert caplog.records == []


def test_zeros_behind_the_last_record_are_cut_off(log_folder: Path) -> None:
    path = written(log_folder, ("a", 1, 1.0))
    whole = path.read_bytes()
    path.write_bytes(whole + bytes(5000))  # the size was on the disk, what was in it was not
    log = Log(log_folder)
    assert log.replayed() == [("a", 1, 1.0)]
    log.wal.close()
    assert path.read_bytes() == whole


def test_rotates_by_size_and_counts_its_bytes(log_folder: Path) -> None:
    log = Log(log_folder, max_bytes=3200)
    log.wal.rotate()
    assert log.wal.current == 1
    log.append(*[("m", 1, 1.0)] * 100)
    assert not log.wal.full
    log.wal.rotate()
    assert log.wal.current == 2
    log.append(*[("m", 1, 1.0)] * 100)
    assert log.wal.full
    assert log.wal.bytes == sum(path.stat().st_size for path in log_folder.glob("*.wal"))
    log.wal.release(2)
    assert not log.wal.full
    assert [path.name for path in log_folder.glob("*.wal")] == ["0000000002.wal"]
    log.wal.close()


def test_many_names_are_packed_and_damage_to_them_is_seen() -> None:
    numbers, names = np.arange(500, dtype=np.uint32) + 7, [f"fleet.host{n // 50}.cpu.ü{n}" for n in range(500)]
    body = encode_names(numbers, names)
    assert len(body) < len("".join(names).encode()) / 2
    named = decode(body)
    assert isinstance(named, NamesBody)
    assert (named.numbers.tolist(), named.names) == (numbers.tolist(), names)
    for damaged in (
        body[:-1],
        body[:20],
        body[:5],
        body[:1] + b"\xff\xff\xff\xff" + body[5:],
        body[:9] + b"x" + body[10:],
    ):
        assert decode(damaged) is None


def test_no_record_of_names_unpacks_without_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_module, "_MOST_NAMES_BYTES", 10_000)
    numbers = np.arange(100, dtype=np.uint32)
    assert decode(encode_names(numbers, ["a" * 90] * 100)) is not None
    assert decode(encode_names(numbers, ["a" * 100] * 100)) is None


def test_every_segment_has_its_own_names(log_folder: Path) -> None:
    log = Log(log_folder, max_bytes=1)
    log.append(("a", 1, 1.0), ("b", 1, 2.0), ("a", 2, 3.0))
    log.append(("b", 2, 4.0))
    log.wal.rotate()
    log.append(("b", 3, 5.0), ("c", 3, 6.0))
    log.wal.release(2)
    log.wal.close()
    again = Log(log_folder)
    assert again.replayed() == [("b", 3, 5.0), ("c", 3, 6.0)]
    again.wal.close()


def test_a_name_costs_its_bytes_twice_a_segment(log_folder: Path) -> None:
    log = Log(log_folder)
    log.append(("a" * 1000, 1, 1.0))
    before = log.wal.bytes
    assert before < 2300
    log.append(("a" * 1000, 2, 1.0))
    assert log.wal.bytes - before < 50
    log.wal.close()


def test_two_processes_can_not_share_it(log_folder: Path) -> None:
    log = Log(log_folder)
    program = f"from saltern_graphite.store.wal.wal import Wal\nWal({str(log_folder)!r}, lambda _: []).open()"
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "is in use" in other.stderr
    log.wal.close()


def test_a_folder_that_can_never_be_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"can't be used: Not a directory|File exists"):
        Wal(str(tmp_path / "file" / "log"), lambda _: []).open()


def test_what_is_no_segment_of_ours_is_left_alone(log_folder: Path) -> None:
    log_folder.mkdir()
    others = ["1.wal", "\N{SUPERSCRIPT TWO}.wal", "notes.wal", "000000000x.wal", "lock"]
    for name in others:
        (log_folder / name).write_bytes(b"mine")
    log = Log(log_folder)
    assert log.replayed() == []
    log.wal.release(log.wal.current)
    log.wal.close()
    assert names_in(log_folder) == sorted([*others, "0000000001.wal"])


def test_a_head_that_was_cut_short_is_no_news(log_folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    log_folder.mkdir()
    (log_folder / "0000000001.wal").write_bytes(b"SAL")
    (log_folder / "0000000002.wal").write_bytes(b"")
    log = Log(log_folder)
    assert log.replayed() == []
    log.wal.release(log.wal.current)
    log.wal.close()
    assert [record.levelname for record in caplog.records if record.levelname == "ERROR"] == []
    assert names_in(log_folder) == ["0000000003.wal"]


# writes that fail


def test_full_disk_raises_and_leaves_no_half_record(log_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(log_folder, fsync="never")
    log.append(("a", 1, 1.0))

    def half(fd: int, data: memoryview) -> None:
        os.write(fd, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(wal_module, "write_all", half)
        with pytest.raises(StoreError, match="No space left"):
            log.append(("b", 2, 2.0))
    log.append(("b", 3, 3.0))  # its name was in what was cut off
    log.wal.close()
    assert names_in(log_folder) == ["0000000001.wal"]
    again = Log(log_folder)
    assert again.replayed() == [("a", 1, 1.0), ("b", 3, 3.0)]
    assert again.wal.lost == 0
    again.wal.close()


def test_a_full_disk_with_room_for_a_little_is_still_full(log_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(log_folder)
    log.append(("a", 1, 0.5))
    write_all = wal_module.write_all

    def short(fd: int, data: memoryview) -> None:
        write_all(fd, data[:500])
        if len(data) > 500:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(wal_module, "write_all", short)
        with pytest.raises(StoreError, match="No space"):
            log.append(*[("a", n, 1.0) for n in range(1, 101)])
        for _ in range(2):
            with pytest.raises(StoreError, match="No space"):
                log.wal.probe()
        log.append(("a", 2, 2.5))
    size = log.wal.bytes
    assert log.wal.refused > 1600
    log.wal.probe()
    assert log.wal.refused == 0
    assert log.wal.bytes < size + 200
    log.append(("a", 3, 3.5))
    log.wal.close()
    again = Log(log_folder)
    assert again.replayed() == [("a", 1, 0.5), ("a", 2, 2.5), ("a", 3, 3.5)]
    again.wal.close()


def test_what_can_not_even_be_cut_off_ends_the_segment(log_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(log_folder, fsync="never")
    log.append(("a", 1, 1.0))

    def half(fd: int, data: memoryview) -> None:
        os.write(fd, data[: len(data) // 2])
        raise OSError(errno.EIO, "Input/output error")

    def denied(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(wal_module, "write_all", half)
        patched.setattr(os, "ftruncate", denied)
        with pytest.raises(StoreError, match="Input/output error"):
            log.append(("a", 2, 2.0))
    assert log.append(("a", 3, 3.0)).segment == 2
    log.wal.close()
    again = Log(log_folder)
    assert again.replayed() == [("a", 1, 1.0), ("a", 3, 3.0)]
    again.wal.close()


def test_a_segment_that_failed_to_begin_and_could_not_be_removed_is_in_nobodys_way(
    log_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log(log_folder, fsync="never")

    def refused(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as patched:
        patched.setattr(wal_module, "write_all", refused)
        patched.setattr(os, "ftruncate", refused)
        patched.setattr(os, "unlink", refused)
        with pytest.raises(StoreError, match="Read-only file system"):
            log.append(("a", 1, 1.0))
    assert log.append(("a", 2, 2.0)).segment == 2
    (log_folder / "0000000003.wal").write_bytes(b"")  # what is left of a try to begin it
    monkeypatch.setattr(wal_module, "SEGMENT_AGE_S", 0.0)
    log.wal.rotate()
    assert log.append(("a", 3, 3.0)).segment == 4
    log.wal.release(2)
    assert names_in(log_folder) == ["0000000002.wal", "0000000003.wal", "0000000004.wal"]
    log.wal.close()
    again = Log(log_folder)
    assert again.replayed() == [("a", 2, 2.0), ("a", 3, 3.0)]
    assert (again.wal.gone, again.wal.lost) == (0, 0)
    again.wal.close()


class Disk:
    """``fdatasync`` of a disk that can be told to fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.broken = False
        self.synced: list[int] = []
        self._sync = os.fdatasync
        monkeypatch.setattr(os, "fdatasync", self.fdatasync)

    def fdatasync(self, fd: int) -> None:
        if self.broken:
            raise OSError(errno.EIO, "Input/output error")
        self.synced.append(os.fstat(fd).st_ino)
        self._sync(fd)


def test_a_sync_that_failed_is_never_covered_by_a_later_one(log_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(monkeypatch)
    log = Log(log_folder, fsync="always")
    log.append(("a", 1, 1.0))
    disk.broken = True
    for _ in range(3):
        with pytest.raises(StoreError, match="Input/output error"):
            log.append(("a", 2, 2.0))
    disk.broken = False
    assert log.append(("a", 3, 3.0)).segment == 2  # of the first it isn't known any more what the disk has
    log.wal.close()
    assert names_in(log_folder) == ["0000000001.wal", "0000000002.wal"]
    again = Log(log_folder)
    assert again.replayed() == [("a", 1, 1.0), ("a", 3, 3.0)]
    again.wal.close()


def test_after_a_sync_that_failed_nothing_is_acknowledged_without_one(
    log_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(wal_module, "SYNC_INTERVAL_S", 0.01)
    disk = Disk(monkeypatch)
    log = Log(log_folder)
    disk.broken = True
    log.append(("a", 1, 1.0))
    while log.wal.current == 1:  # until the thread that syncs has met it
        pass
    for _ in range(5):
        with pytest.raises(StoreError, match="Input/output error"):
            log.append(("a", 2, 2.0))
    disk.broken = False
    disk.synced.clear()
    log.append(("a", 3, 3.0))
    assert disk.synced == [(log_folder / "0000000002.wal").stat().st_ino]
    log.wal.close()
    told = [record.getMessage() for record in caplog.records]
    assert len([line for line in told if "can't be synced" in line]) == 1
    again = Log(log_folder)
    assert again.replayed() == [("a", 1, 1.0), ("a", 3, 3.0)]
    again.wal.close()


def test_a_folder_that_can_not_be_written_is_tried_again(log_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(log_folder, ("a", 1, 1.0))
    opened = os.open

    def read_only(path: str, flags: int, *more: int, **others: int) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            raise OSError(errno.EROFS, "Read-only file system", path)
        return opened(path, flags, *more, **others)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", read_only)
        log = Log(log_folder)
        assert "Read-only file system" in log.why
        assert log.replayed() == [("a", 1, 1.0)]
        with pytest.raises(StoreError, match="Read-only file system"):
            log.append(("b", 2, 2.0))
    assert log.append(("b", 3, 3.0)).segment == 2
    log.wal.close()


def test_a_folder_that_vanishes_is_made_again(log_folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = Log(log_folder)
    log.append(("a", 1, 1.0))
    log_folder.rename(log_folder.with_name("moved"))
    log.wal.rotate()
    log.append(("a", 2, 2.0))
    log.wal.close()
    assert "is gone" in caplog.text
    again = Log(log_folder)
    assert again.replayed() == [("a", 2, 2.0)]
    again.wal.close()


# how far it is written


def test_what_was_in_files_is_not_read_back(log_folder: Path) -> None:
    log = Log(log_folder)
    log.append(("a", 1, 1.0))
    log.wal.written(log.wal.end)
    end = log.append(("a", 2, 2.0))
    assert log.wal.written(end) == end
    log.append(("a", 3, 3.0))
    log.wal.close()
    again = Log(log_folder)
    assert again.replayed() == [("a", 2, 2.0), ("a", 3, 3.0)]
    again.wal.close()


def test_after_a_start_of_the_host_all_is_read_back(log_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel may not have written the files before the power was cut."""
    log = Log(log_folder)
    log.append(("a", 1, 1.0))
    log.wal.written(log.wal.end)
    log.wal.close()
    monkeypatch.setattr(wal_mark, "boot_id", lambda: "another")
    again = Log(log_folder)
    assert again.replayed() == [("a", 1, 1.0)]
    again.wal.close()


def test_a_damaged_mark_has_all_read_back(log_folder: Path) -> None:
    log = Log(log_folder)
    log.append(("a", 1, 1.0))
    log.wal.written(log.wal.end)
    log.wal.close()
    mark = log_folder / wal_mark.FILE
    good = mark.read_bytes()
    for place in range(len(good)):
        mark.write_bytes(good[:place] + b"7" + good[place + 1 :])
        if mark.read_bytes() == good:
            continue
        again = Log(log_folder)
        assert again.replayed() == [("a", 1, 1.0)]
        again.wal.close()


def test_late_points_are_kept_whatever_is_written(log_folder: Path) -> None:
    log = Log(log_folder)
    log.append(("a", 1, 1.0))
    log.keep("a", 1, 1.0, 10)
    log.wal.written(log.wal.end)
    log.wal.close()
    again = Log(log_folder)
    assert again.replayed() == []
    assert again.kept == [("a", 1, 1.0, 10)]
    again.wal.close()


# damage


def test_a_segment_of_another_version_or_with_a_damaged_head_is_kept(
    log_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for places, words in (((7,), "it is of version"), ((2, 25), "head is damaged"), ((12, 25), "head is damaged")):
        caplog.clear()
        path = written(log_folder, ("a", 1, 1.0))
        data = bytearray(path.read_bytes())
        for place in places:
            data[place] ^= 1
        path.write_bytes(data)
        log = Log(log_folder)
        assert log.replayed() == []
        log.append(("b", 2, 2.0))
        log.wal.release(log.wal.current)
        assert log.wal.unreadable.told().startswith("a file of the log could not be read")
        log.wal.close()
        aside = log_folder / "0000000001.wal.unreadable"
        assert aside.read_bytes() == data
        (told,) = [record.getMessage() for record in caplog.records]
        assert all(part in told for part in (str(path), aside.name, words))
        for path in log_folder.iterdir():
            path.unlink()
        log.wal.unreadable.look()
        assert log.wal.unreadable.told() == ""


def test_a_segment_that_can_not_be_renamed_stays_and_is_never_deleted(
    log_folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(log_folder, ("a", 1, 1.0))
    path.write_bytes(b"SALTLOG9" + path.read_bytes()[8:])

    def denied(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "rename", denied)
    log = Log(log_folder)
    assert log.replayed() == []
    log.wal.release(log.wal.current)
    log.wal.close()
    assert path.exists()
    assert "can't be renamed: Read-only file system" in caplog.text


def test_what_can_not_be_opened_is_set_aside_and_keeps_nobody_from_the_log(log_folder: Path) -> None:
    (log_folder / "0000000003.wal").mkdir(parents=True)
    log = Log(log_folder)
    assert log.replayed() == []
    assert log.append(("a", 1, 1.0)).segment == 4
    log.wal.close()
    assert (log_folder / "0000000003.wal.unreadable").is_dir()


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE, errno.ENOMEM])
def test_a_segment_that_this_process_can_not_open_at_present_is_read_later(
    log_folder: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    for n in (1, 2):
        log = Log(log_folder)
        log.append(("a", n, 1.0))
        log.wal.close()
    look, second = Segment.look, "0000000002.wal"

    def refused(kind: Kind, path: str) -> Segment | None:
        if path.endswith(second):
            raise OSError(code, os.strerror(code), path)
        return look(kind, path)

    with monkeypatch.context() as patched:
        patched.setattr(Segment, "look", refused)
        log = Log(log_folder)
        assert os.strerror(code) in log.why
        assert log.replayed() == []
        assert log.wal.lost == 0
    assert log.append(("a", 3, 1.0)).segment > 2
    log.wal.written(log.wal.end)  # not so: the earlier ones are in no file yet
    log.wal.close()
    log = Log(log_folder)
    assert log.replayed() == [("a", 1, 1.0), ("a", 2, 1.0), ("a", 3, 1.0)]
    assert (log.wal.gone, log.wal.lost) == (0, 0)
    assert not log.wal.unreadable.paths
    log.wal.close()


def test_a_segment_that_may_not_be_read_just_now_is_neither_set_aside_nor_passed_over(
    log_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    for n in (1, 2, 3):
        written(log_folder, ("a", n, 1.0))
    look = Segment.look

    def refused(kind: Kind, path: str) -> Segment | None:
        if path.endswith("0000000002.wal"):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES), path)
        return look(kind, path)

    with monkeypatch.context() as patched:
        patched.setattr(Segment, "look", refused)
        log = Log(log_folder)
        assert log.why == ""
        assert log.replayed() == [("a", 1, 1.0)]
        assert log.replayed() == []
    assert log.wal.unread
    assert "0000000002.wal can't be read just now: Permission denied" in log.wal.unread_why
    log.append(("a", 4, 1.0))  # what comes is taken all the same
    log.wal.written(log.wal.end)
    log.wal.release(log.wal.current)
    # What came since may be in files already: it comes once more, lest an older value is written over a newer one.
    assert log.replayed() == [("a", 2, 1.0), ("a", 3, 1.0), ("a", 4, 1.0)]
    assert (log.wal.unread, log.wal.unread_why) == (False, "")
    assert log.replayed() == []
    assert (log.wal.gone, log.wal.lost, log.wal.unreadable.paths) == (0, 0, [])
    assert caplog.text.count("can't be read just now") == 1
    assert "all of it could be read" in caplog.text
    log.wal.close()


def test_a_log_is_read_back_once_there_are_descriptors_again(log_folder: Path) -> None:
    for n in (1, 2):
        written(log_folder, ("a", n, 1.0))
    log = Log(log_folder)
    with exhausted():
        assert log.replayed() == []
    assert log.wal.unread
    log.wal.release(log.wal.current)
    assert log.replayed() == [("a", 1, 1.0), ("a", 2, 1.0)]
    assert (log.wal.lost, log.wal.unreadable.paths) == (0, [])
    log.wal.close()


def test_what_damage_took_is_counted_once_though_it_took_two_tries_to_read(
    log_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log(log_folder)
    for n in range(1, 5):
        log.append(("a", n, 1.0))
    log.wal.close()
    path = log_folder / "0000000001.wal"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    pread, reads = os.pread, 0

    def failing(fd: int, size: int, at: int) -> bytes:
        nonlocal reads
        if at > len(data) * 3 // 4:
            reads += 1
            raise OSError(errno.ENOMEM, "Cannot allocate memory")
        return pread(fd, size, at)

    with monkeypatch.context() as patched:
        log = Log(log_folder)
        patched.setattr(os, "pread", failing)
        left = log.replayed()
        assert log.wal.unread
    assert reads
    left += log.replayed()
    assert len(set(left)) == len(left)
    assert len(left) + log.wal.lost == 4
    assert len(left) >= 2
    log.wal.close()


def test_a_stray_file_with_a_huge_number_costs_neither_time_nor_memory(
    log_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    written(log_folder, ("a", 1, 1.0))
    (log_folder / "4000000000.wal").write_bytes(b"")
    (log_folder / wal_mark.FILE).unlink(missing_ok=True)
    log = Log(log_folder)
    assert log.replayed() == [("a", 1, 1.0)]
    assert log.wal.gone == 4_000_000_000 - 2
    assert "the first is 0000000002.wal" in caplog.text
    log.wal.close()


def test_a_segment_read_while_nothing_could_be_written_is_deleted_when_its_time_has_come(
    log_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(log_folder, ("a", 1, 1.0))
    opened = os.open

    def read_only(path: str, flags: int, *more: int, **others: int) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            raise OSError(errno.EROFS, "Read-only file system", path)
        return opened(path, flags, *more, **others)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", read_only)
        log = Log(log_folder)
        assert log.replayed() == [("a", 1, 1.0)]
    log.append(("b", 3, 3.0))
    log.wal.release(log.wal.current)
    log.wal.close()
    assert not path.exists()
    assert names_in(log_folder) == ["0000000002.wal"]


@given(
    st.lists(st.lists(_point, min_size=1, max_size=4), min_size=1, max_size=8), st.integers(0, 10_000), st.booleans()
)
@settings(max_examples=100, deadline=None)
def test_eight_flipped_bytes_cost_the_records_that_they_touch(
    batches: list[list[Point]], at: int, marked: bool
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = Log(folder)
        spans = []
        for batch in batches:
            start = log.wal.bytes or HEAD.size
            log.append(*batch)
            spans.append((start, log.wal.bytes))
        if marked:
            log.wal._looks.add(Place(1, 0), 0)
            log.wal.written(Place(1, 0))
        log.wal.close()
        path = folder / "0000000001.wal"
        data = path.read_bytes()
        at = HEAD.size + at % max(len(data) - HEAD.size - 7, 1)
        path.write_bytes(data[:at] + bytes(byte ^ 255 for byte in data[at : at + 8]) + data[at + 8 :])
        again = Log(folder)
        records = again.records()
        again.wal.close()
        hit = {n for n, (start, end) in enumerate(spans) if start < at + 8 and at < end}
        read = [points for _, points in records]
        whole = [batch for n, batch in enumerate(batches) if n not in hit]
        assert all(batch in read for batch in whole)
        assert all(points in batches for points in read)
        lost = sum(map(len, batches)) - sum(map(len, read))
        assert lost <= sum(len(batches[n]) for n in hit)
        if marked:
            assert again.wal.lost >= lost  # a damaged copy of names looks like points
        rest = iter(batches)
        assert all(points in rest for points in read)  # in order


@given(
    st.lists(st.lists(st.lists(_point, min_size=1, max_size=3), min_size=1, max_size=4), min_size=1, max_size=3),
    damages,
)
@settings(max_examples=100, deadline=None)
def test_damage_never_makes_up_a_point_nor_raises(segments: list[list[list[Point]]], damage: object) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = Log(folder, max_bytes=1)
        for batches in segments:
            for batch in batches:
                log.append(*batch)
            log.wal.rotate()
        log.wal.close()
        sent = [point for batches in segments for batch in batches for point in batch]
        damage.do(sorted(folder.glob("*.wal"))[: len(segments)])  # type: ignore[attr-defined]  # a strategy's
        again = Log(folder)
        read = again.replayed()
        again.wal.release(again.wal.current)
        again.wal.close()
        rest = iter(sent)
        assert all(point in rest for point in read)  # in order, and none that was not there


def test_points_lost_are_counted_exactly_where_the_mark_knows_them(log_folder: Path) -> None:
    log = Log(log_folder)
    for n in range(20):
        log.append(("m", n + 1, float(n)))
        if n == 4:
            log.wal.written(log.wal.end)
            done = log.wal.end
    log.wal.written(done)
    log.wal.close()
    path = log_folder / "0000000001.wal"
    data = bytearray(path.read_bytes())
    data[400:408] = b"\xff" * 8
    path.write_bytes(data)
    again = Log(log_folder)
    read = again.replayed()
    again.wal.close()
    assert len(read) in (13, 14)
    assert again.wal.lost == 15 - len(read)
    assert list(log_folder.glob("*.damaged-*"))


def test_segments_deleted_while_stopped_are_missed(log_folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    for gone in (1, 2, 3):
        log = Log(log_folder, max_bytes=1)
        log.wal.written(log.wal.end)
        start = log.wal.current
        for n in range(3):
            log.append(*[("m", n + 1, 1.0)] * (n + 1))
            if n < 2:
                log.wal.rotate()
        log.wal.written(Place(start, 0))
        log.wal.close()
        (log_folder / f"{start + gone - 1:010d}.wal").unlink()
        caplog.clear()
        again = Log(log_folder)
        assert {time for _, time, _ in again.replayed()} == {1, 2, 3} - {gone}
        assert again.wal.lost == gone
        assert again.wal.gone == 1
        assert f"{start + gone - 1:010d}.wal" in caplog.text
        assert again.wal.current > start + 2  # no number has two meanings
        again.wal.written(again.wal.end)
        again.wal.release(again.wal.current)
        again.wal.close()
        caplog.clear()
        third = Log(log_folder)
        assert third.replayed() == []
        assert (third.wal.gone, third.wal.lost) == (0, 0)
        third.wal.close()
        for path in log_folder.iterdir():
            path.unlink()


# what earlier versions wrote


def old_record(*points: Point) -> bytes:
    """The bytes of a record that names every metric anew."""
    count = len(points)
    ids = np.arange(count, dtype="<u4").tobytes()
    times = np.array([time for _, time, _ in points], "<u4").tobytes()
    values = np.array([value for _, _, value in points], "<f8").tobytes()
    names = "\n".join(name for name, _, _ in points).encode()
    payload = struct.pack("<II", count, count) + ids + times + values + ids + names
    return struct.pack("<II", len(payload), zlib.crc32(payload)) + payload


def test_segments_of_an_earlier_version_are_read_back(log_folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    log_folder.mkdir()
    whole = MAGIC + old_record(("a", 1, 1.0), ("b", 2, 2.0)) + old_record(("c", 3, 3.0))
    damaged = whole + b"\xff" * 40
    (log_folder / "0000000004.wal").write_bytes(whole)
    (log_folder / "0000000005.wal").write_bytes(damaged)
    log = Log(log_folder)
    assert log.replayed() == [("a", 1, 1.0), ("b", 2, 2.0), ("c", 3, 3.0)] * 2
    assert log.append(("d", 4, 4.0)).segment == 6
    log.wal.release(log.wal.current)
    log.wal.close()
    assert names_in(log_folder) == ["0000000005.wal.unreadable", "0000000006.wal"]
    assert (log_folder / "0000000005.wal.unreadable").read_bytes() == damaged


@given(
    st.lists(st.lists(_point, min_size=1, max_size=3).map(lambda points: old_record(*points)), max_size=3),
    st.binary(max_size=60),
)
def test_old_bytes_never_raise(records: list[bytes], rest: bytes) -> None:
    read = list(read_points(MAGIC + b"".join(records) + rest))
    assert [end for end, _ in read][: len(records)] == [
        len(MAGIC) + sum(map(len, records[: n + 1])) for n in range(len(records))
    ]
