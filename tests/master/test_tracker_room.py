"""Whose jobs are forgotten when there are too many."""

from __future__ import annotations

import pytest

from saltern_master.auth.caller import Caller, Kind
from saltern_master.bus import EventBus
from saltern_master.entrances.local import MAX_CONNECTIONS_OF_A_USER
from saltern_master.jobs import tracker as module
from saltern_master.jobs.follower import Follower
from saltern_master.jobs.publisher import MAX_QUEUE_BYTES, MAX_USER_QUEUE_BYTES
from saltern_master.jobs.tracker import TrackedJob, Tracker

ROOT, FRED = Caller(Kind.LOCAL, "root", 0), Caller(Kind.LOCAL, "fred", 1000)


def job(number: int, caller: Caller) -> TrackedJob:
    return TrackedJob(f"{number:020}", "test.sleep", caller, {"web": "A" * 40})


@pytest.fixture
def tracker(monkeypatch: pytest.MonkeyPatch) -> Tracker:
    """A tracker with room for ten jobs."""
    monkeypatch.setattr(module, "MAX_REMEMBERED", 20)
    return Tracker(EventBus(10), lambda minion, frame: True, 5.0)


def test_a_users_jobs_push_out_his_own(tracker: Tracker) -> None:
    follower = Follower(f"{1:020}", tracker.unfollow)
    tracker.begin(job(1, ROOT), follower)
    for number in range(2, 200):
        tracker.begin(job(number, FRED))
    running = tracker.running()
    assert len(running) == 10
    assert (running[f"{1:020}"]["user"], f"{199:020}" in running) == ("root", True)
    assert not follower._ended
    assert tracker.owner(f"{1:020}") == "local:root"


def test_jobs_that_are_done_go_first(tracker: Tracker) -> None:
    for number in range(1, 6):
        tracker.begin(job(number, FRED))
    done = TrackedJob(f"{6:020}", "test.ping", ROOT, {}, ["web"])
    tracker.begin(done)
    for number in range(7, 12):
        tracker.begin(job(number, FRED))
    assert not tracker.knows(done.jid)
    assert len(tracker.running()) == 10
    assert tracker.forgotten == 0


def test_what_waits_for_all_connections_of_a_user_is_bounded() -> None:
    assert MAX_USER_QUEUE_BYTES * MAX_CONNECTIONS_OF_A_USER <= MAX_QUEUE_BYTES
