"""The journal: nothing that was flushed is lost, whatever ends the master; every reader at its own pace."""

from __future__ import annotations

import asyncio
import logging
import os
import struct
import tempfile
from binascii import crc32
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern.config import master_config
from saltern.errors import JournalError
from saltern.segments import HEAD, RECORD
from saltern_master.journal import Journal
from saltern_master.journal import journal as journal_module
from saltern_master.journal.configured import configured_journal
from saltern_master.record import LOST, METRICS, RUN, read_record, write_note, write_record
from support.damage import Damage, damages, spans


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
    at = spans([len(record) for record in records])
    kept = [record for record, (_, end) in zip(records, at, strict=True) if end <= cut]
    again = opened(folder)
    again.append(b"after")
    again.flush()
    assert everything(again) == [*kept, b"after"]
    assert again.dropped == len(records) - len(kept)


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
    assert "damaged from byte 668 to 992: records lost: 1" in caplog.text
    # Another reader passes it over as well, and has lost it as well.
    assert everything(journal, "another") == found
    assert [journal.metrics()[f"{name}.lost"] for name in ("all", "another")] == [1, 1]
    assert len(found) == 39


def test_damage_in_the_last_segment_costs_what_it_touches(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    for number in range(20):
        journal.append(b"%02d" % number + b"x" * 98)
    journal.close()
    path = tmp_path / "000000000001.log"
    whole = path.read_bytes()
    path.write_bytes(whole[:300] + b"\xff" * 8 + whole[308:])
    again = opened(tmp_path)
    again.append(b"after")
    again.flush()
    found = everything(again)
    assert [record[:2] for record in found] == [b"%02d" % n for n in range(20) if n != 2] + [b"af"]
    assert again.dropped == 1
    assert path.read_bytes().startswith(whole[:300] + b"\xff" * 8 + whole[308:])


@given(st.lists(st.binary(min_size=1, max_size=900), min_size=1, max_size=20), damages, st.booleans())
@settings(max_examples=150, deadline=None)
def test_any_damage_while_it_was_closed(records: list[bytes], damage: Damage, read_before: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        journal = opened(folder)
        for record in records:
            journal.append(record)
            journal.flush()
        if read_before:
            assert everything(journal) == records
        journal.close()
        paths = sorted(folder.glob("*.log"))
        laid: list[list[bytes]] = [[] for _ in paths]
        left = iter(records)
        for path, bodies in zip(paths, laid, strict=True):
            used = HEAD.size
            while used < path.stat().st_size:
                bodies.append(next(left))
                used += RECORD.size + len(bodies[-1])
        hit_path, first, last = damage.do(paths)
        hit = paths.index(hit_path)
        damaged = hit_path.read_bytes()
        again = opened(folder)
        again.append(b"after")
        again.flush()
        found = everything(again, "new")
        at = spans([len(body) for body in laid[hit]])
        unhit = (
            []
            if 0 <= first < HEAD.size
            else [
                body
                for body, (start, end) in zip(laid[hit], at, strict=True)
                if first < 0 or last < start or end <= first
            ]
        )
        if 0 <= first < HEAD.size and not list(folder.glob("*.unreadable")):  # its head was made out
            unhit = [body for body, (start, _) in zip(laid[hit], at, strict=True) if last < start]
        expected = [body for bodies in [*laid[:hit], unhit, *laid[hit + 1 :]] for body in bodies]
        assert found == [*expected, b"after"]
        lost = len(records) - len(expected)
        assert again.dropped <= max(lost, int(0 <= first < HEAD.size))
        if lost and damage.data.strip(b"\0"):
            assert again.dropped > 0
        # Every byte that was there is there, but for the end of a write that didn't end.
        kept = b"".join(path.read_bytes() for path in sorted(folder.iterdir()) if "position" not in path.name)
        assert not damage.data.strip(b"\0") or damaged[max(first, 0) : last + 1] in kept
        assert everything(again, "all")[-1:] == [b"after"]
        again.close()


@pytest.mark.parametrize("last", [False, True])
def test_a_segment_with_another_head_is_set_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture, last: bool) -> None:
    journal = opened(tmp_path)
    for number in range(30):
        journal.append(b"%03d" % number + b"x" * 297)
        journal.flush()
    journal.close()
    paths = sorted(tmp_path.glob("*.log"))
    path = paths[-1] if last else paths[0]
    data = path.read_bytes()
    data = data[:7] + b"\x03" + data[8:]
    path.write_bytes(data)
    again = opened(tmp_path)
    again.append(b"after")
    again.flush()
    found = everything(again)
    assert 15 < len(found) < 31
    assert found[-1] == b"after"
    assert path.with_name(path.name + ".unreadable").read_bytes() == data
    assert (again.unreadable, again.dropped) == (1, 31 - len(found))
    assert again.metrics()["unreadable"] == 1
    assert caplog.text.count("it is of version 3, and this program knows 2: set aside as") == 1
    again.close()
    assert opened(tmp_path).unreadable == 0


def test_a_journal_of_before_goes_on(tmp_path: Path) -> None:
    records = [b"%03d" % number + b"x" * 97 for number in range(30)]
    laid = [struct.pack(">II", len(record), crc32(record)) + record for record in records]
    (tmp_path / "000000000004.log").write_bytes(b"".join(laid[:10]))
    (tmp_path / "000000000005.log").write_bytes(b"".join(laid[10:]))
    (tmp_path / "all.position").write_text(f"4 {3 * len(laid[0])}\n")
    journal = opened(tmp_path)
    journal.append(b"after")
    journal.flush()
    assert everything(journal) == [*records[3:], b"after"]
    assert journal.dropped == 0
    assert sorted(p.name for p in tmp_path.glob("*.log")) == [f"{number:012d}.log" for number in (4, 5, 6)]


@given(st.binary(max_size=200), st.binary(max_size=30))
@settings(max_examples=100, deadline=None)
def test_no_content_keeps_it_from_opening(segment: bytes, position: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "000000000001.log").write_bytes(segment)
        (folder / "notes.log").write_bytes(segment)
        (folder / "all.position").write_bytes(position)
        journal = opened(folder)
        journal.append(b"after")
        journal.flush()
        assert everything(journal)[-1:] == [b"after"]
        journal.close()
        assert (folder / "notes.log").read_bytes() == segment


def test_passed_segments_go(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    for _ in range(50):
        journal.append(b"x" * 300)
        journal.flush()
    everything(journal)
    journal.reader("all").save()
    journal.trim()
    assert [name for name in os.listdir(tmp_path) if name.endswith(".log")] == [
        journal._path(journal.head.segment)[-16:]
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
    steady = [1000.0]
    journal = Journal(str(tmp_path), 1 << 30, 100, 4096, lambda: steady[0])
    journal.open()
    journal.reader("slow")
    for _ in range(40):
        journal.append(b"x" * 300)
        journal.flush()
    steady[0] += 99
    journal.trim()
    assert journal.dropped == 0
    steady[0] += 2
    journal.trim()
    assert journal.dropped > 0
    assert journal.metrics()["segments"] == 1


@pytest.mark.parametrize(
    "hours", [[0, 1, 2, 3], [10**6, 10**6 + 1, 10**6 + 2, 10**6 + 3], [0, 1, 10**5, 10**5 + 1], [9, 8, 0, 1]]
)
def test_a_clock_that_was_set_makes_no_segment_too_old(tmp_path: Path, hours: list[int]) -> None:
    journal = opened(tmp_path, max_age_s=40 * 3600)
    for number in range(4):
        journal.append(bytes([number]) * 4000)
        journal.flush()
    journal.close()
    for number, hour in enumerate(hours, 1):
        os.utime(tmp_path / f"{number:012d}.log", (hour * 3600, hour * 3600))
    steady = [0.0]
    again = Journal(str(tmp_path), 1 << 30, 40 * 3600, 4096, lambda: steady[0])
    again.open()
    again.reader("slow")
    steady[0] += 25 * 3600
    again.trim()
    assert again.dropped == 0
    assert len(everything(again, "slow")) == 4
    steady[0] += 16 * 3600
    again.trim()
    assert again.metrics()["segments"] == 1


def test_a_full_disk_keeps_what_is_there_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = opened(tmp_path)
    journal.append(b"before")
    journal.flush()
    real = os.write
    monkeypatch.setattr("os.write", lambda fd, data: real(fd, bytes(data)[: len(data) // 2]))
    journal.append(b"half of this is written")
    with pytest.raises(JournalError, match="can't be written: No space left on device"):
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
        return await asyncio.wait_for(waiting, 30)

    assert asyncio.run(follow()) == [b"later"]


def test_a_record_larger_than_a_read_still_comes(tmp_path: Path) -> None:
    journal = opened(tmp_path, segment_bytes=1 << 20)
    journal.append(b"x" * 50_000)
    journal.flush()
    assert journal.reader("all").read_now(100) == [b"x" * 50_000]


def test_a_reader_ahead_of_a_tail_that_was_cut_reads_what_comes_next(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append(b"one")
    journal.append(b"two, which the power cut takes")
    journal.flush()
    assert len(everything(journal)) == 2
    journal.close()
    os.truncate(tmp_path / "000000000001.log", HEAD.size + RECORD.size + 3 + 5)
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


def test_a_journal_that_could_not_be_opened_is_opened_as_soon_as_it_can_be(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "journal"
    before = opened(folder)
    before.append(b"before")
    before.close()
    folder.rename(tmp_path / "away")
    folder.write_text("in the way")
    journal = Journal(str(folder), 1 << 30, 10**9)
    journal.try_to_open()
    assert "the journal can't be opened" in caplog.text
    reader = journal.reader("r")
    journal.append(b"nobody hears that it is kept")
    with pytest.raises(JournalError, match="the journal is not open"):
        journal.flush()
    assert reader.read_now() == []
    folder.unlink()
    (tmp_path / "away").rename(folder)
    monkeypatch.setattr(journal_module, "OPEN_AGAIN_S", 0.0)
    journal.append(b"after")
    journal.flush()
    assert reader.read_now() == [b"before", b"after"]
    journal.close()


def test_what_was_lost_is_written_down_when_the_disk_takes_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = opened(tmp_path, max_bytes=16_384)
    reader = journal.reader("graphite", METRICS, ships=True)
    real = os.write

    def full(fd: int, data: bytes) -> int:
        if b"over_bound" in data:
            raise OSError(28, "No space left on device")
        return real(fd, data)

    monkeypatch.setattr(os, "write", full)
    for slot in range(100):
        body = {"schedule": "s", "slot": slot, "x": "x" * 200}
        journal.append(write_record(METRICS | RUN, "web", 5.0, body), write_note(METRICS | RUN, "web", 5.0, body))
        try:
            journal.flush()
        except JournalError:
            break
    lost = reader.lost
    assert lost > 0
    assert sorted(tmp_path.glob("*.index"))[0].name == "000000000001.index"  # whose they were is still needed
    monkeypatch.undo()
    journal.append(b"\1")
    journal.flush()
    written = [read_record(record, LOST) for record in everything(journal)]
    told = [record.body["lost"]["web"]["s"] for record in written if record is not None]
    assert sum(len(slots) for slots in told) == lost
    journal.close()


def test_notes_and_positions_are_not_in_the_folder_of_the_records(tmp_path: Path) -> None:
    (tmp_path / "master").write_text(f"cachedir: {tmp_path}\n")
    journal = configured_journal(master_config(tmp_path / "master"))
    journal.reader("slow")
    journal.append(b"one")
    journal.flush()
    journal.close()
    assert [path.name for path in (tmp_path / "journal").iterdir()] == ["000000000001.log"]
    names = sorted(path.name for path in (tmp_path / "journal-notes").iterdir())
    assert names == ["000000000001.index", "slow.position"]
