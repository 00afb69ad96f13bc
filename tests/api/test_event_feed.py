"""One connection to the master for each token; nobody who listens keeps another waiting."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from saltern.errors import Busy, MasterNotRunning, NotAuthorised
from saltern_api import event_feed, event_source
from saltern_api.counters import Counters
from saltern_api.event_feed import EventFeed
from saltern_api.event_filter import EventFilter
from saltern_api.event_listener import MAX_QUEUED_BYTES, Batch, Listener, batch_of
from saltern_api.event_source import Received
from support.event_master import EventMaster, event_master

TOKEN = "ab" * 32
OTHER = "cd" * 32


class Bench:
    """A feed and its master."""

    def __init__(self, feed: EventFeed, master: EventMaster, counters: Counters) -> None:
        self.feed = feed
        self.master = master
        self.counters = counters


def run(tmp_path: Path, test: Callable[[Bench], Awaitable[None]], *, most: int = 1000, of_a_token: int = 1000) -> None:
    async def main() -> None:
        async with event_master(str(tmp_path)) as master:
            master.tokens |= {TOKEN, OTHER}
            counters = Counters()
            bench = Bench(EventFeed(str(tmp_path), counters, most, of_a_token), master, counters)
            async with asyncio.timeout(30):
                await test(bench)
            await master.until_connected(0)
            assert bench.feed.streams == 0

    asyncio.run(main())


async def take(batches: AsyncIterator[Batch], count: int) -> list[int | None]:
    """The numbers of the next *count* events."""
    found: list[int | None] = []
    while len(found) < count:
        found += [event.number for event in (await anext(batches)).events]
    return found


def test_many_listeners_share_one_connection(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        async def listen(ready: asyncio.Barrier) -> list[int | None]:
            async with bench.feed.listen(TOKEN, "127.0.0.1") as batches:
                await ready.wait()
                return await take(batches, 50)

        ready = asyncio.Barrier(201)
        listening = [asyncio.create_task(listen(ready)) for _ in range(200)]
        await ready.wait()
        assert len(bench.master.requests) == 1
        assert bench.master.requests[0]["auth"] == {"token": TOKEN, "for": "any"}
        assert bench.master.requests[0]["origin"] == "127.0.0.1"
        assert bench.master.requests[0]["kwargs"] == {"tag": "", "numbered": True}
        for number in range(50):
            await bench.master.fire(f"t/{number}")
        for found in await asyncio.gather(*listening):
            assert found == list(range(101, 151))
        assert bench.counters.totals()["eventsLost"] == 0

    run(tmp_path, test)


def test_what_a_job_gave_comes_a_moment_later_and_in_its_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever began the job is to have its id by then; what ends the events lets none be lost."""

    async def test(bench: Bench) -> None:
        async with bench.feed.listen(TOKEN, "a") as batches:
            monkeypatch.setattr(event_feed, "HELD_S", 3600.0)
            await bench.master.fire("salt/job/20261130101500000000/new")
            assert await take(batches, 1) == [101]  # not held
            monkeypatch.setattr(event_feed, "HELD_S", 0.5)
            returned = time.monotonic()
            for tag in ("salt/job/20261130101500000000/ret/web1", "t/1", "salt/run/20261130101500000001/ret", "t/2"):
                await bench.master.fire(tag)
                await asyncio.sleep(2 * event_feed.TICK_S)
            assert await take(batches, 1) == [102]
            assert time.monotonic() - returned >= event_feed.HELD_S
            assert await take(batches, 3) == [103, 104, 105]
            await bench.master.fire("salt/job/20261130101500000000/ret/web2")
            await asyncio.sleep(event_feed.TICK_S)
            await bench.master.end(TOKEN)
            assert [event.number async for batch in batches for event in batch.events] == [106]

    run(tmp_path, test)


