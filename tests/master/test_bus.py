"""The bus: bounded, and nobody waits for anybody."""

from __future__ import annotations

import asyncio
import re
import weakref
from datetime import UTC, datetime

from saltern.wire import unpack_value
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


def test_one_who_follows_costs_the_bytes_that_wait_for_it_and_not_what_they_were_made_of() -> None:
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
        assert await asyncio.wait_for(task, 5) == "now"

    asyncio.run(run())


def test_an_event_bears_its_time_with_its_offset() -> None:
    before = datetime.now(UTC)
    bus = EventBus(10)
    for text in (bus.publish("t", {}).data["_stamp"], stamp()):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", text)
        assert before <= datetime.fromisoformat(text) <= datetime.now(UTC)
