"""How many lines others may cause in the log."""

from __future__ import annotations

import pytest

from saltern_master.line_limit import EVERY_S, MAX_LINES, LineLimit


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_one_line_a_minute_for_each_key() -> None:
    clock = Clock()
    limit = LineLimit("tests", clock)
    assert [limit.allows("a"), limit.allows("b"), limit.allows("a")] == [True, True, False]
    assert limit.left_out == 1
    clock.now += EVERY_S
    assert limit.allows("a")


def test_so_many_lines_in_all_and_that_more_were_left_out_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    limit = LineLimit("tests", clock)
    allowed = [limit.allows(str(number)) for number in range(1000)]
    assert sum(allowed) == MAX_LINES
    assert caplog.messages == [f"more than {MAX_LINES} lines a minute about tests: the rest is counted only"]
    assert limit.left_out == 1000 - MAX_LINES
    assert len(limit._said) <= MAX_LINES
    clock.now += EVERY_S
    assert limit.allows("999")
