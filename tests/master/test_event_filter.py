"""Which events a follower asks for: globs as ``fnmatch`` has them, and what brief ones are without."""

from __future__ import annotations

import asyncio
import fnmatch
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from saltern.errors import ArgumentError
from saltern.wire import unpack_value
from saltern_master.bus import LOST, Event, EventBus
from saltern_master.commands.event_filter import (
    MAX_GLOB_CHARS,
    MAX_GLOBS,
    MAX_STARS,
    EventFilter,
    TagGlobs,
)

PIECES = st.text("ab/", max_size=4)


def as_fnmatch(tag: str, globs: list[str]) -> bool:
    return any(fnmatch.fnmatchcase(tag, re.sub(r"([\[?])", r"[\1]", one)) for one in globs)


@given(tag=PIECES, globs=st.lists(st.text("ab/*?[", min_size=1, max_size=8), min_size=1, max_size=4))
@example(tag="aba", globs=["ab*ba"])
@example(tag="ab", globs=["a**b"])
@example(tag="aab", globs=["*ab*b"])
def test_a_glob_means_what_fnmatch_says_with_one_wildcard(tag: str, globs: list[str]) -> None:
    assert TagGlobs(globs).match(tag) == as_fnmatch(tag, globs)


def test_without_globs_all_is_meant() -> None:
    assert TagGlobs().match("anything")
    assert TagGlobs([]).match("")


@pytest.mark.parametrize(
    "globs",
    [
        [f"{number}" for number in range(MAX_GLOBS + 1)],
        ["a" * (MAX_GLOB_CHARS + 1)],
        [""],
        [1],
        [["a"]],
        ["*" * MAX_GLOB_CHARS],
        [f"*{number}*b*" for number in range(MAX_STARS // 3 + 1)],
    ],
)
def test_so_many_and_no_more(globs: list[Any]) -> None:
    with pytest.raises(ArgumentError, match="tags"):
        TagGlobs(globs)


def test_the_most_that_may_be_asked_for_is_taken() -> None:
    globs = [f"{'x' * 500}{number}*" for number in range(MAX_GLOBS)]
    assert TagGlobs(globs * 2).match(f"{'x' * 500}7…")


@pytest.mark.parametrize(
    ("tag", "brief"),
    [
        ("salt/job/1/ret/web1", True),
        ("salt/run/1/ret", True),
        ("salt/wheel/1/ret", True),
        ("salt/job/1/new", False),
        ("salt/run/1/new", False),
        ("salt/job/1/ret/web1/more", False),
        ("salt/job/1/prog/web1", False),
        ("my/salt/job/1/ret/web1", False),
    ],
)
def test_what_brief_events_are_without(tag: str, *, brief: bool) -> None:
    data = {"return": "long", "fun_args": [1], "arg": [1], "kwarg": {}, "fun": "test.echo", "success": True}
    event = Event(tag, data, number=7)
    short = EventFilter(brief=True).shortened(event)
    assert short.data == ({"fun": "test.echo", "success": True} if brief else data)
    assert unpack_value(short.numbered()) == {"id": 7, "tag": tag, "data": short.data}
    assert EventFilter().shortened(event) is event
    assert event.data["return"] == "long"  # another's is as it was


def test_who_is_slow_is_told_what_he_lost_whatever_he_asked_for() -> None:
    async def scenario() -> None:
        bus = EventBus(2)
        asked = EventFilter(["a/*"])
        reader = bus.subscribe(wants=asked.wants)
        for number in range(5):
            bus.publish(f"a/{number}", {})
            bus.publish(f"b/{number}", {})
        batch = await reader.batch()
        assert [event.tag for event in batch] == [LOST, "a/3", "a/4"]
        assert batch[0].data["events"] == 3

    asyncio.run(scenario())