def test_another_token_has_another_connection_and_none_is_refused(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        async with bench.feed.listen(TOKEN, "a"), bench.feed.listen(OTHER, "b"):
            assert len(bench.master.requests) == 2
        with pytest.raises(NotAuthorised):
            async with bench.feed.listen("00" * 32, "a"):
                pass

    run(tmp_path, test)


def test_it_ends_with_its_token_and_with_nobody_elses(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        async with bench.feed.listen(TOKEN, "a") as one, bench.feed.listen(OTHER, "a") as other:
            await bench.master.fire("x")
            await bench.master.end(TOKEN)
            assert [event.number async for batch in one for event in batch.events] == [101]
            await bench.master.fire("y")
            assert await take(other, 2) == [101, 102]
            with pytest.raises(NotAuthorised):
                async with bench.feed.listen(TOKEN, "a"):
                    pass

    run(tmp_path, test)


def test_a_master_that_goes_is_waited_for_and_nothing_is_missed(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        async with bench.feed.listen(TOKEN, "a") as one, bench.feed.listen(TOKEN, "a", after=100) as other:
            await bench.master.fire("x")
            assert await take(one, 1) == await take(other, 1) == [101]
            bench.master.leave()
            await bench.master.fire("y")
            await bench.master.until_connected(1)
            await bench.master.fire("z")
            assert await take(one, 2) == await take(other, 2) == [102, 103]
            assert bench.master.requests[-1]["kwargs"]["after"] == 101

    run(tmp_path, test)


def test_a_token_that_is_over_when_the_master_comes_back_ends_it(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        async with bench.feed.listen(TOKEN, "a") as batches:
            bench.master.tokens.discard(TOKEN)
            bench.master.leave()
            assert [batch async for batch in batches] == []

    run(tmp_path, test)


def test_a_master_whose_clock_was_set_back_is_heard_all_the_same(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        async with bench.feed.listen(TOKEN, "a", after=100) as batches:
            await bench.master.fire("x")
            assert await take(batches, 1) == [101]
            bench.master.leave()
            bench.master.at = 50
            bench.master.kept.clear()
            await bench.master.until_connected(1)
            await bench.master.fire("y")
            assert await take(batches, 1) == [51]

    run(tmp_path, test)


def test_when_the_program_ends_every_stream_does(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        async with bench.feed.listen(TOKEN, "a") as one, bench.feed.listen(OTHER, "b") as other:
            bench.feed.end()
            assert [batch async for batch in one] == [batch async for batch in other] == []

    run(tmp_path, test)


def test_no_master(tmp_path: Path) -> None:
    async def main() -> None:
        with pytest.raises(MasterNotRunning):
            async with EventFeed(str(tmp_path), Counters(), 5, 5).listen(TOKEN, "a"):
                pass

    asyncio.run(main())


@pytest.mark.parametrize("after", [0, 100, 101, 105, 109, 110])
@pytest.mark.parametrize("with_others", [True, False])
def test_who_comes_back_misses_nothing_and_gets_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int, with_others: bool
) -> None:
    monkeypatch.setattr(event_source, "MAX_TOGETHER", 2)

    async def test(bench: Bench) -> None:
        async def back() -> None:
            async with bench.feed.listen(TOKEN, "a", after) as batches:
                taking = asyncio.create_task(take(batches, max(0, 110 - max(after, 100)) + 3))
                while len(bench.master.connected) < (1 if with_others and after >= 104 else 2) and after < 110:
                    await asyncio.sleep(0)
                for number in range(3):
                    await bench.master.fire(f"new/{number}")
                found = await taking
                assert found == list(range(max(after, 100) + 1, 114))
                await bench.master.fire("last")
                assert await take(batches, 1) == [114]

        for number in range(4):
            await bench.master.fire(f"t/{number}")
        if with_others:
            async with bench.feed.listen(TOKEN, "a") as others:
                for number in range(6):
                    await bench.master.fire(f"t/{number}")
                assert await take(others, 6) == list(range(105, 111))
                await back()
        else:
            for number in range(6):
                await bench.master.fire(f"t/{number}")
            await back()

    run(tmp_path, test)


def test_a_replay_that_never_comes_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_feed, "OVERLAP_S", 0.05)

    async def test(bench: Bench) -> None:
        bench.master.replaying = False
        async with bench.feed.listen(TOKEN, "a", 3) as batches:
            taking = asyncio.create_task(take(batches, 1))
            await bench.master.until_connected(2)
            second = list(bench.master.connected)[1]
            bench.master.connected.pop(second)  # it brings nothing more
            await bench.master.fire("x")
            assert await taking == [101]
            second.close()

    run(tmp_path, test)


def test_bounds(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        async with bench.feed.listen(TOKEN, "a"), bench.feed.listen(TOKEN, "a"):
            with pytest.raises(Busy):
                async with bench.feed.listen(TOKEN, "a"):
                    pass
            async with bench.feed.listen(OTHER, "a"):
                with pytest.raises(Busy):
                    async with bench.feed.listen(OTHER, "a"):
                        pass
        assert bench.counters.totals()["streamsRefused"] == 2
        async with bench.feed.listen(TOKEN, "a"):
            pass

    run(tmp_path, test, most=3, of_a_token=2)


def test_several_tokens_of_one_user_have_one_share(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        bench.master.principals = {TOKEN: "ldap:fred", OTHER: "ldap:fred"}
        async with bench.feed.listen(TOKEN, "a"), bench.feed.listen(TOKEN, "a"):
            with pytest.raises(Busy):
                async with bench.feed.listen(OTHER, "a"):
                    pass
            assert bench.feed.streams == 2
        async with bench.feed.listen(OTHER, "a"):
            pass

    run(tmp_path, test, most=9, of_a_token=2)


def test_who_leaves_while_it_is_opened_leaves_nothing_behind(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        async def listen() -> None:
            async with bench.feed.listen(TOKEN, "a"):
                pass

        leaving = asyncio.create_task(listen())
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        while bench.feed._opening:
            await asyncio.sleep(0)
        assert bench.feed._upstreams == {}

    run(tmp_path, test)


def test_a_slow_listener_loses_and_is_told() -> None:
    async def test() -> None:
        counters = Counters()
        listener = Listener(counters)
        big = batch_of(Received.of("t", {"x": "y" * 100_000}, 1))
        for _ in range(20):
            listener.offer(big)
        lost = counters.totals()["eventsLost"]
        assert 5 < lost < 15
        held = [await listener.next(0.1) for _ in range(20 - int(lost))]
        assert sum(one.size for one in held if one) <= MAX_QUEUED_BYTES
        listener.offer(batch_of(Received.of("last", {}, 99)))
        told = await listener.next(0.1)
        last = await listener.next(0.1)
        assert told is not None
        assert last is not None
        assert json.loads(told.events[0].json) == {
            "tag": "salt/events/lost", "data": {"events": int(lost), "bytes": int(lost) * big.size},
        }  # fmt: skip
        assert told.events[0].number is None
        assert last.events[0].number == 99
        assert await listener.next(0.01) is None

    asyncio.run(test())


@pytest.mark.parametrize("tag", ["a\r\nb", "a\nid: 5\ndata: x\n\n", "a\u2028b", "\x00", "é", "a b"])
def test_a_tag_is_one_line_whatever_is_in_it(tag: str) -> None:
    event = Received.of(tag, {"x": "1\r\n\r\n2"}, 7)
    head, told, data, *rest = event.sse.decode().split("\n")
    assert head == "id: 7"
    assert told.startswith("tag: ")
    assert "\r" not in event.sse.decode()
    assert rest == ["", ""]
    assert json.loads(data.removeprefix("data: ")) == {"tag": tag, "data": {"x": "1\r\n\r\n2"}}


def test_what_is_no_event_is_passed_over() -> None:
    assert Received.of("t", {b"\xff": float("nan")}, None).json == b'{"tag": "t", "data": {"\\\\xff": null}}'
    assert not isinstance(Received.of("t", None, None).number, int)


# filters


def test_who_asks_for_the_same_shares_a_connection_and_others_have_their_own(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        jobs, brief = EventFilter(("salt/job/*",)), EventFilter((), brief=True)
        async with contextlib.AsyncExitStack() as stack:
            for wanted in (jobs, jobs, brief, EventFilter()):
                await stack.enter_async_context(bench.feed.listen(TOKEN, "a", wanted=wanted))
            asked = [request["kwargs"] for request in bench.master.requests]
            assert asked == [
                {"tag": "", "numbered": True, "tags": ["salt/job/*"]},
                {"tag": "", "numbered": True, "brief": True},
                {"tag": "", "numbered": True},
            ]
            assert bench.feed.streams == 4
        assert bench.feed._upstreams == bench.feed._opening == bench.feed._wanting == {}

    run(tmp_path, test)


def test_a_replay_and_a_master_that_comes_back_are_asked_with_the_same_filter(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        jobs = EventFilter(("salt/job/*",), brief=True)
        first = await bench.master.fire("salt/job/1")
        async with bench.feed.listen(TOKEN, "a", first - 1, jobs) as batches:
            assert await take(batches, 1) == [first]
            await bench.master.fire("salt/job/2")
            assert await take(batches, 1) == [first + 1]
            bench.master.leave()
            await bench.master.until_connected(1)
        assert len(bench.master.requests) == 3
        for request in bench.master.requests:
            assert request["kwargs"].items() >= {"tags": ["salt/job/*"], "brief": True}.items()
        assert [request["kwargs"].get("after") for request in bench.master.requests] == [None, first - 1, first + 1]

    run(tmp_path, test)


def test_one_has_so_many_filters_and_whoever_shares_one_is_let_in(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        bench.master.principals |= dict.fromkeys((TOKEN, OTHER), "ldap:fred")
        async with contextlib.AsyncExitStack() as stack:
            filters = [EventFilter((f"{number}/*",)) for number in range(event_feed.MAX_FILTERS_OF_ONE)]
            for wanted in filters:
                await stack.enter_async_context(bench.feed.listen(TOKEN, "a", wanted=wanted))
            with pytest.raises(Busy, match="filters"):
                await stack.enter_async_context(bench.feed.listen(OTHER, "a", wanted=EventFilter(("x/*",))))
            for wanted in (filters[0], EventFilter()):
                await stack.enter_async_context(bench.feed.listen(TOKEN, "a", wanted=wanted))
        assert bench.feed._upstreams == bench.feed._wanting == {}

    run(tmp_path, test)


def test_a_filter_that_nobody_waits_for_any_more_is_let_go_of(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        async with bench.feed.listen(TOKEN, "a"):
            leaving = bench.feed.listen(TOKEN, "a", wanted=EventFilter(("x",)))
            waiting = asyncio.create_task(leaving.__aenter__())
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            await bench.master.until_connected(1)
            while bench.feed._opening:
                await asyncio.sleep(0)
            await bench.master.until_connected(1)
            assert len(bench.feed._upstreams) == 1

    run(tmp_path, test)
