"""The account: expected, received, late, missing; each slot once, whatever the order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.wire import pack_value
from saltern_master import accounting as module
from saltern_master.accounting import DUE_INTERVALS, TALLIES_A_TURN, Accounting, Tally

SCHEDULE = {"stats": {"seconds": 15}}
T0 = 1_800_000_000  # a multiple of 15


def body(slot: float, **account: int) -> dict[str, object]:
    return {"schedule": "stats", "slot": slot, "account": account}


def numbers(accounting: Accounting, now: float) -> dict[str, float]:
    ((_, _, found),) = accounting.rows(now)
    return found


def test_a_perfect_hour(tmp_path: Path) -> None:
    accounting = Accounting(str(tmp_path / "account"))
    accounting.expect("web01", SCHEDULE, T0 + 3)
    for slot in range(T0, T0 + 3600, 15):
        accounting.received("web01", body(slot), slot + 7)  # type: ignore[arg-type]
    found = numbers(accounting, T0 + 3600 + 15)
    assert found == {
        "expected": 240,
        "received": 240,
        "missing": 0,
        "late": 0,
        "dropped": 0,
        "skipped": 0,
        "completeness": 100.0,
    }


def test_an_outage_is_missing_then_late(tmp_path: Path) -> None:
    accounting = Accounting(str(tmp_path / "account"))
    accounting.expect("web01", SCHEDULE, T0)
    accounting.received("web01", body(T0), T0 + 5)  # type: ignore[arg-type]
    found = numbers(accounting, T0 + 600)
    assert (found["expected"], found["received"], found["missing"]) == (39, 1, 38)
    assert found["completeness"] == pytest.approx(100 / 39)
    for slot in range(T0 + 15, T0 + 600, 15):
        accounting.received("web01", body(slot, dropped=2), T0 + 600)  # type: ignore[arg-type]
    found = numbers(accounting, T0 + 600)
    assert found["missing"] == 0
    assert found["late"] == 38 - 1  # the last slot was not due yet
    assert found["dropped"] == 2
    assert found["completeness"] == 100.0


@given(st.lists(st.integers(0, 300), max_size=60), st.integers(0, 400))
def test_each_slot_counts_once_in_any_order(steps: list[int], now_step: int) -> None:
    tally = Tally(15.0, T0)
    for step in steps:
        tally.add(T0 + 15 * step, T0 + 15 * step + 1)
    now = T0 + 15 * now_step
    assert tally.received == len(set(steps))
    due = max(now_step - DUE_INTERVALS, max(steps, default=-1))
    assert tally.expected(now) == max(0, due + 1)
    assert tally.received <= max(tally.expected(now), 0) or not steps
    window = min(240, now_step - DUE_INTERVALS + 1)
    if window >= 1:
        got = len({step for step in steps if now_step - DUE_INTERVALS - window < step <= now_step - DUE_INTERVALS})
        assert tally.completeness(now) == pytest.approx(100 * got / window)


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    path = str(tmp_path / "account")
    accounting = Accounting(path)
    accounting.expect("web01", SCHEDULE, T0)
    accounting.received("web01", body(T0), T0 + 1)  # type: ignore[arg-type]
    accounting.save()
    again = Accounting(path)
    again.load()
    again.expect("web01", SCHEDULE, T0 + 300)
    again.received("web01", body(T0), T0 + 300)  # type: ignore[arg-type]
    assert numbers(again, T0 + 300)["received"] == 1
    assert numbers(again, T0 + 300)["expected"] == 19


@pytest.mark.parametrize("late_by", [100, 17_280])  # the longest that an agent keeps returns, at 15 s
def test_a_slot_of_an_outage_counts_once_over_a_restart(tmp_path: Path, late_by: int) -> None:
    path = str(tmp_path / "account")
    first, now = T0, T0 + 15 * late_by
    accounting = Accounting(path)
    accounting.expect("web01", SCHEDULE, first)
    for slot in (now, first + 15, first):
        accounting.received("web01", body(slot), now)  # type: ignore[arg-type]
    accounting.save()
    again = Accounting(path)
    again.load()
    assert list(again.rows(now)) == list(accounting.rows(now))
    again.received("web01", body(first + 15), now)  # type: ignore[arg-type]
    assert numbers(again, now)["received"] == 3


def test_an_account_of_an_older_master_is_read(tmp_path: Path) -> None:
    fields = {"bits": b"\x05", "dropped": 1, "first": T0, "last": T0 + 30, "late": 2, "received": 2}
    rows = [("web01", "stats", {**fields, "seconds": 15.0, "skipped": 3})]
    (tmp_path / "account").write_bytes(pack_value(rows))
    accounting = Accounting(str(tmp_path / "account"))
    accounting.load()
    accounting.received("web01", body(T0, dropped=1, skipped=3), T0 + 60)  # type: ignore[arg-type]
    accounting.received("web01", body(T0 + 15, dropped=1, skipped=3), T0 + 60)  # type: ignore[arg-type]
    assert numbers(accounting, T0 + 60) == {
        "expected": 3,
        "received": 3,
        "missing": 0,
        "late": 3,
        "dropped": 1,
        "skipped": 3,
        "completeness": 100.0,
    }


@pytest.mark.parametrize(
    "content",
    [
        b"\xc1nonsense",
        b"",
        pack_value([1, 2]),
        pack_value({"a": 1}),
        pack_value([("a", "b", {"seconds": 15})]),
        pack_value([("a", "b", {**dict.fromkeys(Tally.__slots__, 1), "bits": b"", "seconds": 0})]),
        pack_value(
            [("a", "b", {**dict.fromkeys(("seconds", "first", "last", "received"), 1), "late": float("inf")})],
        ),
        pack_value(
            [("a", "b", {**dict.fromkeys(("seconds", *Tally.__slots__), 1), "slots": b"nonsense"})],
        ),
    ],
)
def test_a_damaged_file_starts_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes) -> None:
    (tmp_path / "account").write_bytes(content)
    accounting = Accounting(str(tmp_path / "account"))
    accounting.load()
    assert list(accounting.rows(T0)) == []
    assert "the account starts anew" in caplog.text


def fleet(path: Path, minions: int) -> Accounting:
    """Return the account of minions that returned for four days, every slot."""
    accounting = Accounting(str(path))
    for number in range(minions):
        accounting.expect(f"web{number}", SCHEDULE, T0)
        for slot in (T0, T0 + 15 * module.REMEMBERED_SLOTS):
            accounting.received(f"web{number}", body(slot), slot)  # type: ignore[arg-type]
        accounting._tallies[f"web{number}"]["stats"].bits = (1 << module.REMEMBERED_SLOTS) - 1
    return accounting


def test_an_account_is_written_a_few_tallies_in_a_turn_of_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        accounting = fleet(tmp_path / "account", 1000)
        turn, packed_in = 0, []
        pack = pack_value

        def counting(value: Any) -> bytes:
            packed_in.append(turn)
            return pack(value)

        monkeypatch.setattr(module, "pack_value", counting)
        saving = asyncio.create_task(accounting.save_in_turns())
        while not saving.done():
            turn += 1
            await asyncio.sleep(0)
        await saving
        assert len(packed_in) == 1000
        assert max(packed_in.count(number) for number in set(packed_in)) <= TALLIES_A_TURN
        assert (tmp_path / "account").stat().st_size < 1000 * 200
        again = Accounting(str(tmp_path / "account"))
        again.load()
        assert list(again.rows(T0 + 400_000)) == list(accounting.rows(T0 + 400_000))

    asyncio.run(run())


def test_the_fleet_may_change_while_its_account_is_written(tmp_path: Path) -> None:
    async def run() -> None:
        accounting = fleet(tmp_path / "account", 200)
        saving = asyncio.create_task(accounting.save_in_turns())
        await asyncio.sleep(0)
        accounting.forget(["web0", "web150"])
        accounting.expect("web151", {"other": {"seconds": 60}}, T0)
        accounting.expect("new", SCHEDULE, T0)
        await saving
        again = Accounting(str(tmp_path / "account"))
        again.load()
        assert len(list(again.rows(T0))) == 200

    asyncio.run(run())


def test_what_was_gathered_earlier_never_replaces_what_was_gathered_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        gathered, go_on = asyncio.Event(), asyncio.Event()

        async def slow_thread(function: Callable[..., None], *args: Any) -> None:
            gathered.set()
            await go_on.wait()
            function(*args)

        monkeypatch.setattr(module.asyncio, "to_thread", slow_thread)
        accounting = Accounting(str(tmp_path / "account"))
        accounting.expect("web01", SCHEDULE, T0)
        saving = asyncio.create_task(accounting.save_in_turns())
        await gathered.wait()
        accounting.received("web01", body(T0), T0)  # type: ignore[arg-type]
        accounting.save()
        go_on.set()
        await saving
        again = Accounting(str(tmp_path / "account"))
        again.load()
        assert numbers(again, T0)["received"] == 1

    asyncio.run(run())


def test_a_minion_that_comes_or_goes_costs_nothing_for_the_others(tmp_path: Path) -> None:
    accounting = fleet(tmp_path / "account", 3)

    class Whole(dict[str, dict[str, Tally]]):
        def __iter__(self) -> Any:
            raise AssertionError("all minions are looked at for one")

        items = keys = values = __iter__  # type: ignore[assignment]

    accounting._tallies = Whole(accounting._tallies)
    accounting.expect("web1", {"other": {"seconds": 60}}, T0)
    accounting.received("web1", body(T0), T0)  # type: ignore[arg-type]
    accounting.forget(["web2", "nobody"])


def test_a_schedule_that_ends_and_a_minion_that_goes(tmp_path: Path) -> None:
    accounting = Accounting(str(tmp_path / "account"))
    accounting.expect("a", {**SCHEDULE, "x": {"seconds": 60}}, T0)
    accounting.expect("b", SCHEDULE, T0)
    accounting.expect("a", SCHEDULE, T0)
    assert [row[:2] for row in accounting.rows(T0)] == [("a", "stats"), ("b", "stats")]
    accounting.forget(["a"])
    assert [row[:2] for row in accounting.rows(T0)] == [("b", "stats")]


@pytest.mark.parametrize("slot", [None, "x", -1, T0 + 10 * 86400, float("nan")])
def test_nonsense_slots_are_not_counted(tmp_path: Path, slot: object) -> None:
    accounting = Accounting(str(tmp_path / "account"))
    accounting.expect("a", SCHEDULE, T0)
    accounting.received("a", {"schedule": "stats", "slot": slot}, T0)
    assert numbers(accounting, T0)["received"] == 0
