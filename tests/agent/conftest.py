"""A master for the agent's tests: it speaks docs/protocol.md and does what a test tells it to."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
import zmq

from saltern.digest import sha256
from saltern.ids import JidSource
from saltern.wire import Message, pack, unpack
from saltern_agent.loop import Loop
from support.hurried import with_constants
from support.ports import free_port

WAIT_S = 30.0


class FakeMaster:
    """Two ROUTERs in a thread. ``answer`` is the type that a hello is answered with."""

    def __init__(self) -> None:
        self.public, self.secret = (half.decode() for half in zmq.curve_keypair())
        self.publish_port, self.ret_port = free_port(), free_port()
        self.answer = "welcome"
        self.refusal = {"state": "denied", "reason": "another key has this id"}
        self.wait_reason = ""
        self.allow_publish = True
        self.acks = True
        self.schedule: dict[str, Any] = {}
        self.pillar: dict[str, Any] = {}
        self.files: dict[str, bytes] = {}
        self.sync_on_change = False
        self.ahead_s = 0.0
        """By how much its clock is ahead of the agents'."""
        self.clocks: list[dict[str, Any]] = []
        self.messages: list[Message] = []
        self.hellos: list[Message] = []
        self.attached: list[bytes] = []
        self.attachments: list[Message] = []
        self.calls: list[dict[str, Any]] = []
        self.welcome_extra: dict[str, Any] = {}
        self._jids = JidSource()
        self._changed = threading.Condition()
        self._peers: set[bytes] = set()
        self._loop: Loop | None = None
        self._thread: threading.Thread | None = None

    # life

    def start(self) -> None:
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,))
        self._thread.start()
        assert ready.wait(WAIT_S)

    def stop(self) -> None:
        """Go away: both ports are closed."""
        if self._loop is not None and self._thread is not None:
            self._loop.post(self._loop.stop)
            self._thread.join(WAIT_S)
            self._loop = None

    def _run(self, ready: threading.Event) -> None:
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        loop = self._loop = Loop()
        zap = context.socket(zmq.REP)
        zap.bind("inproc://zeromq.zap.01")
        self._ret, self._publish = (self._router(context, port) for port in (self.ret_port, self.publish_port))
        self._ret.zap_domain, self._publish.zap_domain = b"ret", b"publish"
        self._ret.bind(f"tcp://127.0.0.1:{self.ret_port}")
        self._publish.bind(f"tcp://127.0.0.1:{self.publish_port}")
        loop.watch(zap, lambda: self._authenticate(zap))
        loop.watch(self._ret, self._read_ret)
        loop.watch(self._publish, self._read_publish)
        self._peers.clear()
        self.attached.clear()
        ready.set()
        loop.run()
        loop.close()
        context.destroy(linger=0)

    def _router(self, context: zmq.Context[zmq.Socket[bytes]], port: int) -> zmq.Socket[bytes]:
        router = context.socket(zmq.ROUTER)
        router.linger = 0
        router.router_mandatory = True
        router.curve_server = True
        router.curve_secretkey = self.secret.encode()
        return router

    def _authenticate(self, zap: zmq.Socket[bytes]) -> None:
        _version, request, domain, *_rest, _key = zap.recv_multipart()
        allowed = domain == b"ret" or self.allow_publish
        zap.send_multipart([b"1.0", request, b"200" if allowed else b"400", b"", b"peer", b""])

    # the conversation

    def _read_ret(self) -> None:
        peer, frame = self._ret.recv_multipart()
        message = unpack(frame)
        with self._changed:
            self._take(peer, message)
            self._changed.notify_all()

    def _take(self, peer: bytes, message: Message) -> None:
        if message.type == "hello":
            self.hellos.append(message)
            self._send(peer, self.answer, 0, self._answer_body())
            if self.answer == "welcome":
                self._peers.add(peer)
        elif peer not in self._peers:
            self._send(peer, "who", 0, {})
        elif message.type == "call":
            self.calls.append(message.body)
            self._send(peer, "reply", message.seq, self._reply(message.body["cmd"], message.body["args"]))
        elif message.type == "clock":
            self.clocks.append(message.body)
            self._send(peer, "clock", message.seq, {"time": self.time()})
        else:
            self.messages.append(message)
            if self.acks:
                self._send(peer, "ack", message.seq, {})

    def _answer_body(self) -> dict[str, Any]:
        if self.answer == "wait":
            return {"fingerprint": "ab:cd", "reason": self.wait_reason}
        if self.answer == "refused":
            return dict(self.refusal)
        return {
            "schedule": self.schedule,
            "pillar": self.pillar,
            "modules": self.tree_digest(),
            "sync_on_change": self.sync_on_change,
            "time": self.time(),
            **self.welcome_extra,
        }

    def time(self) -> float:
        """Return what its clock shows."""
        return time.time() + self.ahead_s

    def tree_digest(self) -> str:
        return sha256(repr(sorted(self.files.items())).encode() if self.files else b"").hexdigest()

    def _reply(self, cmd: str, args: dict[str, Any]) -> dict[str, Any]:
        if cmd == "modules":
            files = {
                path: {"hsum": sha256(data).hexdigest(), "size": len(data), "commit": "c0ffee"}
                for path, data in self.files.items()
            }
            return {"result": {"digest": self.tree_digest(), "files": files}}
        if cmd == "file_chunk":
            data = self.files[args["path"]]
            return {"result": {"data": data[args["offset"] :][:1000], "size": len(data)}}
        if cmd == "pillar":
            return {"result": self.pillar}
        if cmd == "ping":
            return {"result": True}
        return {"error": f"{cmd} is not a call"}

    def _read_publish(self) -> None:
        peer, frame = self._publish.recv_multipart()
        attach = unpack(frame)
        assert attach.type == "attach"
        with self._changed:
            self.attachments.append(attach)
            self.attached.append(peer)
            self._changed.notify_all()

    def _send(self, peer: bytes, type_: str, seq: int, body: dict[str, Any]) -> None:
        with contextlib.suppress(zmq.ZMQError):  # it is gone
            self._ret.send_multipart([peer, pack(type_, seq, body)])

    # what tests do

    def wait_for(self, condition: Callable[[], Any], timeout_s: float = WAIT_S) -> Any:
        """Return what *condition* returns as soon as it is true; it is looked at whenever something came."""
        with self._changed:
            assert self._changed.wait_for(condition, timeout_s), f"not within {timeout_s} s; got {self.messages[-3:]}"
            return condition()

    def send_up(self, type_: str, seq: int, body: dict[str, Any]) -> None:
        """Send a message to every peer on the ret port."""
        assert self._loop is not None
        self._loop.post(lambda: [self._send(peer, type_, seq, body) for peer in self._peers] and None)

    def publish(self, type_: str, body: dict[str, Any]) -> None:
        """Send a message to the peer that attached last and is still there."""
        self.publish_frame(pack(type_, 0, body))

    def publish_frame(self, frame: bytes) -> None:
        """Send any bytes to that peer."""
        assert self._loop is not None
        while True:
            peer = self.wait_for(lambda: self.attached and self.attached[-1])
            try:
                return self._loop.ask(lambda peer=peer: self._publish.send_multipart([peer, frame]) and None)
            except zmq.ZMQError:  # it is gone
                self.attached.remove(peer)

    def job(self, fun: Any, arg: list[Any] | None = None, **rest: Any) -> str:
        """Send a job; return its jid."""
        jid = rest.pop("jid", None) or self._jids.next()
        self.publish("job", {"jid": jid, "fun": fun, "arg": arg or [], "kwarg": {}, "user": "tester", **rest})
        return jid

    def returned(self, jid: str, timeout_s: float = WAIT_S) -> dict[str, Any]:
        """Return the body of the return of job *jid*."""
        found: dict[str, Any] = self.wait_for(
            lambda: next((m.body for m in self.messages if m.type == "ret" and m.body["jid"] == jid), None), timeout_s
        )
        return found

    def run(self, fun: Any, *arg: Any, **rest: Any) -> dict[str, Any]:
        """Run a job and return the body of its return."""
        return self.returned(self.job(fun, list(arg), **rest))

    def left(self) -> None:
        """Note that whoever attached has ended: what is published from now on is for who comes next.

        ZeroMQ notices it some time after the process's end, and takes messages for it until then.
        """
        with self._changed:
            self.attached.clear()

    def samples(self, name: str) -> list[dict[str, Any]]:
        """Return the returns of the schedule *name* so far."""
        return [m.body for m in self.messages if m.type == "ret" and m.body.get("schedule") == name]


