"""The queue before the workers: bounded, first come first served for one user, and fair among users."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from saltern.secret import Secret
from saltern_agent.job_queue import JobQueue
from saltern_agent.jobs import Job


def job(user: str, name: str, size: int = 0) -> Job:
    return Job(name, "test.echo", ["x" * size], {}, user=user)


def taken(queue: JobQueue) -> list[str]:
    names = []
    while (found := queue.get()) is not None:
        names.append(found.jid)
    return names


def test_users_take_turns_and_each_ones_jobs_go_in_order() -> None:
    queue = JobQueue()
    for n in range(4):
        assert queue.put(job("fred", f"f{n}")) == []
    for name in ("eve", "ann"):
        queue.put(job(name, f"{name[0]}0"))
        queue.put(job(name, f"{name[0]}1"))
    assert taken(queue) == ["f0", "e0", "a0", "f1", "e1", "a1", "f2", "f3"]
    assert (len(queue), queue.size) == (0, 0)


def test_whoever_has_most_gives_way() -> None:
    queue = JobQueue(max_jobs=3)
    for n in range(3):
        queue.put(job("fred", f"f{n}"))
    (out,) = queue.put(job("fred", "f3"))
    assert out.jid == "f3", "alone, it is what comes last"
    (out,) = queue.put(job("eve", "e0"))
    assert out.jid == "f2"
    (out,) = queue.put(job("eve", "e1"))
    assert out.jid in ("f1", "e1")
    assert "f0" in taken(queue)


def test_bytes_are_bounded_and_one_job_that_is_too_large_costs_nobody_else() -> None:
    queue = JobQueue(max_bytes=10_000)
    queue.put(job("fred", "small", 100))
    (out,) = queue.put(job("eve", "huge", 20_000))
    assert out.jid == "huge"
    queue.put(job("eve", "e0", 6000))
    (out,) = queue.put(job("eve", "e1", 6000))
    assert out.jid == "e1"
    assert taken(queue) == ["small", "e0"]
    assert queue.size == 0


def test_secrets_are_counted_too() -> None:
    queue = JobQueue()
    queue.put(Job("1", "a.b", [Secret("x" * 5000)], {}, user="fred"))
    assert queue.size > 5000


def test_one_that_was_taken_out_is_never_its_turn() -> None:
    queue = JobQueue()
    first, second = job("fred", "1"), job("fred", "2")
    queue.put(first)
    queue.put(second)
    assert first in queue
    assert queue.remove(first) is True
    assert queue.remove(first) is False
    assert first not in queue
    assert queue.peek() is second
    assert taken(queue) == ["2"]
    assert queue.peek() is None


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 60), st.integers(0, 3)), max_size=60))
def test_against_a_list(steps: list[tuple[str, int, int]]) -> None:
    queue = JobQueue(max_jobs=8, max_bytes=600)
    model: dict[str, list[Job]] = defaultdict(list)
    everything: list[Job] = []
    for n, (user, size, gets) in enumerate(steps):
        new = job(user, str(n), size)
        everything.append(new)
        model[user].append(new)
        for out in queue.put(new):
            assert model[out.user].pop() is out, "the newest of a user's goes"
        for _ in range(gets):
            found = queue.get()
            assert (found is None) == (not any(model.values()))
            if found is not None:
                assert model[found.user].pop(0) is found
        assert len(queue) == sum(map(len, model.values())) <= 8
        assert queue.size <= 600
        assert {one.jid for one in everything if one in queue} == {one.jid for jobs in model.values() for one in jobs}
