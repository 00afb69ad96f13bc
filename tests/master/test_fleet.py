"""Rights hang on keys: what reaches whom, in whatever order keys and connections come and go."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from saltern.keystore import ACCEPTED, PENDING
from saltern.wire import pack
from saltern_master.fleet import MAX_SESSIONS
from support.keys import A, B, C, Door

JOB = pack("job", 0, {"fun": "test.ping"})


def test_a_replaced_keys_connection_gets_nothing_more(door: Door) -> None:
    door.accept("web", A)
    old = door.attach(door.wire.peer(A))
    door.hello(old_ret := door.wire.peer(A), "web", grains={"os": "A's"}, boot=1.0)
    assert door.fleet.send("web", JOB)
    door.told()
    door.wire.sent.clear()
    door.store.put(ACCEPTED, "web", B)  # as mv does it, in one look
    door.refresh()
    assert [message.body["state"] for message in door.wire.to(old)] == ["rejected"]
    assert [message.body["state"] for message in door.wire.to(old_ret)] == ["rejected"]
    assert not door.fleet.send("web", JOB)
    assert door.wire.to(old) == []
    assert (door.fleet.present(), door.fleet.grains("web")) == ([], {})
    assert [data["lost"] for _, data in door.told("salt/presence")] == [["web"]]
    new = door.attach(door.wire.peer(B))
    assert door.fleet.send("web", JOB)
    assert [message.type for message in door.wire.to(new)] == ["job"]
    assert [data["new"] for _, data in door.told("salt/presence")] == [["web"]]
    door.hub.on_gone(old)
    assert door.fleet.present() == ["web"]
    door.hub.on_gone(new)
    assert door.fleet.present() == []


def test_nothing_goes_out_between_the_keyrings_change_and_what_follows_from_it(door: Door) -> None:
    door.accept("web", A)
    peer = door.attach(door.wire.peer(A))
    door.fleet.set_grains("web", A, {"os": "A's"})
    door.store.put(ACCEPTED, "web", B)
    change = door.keyring.refresh()
    assert not door.fleet.send("web", JOB)
    assert not door.fleet.answer(peer, JOB)
    assert (door.fleet.present(), door.fleet.grains("web"), door.fleet.is_present("web")) == ([], {}, False)
    door.hub.keys_changed(change)
    assert [message.type for message in door.wire.to(peer)] == ["refused"]


def test_an_id_that_moves_to_another_name_takes_nothing_along(door: Door) -> None:
    door.accept("web", A)
    peer = door.attach(door.wire.peer(A))
    os.rename(Path(door.store.pki_dir) / ACCEPTED / "web", Path(door.store.pki_dir) / ACCEPTED / "db")
    door.refresh()
    assert "accepted for 'db' now" in door.wire.to(peer)[0].body["reason"]
    assert not door.fleet.send("web", JOB)
    assert not door.fleet.send("db", JOB)


def test_two_ids_that_swap_their_keys(door: Door) -> None:
    door.accept("a", A)
    door.accept("b", B)
    peers = [door.attach(door.wire.peer(A)), door.attach(door.wire.peer(B))]
    door.store.put(ACCEPTED, "a", B)
    door.store.put(ACCEPTED, "b", A)
    door.refresh()
    assert door.fleet.present() == []
    for peer in peers:
        assert [message.type for message in door.wire.to(peer)] == ["refused"]
    assert not door.fleet.send("a", JOB)


def test_a_removed_key_gets_no_reply_to_a_call_in_flight(door: Door) -> None:
    async def scenario() -> None:
        peer = door.wire.peer(A)
        door.accept("web", A)
        door.hello(peer, "web")
        door.hub.on_ret_message(peer, pack("call", 1, {"cmd": "ping", "args": {}}))
        door.store.remove(ACCEPTED, "web")
        door.refresh()
        await asyncio.gather(*door.hub._calling)
        assert [message.type for message in door.wire.to(peer)] == ["refused"]
        door.hub.on_ret_message(peer, pack("call", 2, {"cmd": "ping", "args": {}}))
        assert [message.type for message in door.wire.to(peer)] == ["who"]

    asyncio.run(scenario())


def test_a_key_that_is_accepted_again_introduces_itself_again(door: Door) -> None:
    peer = door.wire.peer(A)
    door.accept("web", A)
    door.hello(peer, "web")
    door.store.remove(ACCEPTED, "web")
    door.refresh()
    door.accept("web", A)
    door.wire.to(peer)
    door.hub.on_ret_message(peer, pack("call", 1, {"cmd": "ping", "args": {}}))
    assert [message.type for message in door.wire.to(peer)] == ["who"]


@pytest.mark.parametrize("removed", [True, False])
def test_a_removed_key_gets_no_acknowledgement(door: Door, removed: bool) -> None:
    async def scenario() -> None:
        peer = door.wire.peer(A)
        door.accept("web", A)
        door.hello(peer, "web")
        body = {"jid": "2" * 20, "fun": "test.ping", "return": True}
        door.hub.on_ret_message(peer, pack("ret", 1, body))
        if removed:
            door.store.remove(ACCEPTED, "web")
            door.refresh()
        door.hub._inbox._acknowledge()
        assert [message.type for message in door.wire.to(peer)] == (["refused"] if removed else ["ack"])

    asyncio.run(scenario())


def test_a_second_agent_with_one_key_takes_over_and_the_first_is_told(door: Door) -> None:
    door.accept("db", C)
    first = door.attach(door.wire.peer(C, "10.0.0.1"))
    door.told()
    second = door.attach(door.wire.peer(C, "10.0.0.2"))
    told = door.wire.to(first)
    assert [(message.type, message.body["state"]) for message in told] == [("refused", "duplicate")]
    assert "from 10.0.0.2" in told[0].body["reason"]
    ((tag, data),) = door.told()
    assert (tag, data["addresses"]) == ("salt/minion/db/duplicate", ["10.0.0.1", "10.0.0.2"])
    assert door.hub.metrics()["duplicates"] == 1
    assert door.fleet.send("db", JOB)
    assert [message.type for message in door.wire.to(second)] == ["job"]
    assert door.wire.to(first) == []
    door.hub.on_gone(second)
    assert door.fleet.present() == ["db"]
    assert door.told() == []
    assert door.fleet.send("db", JOB)
    assert [message.type for message in door.wire.to(first)] == ["job"]
    door.hub.on_gone(first)
    assert door.fleet.present() == []
    assert [data["lost"] for _, data in door.told("salt/presence")] == [["db"]]


def test_when_the_first_of_two_leaves_nothing_changes(door: Door) -> None:
    door.accept("db", C)
    first, second = door.attach(door.wire.peer(C)), door.attach(door.wire.peer(C))
    door.told()
    door.hub.on_gone(first)
    assert door.told() == []
    assert door.fleet.link("db").jobs is second


def test_both_connections_of_the_older_agent_are_told_and_it_is_welcomed_when_in_charge_again(door: Door) -> None:
    door.accept("db", C)
    returns = [door.wire.peer(C), door.wire.peer(C)]
    jobs = [door.wire.peer(C), door.wire.peer(C)]
    for number in range(2):
        assert [message.type for message in door.hello(returns[number], "db", boot=1.0 + number)] == ["welcome"]
        door.attach(jobs[number], boot=1.0 + number)
    for peer in (returns[0], jobs[0]):
        assert [message.body["state"] for message in door.wire.to(peer)] == ["duplicate"]
    for peer in (returns[1], jobs[1]):
        assert door.wire.to(peer) == []
    door.hub.on_gone(jobs[1])
    assert [message.type for message in door.wire.to(returns[0])] == ["welcome"]


def test_an_agent_that_connects_again_is_no_second_one(door: Door) -> None:
    door.accept("db", C)
    door.hello(door.wire.peer(C), "db", boot=5.0)
    old = door.attach(door.wire.peer(C), boot=5.0)
    door.attach(old, boot=5.0)  # after another welcome
    new = door.attach(door.wire.peer(C), boot=5.0)
    assert door.wire.to(old) == []
    assert door.told("salt/minion/db/duplicate") == []
    door.hub.on_gone(old)
    assert door.fleet.link("db").jobs is new


def test_the_older_of_two_may_say_attach_again_without_taking_over(door: Door) -> None:
    door.accept("db", C)
    older, newer = door.attach(door.wire.peer(C)), door.attach(door.wire.peer(C))
    door.attach(older)
    assert door.fleet.link("db").jobs is newer


def test_a_bounded_number_of_agents_is_remembered_for_one_key(door: Door) -> None:
    door.accept("db", C)
    for number in range(20):
        door.hello(door.wire.peer(C), "db", boot=1.0 + number)
        newest = door.attach(door.wire.peer(C), boot=1.0 + number)
        assert len(door.fleet.link("db").sessions) <= MAX_SESSIONS
        assert door.fleet.link("db").jobs is newest
    door.hello(again := door.wire.peer(C), "db")
    for _ in range(20):
        door.hello(again, "db")
    assert door.fleet.link("db").jobs is newest


def test_an_agent_that_was_accepted_while_it_waited_is_one(door: Door) -> None:
    returns = door.wire.peer(A)
    door.hello(returns, "web", boot=7.0)
    door.store.put(ACCEPTED, "web", A)
    door.store.remove(PENDING, "web")
    door.refresh()
    assert [message.type for message in door.wire.to(returns)] == ["welcome"]
    door.attach(door.wire.peer(A), boot=7.0)
    assert len(door.fleet.link("web").sessions) == 1
    assert [tag for tag, _ in door.told("salt/minion")] == ["salt/minion/web/start"]


def test_grains_are_kept_for_the_key_that_told_them(door: Door, tmp_path: Path) -> None:
    door.accept("web", A)
    door.hello(door.wire.peer(A), "web", grains={"os": "Linux"})
    again = Door(tmp_path)
    again.refresh()
    assert again.fleet.grains("web") == {"os": "Linux"}
    again.close()
    door.store.put(ACCEPTED, "web", B)  # while no master runs
    third = Door(tmp_path)
    third.refresh()
    assert third.fleet.grains("web") == {}
    third.close()


def test_grains_that_cant_be_read_are_passed_over(door: Door) -> None:
    folder = Path(door.master.options["cachedir"]) / "grains"
    for name, data in (("web", b"\xff"), ("db", b"\x01"), ("../x", b""), ("vm", b"\x82\xa3key\x01\xa6grains\x80")):
        (folder / name.replace("/", "_")).write_bytes(data)
    door.fleet.load()
    assert door.fleet.grains("web") == {}


def test_forgetting_a_key_leaves_what_another_told(door: Door) -> None:
    door.accept("web", B)
    door.fleet.set_grains("web", B, {"os": "B's"})
    assert door.fleet.forget("web", A) is None
    assert door.fleet.grains("web") == {"os": "B's"}


def test_grains_that_python_takes_for_equal_are_told_apart(door: Door) -> None:
    door.accept("web", A)
    for value in (1, True, 1.0):
        door.fleet.set_grains("web", A, {"cores": value})
        assert type(door.fleet.grains("web")["cores"]) is type(value)


def test_who_is_unknown_is_away(door: Door) -> None:
    assert not door.fleet.send("nobody", JOB)
    assert not door.fleet.is_present("nobody")
    assert door.fleet.grains("nobody") == {}
