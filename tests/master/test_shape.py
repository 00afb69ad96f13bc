"""What comes in has its shape, or is refused with the field that hasn't."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import WireError
from saltern_master.shape import ACCOUNT, ATTACH, CALL, EVENT, HELLO, MAX_FUNCTIONS, REQUEST, RETURN, WORKING, Shape

SHAPES = [RETURN, EVENT, ACCOUNT, CALL, WORKING, ATTACH, HELLO, REQUEST]
JID = "20260131120000123456"
GOOD: dict[str, dict[str, Any]] = {
    "a return": {"jid": JID, "fun": "test.ping", "return": None},
    "an event": {"tag": "x", "data": {"a": 1}},
    "an account": {"schedules": {"stats": {"seconds": 15, "skipped": [[30, 45]], "dropped": []}}},
    "a call": {"cmd": "pillar", "args": {}},
    "an answer": {"jids": [JID], "more": True},
    "an attach": {"boot": 1.5, "grains": {}, "have": {}},
    "a hello": {"id": "web1"},
    "a request": {"command": "job.publish", "args": [], "kwargs": {"a": 1}, "within_s": None},
}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize("one", SHAPES, ids=lambda one: one.name)
def test_what_is_right_comes_through_as_it_is(one: Shape) -> None:
    assert one.checked(GOOD[one.name]) == GOOD[one.name]


@pytest.mark.parametrize(
    ("one", "field", "value"),
    [
        (RETURN, "jid", "x"),
        (RETURN, "jid", 5),
        (RETURN, "fun", 5),
        (RETURN, "fun", []),
        (RETURN, "fun", ["a.b"] * (MAX_FUNCTIONS + 1)),
        (RETURN, "slot", float("nan")),
        (RETURN, "slot", True),
        (RETURN, "metrics", 1),
        (RETURN, "failed", {"why": "x"}),
        (ACCOUNT, "schedules", {"stats": {"seconds": 15, "skipped": [[1, 2, 3]]}}),
        (ACCOUNT, "schedules", {"stats": {"seconds": 15, "dropped": [[1, "2"]]}}),
        (ACCOUNT, "schedules", {"stats": {"seconds": 15, "dropped": 5}}),
        (ACCOUNT, "schedules", {"stats": {"seconds": float("nan")}}),
        (ACCOUNT, "schedules", {"stats": []}),
        (ACCOUNT, "schedules", {5: {"seconds": 15}}),
        (ACCOUNT, "schedules", {"stats": {"seconds": 15, "skipped": [[1, 2]] * 10_001}}),
        (RETURN, "schedule", "a\nb"),
        (EVENT, "tag", ""),
        (EVENT, "tag", "x" * 600),
        (EVENT, "tag", "\x1b[2J"),
        (CALL, "args", []),
        (WORKING, "jids", JID),
        (ATTACH, "grains", []),
        (HELLO, "boot", float("inf")),
        (REQUEST, "kwargs", {5: 1}),
        (REQUEST, "within_s", float("nan")),
    ],
)
def test_what_is_wrong_is_named(one: Shape, field: str, value: Any) -> None:
    with pytest.raises(WireError, match=f"{one.name}'s {field} must be ") as caught:
        one.checked({**GOOD[one.name], field: value})
    assert len(str(caught.value)) < 300


def test_what_is_not_in_the_schema_stays_apart_and_takes_the_place_of_nothing() -> None:
    assert RETURN.checked({**GOOD["a return"], "user": "root", "id": "db1"})["data"] == {"user": "root", "id": "db1"}
    assert EVENT.checked({"tag": "x", "data": 1, "from": "master"}) == {"tag": "x", "data": 1}


@given(st.sampled_from(SHAPES), st.dictionaries(st.text(max_size=8), VALUES, max_size=3), st.data())
def test_anything_has_the_shape_or_is_refused_in_one_line(
    one: Shape, more: dict[str, Any], data: st.DataObject
) -> None:
    names = [*GOOD[one.name], "return", "data", "more", "token", "version"]
    odd = data.draw(st.dictionaries(st.sampled_from(names), VALUES, max_size=3))
    body = {**GOOD[one.name], **odd, **more}
    try:
        taken = one.checked(body)
    except WireError as error:
        line = str(error)
        assert line.startswith(one.name)
        return
    assert all(taken[name] is body[name] for name in taken if name != "data")
