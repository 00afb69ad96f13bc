"""The jobs of devices: each device has one at a time, what hangs is answered for, and control goes past it."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from saltern.wire import unpack
from saltern_agent import jobs as jobs_module
from saltern_agent.devices import device_pools
from saltern_agent.devices.lane import Lane
from saltern_agent.devices.lanes import GRACE_S, Lanes
from saltern_agent.job_queue import Quota
from saltern_agent.jobs import Job, Outcome
from saltern_agent.loop import Loop
from saltern_agent.returns import Return
from saltern_agent.runner import Runner
from tests.agent.test_lanes import WAIT_S, ByHand, until

LIMIT_S = 10.0
GOOD = Outcome(True, 0, True, 0.0)


class Bench:
    """Runners of devices in one loop; what their jobs do is in ``work``, by jid."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.alarms = ByHand()
        self.lanes = Lanes(2, 8, alarms=self.alarms)
        self.work: dict[str, Callable[[], Any]] = {}
        self.begun: list[str] = []
        self.answers: dict[str, dict[str, Any]] = {}
        self.changed = threading.Condition()
        self.until = threading.Event()
        self._thread = threading.Thread(target=self.loop.run)
        self._thread.start()

    def device(self, name: str) -> tuple[Runner, Lane]:
        lane = self.lanes.lane(name, LIMIT_S)

        pools = lane.pools
        runner = Runner(self.loop, self._execute, lambda _: None, self._emit, pools=pools, max_return_bytes=1 << 20)
        return runner, lane

    def _execute(self, job: Job) -> Outcome | Coroutine[Any, Any, Outcome]:
        with self.changed:
            self.begun.append(job.jid)
            self.changed.notify_all()
        found = self.work.get(job.jid, lambda: GOOD)()
        return found if isinstance(found, Outcome) or hasattr(found, "__await__") else GOOD

    def _emit(self, answer: Return) -> None:
        body = unpack(answer.frame).body
        with self.changed:
            assert body["jid"] not in self.answers, "one answer each"
            self.answers[body["jid"]] = body
            self.changed.notify_all()

    def start(self, runner: Runner, jid: str, work: Callable[[], Any] = lambda: GOOD, **rest: Any) -> Job:
        job = Job(jid, rest.pop("fun", "mod.f"), [], {}, **{"user": "fred", **rest})
        self.work[jid] = work
        self.loop.ask(lambda: runner.start(job))
        return job

    def hold(self, runner: Runner, jid: str, **rest: Any) -> Job:
        """Start a job that lasts until all is over."""
        job = self.start(runner, jid, lambda: self.until.wait(WAIT_S), **rest)
        self.wait(lambda: jid in self.begun)
        return job

    def wait(self, condition: Callable[[], Any]) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, WAIT_S), (self.begun, self.answers, self.lanes.stats())

    def answer(self, jid: str) -> dict[str, Any]:
        self.wait(lambda: jid in self.answers)
        return self.answers[jid]

    def stop(self) -> None:
        self.until.set()
        self.loop.post(self.loop.stop)
        self._thread.join(WAIT_S)
        self.lanes.close()


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.stop()
    threading.stack_size(0)


def test_jobs_of_a_device_wait_for_each_other_and_not_for_another_device(bench: Bench) -> None:
    (one, _), (two, _) = bench.device("one"), bench.device("two")
    gate = threading.Event()
    bench.start(one, "1", lambda: gate.wait(WAIT_S))
    bench.wait(lambda: "1" in bench.begun)
    for user in ("fred", "fred", "eve"):
        bench.start(one, f"1 {user} {len(bench.work)}", user=user)
    assert bench.loop.ask(lambda: one.waiting) == 3, "they wait where users take turns"
    bench.start(two, "2")
    bench.answer("2")
    assert [job["waiting"] for job in one.running(None)] == [False, True, True, True]
    gate.set()
    bench.wait(lambda: len(bench.answers) == 5)
    assert [jid for jid in bench.begun if jid[0] == "1"] == ["1", "1 fred 1", "1 eve 3", "1 fred 2"], "users take turns"


