"""Pickled points: every protocol is read, and no pickle does anything but say what its points are."""

from __future__ import annotations

import copyreg
import os
import pickle
import random
import struct
import tracemalloc
from collections import OrderedDict
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern_graphite.receivers.formats.line import Block
from saltern_graphite.receivers.formats.pickle import MAX_FRAME_BYTES, decode
from saltern_graphite.receivers.formats.pickle_program import BadPickle, check

NOW = 1_700_000_000.0
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)

_number = st.one_of(
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.booleans(),
    st.sampled_from(["1.5", "-1", "1e3", " 7 ", "x", ""]),
    st.none(),
)
_name = st.one_of(st.text(max_size=300), st.sampled_from(["a.b", "größe", "x;t=1"]))
_item = st.one_of(
    st.tuples(_name, st.tuples(_number, _number)),
    st.tuples(_name, st.lists(_number, max_size=3)),
    st.tuples(_number, _number),
    st.lists(st.one_of(_name, _number), max_size=3),
    _name,
    _number,
)


def rows(block: Block) -> list[tuple[str, float, float]]:
    return list(zip(block.names, block.times, block.values, strict=True))


def plain(items: Any) -> tuple[list[tuple[str, float, float]], int]:
    """What Carbon's own loop makes of *items*, and how many it skips."""
    points, bad = [], 0
    for item in items:
        try:
            name, (stamp, value) = item
            point = (name, float(stamp), float(value))
            if not isinstance(name, str):
                raise TypeError
        except (TypeError, ValueError, OverflowError):
            bad += 1
            continue
        points.append((name, NOW if -2 < point[1] <= -1 else point[1], point[2]))
    return points, bad


@given(st.lists(_item, max_size=12), st.sampled_from(PROTOCOLS))
def test_items_are_what_carbons_loop_makes_of_them(items: list[Any], protocol: int) -> None:
    block = decode(pickle.dumps(items, protocol), NOW)
    points, bad = plain(items)
    assert repr(rows(block)) == repr(points)  # repr: NaN equals NaN
    assert sum(block.bad.values()) == bad


@given(st.lists(st.tuples(_name, st.tuples(st.integers(0, 2**40), st.floats())), max_size=40), st.data())
def test_broken_bytes_are_refused_or_read_and_nothing_else(items: list[Any], data: st.DataObject) -> None:
    body = bytearray(pickle.dumps(items, data.draw(st.sampled_from(PROTOCOLS))))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    assert refused_or_read(bytes(body))


@given(st.binary(max_size=300))
def test_any_bytes(body: bytes) -> None:
    for program in (body, body + b".", b"\x80\x02]" + body + b"e."):
        assert refused_or_read(program)


def refused_or_read(program: bytes) -> bool:
    """Whether *program* is refused in one line, or read as points with names; any other error is raised."""
    try:
        block = decode(program, NOW)
    except BadPickle as bad:
        return "\n" not in str(bad)
    return all(isinstance(name, str) for name in block.names)


# What pickle.dumps([("a.b", (1700000000, 2.5))], protocol) and unicode names give in Python 2.7.
PYTHON_2 = [
    b"(lp0\n(S'a.b'\np1\n(I1700000000\nF2.5\ntp2\ntp3\na.",
    b"]q\x00(U\x03a.bq\x01(J\x00\xf1SeG@\x04\x00\x00\x00\x00\x00\x00tq\x02tq\x03a.",
    b"\x80\x02]q\x00U\x03a.bq\x01J\x00\xf1SeG@\x04\x00\x00\x00\x00\x00\x00\x86q\x02\x86q\x03a.",
    b"\x80\x02]q\x01X\x03\x00\x00\x00a.bq\x02J\x00\xf1SeG@\x04\x00\x00\x00\x00\x00\x00\x86q\x03\x86q\x04a.",
    b"(lp0\n(Va.b\np1\n(L1700000000L\nF2.5\ntp2\ntp3\na.",
]


