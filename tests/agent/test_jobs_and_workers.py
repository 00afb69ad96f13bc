"""Threads on demand, jobs that are killed, and the loop that everything hangs on."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
import time
import weakref
from collections.abc import Callable, Iterator

import pytest

from saltern.errors import ChannelError, RequestTimeout
from saltern.wire import unpack
from saltern_agent import jobs as jobs_module
from saltern_agent.calls import Calls
from saltern_agent.jobs import Job, Killed
from saltern_agent.loop import MAX_CANCELLED, Loop
from saltern_agent.workers import Pool


@pytest.fixture(autouse=True)
def default_stack() -> Iterator[None]:
    """The pool sets the process's default; other tests' threads want their own."""
    yield
    threading.stack_size(0)


def test_a_pool_grows_on_demand_and_refuses_beyond_its_limit() -> None:
    pool, go, started = Pool("t", 2), threading.Event(), threading.Semaphore(0)

    def hang() -> bool:
        started.release()
        return go.wait()

    assert pool.submit(hang)
    assert pool.submit(hang)
    assert started.acquire(timeout=30)
    assert started.acquire(timeout=30)
    assert not pool.submit(hang)
    assert pool.submit(hang, beyond=1)
    assert not pool.submit(hang, beyond=1)
    pool.abandon()
    assert not pool.submit(hang)  # three threads, one abandoned, a limit of two
    pool.abandon()
    assert pool.submit(hang)
    go.set()


def test_idle_threads_are_used_again() -> None:
    pool, threads, done = Pool("t", 4), set(), threading.Semaphore(0)

    def work() -> bool:
        threads.add(threading.get_ident())
        return True

    for _ in range(20):
        assert pool.submit(work)
        deadline = time.monotonic() + 30
        while pool._threads.idle == 0 and time.monotonic() < deadline:
            done.acquire(timeout=0.001)
    assert len(threads) == 1


def test_a_call_that_raises_ends_nothing() -> None:
    pool, done = Pool("t", 1), threading.Event()

    def bad() -> bool:
        raise SystemExit(3)

    assert pool.submit(bad)
    deadline = time.monotonic() + 30
    while not pool.submit(lambda: done.set() or True):
        assert time.monotonic() < deadline
    assert done.wait(30)


def test_an_idle_thread_keeps_nothing_of_its_last_call() -> None:
    pool, over = Pool("t", 1, over=lambda: seen.append(left() is None)), threading.Event()
    seen: list[bool] = []

    class Large:
        def work(self) -> bool:
            return True

    large = Large()
    left = weakref.ref(large)
    assert pool.submit(large.work)
    del large
    deadline = time.monotonic() + 30
    while not pool.submit(lambda: over.set() or True):
        assert time.monotonic() < deadline
    assert over.wait(30)
    assert seen[0] is True


def in_thread(job: Job, body: Callable[[], None]) -> threading.Thread:
    def run() -> None:
        job.thread = threading.get_ident()
        with contextlib.suppress(Killed):
            body()
        job.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def test_a_python_loop_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "THREAD_GRACE_S", 30.0)
    job, running = Job("1", "a.b", [], {}), threading.Event()

    def spin() -> None:
        running.set()
        while True:
            time.sleep(0.001)

    thread = in_thread(job, spin)
    running.wait()
    assert job.kill(signal.SIGTERM) == "job 1 was ended: it was interrupted"
    thread.join(30)
    assert not thread.is_alive()
    assert job.kill(signal.SIGTERM) == "job 1 was over already"


def test_a_job_that_swallowed_its_end_is_interrupted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "THREAD_GRACE_S", 4.0)
    job, started, swallowed = Job("1", "a.b", [], {}), threading.Event(), threading.Event()

    def spin() -> None:
        started.set()
        while True:
            time.sleep(0.001)

    def stubborn() -> None:
        with contextlib.suppress(BaseException):
            spin()
        swallowed.set()
        spin()

    thread = in_thread(job, stubborn)
    assert started.wait(10)
    assert job.kill(15) == "job 1 was ended: it was interrupted"
    assert swallowed.is_set()
    thread.join(10)
    assert not thread.is_alive()


def test_a_program_is_signalled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "CHILD_GRACE_S", 30.0)
    job, running = Job("1", "a.b", [], {}), threading.Event()

    def wait() -> None:
        with subprocess.Popen(["sleep", "60"], start_new_session=True) as program:
            job.register_child(program.pid)
            running.set()
            program.wait()
            job.forget_child(program.pid)

    thread = in_thread(job, wait)
    running.wait()
    assert "signal 15 went to process" in job.kill(signal.SIGTERM)
    thread.join(30)
    assert job.children == set()


def test_a_program_that_ignores_the_signal_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "CHILD_GRACE_S", 0.3)
    job, running = Job("1", "a.b", [], {}), threading.Event()

    def wait() -> None:
        argv = ["sh", "-c", "trap '' TERM; echo; while :; do sleep 0.05; done"]
        with subprocess.Popen(argv, start_new_session=True, stdout=subprocess.PIPE) as program:
            job.register_child(program.pid)
            assert program.stdout is not None
            program.stdout.readline()
            running.set()
            program.wait()

    thread = in_thread(job, wait)
    running.wait()
    assert "signal 9 went to process" in job.kill(signal.SIGTERM)
    thread.join(30)


def test_a_child_that_starts_after_the_kill_is_signalled_too() -> None:
    job = Job("1", "a.b", [], {})
    job.close()
    job.kill(signal.SIGTERM)
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as program:
        job.register_child(program.pid)
        assert program.wait(30) == -signal.SIGTERM


def test_a_thread_outside_python_is_abandoned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "THREAD_GRACE_S", 0.05)
    job, go, running = Job("1", "a.b", [], {}), threading.Lock(), threading.Event()
    go.acquire()

    def hang() -> None:
        running.set()
        go.acquire()

    thread = in_thread(job, hang)
    running.wait()
    assert "was abandoned" in job.kill(signal.SIGTERM)
    assert job.abandoned
    go.release()
    thread.join(30)
    assert job.close() is False


# the loop


@pytest.fixture
def loop() -> Iterator[Loop]:
    made, ready = Loop(), threading.Event()
    thread = threading.Thread(target=made.run)
    thread.start()
    made.post(ready.set)
    ready.wait()
    yield made
    made.post(made.stop)
    thread.join(30)
    made.close()


def test_the_loop_runs_what_is_posted_and_answers_what_is_asked(loop: Loop) -> None:
    assert loop.ask(lambda: 42) == 42
    with pytest.raises(ValueError, match="mine"):
        loop.ask(lambda: int("x") if False else (_ for _ in ()).throw(ValueError("mine")))


def test_a_step_that_fails_does_not_end_the_loop(loop: Loop, caplog: pytest.LogCaptureFixture) -> None:
    loop.post(lambda: 1 / 0)  # type: ignore[arg-type,return-value]  # its result is not looked at
    loop.later(0, lambda: [][0])
    assert loop.ask(lambda: "alive") == "alive"
    fired = threading.Event()
    loop.later(0.01, fired.set)
    loop.post(lambda: None)
    assert fired.wait(30)
    assert "goes on" in caplog.text


def test_timers_fire_in_order_and_can_be_cancelled(loop: Loop) -> None:
    fired: list[int] = []
    done = threading.Event()

    def arm() -> None:
        loop.later(0.03, lambda: fired.append(3))
        loop.later(0.01, lambda: fired.append(1))
        loop.later(0.02, lambda: fired.append(2)).cancel()
        loop.later(0.04, done.set)

    loop.post(arm)
    assert done.wait(30)
    assert fired == [1, 3]


def test_timers_that_were_cancelled_are_not_kept_until_they_are_due() -> None:
    loop = Loop()
    kept = [loop.later(1000.0, lambda: None) for _ in range(10)]
    for _ in range(5):
        for timer in [loop.later(3600.0, lambda: None) for _ in range(200)]:
            timer.cancel()
            timer.cancel()
        assert len(loop._timers) <= 10 + 2 * MAX_CANCELLED
    assert all(timer in loop._timers for timer in kept)
    assert min(loop._timers) is min(kept)
    loop.close()


def test_what_was_cancelled_is_counted_only_while_it_is_kept() -> None:
    loop = Loop()
    fired: list[int] = []
    late = [loop.later(0.0, lambda: fired.append(1)) for _ in range(3)]
    late[0].cancel()
    loop._run_timers()
    assert fired == [1, 1]
    for timer in late:
        timer.cancel()
    assert loop._cancelled == 0
    for timer in [loop.later(3600.0, lambda: None) for _ in range(2 * MAX_CANCELLED)]:
        timer.cancel()
    assert loop._cancelled < MAX_CANCELLED
    loop.close()


def test_nothing_wakes_up_for_a_timer_that_was_cancelled() -> None:
    loop = Loop()
    for _ in range(3):
        loop.later(0.0, lambda: None).cancel()
    assert loop._wait_ms() > 1000, "there is nothing to wait for"
    assert (loop._timers, loop._cancelled) == ([], 0)
    loop.later(0.0, lambda: None).cancel()
    kept = loop.later(30.0, lambda: None)
    assert 29_000 < loop._wait_ms() <= 30_001
    assert loop._timers == [kept]
    kept.cancel()
    loop.close()


def test_posting_to_a_loop_that_is_closed_raises_nothing() -> None:
    loop = Loop()
    loop.close()
    called: list[int] = []
    loop.post(lambda: called.append(1))
    assert called == []


def test_asking_a_loop_that_is_stuck() -> None:
    loop = Loop()
    error: list[Exception] = []

    def ask() -> None:
        try:
            loop.ask(lambda: 1, timeout_s=0.01)
        except RequestTimeout as problem:
            error.append(problem)

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join(30)
    assert len(error) == 1
    loop.close()


# calls


def test_calls_are_bound_to_their_replies(loop: Loop) -> None:
    sent: list[bytes] = []
    calls = Calls(loop.post, lambda frame: sent.append(frame) is None)
    with pytest.raises(ChannelError, match="pillar: the master is away"):
        calls.request("pillar", {})
    loop.ask(calls.opened)
    results: dict[str, object] = {}

    def call(name: str) -> None:
        try:
            results[name] = calls.request(name, {"a": 1}, timeout_s=30)
        except ChannelError as error:
            results[name] = str(error)

    threads = [threading.Thread(target=call, args=(name,)) for name in ("one", "two", "three")]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 30
    while len(sent) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    numbers = {unpack(frame).body["cmd"]: unpack(frame).seq for frame in sent}
    loop.ask(lambda: calls.reply(999, {"result": "nobody's"}))
    loop.ask(lambda: calls.reply(numbers["two"], {"error": "no"}))
    loop.ask(lambda: calls.reply(numbers["one"], {"result": [1]}))
    loop.ask(calls.closed)
    for thread in threads:
        thread.join(30)
    assert results == {"one": [1], "two": "two: no", "three": "three: the master went away before it answered"}


def test_calls_that_can_not_be_sent(loop: Loop) -> None:
    calls = Calls(loop.post, lambda frame: False)
    loop.ask(calls.opened)
    with pytest.raises(ChannelError, match="takes no more"):
        calls.request("x", {})
    with pytest.raises(ChannelError, match="can't be packed"):
        calls.request("x", {"a": object()})
    silent = Calls(loop.post, lambda frame: True)
    loop.ask(silent.opened)
    with pytest.raises(RequestTimeout, match=r"x: the master did not answer within 0.01 s"):
        silent.request("x", {}, timeout_s=0.01)
