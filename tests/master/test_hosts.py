"""Hosts that speak for devices, over the master's objects: what they are told, what of theirs is taken, and its end."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from saltern.config import MasterOptions
from saltern.digest import digest_of
from saltern.wire import Message, pack
from saltern_master.auth.caller import Caller, Kind
from saltern_master.commands.dispatcher import CALLS_OF_A_MINION
from saltern_master.delegations import LEASE_S, voice
from saltern_master.jobs.publisher import JobRequest
from saltern_master.jobs.tracker import TAKEN_AWAY
from support.device_hosts import HostDoor
from support.keys import A, B, C, Door
from support.masters import FakeAgent, running, until

FRED = Caller(Kind.LOCAL, "fred", 60000)


def delegate(door: Door, devices: list[str], *hosts: str) -> None:
    door.keyring.delegations.delegate(devices, hosts)


def host(door: Door, devices: list[str], name: str = "host1", key: str = A) -> HostDoor:
    """Return a host that is there, and was told to serve some devices; what it was told is forgotten."""
    door.accept(name, key)
    if devices:
        delegate(door, devices, name)
    made = HostDoor(door, name, key)
    assert [told["devices"] for told in made.lists()] == ([devices] if devices else [])
    door.told()
    return made


def serving(door: Door, devices: list[str], name: str = "host1", key: str = A) -> HostDoor:
    """Return a host whose devices are attached."""
    made = host(door, devices, name, key)
    made.attach(devices)
    assert [told.minions for told in made.told("brief")] == [[device] for device in devices]
    door.told()
    return made


def publish(door: Door, minions: list[str], fun: str = "test.ping") -> tuple[str, Any]:
    request = JobRequest(tgt="*", tgt_type="glob", fun=fun, arg=[], kwarg={})
    published, follower = door.master.publisher.publish(request, minions, FRED, sees_all=True, follow=True)
    return published.jid, follower


async def acknowledged(made: HostDoor) -> Message:
    """Return the next message on the host's connection for returns, which is an acknowledgement."""
    (ack,) = await until(lambda: made.door.wire.to(made.ret))
    assert ack.type == "ack"
    return ack  # type: ignore[no-any-return]


def test_a_host_is_told_what_it_serves_when_it_comes_and_whenever_that_changes(door: Door) -> None:
    door.accept("host1", A)
    delegate(door, ["d2", "d1"], "host1")
    one = HostDoor(door, "host1", A)
    assert one.lists() == [{"devices": ["d1", "d2"], "shared": [], "lease": LEASE_S, "asked": 0}]
    delegate(door, ["d3"], "host1")
    assert [told["devices"] for told in one.lists()] == [["d1", "d2", "d3"]]
    door.keyring.delegations.undelegate("d1")
    assert [told["devices"] for told in one.lists()] == [["d2", "d3"]]
    delegate(door, ["d4"], "host1")
    one.attach([])
    assert [told["devices"] for told in one.lists()] == [["d2", "d3", "d4"]]


def test_who_serves_nothing_hears_nothing_of_devices_unless_it_says_that_it_does(door: Door) -> None:
    one = host(door, [])
    assert one.say("serving", devices=[]) == []
    assert one.lists() == []
    one.say("serving", devices=["was-mine"])
    assert [told["devices"] for told in one.lists()] == [[]]
    door.attach(one.jobs, boot=1.0)
    assert [told["devices"] for told in one.lists()] == [[]]
    again = HostDoor(door, "host1", A)
    assert [told["devices"] for told in again.lists()] == [[]]


def test_a_device_that_attaches_is_there_and_told_all_that_is_its(door: Door) -> None:
    one = host(door, ["d1", "d2"])
    one.attach(["d1"])
    (brief,) = one.told("brief")
    assert brief.minions == ["d1"]
    assert sorted(brief.body) == ["minions", "named", "pillar", "schedule"]
    assert brief.body["named"] is False
    assert [tag for tag, _ in door.told() if tag != "salt/auth"] == [
        "salt/presence/change",
        "minion_start",
        "salt/minion/d1/start",
    ]
    assert door.fleet.present() == ["d1", "host1"]
    assert door.fleet.agents() == ["host1"]
    assert door.fleet.grains("d1")["os"] == "Toaster"
    assert door.fleet.address("d1") == "192.0.2.1"
    assert "d1" in [minion for minion, _, _ in door.master.accounting.rows(1.0)]
    # Grains that changed are another attach, and no start.
    has = {"schedule": digest_of(brief.body["schedule"]), "pillar": digest_of(brief.body["pillar"])}
    one.attach(["d1"], have=has)
    assert one.told("brief") == []
    assert door.told() == []
    one.attach(["d1"], boot=6.0, have=has)
    assert [tag for tag, _ in door.told()] == ["minion_start", "salt/minion/d1/start"]
    one.attach(["d1"], boot=6.0, have={**has, "schedule": "another"})
    assert len(one.told("brief")) == 1