@pytest.mark.parametrize("body", PYTHON_2)
def test_python_2_senders(body: bytes) -> None:
    assert rows(decode(body, NOW)) == [("a.b", 1_700_000_000.0, 2.5)]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_forms_of_a_point(protocol: int) -> None:
    items = [
        ("t", (-1, "2.5")),
        ["l", ["1700000001.9", True]],
        ("long" * 200, (1, 2**70)),
        ("again", (1, 2)),
        ("again", (2, 2)),
    ]
    block = decode(pickle.dumps(items, protocol), NOW)
    assert rows(block) == [
        ("t", NOW, 2.5),
        ("l", 1_700_000_001.9, 1.0),
        ("long" * 200, 1.0, 2.0**70),
        ("again", 1.0, 2.0),
        ("again", 2.0, 2.0),
    ]
    assert decode(pickle.dumps([], protocol), NOW).names == []
    assert rows(decode(pickle.dumps((("a", (1, 2)),), protocol), NOW)) == [("a", 1.0, 2.0)]


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_names_in_bytes(protocol: int) -> None:
    block = decode(pickle.dumps([("größe".encode(), (1, 2)), (b"\xff", (1, 2)), (b"x" * 300, (1, 2))], protocol), NOW)
    assert block.names == ["größe", "\udcff", "x" * 300]  # the second can't be stored, and is refused by name


def test_broken_utf8_of_python_2_costs_one_name() -> None:
    body = b"\x80\x02](U\x02\xff.K\x01K\x02\x86\x86U\x01bK\x01K\x02\x86\x86e."
    assert decode(body, NOW).names == ["\udcff.", "b"]


def test_bad_items_are_counted_one_by_one_and_described() -> None:
    items = [("a", (1, 2)), ("a", 1), "ab", None, (5, (1, 2)), ("a", ("x", 2)), ("a", (1, None)), ("a", (1, 10**400))]
    block = decode(pickle.dumps([*items, ("b", (1, 2))]), NOW)
    assert block.names == ["a", "b"]
    assert block.bad == {"bad_item": 4, "bad_time": 1, "bad_value": 2}
    assert block.samples[0] == ("bad_item", b"tuple of str, int")


