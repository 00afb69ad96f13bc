"""Threads that are shared in turns: nobody waits for another's ten thousand calls."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from saltern.errors import Busy
from saltern_master.commands import turns as turns_module
from saltern_master.commands.turns import Turns

THREADS, EACH, WAITING = 8, 2, 5


class Pool:
    """Stands in for the threads: a call runs when the test ends it."""

    def __init__(self) -> None:
        self.started: list[tuple[Future[Any], partial[Any]]] = []

    def submit(self, call: Callable[..., Any], *args: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()
        self.started.append((future, partial(call, *args)))
        return future

    def end(self, number: int) -> None:
        future, call = self.started[number]
        try:
            future.set_result(call())
        except Exception as error:
            future.set_exception(error)

    def shutdown(self, **_: Any) -> None:
        """Nothing to do."""


async def settled() -> None:
    """Let everything that follows from what was done happen."""
    for _ in range(6):
        await asyncio.sleep(0)


STEPS = st.lists(
    st.tuples(st.sampled_from(["call", "call", "end", "cancel"]), st.integers(0, 30), st.booleans()), max_size=60
)


GIVEN_UP_BEFORE_ANOTHERS = [("call", who, False) for who in (0, 0, 0, 1, 1, 1, 1)] + [
    ("cancel", 5, False),
    ("end", 2, False),
]


@given(STEPS)
@example(GIVEN_UP_BEFORE_ANOTHERS)
def test_any_sequence_is_served_within_bounds_and_no_thread_idles_while_someone_waits(
    steps: list[tuple[str, int, bool]],
) -> None:
    async def scenario() -> None:
        pool = Pool()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(turns_module, "ThreadPoolExecutor", lambda *_args, **_kwargs: pool)
            turns = Turns("test", THREADS, WAITING)
        tasks: list[tuple[str, asyncio.Task[Any], bool]] = []
        begun: list[int] = []
        ended: set[int] = set()

        def work(number: int, fails: bool) -> int:
            if fails:
                raise ValueError(number)
            return number

        def end(at: int) -> None:
            if at not in ended:
                ended.add(at)
                pool.end(at)

        def check() -> None:
            begun.extend(call.args[0].args[0] for _, call in pool.started[len(begun) :])
            running = Counter(tasks[begun[at]][0] for at in range(len(begun)) if at not in ended)
            waiting = {who for n, (who, task, _) in enumerate(tasks) if n not in begun and not task.done()}
            assert running.total() <= THREADS
            assert all(count <= EACH for count in running.values())
            assert running.total() == THREADS or all(running[who] == EACH for who in waiting)
            for who in "abcdef":
                own = [number for number in begun if tasks[number][0] == who]
                assert own == sorted(own)

        for what, which, flag in steps:
            if what == "call":
                who = "abcdef"[which % 6]
                unfinished = [n for n, (other, _, _) in enumerate(tasks) if other == who]
                refused = turns.refused
                task = asyncio.ensure_future(turns.run(who, partial(work, len(tasks), flag)))
                await settled()
                if turns.refused > refused:
                    assert isinstance(task.exception(), Busy)
                    assert len(unfinished) >= WAITING
                    continue
                tasks.append((who, task, flag))
            elif what == "end" and begun:
                end(which % len(begun))
            elif what == "cancel" and tasks:
                tasks[which % len(tasks)][1].cancel()
            await settled()
            check()
        while len(ended) < len(begun):
            for at in range(len(begun)):
                end(at)
            await settled()
            check()
        for number, (_, task, fails) in enumerate(tasks):
            assert task.done()
            if task.cancelled():
                continue
            assert isinstance(task.exception(), ValueError) if fails else task.result() == number
        assert (turns._free, dict(turns._queues), turns._running) == (THREADS, {}, {})

    asyncio.run(scenario())


def test_one_who_asks_for_a_lot_is_served_in_turn_with_others() -> None:
    async def scenario() -> None:
        turns = Turns("test", 1, 100)
        gate, order = threading.Event(), []

        def call(name: str) -> Callable[[], None]:
            def run() -> None:
                assert gate.wait(20)
                order.append(name)

            return run

        calls = [asyncio.ensure_future(turns.run("greedy", call(f"greedy {n}"))) for n in range(20)]
        await settled()
        calls += [asyncio.ensure_future(turns.run("modest", call(f"modest {n}"))) for n in range(2)]
        await settled()
        gate.set()
        await asyncio.gather(*calls)
        assert order[:5] == ["greedy 0", "greedy 1", "modest 0", "greedy 2", "modest 1"]
        turns.close()

    asyncio.run(scenario())


def test_who_has_his_share_in_use_holds_up_nobody() -> None:
    async def scenario() -> None:
        turns = Turns("test", 4, 3)
        gate = threading.Event()
        held = [asyncio.ensure_future(turns.run("greedy", gate.wait)) for _ in range(3)]
        await settled()
        with pytest.raises(Busy, match="3 of your calls are being answered"):
            await turns.run("greedy", gate.wait)
        others = [await turns.run(f"modest {n}", lambda n=n: n) for n in range(20)]  # type: ignore[misc]
        assert others == list(range(20))
        assert turns.refused == 1
        gate.set()
        assert await asyncio.gather(*held) == [True] * 3
        turns.close()

    asyncio.run(scenario())


class Odd(Exception):
    """One of a module's own."""


@pytest.mark.parametrize("kind", [ValueError, OSError, TimeoutError, RecursionError, StopIteration, Odd])
def test_whatever_a_call_raises_reaches_the_one_who_asked_and_its_thread_is_free_again(kind: type[Exception]) -> None:
    async def scenario() -> None:
        turns = Turns("test", 1, 100)

        def fail() -> None:
            raise kind("why")

        for _ in range(3):
            with pytest.raises(RuntimeError if kind is StopIteration else kind):
                await asyncio.wait_for(turns.run("a", fail), 20)
        assert await turns.run("a", lambda: 5) == 5
        turns.close()

    asyncio.run(scenario())


def test_a_call_given_up_before_its_turn_never_runs_and_one_that_runs_keeps_its_thread() -> None:
    async def scenario() -> None:
        turns = Turns("test", 1, 100)
        gate, ran = threading.Event(), []
        first = asyncio.ensure_future(turns.run("a", gate.wait))
        second = asyncio.ensure_future(turns.run("a", lambda: ran.append("second")))
        third = asyncio.ensure_future(turns.run("b", lambda: ran.append("third")))
        await settled()
        first.cancel()
        second.cancel()
        await settled()
        assert ran == []  # the one thread is held still
        gate.set()
        await third
        assert ran == ["third"]
        turns.close()

    asyncio.run(scenario())


def test_what_waits_at_the_end_is_turned_away_and_what_runs_is_answered() -> None:
    async def scenario() -> None:
        turns = Turns("test", 1, 100)
        gate = threading.Event()
        runs = asyncio.ensure_future(turns.run("a", gate.wait))
        waits = asyncio.ensure_future(turns.run("a", gate.wait))
        await settled()
        turns.close()
        with pytest.raises(Busy, match="the master is stopping"):
            await waits
        with pytest.raises(Busy, match="the master is stopping"):
            await turns.run("b", gate.wait)
        gate.set()
        assert await runs is True

    asyncio.run(scenario())
