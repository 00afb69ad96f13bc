"""An answer in pieces is the answer."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from saltern.local import PIECE_BYTES, pieces
from saltern.secret import Secret
from saltern.wire import pack_value, unpack_value

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=40) | st.dictionaries(st.text() | st.integers(0, 9), inner, max_size=40),
    max_leaves=100,
)


@given(VALUES)
def test_the_pieces_together_are_what_is_packed_at_once(value: Any) -> None:
    assert b"".join(pieces(value)) == pack_value(value)


def test_a_map_or_list_of_any_length_is_whole() -> None:
    for count in (15, 16, 17, 70, 65_535, 65_536):
        many = {"list": list(range(count)), "map": dict.fromkeys(range(count))}
        assert unpack_value(b"".join(pieces(many))) == many


def test_no_piece_is_much_larger_than_one_member() -> None:
    answer = {"result": {f"web{number}": {"return": ["x" * 50_000] * 20, "retcode": 0} for number in range(30)}}
    sizes = [len(piece) for piece in pieces(answer)]
    assert max(sizes) < 2 * PIECE_BYTES
    assert sum(sizes) > 30_000_000


def test_many_small_members_are_few_pieces() -> None:
    assert len(list(pieces({"result": {f"web{number}": True for number in range(10_000)}}))) < 200


def test_what_is_nested_too_deep_or_secret_is_as_elsewhere() -> None:
    deep: list[Any] = []
    for _ in range(60):
        deep = [deep]
    found = unpack_value(b"".join(pieces({"result": {"deep": deep, "secret": Secret("x"), "fine": 1}})))
    assert (found["result"]["secret"], found["result"]["fine"]) == ("***", 1)
