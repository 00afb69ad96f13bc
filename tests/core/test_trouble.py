"""A trouble is said when it begins and when it is over, and counted in between."""

from __future__ import annotations

import logging

import pytest

from saltern.complaints import COMES_AND_GOES_S, MAX_REASONS, Trouble

log = logging.getLogger(__name__)


def test_it_is_said_once_and_counted_until_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        trouble = Trouble(log)
        trouble.over("fine")
        for _ in range(5):
            trouble.met("full")
            trouble.met("read-only")
        assert (trouble.count, trouble.why) == (10, "read-only")
        trouble.over("fine again")
        trouble.over("fine again")
    assert caplog.messages == ["full", "read-only", "fine again"]
    assert trouble.why == ""


def test_one_that_comes_and_goes_is_said_once_a_while(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    trouble = Trouble(log, lambda: now)
    for _ in range(10):
        trouble.met("full")
        trouble.over("fine")
    assert caplog.messages == ["full"]
    now += COMES_AND_GOES_S
    trouble.met("full")
    assert caplog.messages == ["full", "full"]


def test_texts_that_are_never_the_same_are_bounded(caplog: pytest.LogCaptureFixture) -> None:
    trouble = Trouble(log)
    for number in range(100):
        trouble.met(f"at {number}")
    assert len(caplog.messages) == MAX_REASONS
