"""A job that is held for those whose turn hasn't come: sent to whom its owner says, and to nobody when he goes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from saltern.errors import ArgumentError
from saltern.wire import unpack, unpack_value
from saltern_master.auth.caller import Caller, Kind
from saltern_master.bus import Event
from saltern_master.commands.jobs import publish
from saltern_master.jobs.tracked_job import NOT_CONNECTED
from saltern_master.jobs.tracker import FORGOTTEN, NOT_STARTED, Taken
from support.publishing import FRED, Around, request

ANN = Caller(Kind.LOCAL, "ann", 60001)
MINIONS = ["db1", "web1", "web2", "web3"]  # db1 is away


class Held:
    """A job of fred's on ``MINIONS``, sent to nobody yet."""

    def __init__(self, **more: Any) -> None:
        self.around = Around()
        self.request = request(**more)
        published, follower = self.around.publisher.publish(
            self.request, MINIONS, FRED, sees_all=False, follow=True, hold=True
        )
        assert follower is not None
        self.published, self.follower, self.jid = published, follower, published.jid

    def release(self, *minions: str, caller: Caller = FRED, jid: str = "", **more: Any) -> list[str]:
        again = self.request._replace(tgt=list(minions), tgt_type="list", **more)
        done = self.around.publisher.release(jid or self.jid, again, minions, caller, sees_all=False)
        assert done.jid == self.jid
        return done.minions

    def returns(self, minion_id: str) -> Taken:
        taken = self.around.tracker.take(self.jid, minion_id, f"key of {minion_id}")
        if taken is Taken.NEW:
            event = Event(f"salt/job/{self.jid}/ret/{minion_id}", {"id": minion_id, "return": 1})
            self.around.tracker.returned(self.jid, minion_id, event, success=True)
        return taken

    def heard(self) -> list[tuple[str, str]]:
        items = [unpack_value(item)["data"] for item in asyncio.run(self.follower.batch())]
        return [(data["id"], data.get("failed", "returned")) for data in items]

    def ends(self) -> list[dict[str, Any]]:
        return [event.data for event in self.around.events if event.tag.endswith("/done")]


def test_it_is_one_job_that_goes_to_each_in_its_turn() -> None:
    held = Held()
    assert (held.published.minions, held.published.missing, held.around.frames) == (MINIONS, [], [])
    assert [load["minions"] for load in held.around.journalled] == [MINIONS]
    assert held.release("web1", "web2") == ["web1", "web2"]
    assert [name for name, _ in held.around.frames] == ["web1", "web2"]
    assert unpack(held.around.frames[0][1]).body["jid"] == held.jid
    assert held.returns("web1") is Taken.NEW
    assert held.returns("web2") is Taken.NEW
    assert held.ends() == []
    assert held.around.tracker.running()[held.jid] == {
        "done": 2, "running": [], "away": 0, "failed": 0, "fun": "test.echo", "user": "fred"
    }  # fmt: skip
    assert held.release("web3") == ["web3"]
    assert held.returns("web3") is Taken.NEW
    assert held.release("db1") == ["db1"]
    assert held.heard() == [("web1", "returned"), ("web2", "returned"), ("web3", "returned"), ("db1", NOT_CONNECTED)]
    (end,) = held.ends()
    assert (end["done"], end["running"], end["away"], end["missing"]) == (3, 0, 1, ["db1"])
    assert len(held.around.journalled) == 1


def test_who_has_had_his_turn_gets_it_no_second_time() -> None:
    held = Held()
    held.release("web1")
    assert held.release("web1", "web2", "stranger") == ["web2"]
    assert [name for name, _ in held.around.frames] == ["web1", "web2"]


def test_nobody_returns_to_what_he_was_not_sent() -> None:
    held = Held()
    held.release("web1")
    assert held.returns("web2") is Taken.UNSOLICITED
    assert held.around.tracker.take(held.jid, "web1", "key of another") is Taken.UNSOLICITED


def test_it_is_its_owners_and_stays_what_it_was() -> None:
    held = Held()
    for wrong in (
        {"caller": ANN},
        {"jid": "20260101000000000000"},
        {"fun": "cmd.run"},
        {"arg": ["y"]},
        {"kwarg": {"a": 1}},
        {"isolate": True},
        {"more": {"ret": "sqlite3"}},
    ):
        with pytest.raises(ArgumentError, match="no such job"):
            held.release("web1", **wrong)  # type: ignore[arg-type]
    plain, _ = held.around.publisher.publish(request(), ["web1"], FRED, sees_all=False, follow=True)
    with pytest.raises(ArgumentError, match="no such job"):
        held.release("web1", jid=plain.jid)
    assert [name for name, _ in held.around.frames] == ["web1"]


def test_only_its_owner_finds_it() -> None:
    held = Held()
    assert held.around.tracker.held(held.jid, FRED.principal) is not None
    assert held.around.tracker.held(held.jid, ANN.principal) is None


def test_those_who_have_just_got_it_are_asked_no_sooner_than_others(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("saltern_master.jobs.tracker.time.monotonic", lambda: now[0])
    held = Held()
    now[0] += 60.0
    held.release("web1")
    held.around.tracker.look()
    assert [unpack(frame).type for _, frame in held.around.frames] == ["job"]
    now[0] += 5.0
    held.around.tracker.look()
    assert [unpack(frame).type for _, frame in held.around.frames] == ["job", "working"]


def test_one_that_is_held_is_followed() -> None:
    context: Any = None
    with pytest.raises(ArgumentError, match="must be followed"):
        asyncio.run(publish.handler(context, "*", "test.ping", hold=True))


def test_those_whose_turn_never_came_are_lost_when_its_follower_goes() -> None:
    held = Held()
    held.release("web1")
    held.follower.close()
    assert held.ends() == []
    assert held.returns("web1") is Taken.NEW
    (end,) = held.ends()
    assert (end["done"], end["away"], end["missing"]) == (1, 3, ["db1", "web2", "web3"])
    assert held.around.tracker._jobs.get(held.jid).lost["web2"] == NOT_STARTED  # type: ignore[union-attr]
    with pytest.raises(ArgumentError, match="no such job"):
        held.release("web2")


def test_it_ends_at_once_when_its_follower_goes_and_nobody_works_on_it() -> None:
    held = Held()
    held.follower.close()
    assert len(held.ends()) == 1
    assert held.around.tracker.running() == {}


def test_it_ends_when_it_has_to_be_forgotten() -> None:
    held = Held()
    held.release("web1")
    held.around.tracker._jobs._max_pairs = 3
    held.around.publisher.publish(request(), ["web1"], FRED, sees_all=False)
    assert sorted(held.heard()) == [(name, FORGOTTEN) for name in MINIONS]
    assert len(held.ends()) == 1
