"""Messages and the plain form: anything that a module returns arrives, and what changed is named."""

from __future__ import annotations

import datetime
import decimal
import struct
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern import wire
from saltern.errors import MessageTooLarge, WireError
from saltern.plain import MAX_DEPTH, MAX_MARKS, Plain
from saltern.wire import MAX_NESTING

carried = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec=None))
    | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(0, 100), inner),
    max_leaves=20,
)


@given(carried)
def test_what_msgpack_carries_arrives_unchanged(value: Any) -> None:
    frame = wire.pack_any("ret", 7, {"return": value})
    assert wire.unpack(frame) == ("ret", 7, {"return": value})


@given(st.text(st.characters(codec=None)), st.integers(1, 300))
def test_a_text_is_packed_as_any_value(text: str, times: int) -> None:
    assert wire.pack_text(text * times) == wire.pack_value(text * times)


@given(st.binary(max_size=200))
def test_garbage_is_a_wire_error_and_nothing_else(data: bytes) -> None:
    try:
        message = wire.unpack(data)
    except WireError:
        return
    assert isinstance(message.body, dict)


@pytest.mark.parametrize(
    ("value", "plain", "mark"),
    [
        ({3, 1, 2}, [1, 2, 3], "$: set"),
        (datetime.datetime(2026, 1, 2, 3, 4), "2026-01-02T03:04:00", "$: datetime"),
        (datetime.timedelta(minutes=1), 60.0, "$: timedelta"),
        (decimal.Decimal("1.10"), "1.10", "$: Decimal"),
        (ValueError("no"), "ValueError: no", "$: ValueError"),
        (2**70, str(2**70), "$: int"),
        (iter([1, 2]), [1, 2], "$: list_iterator"),
        ({"a": {"b": {1}}}, {"a": {"b": [1]}}, "$.a.b: set"),
        ({frozenset([1]): 3}, {"frozenset({1})": 3}, "$.frozenset({1}): key of frozenset"),
        (1 + 2j, "(1+2j)", "$: complex"),
    ],
)
def test_what_msgpack_cannot_carry_gets_its_plain_form_and_is_named(value: Any, plain: Any, mark: str) -> None:
    body = wire.unpack(wire.pack_any("ret", 1, {"return": value})).body
    assert body == {"return": plain, "plain": [mark]}


def test_a_tuple_as_key_arrives_as_its_text() -> None:
    frame = wire.pack_any("ret", 1, {"return": {"a": {(1, 2): 3, "b": [{}]}}})
    assert wire.unpack(frame).body == {"return": {"a": {"(1, 2)": 3, "b": [{}]}}}


def test_a_cycle_ends() -> None:
    cycle: dict[str, Any] = {}
    cycle["self"] = cycle
    body = wire.unpack(wire.pack_any("ret", 1, {"return": cycle})).body
    assert body["return"] == {"self": "<cycle>"}


def nested(depth: int) -> Any:
    value: Any = "bottom"
    for level in range(depth):
        value = [value] if level % 2 else {"in": value}
    return value


