"""The journal: nothing that was flushed is lost, whatever ends the master; every reader at its own pace."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern.errors import JournalError
from saltern_master.journal import Journal, Position


def opened(folder: Path, **options: int) -> Journal:
    journal = Journal(
        str(folder),
        options.get("max_bytes", 1 << 30),
        options.get("max_age_s", 10**9),
        options.get("segment_bytes", 4096),
    )
    journal.open()
    return journal


def everything(journal: Journal, name: str = "all") -> list[bytes]:
    reader = journal.reader(name)

    async def read() -> list[bytes]:
        records: list[bytes] = []
        while reader.behind():
            records += await reader.read(1000)
            reader.commit()
        return records

    return asyncio.run(read())


def test_records_come_back_in_order_over_segments(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    sent = [os.urandom(300) for _ in range(100)]
    for record in sent:
        journal.append(record)
        journal.flush()
    assert len(os.listdir(tmp_path)) > 5
    assert everything(journal) == sent


def test_a_new_process_goes_on_where_readers_were(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append(b"one")
    journal.flush()
    assert everything(journal) == [b"one"]
    journal.append(b"two")
    journal.close()
    assert everything(opened(tmp_path)) == [b"two"]


def test_what_was_read_but_not_committed_is_read_again(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append(b"one")
    journal.flush()
    assert asyncio.run(journal.reader("r").read()) == [b"one"]
    journal.close()
    assert everything(opened(tmp_path), "r") == [b"one"]


@given(st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=5), st.data())
@settings(max_examples=60, deadline=None)
def test_a_torn_tail_is_cut_at_the_last_whole_record(
    tmp_path_factory: pytest.TempPathFactory, records: list[bytes], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    journal = opened(folder)
    for record in records:
        journal.append(record)
    journal.close()
    path = folder / "000000000001.log"
    size = path.stat().st_size
    cut = data.draw(st.integers(0, size))
    os.truncate(path, cut)
    kept = []
    used = 0
    for record in records:
        used += 8 + len(record)
        if used <= cut:
            kept.append(record)
    again = opened(folder)
    again.append(b"after")
    again.flush()
    assert everything(again) == [*kept, b"after"]


def test_a_damaged_middle_is_passed_over_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    journal = opened(tmp_path, segment_bytes=4096)
    for number in range(40):
        journal.append(b"%03d" % number + b"x" * 297)
        journal.flush()
    with open(tmp_path / "000000000001.log", "r+b") as stream:
        stream.seek(700)
        stream.write(b"\xff\xff")
    with caplog.at_level(logging.ERROR):
        found = everything(journal)
    assert found[0][:3] == b"000"
    assert found[-1][:3] == b"039"
    assert journal.dropped == 1
    assert "a damaged record at" in caplog.text


def test_passed_segments_go(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    for _ in range(50):
        journal.append(b"x" * 300)
        journal.flush()
    everything(journal)
    journal.reader("all").save()
    journal.trim()
    assert [name for name in os.listdir(tmp_path) if name.endswith(".log")] == [
        journal._path(journal._head.segment)[-16:]
    ]
    assert journal.dropped == 0


def test_over_the_bound_the_oldest_goes_and_is_counted(tmp_path: Path) -> None:
    journal = opened(tmp_path, max_bytes=20_000)
    journal.reader("slow")
    sent = [b"%04d" % number + b"x" * 296 for number in range(200)]
    for record in sent:
        journal.append(record)
        journal.flush()
    found = everything(journal, "slow")
    assert found == sent[-len(found) :]
    assert journal.dropped == len(sent) - len(found) > 0
    assert sum(os.path.getsize(tmp_path / n) for n in os.listdir(tmp_path) if n.endswith(".log")) <= 20_000 + 4096


def test_old_segments_go(tmp_path: Path) -> None:
    journal = opened(tmp_path, max_age_s=100)
    journal.reader("slow")
    for _ in range(40):
        journal.append(b"x" * 300)
        journal.flush()
    journal.trim(now=os.path.getmtime(tmp_path / "000000000001.log") + 200)
    assert journal.dropped > 0
    assert journal.metrics()["segments"] == 1


def test_a_full_disk_keeps_what_is_there_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = opened(tmp_path)
    journal.append(b"before")
    journal.flush()
    real = os.write
    monkeypatch.setattr("os.write", lambda fd, data: real(fd, bytes(data)[: len(data) // 2]))
    journal.append(b"half of this is written")
    with pytest.raises(JournalError, match="can't be written: no space left on device"):
        journal.flush()
    monkeypatch.undo()
    journal.append(b"after")
    journal.flush()
    assert everything(journal) == [b"before", b"after"]


def test_a_reader_waits_for_more(tmp_path: Path) -> None:
    journal = opened(tmp_path)

    async def follow() -> list[bytes]:
        reader = journal.reader("r")
        waiting = asyncio.create_task(reader.read())
        await asyncio.sleep(0)
        journal.append(b"later")
        journal.flush()
        return await asyncio.wait_for(waiting, 5)

    assert asyncio.run(follow()) == [b"later"]


def test_a_record_larger_than_a_read_still_comes(tmp_path: Path) -> None:
    journal = opened(tmp_path, segment_bytes=1 << 20)
    journal.append(b"x" * 50_000)
    journal.flush()
    assert journal.read(Position(0, 0), 100)[0] == [b"x" * 50_000]


def test_a_reader_ahead_of_a_tail_that_was_cut_reads_what_comes_next(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append(b"one")
    journal.append(b"two, which the power cut takes")
    journal.flush()
    assert len(everything(journal)) == 2
    journal.close()
    os.truncate(tmp_path / "000000000001.log", 8 + 3 + 5)
    again = opened(tmp_path)
    again.append(b"three, after it")
    again.flush()
    assert everything(again) == [b"three, after it"]


def test_what_was_not_finished_is_read_again_after_rewinding(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append(b"one")
    journal.flush()
    reader = journal.reader("r")
    assert asyncio.run(reader.read()) == [b"one"]
    reader.rewind()
    assert asyncio.run(reader.read()) == [b"one"]
