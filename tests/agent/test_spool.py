"""The spool keeps what it was given, in order, through restarts, torn ends and bounds."""

from __future__ import annotations

import errno
import os
import shutil
import struct
import tempfile
from binascii import crc32
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from saltern.errors import JournalError
from saltern.segments import HEAD, RECORD
from saltern_agent.origin import Origin
from saltern_agent.spool import Spool
from saltern_agent.spool_record import (
    FORMER,
    HEAD_BYTES,
    KIND,
    WITH_BEFORE,
    WITH_FORMER,
    WITH_ORIGIN,
    Before,
    Record,
    Segment,
)
from support.damage import Damage, damages, spans
from support.descriptors import exhausted

DAY_S = 86400.0
MIB = 1024 * 1024


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def take_all(spool: Spool) -> list[Record]:
    taken = []
    while (record := spool.peek()) is not None:
        taken.append(record)
        spool.advance()
    return taken


def segments(folder: Path) -> list[Path]:
    """Return the files that hold something; one that was emptied stays, to be used again."""
    return sorted(path for path in folder.glob("*.seg") if path.stat().st_size)


def test_reads_in_order_and_forgets_what_is_acknowledged(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), MIB, DAY_S)
    for seq in range(1, 6):
        spool.append(seq, b"x%d" % seq)
    assert [record.frame for record in take_all(spool)] == [b"x1", b"x2", b"x3", b"x4", b"x5"]
    spool.ack(3)
    assert spool.pending == 2
    spool.rewind()
    assert [record.seq for record in take_all(spool)] == [4, 5]
    spool.ack(5)
    assert spool.pending == spool.size == 0
    assert segments(tmp_path) == []
    spool.close()


def test_survives_a_restart(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), MIB, DAY_S)
    for seq in range(10, 20):
        spool.append(seq, bytes([seq]) * 100)
    take_all(spool)
    spool.ack(13)
    spool.close()  # which writes nothing: as if killed
    again = Spool(str(tmp_path), MIB, DAY_S)
    assert again.acked == 13
    assert again.last_seq == 19
    assert again.pending == 6
    assert [record.seq for record in take_all(again)] == list(range(14, 20))
    again.close()


