"""Calls of devices take turns, one at a time each; whatever one does, the others go on and all are answered."""

from __future__ import annotations

import asyncio
import heapq
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern.errors import CommandError
from saltern_agent import threads
from saltern_agent.devices import lane as lane_module
from saltern_agent.devices.alarms import Alarms
from saltern_agent.devices.lane import Lane
from saltern_agent.devices.lanes import GRACE_S, STALLED_S, Lanes
from saltern_agent.devices.slow_calls import SLOW_S
from saltern_agent.devices.turn import EX_FORKED

WAIT_S = 20.0


class ByHand(Alarms):
    """Alarms of a clock that only ``advance`` moves."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 1000.0

    def now(self) -> float:
        return self._now

    def at(self, when: float, call: Callable[[], None]) -> None:
        with self._changed:
            self._number += 1
            heapq.heappush(self._due, (when, self._number, call))

    def advance(self, by_s: float) -> None:
        until = self._now + by_s
        while True:
            with self._changed:
                if not self._due or self._due[0][0] > until:
                    break
                when, _, call = heapq.heappop(self._due)
            self._now = max(self._now, when)
            call()
        self._now = until


def until(condition: Callable[[], Any], what: Callable[[], Any] = lambda: None) -> None:
    """Wait for what nobody tells of; *what* says more when it doesn't come."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, what()
        time.sleep(0.001)


class Bench:
    """Lanes with a clock that is set by hand; ``answers`` are what calls came to, in order."""

    def __init__(self, threads: int = 2, slow_threads: int = 4, **rest: Any) -> None:
        self.alarms = ByHand()
        self.lanes = Lanes(threads, slow_threads, alarms=self.alarms, **rest)
        self.answers: list[tuple[str, Any, BaseException | None]] = []
        self.begun: list[str] = []
        self.go = threading.Event()
        self.changed = threading.Condition()

    def note(self, where: list[Any], what: Any) -> None:
        with self.changed:
            where.append(what)
            self.changed.notify_all()

    def submit(self, lane: Lane, name: str, work: Callable[[], Any] = lambda: None, **rest: Any) -> bool:
        def call() -> Any:
            self.note(self.begun, name)
            return work()

        return lane.submit(call, lambda value, error: self.note(self.answers, (name, value, error)), **rest)

    def hold(self, lane: Lane, name: str, **rest: Any) -> threading.Event:
        """Submit a call that lasts until what this returns is set, whatever is raised in its thread."""
        until = threading.Event()
        assert self.submit(lane, name, lambda: until.wait(WAIT_S), **rest)
        self.wait(lambda: name in self.begun)
        return until

    def wait(self, condition: Callable[[], Any]) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, WAIT_S), (self.begun, self.answers, self.lanes.stats())

    def until(self, condition: Callable[[], Any]) -> None:
        until(condition, self.lanes.stats)

    def answer(self, name: str) -> tuple[Any, BaseException | None]:
        self.wait(lambda: any(one == name for one, _, _ in self.answers))
        found = [(value, error) for one, value, error in self.answers if one == name]
        assert len(found) == 1, "told once"
        return found[0]


@pytest.fixture
def make() -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def bench(*args: Any, **kwargs: Any) -> Bench:
        made.append(Bench(*args, **kwargs))
        return made[-1]

    yield bench
    for one in made:
        one.lanes.close()
    threading.stack_size(0)


def test_calls_of_one_device_come_one_after_the_other_in_their_order(make: Callable[..., Bench]) -> None:
    bench = make()
    lane = bench.lanes.lane("d")
    first = bench.hold(lane, "first")
    for name in ("second", "third"):
        assert bench.submit(lane, name, lambda name=name: name.upper())  # type: ignore[misc]  # bound at once
    assert bench.submit(lane, "urgent", first=True)
    assert (bench.begun, bench.lanes.stats()["waiting"]) == (["first"], 3)
    first.set()
    assert bench.answer("third") == ("THIRD", None)
    assert bench.begun == ["first", "urgent", "second", "third"]
    assert [name for name, _, _ in bench.answers] == bench.begun, "each is told before the next begins"


