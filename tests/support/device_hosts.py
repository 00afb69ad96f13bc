"""A host of devices over the master's objects, without sockets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from saltern.wire import Message, pack_any, unpack
from saltern_master.entrances.channel.port import Peer
from support.keys import Door


class Told(NamedTuple):
    """What devices were told in one envelope."""

    minions: list[str]
    type: str
    seq: int
    body: dict[str, Any]


class HostDoor:
    """An agent that is there, and speaks for devices."""

    def __init__(self, door: Door, host: str, key: str) -> None:
        self.door = door
        self.id = host
        self.key = key
        if door.keyring.minion_of(key) != host:
            door.accept(host, key)
        self.ret: Peer = door.wire.peer(key)
        door.hello(self.ret, host, boot=1.0)
        self.jobs: Peer = door.attach(door.wire.peer(key, "192.0.2.1"), boot=1.0)

    def say(self, type_: str, seq: int = 0, **body: Any) -> list[Message]:
        """Say something on the ret port; return what is answered at once."""
        self.door.hub.on_ret_message(self.ret, pack_any(type_, seq, body))
        return self.door.wire.to(self.ret)

    def say_for(self, device: str, type_: str, seq: int, **body: Any) -> list[Message]:
        return self.say("for", seq, minion=device, message=pack_any(type_, 0, body))

    def say_each(self, *said: tuple[int, str, bytes]) -> list[Message]:
        """Say something for several devices in one envelope: numbers, devices, frames."""
        return self.say("for", 0, each=[list(one) for one in said])

    def attach(self, devices: Iterable[str], boot: float = 5.0, state: Any = None, **more: Any) -> None:
        """Say of devices that they are served; *state*: their grain ``device``."""
        for device in devices:
            grains = {"id": device, "os": "Toaster", **({} if state is None else {"device": state})}
            inner = pack_any("attach", 0, {"boot": boot, "grains": grains, **more})
            self.door.hub.on_publish_message(self.jobs, pack_any("for", 0, {"minion": device, "message": inner}))

    def heard(self) -> list[Message]:
        """Return what was sent for jobs since the last time, envelopes opened: then ``minions`` is in the body."""
        return [self._opened(message) for message in self.door.wire.to(self.jobs)]

    def told(self, type_: str) -> list[Told]:
        """Return what was told to devices since the last time, of one type."""
        return [
            Told(message.body["minions"], message.type, message.seq, message.body)
            for message in self.heard()
            if message.type == type_ and "minions" in message.body
        ]

    def lists(self) -> list[dict[str, Any]]:
        """Return the lists of devices that were sent since the last time."""
        return [message.body for message in self.heard() if message.type == "devices"]

    def gives_back(self, device: str, jid: str, value: Any, seq: int, **more: Any) -> list[Message]:
        body = {"jid": jid, "fun": "test.ping", "fun_args": [], "return": value, "retcode": 0, "success": True}
        return self.say_for(device, "ret", seq, **body, duration_ms=0.1, **more)

    def close(self) -> None:
        """Have both connections end."""
        for peer in (self.ret, self.jobs):
            self.door.hub.on_gone(peer)

    @staticmethod
    def _opened(message: Message) -> Message:
        if message.type != "for":
            return message
        inner = unpack(message.body["message"], secrets=True)
        return Message(inner.type, inner.seq, {**inner.body, "minions": message.body["minions"]})