@pytest.mark.parametrize("count", [20, 60])
def test_an_empty_last_segment_has_nothing_sent_again_nor_counted_twice(tmp_path: Path, count: int) -> None:
    """It was made, and the agent was killed before its record was written."""
    filled(tmp_path, [b"x" * 50] * count).close()
    spool = Spool(str(tmp_path), MIB, DAY_S)
    for _ in range(count // 2):
        assert spool.peek() is not None
        spool.advance()
    spool.ack(count // 2)
    spool.close()
    (tmp_path / f"{count + 1:020d}.seg").touch()
    again = Spool(str(tmp_path), MIB, DAY_S)
    assert [record.seq for record in take_all(again)] == list(range(count // 2 + 1, count + 1))
    assert again.pending == count - count // 2
    again.ack(count)
    assert (again.pending, again.size, again.dropped) == (0, 0, 0)
    again.close()


def test_what_is_done_with_is_passed_over_wherever_reading_starts(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), MIB, DAY_S)
    for seq in range(1, 6):
        spool.append(seq, b"x")
    take_all(spool)
    spool.ack(3)
    spool.close()
    again = Spool(str(tmp_path), MIB, DAY_S)
    again._read_from(again._segments[0], 0, 0)
    assert [record.seq for record in take_all(again)] == [4, 5]
    again.ack(5)
    assert (again.pending, again.size) == (0, 0)
    again.close()


def test_a_torn_end_is_cut(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spool = Spool(str(tmp_path), MIB, DAY_S)
    spool.append(1, b"whole")
    spool.append(2, b"torn record")
    spool.close()
    (path,) = segments(tmp_path)
    for cut in (1, 5, HEAD_BYTES + len(b"torn record") + RECORD.size - 1):
        data = path.read_bytes()
        os.truncate(path, path.stat().st_size - cut)
        again = Spool(str(tmp_path), MIB, DAY_S)
        assert [record.frame for record in take_all(again)] == [b"whole"]
        assert path.stat().st_size == HEAD.size + RECORD.size + HEAD_BYTES + len(b"whole")
        assert again.dropped == 0
        again.append(3, b"after")
        assert [record.seq for record in take_all(again)] == [3]
        again.close()
        for other in segments(tmp_path)[1:]:
            other.unlink()
        path.write_bytes(data)
    assert caplog.text.count("are torn and were cut") == 3


def flip(path: Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), MIB, DAY_S)
    for seq in range(1, 7):
        spool.append(seq, b"abcdef")
    (path,) = segments(tmp_path)
    at = spans([HEAD_BYTES + 6] * 6)
    flip(path, at[1][1] - 1)
    damaged = path.read_bytes()[slice(*at[1])]
    assert [record.seq for record in take_all(spool)] == [1, 3, 4, 5, 6]
    assert (spool.dropped, spool.pending) == (1, 5)
    assert (tmp_path / f"{path.name}.damaged-{at[1][0]}").read_bytes() == damaged
    spool.append(7, b"goes on")
    assert [record.seq for record in take_all(spool)] == [7]
    # Reading again passes the same place, which counts no more; what was lost since does.
    flip(path, at[2][0])
    flip(path, at[5][0])
    spool.ack(1)
    spool.rewind()
    assert [record.seq for record in take_all(spool)] == [4, 5, 7]
    assert (spool.dropped, spool.pending) == (3, 3)
    spool.ack(7)
    assert (spool.pending, spool.size) == (0, 0)
    spool.close()


def test_damage_at_the_end_is_counted_and_new_messages_come_behind_it(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), MIB, DAY_S)
    for seq in (1, 2, 3):
        spool.append(seq, b"abcdef")
    (path,) = segments(tmp_path)
    flip(path, spans([HEAD_BYTES + 6] * 3)[1][0])
    flip(path, spans([HEAD_BYTES + 6] * 3)[2][0])
    assert [record.seq for record in take_all(spool)] == [1]
    assert (spool.dropped, spool.pending) == (2, 1)
    spool.append(4, b"goes on")
    assert [record.seq for record in take_all(spool)] == [4]
    spool.ack(4)
    assert (spool.pending, spool.size) == (0, 0)
    spool.close()


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("acked", [0, 1, 2])
def test_damage_over_one_that_was_sent_and_the_next_costs_the_next(tmp_path: Path, acked: int, again: bool) -> None:
    spool = Spool(str(tmp_path), MIB, DAY_S)
    for seq in range(1, 7):
        spool.append(seq, b"x" * 50)
    for _ in (1, 2):
        assert spool.peek() is not None
        spool.advance()
    (path,) = segments(tmp_path)
    at = spans([HEAD_BYTES + 50] * 6)[2][0]
    data = bytearray(path.read_bytes())
    data[at - 4 : at + 4] = b"\xff" * 8
    path.write_bytes(data)
    spool.ack(acked)
    assert [record.seq for record in take_all(spool)] == [4, 5, 6]
    assert (spool.dropped, spool.pending) == (1, 5 - acked)
    if again:  # the second can't be sent again, either
        lost = int(acked < 2)
        for _ in (1, 2):
            spool.rewind()
            assert [record.seq for record in take_all(spool)] == [1, 4, 5, 6][min(acked, 1) :]
            assert (spool.dropped, spool.pending) == (1 + lost, 5 - acked - lost)
    spool.ack(6)
    assert (spool.pending, spool.size, segments(tmp_path)) == (0, 0, [])
    spool.close()


def test_a_file_that_is_gone_is_counted(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), MIB, DAY_S)
    spool.append(1, b"x")
    spool.rewind()
    segments(tmp_path)[0].unlink()
    assert take_all(spool) == []
    assert (spool.dropped, spool.pending) == (1, 0)
    spool.close()


def test_a_file_that_can_not_be_opened_now_is_read_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(str(tmp_path), MIB, DAY_S)
    spool.append(1, b"x")
    spool.rewind()

    def too_many(*_: object) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "open", too_many)
    assert spool.peek() is None
    monkeypatch.undo()
    assert take_all(spool) == [Record(1, b"x")]
    assert spool.dropped == 0
    spool.close()


def test_a_disk_that_can_not_be_read_costs_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(str(tmp_path), MIB, DAY_S)
    spool.append(1, b"x")
    spool.rewind()
    (path,) = segments(tmp_path)

    def broken(*_: object) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "pread", broken)
    assert spool.peek() is None
    monkeypatch.undo()
    assert (spool.dropped, spool.pending) == (1, 0)
    spool.append(2, b"y")
    assert take_all(spool) == [Record(2, b"y")]
    assert path.with_name(path.name + ".unreadable").exists()
    spool.close()