def test_a_device_with_many_calls_delays_another_by_one(make: Callable[..., Bench]) -> None:
    bench = make(1, 1)
    busy, other = bench.lanes.lane("busy"), bench.lanes.lane("other")
    held = bench.hold(busy, "b")
    for number in range(lane_module.MAX_WAITING):
        assert bench.submit(busy, f"b{number}")
    assert not bench.submit(busy, "too many")
    assert bench.submit(other, "o")
    held.set()
    bench.answer(f"b{lane_module.MAX_WAITING - 1}")
    assert bench.begun.index("o") <= 2
    assert bench.lanes.stats()["refused"] == 1


def test_a_call_that_lasts_holds_no_place(make: Callable[..., Bench]) -> None:
    bench = make(1, 3)
    lasting = [bench.hold(bench.lanes.lane("slow"), "slow")]
    assert bench.submit(bench.lanes.lane("fast"), "fast")
    bench.alarms.advance(SLOW_S / 2)
    assert bench.begun == ["slow"]
    bench.alarms.advance(SLOW_S)
    assert bench.answer("fast") == (None, None)
    lasting.append(bench.hold(bench.lanes.lane("slow2"), "slow2"))
    bench.alarms.advance(2 * SLOW_S)
    lasting.append(bench.hold(bench.lanes.lane("slow3"), "slow3"))
    bench.alarms.advance(2 * SLOW_S)
    assert bench.submit(bench.lanes.lane("late"), "late")
    assert (bench.lanes.stats()["threads"], bench.lanes.stats()["slow"]) == (3, 3), "not above the bound"
    lasting[0].set()
    assert bench.answer("late") == (None, None)
    for event in lasting:
        event.set()


def test_one_that_hangs_is_given_up_probed_and_free_when_it_has_ended(make: Callable[..., Bench]) -> None:
    bench = make(1, 8)
    freed: list[str] = []
    lane = bench.lanes.lane("d", limit_s=10.0)
    lane.freed = lambda: freed.append("freed")
    hung = bench.hold(lane, "hangs")
    assert bench.submit(lane, "waits")
    bench.alarms.advance(10.0)
    value, error = bench.answer("hangs")
    assert (value, type(error), str(error)) == (None, TimeoutError, "d did not answer within its limit of 10 s")
    assert not lane.hung, "it was only now interrupted"
    bench.alarms.advance(GRACE_S)
    assert (lane.hung, freed, bench.lanes.stats()["hung"]) == (True, ["freed"], 1)
    assert str(bench.answer("waits")[1]).startswith("d was not asked: it hangs")
    assert not bench.submit(lane, "refused")
    assert bench.submit(bench.lanes.lane("other"), "other"), "others go on"
    assert bench.answer("other") == (None, None)

    bench.alarms.advance(lane_module.PROBE_S)
    probe = bench.hold(lane, "probe")
    assert not bench.submit(lane, "second probe")
    bench.alarms.advance(10.0 + GRACE_S)
    assert isinstance(bench.answer("probe")[1], TimeoutError)
    bench.alarms.advance(lane_module.PROBE_S)
    assert not bench.submit(lane, "too early")
    bench.alarms.advance(lane_module.PROBE_S)
    assert bench.submit(lane, "good probe")
    assert bench.answer("good probe") == (None, None)
    bench.until(lambda: not lane.hung)
    assert bench.submit(lane, "goes")
    bench.answer("goes")
    assert bench.lanes.stats()["given_up"] == 2
    for event in (hung, probe):
        event.set()
    bench.until(lambda: bench.lanes.stats()["given_up"] == 0)


