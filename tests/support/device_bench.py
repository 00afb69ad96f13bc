"""A host with devices in a test's own process, at a master that the test speaks as: no sockets, and a loop by hand.

What the agent sends is taken where its channel would send it; what the master says is handed to it as the channel does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import yaml
import zmq

from saltern.config import minion_config
from saltern.ids import JidSource
from saltern.pki import KeyPair
from saltern.wire import Message, pack, unpack
from saltern_agent.channel import UP
from saltern_agent.devices.devices import Devices
from saltern_agent.host import Host

WAIT_S = 30.0
PROXY = """
import time, threading
__proxyenabled__ = ["toaster"]
GATES = __import__("builtins").__dict__.setdefault("toaster_gates", {})
LOG = __import__("builtins").__dict__.setdefault("toaster_log", [])
def _gate(what):
    LOG.append((what, __opts__["id"]))
    gate = GATES.get((what, __opts__["id"])) or GATES.get(what)
    if gate is not None: return gate(__opts__)
def init(opts):
    _gate("init")
    __context__["toaster"] = {"url": opts["proxy"].get("url"), "password": opts["proxy"].get("password")}
def initialized(): return "toaster" in __context__
def alive(opts): return _gate("alive") is not False
def grains():
    _gate("grains")
    return {"os": "Toaster", "url": __context__["toaster"]["url"]}
def ping(): return _gate("ping") is not False
def toast(n): return _gate("toast") or [__opts__["id"], __context__["toaster"]["url"], n]
def shutdown(opts):
    _gate("shutdown")
    __context__.pop("toaster", None)
