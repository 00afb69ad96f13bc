"""The bus: bounded, and nobody waits for anybody."""

from __future__ import annotations

import asyncio
import re
import time
import weakref
from datetime import UTC, datetime

import pytest

from saltern.wire import unpack_value
from saltern_master import bus as bus_module
from saltern_master.bus import LOST, TURN_BYTES, TURN_EVENTS, Event, EventBus, stamp


def test_events_reach_those_who_want_their_tag() -> None:
    async def run() -> None:
        bus = EventBus(10)
        jobs, everything = bus.subscribe("salt/job/"), bus.subscribe()
        bus.publish("salt/job/1/new", {"a": 1})
        bus.publish("salt/auth", {"b": 2})
        assert [event.tag for event in await jobs.batch()] == ["salt/job/1/new"]
        events = await everything.batch()
        assert [event.tag for event in events] == ["salt/job/1/new", "salt/auth"]
        assert events[0].data["_stamp"].startswith("20")

    asyncio.run(run())


def test_a_slow_subscriber_loses_its_oldest_and_is_told_others_lose_nothing() -> None:
    async def run() -> None:
        bus = EventBus(3)
        slow, quick = bus.subscribe(), bus.subscribe()
        seen = []
        for number in range(10):
            bus.publish("t", {"n": number}, size=100)
            seen += [event.data["n"] for event in await quick.batch()]
        assert seen == list(range(10))
        told, *kept = await slow.batch()
        assert (told.tag, told.data["events"], told.data["bytes"], told.data["from"]) == (LOST, 7, 700, "master")
        assert [event.data["n"] for event in kept] == [7, 8, 9]
        assert (slow.dropped, quick.dropped) == (7, 0)
        assert bus.metrics() == {"published": 10, "dropped": 7, "subscribers": 2}
        bus.publish("t", {"n": 10})
        assert [event.data["n"] for event in await slow.batch()] == [10]  # told once

    asyncio.run(run())


def test_one_who_follows_costs_the_bytes_that_wait_for_it_and_not_what_they_were_made_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bus_module, "KEPT_EVENTS", 0)  # for who comes back

    async def run() -> None:
        bus = EventBus(1000)
        slow = bus.follow("salt/", Event.packed, 100_000)
        events = [weakref.ref(bus.publish("salt/x", {"n": number, "text": "x" * 9_000})) for number in range(50)]
        assert [event for event in events if event() is not None] == []
        packed = await slow.batch()
        assert sum(map(len, packed)) <= 100_000 + 1_000
        told, *kept = map(unpack_value, packed)
        assert told["data"]["events"] == slow.dropped == 50 - len(kept)
        assert [event["data"]["n"] for event in kept] == list(range(slow.dropped, 50))
        assert len(kept) >= 10

    asyncio.run(run())


def test_what_is_over_the_bound_by_itself_comes_alone() -> None:
    async def run() -> None:
        bus = EventBus(1000)
        slow = bus.follow("", Event.packed, 1000)
        bus.publish("small", {})
        bus.publish("large", {"text": "x" * 5000})
        assert [unpack_value(item)["tag"] for item in await slow.batch()] == [LOST, "large"]

    asyncio.run(run())


def test_a_batch_is_a_turns_worth() -> None:
    async def run() -> None:
        bus = EventBus(10_000)
        slow = bus.follow("", Event.packed)
        for _ in range(30):
            bus.publish("t", {"text": "x" * 200_000})
        for _ in range(TURN_EVENTS + 1):
            bus.publish("t", {})
        batches = [await slow.batch() for _ in range(6)]
        assert all(sum(map(len, batch)) < TURN_BYTES + 201_000 for batch in batches)
        assert sum(map(len, [*batches, await slow.batch()])) == 30 + TURN_EVENTS + 1

    asyncio.run(run())


def test_what_a_subscriber_does_not_want_takes_no_room() -> None:
    async def run() -> None:
        bus = EventBus(1)
        some = bus.subscribe("salt/", lambda event: event.tag.endswith("/new"))
        for tag in ("salt/job/1/new", "salt/job/1/ret/web1", "salt/job/1/ret/web2"):
            bus.publish(tag, {})
        assert [event.tag for event in await some.batch()] == ["salt/job/1/new"]
        assert bus.dropped == 0

    asyncio.run(run())


