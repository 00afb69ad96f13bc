"""Segments: damage costs the records that it touches, no byte is destroyed, and nothing raises."""

from __future__ import annotations

import errno
import logging
import os
import struct
import tempfile
from binascii import crc32
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern import segments
from saltern.segments import HEAD, RECORD, Hole, Kind, Record, Segment
from saltern.set_aside import bound_aside, set_aside
from support.damage import Damage, damages, spans

KIND = Kind(magic=b"SALTTST", suffix=".tst", old_header=struct.Struct(">II"), old_uncounted=0)
NAME = "7.tst"


def write(folder: Path, bodies: list[bytes]) -> Path:
    path = folder / NAME
    path.write_bytes(Segment(KIND, str(path)).pack(bodies))
    return path


def found(folder: Path) -> Segment:
    there, unreadable = Segment.find(KIND, str(folder))
    assert not unreadable
    return there[7]


def recovered(folder: Path) -> tuple[list[bytes], list[Hole]]:
    items = list(found(folder).recover())
    return [i.body for i in items if isinstance(i, Record)], [i for i in items if isinstance(i, Hole)]


def test_what_was_appended_is_found(tmp_path: Path) -> None:
    path = write(tmp_path, [b"one", b"", b"three"])
    segment = found(tmp_path)
    assert [item.body for item in segment.recover() if isinstance(item, Record)] == [b"one", b"", b"three"]
    more = segment.pack([b"four"])
    with open(path, "ab") as stream:
        stream.write(more)
    segment.wrote(len(more), 1)
    assert segment.size == path.stat().st_size
    data = path.read_bytes()
    assert segment.bodies(data[segment.start :])[0] == [b"one", b"", b"three", b"four"]
    assert recovered(tmp_path) == ([b"one", b"", b"three", b"four"], [])


@given(st.lists(st.binary(max_size=80), min_size=1, max_size=12), damages)
@settings(max_examples=200, deadline=None)
def test_damage_costs_what_it_touches(bodies: list[bytes], damage: Damage) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = write(folder, bodies)
        _, first, last = damage.do([path])
        damaged = path.read_bytes()
        there, unreadable = Segment.find(KIND, name)
        if 0 <= first < HEAD.size and unreadable:
            # Whole, under another name; never while the first record's header could tell what was there.
            assert last >= HEAD.size or first <= 7 <= last or damaged[:7].isalnum()
            assert (there, unreadable) == ({}, [7])
            assert [p.read_bytes() for p in folder.iterdir()] == [damaged]
            return
        items = list(there[7].recover())
        read = [item.body for item in items if isinstance(item, Record)]
        holes = [item for item in items if isinstance(item, Hole)]
        at = spans([len(body) for body in bodies])
        hit = [first >= 0 and start <= last and first < end for start, end in at]
        assert read == [body for body, was_hit in zip(bodies, hit, strict=True) if not was_hit]
        tail = hit[-1]
        lost = sum(hole.records for hole in holes)
        if tail:
            assert lost <= sum(hit)
        else:
            assert lost == sum(hit)
        # What is no longer in the file lies beside it, or was zeros or the beginning of a record.
        for hole in holes:
            assert (folder / f"{NAME}.damaged-{hole.start}").read_bytes() == damaged[hole.start : hole.end]
        assert damaged.startswith(path.read_bytes())
        if tail and not holes:
            cut = damaged[path.stat().st_size :]
            assert not any(cut)
        # A second look finds the same, and nothing to cut or count.
        again = list(Segment.find(KIND, name)[0][7].recover())
        assert [item.body for item in again if isinstance(item, Record)] == read
        assert not any(item.new for item in again if isinstance(item, Hole))


@given(st.lists(st.binary(max_size=80), min_size=1, max_size=6), st.floats(0, 1))
@settings(max_examples=150, deadline=None)
def test_a_torn_tail_is_cut_and_not_counted(bodies: list[bytes], share: float) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = write(Path(name), bodies)
        cut = int(share * path.stat().st_size)
        os.truncate(path, cut)
        kept = [body for body, (_, end) in zip(bodies, spans([len(b) for b in bodies]), strict=True) if end <= cut]
        assert recovered(Path(name)) == (kept, [])
        assert (
            path.stat().st_size == (spans([len(b) for b in kept]) or [(0, HEAD.size if cut >= HEAD.size else 0)])[-1][1]
        )
        assert os.listdir(name) == [NAME]


