"""Messages and the plain form: anything that a module returns arrives, and what changed is named."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern import wire
from saltern.errors import MessageTooLarge, WireError
from saltern.plain import MAX_MARKS, Plain

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


def test_depth_ends() -> None:
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    assert "<too deep>" in repr(wire.unpack(wire.pack_any("ret", 1, {"return": deep})).body)


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


def test_a_huge_header_reserves_no_memory() -> None:
    with pytest.raises(WireError, match="exceeds max_map_len"):
        wire.unpack(b"\xdf\xff\xff\xff\xff")
