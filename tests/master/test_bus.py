"""The bus: bounded, and nobody waits for anybody."""

from __future__ import annotations

import asyncio

from saltern_master.bus import EventBus


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


def test_a_slow_subscriber_loses_its_oldest_and_is_counted_others_lose_nothing() -> None:
    async def run() -> None:
        bus = EventBus(3)
        slow, quick = bus.subscribe(), bus.subscribe()
        seen = []
        for number in range(10):
            bus.publish("t", {"n": number})
            seen += [event.data["n"] for event in await quick.batch()]
        assert seen == list(range(10))
        assert [event.data["n"] for event in await slow.batch()] == [7, 8, 9]
        assert (slow.dropped, quick.dropped) == (7, 0)
        assert bus.metrics() == {"published": 10, "dropped": 7, "subscribers": 2}

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
