"""Threads that several minions' runners share: who waits has its turn."""

from __future__ import annotations

import threading
from collections.abc import Callable

from saltern_agent.pools import Pools


def test_who_waits_is_called_once_and_in_its_turn() -> None:
    pools = Pools(1)
    called: list[str] = []
    turn = threading.Semaphore(0)

    def waiter(name: str) -> Callable[[], None]:
        def freed() -> None:
            called.append(name)
            turn.release()

        return freed

    one, two, three = map(waiter, ("one", "two", "three"))
    for waiting in (one, two, three, one):
        pools.wait(waiting)
    pools.leave(two)
    pools.leave(two)
    assert pools.jobs.submit(lambda: True)
    assert turn.acquire(timeout=20)
    assert called == ["one"]
    pools.wait(one)
    pools.turn_over(found=True)
    assert called == ["one", "three"]
    pools.wait(three, first=True)
    pools.turn_over(found=False)
    assert called == ["one", "three"], "there was no thread"
    assert pools.background(lambda: None)
    assert turn.acquire(timeout=20)
    assert turn.acquire(timeout=20)
    assert called == ["one", "three", "three"]


def test_a_thread_that_becomes_free_during_a_turn_is_not_forgotten() -> None:
    pools = Pools(2)
    called: list[str] = []
    turns = threading.Semaphore(0)

    def freed() -> None:
        called.append("freed")
        turns.release()

    pools.wait(freed)
    assert pools.background(lambda: None)
    assert turns.acquire(timeout=20)
    pools.wait(freed, first=True)
    over = threading.Event()
    with_ended = pools.jobs._freed  # what the worker calls when a thread is free

    def ended() -> None:
        with_ended()
        over.set()

    pools.jobs._freed = ended
    assert pools.background(lambda: None)
    assert over.wait(20)
    assert called == ["freed"], "one turn at a time"
    pools.turn_over(found=False)
    assert called == ["freed", "freed"]