def test_a_closed_subscriber_is_gone() -> None:
    async def run() -> None:
        bus = EventBus(3)
        subscriber = bus.subscribe()
        subscriber.close()
        subscriber.close()
        bus.publish("t", {})
        assert bus.metrics()["subscribers"] == 0

    asyncio.run(run())


def test_iterating_waits() -> None:
    async def run() -> None:
        bus = EventBus(3)
        subscriber = bus.subscribe()

        async def first() -> str:
            async for event in subscriber:
                return event.tag
            return ""

        task = asyncio.create_task(first())
        await asyncio.sleep(0)
        bus.publish("now", {})
        assert await asyncio.wait_for(task, 30) == "now"

    asyncio.run(run())


def test_an_event_bears_its_time_with_its_offset() -> None:
    before = datetime.now(UTC)
    bus = EventBus(10)
    for text in (bus.publish("t", {}).data["_stamp"], stamp()):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", text)
        assert before <= datetime.fromisoformat(text) <= datetime.now(UTC)


# who comes back


def followed(bus: EventBus, after: int | None, prefix: str = "") -> list[tuple[str, int]]:
    """Return the tags and numbers that one who saw *after* last gets at once."""
    subscriber = bus.follow(prefix, lambda event: (event.tag, event.number), after=after)
    bus.publish("end", {})
    found = asyncio.run(subscriber.batch())
    subscriber.close()
    return [one for one in found if one[0] != "end"]


def test_who_comes_back_gets_what_came_meanwhile_in_order_and_once() -> None:
    bus = EventBus(100)
    first = bus.publish("a/1", {}).number
    for tag in ("a/2", "b/1", "a/3"):
        bus.publish(tag, {})
    assert followed(bus, first) == [("a/2", first + 1), ("b/1", first + 2), ("a/3", first + 3)]
    assert [tag for tag, _ in followed(bus, first, "a/")] == ["a/2", "a/3"]
    last = bus.last
    assert followed(bus, last) == []
    assert followed(bus, None) == []
    assert [tag for tag, _ in followed(bus, last + 1_000_000)][:2] == [LOST, "a/1"]  # of a clock that was ahead


def test_what_is_not_kept_any_more_is_told_to_be_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus_module, "KEPT_EVENTS", 3)
    bus = EventBus(100)
    start = bus.last
    for number in range(5):
        bus.publish(f"a/{number}", {})
    assert [tag for tag, _ in followed(bus, start)][:1] == [LOST]
    assert followed(bus, bus.last - 3)[:1] != [(LOST, bus.last - 3)]
    bus = EventBus(100)
    start = bus.publish("first", {}).number
    assert followed(bus, start) == []
    monkeypatch.setattr(bus_module, "KEPT_BYTES", 1000)
    for _ in range(5):
        bus.publish("large", {}, size=600)
    (lost, *rest) = followed(bus, start)
    assert lost == (LOST, start)  # it goes on from where he was
    assert [tag for tag, _ in rest] == ["large"]


def test_numbers_go_up_over_restarts_and_what_was_before_is_told_to_be_lost() -> None:
    before = EventBus(100)
    seen = [before.publish("x", {}).number for _ in range(1000)]
    assert seen == list(range(seen[0], seen[0] + 1000))
    time.sleep(0.002)
    after = EventBus(100)
    assert after.last >= seen[0]
    assert after.last > seen[-1] - 1000
    number = after.publish("y", {}).number
    assert followed(after, min(seen[0], after.last - 2))[:2] == [(LOST, min(seen[0], number - 1)), ("y", number)]


def test_a_replay_keeps_to_the_bounds_of_who_follows() -> None:
    bus = EventBus(3)
    start = bus.last
    for number in range(10):
        bus.publish(f"a/{number}", {})
    subscriber = bus.follow("a/", lambda event: event.tag, after=start)
    found = asyncio.run(subscriber.batch())
    assert found == [LOST, "a/7", "a/8", "a/9"]
    assert bus.dropped == 7


def test_an_events_number_is_told_where_it_has_one() -> None:
    bus = EventBus(10)
    event = bus.publish("x", {"a": 1})
    told = unpack_value(event.numbered())
    assert (told["id"], told["tag"], told["data"]["a"]) == (event.number, "x", 1)
    assert "id" not in unpack_value(event.packed())
    assert "id" not in unpack_value(Event("x", {}).numbered())
