"""How many lines others may cause in the log."""

from __future__ import annotations

import pytest

from saltern_master.complaints import Complaints
from saltern_master.line_limit import EVERY_S, MAX_LINES, MAX_LINES_OF_ONE, LineLimit


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_one_line_a_minute_for_each_key() -> None:
    clock = Clock()
    limit = LineLimit("tests", clock)
    assert [limit.allows("a", "x"), limit.allows("b", "x"), limit.allows("a", "x")] == [True, True, False]
    assert limit.left_out == 1
    clock.now += EVERY_S
    assert limit.allows("a", "x")


def test_so_many_lines_in_all_and_that_more_were_left_out_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    limit = LineLimit("tests", clock)
    allowed = [limit.allows(str(number), str(number)) for number in range(1000)]
    assert sum(allowed) == MAX_LINES
    assert caplog.messages == [f"more than {MAX_LINES} lines a minute about tests: the rest is counted only"]
    assert limit.left_out == 1000 - MAX_LINES
    assert len(limit._said) <= MAX_LINES
    clock.now += EVERY_S
    assert limit.allows("999", "999")


def test_one_who_does_much_leaves_others_their_lines(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    limit = LineLimit("tests", clock)
    assert sum(limit.allows(f"key {number}", "evil") for number in range(1000)) == MAX_LINES_OF_ONE
    assert all(limit.allows(f"key of {number}", f"host {number}") for number in range(MAX_LINES - MAX_LINES_OF_ONE))
    assert caplog.messages == [
        f"more than {MAX_LINES_OF_ONE} lines a minute about tests are evil's: the rest of them is counted only"
    ]
    assert limit.left_out == 1000 - MAX_LINES_OF_ONE
    clock.now += EVERY_S
    assert limit.allows("key 1", "evil")


def test_complaints_about_one_leave_room_for_those_about_others(caplog: pytest.LogCaptureFixture) -> None:
    complaints = Complaints("tests")
    for number in range(1000):
        complaints.say("minion evil", f"kind {number}", "did wrong")
    complaints.say("minion web", "kind", "did wrong once")
    assert caplog.messages[-1] == "minion web: did wrong once"
    assert len(caplog.messages) == MAX_LINES_OF_ONE + 2
    assert complaints.heard == 1001
