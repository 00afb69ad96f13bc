"""The spool keeps what it was given, in order, through restarts, torn ends and bounds."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from saltern.errors import JournalError
from saltern_agent.spool import RECORD, Record, Spool

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
    return sorted(folder.glob("*.seg"))


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


def test_a_torn_end_is_cut(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spool = Spool(str(tmp_path), MIB, DAY_S)
    spool.append(1, b"whole")
    spool.append(2, b"torn record")
    spool.close()
    (path,) = segments(tmp_path)
    for cut in (1, 5, len(b"torn record") + RECORD.size - 1):
        data = path.read_bytes()
        os.truncate(path, path.stat().st_size - cut)
        again = Spool(str(tmp_path), MIB, DAY_S)
        assert [record.frame for record in take_all(again)] == [b"whole"]
        assert path.stat().st_size == RECORD.size + len(b"whole")
        again.append(3, b"after")
        assert [record.seq for record in take_all(again)] == [3]
        again.close()
        for other in segments(tmp_path)[1:]:
            other.unlink()
        path.write_bytes(data)
    assert caplog.text.count("are torn and were cut") == 3


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), MIB, DAY_S)
    for seq in (1, 2, 3):
        spool.append(seq, b"abcdef")
    (path,) = segments(tmp_path)
    data = bytearray(path.read_bytes())
    data[2 * RECORD.size + 6 + 2] ^= 1  # in the second record's frame
    path.write_bytes(data)
    assert [record.seq for record in take_all(spool)] == [1]
    assert spool.dropped == 2
    spool.append(4, b"goes on")
    assert [record.seq for record in take_all(spool)] == [4]
    spool.ack(4)
    assert (spool.pending, spool.size) == (0, 0)
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


def test_a_folder_that_can_not_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="can't be used as a spool"):
        Spool(str(tmp_path / "file"), MIB, DAY_S)


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

    @rule(torn=st.binary(max_size=30))
    def restart(self, torn: bytes) -> None:
        self.spool.close()
        if torn and self.spool._segments:
            with open(self.spool._segments[-1].path, "ab") as stream:
                stream.write(torn)
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
