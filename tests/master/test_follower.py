"""One who follows a job hears everything, in order, and never costs more than his bound."""

from __future__ import annotations

import asyncio

from saltern.wire import unpack_value
from saltern_master.bus import Event
from saltern_master.jobs.follower import Follower

JID = "20260131120000123456"


def ret(number: int, size: int = 100) -> Event:
    return Event(f"salt/job/{JID}/ret/m{number}", {"id": f"m{number}", "return": "x" * size})


def heard(batch: list[bytes]) -> list[tuple[str, bool]]:
    """Return whose answers are in a batch, and whether each has to be asked for."""
    return [(item["data"]["id"], "later" in item["data"]) for item in map(unpack_value, batch)]


def test_what_comes_is_handed_over_in_order_and_the_end_is_last() -> None:
    async def scenario() -> None:
        follower = Follower(JID, lambda *_: None)
        waiting = asyncio.ensure_future(follower.batch())
        await asyncio.sleep(0)
        assert not waiting.done()
        for number in range(3):
            follower.put(ret(number))
        assert heard(await waiting) == [("m0", False), ("m1", False), ("m2", False)]
        follower.put(ret(3))
        follower.end()
        assert heard(await follower.batch()) == [("m3", False)]
        assert await follower.batch() == []
        assert await follower.batch() == []

    asyncio.run(scenario())


def test_who_reads_too_slowly_is_told_whom_to_ask_about_and_costs_no_more_than_the_bound() -> None:
    async def scenario() -> None:
        follower = Follower(JID, lambda *_: None, 1000)
        for number, size in enumerate((400, 400, 400, 100, 5000)):
            follower.put(ret(number, size))
        assert heard(await follower.batch()) == [
            ("m0", False),
            ("m1", False),
            ("m2", True),
            ("m3", True),  # the names take room too
            ("m4", True),
        ]
        follower.put(ret(5, 900))
        assert heard(await follower.batch()) == [("m5", False)]

    asyncio.run(scenario())


def test_closing_leaves_the_job() -> None:
    left: list[tuple[str, Follower]] = []
    follower = Follower(JID, lambda jid, who: left.append((jid, who)))
    follower.close()
    assert left == [(JID, follower)]
