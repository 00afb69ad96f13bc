"""The write-ahead log: what goes in comes out, whatever is torn off its end."""

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
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import StoreError
from saltern_graphite import wal as wal_module
from saltern_graphite.wal import Wal
from saltern_graphite.wal_record import MAGIC, Record, decode, encode
from saltern_graphite.wal_segment import read_points

_point = st.tuples(
    st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=20),
    st.integers(1, 2**32 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
)


def record(*points: tuple[str, int, float]) -> bytes:
    """The bytes of a record that names every metric anew."""
    ids = np.arange(len(points), dtype=np.uint32)
    times = np.array([point[1] for point in points], np.uint32)
    values = np.array([point[2] for point in points], np.float64)
    return encode(Record(ids, times, values, ids, [point[0] for point in points]))


def points_of(found: Record) -> list[tuple[str, int, float]]:
    return list(zip(found.names, found.times.tolist(), found.values.tolist(), strict=True))


@given(st.lists(st.lists(_point, max_size=5), max_size=4))
def test_records_round_trip(batches: list[list[tuple[str, int, float]]]) -> None:
    data = MAGIC + b"".join(record(*batch) for batch in batches)
    read = list(decode(data))
    assert [points_of(found) for _, found in read] == batches
    assert not read or read[-1][0] == len(data)


def test_torn_anywhere_the_whole_records_before_remain() -> None:
    records = [record((f"metric.{n}", 1000 + n, n / 2)) for n in range(4)]
    ends = [len(MAGIC) + sum(map(len, records[: n + 1])) for n in range(4)]
    data = MAGIC + b"".join(records)
    for cut in range(len(data)):
        assert [end for end, _ in decode(data[:cut])] == [end for end in ends if end <= cut]


def test_a_flipped_bit_ends_the_reading_there() -> None:
    data = MAGIC + b"".join(record((f"m{n}", n + 1, 0.5)) for n in range(3))
    second = len(MAGIC) + len(record(("m0", 1, 0.5)))
    for place in range(second, second + 30):
        damaged = bytearray(data)
        damaged[place] ^= 1
        assert [found.names for _, found in decode(bytes(damaged))] == [["m0"]]


@pytest.fixture
def log_folder(tmp_path: Path) -> Iterator[Path]:
    return tmp_path / "log"


class Log:
    """A log that is given names, numbered in the order in which they are first used."""

    def __init__(self, folder: Path, **options: object) -> None:
        self.names: list[str] = []
        self.wal = Wal(str(folder), lambda numbers: [self.names[number] for number in numbers], **options)  # type: ignore[arg-type]  # passed through
        self.wal.open()

    def append(self, *points: tuple[str, int, float]) -> int:
        self.names += dict.fromkeys(name for name, _, _ in points if name not in self.names)
        ids = np.array([self.names.index(name) for name, _, _ in points], np.uint32)
        times = np.array([time for _, time, _ in points], np.uint32)
        return self.wal.append(ids, times, np.array([value for _, _, value in points], np.float64))

    def replayed(self) -> list[tuple[str, int, float]]:
        found = []
        for record in self.wal.replay():
            rows = zip(record.places.tolist(), record.times.tolist(), record.values.tolist(), strict=True)
            found += [(record.names[place], time, value) for place, time, value in rows]
        return found


def test_what_was_appended_is_there_after_reopening_until_released(log_folder: Path) -> None:
    first = Log(log_folder)
    assert first.append(("a", 1, 0.5), ("b", 2, 1.5)) == 1
    first.wal.close()
    second = Log(log_folder, fsync="always")
    assert second.replayed() == [("a", 1, 0.5), ("b", 2, 1.5)]
    assert second.append(("c", 3, 2.5)) == 2
    assert second.wal.releasable(second.wal.current)
    second.wal.release(second.wal.current)
    second.wal.close()
    third = Log(log_folder, fsync="never")
    assert third.replayed() == [("c", 3, 2.5)]
    third.wal.close()


