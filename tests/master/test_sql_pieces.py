"""JSON as columns take it, what errors mean, the thread of a database, and which events are wanted."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from typing import Any

import pymysql
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError

from saltern.errors import JournalError, RecordError
from saltern_master.bus import Event, EventBus
from saltern_master.returners import event_feed as event_feed_module
from saltern_master.returners.drivers.memory import MemoryReturner
from saltern_master.returners.event_feed import EventFeed, Filter, Gathering
from saltern_master.returners.rows import EventRow
from saltern_master.sql.faults import never
from saltern_master.sql.json_text import Column, json_text, plain_text
from saltern_master.sql.worker import Worker
from support.fake_asyncio import FakeAsyncio
from support.masters import until

TEXTS = st.text(st.characters(codec=None) | st.sampled_from("\0\ud800\udfff😀\\u0'\""))  # half pairs, too
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | TEXTS | st.binary(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(TEXTS | st.integers() | st.none() | st.floats() | st.binary(), inner)
    ),
    max_leaves=10,
)


@given(VALUES, st.sampled_from(Column))
def test_any_value_is_json_that_its_column_takes(value: Any, column: Column) -> None:
    text = json_text(value, column)
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    text.encode()
    assert "\0" not in text
    if column is Column.THREE_BYTES:
        assert all(ord(character) < 0x10000 for character in text)
    if column is Column.ASCII:
        assert text.isascii()


@given(st.recursive(st.none() | st.booleans() | st.integers() | TEXTS, lambda inner: st.lists(inner), max_leaves=8))
def test_what_a_text_column_has_reads_as_it_was(value: Any) -> None:
    for column in (Column.UTF8, Column.THREE_BYTES, Column.ASCII):
        assert json.loads(json_text(value, column)) == value


@given(TEXTS)
def test_jsonb_has_neither_nul_nor_half_a_pair(text: str) -> None:
    read = json.loads(json_text([text], Column.JSONB))[0]
    assert "\0" not in read
    read.encode()
    if "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text):
        assert read == text


@pytest.mark.parametrize(("text", "plain"), [("a\0b", "a\\x00b"), ("\ud800", "\\ud800"), ("ü😀", "ü😀")])
def test_names_are_text_that_any_column_takes(text: str, plain: str) -> None:
    assert plain_text(text) == plain


def _error(cause: Exception) -> DBAPIError:
    return DBAPIError.instance("", {}, cause, Exception)  # type: ignore[return-value]


@pytest.mark.parametrize("number", [1406, 1366, 1264, 1153, 1048, 1062, 3819])
def test_what_mysql_never_takes(number: int) -> None:
    assert never("mysql", _error(pymysql.err.OperationalError(number, "x")))


@pytest.mark.parametrize("number", [1205, 1213, 2006, 2013, 1021, 1114, 1146, 1054, 1142, 1045, 1290, 1836, 1040])
def test_what_may_heal_in_mysql(number: int) -> None:
    assert not never("mysql", _error(pymysql.err.OperationalError(number, "x")))


@pytest.mark.parametrize(
    ("state", "is_never"),
    [("22P05", True), ("22021", True), ("23505", True), ("54000", True), ("53100", False), ("55P03", False),
     ("57P01", False), ("42P01", False), ("42501", False), ("40001", False), ("25006", False), ("28P01", False)],
)  # fmt: skip
def test_what_postgresql_says(state: str, is_never: bool) -> None:
    cause = Exception("x")
    cause.sqlstate = state  # type: ignore[attr-defined]
    assert never("postgres", DBAPIError("", {}, cause)) is is_never


def test_sqlite_may_heal_unless_it_is_the_row() -> None:
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorname = "SQLITE_FULL"
    large = sqlite3.DataError("string or blob too big")
    large.sqlite_errorname = "SQLITE_TOOBIG"
    assert [never("sqlite", DBAPIError("", {}, cause)) for cause in (full, large)] == [False, True]


def test_a_worker_does_one_thing_after_the_other_and_outlives_who_waits() -> None:
    order: list[int] = []
    go = threading.Event()

    def slow() -> None:
        assert go.wait(20)
        order.append(1)

    async def scenario() -> None:
        worker = Worker("test")
        first = asyncio.create_task(worker.run(slow))
        await asyncio.sleep(0)
        second = asyncio.create_task(worker.run(lambda: order.append(2)))
        await asyncio.sleep(0)
        first.cancel()
        go.set()
        await second
        assert order == [1, 2]
        with pytest.raises(ZeroDivisionError):
            await worker.run(lambda: 1 // 0)
        assert await worker.run(lambda: 5) == 5

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("whitelist", "blacklist", "wanted"),
    [
        ([], [], ["salt/job/1/new", "salt/auth", "x"]),
        (["salt/*"], [], ["salt/job/1/new", "salt/auth"]),
        (["salt/*", "x"], ["*/auth"], ["salt/job/1/new", "x"]),
        ([], ["salt/job/*"], ["salt/auth", "x"]),
    ],
)
def test_which_events_are_wanted(whitelist: list[str], blacklist: list[str], wanted: list[str]) -> None:
    chosen = Filter(whitelist, blacklist)
    assert [tag for tag in ("salt/job/1/new", "salt/auth", "x") if chosen(Event(tag, {}))] == wanted


class Events(MemoryReturner):
    """Fails as *errors* say, one for each call."""

    def __init__(self, *errors: Exception) -> None:
        super().__init__()
        self.errors = list(errors)

    def put_events(self, rows: Any, number: int) -> None:
        if self.errors:
            raise self.errors.pop(0)
        if any(row.tag == "bad" for row in rows):
            raise RecordError("never")
        super().put_events(rows, number)

    def tags(self) -> list[str]:
        return [row.tag for row in self.events]


async def _fed(returner: Events, gathering: Gathering, tags: list[str], is_done: Any) -> EventFeed:
    bus = EventBus(5)
    feed = EventFeed("x", returner, Worker("test"), bus, Filter([], []), gathering)
    for tag in tags:
        bus.publish(tag, {})
    task = asyncio.create_task(feed.run())
    await until(lambda: is_done(feed))
    task.cancel()
    await asyncio.wait([task])
    return feed


def test_events_are_tried_again_and_one_that_is_never_taken_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_feed_module, "asyncio", FakeAsyncio())
    returner = Events(JournalError("away"), JournalError("away"))
    feed = asyncio.run(_fed(returner, Gathering(), ["a", "bad", "b"], lambda feed: feed.stored == 2))
    assert returner.tags() == ["a", "b"]
    numbers = feed.metrics()
    assert (numbers["events"], numbers["events_refused"], numbers["event_failures"]) == (2, 1, 2)


def test_events_over_the_bound_are_dropped_counted_and_told() -> None:
    returner = Events()
    feed = asyncio.run(_fed(returner, Gathering(), list("abcdefgh"), lambda feed: feed.stored >= 6))
    assert feed.metrics()["events_dropped"] == 3
    assert returner.tags() == ["salt/events/lost", *"defgh"]


def test_events_wait_for_one_another_for_so_long_and_are_written_at_the_end() -> None:
    returner = Events()
    asyncio.run(_fed(returner, Gathering(5, 0.02), ["a"], lambda feed: feed.stored == 1))
    assert returner.tags() == ["a"]
    returner = Events()

    def taken(feed: EventFeed) -> bool:
        return not feed._subscriber._queue

    asyncio.run(_fed(returner, Gathering(5), ["a"], taken))
    assert [type(row) for row in returner.events] == [EventRow]
