"""An error that goes on is said once, then counted."""

from __future__ import annotations

import logging

import pytest

from saltern.complaints import AGAIN_S, COMES_AND_GOES_S, MAX_KINDS, Complaint, Complaints, Trouble

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
    clock.now += AGAIN_S
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


def test_kinds_are_said_apart_and_those_of_one_beginning_end_together(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    complaints = Complaints(log, logging.WARNING, clock)
    with caplog.at_level("INFO"):
        complaints.over("write", "never said")
        for _ in range(3):
            complaints.say("write 28", "%s: no space", "a")
            complaints.say("write 5", "100% broken")
            complaints.say("writer", "another", level=logging.ERROR)
        complaints.over("write", "%s works", "it")
        complaints.over("write", "%s works", "it")
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "a: no space"),
        ("WARNING", "100% broken"),
        ("ERROR", "another"),
        ("INFO", "it works (it was met 4 more times)"),
    ]


def test_kinds_are_bounded(caplog: pytest.LogCaptureFixture) -> None:
    complaints = Complaints(log)
    for number in range(3 * MAX_KINDS):
        complaints.say(f"kind {number}", "x")
    assert len(complaints) == MAX_KINDS
    assert len(caplog.records) == 3 * MAX_KINDS


def test_it_is_said_as_often_as_its_owner_wants(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    complaints = Complaints(log, clock=clock, again_s=5)
    for _ in range(4):
        complaints.say("kind", "x")
        clock.now += 2.5
    assert caplog.messages == ["x", "x (and 1 times like it before)"]


def test_their_number_begins_anew_when_it_was_told(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    complaint = Complaint(log, logging.ERROR, clock)
    with caplog.at_level("INFO"):
        for times in (3, 2):
            for _ in range(times):
                complaint.say("fails")
            clock.now += AGAIN_S
        complaint.say("fails")
        complaint.say("fails")
        complaint.over("works")
        clock.now += AGAIN_S
        complaint.say("fails")
        complaint.over("works")
    assert [record.getMessage() for record in caplog.records] == [
        "fails",
        "fails (and 2 times like it before)",
        "fails (and 1 times like it before)",
        "works (it was met 1 more times)",
        "fails",
        "works",
    ]


def test_a_trouble_counts_each_failure_and_says_each_reason_once(caplog: pytest.LogCaptureFixture) -> None:
    trouble = Trouble(log, Clock())
    with caplog.at_level("INFO"):
        for why in ("full", "full", "read-only", "full"):
            trouble.met(why)
            assert trouble.why == why
        trouble.over("works")
        trouble.over("works")
    assert trouble.count == 4
    assert trouble.why == ""
    assert [record.getMessage() for record in caplog.records] == ["full", "read-only", "works"]
