"""Hosts and their devices over real sockets: more than a connection takes at once, a master that was started again."""

from __future__ import annotations

import asyncio
from typing import Any

from saltern.config import MasterOptions
from saltern.wire import Message, pack, unpack
from saltern_master.auth.caller import Caller, Kind
from saltern_master.entrances.channel.port import SMALL_IN_FLIGHT
from saltern_master.jobs.publisher import JobRequest
from saltern_master.master import Master
from support.masters import FakeAgent, running, until

FRED = Caller(Kind.LOCAL, "fred", 60000)


def say_for(one: FakeAgent, device: str, type_: str, number: int, body: dict[str, Any]) -> None:
    one.send("for", number, minion=device, message=pack(type_, 0, body))


def attach(one: FakeAgent, devices: list[str]) -> None:
    assert one.jobs is not None
    for device in devices:
        inner = pack("attach", 0, {"boot": 1.0, "grains": {"os": "Toaster"}, "have": {}})
        one.jobs.send(pack("for", 0, {"minion": device, "message": inner}))


async def heard(one: FakeAgent, type_: str) -> tuple[list[str], Message]:
    """Return the next message of one type for jobs, and whom it is for."""
    while True:
        message = await one.receive(one.jobs)
        minions = message.body.get("minions", []) if message.type == "for" else []
        if message.type == "for":
            message = unpack(message.body["message"], secrets=True)
        if message.type == type_:
            return minions, message


def publish(master: Master, minions: list[str]) -> str:
    request = JobRequest(tgt="*", tgt_type="glob", fun="test.ping", arg=[], kwarg={})
    return master.publisher.publish(request, minions, FRED, sees_all=True)[0].jid


async def serving(master: Master, one: FakeAgent, devices: list[str]) -> None:
    await one.join()
    master.keyring.delegations.delegate(devices, [one.id])
    assert (await heard(one, "devices"))[1].body["devices"] == devices


def test_a_host_gets_all_that_is_told_its_devices_however_much_it_is(options: MasterOptions) -> None:
    """libzmq takes so many messages for one connection; the others wait."""
    devices = [f"d{number:04}" for number in range(SMALL_IN_FLIGHT + 400)]

    async def scenario() -> None:
        async with running({**options, "auto_accept": True}) as master:
            one = FakeAgent(master, "host1")
            try:
                await serving(master, one, devices)
                attach(one, devices)
                await until(lambda: len(master.fleet.present()) == len(devices) + 1)
                told = [(await heard(one, "brief"))[0] for _ in devices]
                assert told == [[device] for device in devices]
                jid = publish(master, devices)
                assert (await heard(one, "job"))[0] == devices
                ret = pack("ret", 0, {"jid": jid, "fun": "test.ping", "return": True})
                for first in range(0, len(devices), 64):
                    some = devices[first : first + 64]
                    one.send("for", 0, each=[[first + at + 1, device, ret] for at, device in enumerate(some)])
                while (ack := await one.receive()).seq < len(devices):
                    assert ack.body == {}
                assert jid not in master.tracker.running()
                one.close()
                await until(lambda: master.fleet.present() == [])
            finally:
                one.close()

    asyncio.run(scenario())


def test_a_master_that_was_started_again_knows_the_devices_and_takes_what_they_had(options: MasterOptions) -> None:
    given: MasterOptions = {**options, "auto_accept": True}

    async def scenario() -> None:
        async with running(given) as master:
            one = FakeAgent(master, "host1")
            try:
                await serving(master, one, ["d1"])
                attach(one, ["d1"])
                await heard(one, "brief")
                jid = publish(master, ["d1"])
                await heard(one, "job")
            finally:
                one.close()
        async with running(given) as master:
            assert master.keyring.minions() == ["d1", "host1"]
            assert master.fleet.grains("d1") == {"os": "Toaster"}
            again = FakeAgent(master, "host1", one.key)
            try:
                say_for(again, "d1", "event", 1, {"tag": "x"})
                assert (await again.receive()).type == "who"
                await again.join()
                again.send("serving", devices=["d1"])
                assert (await heard(again, "devices"))[1].body["devices"] == ["d1"]
                say_for(again, "d1", "ret", 1, {"jid": jid, "fun": "test.ping", "return": True})
                ack = await again.receive()
                assert (ack.type, ack.seq, ack.body) == ("ack", 1, {})
                attach(again, ["d1"])
                await until(lambda: master.fleet.is_present("d1"))
            finally:
                again.close()

    asyncio.run(scenario())