def test_torn_tail_is_cut_and_told_once(log_folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = Log(log_folder)
    log.append(("a", 1, 1.0))
    log.append(("b", 2, 2.0))
    log.wal.close()
    path = log_folder / "0000000001.wal"
    whole = path.stat().st_size
    os.truncate(path, whole - 3)
    again = Log(log_folder)
    assert again.replayed() == [("a", 1, 1.0)]
    again.wal.close()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "damaged and cut off" in caplog.text
    caplog.clear()
    third = Log(log_folder)
    assert third.replayed() == [("a", 1, 1.0)]
    third.wal.close()
    assert caplog.records == []


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


def test_full_disk_raises_and_leaves_no_half_record(log_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(log_folder, fsync="never")
    log.append(("a", 1, 1.0))

    def half(fd: int, data: bytes) -> None:
        os.write(fd, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(wal_module, "write_all", half)
        with pytest.raises(StoreError, match="No space left"):
            log.append(("b", 2, 2.0))
    log.append(("c", 3, 3.0))
    log.wal.close()
    again = Log(log_folder)
    assert again.replayed() == [("a", 1, 1.0), ("c", 3, 3.0)]
    again.wal.close()


def test_two_processes_can_not_share_it(log_folder: Path) -> None:
    log = Log(log_folder)
    program = f"from saltern_graphite.wal import Wal\nWal({str(log_folder)!r}, lambda _: []).open()"
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "is in use" in other.stderr
    log.wal.close()


def test_a_folder_that_can_not_be_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"can't be used: Not a directory|File exists"):
        Wal(str(tmp_path / "file" / "log"), lambda _: []).open()


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


def test_a_name_costs_its_bytes_once_a_segment(log_folder: Path) -> None:
    log = Log(log_folder)
    log.append(("a" * 1000, 1, 1.0))
    before = log.wal.bytes
    log.append(("a" * 1000, 2, 1.0))
    assert log.wal.bytes - before < 40
    log.wal.close()


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != "lock")


def written(folder: Path, *points: tuple[str, int, float]) -> Path:
    """A segment with a record for each of *points*, and its path."""
    log = Log(folder)
    for point in points:
        log.append(point)
    log.wal.close()
    return folder / "0000000001.wal"


@pytest.mark.parametrize(
    ("head", "words"),
    [(b"SALTLOG3", "written by another version of saltern-graphite ('SALTLOG3'"), (b"SALTL\x00G2", "head is damaged")],
)
def test_a_segment_of_another_version_or_with_a_damaged_head_is_kept(
    log_folder: Path, caplog: pytest.LogCaptureFixture, head: bytes, words: str
) -> None:
    path = written(log_folder, ("a", 1, 1.0))
    data = head + path.read_bytes()[len(MAGIC) :]
    path.write_bytes(data)
    (log_folder / "0000000001.wal.unreadable-1").write_bytes(b"an earlier one")
    log = Log(log_folder)
    assert log.replayed() == []
    log.append(("b", 2, 2.0))
    log.wal.release(log.wal.current)
    log.wal.close()
    aside = log_folder / "0000000001.wal.unreadable-2"
    assert aside.read_bytes() == data
    assert (log_folder / "0000000001.wal.unreadable-1").read_bytes() == b"an earlier one"
    (told,) = [record.getMessage() for record in caplog.records]
    assert all(part in told for part in (str(path), str(aside), words))
    assert log.wal.unreadable.told().startswith("2 files of the log could not be read")
    caplog.clear()
    again = Log(log_folder)
    assert again.replayed() == [("b", 2, 2.0)]
    again.wal.close()
    assert caplog.records == []
    assert len(again.wal.unreadable.paths) == 2
    aside.unlink()
    again.wal.unreadable.look()
    assert "is kept, such as" in again.wal.unreadable.told()


def test_a_segment_that_can_not_be_renamed_stays_and_is_never_deleted(
    log_folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(log_folder, ("a", 1, 1.0))
    path.write_bytes(b"SALTLOG9" + path.read_bytes()[len(MAGIC) :])

    def denied(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "rename", denied)
    log = Log(log_folder)
    assert log.replayed() == []
    log.wal.release(log.wal.current)
    log.wal.unreadable.look()
    log.wal.close()
    assert path.exists()
    assert log.wal.unreadable.paths == [str(path)]
    assert "can't be renamed: Read-only file system" in caplog.text


def test_a_segment_damaged_in_the_middle_is_kept_once_its_points_are_stored(
    log_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = written(log_folder, ("a", 1, 1.0), ("b", 2, 2.0), ("c", 3, 3.0))
    data = bytearray(path.read_bytes())
    second = len(MAGIC) + len(record(("a", 1, 1.0)))
    for place in (second + 1, second + 20):  # of its length, so that it seems to be cut short; of its payload
        damaged = bytearray(data)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        caplog.clear()
        log = Log(log_folder)
        assert log.replayed() == [("a", 1, 1.0)]
        assert path.read_bytes() == damaged
        (told,) = [one.getMessage() for one in caplog.records]
        assert f"from byte {second} on are damaged" in told
        before = set(names_in(log_folder))
        log.wal.release(log.wal.current)
        log.wal.close()
        (aside,) = set(names_in(log_folder)) - before
        assert (log_folder / aside).read_bytes() == damaged
        assert aside in told
        assert not path.exists()


def test_zeros_behind_the_last_record_are_cut_off(log_folder: Path) -> None:
    path = written(log_folder, ("a", 1, 1.0))
    whole = path.read_bytes()
    path.write_bytes(whole + bytes(5000))  # the size was on the disk, what was in it was not
    log = Log(log_folder)
    assert log.replayed() == [("a", 1, 1.0)]
    log.wal.close()
    assert path.read_bytes() == whole


def test_a_head_that_was_cut_short_is_no_news(log_folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    log_folder.mkdir()
    (log_folder / "0000000001.wal").write_bytes(MAGIC[:3])
    (log_folder / "0000000002.wal").write_bytes(b"")
    log = Log(log_folder)
    assert log.replayed() == []
    log.wal.release(log.wal.current)
    log.wal.close()
    assert caplog.records == []
    assert names_in(log_folder) == ["0000000003.wal"]


def test_what_is_no_segment_of_ours_is_left_alone(log_folder: Path) -> None:
    log_folder.mkdir()
    others = ["1.wal", "\N{SUPERSCRIPT TWO}.wal", "notes.wal", "000000000x.wal"]
    for name in others:
        (log_folder / name).write_bytes(b"mine")
    log = Log(log_folder)
    assert log.replayed() == []
    log.wal.release(log.wal.current)
    log.wal.close()
    assert names_in(log_folder) == sorted([*others, "0000000001.wal"])


def columns(ids: list[int], new_ids: list[int], names: list[str]) -> bytes:
    """The bytes of a whole record of those numbers, which may not fit together."""
    times = np.ones(len(ids), np.uint32)
    return encode(
        Record(np.array(ids, np.uint32), times, times.astype(np.float64), np.array(new_ids, np.uint32), names)
    )


@pytest.mark.parametrize(
    "senseless",
    [
        columns([0], [0], []),
        columns([0], [0], ["a", "b"]),
        columns([0], [], ["a"]),
        columns([1], [0], ["a"]),
        columns([1], [2], ["a"]),
        columns([0], [2**32 - 1], ["a"]),
        columns([2**32 - 1], [0], ["a"]),
    ],
    ids=range(7),
)
def test_the_reading_ends_at_a_record_that_makes_no_sense(senseless: bytes) -> None:
    good = columns([0], [0], ["good"])
    assert [points.end for points in read_points(MAGIC + good + senseless + good)] == [len(MAGIC + good)]


def framed(payload: bytes) -> bytes:
    return struct.pack("<II", len(payload), zlib.crc32(payload)) + payload


_sound = st.lists(_point, max_size=3).map(lambda points: record(*points))
_odd = st.one_of(
    st.binary(max_size=60),
    st.binary(max_size=60).map(framed),  # of a record that makes no sense
    st.integers(0, 40).map(bytes),
    st.tuples(_sound, st.integers(0, 2**32 - 1)).map(lambda one: one[0][: one[1] % (len(one[0]) + 1)]),
)
_segment = st.tuples(
    st.sampled_from([MAGIC, MAGIC, MAGIC, b"", MAGIC[:4], b"SALTLOG1", b"SALTLOG9", b"\x00" * 8]),
    st.lists(st.one_of(_sound, _sound, _odd), max_size=5).map(b"".join),
).map(b"".join)


@given(st.lists(_segment, min_size=1, max_size=3))
def test_nothing_is_destroyed_that_could_not_be_read(segments: list[bytes]) -> None:
    """Whatever is in the log: it was read back, or is kept; or it is the torn end of the last record of all."""
    with tempfile.TemporaryDirectory() as folder:
        for number, data in enumerate(segments, start=1):
            Path(folder, f"{number:010d}.wal").write_bytes(data)
        log = Log(Path(folder))
        log.replayed()
        log.wal.release(log.wal.current)
        log.wal.close()
        for number, data in enumerate(segments, start=1):
            kept = Path(folder, f"{number:010d}.wal.unreadable-1")
            if kept.exists():
                assert kept.read_bytes() == data
                continue
            if MAGIC.startswith(data):
                continue
            assert data.startswith(MAGIC)
            *_, end = [len(MAGIC), *(points.end for points in read_points(data))]
            rest = data[end:]
            if any(rest):
                assert number == len(segments)
                assert len(rest) < 8 or struct.unpack_from("<I", rest)[0] > len(rest) - 8
                assert not any(list(decode(MAGIC + rest[place:])) for place in range(len(rest)))