def test_zeros_at_the_end_are_a_torn_tail(tmp_path: Path) -> None:
    path = write(tmp_path, [b"one", b"two"])
    size = path.stat().st_size
    os.truncate(path, size + 1_000_000)
    assert recovered(tmp_path) == ([b"one", b"two"], [])
    assert path.stat().st_size == size


def test_a_damaged_length_at_the_end_is_no_torn_tail(tmp_path: Path) -> None:
    path = write(tmp_path, [b"one", b"two"])
    start, end = spans([3, 3])[1]
    data = bytearray(path.read_bytes())
    data[start + 14] = 9  # longer than the file, as if it had been cut
    path.write_bytes(data)
    bodies, holes = recovered(tmp_path)
    assert bodies == [b"one"]
    assert holes == [Hole(start, end, 1, True)]
    assert (tmp_path / f"{NAME}.damaged-{start}").read_bytes() == data[start:]


def test_a_record_inside_a_record_is_not_found(tmp_path: Path) -> None:
    # A minion returns what looks like a segment; the header of the record around it is damaged.
    forged = Segment(KIND, "").pack([b"forged"])
    path = write(tmp_path, [b"one", bytes(forged), b"three"])
    start = spans([3, len(forged), 5])[1][0]
    data = bytearray(path.read_bytes())
    data[start] ^= 255
    path.write_bytes(data)
    bodies, holes = recovered(tmp_path)
    assert bodies == [b"one", b"three"]
    assert [hole.records for hole in holes] == [1]


def test_a_mark_across_two_blocks_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, [b"x" * 100, b"two", b"three"])
    data = bytearray(path.read_bytes())
    data[HEAD.size] ^= 255
    path.write_bytes(data)
    for scan in range(segments.MARK_BYTES, 60):
        monkeypatch.setattr(segments, "SCAN_BYTES", scan)
        assert recovered(tmp_path)[0] == [b"two", b"three"]


@pytest.mark.parametrize(
    ("offset", "byte", "why"),
    [
        (0, ord("X"), "its head is damaged"),
        (7, 3, "it is of version 3, and this program knows 2"),
        (7, 1, "it is of version 1, and this program knows 2"),
    ],
)
def test_what_has_another_head_is_set_aside_whole(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, offset: int, byte: int, why: str
) -> None:
    for number in range(3):
        path = write(tmp_path, [b"one %d" % number])
        data = bytearray(path.read_bytes())
        data[offset] = byte if data[offset] != byte else 255
        path.write_bytes(data)
        assert Segment.find(KIND, str(tmp_path)) == ({}, [7])
        # The next under the same name doesn't take the place of the one before.
        aside = tmp_path / (f"{NAME}.unreadable" + (f"-{number + 1}" if number else ""))
        assert aside.read_bytes() == data
        assert f"{path}: {why}: set aside as {aside.name}" in caplog.text
    assert Segment.find(KIND, str(tmp_path)) == ({}, [])


@pytest.mark.parametrize("offset", [0, 6, 9, 17])
def test_a_damaged_head_costs_nothing_while_the_first_record_is_whole(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, offset: int
) -> None:
    path = write(tmp_path, [b"one", b"two"])
    data = bytearray(path.read_bytes())
    data[offset] ^= 255
    path.write_bytes(data)
    assert recovered(tmp_path) == ([b"one", b"two"], [])
    assert "its head is damaged: it is read all the same" in caplog.text
    data[8] ^= 255
    data[HEAD.size] ^= 255  # and both places that would tell the mark
    path.write_bytes(data)
    assert Segment.find(KIND, str(tmp_path)) == ({}, [7])
    assert (tmp_path / f"{NAME}.unreadable").read_bytes() == data


def test_damage_from_the_head_into_the_first_record_costs_that_one(tmp_path: Path) -> None:
    path = write(tmp_path, [b"one", b"two", b"three"])
    data = bytearray(path.read_bytes())
    data[16:24] = b"\xff" * 8
    path.write_bytes(data)
    bodies, holes = recovered(tmp_path)
    assert bodies == [b"two", b"three"]
    assert [hole.records for hole in holes] == [1]


def test_a_segment_of_before_is_read_and_not_appended_to(tmp_path: Path) -> None:
    old = b"".join(struct.pack(">II", len(b), crc32(b)) + b for b in (b"one", b"two", b"three"))
    (tmp_path / NAME).write_bytes(old)
    segment = found(tmp_path)
    assert recovered(tmp_path) == ([b"one", b"two", b"three"], [])
    assert not segment.appendable
    assert segment.bodies(old) == ([b"one", b"two", b"three"], len(old))
    # It has no marks: the rest behind damage lies beside.
    (tmp_path / NAME).write_bytes(old[:12] + b"\xff" + old[13:])
    bodies, holes = recovered(tmp_path)
    assert bodies == [b"one"]
    assert holes == [Hole(11, len(old), 1, True)]
    assert (tmp_path / f"{NAME}.damaged-11").read_bytes() == old[11:12] + b"\xff" + old[13:]


