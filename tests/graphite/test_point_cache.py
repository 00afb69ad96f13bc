"""The cache against a simple model, and the order in which it gives points to the writer."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from saltern_graphite.cache import Cache

NAMES = ["a", "b", "c"]


class CacheMachine(RuleBasedStateMachine):
    """Points that were added and not done must be seen, newest value first, whatever happens between."""

    def __init__(self) -> None:
        super().__init__()
        self.cache = Cache(max_points=10)
        self.waiting: dict[str, dict[int, float]] = {}
        self.writing: dict[str, dict[int, float]] = {}
        self.segments: dict[str, int] = {}
        self.segment = 0

    @rule(name=st.sampled_from(NAMES), time=st.integers(1, 5), value=st.integers(0, 99), fresh=st.booleans())
    def add(self, name: str, time: int, value: int, fresh: bool) -> None:
        self.segment += 1
        self.cache.add([name], [time], [float(value)], self.segment, [name] if fresh else [])
        self.waiting.setdefault(name, {})[time] = float(value)

    @rule(most=st.integers(0, 3), skip=st.sets(st.sampled_from(NAMES)))
    def take(self, most: int, skip: set[str]) -> None:
        if self.writing:
            return
        for name, entry in self.cache.take(most, skip):
            assert name not in skip
            self.writing[name] = self.waiting.pop(name)
            assert entry.points == self.writing[name]

    @rule()
    def done(self) -> None:
        for name in list(self.writing):
            self.cache.done(name)
            del self.writing[name]

    @rule()
    def put_back(self) -> None:
        for name in list(self.writing):
            self.cache.put_back(name)
            self.waiting[name] = {**self.writing.pop(name), **self.waiting.get(name, {})}

    @invariant()
    def agrees(self) -> None:
        for name in NAMES:
            seen = {**self.writing.get(name, {}), **self.waiting.get(name, {})}
            assert self.cache.points(name) == sorted(seen.items())
        held = [*self.waiting.values(), *self.writing.values()]
        assert self.cache.size == sum(map(len, held))
        assert self.cache.full == (self.cache.size >= 10)
        assert self.cache.queues == len(self.waiting)
        assert (self.cache.oldest_segment() is None) == (not held)


TestCacheMachine = CacheMachine.TestCase
TestCacheMachine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_fresh_metrics_come_first_then_the_oldest() -> None:
    cache = Cache()
    cache.add(["a", "b"], [1, 1], [1.0, 1.0], 1)
    cache.add(["a", "new"], [2, 1], [2.0, 1.0], 2, ["new"])
    assert cache.waiting()[0] == 1
    assert [name for name, _ in cache.take(10)] == ["new", "a", "b"]


def test_a_segment_is_held_by_its_oldest_point_even_when_put_back() -> None:
    cache = Cache()
    cache.add(["a"], [1], [1.0], 3)
    cache.take(1)
    cache.add(["a"], [2], [1.0], 7)
    cache.put_back("a")
    assert cache.oldest_segment() == 3
    cache.take(1)
    cache.done("a")
    assert cache.oldest_segment() is None


def test_room_is_told_once_below_the_low_watermark() -> None:
    told = []
    cache = Cache(max_points=20)
    cache.on_room = lambda: told.append(cache.size)
    names = [f"m{n}" for n in range(25)]
    cache.add(names, [1] * 25, [0.0] * 25, 1)
    for name, _ in cache.take(25):
        cache.done(name)
    assert told == [18]