def filled(folder: Path, frames: list[bytes]) -> Spool:
    spool = Spool(str(folder), MIB, DAY_S)
    spool._segment_bytes = 600
    for seq, frame in enumerate(frames, 1):
        spool.append(seq, frame)
    spool.rewind()  # nothing of it is in memory
    return spool


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=20), damages, st.booleans())
@settings(max_examples=200, deadline=None)
def test_any_damage_costs_what_it_touches(frames: list[bytes], damage: Damage, running: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spool = filled(folder, frames)
        laid = [(segment.path, segment.next_number) for segment in spool._segments]
        if not running:
            spool.close()
        hit_path, first, last = damage.do(segments(folder))
        damaged = hit_path.read_bytes()
        if not running:
            spool = Spool(name, MIB, DAY_S)
        expected, seq = [], 1
        for path, count in laid:
            mine = frames[seq - 1 : seq - 1 + count]
            at = spans([HEAD_BYTES + len(frame) for frame in mine])
            for frame, (start, end) in zip(mine, at, strict=True):
                # A head is read once, when the spool is opened.
                hit = str(hit_path) == path and (
                    (0 <= first < HEAD.size and not running and list(folder.glob("*.unreadable")) != [])
                    or (start <= last and first < end and first >= 0)
                )
                if not hit:
                    expected.append(Record(seq, frame))
                seq += 1
        spool.append(100, b"after")
        assert take_all(spool) == [*expected, Record(100, b"after")]
        lost = len(frames) - len(expected)
        assert spool.pending == len(expected) + 1
        assert spool.dropped == lost if running else spool.dropped <= max(lost, int(0 <= first < HEAD.size))
        if lost and damage.data.strip(b"\0"):
            assert spool.dropped > 0
            assert damaged[first : last + 1] in b"".join(path.read_bytes() for path in folder.iterdir())
        # It is read again, and goes, like any other.
        spool.rewind()
        assert take_all(spool) == [*expected, Record(100, b"after")]
        spool.ack(100)
        assert (spool.pending, spool.size, segments(folder)) == (0, 0, [])
        spool.close()


def test_a_segment_of_another_version_is_set_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spool = filled(tmp_path, [b"x" * 100] * 12)
    spool.close()
    path = segments(tmp_path)[1]
    data = path.read_bytes()
    path.write_bytes(data[:7] + b"\x09" + data[8:])
    again = Spool(str(tmp_path), MIB, DAY_S)
    assert 0 < len(take_all(again)) < 12
    assert (again.unreadable, again.dropped) == (1, 1)
    assert path.with_name(path.name + ".unreadable").read_bytes() == data[:7] + b"\x09" + data[8:]
    assert caplog.text.count("it is of version 9, and this program knows 2: set aside") == 1
    again.close()


def test_a_spool_of_before_is_read(tmp_path: Path) -> None:
    laid = []
    for seq in range(1, 11):
        body = seq.to_bytes(8, "little") + b"x%d" % seq
        laid.append(struct.pack("<II", len(body) - 8, crc32(body)) + body)
    (tmp_path / f"{1:020d}.seg").write_bytes(b"".join(laid[:6]))
    (tmp_path / f"{7:020d}.seg").write_bytes(b"".join(laid[6:]))
    packed = (2).to_bytes(8, "little")
    (tmp_path / "cursor").write_bytes(packed + crc32(packed).to_bytes(4, "little"))
    spool = Spool(str(tmp_path), MIB, DAY_S)
    spool.append(11, b"x11")
    assert take_all(spool) == [Record(seq, b"x%d" % seq) for seq in range(3, 12)]
    spool.ack(11)
    assert (spool.pending, spool.dropped, segments(tmp_path)) == (0, 0, [])
    spool.close()


def test_a_file_in_the_way_is_set_aside(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), MIB, DAY_S)
    (tmp_path / f"{5:020d}.seg").write_bytes(b"whose is this?")
    spool.append(5, b"x")
    assert take_all(spool) == [Record(5, b"x")]
    assert (tmp_path / f"{5:020d}.seg.unreadable").read_bytes() == b"whose is this?"
    spool.close()


@given(st.binary(max_size=200), st.binary(max_size=20))
@settings(max_examples=100, deadline=None)
def test_no_content_keeps_it_from_opening(segment: bytes, cursor: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / f"{3:020d}.seg").write_bytes(segment)
        (Path(name) / "cursor").write_bytes(cursor)
        spool = Spool(name, MIB, DAY_S)
        spool.append(2**55, b"after")
        assert take_all(spool)[-1:] == [Record(2**55, b"after")]
        spool.close()


def test_the_oldest_goes_when_there_is_too_much(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spool = Spool(str(tmp_path), MIB, DAY_S)
    for seq in range(1, 301):
        spool.append(seq, bytes(10_000))
    assert spool.size <= MIB
    assert spool.size > 0.85 * MIB
    kept = [record.seq for record in take_all(spool)]
    assert kept == list(range(301 - len(kept), 301))
    assert spool.dropped == 300 - len(kept)
    assert sum(path.stat().st_size for path in segments(tmp_path)) == spool.size
    assert "the oldest" in caplog.text
    spool.close()


def test_what_is_too_old_goes(tmp_path: Path) -> None:
    clock = Clock()
    spool = Spool(str(tmp_path), MIB, 3600, clock)
    for seq in range(1, 121):
        spool.append(seq, b"x")
        clock.now += 60
    kept = [record.seq for record in take_all(spool)]
    assert kept[-1] == 120
    assert 59 <= len(kept) <= 65  # to within one part in sixteen
    clock.now += 2 * 3600
    spool.expire()
    assert spool.pending == 0
    assert spool.dropped == 120
    spool.close()


def aged(folder: Path, *modified_s: float) -> None:
    """Give the spool's segments these file times, epoch seconds."""
    for path, at in zip(segments(folder), modified_s, strict=True):
        os.utime(path, (at, at))


@pytest.mark.parametrize(
    "times",
    [
        (0, 600, 1200, 1800),  # the clock was set ahead, or the agent away, for decades since then
        (3e9, 3e9 + 600, 3e9 + 1200, 3e9 + 1800),  # or set back by decades
        (0, 600, 1.5e9, 1.5e9 + 600),  # or set in between
        (1.5e9, 1.5e9 + 600, 0, 600),
        (0, 1.5e9, 0, 1.5e9),
    ],
)
def test_a_clock_that_was_set_makes_nothing_older_than_it_is(tmp_path: Path, times: tuple[float, ...]) -> None:
    clock = Clock()
    spool = Spool(str(tmp_path), 16 * 500, 24 * 3600, clock)
    for seq in range(1, 5):
        spool.append(seq, bytes(450))  # a segment each
    spool.close()
    aged(tmp_path, *times)
    again = Spool(str(tmp_path), 16 * 500, 24 * 3600, clock)
    clock.now += 20 * 3600
    again.expire()
    assert [record.seq for record in take_all(again)] == [1, 2, 3, 4]
    assert again.dropped == 0
    clock.now += 4.5 * 3600
    again.expire()
    assert again.pending == 0
    again.close()


def test_what_was_old_when_the_agent_ended_goes_first(tmp_path: Path) -> None:
    clock = Clock()
    spool = Spool(str(tmp_path), 16 * 500, 16 * 3600, clock)
    for seq in range(1, 5):
        spool.append(seq, bytes(450))
    spool.close()
    aged(tmp_path, 0, 3600, 7200, 10800)
    again = Spool(str(tmp_path), 16 * 500, 16 * 3600, clock)
    clock.now += 14.5 * 3600
    again.expire()
    assert [record.seq for record in take_all(again)] == [3, 4]
    again.close()


def test_sent_records_can_be_spooled(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), MIB, DAY_S)
    spool.append(1, b"sent", read=True)
    spool.append(2, b"not sent")
    assert [record.seq for record in take_all(spool)] == [2]
    spool.rewind()
    assert [record.seq for record in take_all(spool)] == [1, 2]
    spool.close()


