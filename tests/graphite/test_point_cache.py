"""The cache against a simple model, and the order in which it gives points to the writer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from saltern_graphite.store import cache as cache_module
from saltern_graphite.store import generation as generation_module
from saltern_graphite.store.cache import HELD_BYTES, HELD_POINT_BYTES, WORK_BYTES, Cache
from saltern_graphite.store.generation import LONG_CHAIN, POINT_BYTES, Generation, OpenGeneration
from saltern_graphite.store.names import Names
from saltern_graphite.store.packed import Columns, Packed
from saltern_graphite.store.wal.mark import Place

NAMES = ["a", "b", "c", "d"]

_block = st.lists(st.tuples(st.sampled_from(range(len(NAMES))), st.integers(1, 5), st.integers(0, 99)), max_size=6)


@pytest.fixture(scope="module", autouse=True)
def _small_pieces() -> Iterator[None]:
    """A few points, as hypothesis gives them, go over the ends of pieces."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(generation_module, "PIECE_POINTS", 4)
        yield


def columns(block: list[tuple[int, int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    ids, times, values = np.array(block, np.int64).reshape(-1, 3).T
    return ids.astype(np.uint32), times.astype(np.uint32), values.astype(np.float64)


def new_cache(max_points: int = 10) -> Cache:
    names = Names()
    for name in NAMES:
        names.add(name)
    return Cache(names, max_points)


class CacheMachine(RuleBasedStateMachine):
    """Points that were added and are not in a file must be seen, the newest value of each second."""

    def __init__(self) -> None:
        super().__init__()
        self.cache = new_cache()
        self.segment = 0
        self.added: dict[int, dict[int, float]] = {number: {} for number in range(len(NAMES))}
        self.in_files: dict[int, dict[int, float]] = {number: {} for number in range(len(NAMES))}

    @rule(block=_block)
    def add(self, block: list[tuple[int, int, int]]) -> None:
        self.segment += 1
        self.cache.add(*columns(block), Place(self.segment, 0))
        for number, time, value in block:
            self.added[number][time] = float(value)
            self.in_files[number].pop(time, None)

    @rule()
    def pack(self) -> None:
        self.cache.pack()

    @rule()
    def join(self) -> None:
        for number in list(self.cache.shelves):
            self.cache.join(number)

    @rule()
    def take(self) -> None:
        for number in list(self.cache.shelves)[:1]:
            self.cache.take(number)

    @rule(most=st.integers(1, 3), outcome=st.sampled_from(["finish", "again", "hold"]))
    def write(self, most: int, outcome: str) -> None:
        held = self.cache.held()
        for generation in self.cache.generations[:1]:  # generations are written in order
            places = generation.take(most)
            if outcome == "again" or any(int(number) in held for number in generation.metrics[places]):
                generation.again(places)
            elif outcome == "hold":
                for place in places.tolist():
                    assert self.cache.hold(generation, place, 0.0) == 0
            else:
                for place in places.tolist():
                    self.in_files[int(generation.metrics[place])].update(generation.points_at(place))
                self.cache.finish(generation, places)

    @rule()
    def write_all(self) -> None:
        self.cache.pack()
        while self.cache.shelves:
            self.cache.take(min(self.cache.shelves))
        for generation in list(self.cache.generations):
            generation.recall()
            while generation.waiting:
                for place in generation.take(len(NAMES)).tolist():
                    number = int(generation.metrics[place])
                    if number in self.cache.held():  # what is newer does not pass by what is held
                        self.cache.hold(generation, place, 0.0)
                        continue
                    self.in_files[number].update(generation.points_at(place))
                    self.cache.finish(generation, np.array([place]))
        assert self.cache.size == sum(len(one.points) for one in self.cache.held().values())

    @rule(number=st.sampled_from(range(len(NAMES))))
    def write_held(self, number: int) -> None:
        held = self.cache.release(number)
        if held is not None:
            self.in_files[number].update(held.points)

    @invariant()
    def agrees(self) -> None:
        unseen = 0
        for number, name in enumerate(NAMES):
            seen = dict(self.cache.points(name))
            assert {**self.in_files[number], **seen} == self.added[number]
            unseen += len(seen)
            assert self.cache.waits(name) == bool(seen)
        assert self.cache.size >= unseen
        held = sum(len(one.points) * HELD_POINT_BYTES + HELD_BYTES for one in self.cache.held().values())
        still = sum(one.bytes for one in (*self.cache.shelves.values(), *self.cache.generations))
        raw = sum(one.count for one in (*self.cache._packing, self.cache.open))
        assert self.cache.bytes == still + raw * POINT_BYTES + held
        assert (self.cache.bytes == 0) == (self.cache.size == 0)
        assert self.cache.full == (self.cache.size >= 10)
        assert (self.cache.oldest_place() is None) == (self.cache.size == 0)
        assert (self.cache.oldest_age() == 0) == (self.cache.size == 0)
        assert (self.cache.queues == 0) == (self.cache.size == 0)


TestCacheMachine = CacheMachine.TestCase
TestCacheMachine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


_step = st.sampled_from(["add", "read_back", "pack", "pack_read_back", "join"])


@given(st.lists(st.tuples(_step, _block), max_size=40))
def test_what_is_read_back_is_older_than_whatever_came(steps: list[tuple[str, list[tuple[int, int, int]]]]) -> None:
    cache = new_cache(1000)
    came: dict[tuple[int, int], float] = {}
    read: dict[tuple[int, int], float] = {}
    unseen: dict[tuple[int, int], float] = {}
    for number, (step, block) in enumerate(steps):
        points = {(metric, time): float(value) for metric, time, value in block}
        if step == "add":
            cache.add(*columns(block), Place(100 + number, 0))
            came |= points
        elif step == "read_back":
            cache.read_back(*columns(block), Place(number, 0))
            unseen |= points
        elif step == "pack":
            cache.pack()
        elif step == "pack_read_back":
            cache.pack_read_back()
            read |= unseen
            unseen = {}
        else:
            while cache.shelves and cache.join(0):
                pass
        assert {(n, time): value for n, name in enumerate(NAMES) for time, value in cache.points(name)} == {
            **read,
            **came,
        }
        assert (cache.oldest_place() is None) == (not came and not read and not unseen)
    cache.pack()
    old: dict[tuple[int, int], float] = {}
    while cache.shelves and cache.shelves[0].old:
        old |= _points_of(cache.take(0, old=True))
    assert old == read
    if cache.shelves:
        assert _points_of(cache.take(0)) == came


def _points_of(generation: Generation) -> dict[tuple[int, int], float]:
    return {
        (int(metric), time): value
        for place, metric in enumerate(generation.metrics)
        for time, value in generation.points_at(place)
    }


def test_what_is_taken_at_once_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packed points are two bytes each, those of a generation twenty-four."""
    monkeypatch.setattr(cache_module, "MOST_POINTS", 10)
    cache = new_cache(1000)
    expected: dict[int, float] = {}
    for number in range(20):
        block = [(0, number * 4 + second, number) for second in range(5)]  # of each the last second comes again
        cache.add(*columns(block), Place(number + 1, 0))
        expected.update({time: float(value) for _, time, value in block})
        cache.pack()
        while cache.join(0):
            pass
    files: dict[int, float] = {}
    taken = 0
    while cache.shelves:
        generation = cache.take(0)
        assert len(generation.times) <= 10
        assert {**files, **dict(cache.points("a"))} == expected
        files.update(generation.points_at(0))
        cache.finish(generation, generation.take(1))
        taken += 1
    assert files == expected
    assert taken >= 9
    assert (cache.size, cache.bytes, cache.oldest_place()) == (0, 0, None)


@given(st.lists(_block, max_size=5))
def test_packing_sorts_by_metric_and_time_and_keeps_the_last_value(blocks: list[list[tuple[int, int, int]]]) -> None:
    opened = OpenGeneration(0)
    expected: dict[tuple[int, int], float] = {}
    for segment, block in enumerate(blocks):
        if block:
            opened.add(*columns(block), Place(segment, 0))
        expected.update({(number, time): float(value) for number, time, value in block})
    assert opened.metrics == len({number for number, _ in expected})
    for number in range(len(NAMES)):
        own = [(time, value) for (other, time), value in sorted(expected.items()) if other == number]
        assert opened.of(number) == own
        assert opened.has(number) == bool(own)
        if expected:
            assert Packed(opened.sorted()).of(number) == own
            assert Generation(opened.sorted(), Place(1, 0), 0.0).of(number) == own


def taken(cache: Cache) -> Generation:
    cache.pack()
    return cache.take(0)


def test_a_segment_is_held_by_its_oldest_point() -> None:
    cache = new_cache()
    cache.add(*columns([(0, 1, 1)]), Place(3, 0))
    generation = taken(cache)
    cache.add(*columns([(0, 2, 2)]), Place(7, 0))
    assert cache.oldest_place() == (3, 0)
    cache.hold(generation, 0, 0.0)
    assert cache.oldest_place() == (3, 0)
    cache.relog(Place(9, 0), [0])
    assert cache.oldest_place() == (7, 0)
    cache.finish(taken(cache), np.array([0]))
    assert cache.oldest_place() == (9, 0)


def test_what_is_held_and_was_logged_again_holds_an_older_segment_if_older_points_join_it() -> None:
    cache = new_cache()
    cache.add(*columns([(0, 1, 1)]), Place(3, 0))
    generation = taken(cache)
    cache.add(*columns([(0, 2, 2)]), Place(7, 0))
    cache.hold(generation, 0, 0.0)
    cache.relog(Place(9, 0), [0])
    cache.hold(taken(cache), 0, 0.0)
    assert cache.oldest_place() == (7, 0)


def test_what_could_not_be_packed_is_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: object) -> None:
        raise MemoryError

    cache = new_cache()
    cache.add(*columns([(0, 1, 1)]), Place(3, 0))
    with monkeypatch.context() as patched:
        patched.setattr(OpenGeneration, "sorted", refused)
        with pytest.raises(MemoryError):
            cache.pack()
    cache.add(*columns([(0, 2, 2)]), Place(7, 0))
    assert cache.oldest_place() == (3, 0)
    assert cache.points("a") == [(1, 1.0), (2, 2.0)]
    cache.finish(taken(cache), np.array([0]))
    assert (cache.size, cache.oldest_place()) == (0, None)


def test_what_is_held_of_one_metric_is_bounded(monkeypatch: object) -> None:
    cache = new_cache(max_points=100_000)
    most = cache_module.MAX_HELD_POINTS
    cache.add(*columns([(0, time + 1, 0) for time in range(most + 5)]), Place(1, 0))
    assert cache.hold(taken(cache), 0, 0.0) == 5
    assert cache.size == most
    assert cache.points("a")[0][0] == 6


def test_no_more_is_sorted_at_once_than_memory_is_for_and_it_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = new_cache(max_points=80)
    seen: list[tuple[int, int]] = []
    before = OpenGeneration.sorted

    def watched(self: OpenGeneration) -> Columns:
        seen.append((self.count, cache.bytes - (cache.size - packed()) * POINT_BYTES - still()))
        return before(self)

    def still() -> int:
        return sum(shelf.bytes for shelf in cache.shelves.values())

    def packed() -> int:
        return sum(shelf.points for shelf in cache.shelves.values())

    monkeypatch.setattr(OpenGeneration, "sorted", watched)
    for time in range(12):  # the writer has no time
        cache.add(*columns([(number, time + 1, 0) for number in range(4)]), Place(1, time))
    assert cache.most_at_once == 20
    cache.pack()
    assert seen == [(20, 20 * WORK_BYTES), (20, 20 * WORK_BYTES), (8, 8 * WORK_BYTES)]
    assert cache.points("a") == [(time + 1, 0.0) for time in range(12)]


def test_a_long_chain_is_found_whole() -> None:
    cache = new_cache(max_points=100_000)
    for time in range(LONG_CHAIN + 10):
        cache.add(*columns([(1, time + 1, time), (2, time + 1, 0)]), Place(1, 0))
    assert cache.points("b") == [(time + 1, float(time)) for time in range(LONG_CHAIN + 10)]


def test_room_is_told_once_below_the_low_watermark() -> None:
    told = []
    cache = new_cache(max_points=20)
    cache.on_room = lambda: told.append(cache.size)
    cache.add(*columns([(number % 4, number + 1, 0) for number in range(24)]), Place(1, 0))
    generation = taken(cache)
    while cache.size:
        cache.finish(generation, generation.take(1))
    assert told == [18]