def test_one_that_lasts_too_long_is_answered_and_the_next_one_runs(bench: Bench) -> None:
    one, lane = bench.device("one")
    over = threading.Event()
    bench.start(one, "1", lambda: over.wait(WAIT_S))
    bench.wait(lambda: "1" in bench.begun)
    bench.start(one, "2")
    bench.start(one, "3")
    bench.alarms.advance(LIMIT_S)
    assert bench.answer("1")["return"] == "one did not answer within its limit of 10 s"
    assert (bench.answer("1")["retcode"], bench.answer("1")["success"]) == (1, False)
    over.set()
    assert bench.answer("2")["return"] is True
    assert bench.answer("3")["return"] is True
    assert not lane.hung


def test_the_limit_of_a_job_goes_before_the_devices(bench: Bench) -> None:
    one, _ = bench.device("one")
    bench.hold(one, "1", timeout_s=30.0)
    bench.alarms.advance(LIMIT_S)
    assert bench.answers == {}
    bench.alarms.advance(20.0)
    assert "within its limit of 30 s" in str(bench.answer("1")["return"]) or "29.9" in str(bench.answer("1")["return"])


def test_a_device_that_hangs_refuses_at_once_and_still_says_what_runs(bench: Bench) -> None:
    one, lane = bench.device("one")
    bench.hold(one, "1")
    for number in range(3):
        bench.start(one, f"waits {number}")
    bench.alarms.advance(LIMIT_S + GRACE_S)
    assert lane.hung
    bench.start(one, "late")
    for jid in ("waits 0", "waits 1", "waits 2", "late"):
        assert str(bench.answer(jid)["return"]).startswith("one was not asked: it hangs"), jid
    assert bench.loop.ask(lambda: one.refused) == 4
    bench.start(one, "control", lambda: Outcome(one.running(None), 0, True, 0.0), fun="saltutil.running")
    assert [job["jid"] for job in bench.answer("control")["return"]] == ["control"]
    bench.start(one, "ping", fun="test.ping")
    assert "it hangs" in str(bench.answer("ping")["return"]), "a ping speaks with the device"
    scheduled = Job("slot", "mod.f", [], {}, extra={"schedule": "s"})
    assert bench.loop.ask(lambda: one.start_scheduled(scheduled)) is False
    bench.until.set()
    until(lambda: bench.lanes.stats()["hung"] == 0)
    bench.start(one, "free")
    assert bench.answer("free")["return"] is True


def test_a_scheduled_run_waits_for_a_job_and_is_told_when_it_is_over(bench: Bench) -> None:
    one, _ = bench.device("one")
    gate = threading.Event()
    bench.start(one, "1", lambda: gate.wait(WAIT_S))
    bench.wait(lambda: "1" in bench.begun)
    over = threading.Event()
    scheduled = Job("slot", "mod.f", [], {}, extra={"schedule": "s"})
    assert bench.loop.ask(lambda: one.start_scheduled(scheduled, over.set)) is True
    bench.start(one, "2")
    assert not over.is_set()
    gate.set()
    assert over.wait(WAIT_S)
    assert bench.answer("slot")["return"] is True
    bench.answer("2")
    assert bench.begun == ["1", "slot", "2"]


def test_a_job_in_the_lane_that_has_not_begun_can_be_ended(bench: Bench) -> None:
    one, _ = bench.device("one")
    bench.hold(one, "1")
    bench.start(one, "in lane")
    bench.start(one, "in line")
    for jid in ("in lane", "in line"):
        assert one.kill(jid, 15) == f"job {jid} was ended: it was waiting for a worker"
        assert "before it began" in bench.answer(jid)["return"]
    bench.until.set()
    bench.answer("1")
    bench.start(one, "2")
    bench.answer("2")
    assert bench.begun == ["1", "2"]