def test_a_broken_cursor_means_sending_again(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), MIB, DAY_S)
    for seq in (1, 2):
        spool.append(seq, b"x")
    take_all(spool)
    spool.ack(1)
    spool.close()
    (tmp_path / "cursor").write_bytes(b"garbage that is long enough")
    again = Spool(str(tmp_path), MIB, DAY_S)
    assert [record.seq for record in take_all(again)] == [1, 2]
    again.close()


def test_foreign_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "x.seg").write_text("mine too")
    spool = Spool(str(tmp_path), MIB, DAY_S)
    spool.append(1, b"x")
    take_all(spool)
    spool.ack(1)
    spool.close()
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert (tmp_path / "x.seg").read_text() == "mine too"


def test_a_full_disk_leaves_the_spool_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(str(tmp_path), MIB, DAY_S)
    spool.append(1, b"first")
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:7]))
    with pytest.raises(JournalError, match="disk is full"):
        spool.append(2, b"second")
    monkeypatch.undo()
    spool.append(3, b"third")
    assert [record.seq for record in take_all(spool)] == [1, 3]
    spool.close()


def test_a_folder_that_can_not_be_used_is_said_and_taken_up_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = Spool(str(tmp_path / "a" / "spool"), MIB, DAY_S)
    before.append(1, b"of before")
    before.close()
    (tmp_path / "a").rename(tmp_path / "away")
    (tmp_path / "a").write_text("no folder")
    spool = Spool(str(tmp_path / "a" / "spool"), MIB, DAY_S)
    assert not spool.usable
    assert caplog.text.count("can't be used as a spool") == 1
    with pytest.raises(JournalError, match="can't be used as a spool"):
        spool.append(2, b"x")
    spool.ack(2)
    spool.expire()
    assert spool.peek() is None
    with pytest.raises(JournalError, match="can't be used as a spool"):
        spool.open()
    (tmp_path / "a").unlink()
    (tmp_path / "away").rename(tmp_path / "a")
    spool.open()
    spool.append(3, b"y")
    assert take_all(spool) == [Record(1, b"of before"), Record(3, b"y")]
    spool.close()


def test_what_is_in_the_way_of_folder_or_cursor_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("whose is this?")
    Spool(str(tmp_path / "spool"), MIB, DAY_S).close()
    assert (tmp_path / "spool.unreadable").read_text() == "whose is this?"
    (tmp_path / "spool" / "cursor").unlink()
    (tmp_path / "spool" / "cursor").mkdir()
    spool = Spool(str(tmp_path / "spool"), MIB, DAY_S)
    spool.append(1, b"x")
    spool.ack(1)
    spool.close()
    again = Spool(str(tmp_path / "spool"), MIB, DAY_S)
    assert again.acked == 1
    again.close()


