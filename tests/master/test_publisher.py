"""A job on its way: recorded, told and sent, to those that it is for and to no other."""

from __future__ import annotations

import asyncio

import pytest

from saltern.errors import MessageTooLarge
from saltern.look import LOOK
from saltern.secret import Secret
from saltern.wire import MAX_MESSAGE_BYTES, unpack, unpack_value
from saltern_master.jobs.publisher import SENT_A_TURN
from saltern_master.jobs.tracker import Taken
from support.publishing import FRED, Around, request


def test_a_job_is_recorded_told_and_sent() -> None:
    around = Around()
    published, follower = around.publisher.publish(
        request(kwarg={"a": 1}), ["db1", "web1"], FRED, sees_all=False, follow=True
    )
    assert (published.minions, published.missing) == (["db1", "web1"], ["db1"])
    assert [name for name, _ in around.frames] == ["web1"]
    body = unpack(around.frames[0][1]).body
    assert (body["jid"], body["fun"], body["arg"], body["user"]) == (published.jid, "test.echo", ["x"], "fred")
    assert around.journalled[0]["owner"] == "local:fred"
    told = {"jid": published.jid, "tgt_type": "glob", "tgt": "*", "user": "fred", "fun": "test.echo"}
    told |= {"arg": ["x", {"a": 1, "__kwarg__": True}], "from": "master"}
    new, publish = ({**event.data, "_stamp": ""} for event in around.events)
    assert [event.tag for event in around.events] == [f"salt/job/{published.jid}/{word}" for word in ("new", "publish")]
    assert new == {**told, "minions": ["db1", "web1"], "missing": ["db1"], "_stamp": ""}
    assert publish == {**told, "ret": "", "_stamp": ""}
    assert follower is not None
    assert around.tracker.take(published.jid, "web1", "key of web1") is Taken.NEW
    assert around.tracker.take(published.jid, "web1", "key of another") is Taken.UNSOLICITED
    assert around.publisher.metrics() == {"published": 1}


def test_that_a_job_only_looks_is_told_and_no_other_metadata_is() -> None:
    around = Around()
    for metadata in (LOOK, {**LOOK, "ticket": 7}):
        around.publisher.publish(request(more={"metadata": metadata}), ["web1"], FRED, sees_all=False)
    assert [event.data.get("metadata") for event in around.events] == [LOOK, LOOK, None, None]


def test_a_job_for_nobody_leaves_no_trace() -> None:
    around = Around()
    assert around.publisher.publish(request(), [], FRED, sees_all=False, follow=True) == (("", [], []), None)
    assert (around.events, around.frames, around.journalled) == ([], [], [])


def test_a_secret_goes_to_the_minions_and_nowhere_else() -> None:
    around = Around()
    around.publisher.publish(
        request(arg=[Secret("hunter2")], kwarg={"a": [Secret("hunter2")]}), ["web1"], FRED, sees_all=False
    )
    body = unpack(around.frames[0][1], secrets=True).body
    assert body["arg"][0].reveal() == "hunter2"
    assert around.journalled[0]["arg"] == ["***"]
    for event in around.events:
        assert event.data["arg"] == ["***", {"a": ["***"], "__kwarg__": True}]
    assert "hunter2" not in f"{around.journalled}{around.events[0].data}"


def test_a_large_fleet_is_sent_to_in_turns_and_each_once() -> None:
    async def scenario() -> None:
        around = Around()
        minions = [f"web{number:04}" for number in range(3 * SENT_A_TURN + 1)]
        published, _ = around.publisher.publish(request(), minions, FRED, sees_all=False)
        assert published.missing == []
        turns = []
        while len(around.frames) < len(minions):
            turns.append(len(around.frames))
            await asyncio.sleep(0)
        assert turns == [SENT_A_TURN, 2 * SENT_A_TURN, 3 * SENT_A_TURN]
        assert [name for name, _ in around.frames] == minions

    asyncio.run(scenario())


def test_one_that_takes_nothing_more_is_told_to_be_away() -> None:
    around = Around()
    published, follower = around.publisher.publish(request(), ["full", "web1"], FRED, sees_all=False, follow=True)
    assert published.missing == []
    assert follower is not None
    assert around.tracker.running()[published.jid]["running"] == ["web1"]
    assert [unpack_value(item)["data"]["id"] for item in asyncio.run(follower.batch())] == ["full"]


def test_its_event_counts_for_what_it_takes() -> None:
    around = Around()
    around.publisher.publish(request(arg=["x" * 100_000]), ["db1"] * 1000, FRED, sees_all=False)
    assert around.events[0].size > 103_000


def test_what_is_too_large_to_be_sent_is_not_recorded_either() -> None:
    around = Around()
    with pytest.raises(MessageTooLarge):
        around.publisher.publish(request(arg=["x" * MAX_MESSAGE_BYTES]), ["web1"], FRED, sees_all=False)
    assert (around.events, around.frames, around.journalled) == ([], [], [])


def test_a_job_tells_its_minions_of_returners_and_nobody_else_of_their_options() -> None:
    around = Around()
    options = {"pass": Secret("hunter2")}
    asked = request(more={"ret": "mine,syslog", "ret_config": "other", "ret_kwargs": options})
    around.publisher.publish(asked, ["web1"], FRED, sees_all=False)
    body = unpack(around.frames[0][1], secrets=True).body
    assert (body["ret"], body["ret_config"], body["ret_kwargs"]) == ("mine,syslog", "other", options)
    assert around.journalled[0]["ret"] == "mine,syslog"
    assert "hunter2" not in repr((around.journalled, around.events))
    assert "ret_kwargs" not in around.journalled[0]
    around.publisher.publish(request(), ["web1"], FRED, sees_all=False)
    assert not {"ret", "ret_config", "ret_kwargs"} & set(unpack(around.frames[1][1]).body)