def test_a_job_for_devices_of_a_host_is_one_envelope_and_their_returns_are_theirs(door: Door) -> None:
    async def scenario() -> None:
        one, other = serving(door, ["d1", "d2", "d3"]), serving(door, ["e1"], "host2", B)
        jid, _ = publish(door, ["d1", "d2", "d3", "e1", "host1"])
        jobs = [message for message in one.heard() if message.type == "job"]
        assert [message.body.get("minions") for message in jobs] == [None, ["d1", "d2", "d3"]]
        assert [told.minions for told in other.told("job")] == [["e1"]]
        one.gives_back("d1", jid, "one", 41)
        one.gives_back("d2", jid, "two", 42)
        ack = await acknowledged(one)
        assert (ack.seq, ack.body) == (42, {})
        returned = dict(door.told(f"salt/job/{jid}/ret/"))
        assert {tag.rpartition("/")[2]: data["return"] for tag, data in returned.items()} == {"d1": "one", "d2": "two"}
        assert all(data["from"] == f"minion:{data['id']}" for data in returned.values())
        assert door.master.tracker.running()[jid]["running"] == ["d3", "e1", "host1"]

    asyncio.run(scenario())


def test_one_envelope_may_hold_what_is_said_for_several(door: Door) -> None:
    async def scenario() -> None:
        one = serving(door, ["d1", "d2"])
        jid, _ = publish(door, ["d1", "d2"])
        ret = pack("ret", 0, {"jid": jid, "fun": "test.ping", "return": True})
        forged = [(9, "e1", ret), (10, "d1", pack("for", 0, {"minion": "d1", "message": ret})), (11, "d1", b"\xc1")]
        (reply,) = one.say_each((7, "d1", ret), (8, "d2", ret), *forged, (5, "e1", pack("call", 0, {"cmd": "ping"})))
        assert (reply.type, reply.seq, "error" in reply.body) == ("reply", 5, True)
        ack = await acknowledged(one)
        assert (ack.seq, list(ack.body["refused"])) == (9, [9])
        assert door.hub.metrics()["garbage"] == 2
        assert len(door.told(f"salt/job/{jid}/ret/")) == 2
        assert jid not in door.master.tracker.running()

    asyncio.run(scenario())


def test_events_accounts_answers_and_calls_are_the_devices(door: Door) -> None:
    async def scenario() -> None:
        one = serving(door, ["d1"])
        one.say_for("d1", "event", 1, tag="device/up", data={"x": 1})
        one.say_for("d1", "account", 2, schedules={"stats": {"seconds": 15.0, "dropped": [], "skipped": [[15, 15]]}})
        assert (await acknowledged(one)).body == {}
        assert [data["data"] for tag, data in door.told("salt/minion/d1/device/up")] == [{"x": 1}]
        jid, _ = publish(door, ["d1"])
        asked = asyncio.create_task(door.master.tracker.at_work(["d1", "host1"]))
        (question,) = await until(lambda: one.told("working"))
        assert question.minions == ["d1"]
        one.say_for("d1", "working", question.seq, jids=[jid], pids={jid: 7})
        one.say("working", question.seq, jids=[])
        assert (await asked)[jid].running == {"d1": 7}
        one.say_for("d1", "call", 5, cmd="mine", args={"data": {"uptime": {"value": 3}}, "clear": True})
        (reply,) = await until(lambda: door.wire.to(one.ret))
        assert (reply.type, reply.seq, reply.body) == ("reply", 5, {"result": True})
        assert door.master.mine.get(["d1", "host1"], ["uptime"]) == {"uptime": {"d1": 3}}
        one.say_for("d1", "call", 6, cmd="pillar", args={})
        (reply,) = await until(lambda: door.wire.to(one.ret))
        assert reply.body == {"result": {}}

    asyncio.run(scenario())


