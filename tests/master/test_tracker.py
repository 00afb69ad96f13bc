"""Which job waits for whom: against a model that only counts, and the cases that were thought of."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from saltern.wire import unpack
from saltern_master.auth.caller import Caller, Kind
from saltern_master.bus import Event
from saltern_master.jobs.store import JobLoad
from saltern_master.jobs.tracked_job import NOT_CONNECTED, TrackedJob
from saltern_master.jobs.tracker import ANSWER_WITHIN_S, FORGOTTEN, MINIONS_A_TURN, NO_RESPONSE, Taken, Tracker

MINIONS = ["a", "b", "c", "d"]
QUIET_S = 5.0
MAX_PAIRS = 20
FRED, ANN = (Caller(Kind.LOCAL, name, 60000 + number) for number, name in enumerate(("fred", "ann")))


class Following:
    """What a follower hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []
        """Minions and what was said of each: ``returned``, or why it is lost."""
        self.ended = 0

    def put(self, event: Event) -> None:
        assert not self.ended, "something comes after the end"
        self.heard.append((event.data["id"], event.data.get("failed", "returned")))

    def end(self) -> None:
        self.ended += 1


class Around:
    """A tracker with a clock that stands still, and all that it says."""

    def __init__(self, max_pairs: int = MAX_PAIRS) -> None:
        self.now = 1000.0
        self.published: list[tuple[str, dict[str, Any]]] = []
        self.questions: list[tuple[str, int, list[str]]] = []
        self.away: set[str] = set()
        self.unreachable: set[str] = set()
        """Those whom a question once didn't reach."""
        bus: Any = self
        self.tracker = Tracker(bus, self.send, QUIET_S, lambda: self.now, max_pairs)
        self._made = 0

    def publish(self, tag: str, data: dict[str, Any]) -> None:
        self.published.append((tag, data))

    def send(self, minion_id: str, frame: bytes) -> bool:
        if minion_id in self.away:
            self.unreachable.add(minion_id)
            return False
        message = unpack(frame)
        assert message.type == "working"
        self.questions.append((minion_id, message.seq, message.body["jids"]))
        return True

    def begin(self, sent: list[str], missing: list[str] | None = None, caller: Caller = FRED) -> tuple[str, Following]:
        """Start a job; each minion has its own name as its key."""
        self._made += 1
        jid = f"{self._made:020d}"
        follower: Any = Following()
        self.tracker.begin(TrackedJob(jid, "test.f", caller, {name: name for name in sent}, missing or []), follower)
        return jid, follower

    def returns(self, jid: str, minion_id: str, key: str | None = None, *, success: bool = True) -> Taken:
        """Have a return come in, as the inbox takes it."""
        taken = self.tracker.take(jid, minion_id, minion_id if key is None else key)
        if taken is Taken.NEW:
            event = Event(f"salt/job/{jid}/ret/{minion_id}", {"id": minion_id, "return": 1})
            self.tracker.returned(jid, minion_id, event, success=success)
        return taken

    def done(self, jid: str) -> list[dict[str, Any]]:
        """Return the ends of a job that were told: one, or none."""
        return [data for tag, data in self.published if tag == f"salt/job/{jid}/done"]

    def later(self, seconds: float) -> None:
        self.now += seconds
        self.tracker.look()


class Job:
    """The model's view of a job."""

    def __init__(self, jid: str, sent: list[str], missing: list[str], follower: Following, owner: str) -> None:
        self.jid = jid
        self.sent = sent
        self.missing = missing
        self.follower = follower
        self.owner = owner
        self.answered: dict[str, bool] = {}
        self.denied: set[str] = set()
        """Those whose answers to a question about it left it out."""
        self.asked_at: dict[str, float] = {}
        """When each was asked last and didn't answer since."""