def test_a_limit_ends_the_programs_of_a_job(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    one, _ = bench.device("one")
    jobs: list[Job] = []
    sent: list[int] = []
    send = jobs_module._signal

    def noting(pid: int, number: int) -> None:
        sent.append(number)
        send(pid, number)

    monkeypatch.setattr(jobs_module, "_signal", noting)
    running = threading.Event()

    def work() -> None:
        with subprocess.Popen(["sleep", "60"], start_new_session=True) as program:
            jobs[0].register_child(program.pid)
            running.set()
            program.wait()

    jobs.append(Job("1", "mod.f", [], {}, user="fred"))
    bench.work["1"] = work
    bench.loop.ask(lambda: one.start(jobs[0]))
    assert running.wait(WAIT_S)
    bench.alarms.advance(LIMIT_S)
    assert "within its limit" in bench.answer("1")["return"]
    bench.start(one, "2")
    bench.answer("2")
    assert sent[0] == signal.SIGTERM


def test_a_coroutine_is_a_job_as_any_other(bench: Bench) -> None:
    one, lane = bench.device("one")
    within = threading.Event()

    async def coming() -> Outcome:
        within.set()
        await asyncio.sleep(0)
        return Outcome("came", 0, True, 0.0)

    bench.start(one, "1", coming)
    assert bench.answer("1")["return"] == "came"

    async def failing() -> Outcome:
        raise ValueError("no")

    bench.start(one, "2", failing)
    assert bench.answer("2")["return"] == "The job was ended by ValueError: no"
    assert not lane.hung


@pytest.mark.parametrize("how", ["kill", "limit"])
def test_a_coroutine_is_cancelled(bench: Bench, how: str) -> None:
    one, lane = bench.device("one")
    within, cancelled = threading.Event(), threading.Event()

    async def waits() -> Outcome:
        within.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return GOOD

    bench.start(one, "1", waits)
    assert within.wait(WAIT_S)
    if how == "kill":
        assert one.kill("1", signal.SIGTERM) == "job 1 was ended: it was interrupted"
        assert bench.answer("1")["return"] == "The job was killed by signal 15"
    else:
        bench.alarms.advance(LIMIT_S)
        assert "within its limit" in bench.answer("1")["return"]
    assert cancelled.wait(WAIT_S)
    bench.start(one, "2")
    assert bench.answer("2")["return"] is True
    bench.alarms.advance(GRACE_S)
    assert not lane.hung


def test_what_waits_for_one_device_is_bounded(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_pools, "MAX_WAITING_JOBS", 2)
    one, _ = bench.device("one")
    bench.hold(one, "1")
    for number in range(4):
        bench.start(one, f"w{number}")
    assert bench.answer("w3")["return"] == (
        "The minion is busy: a device does one job at a time, and 2 more wait (saltutil.running shows them)"
    )


def test_what_waits_for_all_devices_is_bounded(bench: Bench) -> None:
    bench.lanes.quota = Quota(3, 1 << 20)
    devices = [bench.device(name)[0] for name in ("one", "two")]
    for number, runner in enumerate(devices):
        bench.hold(runner, f"{number}")
        for waiting in range(3):
            bench.start(runner, f"{number} {waiting}")
    bench.wait(lambda: "1 2" in bench.answers)
    assert "The minion is busy" in bench.answers["1 2"]["return"]
    bench.until.set()
    bench.wait(lambda: len(bench.answers) == 8)
    assert bench.loop.ask(lambda: (bench.lanes.quota.jobs, bench.lanes.quota.size)) == (0, 0)


def test_the_jobs_of_a_device_that_is_closed_are_answered(bench: Bench) -> None:
    one, lane = bench.device("one")
    bench.hold(one, "1")
    bench.start(one, "2")
    lane.close()
    assert bench.answer("1")["return"] == "one is no longer served here"
    assert bench.answer("2")["return"] == "one is no longer served here"
    bench.start(one, "3")
    assert bench.answer("3")["return"] == "one is no longer served here"
