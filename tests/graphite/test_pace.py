"""The pace at which files are written: rarely, evenly, and never too late."""

from __future__ import annotations

import pytest

from saltern_graphite.store.pace import EASY, HARD, LEAST_FILE_S, SHARE, Pace

TURN_S = 0.25


def test_points_wait_longer_the_more_there_are_and_the_slower_the_disk() -> None:
    pace = Pace(10, 600)
    file_s = pace.file_s
    assert pace.wait_s(100, 0.0) == 10
    assert pace.wait_s(100_000, 0.0) == pytest.approx(100_000 * file_s / SHARE)
    assert pace.wait_s(100_000_000, 0.0) == 600
    for _ in range(100):
        pace.wrote(4096, 4096 * 4 * file_s)
    assert pace.file_s == pytest.approx(4 * file_s, rel=0.01)
    assert pace.wait_s(50_000, 0.0) == pytest.approx(200_000 * file_s / SHARE, rel=0.01)


def test_files_that_cost_next_to_nothing_are_not_written_all_the_time() -> None:
    pace = Pace(1, 600)
    for _ in range(100):
        pace.wrote(4096, 0.0)
    assert pace.wait_s(100_000, 0.0) == pytest.approx(100_000 * LEAST_FILE_S / SHARE)


def test_a_few_new_metrics_hardly_wait() -> None:
    pace = Pace(3600, 3600)
    assert pace.new_wait_s(100, 0.0) < 0.1
    assert pace.new_wait_s(100_000, 0.0) == pytest.approx(100_000 * pace.file_s / SHARE)
    assert pace.new_wait_s(100_000_000, 0.0) == 3600
    assert pace.new_wait_s(100_000_000, HARD) == 0


def test_one_slow_file_says_little() -> None:
    pace = Pace(10, 600)
    before = pace.file_s
    pace.wrote(1, 0.01)
    pace.wrote(0, 1.0)
    assert pace.file_s < 1.1 * before


def test_points_wait_less_where_memory_or_log_fill_up() -> None:
    pace = Pace(10, 600)
    assert pace.wait_s(100_000_000, EASY) == 600
    assert 0 < pace.wait_s(100_000_000, (EASY + HARD) / 2) < 400
    assert pace.wait_s(100_000_000, HARD) == 0
    assert pace.wait_s(100_000_000, 1.2) == 0


def test_points_that_should_not_wait_do_not() -> None:
    pace = Pace(0, 600)
    assert pace.wait_s(100_000_000, 0.0) == 0
    assert pace.new_wait_s(100_000_000, 0.0) == 0
    assert pace.due([(5.0, 10, 1), (6.0, 4096, 2)], 6.0, TURN_S) == [1, 2]


@pytest.mark.parametrize(("shelves", "wait_s"), [(1, 10.0), (3, 10.0), (50, 100.0), (400, 600.0)])
def test_files_are_written_evenly_and_none_late(shelves: int, wait_s: float) -> None:
    """All begin at once; every shelf gets points again as soon as it was written."""
    pace = Pace(10, 600)
    since = dict.fromkeys(range(shelves), 0.0)
    written: list[tuple[float, int]] = []
    now = 0.0
    while now < 4 * wait_s:
        now += TURN_S
        due = pace.due([(at + wait_s, 4096, number) for number, at in since.items()], now, TURN_S)
        assert len(due) == len(set(due))
        for number in due:
            assert now - since[number] <= wait_s
            since[number] = now
        written.append((now, len(due)))
    half = [count for at, count in written if at > 2 * wait_s]
    turns_per_shelf = max(1.0, wait_s / TURN_S / shelves)
    assert max(half) <= 2 + 2 / turns_per_shelf
    assert sum(half) >= 2 * shelves * 0.9
    assert sum(half) <= 2 * shelves * 2.2


def test_nothing_waits_for_nothing() -> None:
    pace = Pace(10, 600)
    for turn in range(1000):
        assert pace.due([], turn * TURN_S, TURN_S) == []
    assert pace.due([(260.0, 10, 1)], 250.0, TURN_S) == []
