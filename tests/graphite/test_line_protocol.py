"""Plaintext parsing: the fast way gives what a plain loop gives, however the bytes are cut up."""

from __future__ import annotations

import math
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from saltern_graphite.receivers.formats import line as line_module
from saltern_graphite.receivers.formats.line import MAX_LINE_BYTES, Block, LineBuffer, parse

NOW = 1_700_000_000.0

_good = st.builds(
    lambda name, value, time: f"{name} {value} {time}".encode(),
    st.sampled_from(["a.b", "größe", "x;t=1", "N", "5"]),
    st.sampled_from(["1", "-2.5", "1e3", "1_000", "nan", "inf", "0x10", "1,5"]),
    st.sampled_from(["1700000000", "-1", "-1.9", "-2", "N", "1700000000.5", "nan", "late"]),
)
_odd = st.sampled_from(
    [b"", b" ", b"a 1", b"a 1 2 3", b"5 2 3 4", b"\xff 1 2", b"a\x001 2", b"\x00", b"a\t1\t2\r", b"\x85"]
)
_stream = st.lists(st.one_of(_good, _good, _good, _odd, st.binary(max_size=20)), max_size=12).map(b"\n".join)


def plain(data: bytes) -> tuple[list[tuple[str, float, float]], dict[str, int]]:
    """The protocol, written down as simply as can be."""
    points: list[tuple[str, float, float]] = []
    bad: dict[str, int] = {}
    for line in data.split(b"\n"):
        try:
            fields = line.decode().split()
            if not fields:
                continue
            if len(fields) != 3:
                cause = "bad_fields"
            else:
                cause = "bad_value"
                value = float(fields[1])
                cause = "bad_time"
                time = NOW if fields[2] == "N" or (fields[2] not in ("nan",) and int(float(fields[2])) == -1) else 0
                points.append((fields[0], time or float(fields[2]), value))
                continue
        except UnicodeDecodeError:
            cause = "bad_utf8"
        except (ValueError, OverflowError):
            pass
        bad[cause] = bad.get(cause, 0) + 1
    return points, bad


def rows(block: Block) -> list[tuple[str, float, float]]:
    return list(zip(block.names, map(float, block.times), map(float, block.values), strict=True))


@given(_stream)
def test_parse_is_the_plain_loop(data: bytes) -> None:
    block = parse(data, NOW)
    points, bad = plain(data)
    assert repr(rows(block)) == repr(points)  # repr: NaN equals NaN
    assert block.bad == bad
    assert len(block.samples) <= sum(bad.values())


_numbers = st.one_of(
    st.integers(-(10**18), 10**18).map(str),
    st.floats().map(repr),
    st.floats(-1e9, 1e9).map("{:.3f}".format),
    st.sampled_from(["0", "-0", "-0.0", ".5", "5.", "-.5", ".", "-", "1.2.3", "12345678.12345678", "1/2", "+1", ""]),
    st.text("0123456789.-/:e", max_size=18),
)
_times = st.one_of(st.sampled_from(["1700000000", "-1", "-1.5", "N", "1700000000.25", "-2"]), _numbers)
_plain_lines = st.lists(
    st.builds(
        lambda name, value, time: f"{name} {value} {time}\n".encode(), st.sampled_from(["a.b", "x"]), _numbers, _times
    ),
    min_size=1,
)


@given(st.one_of(_plain_lines.map(b"".join), _stream))
def test_columns_are_the_plain_loop(data: bytes) -> None:
    with patch.object(line_module, "_MIN_COLUMN_BYTES", 0):
        block = parse(data, NOW)
    points, bad = plain(data)
    assert repr(rows(block)) == repr(points)
    assert block.bad == bad


def test_a_large_block_of_plain_lines_goes_by_columns() -> None:
    lines = [(f"servers.web{n}.load", n / 7, 1_700_000_000 + n % 3) for n in range(3000)]
    data = "".join(f"{name} {value} {time}\n" for name, value, time in lines).encode()
    with patch.object(line_module, "_parse_at_once", side_effect=AssertionError("the slow way")):
        block = parse(data, NOW)
    assert rows(block) == [(name, float(time), value) for name, value, time in lines]
    assert parse(data.replace(b"web77.", b"web77. "), NOW).bad == {"bad_fields": 1}


@given(_stream, st.lists(st.integers(1, 9), min_size=1))
def test_the_cut_of_the_stream_changes_nothing(data: bytes, sizes: list[int]) -> None:
    buffer = LineBuffer()
    blocks = []
    place = turn = 0
    while place < len(data):
        size = sizes[turn % len(sizes)]
        blocks += [block for block in buffer.feed(data[place : place + size]) if block is not None]
        place, turn = place + size, turn + 1
    blocks.append(buffer.rest())
    assert b"".join(blocks) == data
    assert repr([row for block in blocks for row in rows(parse(block, NOW))]) == repr(plain(data)[0])


def test_two_short_lines_and_a_long_one_are_no_two_points() -> None:
    block = parse(b"a 1\n5 2 3 4\n", NOW)
    assert (block.names, block.bad) == ([], {"bad_fields": 2})


def test_over_long_line_is_skipped_and_the_next_is_read() -> None:
    buffer = LineBuffer()
    long = b"x" * (MAX_LINE_BYTES + 1)
    assert list(buffer.feed(b"a 1 2\n" + long)) == [b"a 1 2\n", None]
    assert list(buffer.feed(long)) == []
    assert list(buffer.feed(long + b"\nb 1 2\nc")) == [b"b 1 2\n"]
    assert buffer.rest() == b"c"
    block = parse(b"a 1 2\n" + long + b" 1 2\nb 1 2\n", NOW)
    assert (block.names, block.bad) == (["a", "b"], {"line_too_long": 1})


def test_samples_are_few_and_short() -> None:
    block = parse(b"\n".join([b"z" * 1000] * 50), NOW)
    assert block.bad == {"bad_fields": 50}
    assert [len(line) for _, line in block.samples] == [200, 200, 200]


def test_refused_values_are_left_to_the_store() -> None:
    block = parse(b"a nan 5\nb inf 6\n", NOW)
    assert math.isnan(block.values[0])
    assert block.bad == {}