class TrackerMachine(RuleBasedStateMachine):
    """Jobs of two users, whose minions return, answer, are silent and go, in any order."""

    jobs: Bundle[Job] = Bundle("jobs")
    questions: Bundle[tuple[str, int, list[str]]] = Bundle("questions")

    @initialize()
    def start(self) -> None:
        self.around = Around()
        self.all: list[Job] = []
        self.unsolicited = 0

    def job_of(self, jid: str) -> Job:
        return next(job for job in self.all if job.jid == jid)

    @rule(
        target=jobs,
        sent=st.sets(st.sampled_from(MINIONS)),
        missing=st.sets(st.sampled_from(["x", "y"])),
        own=st.booleans(),
    )
    def publish(self, sent: set[str], missing: set[str], own: bool) -> Job:
        caller = FRED if own else ANN
        jid, follower = self.around.begin(sorted(sent, reverse=True), sorted(missing), caller)
        job = Job(jid, sorted(sent), sorted(missing), follower, caller.principal)
        self.all.append(job)
        return job

    @rule(job=jobs, minion=st.sampled_from(MINIONS), success=st.booleans())
    def returns(self, job: Job, minion: str, success: bool) -> None:
        known = self.around.tracker.knows(job.jid)
        taken = self.around.returns(job.jid, minion, success=success)
        if not known or minion not in job.sent:
            assert taken is Taken.UNSOLICITED
            self.unsolicited += 1
        elif minion in job.answered:
            assert taken is Taken.AGAIN
        else:
            assert taken is Taken.NEW
            job.answered[minion] = success

    @rule(job=jobs, minion=st.sampled_from([*MINIONS, "x", "z"]), key=st.sampled_from(["", "stolen", "b"]))
    def another_key_returns(self, job: Job, minion: str, key: str) -> None:
        if key == minion:
            return
        assert self.around.returns(job.jid, minion, key) is Taken.UNSOLICITED
        self.unsolicited += 1

    @rule(target=questions, seconds=st.sampled_from([0.0, 0.25, 1.0, 4.9, 5.0, 60.0]))
    def time_passes(self, seconds: float) -> Any:
        before = len(self.around.questions)
        self.around.later(seconds)
        fresh = self.around.questions[before:]
        for minion, _, jids in fresh:
            assert self.around.tracker.metrics()["active"] >= 1
            for jid in jids:
                self.job_of(jid).asked_at[minion] = self.around.now
        return fresh[0] if fresh else ("a", 0, [])

    @rule(question=questions, works=st.booleans(), more=st.booleans())
    def answers(self, question: tuple[str, int, list[str]], works: bool, more: bool) -> None:
        """An agent answers one of its questions, late maybe: it works on all of it, or on nothing of it."""
        minion, number, jids = question
        self.around.tracker.working(minion, number, jids if works else [], more_to_come=more)
        if not works and not more:
            for jid in jids:
                self.job_of(jid).denied.add(minion)

    @rule(minion=st.sampled_from(MINIONS), jids=st.lists(st.sampled_from(["0" * 20, "1".zfill(20), "2".zfill(20)])))
    def answers_what_was_not_asked(self, minion: str, jids: list[str]) -> None:
        self.around.tracker.working(minion, 0, jids, more_to_come=False)

    @rule(minion=st.sampled_from(MINIONS))
    def comes_or_goes(self, minion: str) -> None:
        self.around.away ^= {minion}

    @rule(job=jobs, minion=st.sampled_from([*MINIONS, "z"]))
    def could_not_be_sent_to(self, job: Job, minion: str) -> None:
        self.around.unreachable.add(minion)
        self.around.tracker.unreachable(job.jid, minion)

    @rule(job=jobs)
    def nobody_listens_any_more(self, job: Job) -> None:
        follower: Any = job.follower
        self.around.tracker.unfollow(job.jid, follower)
        if not job.follower.ended:
            job.follower = Following()
            job.follower.heard = [("", "unfollowed")]

    @invariant()
    def the_numbers_add_up(self) -> None:
        for job in self.all:
            told = self.around.done(job.jid)
            running = self.around.tracker.running().get(job.jid)
            assert len(told) == (running is None), "told of its end once, when it isn't running"
            numbers = told[0] if told else running
            assert numbers is not None
            waits = numbers["running"] if isinstance(numbers["running"], int) else len(numbers["running"])
            assert numbers["done"] + waits + numbers["away"] == len(job.sent) + len(job.missing)
            assert numbers["done"] <= len(job.answered)
            assert numbers["failed"] <= sum(not success for success in job.answered.values())
            if running is not None:
                assert numbers["done"] == len(job.answered)
                assert waits > 0
            else:
                assert waits == 0

    @invariant()
    def a_follower_hears_each_minion_once_and_the_end_last(self) -> None:
        for job in self.all:
            heard = job.follower.heard
            if heard[:1] == [("", "unfollowed")]:
                assert heard[1:] == []
                continue
            returned = [name for name, what in heard if what == "returned"]
            lost = [name for name, what in heard if what != "returned"]
            assert len(set(returned)) == len(returned)
            assert len(set(lost)) == len(lost)
            for name in set(returned) & set(lost):  # a late answer, after it was given up
                assert heard.index((name, "returned")) > min(heard.index(one) for one in heard if one[0] == name)
            over = bool(self.around.done(job.jid))
            assert job.follower.ended == over
            if over:
                assert {*returned, *lost} == {*job.sent, *job.missing}

    @invariant()
    def nobody_is_given_up_without_a_reason(self) -> None:
        for job in self.all:
            for name, why in job.follower.heard:
                if why == NO_RESPONSE:
                    silent = self.around.now - job.asked_at.get(name, self.around.now) >= ANSWER_WITHIN_S
                    assert name in job.denied or silent
                elif why == NOT_CONNECTED:
                    assert name in job.missing or name in self.around.unreachable
                elif why == FORGOTTEN:
                    assert not self.around.tracker.knows(job.jid)

    @invariant()
    def what_nobody_asked_for_is_counted_apart_and_memory_is_bounded(self) -> None:
        metrics = self.around.tracker.metrics()
        assert metrics["unsolicited"] == self.unsolicited
        known = [job for job in self.all if self.around.tracker.knows(job.jid)]
        assert len(known) == metrics["remembered"]
        assert sum(len(job.sent) + 1 for job in known) <= MAX_PAIRS
        assert set(self.around.tracker.running()) <= {job.jid for job in known}


TrackerMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestTracker = TrackerMachine.TestCase


# the cases that were thought of


def test_an_answer_says_nothing_of_a_job_that_was_asked_about_after_it() -> None:
    around = Around()
    first, _ = around.begin(["a"])
    around.later(1.0)
    second, follower = around.begin(["a"])
    around.later(QUIET_S - 1.0)
    around.later(1.0)
    (_, one, about_one), (_, two, about_two) = around.questions
    assert (about_one, about_two) == ([first], [second])
    around.tracker.working("a", one, [first], more_to_come=False)
    assert (follower.heard, around.done(second)) == ([], [])
    around.tracker.working("a", two, [], more_to_come=False)
    assert follower.heard == [("a", NO_RESPONSE)]


def test_a_slow_minion_is_waited_for_to_its_end_and_a_silent_one_is_not() -> None:
    around = Around()
    jid, follower = around.begin(["a", "b"])
    for _ in range(20):
        before = len(around.questions)
        around.later(QUIET_S)
        for minion, number, jids in around.questions[before:]:
            if minion == "a":
                around.tracker.working(minion, number, jids, more_to_come=False)
    assert follower.heard == [("b", NO_RESPONSE)]
    assert around.returns(jid, "a") is Taken.NEW
    assert (follower.heard[1:], follower.ended) == ([("a", "returned")], 1)
    assert [(end["done"], end["away"], end["missing"]) for end in around.done(jid)] == [(1, 1, ["b"])]


def test_a_fleet_is_asked_and_given_up_in_turns_and_what_happens_in_between_counts() -> None:
    around, names = Around(1000), [f"m{number:03}" for number in range(250)]
    jid, follower = around.begin(names)
    around.now += QUIET_S
    asking = around.tracker._looking()
    next(asking)
    assert len(around.questions) == MINIONS_A_TURN
    unasked = sorted({*names} - {minion_id for minion_id, _, _ in around.questions})
    around.returns(jid, unasked[0])
    around.away.add(unasked[1])
    assert len(list(asking)) == 1
    assert {minion_id for minion_id, _, _ in around.questions} == {*names} - {*unasked[:2]}
    assert {question for _, question, _ in around.questions} == {1}
    around.now += ANSWER_WITHIN_S
    giving_up = around.tracker._looking()
    next(giving_up)
    last = max({*names} - {minion_id for minion_id, _ in follower.heard})
    around.returns(jid, last)
    assert not follower.ended
    list(giving_up)
    assert follower.ended == 1
    said = dict(follower.heard)
    assert len(follower.heard) == len(said) == 250
    assert [name for name, what in said.items() if what == "returned"] == [unasked[0], last]
    assert [name for name, what in said.items() if what == NOT_CONNECTED] == [unasked[1]]
    assert around.tracker._questions == {}


def test_an_answer_that_comes_after_all_counts_and_the_end_is_told_once() -> None:
    around = Around()
    jid, follower = around.begin(["a", "b"])
    around.later(QUIET_S)
    around.later(ANSWER_WITHIN_S)
    assert sorted(follower.heard) == [("a", NO_RESPONSE), ("b", NO_RESPONSE)]
    assert [around.returns(jid, "a") for _ in range(3)] == [Taken.NEW, Taken.AGAIN, Taken.AGAIN]
    assert len(around.done(jid)) == follower.ended == 1


