"""Whose jobs are forgotten when there are too many."""

from __future__ import annotations

import pytest

from saltern_master.auth.caller import Caller, Kind
from saltern_master.bus import Event, EventBus
from saltern_master.entrances.local import MAX_CONNECTIONS_OF_A_USER
from saltern_master.jobs.follower import Follower
from saltern_master.jobs.publisher import MAX_USER_QUEUE_BYTES
from saltern_master.jobs.tracked_job import TrackedJob
from saltern_master.jobs.tracker import Tracker

ROOT, FRED = Caller(Kind.LOCAL, "root", 0), Caller(Kind.LOCAL, "fred", 1000)


def job(number: int, caller: Caller) -> TrackedJob:
    return TrackedJob(f"{number:020}", "test.sleep", caller, {"web": "A" * 40})


@pytest.fixture
def tracker() -> Tracker:
    """A tracker with room for ten jobs."""
    return Tracker(EventBus(10), lambda minion, frame: True, 5.0, max_pairs=20)


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


def test_ones_jobs_that_are_done_go_first(tracker: Tracker) -> None:
    roots = TrackedJob(f"{1:020}", "test.ping", ROOT, {}, ["web"])
    tracker.begin(roots)
    for number in range(2, 8):
        tracker.begin(job(number, FRED))
    done = f"{5:020}"
    tracker.returned(done, "web", Event("", {}), success=True)
    for number in range(8, 12):
        tracker.begin(job(number, FRED))
    assert (tracker.knows(roots.jid), tracker.knows(done)) == (True, False)
    assert len(tracker.running()) == 9
    assert tracker.forgotten == 0


def test_what_waits_for_all_connections_of_a_user_is_bounded() -> None:
    assert MAX_USER_QUEUE_BYTES * MAX_CONNECTIONS_OF_A_USER <= 64 * 1024 * 1024
