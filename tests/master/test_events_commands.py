"""The bus as users meet it: who may follow, what is kept from whom, and whose tags are whose."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from saltern.errors import ArgumentError, NotAuthorised
from saltern.key_functions import KeyFunctions
from saltern.keystore import KeyStore
from saltern.secret import Secret
from saltern.wire import unpack_value
from saltern_master.auth.caller import Caller
from saltern_master.bus import EventBus
from saltern_master.commands import events as events_module
from saltern_master.commands.stream import Stream
from saltern_master.commands.table import command_table
from support.doors import ROOT, Door, Users, minion

ACL = {"fred": ["@events", "test.*"], "ann": ["@events"], "eve": ["test.*", "@runner", "@wheel", {"*": ["cmd.run"]}]}
USERS = Users(fred=(), ann=(), eve=(), nobody=())
JOB_TAG = "salt/job/20260131120000123456"


class Bus(Door):
    """The door with all the master's commands, and a bus behind it."""

    def __init__(self, folder: Path) -> None:
        table = command_table(KeyFunctions(KeyStore(str(folder))))
        self.bus = EventBus(100)
        super().__init__(ACL, [*table.offered_by("event")], USERS, bus=self.bus)

    async def follow(self, who: str | Caller, tag: str = "") -> Stream:
        stream: Stream = await self.call(who, "event.subscribe", tag)
        assert stream.result is True
        return stream

    async def heard(self, stream: Stream) -> list[tuple[str, dict[str, Any]]]:
        return [(item["tag"], item["data"]) for item in map(unpack_value, await stream.source.batch())]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Bus]:
    made = Bus(tmp_path)
    yield made
    made.dispatcher.close()


# who follows


def test_only_who_is_granted_events_follows_and_fires(here: Bus) -> None:
    async def scenario() -> None:
        for who in ("eve", "nobody", minion("web1")):
            for name, args in (("event.subscribe", [""]), ("event.fire", ["x", {}])):
                with pytest.raises(NotAuthorised):
                    await here.call(who, name, *args)
        assert here.bus.metrics()["subscribers"] == 0
        assert here.bus.metrics()["published"] == 0
        await here.follow("ann")
        assert here.bus.metrics()["subscribers"] == 1

    asyncio.run(scenario())


def test_a_follower_gets_what_he_asked_for_until_he_closes(here: Bus) -> None:
    async def scenario() -> None:
        stream = await here.follow("ann", "salt/auth")
        here.bus.publish("salt/job/1/new", {})
        here.bus.publish("salt/auth", {"id": "web1"})
        assert [tag for tag, _ in await here.heard(stream)] == ["salt/auth"]
        stream.source.close()
        assert here.bus.metrics()["subscribers"] == 0

    asyncio.run(scenario())


# what is kept from whom


def test_what_a_job_was_given_is_shown_to_its_user_and_to_who_sees_all(here: Bus) -> None:
    given = {"fun": "test.echo", "arg": ["private"], "kwarg": {"a": "private"}, "user": "fred"}
    returned = {"fun": "test.echo", "fun_args": ["private"], "return": "shown", "id": "web1"}

    async def scenario() -> None:
        streams = [await here.follow(who) for who in ("fred", "ann", ROOT)]
        here.owners[JOB_TAG.rpartition("/")[2]] = "local:fred"
        here.bus.publish(f"{JOB_TAG}/new", given)
        here.bus.publish(f"{JOB_TAG}/ret/web1", returned)
        fred, ann, root = [[data for _, data in await here.heard(stream)] for stream in streams]
        assert fred[0].items() >= given.items()
        assert "private" not in str(ann)
        assert (ann[0]["arg"], ann[0]["kwarg"], ann[1]["fun_args"]) == ("***", "***", "***")
        assert ann[1]["return"] == "shown"
        assert (root[0]["arg"], root[1]["fun_args"]) == (["private"], ["private"])
        assert "_stamp" in ann[0]

    asyncio.run(scenario())


def test_hiding_it_from_one_hides_it_from_no_other(here: Bus) -> None:
    async def scenario() -> None:
        ann, root = await here.follow("ann"), await here.follow(ROOT)
        here.bus.publish(f"{JOB_TAG}/new", {"arg": [1], "user": "eve"})
        assert (await here.heard(ann))[0][1]["arg"] == "***"
        assert (await here.heard(root))[0][1]["arg"] == [1]

    asyncio.run(scenario())


def test_a_secret_that_is_fired_is_shown_to_nobody(here: Bus) -> None:
    async def scenario() -> None:
        stream = await here.follow(ROOT)
        await here.call("fred", "event.fire", "x", {"a": {"b": [Secret("hunter2")]}})
        ((_, data),) = await here.heard(stream)
        assert data["a"] == {"b": ["***"]}

    asyncio.run(scenario())


# whose tags are whose, and where an event is from