class AgentProcess:
    """A real agent, configured in *folder*."""

    def __init__(self, folder: Path, options: dict[str, Any]) -> None:
        self.folder = folder
        self.options = options
        self.constants: dict[str, float] = {}
        """What it has instead of the constants of its modules, see ``support.hurried``."""
        self.process: subprocess.Popen[bytes] | None = None
        self.ended: Callable[[], None] = lambda: None
        self.log = folder / "agent.log"
        folder.mkdir(parents=True, exist_ok=True)
        self.configure()

    def configure(self, **changes: Any) -> None:
        self.options.update(changes)
        (self.folder / "minion").write_text(yaml.safe_dump(self.options))

    def start(self, *words: str, environment: Mapping[str, str] | None = None) -> None:
        argv = [sys.executable, "-m", "saltern_agent.main", "-c", str(self.folder), *words]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                with_constants(argv, self.constants) if self.constants else argv,
                env=environment,
                stderr=log,
                stdout=log,
                stdin=subprocess.DEVNULL,
            )

    def signal(self, number: int) -> int:
        """Send a signal and return the exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(WAIT_S)
        self.ended()
        return code

    def stop(self) -> int:
        return self.signal(signal.SIGTERM)

    def logged(self) -> str:
        return self.log.read_text()

    def wait_logged(self, text: str, timeout_s: float = WAIT_S) -> None:
        """Wait until *text* is in the log; there is no event for what another process writes."""
        deadline = time.monotonic() + timeout_s
        while text not in self.logged():
            assert time.monotonic() < deadline, f"{text!r} not in:\n{self.logged()}"
            time.sleep(0.02)

    @property
    def spool(self) -> Path:
        return self.folder / "cache" / "spool"

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def master() -> Iterator[FakeMaster]:
    fake = FakeMaster()
    fake.start()
    yield fake
    fake.stop()


@pytest.fixture
def make_agent(tmp_path: Path, master: FakeMaster) -> Iterator[Callable[..., AgentProcess]]:
    """Make agents of *master*; they are killed in the end."""
    made: list[AgentProcess] = []

    def make(name: str = "host01", **options: Any) -> AgentProcess:
        folder = tmp_path / name
        defaults = {
            "id": name,
            "master": "127.0.0.1",
            "publish_port": master.publish_port,
            "ret_port": master.ret_port,
            "master_key": master.public,
            "pki_dir": str(folder / "pki"),
            "cachedir": str(folder / "cache"),
            "log_level": "debug",
            "reconnect_interval": 0.05,
            "reconnect_interval_max": 0.2,
            "heartbeat_interval": 1.0,
            "heartbeat_timeout": 3.0,
            "pending_retry_interval": 0.2,
        }
        agent = AgentProcess(folder, {**defaults, **options})
        made.append(agent)
        agent.ended = lambda: master.left() if len(made) == 1 else None
        return agent

    yield make
    for agent in made:
        agent.kill()


@pytest.fixture
def agent(make_agent: Callable[..., AgentProcess]) -> AgentProcess:
    """An agent that was started."""
    made = make_agent()
    made.start()
    return made


@pytest.fixture
def module_dir(tmp_path: Path) -> Path:
    """A folder of the test's own modules."""
    folder = tmp_path / "modules"
    folder.mkdir()
    return folder


os.environ.pop("SALTERN_CONFIG_DIR", None)
