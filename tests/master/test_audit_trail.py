"""The audit's file: chained, begun anew where it was renamed, and whole again after what a kill or a full disk left."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import JournalError
from saltern.secret import Secret
from saltern_master.audit.record import FAILED, Record, canonical, cut, digest_of_arguments, record_of, shown_ids
from saltern_master.audit.trail import NOTHING, Trail
from saltern_master.audit.verdict import verdict_on
from support.mounts import tmpfs

LARGE = 1 << 30


def made(number: int, **more: Any) -> Record:
    return Record(1700000000.25 + number, "local:root", f"wheel.key.accept{number}", **more)


def trail_in(folder: Path, max_bytes: int = LARGE) -> Trail:
    trail = Trail(str(folder / "audit.log"), max_bytes)
    trail.begin(0, "")
    return trail


def verdict(folder: Path, newest: tuple[int, str] | None = None) -> dict[str, Any]:
    return verdict_on(str(folder / "audit.log"), str(folder / "audit.log.1"), newest)


def lines(folder: Path) -> list[bytes]:
    return (folder / "audit.log").read_bytes().splitlines(keepends=True)


def test_each_line_is_chained_to_the_one_before(tmp_path: Path) -> None:
    trail = trail_in(tmp_path)
    written = trail.append([made(1), made(2, result=FAILED, code="keys")])
    written += trail.append([made(3)])
    said = [json.loads(line) for line in lines(tmp_path)]
    assert [one["seq"] for one in said] == [1, 2, 3] == [one.seq for one in written]
    assert [one["prev"] for one in said] == [NOTHING, written[0].digest, written[1].digest]
    assert said[1]["time"] == "2023-11-14T22:13:22.250000Z"
    assert (said[1]["result"], said[1]["code"], "code" in said[0]) == ("failed", "keys", False)
    assert os.stat(tmp_path / "audit.log").st_mode & 0o777 == 0o640
    assert verdict(tmp_path, (3, trail.digest)) == {
        "ok": True,
        "lines": 3,
        "first": 1,
        "last": 3,
        "torn": 0,
        "fault": "",
    }


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda all_: [all_[0], *all_[2:]], "audit.log, line 2: has number 3 behind 1"),
        (lambda all_: [*all_[:2], all_[2].replace(b"root", b"fred"), *all_[3:]], "audit.log, line 4: the line before"),
        (lambda all_: [all_[0], all_[2], all_[1], all_[3]], "audit.log, line 2: has number 3 behind 1"),
        (lambda all_: all_[:3], "audit.log: ends with number 3, and 4 was recorded"),
        (lambda all_: [*all_[:3], all_[3].replace(b"root", b"fred")], "line 4: is not what was recorded under"),
        (lambda all_: [*all_[:2], b"nothing\n", *all_[2:]], "audit.log, line 4: the line before"),
        (lambda all_: [*all_[:2], all_[2][:20] + b"\n", all_[3]], "audit.log, line 4: has number 4 behind 2"),
    ],
)
def test_what_is_taken_changed_or_put_in_shows(tmp_path: Path, change: Any, fault: str) -> None:
    trail = trail_in(tmp_path)
    trail.append([made(number) for number in range(4)])
    newest = trail.seq, trail.digest
    (tmp_path / "audit.log").write_bytes(b"".join(change(lines(tmp_path))))
    found = verdict(tmp_path, newest)
    assert not found["ok"]
    assert fault in found["fault"]


def test_lines_that_went_while_nobody_wrote_leave_a_gap_for_ever(tmp_path: Path) -> None:
    trail = trail_in(tmp_path)
    trail.append([made(1), made(2), made(3)])
    (tmp_path / "audit.log").write_bytes(lines(tmp_path)[0])
    again = Trail(trail.path, LARGE)
    assert again.begin(trail.seq, trail.digest) == 2
    again.append([made(4)])
    assert verdict(tmp_path, (again.seq, again.digest))["fault"].startswith("audit.log, line 2: has number 4 behind 1")


def test_a_file_that_is_renamed_is_begun_anew_and_the_chain_goes_on(tmp_path: Path) -> None:
    trail = trail_in(tmp_path)
    trail.append([made(1)])
    (tmp_path / "audit.log").rename(tmp_path / "audit.log.1")
    trail.append([made(2)])
    assert verdict(tmp_path)["lines"] == 2
    (tmp_path / "audit.log").rename(tmp_path / "audit.log.1")  # and again, while nobody writes
    again = Trail(trail.path, LARGE)
    assert again.begin(trail.seq, trail.digest) == 0
    again.append([made(3)])
    found = verdict(tmp_path, (again.seq, again.digest))
    assert (found["ok"], found["first"], found["last"]) == (True, 2, 3)
    (tmp_path / "audit.log.1").write_bytes(b"")
    assert verdict(tmp_path)["first"] == 3


def test_one_over_its_bound_is_renamed(tmp_path: Path) -> None:
    trail = trail_in(tmp_path, 2000)
    for number in range(100):
        trail.append([made(number)])
    assert sorted(os.listdir(tmp_path)) == ["audit.log", "audit.log.1"]
    assert all(path.stat().st_size < 2300 for path in tmp_path.iterdir())
    assert verdict(tmp_path)["ok"]


@pytest.mark.parametrize("left", [1, 30, -1])
def test_what_a_kill_left_of_a_line_stays_and_the_chain_holds_over_it(tmp_path: Path, left: int) -> None:
    trail = trail_in(tmp_path)
    trail.append([made(1), made(2)])
    first, second = lines(tmp_path)
    (tmp_path / "audit.log").write_bytes(first + second[:left])
    again = trail_in(tmp_path)
    assert again.seq == (2 if left == -1 else 1)
    again.append([made(3)])
    found = verdict(tmp_path, (again.seq, again.digest))
    assert (found["ok"], found["torn"], found["lines"]) == (True, int(left != -1), 3)
    cut_short = (tmp_path / "audit.log").read_bytes().replace(second[:left] + b"\n", b"")
    if left > 1:  # the half of a line is a line of the chain as any other
        (tmp_path / "audit.log").write_bytes(cut_short)
        assert not verdict(tmp_path)["ok"]


def test_a_full_disk_tells_how_much_is_there_and_nothing_is_written_twice(tmp_path: Path) -> None:
    with tmpfs(tmp_path / "disk", "size=64k") as disk:
        folder = Path(disk.path)
        trail = trail_in(folder)
        trail.append([made(1)])
        some = [made(number, target="x" * 300) for number in range(2, 400)]
        with pytest.raises(JournalError, match=r"audit\.log: can't be written: No space left on device"):
            trail.append(some)
        trail.look()
        there = trail.seq - 1
        assert 0 < there < len(some)
        kept = (folder / "audit.log").read_bytes()
        torn = not kept.endswith(b"\n")
        trail.close()
        (tmp_path / "audit.log").write_bytes(kept)
    trail = trail_in(tmp_path)  # a disk with more room
    assert trail.seq == 1 + there
    trail.append(some[there:])
    found = verdict(tmp_path, (trail.seq, trail.digest))
    assert (found["ok"], found["last"], found["torn"]) == (True, len(some) + 1, int(torn))


@pytest.mark.parametrize("ids", [[], ["a"], ["a"] * 5])
def test_few_ids_are_shown(ids: list[str]) -> None:
    assert shown_ids(ids) == ",".join(ids)


def test_many_ids_are_the_first_and_a_digest_of_all_in_any_order() -> None:
    ids = [f"web{number}" for number in range(10)]
    assert shown_ids(ids).startswith("web0,web1,web2,web3,web4,… sha256:")
    assert shown_ids(ids)[-32:] == shown_ids(ids[::-1])[-32:] != shown_ids([*ids, "x"])[-32:]


def test_arguments_are_a_digest_of_one_form_without_secrets() -> None:
    assert canonical({"b": [1, (2.5, None)], "a": {"y": b"\xff", "x": "é"}}) == (
        b'{"a":{"x":"\\u00e9","y":"\\\\xff"},"b":[1,[2.5,null]]}'
    )
    assert digest_of_arguments({}) == ""
    assert digest_of_arguments({"a": 1, "b": 2}) == digest_of_arguments({"b": 2, "a": 1})
    assert digest_of_arguments({"a": Secret("x")}) == digest_of_arguments({"a": Secret("y")})
    assert len(digest_of_arguments({"a": {b"x": {1: object}}})) == 64


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.binary() | st.integers(), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), ANY))
def test_whatever_crossed_the_wire_has_a_digest(arguments: dict[str, Any]) -> None:
    assert canonical(arguments) == canonical(dict(reversed(arguments.items())))


TEXTS = st.text(st.characters(), max_size=50).map(cut)


@given(
    st.builds(
        Record,
        time=st.floats(0, 2**33).map(lambda at: round(at, 3)),
        who=TEXTS,
        what=TEXTS,
        result=TEXTS,
        target=TEXTS,
        minions=st.integers(0, 2**40),
        more=st.integers(0, 2**40),
    )
)
def test_a_line_says_all_of_a_record(record: Record) -> None:
    line = record.line(5, NOTHING)
    assert line.count(b"\n") == 1
    again = record_of(json.loads(line))
    assert again._replace(time=0.0) == record._replace(time=0.0)
    assert abs(again.time - record.time) < 1e-5


@given(st.dictionaries(st.sampled_from([*Record._fields, "seq"]), ANY))
def test_a_line_that_is_none_of_ours_is_an_error_of_one_kind(line: dict[str, Any]) -> None:
    with contextlib.suppress(ValueError):
        found = record_of(line)._asdict()
        assert {name: value for name, value in line.items() if name not in ("seq", "time")}.items() <= found.items()