@pytest.mark.parametrize(
    ("tag", "full"),
    [
        ("x", "salt/user/fred/x"),
        ("my/own", "salt/user/fred/my/own"),
        ("salt/user/fred/x", "salt/user/fred/x"),
        ("Salt/job/1/ret/web1", "salt/user/fred/Salt/job/1/ret/web1"),
        ("/salt/job/1/ret/web1", "salt/user/fred//salt/job/1/ret/web1"),
    ],
)
def test_a_user_fires_below_his_own_name(here: Bus, tag: str, full: str) -> None:
    async def scenario() -> None:
        stream = await here.follow(ROOT)
        assert await here.call("fred", "event.fire", tag, {"a": 1}) == full
        ((heard, data),) = await here.heard(stream)
        assert (heard, data["a"], data["from"]) == (full, 1, "user:fred")

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "tag",
    [
        "salt/job/20260131120000123456/ret/web1",
        "salt/minion/web1/start",
        "salt/auth",
        "salt/user/ann/x",
        "salt/user/fredx/y",
        "salt/user/",
        "salt/",
    ],
)
def test_a_user_fires_nothing_that_is_anothers(here: Bus, tag: str) -> None:
    async def scenario() -> None:
        with pytest.raises(NotAuthorised, match="user fred fires events below salt/user/fred/ alone"):
            await here.call("fred", "event.fire", tag, {})
        assert here.bus.published == 0
        assert await here.call(ROOT, "event.fire", tag, {}) == tag

    asyncio.run(scenario())


@pytest.mark.parametrize("tag", ["", "a\nb", "\x1b[31m", "x" * 513, "\u202e"])
def test_a_tag_is_text_that_can_be_printed(here: Bus, tag: str) -> None:
    async def scenario() -> None:
        with pytest.raises(ArgumentError, match="a tag is text of 1 to 512 printable characters"):
            await here.call(ROOT, "event.fire", tag, {})

    asyncio.run(scenario())


def test_where_it_is_from_and_when_are_the_masters_words(here: Bus) -> None:
    async def scenario() -> None:
        stream = await here.follow(ROOT)
        forged = {"from": "master", "_stamp": "1970-01-01T00:00:00.000000"}
        await here.call("fred", "event.fire", "x", forged)
        await here.call(ROOT, "event.fire", "salt/minion/web1/start", forged)
        here.bus.publish("salt/minion/web1/x", forged, "minion:web1")
        here.bus.publish("salt/presence/change", forged)
        events = await here.heard(stream)
        assert [data["from"] for _, data in events] == ["user:fred", "user:root", "minion:web1", "master"]
        assert all(data["_stamp"] > "2020" for _, data in events)

    asyncio.run(scenario())


def test_large_events_of_one_user_cost_a_slow_follower_no_more_than_its_bytes(
    here: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events_module, "MAX_USER_QUEUE_BYTES", 100_000)

    async def scenario() -> None:
        slow = await here.follow("ann")
        for number in range(20):
            await here.call("fred", "event.fire", f"n{number}", {"a": "x" * 30_000})
        (lost, told), *kept = await here.heard(slow)
        assert (lost, told["events"]) == ("salt/events/lost", 17)
        assert [tag for tag, _ in kept] == [f"salt/user/fred/n{number}" for number in (17, 18, 19)]
        assert here.bus.dropped == 17

    asyncio.run(scenario())


# hooks


def test_what_was_posted_to_a_hook_says_who_posted_it(here: Bus) -> None:
    async def scenario() -> None:
        stream = await here.follow(ROOT)
        headers = {"X-Auth-Token": "secret", "Cookie": "secret", "Accept": "x"}
        assert await here.call("fred", "event.hook", "a/b", "text", {"a": 1}, headers) == "salt/netapi/hook/a/b"
        await here.call(ROOT, "event.hook", "c", anybody=True)
        (tag, data), (_, other) = await here.heard(stream)
        assert (tag, data["from"], other["from"]) == ("salt/netapi/hook/a/b", "user:fred", "hook:anybody")
        assert (data["body"], data["post"], data["headers"]) == ("text", {"a": 1}, {"Accept": "x"})

    asyncio.run(scenario())


def test_a_hook_is_for_who_may_fire_events(here: Bus) -> None:
    async def scenario() -> None:
        for who in ("eve", "nobody", minion("web1")):
            with pytest.raises(NotAuthorised):
                await here.call(who, "event.hook", "a")
        with pytest.raises(ArgumentError):
            await here.call("fred", "event.hook", "a\nb")
        assert here.bus.metrics()["published"] == 0

    asyncio.run(scenario())


# filters


def test_a_follower_gets_the_tags_that_he_asked_for_and_a_replay_the_same(here: Bus) -> None:
    async def scenario() -> None:
        asked: dict[str, Any] = {"tags": ["salt/job/*/ret/*", "salt/auth"], "brief": True}
        begun = here.bus.last
        stream = await here.call("ann", "event.subscribe", **asked)
        here.bus.publish(f"{JOB_TAG}/new", {"fun": "test.echo", "arg": ["private"]})
        here.bus.publish(f"{JOB_TAG}/ret/web1", {"fun": "test.echo", "fun_args": ["private"], "return": "long"})
        here.bus.publish("salt/auth", {"id": "web1"})
        again = await here.call("ann", "event.subscribe", **asked, after=begun)
        for one in (stream, again):
            heard = await here.heard(one)
            assert [tag for tag, _ in heard] == [f"{JOB_TAG}/ret/web1", "salt/auth"]
            assert heard[0][1].keys() == {"fun", "from", "_stamp"}
        with pytest.raises(ArgumentError, match="tags must be"):
            await here.call("ann", "event.subscribe", tags=["a"] * 2 + [""])
        with pytest.raises(NotAuthorised):
            await here.call("eve", "event.subscribe", tags=["*"])

    asyncio.run(scenario())