def test_a_device_is_free_when_what_was_given_up_ends(make: Callable[..., Bench]) -> None:
    bench = make(1, 2)
    lane = bench.lanes.lane("d", limit_s=1.0)
    hung = bench.hold(lane, "hangs")
    bench.alarms.advance(1.0 + GRACE_S)
    bench.answer("hangs")
    assert lane.hung
    hung.set()
    bench.until(lambda: not lane.hung)
    assert bench.submit(lane, "next")
    assert bench.answer("next") == (None, None)
    assert bench.lanes.stats() | {"threads": 0} == {
        "running": 0,
        "waiting": 0,
        "slow": 0,
        "hung": 0,
        "refused": 0,
        "threads": 0,
        "given_up": 0,
    }


def test_probes_of_one_device_are_bounded(make: Callable[..., Bench]) -> None:
    bench = make(1, 8)
    lane = bench.lanes.lane("d", limit_s=1.0)
    held = []
    for number in range(lane_module.MAX_GIVEN_UP):
        held.append(bench.hold(lane, f"hangs{number}"))
        bench.alarms.advance(1.0 + GRACE_S + lane_module.MAX_PROBE_S)
    assert not bench.submit(lane, "one more")
    for event in held:
        event.set()
    bench.until(lambda: not lane.hung)


def test_threads_that_were_given_up_are_replaced_within_a_bound(make: Callable[..., Bench]) -> None:
    bench = make(1, 1)
    held = []
    for name in ("one", "two"):
        held.append(bench.hold(bench.lanes.lane(name, limit_s=1.0), name))
        bench.alarms.advance(1.0 + GRACE_S)
        bench.answer(name)
    assert bench.submit(bench.lanes.lane("three"), "three")
    assert (bench.lanes.stats()["threads"], bench.lanes.stats()["given_up"]) == (2, 2)
    held[0].set()
    assert bench.answer("three") == (None, None)
    held[1].set()


def test_a_call_that_is_python_is_ended_at_its_limit(make: Callable[..., Bench]) -> None:
    bench = make(1, 1)
    lane = bench.lanes.lane("d", limit_s=1.0)
    spins = threading.Event()

    def spin() -> None:
        spins.set()
        while True:
            time.sleep(0.001)

    assert bench.submit(lane, "spins", spin)
    assert spins.wait(WAIT_S)
    bench.alarms.advance(1.0)
    assert bench.submit(lane, "next", lambda: "good")
    assert bench.answer("next") == ("good", None)
    assert isinstance(bench.answer("spins")[1], TimeoutError)
    bench.alarms.advance(GRACE_S)
    assert not lane.hung


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("swallows", ["a weak reference's callback", "its own except, for long"])
def test_what_swallows_its_end_is_interrupted_again(make: Callable[..., Bench], swallows: str) -> None:
    bench = make(1, 2)
    lane = bench.lanes.lane("d", limit_s=1.0)
    inside = threading.Event()
    interrupts: list[int] = []

    def spin() -> None:
        inside.set()
        while True:
            time.sleep(0.001)

    def in_a_callback() -> None:
        thing = Bench.__new__(Bench)
        kept = weakref.ref(thing, lambda _: spin())
        del thing  # what is raised in the callback is printed, and goes no further
        interrupts.append(1)
        assert kept() is None
        spin()

    def in_an_except() -> None:
        while len(interrupts) < 3:
            try:
                spin()
            except BaseException:
                interrupts.append(1)
        spin()

    assert bench.submit(lane, "stubborn", in_a_callback if "weak" in swallows else in_an_except)
    assert inside.wait(WAIT_S)
    bench.alarms.advance(1.0)
    assert isinstance(bench.answer("stubborn")[1], TimeoutError)
    if "weak" in swallows:
        bench.until(lambda: interrupts)
        bench.alarms.advance(GRACE_S / 2)
        bench.until(lambda: lane.turn is None)
        assert not lane.hung, "it was ended in time"
    else:
        bench.until(lambda: len(interrupts) == 1)
        bench.alarms.advance(GRACE_S / 2)
        bench.until(lambda: len(interrupts) == 2)
        bench.alarms.advance(GRACE_S / 2)
        assert lane.hung
        bench.until(lambda: len(interrupts) == 3)
        bench.alarms.advance(2 * GRACE_S)
        bench.until(lambda: not lane.hung)
    assert bench.submit(lane, "next", lambda: 1)
    assert bench.answer("next") == (1, None)
    assert bench.lanes.stats()["given_up"] == 0