def test_a_host_and_its_devices_have_one_share_of_calls(door: Door) -> None:
    async def scenario() -> None:
        names = [f"d{number}" for number in range(CALLS_OF_A_MINION + 4)]
        one = serving(door, sorted(names))
        refused = [answer for name in names for answer in one.say_for(name, "call", 1, cmd="ping")]
        assert [answer.body["code"] for answer in refused] == ["busy"] * 4
        assert one.say("call", 2, cmd="ping")[0].body["code"] == "busy"
        await until(lambda: not door.hub._calling)
        assert len(door.wire.to(one.ret)) == CALLS_OF_A_MINION
        assert door.hub._calls_of == {}

    asyncio.run(scenario())


def test_devices_go_with_their_hosts_connection_all_at_once(door: Door) -> None:
    one = serving(door, ["d1", "d2"])
    one.close()
    assert [data["lost"] for _, data in door.told("salt/presence/")] == [["host1"], ["d1", "d2"]]
    assert door.fleet.present() == []
    assert not door.fleet.send("d1", pack("job", 0, {}))
    again = HostDoor(door, "host1", A)
    again.attach(["d1", "d2"])
    assert len(again.told("brief")) == 2
    assert [data["new"] for _, data in door.told("salt/presence/")] == [["host1"], ["d1"], ["d2"]]
    assert door.fleet.present() == ["d1", "d2", "host1"]


def test_a_new_connection_of_the_host_takes_its_devices_over(door: Door) -> None:
    """The end of the one before may be noticed much later."""
    one = serving(door, ["d1"])
    two = HostDoor(door, "host1", A)
    assert [told["devices"] for told in two.lists()] == [["d1"]]
    two.attach(["d1"])
    assert two.told("brief")
    one.attach(["d1"])
    door.hub.on_gone(one.jobs)
    assert door.fleet.is_present("d1")
    assert door.fleet.send("d1", pack("last", 0, {}))
    assert [told.type for told in two.told("last")] == ["last"]
    assert one.heard() == []


def test_of_two_agents_with_one_key_the_one_in_charge_alone_serves(door: Door) -> None:
    one = serving(door, ["d1"])
    ret = door.wire.peer(A)
    door.hello(ret, "host1", boot=9.0)
    jobs = door.attach(door.wire.peer(A), boot=9.0)
    assert not door.fleet.is_present("d1")
    one.attach(["d1"])
    assert not door.fleet.is_present("d1")
    door.wire.to(one.ret)
    assert one.say("lease", 1) == []
    door.hub.on_ret_message(ret, pack("lease", 4, {}))
    assert [(answer.type, answer.seq) for answer in door.wire.to(ret)] == [("lease", 4)]
    door.hub.on_gone(jobs)
    door.attach(one.jobs, boot=1.0)  # as it does once it is welcomed again
    one.attach(["d1"])
    assert door.fleet.is_present("d1")


def test_a_lease_is_answered_and_its_number_is_in_the_list_that_is_asked_for(door: Door) -> None:
    door.accept("host2", B)
    one = host(door, [])
    delegate(door, ["d1"], "host1", "host2")
    one.heard()
    (answer,) = one.say("lease", 3)
    assert (answer.type, answer.seq, answer.body) == ("lease", 3, {})
    one.say("lease", 4, list=True)
    (told,) = one.lists()
    assert told["asked"] == 4
    # Another process counts anew: what was asked over another connection says nothing of it.
    two = HostDoor(door, "host1", A)
    assert {told["asked"] for told in two.lists()} <= {0}


@pytest.mark.parametrize("number", [1, 2])
def test_what_waits_for_a_host_is_sent_when_it_takes_more(door: Door, number: int) -> None:
    async def scenario() -> None:
        one = serving(door, ["d1", "d2"])
        taken, door.wire.send = door.wire.send, lambda peer, frame: False  # type: ignore[method-assign]
        for _ in range(number):
            assert door.fleet.send("d1", pack("first", 0, {}))
        assert door.fleet.send_many(["d1", "d2"], pack("second", 0, {})) == []
        delegate(door, ["d3"], "host1")
        door.wire.send = taken  # type: ignore[method-assign]
        assert door.fleet.send("d2", pack("last", 0, {}))
        assert one.heard() == []
        await until(lambda: len(door.wire.sent.get(one.jobs, [])) == number + 3)
        assert [message.type for message in one.heard()] == ["first"] * number + ["second", "devices", "last"]

    asyncio.run(scenario())


