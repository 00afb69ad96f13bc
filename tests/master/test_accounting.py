"""The account: expected, received, late, missing; each slot once, whatever the order."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern_master.accounting import DUE_INTERVALS, Accounting, Tally

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


def test_a_damaged_file_starts_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "account").write_bytes(b"\xc1nonsense")
    accounting = Accounting(str(tmp_path / "account"))
    accounting.load()
    assert accounting.rows(T0) == []
    assert "the account starts anew" in caplog.text


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