def test_depth_ends() -> None:
    body = wire.unpack(wire.pack_any("ret", 1, {"return": nested(5000), "fun_args": [nested(5000)]})).body
    assert body["plain"] == ["$" + ("[0].in" * MAX_DEPTH)[: len("[0].in") * MAX_DEPTH // 2] + ": too deep"]
    assert "<too deep>" in repr(body["return"])
    assert "<too deep>" in repr(body["fun_args"])


@pytest.mark.parametrize("depth", [MAX_DEPTH, MAX_DEPTH + 1, MAX_NESTING - 2, MAX_NESTING - 1, MAX_NESTING, 600])
def test_whatever_the_depth_what_is_packed_can_be_unpacked(depth: int) -> None:
    value = nested(depth)
    arrived = wire.unpack(wire.pack_any("ret", 1, {"return": value})).body
    assert (arrived == {"return": value}) == (depth <= MAX_NESTING - 2)
    # What was carried can be carried on, inside the record or the answer that is made around it.
    assert wire.unpack_value(wire.pack_value(("minion", 1.5, arrived)))[2] == arrived
    answer = wire.unpack_value(wire.pack_value({"result": {"minion": {"return": arrived["return"]}}}))
    assert (answer["result"]["minion"]["return"] == arrived["return"]) == (depth != MAX_NESTING - 2)


def test_members_of_the_deepest_level_get_their_plain_form() -> None:
    value = nested(MAX_DEPTH - 1)
    plain = Plain()
    inmost = plain.of([value, decimal.Decimal(3)])
    assert inmost == [value, "3"]
    assert plain.marks == ["$[1]: Decimal"]


def test_a_body_that_is_nested_too_deep_is_not_packed() -> None:
    assert wire.unpack(wire.pack("ret", 1, {"a": nested(MAX_NESTING - 2)}))
    with pytest.raises(WireError, match="a ret message can't be packed: nested deeper than 32 levels"):
        wire.pack("ret", 1, {"a": nested(MAX_NESTING - 1)})


def test_a_frame_that_is_nested_too_deep_is_refused() -> None:
    for depth in (MAX_NESTING - 2, MAX_NESTING - 1, 900, 100_000):
        frame = b"\x94\x01\xa3ret\x00\x81\xa1a" + b"\x91" * depth + b"\xc0"
        if depth <= MAX_NESTING - 2:
            assert wire.unpack(frame).type == "ret"
            continue
        with pytest.raises(WireError, match="nested deeper than 32 levels"):
            wire.unpack(frame)


def test_an_object_whose_repr_raises_still_arrives() -> None:
    class Hostile:
        def __repr__(self) -> str:
            raise RuntimeError

    assert Plain().of(Hostile()) == "<Hostile: RuntimeError>"


def test_marks_are_bounded() -> None:
    plain = Plain()
    plain.of([{i} for i in range(100)])
    assert len(plain.marks) == MAX_MARKS + 1
    assert plain.marks[-1] == "… and more"


def test_size_limits_hold_both_ways() -> None:
    with pytest.raises(MessageTooLarge, match=r"over the limit of 100"):
        wire.pack("ret", 1, {"return": "x" * 200}, limit=100)
    with pytest.raises(MessageTooLarge):
        wire.unpack(b"x" * 101, limit=100)


def test_another_version_is_named() -> None:
    frame = wire.pack_value([9, "hello", 0, {}])
    with pytest.raises(WireError, match="version 9 is not spoken here"):
        wire.unpack(frame)


# Cost, counted in bytes that Python gave out: a hostile byte may cost as much as the most costly honest one (a map
# of one entry is 3 bytes on the wire and 230 in Python), and no more.
BYTES_FOR_ONE = 200
BYTES_FOR_ALL = 64 * 1024


def cost(frame: bytes) -> int:
    """Return how many bytes Python had given out at most while *frame* was unpacked."""
    tracemalloc.start()
    try:
        wire.unpack_value(frame)
    except WireError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak


def array32(length: int) -> bytes:
    return b"\xdd" + struct.pack(">I", length)


@pytest.mark.parametrize(
    "frame",
    [
        array32(2_000_000) * 900,
        array32(4_500) * 900,
        array32(4_400) * (MAX_NESTING - 1) + bytes(4_400),
        b"\xdf\xff\xff\xff\xff" * 900,
        b"\x91" * 4_500,
        b"\x81\xc0" * 2_250,
        b"\xdc\x11\x00" + b"\x80" * 0x1100,
        b"\xdc\x05\xdc" + b"\x81\x00\x00" * 1500,
        b"\xdb\xff\xff\xff\xff" + bytes(4_500),
        b"\xc6\xff\xff\xff\xff" + bytes(4_500),
        b"\xc9\xff\xff\xff\xff\x01" + bytes(4_500),
        array32(1 << 20) + bytes(1 << 20),
    ],
    ids=lambda frame: f"{frame[:6].hex()}-{len(frame)}",
)
def test_no_bytes_cost_more_than_they_are(frame: bytes) -> None:
    assert cost(frame) <= BYTES_FOR_ALL + BYTES_FOR_ONE * len(frame)


lengths = st.sampled_from([0, 1, 2, 15, 200, 4_000, 65_535, 2**24, 2**31, 2**32 - 1])
headers = st.one_of(
    st.builds(lambda tag, length: bytes((tag,)) + struct.pack(">I", length), st.sampled_from(b"\xdb\xdd\xdf"), lengths),
    st.builds(lambda tag, length: bytes((tag,)) + struct.pack(">I", length), st.sampled_from(b"\xc6\xc9"), lengths),
    st.builds(
        lambda tag, length: bytes((tag,)) + struct.pack(">H", length % 65_536), st.sampled_from(b"\xdc\xde"), lengths
    ),
    st.sampled_from(
        [b"\x80", b"\x81", b"\x81\xc0", b"\x82\x01", b"\x90", b"\x91", b"\x9f", b"\xa1\\", b"\xc0", b"\xc1"]
    ),
    st.binary(max_size=4),
)
hostile = st.lists(st.tuples(headers, st.integers(1, 1500)), max_size=6).map(
    lambda parts: b"".join(part * count for part, count in parts)[:20_000]
)


@given(hostile)
@settings(max_examples=300, deadline=None)
def test_no_hostile_headers_cost_more_than_they_are(frame: bytes) -> None:
    assert cost(frame) <= BYTES_FOR_ALL + BYTES_FOR_ONE * len(frame)


def test_keys_in_keys_do_not_double_at_each_level() -> None:
    # [{[{[{["\\\\…"]: 0}]: 0}]: 0}]: the text of a key is quoted again in the key around it.
    key = b"\x91\xda\x03\xe8" + b"\\" * 1000
    for _ in range(14):
        key = b"\x91\x81" + key + b"\x00"
    frame = b"\x81" + key + b"\x00"
    value = wire.unpack_value(frame)
    assert [len(text) for text in value] == [wire.MAX_KEY_CHARACTERS]
    assert cost(frame) <= BYTES_FOR_ALL + BYTES_FOR_ONE * len(frame)