def test_a_fork_that_leaves_its_call_ends(make: Callable[..., Bench]) -> None:
    bench = make(1, 1)
    lane = bench.lanes.lane("d")
    assert bench.submit(lane, "forks", os.fork)
    pid, error = bench.answer("forks")
    assert error is None
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == EX_FORKED
    assert bench.submit(lane, "next", lambda: 1)
    assert bench.answer("next") == (1, None)


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
@pytest.mark.parametrize("later", [False, True])
def test_whatever_is_raised_is_told(make: Callable[..., Bench], error: BaseException, later: bool) -> None:
    bench = make(1, 1)
    lane = bench.lanes.lane("d")

    def raises() -> None:
        raise error

    async def raises_later() -> None:
        await asyncio.sleep(0)
        raise error

    assert bench.submit(lane, "raises", raises_later if later else raises)
    assert bench.answer("raises") == (None, error)
    assert bench.submit(lane, "next", lambda: 1)
    assert bench.answer("next") == (1, None)


def test_a_done_that_fails_keeps_nobody(make: Callable[..., Bench]) -> None:
    bench = make(1, 1)
    lane = bench.lanes.lane("d")

    def fails(value: Any, error: BaseException | None) -> None:
        raise ValueError

    assert lane.submit(lambda: 1, fails)
    assert bench.submit(lane, "next", lambda: 1)
    assert bench.answer("next") == (1, None)


def test_coroutines_hold_no_threads(make: Callable[..., Bench]) -> None:
    bench = make(2, 2)
    gate: list[asyncio.Future[None]] = []

    async def waits() -> str:
        if not gate:
            gate.append(asyncio.get_running_loop().create_future())
        await asyncio.shield(gate[0])
        return "through"

    number = 3000
    for one in range(number):
        assert bench.submit(bench.lanes.lane(f"d{one}"), f"c{one}", waits)
    bench.wait(lambda: len(bench.begun) == number)
    assert bench.submit(bench.lanes.lane("sync"), "sync", lambda: "good")
    assert bench.answer("sync") == ("good", None)
    assert (bench.lanes.stats()["threads"] <= 2, bench.lanes.stats()["running"]) == (True, number)
    loop = bench.lanes.coroutines.begin()
    loop.call_soon_threadsafe(lambda: gate[0].set_result(None))
    bench.wait(lambda: len(bench.answers) == number + 1)
    assert {value for name, value, _ in bench.answers if name != "sync"} == {"through"}


def test_a_coroutine_is_cancelled_at_its_limit(make: Callable[..., Bench]) -> None:
    bench = make(1, 1)
    lane = bench.lanes.lane("d", limit_s=5.0)
    cancelled = threading.Event()

    async def waits() -> None:
        bench.note(bench.begun, "within")
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    assert bench.submit(lane, "waits", waits)
    bench.wait(lambda: "within" in bench.begun)
    bench.alarms.advance(5.0)
    assert isinstance(bench.answer("waits")[1], TimeoutError)
    assert cancelled.wait(WAIT_S)
    assert bench.submit(lane, "next", lambda: 1)
    assert bench.answer("next") == (1, None)
    bench.alarms.advance(GRACE_S)
    assert not lane.hung


def test_a_coroutine_that_will_not_be_cancelled_hangs(make: Callable[..., Bench]) -> None:
    bench = make(1, 1)
    lane = bench.lanes.lane("d", limit_s=5.0)
    end: list[Callable[[], object]] = []

    async def stubborn() -> None:
        over, loop = asyncio.Event(), asyncio.get_running_loop()
        end.append(lambda: loop.call_soon_threadsafe(over.set))
        bench.note(bench.begun, "within")
        while not over.is_set():
            try:
                await over.wait()
            except asyncio.CancelledError:
                continue

    assert bench.submit(lane, "stubborn", stubborn)
    bench.wait(lambda: "within" in bench.begun)
    bench.alarms.advance(5.0 + GRACE_S)
    assert (lane.hung, bench.lanes.stats()["given_up"]) == (True, 0), "it holds no thread"
    end[0]()
    bench.until(lambda: not lane.hung)


