"""More jobs than workers: they wait their turn, are seen, can be ended, and all are answered."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from saltern.errors import CommandError
from saltern.wire import unpack
from saltern_agent import job_queue
from saltern_agent import jobs as jobs_module
from saltern_agent import runner as runner_module
from saltern_agent.jobs import Job, Outcome
from saltern_agent.loop import Loop
from saltern_agent.pools import Pools
from saltern_agent.returns import Return
from saltern_agent.runner import Runner

WAIT_S = 30.0


class Bench:
    """A runner in a loop of its own; its jobs are over when ``go`` is set, or their own event in ``gates``."""

    def __init__(self, threads: int) -> None:
        self.loop = Loop()
        self.go = threading.Event()
        self.gates: dict[str, threading.Event] = {}
        self.begun: list[str] = []
        self.answers: dict[str, dict[str, Any]] = {}
        self._changed = threading.Condition()
        self.pools = Pools(threads)
        self.runner = self.another()
        self._thread = threading.Thread(target=self.loop.run)
        self._thread.start()

    def another(self) -> Runner:
        """Return the runner of one more minion."""
        return Runner(self.loop, self._execute, lambda _: None, self._emit, pools=self.pools, max_return_bytes=1 << 20)

    def _execute(self, job: Job) -> Outcome:
        with self._changed:
            self.begun.append(job.jid)
            self._changed.notify_all()
        while not self.go.is_set() and not self.gates.get(job.jid, self.go).is_set():
            time.sleep(0.001)
        return Outcome(True, 0, True, 0.0)

    def _emit(self, answer: Return) -> None:
        body = unpack(answer.frame).body
        with self._changed:
            assert body["jid"] not in self.answers, "one answer each"
            self.answers[body["jid"]] = body
            self._changed.notify_all()

    def start(self, *jobs: Job) -> None:
        for job in jobs:
            self.gates.setdefault(job.jid, threading.Event())
            self.loop.ask(lambda job=job: self.runner.start(job))

    def wait(self, condition: Callable[[], Any]) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, WAIT_S), (self.begun, self.answers)

    def stop(self) -> None:
        self.go.set()
        self.loop.post(self.loop.stop)
        self._thread.join(WAIT_S)


@pytest.fixture
def make_bench() -> Iterator[Callable[[int], Bench]]:
    made: list[Bench] = []

    def make(threads: int) -> Bench:
        made.append(Bench(threads))
        return made[-1]

    yield make
    for bench in made:
        bench.stop()
    threading.stack_size(0)


def job(jid: str, user: str = "fred", fun: str = "mod.f", **rest: Any) -> Job:
    return Job(jid, fun, [], {}, user=user, **rest)


def test_minions_take_turns_at_the_workers(make_bench: Callable[[int], Bench]) -> None:
    bench = make_bench(1)
    others = [bench.loop.ask(bench.another) for _ in range(2)]
    bench.start(job("now"), *[job(f"f{n}") for n in range(3)])
    for number, other in enumerate(others):
        for jid in (f"d{number}0", f"d{number}1"):
            bench.loop.ask(lambda other=other, jid=jid: other.start(job(jid)))
    bench.wait(lambda: bench.begun == ["now"])
    assert [bench.loop.ask(lambda other=other: other.waiting) for other in others] == [2, 2]
    bench.go.set()
    bench.wait(lambda: len(bench.answers) == 8)
    assert bench.begun == ["now", "f0", "d00", "d10", "f1", "d01", "d11", "f2"]


def test_users_take_turns_at_the_workers(make_bench: Callable[[int], Bench]) -> None:
    bench = make_bench(1)
    bench.start(job("now"), *[job(f"f{n}") for n in range(3)], job("e0", "eve"), job("e1", "eve"))
    bench.wait(lambda: bench.begun == ["now"])
    assert bench.loop.ask(lambda: bench.runner.waiting) == 5
    assert bench.runner.among(["f2", "e1", "nobody"]) == ["f2", "e1"]
    bench.go.set()
    bench.wait(lambda: len(bench.answers) == 6)
    assert bench.begun == ["now", "f0", "e0", "f1", "e1", "f2"]
    assert all(answer["success"] for answer in bench.answers.values())
    assert bench.runner.refused == 0


def test_nobody_overtakes_those_that_wait(make_bench: Callable[[int], Bench]) -> None:
    bench = make_bench(2)
    names = [f"{n}" for n in range(40)]
    bench.start(*map(job, names[:20]))
    bench.wait(lambda: len(bench.begun) == 2)
    bench.gates["0"].set()
    bench.start(*map(job, names[20:]))
    bench.go.set()
    bench.wait(lambda: len(bench.answers) == 40)
    assert sorted(bench.begun[:2]) == ["0", "1"]
    places = [bench.begun.index(name) for name in names]
    assert all(abs(place - n) <= 2 for n, place in enumerate(places)), bench.begun


def test_a_job_that_comes_while_a_worker_is_free_again_does_not_overtake(make_bench: Callable[[int], Bench]) -> None:
    bench = make_bench(1)

    def both() -> None:
        first = job("first")
        bench.runner._jobs["first"] = first
        bench.runner._waiting.put(first)  # its worker became free a moment ago, and the loop hasn't come to it
        bench.runner.start(job("second"))

    bench.go.set()
    bench.loop.ask(both)
    bench.wait(lambda: len(bench.answers) == 2)
    assert bench.begun == ["first", "second"]


def test_one_that_was_killed_before_its_thread_began_does_nothing(make_bench: Callable[[int], Bench]) -> None:
    bench = make_bench(1)
    dead = job("dead")
    dead.killed_by = 15
    bench.start(dead)
    bench.wait(lambda: "dead" in bench.answers)
    assert bench.begun == []
    assert bench.answers["dead"]["return"] == "The job was killed by signal 15"


def test_a_full_queue_is_said_and_counted(
    make_bench: Callable[[int], Bench], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(job_queue.JobQueue.__init__, "__defaults__", (2, 1 << 20, None))
    bench = make_bench(1)
    bench.start(job("now"), job("0"), job("1"), job("2"), job("3"))
    bench.wait(lambda: len(bench.answers) == 2)
    assert bench.answers["2"]["success"] is False
    text = "The minion is busy: all 1 workers run jobs, and 2 more wait (saltutil.running shows them)"
    assert bench.answers["3"]["return"] == text
    assert bench.runner.refused == 2
    assert caplog.text.count("was refused") == 1
    bench.start(job("4", "eve"))
    bench.wait(lambda: "1" in bench.answers)
    bench.go.set()
    bench.wait(lambda: len(bench.answers) == 6)
    assert bench.answers["4"]["success"] is True, "another user has his turn"


def test_control_passes_what_waits_and_waits_itself_when_all_threads_are_taken(
    make_bench: Callable[[int], Bench],
) -> None:
    bench = make_bench(1)
    bench.start(job("now"), job("later"))
    bench.start(*[job(f"c{n}", fun="test.ping") for n in range(5)])
    bench.wait(lambda: set(bench.begun) == {"now", "c0", "c1"})
    assert bench.loop.ask(lambda: bench.runner.waiting) == 4
    bench.gates["c0"].set()
    bench.wait(lambda: "c2" in bench.begun)
    assert "later" not in bench.begun, "the threads for control are not for it"
    bench.go.set()
    bench.wait(lambda: len(bench.answers) == 7)


def test_one_that_waits_can_be_ended(make_bench: Callable[[int], Bench]) -> None:
    bench = make_bench(1)
    bench.start(job("now"), job("0"), job("1"))
    bench.wait(lambda: bench.begun == ["now"])
    described = {one["jid"]: one["waiting"] for one in bench.runner.running(None)}
    assert described == {"now": False, "0": True, "1": True}
    with pytest.raises(CommandError, match="is another user's"):
        bench.runner.kill_for(job("x", "eve"), "0", 15)
    assert bench.runner.kill_for(job("x"), "0", 15) == "job 0 was ended: it was waiting for a worker"
    assert bench.answers["0"]["return"] == "The job was ended by signal 15 before it began"
    with pytest.raises(CommandError, match="no running job 0"):
        bench.runner.kill("0", 15)
    bench.go.set()
    bench.wait(lambda: len(bench.answers) == 3)
    assert bench.begun == ["now", "1"]


def test_a_job_is_said_to_be_killed_wherever_the_kill_meets_it(
    make_bench: Callable[[int], Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs_module, "THREAD_GRACE_S", WAIT_S)
    bench = make_bench(1)
    bench.start(job("now"))
    bench.wait(lambda: bench.begun == ["now"])
    assert bench.runner.kill("now", 15) == "job now was ended: it was interrupted"  # in what runs functions, not in one
    bench.wait(lambda: bench.answers)
    assert bench.answers["now"]["return"] == "The job was killed by signal 15"


def test_one_that_waits_too_long_is_answered_so(make_bench: Callable[[int], Bench]) -> None:
    bench = make_bench(1)
    bench.start(job("now"), job("0", timeout_s=0.05), job("1"))
    bench.wait(lambda: "0" in bench.answers)
    assert bench.answers["0"]["return"] == (
        "The job waited for a worker until its time limit of 0.05 s was over: all 1 workers run jobs"
    )
    bench.go.set()
    bench.wait(lambda: len(bench.answers) == 3)
    assert bench.begun == ["now", "1"]


def test_when_no_worker_becomes_free_for_long_all_are_told(
    make_bench: Callable[[int], Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_module, "STALLED_S", 0.2)
    bench = make_bench(1)
    bench.start(job("now"), job("0"), job("1", "eve"))
    bench.wait(lambda: len(bench.answers) == 2)
    assert "none has become free for 0.2 s" in bench.answers["0"]["return"]
    assert bench.runner.refused == 2
    assert bench.loop.ask(lambda: bench.runner.waiting) == 0
    bench.go.set()
    bench.wait(lambda: "now" in bench.answers)
    bench.start(job("2"))
    bench.wait(lambda: "2" in bench.answers)
    assert bench.answers["2"]["success"] is True


def test_waiting_goes_on_for_as_long_as_it_gets_on(make_bench: Callable[[int], Bench]) -> None:
    bench = make_bench(1)
    bench.start(*[job(str(n)) for n in range(4)])
    for n in range(3):
        bench.wait(lambda n=n: str(n) in bench.begun)
        bench.runner._moved_at = time.monotonic() - 0.9 * runner_module.STALLED_S
        bench.loop.ask(bench.runner._look_for_stall)
        bench.gates[str(n)].set()
    bench.wait(lambda: "3" in bench.begun)
    assert bench.runner._moved_at > time.monotonic() - 0.5 * runner_module.STALLED_S
    bench.go.set()
    bench.wait(lambda: len(bench.answers) == 4)
    assert bench.runner.refused == 0


def test_stopping_answers_for_those_that_wait(make_bench: Callable[[int], Bench]) -> None:
    bench = make_bench(1)
    bench.start(job("now"), job("0"))
    bench.wait(lambda: bench.begun == ["now"])
    bench.loop.ask(bench.runner.close)
    assert bench.answers["now"]["return"] == "The agent was stopped while the job was running"
    assert bench.answers["0"]["return"] == "The agent was stopped before the job began"


def test_an_abandoned_worker_makes_room_for_the_next(make_bench: Callable[[int], Bench]) -> None:
    bench = make_bench(1)
    hung = job("hung")
    bench.start(hung, job("0"))
    bench.wait(lambda: bench.begun == ["hung"])
    hung.abandon()
    bench.loop.ask(lambda: bench.runner._abandoned(hung, "it hangs"))
    bench.gates["0"].set()
    bench.wait(lambda: "0" in bench.answers)
    assert bench.answers["hung"]["return"] == "it hangs"


def test_nothing_of_a_job_that_is_over_is_kept(make_bench: Callable[[int], Bench]) -> None:
    bench = make_bench(1)
    bench.go.set()
    bench.start(*[job(str(n), timeout_s=3600) for n in range(200)])
    bench.wait(lambda: len(bench.answers) == 200)
    assert bench.runner.running(None) == []
    assert bench.loop.ask(lambda: len(bench.loop._timers)) < 100, "neither is its time limit"
    assert bench.runner._limits == {}


# real agents

MODULE = "import time\ndef sleeps(n): time.sleep(n); return n\ndef hangs():\n    while True: time.sleep(0.01)\n"


@pytest.fixture
def modules(module_dir: Path) -> list[str]:
    (module_dir / "mod.py").write_text(MODULE)
    return [str(module_dir)]


def test_two_hundred_jobs_at_once_are_all_run(master: Any, make_agent: Callable[..., Any], modules: list[str]) -> None:
    make_agent(module_dirs=modules, log_level="info").start()
    jids = [master.job("mod.sleeps", [0.02], user=f"user{n % 3}") for n in range(200)]
    pings = [master.job("test.ping") for _ in range(50)]
    for jid in [*jids, *pings]:
        assert master.returned(jid, WAIT_S)["success"] is True
    assert sum(message.type == "ret" for message in master.messages) == 250


def test_time_limits_of_many_hung_jobs_are_all_kept(
    master: Any, make_agent: Callable[..., Any], modules: list[str]
) -> None:
    make_agent(module_dirs=modules, log_level="info", worker_threads=6).start()
    jids = [master.job("mod.hangs", timeout=0.3) for _ in range(9)]
    for jid in jids:
        assert master.returned(jid, WAIT_S)["success"] is False
    assert master.run("mod.sleeps", 0)["success"] is True


def test_the_master_is_told_that_jobs_which_wait_are_worked_on(
    master: Any, make_agent: Callable[..., Any], modules: list[str]
) -> None:
    agent = make_agent(module_dirs=modules, worker_threads=1)
    agent.start()
    jids = [master.job("mod.hangs") for _ in range(3)]
    agent.wait_logged(f"job {jids[2]}: mod.hangs")
    master.publish("working", {"jids": [*jids, "20260131235959123456"]})
    told = master.wait_for(lambda: next((m for m in master.messages if m.type == "working"), None))
    assert told.body["jids"] == jids
    assert "Signal 9 sent" in master.run("saltutil.kill_job", jids[1])["return"]
    assert agent.signal(signal.SIGTERM) == 0


def test_a_job_that_ends_just_as_it_is_given_up_is_answered_once(
    make_bench: Callable[[int], Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, one = make_bench(1), job("one")

    def given_up(one: Job, _: int) -> str:
        assert one.abandon()
        bench.gates["one"].set()
        deadline = time.monotonic() + WAIT_S
        while bench.runner.among(["one"]) and time.monotonic() < deadline:
            time.sleep(0.001)  # until what the worker posts came before what the killer does
        return "it hangs"

    monkeypatch.setattr(Job, "kill", given_up)
    bench.start(one)
    bench.wait(lambda: bench.begun == ["one"])
    bench.runner.kill("one", signal.SIGTERM)
    bench.loop.ask(lambda: None)
    assert bench.answers["one"]["success"] is False
    assert "ended just then" in bench.answers["one"]["return"]