def test_what_waits_for_a_host_is_bounded_and_told_again(door: Door) -> None:
    async def scenario() -> None:
        one = serving(door, ["d1"])
        taken, door.wire.send = door.wire.send, lambda peer, frame: False  # type: ignore[method-assign]
        large = pack("large", 0, {"x": b"x" * ((8 << 20) - 50_000)})
        assert door.fleet.send("d1", large)
        assert door.fleet.send_many(["d1"], large) == ["d1"]
        assert door.hub.metrics()["device_frames_refused"] == 1
        delegate(door, [f"e{number:04}" for number in range(9000)], "host1")
        assert not one.lists()
        door.wire.send = taken  # type: ignore[method-assign]
        await until(lambda: door.wire.sent.get(one.jobs))
        door.hub.hosts.tick()
        assert len(one.lists()[-1]["devices"]) == 9001

    asyncio.run(scenario())


def test_a_device_that_moves_is_the_next_hosts_when_the_first_has_released_it(door: Door) -> None:
    async def scenario() -> None:
        one, two = serving(door, ["d1"]), serving(door, ["e1"], "host2", B)
        jid, _ = publish(door, ["d1"])
        delegate(door, ["d1"], "host2")
        assert [told["devices"] for told in one.lists()] == [[]]
        assert two.lists() == []
        assert not door.fleet.is_present("d1")
        assert door.keyring.minion_of(voice(B, "d1")) == "d1"
        two.attach(["d1"])
        assert not door.fleet.is_present("d1"), "it isn't on its list"
        one.gives_back("d1", jid, True, 9)
        assert (await acknowledged(one)).body == {}
        one.say("released", devices=["d1"])
        assert [told["devices"] for told in two.lists()] == [["d1", "e1"]]
        two.attach(["d1"])
        assert [told.minions for told in two.told("brief")] == [["d1"]]
        one.gives_back("d1", jid, True, 10)
        assert list((await acknowledged(one)).body["refused"]) == [10]

    asyncio.run(scenario())


def test_what_a_device_left_is_forgotten_with_its_delegation_and_nobody_waits_for_it(door: Door) -> None:
    async def scenario() -> None:
        one = serving(door, ["d1", "d2"])
        one.say_for("d1", "call", 5, cmd="mine", args={"data": {"up": {"value": 1}}, "clear": True})
        await until(lambda: not door.hub._calling)
        door.wire.to(one.ret)
        jid, _ = publish(door, ["d1", "d2"])
        one.heard()
        door.told()
        door.keyring.delegations.undelegate("d1")
        assert [told["devices"] for told in one.lists()] == [["d2"]]
        assert [data["lost"] for _, data in door.told("salt/presence/")] == [["d1"]]
        assert door.master.tracker.running()[jid]["running"] == ["d2"]
        assert door.fleet.grains("d1") == {}
        door.fleet.files.write_all()
        assert sorted(os.listdir(door.fleet.files._folder)) == ["d2"]
        assert door.master.mine.get(["d1"], ["up"]) == {}
        assert "d1" not in [minion for minion, _, _ in door.master.accounting.rows(1.0)]
        assert "d1" not in door.keyring.minions()
        one.gives_back("d1", jid, True, 3)
        assert list((await acknowledged(one)).body["refused"]) == [3]
        job = door.master.tracker._jobs.get(jid)
        assert job is not None
        assert job.lost == {"d1": TAKEN_AWAY}

    asyncio.run(scenario())


def test_nothing_of_a_host_whose_key_was_removed_is_taken(door: Door, tmp_path: Path) -> None:
    one = serving(door, ["d1"])
    jid, _ = publish(door, ["d1"])
    one.heard()
    door.store.remove("minions", "host1")
    door.refresh()
    assert door.fleet.present() == []
    door.wire.to(one.ret)
    assert [answer.type for answer in one.gives_back("d1", jid, True, 3)] == ["who"]
    assert door.master.inbox.returns == 0
    one.attach(["d1"])
    assert door.fleet.present() == []
    assert not door.fleet.send("d1", pack("job", 0, {}))


