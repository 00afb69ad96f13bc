"""Packed points: what comes out has the bits that went in, and common series take few bytes."""

from __future__ import annotations

import random
import struct

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from saltern_graphite.store.cache import MOST_POINTS
from saltern_graphite.store.packed import OBJECT_BYTES, Columns, Packed, merged, sorted_columns
from saltern_graphite.store.shelf import BLOCKS_OF_A_LEVEL, METRICS, Block, Shelf
from saltern_graphite.store.wal.mark import Place

_values = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**60), 2**60).map(float),
    st.integers(-(10**6), 10**6).map(lambda cents: cents / 100),
    st.integers(-300, 300).map(float),
    st.sampled_from([0.0, -0.0, 2.0**53, 2.0**53 - 1, -(2.0**53), 1e308, 5e-324, 0.1 + 0.2]),
)
_row = st.tuples(st.integers(0, 40), st.integers(1, 2**32 - 1) | st.integers(1, 20), _values)
_rows = st.lists(_row, min_size=1, max_size=60)

Row = tuple[int, int, float]


def columns(rows: list[Row]) -> Columns:
    ids, times, values = zip(*rows, strict=True)
    return sorted_columns(np.array(ids, np.uint32), np.array(times, np.uint32), np.array(values, np.float64))


def model(rows: list[Row]) -> dict[int, dict[int, bytes]]:
    """The bits of the last value of each second, by metric."""
    found: dict[int, dict[int, bytes]] = {}
    for number, time, value in rows:
        found.setdefault(number, {})[time] = struct.pack("d", value)
    return found


def bits(points: list[tuple[int, float]]) -> dict[int, bytes]:
    assert points == sorted(points)
    return {time: struct.pack("d", value) for time, value in points}


@given(_rows)
@example([(0, 1, 0.0), (0, 2, -0.0), (0, 3, 0.0)])
@example([(0, 1, 1.0), (0, 2, 2.0**53)])
@example([(3, 1, 0.01), (3, 2, 327.68), (5, 1, 0.01), (5, 2, 327.69)])
@example([(7, 1, 1e308), (7, 2, -1e308)])
def test_what_comes_out_has_the_bits_that_went_in(rows: list[Row]) -> None:
    packed = Packed(columns(rows))
    expected = model(rows)
    for number in range(-1, 42):
        assert bits(packed.of(number)) == expected.get(number, {})
    for one, other in zip(packed.unpack(), columns(rows), strict=True):
        assert one.dtype == other.dtype
        assert one.tobytes() == other.tobytes()
    assert packed.numbers().tolist() == sorted(expected)
    assert (packed.metrics, packed.points) == (len(expected), sum(map(len, expected.values())))


@given(st.lists(_rows, min_size=1, max_size=5))
def test_of_several_for_one_second_the_newest_block_counts(blocks: list[list[Row]]) -> None:
    packed = [Packed(columns(rows)) for rows in blocks]
    expected = model([row for rows in blocks for row in rows])
    unpacked = Packed(merged(packed))
    shelf = Shelf(tuple(Block(one, Place(at, 0), float(at)) for at, one in enumerate(packed)))
    assert shelf.metrics == len(expected)
    for number in range(42):
        assert bits(unpacked.of(number)) == expected.get(number, {})
        assert {time: struct.pack("d", value) for time, value in shelf.of(number)} == expected.get(number, {})


@pytest.mark.parametrize(
    ("most", "step"),
    [
        (0.2, lambda at, rng: 64.0 * 2**30),
        (1.4, lambda at, rng: 1e9 + 50 * at + rng.randrange(50)),
        (2.4, lambda at, rng: 1e12 + 10_000 * at + rng.randrange(20_000)),
        (2.4, lambda at, rng: round(rng.random() * 100, 2)),
        (8.4, lambda at, rng: rng.random()),
    ],
)
def test_common_series_take_few_bytes(most: float, step: object) -> None:
    rng = random.Random(7)
    assert callable(step)
    rows = [(number, 1_700_000_000 + 15 * at, step(at, rng)) for number in range(500) for at in range(40)]
    packed = Packed(columns(rows))
    own = packed.bytes - OBJECT_BYTES - 500 * 9  # the first value of each and its form
    assert own / packed.points <= most


def test_few_blocks_are_looked_through() -> None:
    def block(at: int) -> Block:
        return Block(Packed(columns([(1, at + 1, float(at)), (METRICS - 1, 5, float(at))])), Place(9 - at, 0), 9.0 - at)

    shelf = Shelf((block(0),))
    for at in range(1, 40):
        assert shelf.joinable(MOST_POINTS) is None
        shelf = Shelf((*shelf.blocks, block(at)))
        while (which := shelf.joinable(MOST_POINTS)) is not None:
            shelf = shelf.joined(which)
        assert len(shelf.blocks) < 3 * BLOCKS_OF_A_LEVEL
        assert (shelf.since, shelf.place) == (9.0 - at, (9 - at, 0))
    assert [block.level for block in shelf.blocks] == [2, 2, 1, 1]  # each point was packed anew no more than that often
    assert shelf.of(1) == [(at + 1, float(at)) for at in range(40)]
    assert shelf.unpack().ends.tolist() == [40, 41]
    assert shelf.of(METRICS - 1)[-1] == (5, 39.0)
