"""The write-ahead log: what goes in comes out, whatever is torn off its end."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import StoreError
from saltern_graphite import wal as wal_module
from saltern_graphite.wal import Wal
from saltern_graphite.wal_record import MAGIC, decode, encode

_point = st.tuples(
    st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=20),
    st.integers(1, 2**32 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
)


def columns(points: list[tuple[str, int, float]]) -> tuple[list[str], list[int], list[float]]:
    return [p[0] for p in points], [p[1] for p in points], [p[2] for p in points]


@given(st.lists(st.lists(_point, max_size=5), max_size=4))
def test_records_round_trip(batches: list[list[tuple[str, int, float]]]) -> None:
    data = MAGIC + b"".join(encode(*columns(batch)) for batch in batches)
    read = list(decode(data))
    assert [points for _, points in read] == [columns(batch) for batch in batches]
    assert not read or read[-1][0] == len(data)


def test_torn_anywhere_the_whole_records_before_remain() -> None:
    records = [encode([f"metric.{n}"], [1000 + n], [n / 2]) for n in range(4)]
    ends = [len(MAGIC) + sum(map(len, records[: n + 1])) for n in range(4)]
    data = MAGIC + b"".join(records)
    for cut in range(len(data)):
        assert [end for end, _ in decode(data[:cut])] == [end for end in ends if end <= cut]


def test_a_flipped_bit_ends_the_reading_there() -> None:
    data = MAGIC + b"".join(encode([f"m{n}"], [n + 1], [0.5]) for n in range(3))
    second = len(MAGIC) + len(encode(["m0"], [1], [0.5]))
    for place in range(second, second + 30):
        damaged = bytearray(data)
        damaged[place] ^= 1
        assert [points[0] for _, points in decode(bytes(damaged))] == [["m0"]]


@pytest.fixture
def log_folder(tmp_path: Path) -> Iterator[Path]:
    return tmp_path / "log"


def opened(folder: Path, **options: object) -> Wal:
    log = Wal(str(folder), **options)  # type: ignore[arg-type]  # passed through as they are
    log.open()
    return log


def replayed(log: Wal) -> list[tuple[str, int, float]]:
    return [row for _, points in log.replay() for row in zip(*points, strict=True)]


def test_what_was_appended_is_there_after_reopening_until_released(log_folder: Path) -> None:
    first = opened(log_folder)
    assert first.append(["a", "b"], [1, 2], [0.5, 1.5]) == 1
    first.close()
    second = opened(log_folder, fsync="always")
    assert replayed(second) == [("a", 1, 0.5), ("b", 2, 1.5)]
    assert second.append(["c"], [3], [2.5]) == 2
    assert second.releasable(second.current)
    second.release(second.current)
    second.close()
    third = opened(log_folder, fsync="never")
    assert replayed(third) == [("c", 3, 2.5)]
    third.close()


def test_torn_tail_is_cut_and_told_once(log_folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = opened(log_folder)
    log.append(["a"], [1], [1.0])
    log.append(["b"], [2], [2.0])
    log.close()
    path = log_folder / "0000000001.wal"
    whole = path.stat().st_size
    os.truncate(path, whole - 3)
    again = opened(log_folder)
    assert replayed(again) == [("a", 1, 1.0)]
    again.close()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "damaged and cut off" in caplog.text
    caplog.clear()
    third = opened(log_folder)
    assert replayed(third) == [("a", 1, 1.0)]
    third.close()
    assert caplog.records == []


def test_rotates_by_size_and_counts_its_bytes(log_folder: Path) -> None:
    log = opened(log_folder, max_bytes=3600)
    log.rotate()
    assert log.current == 1
    log.append(["m"] * 100, [1] * 100, [1.0] * 100)
    assert not log.full
    log.rotate()
    assert log.current == 2
    log.append(["m"] * 100, [1] * 100, [1.0] * 100)
    assert log.full
    assert log.bytes == sum(path.stat().st_size for path in log_folder.glob("*.wal"))
    log.release(2)
    assert not log.full
    assert [path.name for path in log_folder.glob("*.wal")] == ["0000000002.wal"]
    log.close()


def test_full_disk_raises_and_leaves_no_half_record(log_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = opened(log_folder, fsync="never")
    log.append(["a"], [1], [1.0])

    def half(fd: int, data: bytes) -> None:
        os.write(fd, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(wal_module, "write_all", half)
        with pytest.raises(StoreError, match="No space left"):
            log.append(["b"], [2], [2.0])
    log.append(["c"], [3], [3.0])
    log.close()
    again = opened(log_folder)
    assert replayed(again) == [("a", 1, 1.0), ("c", 3, 3.0)]
    again.close()


def test_two_processes_can_not_share_it(log_folder: Path) -> None:
    log = opened(log_folder)
    program = f"from saltern_graphite.wal import Wal\nWal({str(log_folder)!r}).open()"
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "is in use" in other.stderr
    log.close()


def test_a_folder_that_can_not_be_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"can't be used: Not a directory|File exists"):
        Wal(str(tmp_path / "file" / "log")).open()