class Evil:
    """Runs something when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


class Plain:
    pass


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_nothing_is_called_built_or_imported(tmp_path: Path, protocol: int) -> None:
    target = tmp_path / "made"
    # numpy's numbers, Decimal and dicts of others are refused like an attack is: nothing tells them apart.
    for item in (Evil(target), Plain(), Plain, os.system, OrderedDict(a=1), Decimal(1), np.float64(1), {"a": 1}, {1}):
        with pytest.raises(BadPickle, match=r"points are lists, tuples, texts and numbers"):
            decode(pickle.dumps([("a", (1, item))], protocol), NOW)
    assert not target.exists()


@pytest.mark.parametrize(
    "body",
    [
        b"cos\nsystem\n(S'touch x'\ntR.",
        b"(S'touch x'\nios\nsystem\n.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x07touch x\x85R.",
        b"(cos\nsystem\nS'touch x'\no.",
        b"\x80\x02cos\nsystem\n)\x81.",
        b"\x80\x04cos\nsystem\n)}\x92.",
        b"\x80\x02\x82\x01.",
        b"\x80\x02\x83\x01\x00.",
        b"\x80\x02\x84\x01\x00\x00\x00.",
        b"Pfile\n.",
        b"\x80\x02]Q.",
        b"\x80\x05\x97.",
        b"\x80\x02]}b.",
        b"c__builtin__\neval\n(S'1'\ntR.",
    ],
)
def test_attacks_written_by_hand(body: bytes) -> None:
    with pytest.raises(BadPickle):
        check(body)


def test_a_refused_name_is_told() -> None:
    with pytest.raises(BadPickle, match=r"GLOBAL of numpy\S*\.scalar at byte \d+: .* \(a numpy number: send float"):
        decode(pickle.dumps([("a", (1, np.float64(1)))], 2), NOW)


def test_extensions_registered_in_this_process_are_out_of_reach() -> None:
    copyreg.add_extension("os", "system", 0xF0)
    try:
        with pytest.raises(BadPickle):
            decode(b"\x80\x02\x82\xf0(S'touch x'\ntR.", NOW)
    finally:
        copyreg.remove_extension("os", "system", 0xF0)


def _billion_laughs() -> bytes:
    """Lists of ten of the list before: 70 deep, each in the memo; walked, it would be 10**70 items."""
    program = b"]q\x00"
    for level in range(1, 70):
        program += b"](" + b"h%c" % (level - 1) * 10 + b"eq" + bytes([level])
    return b"\x80\x02](X\x01\x00\x00\x00aK\x01" + program + b"\x86\x86e."


BOMBS = {
    "memo slot 2**31": b"\x80\x02]r\x00\x00\x00\x80.",
    "memo slot 2**28": b"\x80\x02]r\x00\x00\x00\x10.",
    "memo slot 2**21": b"\x80\x02]r\x00\x00\x20\x00.",
    "memo slot in text": b"(lp99999999\n.",
    "memo get of what isn't there": b"\x80\x02j\xff\xff\xff\xff.",
    "text of 4 GB": b"\x80\x02X\xff\xff\xff\xffab.",
    "text of 2**63 bytes": b"\x80\x04\x8d" + b"\xff" * 7 + b"\x7fab.",
    "bytes of 4 GB": b"\x80\x03B\xff\xff\xff\xffab.",
    "bytes of 2**62 bytes": b"\x80\x04\x8e" + b"\xff" * 7 + b"\x3fab.",
    "bytearray of 2**62 bytes": b"\x80\x05\x96" + b"\xff" * 7 + b"\x3fab.",
    "number of 2 GB": b"\x80\x02\x8b\xff\xff\xff\x7fab.",
    "frame of 2**62 bytes": b"\x80\x04\x95" + b"\xff" * 7 + b"\x3f].",
    "digits": b"(lI" + b"9" * 500_000 + b"\na.",
    "hexadecimal digits": b"(lI0x" + b"f" * 500_000 + b"\na.",
    "sets": b"\x80\x04" + b"\x8f" * 1_000_000 + b".",
    "dicts": b"\x80\x02" + b"}" * 1_000_000 + b".",
    "lists": b"\x80\x02" + b"]" * 1_000_000 + b".",
    "1-tuples in each other": b"\x80\x02)" + b"\x85" * 1_000_000 + b".",
    "marks": b"\x80\x02" + b"(" * 1_000_000 + b".",
    "memoized": b"\x80\x04]" + b"\x94" * 1_000_000 + b".",
    "pairs": b"\x80\x02](" + b"KKKK\x86" * 200_000 + b"e.",
    "lists in each other": b"\x80\x02" + b"](" * 100_000 + b"K\x01" * 100_000 + b"e" * 100_000 + b".",
    "laughs": _billion_laughs(),
    "a list in itself": b"\x80\x02]q\x00(h\x00X\x01\x00\x00\x00ah\x00\x86e.",
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_bombs_take_little_memory(bomb: bytes) -> None:
    assert len(bomb) <= MAX_FRAME_BYTES
    tracemalloc.start()
    try:
        try:
            block = decode(bomb, NOW)
        except BadPickle as bad:
            assert len(str(bad)) < 400  # noqa: PT017  # some are harmless
        else:
            assert block.names == []
            assert all(len(sample) <= 200 for _, sample in block.samples)
        assert tracemalloc.get_traced_memory()[1] < 64 * MAX_FRAME_BYTES
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "body", [b"", b".", b"\x80\x02", b"\x80\x02]", b"\x80\x02K\x05.", b"\x80\x02N.", b"\x80\x06]."]
)
def test_what_is_no_list_is_one_clear_line(body: bytes) -> None:
    with pytest.raises(BadPickle) as caught:
        decode(body, NOW)
    assert str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_full_frame_of_long_names_passes() -> None:
    chosen = random.Random(5)
    items = [("n" * chosen.choice([3, 40, 255, 256, 300, 3000]) + str(n), (n, n / 7)) for n in range(1000)]
    for protocol in PROTOCOLS:
        body = pickle.dumps(items, protocol)
        assert rows(decode(body, NOW)) == [(name, float(stamp), value) for name, (stamp, value) in items]


def test_lengths_are_gone_by_to_the_byte() -> None:
    for length in range(600):
        text = b"." * length  # as instructions these would end it
        check(b"X" + struct.pack("<I", length) + text + b".")
        with pytest.raises(BadPickle):
            check(b"X" + struct.pack("<I", length + 1) + text + b".")
        if length < 256:
            for code in (b"U", b"\x8c", b"C"):
                check(code + bytes([length]) + text + b".")