@pytest.mark.parametrize("renamed", [False, True])
def test_a_folder_that_is_removed_is_made_again(
    tmp_path: Path, renamed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "a" / "spool"
    spool = Spool(str(folder), MIB, DAY_S)
    spool.append(1, b"x")
    spool.rewind()
    if renamed:
        folder.rename(tmp_path / "elsewhere")
    else:
        shutil.rmtree(tmp_path / "a")
    spool.append(2, b"y")
    spool.append(3, b"z")
    assert caplog.text.count("was removed, or something was mounted there") == 1
    assert [record.seq for record in take_all(spool)] == [2, 3]
    assert spool.dropped == 1
    spool.ack(2)
    spool.close()
    again = Spool(str(folder), MIB, DAY_S)
    assert again.acked == 2
    assert [record.seq for record in take_all(again)] == [3]
    again.close()


def test_what_is_acknowledged_is_remembered_in_a_folder_that_was_made_again(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path / "spool"), MIB, DAY_S)
    spool.append(7, b"x")
    take_all(spool)
    spool.ack(7)
    shutil.rmtree(tmp_path / "spool")
    spool.append(8, b"y")
    spool.close()
    again = Spool(str(tmp_path / "spool"), MIB, DAY_S)
    assert again.acked == 7
    again.close()


def test_nothing_is_appended_behind_half_a_record_that_can_not_be_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError(5, "Input/output error")

    spool = Spool(str(tmp_path), MIB, DAY_S)
    spool.append(1, b"first")
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:30]))
    monkeypatch.setattr(os, "ftruncate", broken)
    with pytest.raises(JournalError, match="disk is full"):
        spool.append(2, b"second")
    monkeypatch.undo()
    spool.append(3, b"third")
    spool.rewind()
    assert [record.seq for record in take_all(spool)] == [1, 3]
    assert spool.dropped == 0
    spool.close()
    again = Spool(str(tmp_path), MIB, DAY_S)
    assert [record.seq for record in take_all(again)] == [1, 3]
    again.close()


def test_a_last_file_that_is_gone_has_nothing_sent_twice(tmp_path: Path) -> None:
    spool = filled(tmp_path, [b"x" * 200] * 6)
    first, *_, last = segments(tmp_path)
    for path in segments(tmp_path)[1:]:
        path.unlink()
    read = take_all(spool)
    assert read
    assert first != last
    assert spool.pending == len(read)
    assert spool.peek() is None
    spool.append(7, b"after")
    assert take_all(spool) == [Record(7, b"after")]
    spool.ack(7)
    assert (spool.pending, spool.size) == (0, 0)
    spool.close()


def test_the_newest_message_is_kept_however_large(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), MIB, DAY_S)
    spool.append(1, b"x")
    spool.append(2, bytes(3 * MIB))
    spool.expire()
    assert [record.seq for record in take_all(spool)] == [1, 2]
    spool.append(3, b"y")
    assert [record.seq for record in take_all(spool)] == [3]
    assert (spool.pending, spool.dropped) == (1, 2)
    spool.close()


def test_losses_are_told_before_they_are_made_of_what_is_not_acknowledged(tmp_path: Path) -> None:
    told: list[list[Origin]] = []
    there: list[int] = []

    def lost(origins: list[Origin]) -> None:
        told.append(origins)
        there.append(len(segments(tmp_path)))

    spool = Spool(str(tmp_path), MIB, DAY_S, lost=lost)
    for seq in range(1, 9):
        spool.append(seq, bytes(10_000), Origin("größe", 15, 15 * seq) if seq % 2 else None)
    take_all(spool)
    spool.ack(3)
    assert spool.spooled("größe") == 2
    path = segments(tmp_path)[0]  # it has the first seven
    seq = 8
    while os.path.exists(path):
        seq += 1
        spool.append(seq, bytes(10_000))
    assert told == [[Origin("größe", 15, 75), Origin("größe", 15, 105)]]
    assert there[0] == len(segments(tmp_path)) + 1
    assert spool.spooled("größe") == 0
    spool.close()


def test_origins_survive_a_restart(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), MIB, DAY_S)
    spool.append(1, b"x", Origin("a", 0.25, 1_700_000_000.75))
    spool.append(2, b"y", Origin("x" * 3000, 1, 2))  # no schedule's name: counted for nobody
    spool.close()
    again = Spool(str(tmp_path), MIB, DAY_S)
    assert again.spooled("a") == 1
    origin = Origin("a", 0.25, 1_700_000_000.75)
    first, second = take_all(again)
    assert first == Record(1, b"x", origin)
    assert (second[:3], list(second.former())) == ((2, b"y", None), [Before(1, origin)])
    again.close()


def test_the_former_layout_is_read_and_an_unknown_one_passed_over(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), MIB, DAY_S)
    spool.append(1, b"first")
    segment = spool._segments[0]
    # The former layout: a number of eight bytes and the frame.
    bodies = [(2).to_bytes(8, "little") + b"former", (3).to_bytes(7, "little") + b"\x07odd"]
    packed = segment.pack([*bodies, (6).to_bytes(7, "little") + b"\x01too short"])
    spool.close()
    with open(segment.path, "ab") as stream:
        stream.write(packed)
    again = Spool(str(tmp_path), MIB, DAY_S)
    assert take_all(again) == [Record(1, b"first"), Record(2, b"former")]
    again.append(7, b"after")
    assert take_all(again) == [Record(7, b"after")]
    lost = again.dropped
    again.rewind()
    assert take_all(again) == [Record(1, b"first"), Record(2, b"former"), Record(7, b"after")]
    assert (again.dropped, again.pending) == (lost, 3)
    again.ack(7)
    assert (again.pending, again.size) == (0, 0)
    again.close()