"""
MODULE = """
__proxyenabled__ = ["toaster"]
def toast(n=1): return __proxy__["toaster.toast"](n)
def leak(): return "it is " + __opts__["proxy"]["password"]
def quiet(): return __grains__["id"]
"""


class Bench:
    """A host, and what it sent: ``ret``, messages on the port for returns, and ``jobs``, on the other one."""

    def __init__(self, folder: Path, **options: Any) -> None:
        for kind, name, text in (("proxy", "toaster", PROXY), ("modules", "toast", MODULE)):
            (folder / "cache" / "extmods" / kind).mkdir(parents=True, exist_ok=True)
            (folder / "cache" / "extmods" / kind / f"{name}.py").write_text(text)
        (folder / "pki").mkdir(exist_ok=True)
        known = {
            "id": "host",
            "cachedir": str(folder / "cache"),
            "pki_dir": str(folder / "pki"),
            "master": "127.0.0.1",
            "master_key": "x",
            "device_timeout": 5.0,
            "sync_on_connect": False,
        }
        (folder / "minion").write_text(yaml.safe_dump({**known, **options}))
        public, secret = (half.decode() for half in zmq.curve_keypair())
        self.keys = KeyPair(public, secret)
        self.host = self.make(minion_config(folder / "minion"), public)
        self.ret: list[tuple[str, Message]] = []
        self.jobs: list[tuple[str, Message]] = []
        self.acks = True
        self.up = True
        self._jids = JidSource()
        self.changed = threading.Condition()
        self.host.channel.send = self._take_ret  # type: ignore[method-assign]  # where it would go to sockets
        self.host.channel.ask = self._take_jobs  # type: ignore[method-assign]  # likewise
        self.thread = threading.Thread(target=self.host.loop.run)
        self.thread.start()

    def make(self, options: Any, master_key: str) -> Host:
        return Host(options, self.keys, master_key)

    @property
    def devices(self) -> Devices:
        assert self.host.devices is not None
        return self.host.devices

    # what the agent sends

    def _take_ret(self, frame: bytes) -> bool:
        if not self.up:
            return False
        for message in unbundled(unpack(frame)):
            with self.changed:
                self.ret.append(opened(message))
                self.changed.notify_all()
            kind = self.ret[-1][1].type
            if self.acks and kind in ("ret", "event", "account"):
                self.host.loop.post(partial(self.host.outbox.ack, message.seq))
        return True

    def _take_jobs(self, frame: bytes) -> bool:
        if not self.up:
            return False
        with self.changed:
            self.jobs.append(opened(unpack(frame)))
            self.changed.notify_all()
        return True

    # what the master says

    def welcome(self, **body: Any) -> None:
        def welcomed() -> None:
            self.up = True
            self.host.channel.state = UP
            self.host.welcomed({"schedule": {}, "pillar": {}, "modules": "", **body})
            self.host.attached(anew=True)

        self.host.loop.ask(welcomed)

    def lose(self) -> None:
        def lost() -> None:
            self.up = False
            self.host.channel.state = "away"
            self.host.lost()

        self.host.loop.ask(lost)

    def say(self, type_: str, seq: int = 0, **body: Any) -> None:
        self.host.loop.ask(lambda: self.host.received(Message(type_, seq, body)))

    def list(self, *devices: str, shared: Iterable[str] = (), lease: float = 20.0, asked: int = 0) -> None:
        self.say("devices", devices=list(devices), shared=list(shared), lease=lease, asked=asked)

    def say_for(self, devices: str | list[str], type_: str, seq: int = 0, **body: Any) -> None:
        minions = [devices] if isinstance(devices, str) else devices
        self.say("for", minions=minions, message=pack(type_, seq, body, secrets=True))

    def brief(self, *devices: str, schedule: dict[str, Any] | None = None, **proxy: Any) -> None:
        """Brief devices that are toasters, each with a URL of its own."""
        for device in devices:
            pillar = {"proxy": {"proxytype": "toaster", "url": f"{device}/", **proxy}}
            self.say_for(device, "brief", schedule=schedule or {}, pillar=pillar)

    def serve(self, *devices: str, **more: Any) -> None:
        """Have devices served, briefed, and up."""
        self.list(*devices)
        self.attached(*devices)
        self.brief(*devices, **more)
        self.wait_up(*devices)

    # what tests wait for

    def wait(self, condition: Callable[[], Any]) -> Any:
        """Return what *condition* returns as soon as it is true; it is looked at whenever something was sent."""
        deadline = time.monotonic() + WAIT_S
        with self.changed:
            while not (found := condition()):
                assert time.monotonic() < deadline, (self.ret[-5:], self.jobs[-5:])
                self.changed.wait(0.05)
            return found

    def attached(self, *devices: str) -> None:
        self.wait(lambda: {name for name, message in self.jobs if message.type == "attach"} >= set(devices))

    def grain(self, device: str) -> dict[str, Any]:
        """Return how *device* is, as it told last."""
        told = [message.body["grains"] for name, message in self.jobs if name == device and message.type == "attach"]
        state: dict[str, Any] = told[-1]["device"] if told else {}
        return state

    def wait_up(self, *devices: str) -> None:
        self.wait(lambda: all(self.grain(device).get("up") for device in devices))

    def wait_down(self, device: str, error: str = "") -> dict[str, Any]:
        """Wait until *device* tells that it is down, and return how it is."""
        found: dict[str, Any] = self.wait(
            lambda: (
                (state := self.grain(device)) and not state["up"] and error in (state["error"] or "?") and state
                if error
                else (state := self.grain(device)) and state["error"] and state
            )
        )
        return found

    def job(self, devices: str | list[str], fun: Any, *arg: Any, **more: Any) -> str:
        jid = self._jids.next()
        body = {"jid": jid, "fun": fun, "arg": list(arg), "kwarg": {}, "user": "fred", "sees": True, **more}
        self.say_for(devices, "job", **body)
        return jid

    def returns(self, jid: str) -> dict[str, dict[str, Any]]:
        """Return what came back of a job so far, by device."""
        return {name: message.body for name, message in list(self.ret) if message.body.get("jid") == jid}

    def run(self, device: str, fun: Any, *arg: Any, **more: Any) -> dict[str, Any]:
        """Run a job on *device* and return what it returns."""
        jid = self.job(device, fun, *arg, **more)
        found: dict[str, Any] = self.wait(lambda: self.returns(jid).get(device))
        return found

    def run_nothing(self, device: str) -> bool:
        """Return whether a job for *device* is nobody's."""
        jid = self.job(device, "test.ping")
        self.host.loop.ask(lambda: None)
        return not self.returns(jid)

    def said(self, type_: str) -> list[dict[str, Any]]:
        """Return the bodies of the host's own messages of a type."""
        return [message.body for name, message in list(self.ret) if not name and message.type == type_]

    def events(self, device: str) -> list[str]:
        """Return the tags of the events of *device*."""
        return [message.body["tag"] for name, message in list(self.ret) if name == device and message.type == "event"]

    def stop(self) -> None:
        self.host.loop.post(self.host.loop.stop)
        self.thread.join(WAIT_S)
        self.host.own.runner.close()
        if self.host.devices is not None:
            self.host.devices.close()
        self.host.loop.close()
        self.host.channel.close()
        self.host.outbox.close()
        self.host.own.close()


def unbundled(message: Message) -> list[Message]:
    """Return the envelopes that came as one, each as if it came alone."""
    if "each" not in message.body:
        return [message]
    return [Message("for", seq, {"minion": name, "message": frame}) for seq, name, frame in message.body["each"]]


def opened(message: Message) -> tuple[str, Message]:
    """Return what is in an envelope, with the number of that, and whose it is."""
    if message.type != "for":
        return "", message
    inner = unpack(message.body["message"])
    assert inner.seq == 0, "the number is that of the envelope"
    assert inner.type != "for"
    return message.body["minion"], Message(inner.type, message.seq, inner.body)