def test_all_are_told_when_it_is_closed(make: Callable[..., Bench]) -> None:
    bench = make(1, 2)
    lanes = [bench.lanes.lane(name) for name in ("a", "b", "c")]
    held = [bench.hold(lanes[0], "runs")]
    bench.alarms.advance(SLOW_S)
    assert bench.submit(lanes[0], "waits")
    held.append(bench.hold(lanes[1], "b runs"))
    assert bench.submit(lanes[2], "in line")
    lanes[0].close()
    for name in ("runs", "waits"):
        assert isinstance(bench.answer(name)[1], CommandError)
    assert not bench.submit(lanes[0], "late")
    bench.lanes.close()
    for name in ("b runs", "in line"):
        assert "no longer served here" in str(bench.answer(name)[1])
    assert not bench.submit(lanes[2], "late")
    for event in held:
        event.set()
    bench.until(lambda: bench.lanes.stats()["running"] == 0)
    assert len(bench.answers) == 4


def test_who_can_never_begin_is_told(make: Callable[..., Bench]) -> None:
    bench = make(1, 1)
    held = bench.hold(bench.lanes.lane("a"), "a")
    assert bench.submit(bench.lanes.lane("b"), "b")
    bench.alarms.advance(STALLED_S / 2)
    assert bench.submit(bench.lanes.lane("c"), "c")
    bench.alarms.advance(STALLED_S)
    assert "no thread has become free for 60 s" in str(bench.answer("b")[1])
    assert "no thread has become free for 60 s" in str(bench.answer("c")[1])
    held.set()
    bench.answer("a")


