"""The ledger keeps what became of slots that brought no sample, until the master has it, over kills and bad disks."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern.wire import pack
from saltern_agent.accountant import message
from saltern_agent.accounts import MAX_RANGES, MAX_RANGES_IN_ALL, MAX_RANGES_TOLD, MAX_SCHEDULES, Told
from saltern_agent.ledger import Ledger
from saltern_agent.origin import Origin
from support.descriptors import exhausted

CLOCK_S = 1_700_000_000.5


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "cache" / "ledger")


def opened(path: str) -> Ledger:
    return Ledger(path, lambda: CLOCK_S)


def slots(*steps: int, name: str = "stats", seconds: float = 15) -> list[Origin]:
    return [Origin(name, seconds, seconds * step) for step in steps]


def test_what_is_noted_is_told_in_ranges_until_the_master_has_it(path: str) -> None:
    ledger = opened(path)
    ledger.drop(slots(1, 2, 3, 7))
    ledger.skip(slots(5)[0])
    report = ledger.report()
    assert message(report) == {
        "schedules": {"stats": {"seconds": 15, "dropped": [[15, 45], [105, 105]], "skipped": [[75, 75]]}}
    }
    ledger.drop(slots(4, 8))
    ledger.skip(slots(6)[0])
    ledger.told(report)
    assert ledger.report() == [Told("stats", 15, [(4, 4), (8, 8)], [(6, 6)])]
    ledger.told(ledger.report())
    assert ledger.report() == []
    assert ledger.of("stats") == {"dropped": 6, "skipped": 2, "failed": 0, "last_error": None}


def test_it_is_on_disk_at_once(path: str, caplog: pytest.LogCaptureFixture) -> None:
    ledger = opened(path)
    ledger.drop(slots(1, 2))
    ledger.skip(slots(3)[0])
    ledger.ran("stats", "stats.collect", "it hurts")
    again = opened(path)
    assert again.report() == [Told("stats", 15, [(1, 2)], [(3, 3)])]
    error = {"text": "it hurts", "when": CLOCK_S}
    assert again.of("stats") == {"dropped": 2, "skipped": 1, "failed": 1, "last_error": error}
    again.told(again.report())
    assert opened(path).report() == []
    assert opened(path).of("stats")["dropped"] == 2
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_changed_interval_is_told_apart(path: str) -> None:
    ledger = opened(path)
    ledger.drop(slots(10, 11))
    ledger.drop(slots(5, seconds=0.25))
    first = ledger.report()
    assert message(first)["schedules"]["stats"]["seconds"] == 15
    ledger.told(first)
    second = ledger.report()
    assert message(second)["schedules"] == {"stats": {"seconds": 0.25, "dropped": [[1.25, 1.25]], "skipped": []}}
    ledger.told(second)
    ledger.told(first)  # a late answer to what was told before says nothing new
    assert ledger.report() == []


def test_a_slot_that_is_lost_twice_is_one(path: str) -> None:
    ledger = opened(path)
    ledger.drop(slots(1, 1))
    ledger.drop(slots(1))
    assert ledger.of("stats")["dropped"] == 1


def test_a_series_of_failures_is_said_at_its_beginning_and_end(path: str, caplog: pytest.LogCaptureFixture) -> None:
    ledger = opened(path)
    with caplog.at_level("INFO"):
        ledger.ran("count", "mod.count", None)
        for number in range(3):
            ledger.ran("count", "mod.count", f"reason {number}")
        ledger.ran("count", "mod.count", None)
        ledger.ran("count", "mod.count", None)
        ledger.ran("count", "mod.count", "again")
    assert [record.getMessage() for record in caplog.records] == [
        "schedule: count: mod.count made no sample: reason 0",
        "schedule: count: mod.count makes samples again, after failures: 3",
        "schedule: count: mod.count made no sample: again",
    ]
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO", "WARNING"]
    assert ledger.of("count")["failed"] == 4
    assert ledger.of("count")["last_error"]["text"] == "again"


def test_who_is_scheduled_no_more_is_forgotten_once_told(path: str) -> None:
    ledger = opened(path)
    ledger.drop(slots(1))
    ledger.skip(slots(1, name="other")[0])
    ledger.ran("third", "a.b", "no")
    ledger.retain(["other"])
    assert ledger.of("third")["failed"] == 0
    assert [part.schedule for part in ledger.report()] == ["stats", "other"]
    ledger.told(ledger.report())
    assert (ledger.of("stats")["dropped"], ledger.of("other")["skipped"]) == (0, 1)
    assert opened(path).of("other")["skipped"] == 1


def test_ranges_are_bounded_and_the_totals_are_not(path: str) -> None:
    ledger = opened(path)
    ledger.drop(slots(*range(0, 4 * MAX_RANGES, 2)))
    report = ledger.report()
    assert sum(len(part.dropped) for part in report) == MAX_RANGES
    assert report[0].dropped[0] == (2 * MAX_RANGES, 2 * MAX_RANGES), "the oldest were forgotten"
    assert ledger.of("stats")["dropped"] == 2 * MAX_RANGES


def test_a_message_is_bounded_and_the_rest_follows(path: str) -> None:
    ledger = opened(path)
    names = [f"{n}" + "é" * 500 for n in range(5)]
    for name in names:
        ledger.drop(slots(*range(0, 1200, 2), name=name))
    seen: dict[str, int] = dict.fromkeys(names, 0)
    messages = 0
    while report := ledger.report():
        assert sum(len(part.dropped) + len(part.skipped) for part in report) <= MAX_RANGES_TOLD
        assert len(pack("account", 1, message(report))) < 64_000
        for part in report:
            seen[part.schedule] += len(part.dropped)
        ledger.told(report)
        messages += 1
    assert set(seen.values()) == {600}
    assert messages == 3


def test_all_together_are_bounded(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ledger, "save", lambda ledger: None)
    ledger = opened(path)
    for n in range(MAX_RANGES_IN_ALL // MAX_RANGES + 2):
        ledger.drop(slots(*range(0, 2 * MAX_RANGES, 2), name=str(n)))
    assert sum(account.ranges() for account in ledger._accounts.values()) == MAX_RANGES_IN_ALL
    for n in range(MAX_SCHEDULES + 5):
        ledger.ran(f"x{n}", "a.b", "no")
    assert len(ledger._accounts) == MAX_SCHEDULES
    assert ledger.of("0")["dropped"] == MAX_RANGES, "one with notes stays"


@pytest.mark.parametrize("content", [b"", b"SALTLDG\x01", b"SALTLDG\x02" + bytes(30), b"x" * 200])
def test_a_file_that_can_not_be_read_is_set_aside(path: str, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    os.mkdir(os.path.dirname(path))
    Path(path).write_bytes(content)
    ledger = opened(path)
    assert len(caplog.records) == 1
    assert Path(path + ".unreadable").read_bytes() == content
    ledger.drop(slots(1))
    assert opened(path).report() == ledger.report() != []
    assert len(caplog.records) == 1


@given(st.integers(0, 400), st.integers(1, 255))
@settings(deadline=None)
def test_any_flipped_byte_is_found(at: int, flip: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "ledger")
        ledger = opened(path)
        ledger.drop(slots(1, 3, 5))
        ledger.ran("stats", "a.b", "no")
        data = bytearray(Path(path).read_bytes())
        data[at % len(data)] ^= flip
        Path(path).write_bytes(data)
        again = opened(path)
        assert (again.report(), again.of("stats")["failed"]) == ([], 0)


def test_a_disk_that_fails_is_said_once_and_tried_again(path: str, caplog: pytest.LogCaptureFixture) -> None:
    folder = Path(path).parent
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("in the way")
    ledger = opened(path)
    with caplog.at_level("INFO"):
        for step in range(5):
            ledger.drop(slots(step))
        assert ledger.unsaved
        folder.unlink()
        ledger.save()
    assert not ledger.unsaved
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR", "INFO"]  # read, written, again
    assert opened(path).report() == [Told("stats", 15, [(0, 4)], [])]
    shutil.rmtree(folder)
    ledger.drop(slots(5))
    assert opened(path).report() == [Told("stats", 15, [(0, 5)], [])]


def test_a_folder_in_its_place_is_set_aside(path: str) -> None:
    os.makedirs(path)
    ledger = opened(path)
    ledger.skip(slots(1)[0])
    ledger.save()
    assert not ledger.unsaved
    assert opened(path).of("stats") == ledger.of("stats")
    assert os.path.isdir(path + ".unreadable")


def test_one_that_can_not_be_read_just_now_goes_on_later(path: str, caplog: pytest.LogCaptureFixture) -> None:
    before = opened(path)
    before.drop(slots(1, 2, 9))
    before.ran("stats", "stats.collect", "it hurts")
    before.drop(slots(1, name="other"))
    kept = Path(path).read_bytes()
    with exhausted():
        ledger = opened(path)
        ledger.drop(slots(3))
        ledger.skip(slots(5)[0])
    assert Path(path).read_bytes() == kept
    assert ledger.of("stats")["dropped"] == 1
    ledger.drop(slots(8))
    for found in (ledger, opened(path)):
        assert found.report() == [
            Told("stats", 15, [(1, 3), (8, 9)], [(5, 5)]),
            Told("other", 15, [(1, 1)], []),
        ]
        assert found.of("stats") == {
            "dropped": 5, "skipped": 1, "failed": 1, "last_error": {"text": "it hurts", "when": CLOCK_S}
        }  # fmt: skip
    assert caplog.text.count("can't be read") == 1
    assert not Path(f"{path}.unreadable").exists()