@pytest.mark.parametrize("how", ["recover", "look"])
def test_a_file_that_can_not_be_read_at_the_start_costs_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    spool = Spool(str(tmp_path), 16 * 700, DAY_S)
    for seq in range(1, 13):
        spool.append(seq, bytes(100), Origin("s", 15.0, 15.0 * seq))
    spool.close()
    bad = segments(tmp_path)[1]
    whole = Segment.recover

    def broken(segment: Segment) -> Any:
        if segment.path == str(bad):
            raise OSError(errno.EIO, "Input/output error")
        return whole(segment)

    if how == "look":  # it is of another version
        bad.write_bytes(b"SALTSPL\xff" + bytes(100))
    else:
        monkeypatch.setattr(Segment, "recover", broken)
    lost: list[Origin] = []
    again = Spool(str(tmp_path), 16 * 700, DAY_S, lost=lost.extend)
    assert again.usable
    assert again.unreadable == 1
    there = {record.seq for record in take_all(again)}
    gone = set(range(1, 13)) - there
    assert 0 < len(gone) < 12
    assert {round(origin.slot / 15) for origin in lost} == set(sorted(gone)[-FORMER:])
    again.close()


def test_what_is_read_next_needs_no_reading(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), MIB, DAY_S)
    for seq in (1, 2):
        spool.append(seq, b"x")
        segments(tmp_path)[0].write_bytes(b"")
        assert take_all(spool) == [Record(seq, b"x")]
        spool.ack(seq)
        assert (spool.pending, spool.size) == (0, 0)
    assert len(list(tmp_path.glob("*.seg"))) == 1, "one file is used again and again"
    spool.close()
    assert list(tmp_path.glob("*.seg")) == []


def test_a_file_that_was_emptied_and_is_gone_is_not_used_again(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), MIB, DAY_S)
    spool.append(1, b"x")
    take_all(spool)
    spool.ack(1)
    for path in tmp_path.glob("*.seg"):
        path.rename(tmp_path / "elsewhere")
    spool.append(2, b"y")
    spool.rewind()
    assert take_all(spool) == [Record(2, b"y")]
    spool.close()
    again = Spool(str(tmp_path), MIB, DAY_S)
    assert take_all(again) == [Record(2, b"y")]
    again.close()


def test_two_agents_can_not_share_a_spool(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), MIB, DAY_S)
    with pytest.raises(JournalError, match="another agent uses this spool"):
        Spool(str(tmp_path), MIB, DAY_S)
    spool.close()


