"""An error that goes on is said once, then counted."""

from __future__ import annotations

import logging

import pytest

from saltern_agent.complaint import COMES_AND_GOES_S, INTERVAL_S, Complaint

log = logging.getLogger(__name__)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_it_is_said_once_and_again_after_a_while_with_their_number(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    complaint = Complaint(log, logging.WARNING, clock)
    for _ in range(5):
        complaint.say("the disk is full")
    clock.now += INTERVAL_S
    complaint.say("the disk is full")
    assert [record.getMessage() for record in caplog.records] == [
        "the disk is full",
        "the disk is full (and 4 times like it before)",
    ]


def test_its_end_is_said_when_it_was_said(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    complaint = Complaint(log, logging.ERROR, clock)
    with caplog.at_level("INFO"):
        complaint.over("works")
        complaint.say("fails")
        complaint.over("works")
        complaint.over("works")
        for _ in range(10):  # it comes and goes
            clock.now += 1
            complaint.say("fails")
            complaint.over("works")
        clock.now += COMES_AND_GOES_S
        complaint.say("fails")
    said = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert said == [("ERROR", "fails"), ("INFO", "works"), ("ERROR", "fails (and 10 times like it before)")]