def test_bytes_that_can_not_be_copied_are_not_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, [b"one", b"two"])
    data = path.read_bytes()[:-1] + b"!"
    path.write_bytes(data)

    def full(*_: object) -> bool:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(segments, "copy_aside", full)
    segment = found(tmp_path)
    assert [type(item) for item in segment.recover()] == [Record, Hole]
    assert not segment.appendable
    assert path.read_bytes() == data


def test_foreign_files_are_left_alone(tmp_path: Path) -> None:
    for name in ("x.tst", ".tst", "7.tst.unreadable", "7.tst.damaged-3", "7"):
        (tmp_path / name).write_bytes(b"mine")
    assert Segment.find(KIND, str(tmp_path)) == ({}, [])
    assert all(path.read_bytes() == b"mine" for path in tmp_path.iterdir())


def test_what_is_set_aside_is_bounded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(5):
        path = tmp_path / f"{number}.tst"
        path.write_bytes(bytes(100))
        os.utime(path, (number, number))
        set_aside(str(path), "why")
    (tmp_path / "9.tst").write_bytes(bytes(10_000))
    with caplog.at_level(logging.ERROR):
        bound_aside(str(tmp_path), 300)
    assert sorted(os.listdir(tmp_path)) == [f"{n}.tst.unreadable" for n in (2, 3, 4)] + ["9.tst"]
    assert caplog.text.count("deleted") == 2


def test_a_hole_that_grows_is_counted_once(tmp_path: Path) -> None:
    path = write(tmp_path, [b"zero", b"one", b"two", b"three"])
    at = spans([4, 3, 3, 5])

    def damage(index: int) -> None:
        data = bytearray(path.read_bytes())
        data[at[index][0]] ^= 255
        path.write_bytes(data)

    damage(2)
    segment = found(tmp_path)
    assert sum(item.records for item in segment.recover() if isinstance(item, Hole)) == 1
    damage(1)
    with open(path, "rb") as stream:
        assert segment.hole(stream.fileno(), at[1][0]) == Hole(at[1][0], at[2][1], 1, True)
        assert segment.hole(stream.fileno(), at[1][0]) == Hole(at[1][0], at[2][1], 0, False)
        # Whoever lost his place finds the record that he is in.
        assert segment.hole(stream.fileno(), at[3][0] + 3).end == at[3][0]


def test_the_sizes_that_are_drawn_are_true() -> None:
    assert (HEAD.size, RECORD.size) == (20, 24)


@pytest.mark.parametrize("make", ["folder", "link"])
def test_what_is_no_file_is_set_aside_and_keeps_nothing_from_being_found(tmp_path: Path, make: str) -> None:
    odd = tmp_path / f"1{KIND.suffix}"
    if make == "folder":
        odd.mkdir()
    else:
        odd.symlink_to(tmp_path / "elsewhere")
        (tmp_path / "elsewhere").write_bytes(b"x")
    good = Segment(KIND, str(tmp_path / f"2{KIND.suffix}"))
    (tmp_path / f"2{KIND.suffix}").write_bytes(good.pack([b"record"]))
    found, unreadable = Segment.find(KIND, str(tmp_path))
    assert (list(found), unreadable) == ([2], [1])
    assert (tmp_path / f"1{KIND.suffix}.unreadable").exists()


def test_a_segment_that_may_only_be_read_is_read_and_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, [b"one", b"two"])
    torn = path.read_bytes()[:-1]
    path.write_bytes(torn)
    opened = os.open

    def read_only(path: str, flags: int, *more: int) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR):
            raise OSError(errno.EROFS, "Read-only file system", path)
        return opened(path, flags, *more)

    monkeypatch.setattr(os, "open", read_only)
    segment = found(tmp_path)
    assert [item.body for item in segment.recover() if isinstance(item, Record)] == [b"one"]
    assert not segment.appendable
    assert path.read_bytes() == torn


def test_what_can_not_be_set_aside_stays_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path, [b"one"])
    data = bytearray(path.read_bytes())
    data[7] ^= 255
    path.write_bytes(data)

    def denied(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "rename", denied)
    assert Segment.find(KIND, str(tmp_path)) == ({}, [7])
    assert path.read_bytes() == data
    assert "can't be renamed: Read-only file system" in caplog.text