class SpoolMachine(RuleBasedStateMachine):
    """Against a list of what must be there; small segments, so that there are many."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.mkdtemp()
        self.spool = self.opened()
        self.seq = 0
        self.kept: list[Record] = []  # not acknowledged
        self.read = 0  # how many of them were read

    def opened(self) -> Spool:
        spool = Spool(self.folder, MIB, DAY_S, Clock())
        spool._segment_bytes = 300
        return spool

    def teardown(self) -> None:
        self.spool.close()
        shutil.rmtree(self.folder)

    @rule(frame=st.binary(max_size=200), gap=st.integers(1, 3))
    def append(self, frame: bytes, gap: int) -> None:
        self.seq += gap
        self.spool.append(self.seq, frame)
        self.kept.append(Record(self.seq, frame))

    @precondition(lambda self: self.read == len(self.kept))
    @rule(frame=st.binary(max_size=200))
    def append_sent(self, frame: bytes) -> None:
        self.seq += 1
        self.spool.append(self.seq, frame, read=True)
        self.kept.append(Record(self.seq, frame))
        self.read += 1

    @rule(count=st.integers(1, 5))
    def take(self, count: int) -> None:
        for _ in range(count):
            record = self.spool.peek()
            if self.read == len(self.kept):
                assert record is None
                return
            assert record == self.kept[self.read]
            self.spool.advance()
            self.read += 1

    @rule()
    def rewind(self) -> None:
        self.spool.rewind()
        self.read = 0

    @precondition(lambda self: self.kept)
    @rule(data=st.data())
    def ack(self, data: st.DataObject) -> None:
        count = data.draw(st.integers(0, min(len(self.kept), self.read + 2)))
        seq = self.kept[count - 1].seq if count else self.kept[0].seq - 1
        self.spool.ack(seq)
        del self.kept[:count]
        self.read = max(0, self.read - count)

    @rule(torn=st.integers(0, 60))
    def restart(self, torn: int) -> None:
        self.spool.close()
        if torn and self.spool._segments:
            segment = self.spool._segments[-1]
            with open(segment.path, "ab") as stream:
                stream.write(segment.pack([bytes(60)])[:torn])
        self.spool = self.opened()
        self.read = 0

    @invariant()
    def counts_are_right(self) -> None:
        assert self.spool.pending == len(self.kept)
        assert self.spool.dropped == 0
        assert self.spool.last_seq <= self.seq
        on_disk = sum(os.stat(os.path.join(self.folder, n)).st_size for n in os.listdir(self.folder) if "seg" in n)
        assert on_disk >= self.spool.size
        if not self.kept:
            assert self.spool.size == 0


SpoolMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestSpoolMachine = SpoolMachine.TestCase


@pytest.mark.parametrize("running", [True, False])
@pytest.mark.parametrize("hit", [1, 4, 9])
def test_of_a_damaged_record_it_is_known_whose_it_was(tmp_path: Path, running: bool, hit: int) -> None:
    """At a start by what the next one says of it, also over the end of a segment; the last one has no next."""
    lost: list[Origin] = []
    spool = Spool(str(tmp_path), 16 * 2400, DAY_S, lost=lost.extend)  # segments of five records
    for number in range(10):
        spool.append(number + 1, bytes(350), Origin("s", 15.0, 15.0 * number))
    paths = segments(tmp_path)
    assert len(paths) == 2
    if not running:
        spool.close()
    data = bytearray(paths[hit // 5].read_bytes())
    at = data.index((hit + 1).to_bytes(7, "little") + bytes((WITH_ORIGIN | WITH_FORMER,)))
    data[at + 200 : at + 208] = b"\xff" * 8
    paths[hit // 5].write_bytes(data)
    if not running:
        spool = Spool(str(tmp_path), 16 * 2400, DAY_S, lost=lost.extend)
    assert [record.seq for record in take_all(spool)] == [seq for seq in range(1, 11) if seq != hit + 1]
    assert lost == ([Origin("s", 15.0, 15.0 * hit)] if running or hit != 9 else [])
    assert spool.dropped == 1
    spool.close()
    Spool(str(tmp_path), 16 * 2400, DAY_S, lost=lost.extend).close()
    assert len(lost) == (running or hit != 9)


def test_what_the_master_has_is_not_lost_with_its_record(tmp_path: Path) -> None:
    lost: list[Origin] = []
    spool = Spool(str(tmp_path), MIB, DAY_S, lost=lost.extend)
    for number in range(4):
        spool.append(number + 1, bytes(350), Origin("s", 15.0, 15.0 * number))
    spool.ack(2)
    spool.close()
    (path,) = segments(tmp_path)
    data = bytearray(path.read_bytes())
    at = data.index((2).to_bytes(7, "little") + bytes((WITH_ORIGIN | WITH_FORMER,)))
    data[at + 200 : at + 208] = b"\xff" * 8
    path.write_bytes(data)
    again = Spool(str(tmp_path), MIB, DAY_S, lost=lost.extend)
    assert [record.seq for record in take_all(again)] == [3, 4]
    assert (lost, again.dropped) == ([], 0)
    again.close()


@pytest.mark.parametrize("code", [errno.ENOMEM, errno.ESTALE, errno.EACCES])
def test_what_can_not_be_read_just_now_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, code: int
) -> None:
    filled(tmp_path, [b"x" * 200] * 3).close()

    def failing(*_: object) -> bytes:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patched:
        patched.setattr(os, "pread", failing)
        spool = Spool(str(tmp_path), MIB, DAY_S)
        assert not spool.usable
        assert os.strerror(code) in caplog.text
    spool.open()
    with monkeypatch.context() as patched:
        patched.setattr(os, "pread", failing)
        assert spool.peek() is None
        assert not spool.exhausted
    assert len(take_all(spool)) == 3
    assert (spool.dropped, spool.unreadable) == (0, 0)
    assert not list(tmp_path.glob("*.unreadable"))
    spool.close()


def test_a_spool_is_opened_once_there_are_descriptors_again(tmp_path: Path) -> None:
    filled(tmp_path, [b"x" * 200] * 3).close()
    with exhausted():
        spool = Spool(str(tmp_path), MIB, DAY_S)
        assert not spool.usable
    spool.open()
    with exhausted():
        assert spool.peek() is None
    assert len(take_all(spool)) == 3
    assert (spool.dropped, spool.unreadable) == (0, 0)
    spool.close()


def damage_record(folder: Path, seq: int) -> None:
    """Flip bytes in the middle of the record *seq*."""
    for path in segments(folder):
        segment = Segment.look(KIND, str(path))
        assert segment is not None
        with open(path, "r+b", buffering=0) as stream:
            for at in range(segment.start, segment.size):  # behind damage, too
                record = segment.record(stream.fileno(), at)
                if record is not None and int.from_bytes(record.body[:7], "little") == seq:
                    os.pwrite(stream.fileno(), b"\xff" * 8, record.end - 40)
                    return
    raise AssertionError(f"no record {seq}")


@given(
    running=st.booleans(),
    plain=st.sets(st.integers(2, 12), max_size=3),
    hits=st.sets(st.integers(1, 12), min_size=1, max_size=7),
    acked=st.integers(0, 8),
    restarted=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_of_neighbours_that_are_damaged_it_is_known_whose_they_were(
    running: bool, plain: set[int], hits: set[int], acked: int, restarted: bool
) -> None:
    """By a running agent all; by one that is started as far as the next whole record tells: the last four."""
    with tempfile.TemporaryDirectory() as name:
        lost: list[Origin] = []

        def opened() -> Spool:
            return Spool(name, 16 * 2000, DAY_S, lost=lost.extend)  # segments of some records

        spool = opened()
        for seq in range(1, 13):
            if restarted and seq == 6:
                spool.close()
                spool = opened()
            spool.append(seq, bytes(350), None if seq in plain else Origin("s", 15.0, 15.0 * seq))
        if acked:
            spool.ack(acked)
        there = {record.seq for record in take_all(spool)}
        hits &= there
        spool.rewind()
        if not running:
            spool.close()
        for seq in hits:
            damage_record(Path(name), seq)
        if not running:
            spool = opened()
        assert [record.seq for record in take_all(spool)] == sorted(there - hits)
        spool.rewind()
        take_all(spool)
        known = hits - plain if running else set()
        for after in sorted(there - hits) if not running else ():
            row = [seq for seq in range(after - 1, 0, -1) if seq not in plain][:FORMER]
            gap = next(seq for seq in range(after - 1, -1, -1) if seq not in hits)
            known |= {seq for seq in row if seq > max(gap, acked)}
        assert sorted(round(origin.slot / 15) for origin in lost) == sorted(known)
        spool.close()


def test_what_a_former_agent_told_of_the_record_before_is_read(tmp_path: Path) -> None:
    lost: list[Origin] = []
    spool = Spool(str(tmp_path), MIB, DAY_S)
    origin = Origin("s", 15.0, 30.0)
    spool.append(1, bytes(100), Origin("s", 15.0, 15.0))
    segment = spool._segments[0]
    packed = origin.packed()
    two = (2).to_bytes(7, "little") + bytes((WITH_ORIGIN,)) + packed + bytes(100)
    before = (2).to_bytes(7, "little") + packed
    three = (3).to_bytes(7, "little") + bytes((WITH_BEFORE | WITH_ORIGIN,)) + before + packed + b"three"
    with open(segment.path, "ab") as stream:
        stream.write(segment.pack([two, three]))
    spool.close()
    damage_record(tmp_path, 2)
    again = Spool(str(tmp_path), MIB, DAY_S, lost=lost.extend)
    assert [record.frame for record in take_all(again)] == [bytes(100), b"three"]
    assert lost == [origin]
    again.close()


@given(
    plain=st.sets(st.integers(1, 12), max_size=3),
    acked=st.integers(0, 8),
    sent=st.integers(0, 12),
    again=st.booleans(),
    all_of_it=st.booleans(),
)
@settings(max_examples=100, deadline=None)
def test_of_a_spool_that_is_deleted_while_the_agent_runs_it_is_known_whose_it_was(
    plain: set[int], acked: int, sent: int, again: bool, all_of_it: bool
) -> None:
    with tempfile.TemporaryDirectory() as name:
        lost: list[Origin] = []
        spool = Spool(name, 16 * 2000, DAY_S, lost=lost.extend)  # segments of some records
        for seq in range(1, 13):
            spool.append(seq, bytes(350), None if seq in plain else Origin("s", 15.0, 15.0 * seq))
        if again:
            spool.close()
            spool = Spool(name, 16 * 2000, DAY_S, lost=lost.extend)
        spool.ack(acked)
        flight = set()
        for _ in range(sent):
            if (record := spool.peek()) is not None:
                flight.add(record.seq)
                spool.advance()
        gone = segments(Path(name)) if all_of_it else segments(Path(name))[:1]
        for path in gone:
            path.unlink()
        spool.append(13, bytes(350), Origin("s", 15.0, 15.0 * 13))
        take_all(spool)
        assert not flight & {round(origin.slot / 15) for origin in lost}, "they may have arrived"
        spool.rewind()
        read = {record.seq for record in take_all(spool)}
        expected = set(range(acked + 1, 14)) - read - plain
        assert sorted(round(origin.slot / 15) for origin in lost) == sorted(expected)
        spool.ack(13)
        assert (spool.pending, spool.spooled("s")) == (0, 0)
        spool.close()


@pytest.mark.parametrize("noticed", [True, False])
def test_a_spool_that_was_deleted_is_counted_though_the_agent_stops_before_it_reads_there(
    tmp_path: Path, noticed: bool
) -> None:
    lost: list[Origin] = []
    folder = tmp_path / "spool"
    spool = Spool(str(folder), 16 * 2000, DAY_S, lost=lost.extend)  # segments of some records
    for seq in range(1, 13):
        spool.append(seq, bytes(350), Origin("s", 15.0, 15.0 * seq))
    spool.ack(2)
    shutil.rmtree(folder)
    if noticed:
        spool.append(13, bytes(350), Origin("s", 15.0, 15.0 * 13))
        assert sorted(round(origin.slot / 15) for origin in lost) == list(range(3, 13))
    spool.close()
    assert sorted(round(origin.slot / 15) for origin in lost) == list(range(3, 13))
    assert spool.dropped == 10
    again = Spool(str(folder), 16 * 2000, DAY_S)
    assert [record.seq for record in take_all(again)] == ([13] if noticed else [])
    again.close()