def test_devices_go_with_a_key_that_another_takes_the_place_of(door: Door) -> None:
    one = serving(door, ["d1"])
    door.store.remove("minions", "host1")
    door.store.put("minions", "host1", B)
    door.refresh()
    assert ["d1"] in [data["lost"] for _, data in door.told("salt/presence/")]
    assert door.hub.metrics()["hosts"] == 0
    one.attach(["d1"])
    assert door.fleet.present() == []
    two = HostDoor(door, "host1", B)
    assert [told["devices"] for told in two.lists()] == [["d1"]]


def test_a_schedule_that_was_read_again_goes_to_all_devices_at_once(door: Door) -> None:
    async def scenario() -> None:
        one = serving(door, ["d1", "d2", "d3"])
        main = Path(door.master.options["conf_file"])
        main.write_text(main.read_text() + "schedule: {mine: {function: a.b, seconds: 5}}\n")
        door.master.reload()
        await door.master.briefing._telling  # type: ignore[misc]
        heard = one.heard()
        told = [(message.type, message.body.get("minions")) for message in heard]
        assert told == [("schedule", None), ("schedule", ["d1", "d2", "d3"]), ("pillar", None)]
        assert "mine" in heard[1].body["schedule"]

    asyncio.run(scenario())


def test_pillar_files_alone_make_a_host_of_who_comes_later(options: MasterOptions, tmp_path: Path) -> None:
    (tmp_path / "of_host.yaml").write_text("proxy: {proxytype: deltaproxy, ids: [d1]}\n")
    given: MasterOptions = {**options, "auto_accept": True, "pillar_files": {"host1": ["of_host.yaml"]}}

    async def scenario() -> None:
        async with running(given) as master:
            one = FakeAgent(master, "host1")
            try:
                await one.join()
                while (message := await one.receive(one.jobs)).type != "devices":
                    pass
                assert message.body["devices"] == ["d1"]
            finally:
                one.close()

    asyncio.run(scenario())


ENTRY = {"d1": {"proxytype": "dummy", "n": 1}}


def test_a_device_is_briefed_anew_when_its_entry_comes_changes_or_goes(door: Door) -> None:
    """Also what kind of ``proxy`` it has is in a brief alone."""
    one = host(door, [])
    delegations, briefing = door.keyring.delegations, door.master.briefing
    delegations.from_pillar("host1", {"proxy": {"proxytype": "deltaproxy", "ids": ["d1"]}}, claimed=False)
    one.heard()
    one.attach(["d1"])
    assert [told.body["named"] for told in one.told("brief")] == [False]
    for entry in (1, 2):
        delegations.from_pillar("host1", {"proxy": {"d1": {"proxytype": "dummy", "n": entry}}}, claimed=False)
        (told,) = one.told("brief")
        assert (told.body["named"], told.body["pillar"]["proxy"]["n"]) == (True, entry)
        briefing._pillar_stayed("d1")  # it was compiled, and is what it was
        assert one.heard() == []
    delegations.from_pillar("host1", {"proxy": {"proxytype": "deltaproxy", "ids": ["d1"]}}, claimed=False)
    (told,) = one.told("brief")
    assert (told.body["named"], told.body["pillar"]) == (False, {})


