"""The accounts of many devices in one file: whose loss is whose, what is told in turn, and what writing costs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from saltern_agent.devices.ledgers import Ledgers
from saltern_agent.origin import Origin, unpacked


class Steady:
    """A clock by hand that each save takes *took_s* of."""

    def __init__(self) -> None:
        self.now = 1000.0


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "ledger")


def origin(device: str, step: int = 1, schedule: str = "poll") -> Origin:
    return Origin(schedule, 15.0, 15.0 * step, device)


def test_losses_are_each_devices_own_and_outlive_a_restart(path: str) -> None:
    ledgers = Ledgers(path)
    ledgers.drop([origin("a"), origin("b"), origin("a", 2)])
    again = Ledgers(path)
    assert [again.of(device).of("poll")["dropped"] for device in ("a", "b", "c")] == [2, 1, 0]
    assert {again.report().minion for _ in range(2)} == {"a", "b"}  # type: ignore[union-attr]


def test_devices_have_their_turn_when_there_is_something_to_tell(path: str) -> None:
    ledgers = Ledgers(path)
    noted: list[int] = []
    ledgers.noted = lambda: noted.append(1)
    for device in ("a", "b", "c"):
        ledgers.of(device).skip(origin(device))
    assert len(noted) == 3
    told = []
    while (report := ledgers.report()) is not None:
        told.append(report.minion)
        report.accounts.told(report.told)
    assert told == ["a", "b", "c"]
    ledgers.of("b").skip(origin("b", 5))
    report = ledgers.report()
    assert report is not None
    assert (report.minion, report.told[0].skipped) == ("b", [(5, 5)])


def test_failures_cost_a_save_now_and_then_and_losses_one_at_once(path: str) -> None:
    steady = Steady()
    ledgers = Ledgers(path, steady=lambda: steady.now)
    ledgers.of("a").ran("poll", "stats.collect", "no route")
    assert ledgers.unsaved
    assert not os.path.exists(path)
    ledgers.save(at_once=False)
    assert os.path.exists(path)
    before = os.stat(path).st_ino
    for number in range(100):
        ledgers.of(f"d{number}").ran("poll", "stats.collect", "no route")
        ledgers.save(at_once=False)
    assert os.stat(path).st_ino == before, "a hundred failures at once are one file"
    steady.now += 1.1
    ledgers.save(at_once=False)
    assert not ledgers.unsaved
    ledgers.drop([origin("a"), origin("b")])
    assert not ledgers.unsaved
    assert Ledgers(path).of("b").of("poll")["dropped"] == 1


def test_a_device_that_left_is_forgotten_when_all_is_told(path: str) -> None:
    ledgers = Ledgers(path)
    ledgers.of("a").ran("poll", "f", "failed")
    ledgers.of("b").skip(origin("b"))
    for device in ("a", "b", "c"):
        ledgers.forget(device)
    ledgers.save()
    assert Ledgers(path).of("a").of("poll")["failed"] == 0
    assert Ledgers(path).of("b").of("poll")["skipped"] == 1


@pytest.mark.parametrize("junk", [b"", b"junk", b"SALTLDG\x01\0\0\0\0\x80", b"SALTLDG\x01"])
def test_a_damaged_file_is_set_aside(path: str, junk: bytes) -> None:
    Path(path).write_bytes(junk)
    ledgers = Ledgers(path)
    ledgers.drop([origin("a")])
    assert Ledgers(path).of("a").of("poll")["dropped"] == 1


@pytest.mark.parametrize("device", ["", "sw1", "x" * 253])
def test_an_origin_is_packed_with_its_device(device: str) -> None:
    for schedule in ("poll", "größe", "x" * 2048):
        one = Origin(schedule, 15.0, 30.0, device)
        assert unpacked(b"xx" + one.packed() + b"rest", 2) == (one, 2 + len(one.packed()))
    assert Origin("x" * 2049, 15.0, 30.0, device).packed() == b""


def test_what_was_packed_before_there_were_devices_is_the_hosts_own() -> None:
    packed = Origin("poll", 15.0, 30.0).packed()
    assert packed.endswith(b"poll")
    assert unpacked(packed, 0)[0].minion == ""