def test_a_system_without_threads_is_said(make: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    bench = make(1, 1)

    def none_left(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", none_left)
        assert bench.submit(bench.lanes.lane("a"), "a")
        assert "no thread for it" in str(bench.answer("a")[1])
    assert bench.submit(bench.lanes.lane("a"), "again")
    assert bench.answer("again") == (None, None)


def test_threads_end_when_they_are_idle(make: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "IDLE_S", 0.01)
    bench = make(4, 4)
    held = [bench.hold(bench.lanes.lane(str(number)), str(number)) for number in range(4)]
    assert bench.lanes.stats()["threads"] == 4
    for event in held:
        event.set()
    bench.until(lambda: bench.lanes.stats()["threads"] == 0)
    assert bench.submit(bench.lanes.lane("a"), "a")
    assert bench.answer("a") == (None, None)


def test_what_needs_no_device_is_done_beside_them(make: Callable[..., Bench]) -> None:
    bench = make(1, 1)
    held = bench.hold(bench.lanes.lane("a"), "a")
    done = threading.Event()
    assert bench.lanes.beside(done.set)
    assert done.wait(WAIT_S)
    held.set()


def test_one_in_twenty_that_hang_delay_the_others_by_seconds(make: Callable[..., Bench]) -> None:
    bench = make(32, 512)
    total, hanging = 1000, range(0, 1000, 20)
    until = threading.Event()
    for number in range(total):
        work = (lambda: until.wait(WAIT_S)) if number in hanging else (lambda: None)
        assert bench.submit(bench.lanes.lane(str(number), limit_s=10.0), str(number), work)
    names = {str(number) for number in hanging}

    def quiet() -> bool:
        """Return whether nothing goes on until time passes: those that hang hold all places."""
        stats = bench.lanes.stats()
        hung = len(names.intersection(bench.begun))
        return stats["running"] == hung and (stats["waiting"] == 0 or stats["running"] - stats["slow"] == 32)

    waited_s = 0.0
    bench.until(quiet)
    while len(bench.answers) < total - len(hanging):
        bench.alarms.advance(SLOW_S)
        waited_s += SLOW_S
        bench.until(quiet)
    assert waited_s <= 1.0
    until.set()


Program = list[tuple[str, int, int]]
ACTIONS = ("submit", "first", "async", "raise", "exit", "hang", "release", "advance", "close")
programs: st.SearchStrategy[Program] = st.lists(
    st.tuples(st.sampled_from(ACTIONS), st.integers(0, 4), st.integers(0, 3)), max_size=60
)


@settings(max_examples=60, deadline=None)
@given(programs)
def test_each_call_is_told_once_and_no_two_of_one_device_run(program: Program) -> None:
    bench = Bench(2, 3)
    lanes = [bench.lanes.lane(str(number), limit_s=2.0) for number in range(5)]
    running = [0] * 5
    faults: list[str] = []
    told: dict[int, int] = {}
    hung: list[threading.Event] = []
    guard = threading.Lock()

    def entered(which: int) -> None:
        with guard:
            running[which] += 1
            if running[which] > 1 + lanes[which].given_up:
                faults.append(f"{running[which]} of {which} at once")

    def left(which: int) -> None:
        with guard:
            running[which] -= 1

    def submit(which: int, body: Callable[[], Any], **rest: Any) -> None:
        number = len(told)
        told[number] = 0

        def done(value: Any, error: BaseException | None) -> None:
            with guard:
                told[number] += 1

        def call() -> Any:
            entered(which)
            try:
                return body()
            finally:
                left(which)

        if not lanes[which].submit(call, done, **rest):
            del told[number]
            told[-number - 1] = 1

    def raising(error: BaseException) -> Callable[[], Any]:
        def body() -> Any:
            raise error

        return body

    async def later() -> int:
        await asyncio.sleep(0)
        return 1

    for action, which, how in program:
        if action in ("submit", "first"):
            submit(which, lambda: 1, first=action == "first")
        elif action == "async":
            submit(which, later)
        elif action == "raise":
            submit(which, raising(ValueError()))
        elif action == "exit":
            submit(which, raising(SystemExit(1)))
        elif action == "hang":
            event = threading.Event()
            hung.append(event)
            submit(which, lambda event=event: event.wait(WAIT_S))  # type: ignore[misc]  # bound at once
        elif action == "release" and hung:
            hung[how % len(hung)].set()
        elif action == "advance":
            bench.alarms.advance((0.5, 1.0, 2.5, 61.0)[how])
        elif action == "close" and how == 0:
            lanes[which].close()
    for event in hung:
        event.set()
    if len(program) % 2:
        bench.lanes.close()

    def over() -> bool:
        bench.alarms.advance(0.01)
        return bench.lanes.stats()["running"] == 0 and bench.lanes.stats()["waiting"] == 0

    bench.until(over)
    bench.lanes.close()
    bench.until(lambda: all(told.values()))
    assert (faults, set(told.values()) - {1}) == ([], set())
    threading.stack_size(0)


def test_a_thread_goes_on_with_whose_turn_it_is(make: Callable[..., Bench]) -> None:
    """No other one is woken up for it."""
    bench = make(2, 4)
    holds = [bench.hold(bench.lanes.lane(f"held {number}"), f"held {number}") for number in range(2)]
    threads: set[int] = set()
    for number in range(100):
        lane = bench.lanes.lane(f"d{number}")
        assert bench.submit(lane, f"d{number}", lambda: threads.add(threading.get_ident()))
    holds[0].set()
    bench.answer("d99")
    assert len(threads) == 1
    holds[1].set()
    bench.until(lambda: bench.lanes.stats()["running"] == 0)


def test_one_alarm_looks_after_many_calls(make: Callable[..., Bench]) -> None:
    bench = make(2, 2)
    for number in range(100):
        assert bench.submit(bench.lanes.lane(f"d{number}"), f"d{number}")
    bench.answer("d99")
    bench.until(lambda: bench.lanes.stats()["running"] == 0)
    assert len(bench.alarms._due) <= 2
    held = bench.hold(bench.lanes.lane("held"), "held")
    bench.alarms.advance(SLOW_S)
    assert bench.lanes.stats()["slow"] == 1
    held.set()