def test_an_entry_that_altered_while_the_pillar_was_stale_is_told_though_that_stays_the_same(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = host(door, [])
    delegations, briefing = door.keyring.delegations, door.master.briefing
    delegations.from_pillar("host1", {"proxy": ENTRY}, claimed=False)
    one.heard()
    one.attach(["d1"])
    one.heard()
    monkeypatch.setattr(briefing.pillars, "ready", lambda minion_id: False)
    delegations.from_pillar("host1", {"proxy": {"d1": {"proxytype": "dummy", "n": 2}}}, claimed=False)
    assert one.told("brief") == []
    monkeypatch.setattr(briefing.pillars, "ready", lambda minion_id: True)
    briefing.pillars.on_same("d1")
    assert [told.body["pillar"]["proxy"]["n"] for told in one.told("brief")] == [2]


def test_what_could_not_be_sent_to_a_device_is_told_again(door: Door) -> None:
    one = serving(door, ["d1"])
    taken, door.wire.send = door.wire.send, lambda peer, frame: False  # type: ignore[method-assign]
    one.attach(["d1"])
    door.wire.send = taken  # type: ignore[method-assign]
    door.hub.hosts.tick()
    assert len(one.told("brief")) == 1
    door.hub.hosts.tick()
    assert one.heard() == []


def test_modules_are_the_hosts(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        one = serving(door, ["d1"])
        monkeypatch.setattr(door.master.briefing, "_update_files", lambda remote: True)
        assert await door.master.briefing.update_files()
        assert [(message.type, "minions" in message.body) for message in one.heard()] == [("modules", False)]

    asyncio.run(scenario())


# attacks


def test_a_host_is_heard_for_its_own_devices_alone(door: Door) -> None:
    async def scenario() -> None:
        one = serving(door, ["d1"])
        serving(door, ["e1"], "host2", B)
        door.minion("web1", C)
        jid, _ = publish(door, ["e1", "web1"])
        door.told()
        returns = door.master.inbox.returns
        victims = ["e1", "web1", "host1", "host2", "nobody", "../x", f"d1|{A}", voice(A, "d1"), voice(B, "e1")]
        for number, victim in enumerate(victims):
            one.gives_back(victim, jid, "forged", 10 + number)
            one.say_for(victim, "event", 20 + number, tag="x")
            one.say_for(victim, "account", 30 + number, schedules={})
            (reply,) = one.say_for(victim, "call", 40 + number, cmd="pillar")
            assert reply.seq == 40 + number
            assert "doesn't speak for" in reply.body["error"]
            one.say_for(victim, "working", 1, jids=[])
        refused: dict[int, str] = {}
        while len(refused) < 3 * len(victims):
            refused |= (await acknowledged(one)).body["refused"]
        assert sorted(refused) == [first + number for first in (10, 20, 30) for number in range(len(victims))]
        assert all("doesn't speak for" in why for why in refused.values())
        assert door.told() == []
        assert door.master.inbox.returns == returns
        assert door.hub.metrics()["refused_for_devices"] == 5 * len(victims)
        keys = {name: door.fleet.link(name).key for name in ("e1", "web1", "host1")}
        one.attach(victims)
        assert {name: door.fleet.link(name).key for name in ("e1", "web1", "host1")} == keys
        assert keys == {"e1": voice(B, "e1"), "web1": C, "host1": A}
        assert not door.fleet.is_present("nobody")
        assert door.fleet.grains("nobody") == {}
        assert door.told() == []

    asyncio.run(scenario())


def test_an_answer_counts_from_the_devices_own_host_alone(door: Door) -> None:
    async def scenario() -> None:
        one, two = serving(door, ["d1"]), serving(door, ["e1"], "host2", B)
        jid, _ = publish(door, ["e1"])
        two.heard()
        asked = asyncio.create_task(door.master.tracker.at_work(["e1"]))
        (question,) = await until(lambda: two.told("working"))
        one.say_for("e1", "working", question.seq, jids=[])
        two.say_for("e1", "working", question.seq, jids=[jid])
        assert (await asked)[jid].running == {"e1": None}

    asyncio.run(scenario())


def test_a_voice_is_no_key_to_say_hello_with(door: Door) -> None:
    serving(door, ["d1"])
    (answer,) = door.hello(door.wire.peer(C), "d1")
    assert answer.type == "refused"
    assert "host1 speaks for" in answer.body["reason"]


def test_a_minion_without_delegations_may_say_nothing_for_anybody(door: Door) -> None:
    one = host(door, [])
    one.attach(["d1", "host1"])
    assert door.fleet.present() == ["host1"]
    assert "error" in one.say_for("d1", "call", 1, cmd="ping")[0].body
    assert one.say("released", devices=["d1"]) == one.say("serving", devices=["d1"]) == []
    assert one.lists()[-1]["devices"] == []


def test_a_stranger_says_nothing_for_anybody(door: Door) -> None:
    one = serving(door, ["d1"])
    jid, _ = publish(door, ["d1"])
    stranger = door.wire.peer(C)
    said: list[tuple[str, dict[str, Any]]] = [
        ("for", {"minion": "d1", "message": pack("ret", 0, {"jid": jid, "fun": "test.ping", "return": "forged"})}),
        ("lease", {}),
        ("serving", {"devices": ["d1"]}),
        ("released", {"devices": ["d1"]}),
    ]
    for type_, body in said:
        door.hub.on_ret_message(stranger, pack(type_, 1, body))
    door.hub.on_publish_message(stranger, pack("for", 0, {"minion": "d1", "message": pack("attach", 0, {})}))
    assert {answer.type for answer in door.wire.to(stranger)} <= {"who"}
    assert door.master.inbox.returns == 0
    assert door.fleet.link("d1").jobs is not None
    assert one.id == "host1"


NO_FRAMES: list[Any] = ["text", 5, None, [], {}, b"", b"\xc1", b"\x94" * 100]
EVENT = pack("event", 0, {"tag": "x"})
BAD_EACH: list[Any] = [None, {}, 5, [5], [[]], [[1, "d1"]], [["1", "d1", EVENT]], [[1, 5, EVENT]], [[1, "d1", "text"]]]
BAD_ENVELOPES: list[dict[str, Any]] = [
    {},
    {"minion": "d1"},
    {"message": pack("event", 0, {"tag": "x"})},
    *(
        {"minion": minion, "message": pack("event", 0, {"tag": "x"})}
        for minion in ("", "d\n1", 5, None, ["d1"], "dé", "d" * 254)
    ),
    *({"minion": "d1", "message": message} for message in NO_FRAMES),
    {"minion": "d1", "message": pack("for", 0, {"minion": "d1", "message": pack("event", 0, {"tag": "x"})})},
    *({"minion": "d1", "message": pack(type_, 0, {})} for type_ in ("hello", "clock", "lease", "released", "x")),
    {"minion": "d1", "message": pack("working", 0, {"jids": "x"})},
    {"minion": "d1", "message": b"\x94\x01\xa5event\x00\x81\xa3tag" + b"\x91" * 200},
    {"minion": "d1", "message": b"\xdd\xff\xff\xff\xff"},
    *({"each": each} for each in (*BAD_EACH, [[1, "d1", EVENT, 1]], [[1.0, "d1", EVENT]], [[1, "d1", EVENT]] * 65)),
]


@pytest.mark.parametrize("body", BAD_ENVELOPES, ids=lambda body: repr(body)[:40])
def test_an_envelope_that_is_none_is_counted_and_left(
    door: Door, body: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    one = serving(door, ["d1"])
    garbage = door.hub.metrics()["garbage"]
    assert one.say("for", 1, **body) == []
    door.hub.on_publish_message(one.jobs, pack("for", 0, body))
    assert door.hub.metrics()["garbage"] == garbage + 2
    assert door.told() == []
    assert not door.master.inbox._acks
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize("type_", ["released", "serving"])
@pytest.mark.parametrize(
    "devices", [None, "d1", {"d1": 1}, [5], [None], ["x" * 254], ["d"] * 20_001, [["d1"]]], ids=lambda v: repr(v)[:20]
)
def test_a_list_of_devices_that_is_none_is_counted_and_left(door: Door, type_: str, devices: Any) -> None:
    one = serving(door, ["d1"])
    assert one.say(type_, devices=devices) == []
    assert door.hub.metrics()["garbage"] == 1
    assert door.fleet.is_present("d1")


@pytest.mark.parametrize("type_", ["released", "serving"])
def test_lists_of_what_isnt_the_hosts_change_nothing(door: Door, type_: str) -> None:
    one, two = serving(door, ["d1"]), serving(door, ["e1"], "host2", B)
    door.minion("web1", C)
    one.say(type_, devices=["e1", "web1", "host1", "host2", "../x", "nobody", *map(str, range(10_000))])
    assert door.fleet.present() == ["d1", "e1", "host1", "host2", "web1"]
    assert door.hub.hosts.assignments.served_by("host1") == ["d1"]
    assert door.hub.hosts.assignments.served_by("host2") == ["e1"]
    assert two.heard() == []


@pytest.mark.parametrize("inner", [{"tag": 5}, {"tag": "x" * 600}, {}, {"tag": "start"}], ids=repr)
def test_what_a_device_says_has_the_shape_of_what_a_minion_says(door: Door, inner: dict[str, Any]) -> None:
    async def scenario() -> None:
        one = serving(door, ["d1"])
        one.say_for("d1", "event", 4, **inner)
        assert list((await acknowledged(one)).body["refused"]) == [4]

    asyncio.run(scenario())


def test_what_was_revoked_while_it_was_answered_is_not_told(door: Door) -> None:
    async def scenario() -> None:
        one = serving(door, ["d1"])
        one.say_for("d1", "call", 5, cmd="pillar")
        door.keyring.delegations.undelegate("d1")
        (reply,) = await until(lambda: door.wire.to(one.ret))
        assert "result" not in reply.body
        assert reply.body["code"] == "not_authorised"

    asyncio.run(scenario())