def test_who_says_that_more_is_to_come_is_waited_for() -> None:
    around = Around()
    jid, follower = around.begin(["a"])
    around.later(QUIET_S)
    ((_, number, _),) = around.questions
    for _ in range(3):
        around.now += ANSWER_WITHIN_S - 1
        around.tracker.working("a", number, [], more_to_come=True)
        around.tracker.look()
    assert follower.heard == []
    around.returns(jid, "a")
    around.tracker.working("a", number, [], more_to_come=False)
    assert (follower.heard, follower.ended) == ([("a", "returned")], 1)


def test_one_who_was_asked_and_is_gone_is_said_to_be_away() -> None:
    around = Around()
    _, follower = around.begin(["a"], ["b"])
    around.away.add("a")
    around.later(QUIET_S)
    assert (follower.heard, follower.ended) == ([("b", NOT_CONNECTED), ("a", NOT_CONNECTED)], 1)


def test_a_job_for_those_who_are_away_is_done_at_once() -> None:
    around = Around()
    jid, follower = around.begin([], ["a", "b"])
    assert (len(around.done(jid)), follower.ended, len(follower.heard)) == (1, 1, 2)
    assert around.returns(jid, "a") is Taken.UNSOLICITED  # it never got it


def test_a_job_that_takes_long_tells_its_progress() -> None:
    around = Around()
    jid, _ = around.begin(["a", "b"])
    around.returns(jid, "a", success=False)
    for _ in range(20):
        around.later(0.25)
    told = [data for tag, data in around.published if tag == f"salt/job/{jid}/progress"]
    assert told == [{"jid": jid, "done": 1, "running": 1, "away": 0, "failed": 1}] * 3  # from the third second on


def test_ids_come_in_any_order() -> None:
    around = Around()
    jid, follower = around.begin(["c", "a", "b"])
    assert [around.returns(jid, name) for name in ("b", "c", "a")] == [Taken.NEW] * 3
    assert follower.ended == 1


def test_one_who_starts_a_lot_of_jobs_pushes_out_nobody_elses() -> None:
    around = Around(max_pairs=40)
    jid, follower = around.begin(MINIONS, caller=ANN)
    floods = [around.begin(MINIONS, caller=FRED) for _ in range(50)]
    assert around.tracker.knows(jid)
    assert around.tracker.metrics()["forgotten"] == 43
    assert [around.tracker.knows(flood) for flood, _ in floods] == [False] * 43 + [True] * 7
    _, first = floods[0]
    assert (sorted(first.heard), first.ended) == ([(name, FORGOTTEN) for name in MINIONS], 1)
    for name in MINIONS:
        around.returns(jid, name)
    assert [what for _, what in follower.heard] == ["returned"] * 4
    assert around.done(jid)[0]["done"] == 4


def load(jid: str, minions: Any, user: str = "fred") -> JobLoad:
    return JobLoad(jid, 1.0, {"fun": "test.f", "minions": minions, "user": user, "owner": f"local:{user}"})


def test_jobs_from_before_the_start_are_known_and_their_returns_taken() -> None:
    around = Around()
    around.tracker.remember([load("1" * 20, ["b", "a"]), load("1" * 20, ["b", "a"]), load("2" * 20, None)])
    assert around.tracker.metrics()["remembered"] == 2
    assert around.tracker.owner("1" * 20) == "local:fred"
    assert around.tracker.owner("3" * 20) is None
    assert around.returns("1" * 20, "a", "any key") is Taken.NEW
    assert around.returns("1" * 20, "c") is Taken.UNSOLICITED
    assert around.tracker.running() == {}
    assert around.published == []


def test_the_same_job_taken_up_again_and_again_takes_no_more_room() -> None:
    around = Around()
    for _ in range(100):
        around.tracker.remember([load("1" * 20, MINIONS)])
    around.tracker.remember([load("2" * 20, MINIONS, "ann")])
    assert around.tracker.knows("1" * 20)
    assert around.tracker.knows("2" * 20)


@pytest.mark.parametrize("blind", [False, True])
def test_who_does_not_know_earlier_jobs_calls_nothing_unsolicited(blind: bool) -> None:
    around = Around()
    around.tracker.blind = blind
    assert around.returns("9" * 20, "a") is (Taken.NEW if blind else Taken.UNSOLICITED)
