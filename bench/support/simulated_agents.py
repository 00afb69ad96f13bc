"""Many agents in one process, as lean as they can be: sockets, the protocol, and nothing else.

Run as a program, it connects ``--count`` agents and answers every job with ``true`` until stdin ends. With ``--every``
each also returns ``--numbers`` numbers as a scheduled sample every so many seconds, as ``stats.collect`` does, each at
a moment of its own. With ``--raw`` it connects as many sockets without any protocol, which send back what they get: the
floor under all the rest.
"""

from __future__ import annotations

import argparse
import heapq
import os
import resource
import select
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import zmq

from saltern.digest import digest_of
from saltern.wire import pack, unpack
from saltern_agent.slots import stable_hash

STDIN = 0
INPUT_BYTES = 1024
FILES_A_SOCKET = 3
BOOT = 1.0
HELLO_AGAIN_S = 10.0
RAW_HELLO = b"hello"
SCHEDULE = "stats"
NUMBERS_A_GROUP = 15
SAMPLES_A_CLOCK = 2
"""Agents ask for the time with every other sample of 15 s."""

Socket = zmq.Socket[bytes]


class Sockets:
    """Encrypted sockets and what to do with their frames, waited for by epoll: poll(2) looks at all, each time."""

    def __init__(self, count: int, server_key: str, on_input: Callable[[bytes], None] = lambda data: None) -> None:
        """*on_input* gets what comes on stdin."""
        self._on_input = on_input
        self._context = zmq.Context()
        self._context.set(zmq.MAX_SOCKETS, count + 16)
        self._server_key = server_key.encode()
        self._epoll = select.epoll()
        self._epoll.register(STDIN, select.EPOLLIN)
        self._handlers: dict[int, tuple[Socket, Callable[[bytes], None]]] = {}
        self._timers: list[tuple[float, int, float, Callable[[], None]]] = []

    def connect(self, endpoint: str, keys: tuple[bytes, bytes], on_frame: Callable[[bytes], None]) -> Socket:
        """Return a new socket; *on_frame* gets what comes on it."""
        socket = self._context.socket(zmq.DEALER)
        socket.linger = 0
        socket.curve_serverkey = self._server_key
        socket.curve_publickey, socket.curve_secretkey = keys
        socket.connect(f"tcp://{endpoint}")
        descriptor = socket.getsockopt(zmq.FD)
        assert isinstance(descriptor, int)
        self._handlers[descriptor] = socket, on_frame
        self._epoll.register(descriptor, select.EPOLLIN | select.EPOLLET)
        self.read(socket, on_frame)  # the descriptor only tells of what comes after a look that found nothing
        return socket

    def every(self, seconds: float, at: float, call: Callable[[], None]) -> None:
        """Call *call* at epoch time *at* and every *seconds* from then on."""
        heapq.heappush(self._timers, (at, len(self._timers), seconds, call))

    def run(self) -> None:
        """Hand frames to their sockets' handlers, and call what is due, until stdin ends."""
        while True:
            wait_s = max(0.0, self._timers[0][0] - time.time()) if self._timers else None
            for descriptor, _ in self._epoll.poll(wait_s):
                if descriptor != STDIN:
                    self.read(*self._handlers[descriptor])
                elif data := os.read(STDIN, INPUT_BYTES):
                    self._on_input(data)
                else:
                    return
            while self._timers and self._timers[0][0] <= time.time():
                at, number, seconds, call = self._timers[0]
                heapq.heapreplace(self._timers, (at + seconds, number, seconds, call))
                call()

    def read(self, socket: Socket, on_frame: Callable[[bytes], None]) -> None:
        """Take all that has come: the descriptor tells of new frames once."""
        try:
            while True:
                on_frame(socket.recv(zmq.NOBLOCK))
        except zmq.Again:
            pass


class Agent:
    """One agent: says hello, attaches when it is welcomed, answers jobs."""

    def __init__(self, sockets: Sockets, minion_id: str, options: argparse.Namespace) -> None:
        self.keys = zmq.curve_keypair()
        self._id = minion_id
        self._sockets = sockets
        self._publish_endpoint = options.publish
        self._every_s, self._numbers = options.every, options.numbers
        self._seq = 0
        self._publish: Socket | None = None
        self._have: dict[str, str] = {}
        self._ret = sockets.connect(options.ret, self.keys, self._on_ret)
        sockets.every(HELLO_AGAIN_S, time.time() + HELLO_AGAIN_S, self._hello_again)
        self._hello()

    def _hello_again(self) -> None:
        if self._publish is None:  # a master that was told too much at once heard nothing of us
            self._hello()

    def _hello(self) -> None:
        self._tell("hello", 0, {"id": self._id, "version": "simulated", "boot": BOOT})

    def _on_ret(self, frame: bytes) -> None:
        message = unpack(frame)
        if message.type == "who":  # a busy master gave the connection up; ZeroMQ has made another
            self._hello()
        elif message.type == "welcome":
            self._welcomed(message.body)

    def _welcomed(self, body: dict[str, Any]) -> None:
        digests = {what: digest_of(body[what]) for what in ("schedule", "pillar") if what in body}
        self._have = {**digests, "modules": body["modules"]}
        if self._publish is None:
            self._publish = self._sockets.connect(self._publish_endpoint, self.keys, self._on_publish)
            self._begin_to_sample()
        self._attach()

    def _attach(self) -> None:
        grains = {"os": "Simulated", "id": self._id}
        assert self._publish is not None
        self._publish.send(pack("attach", 0, {"boot": BOOT, "grains": grains, "have": self._have}))
        self._sockets.read(self._publish, self._on_publish)

    def _begin_to_sample(self) -> None:
        if self._every_s:
            # The next slot and a part of the interval, as the agents' phases are.
            at = (time.time() // self._every_s + 1 + stable_hash(self._id) / 2**64) * self._every_s
            self._sockets.every(self._every_s, at, self._sample)

    def _sample(self) -> None:
        slot = int(time.time() // self._every_s * self._every_s)
        self._seq += 1
        body = {
            "jid": f"{datetime.now(UTC):%Y%m%d%H%M%S%f}",
            "fun": "stats.collect",
            "fun_args": [],
            "return": sample(self._numbers, slot),
            "retcode": 0,
            "success": True,
            "duration_ms": 2.5,
            "schedule": SCHEDULE,
            "slot": slot,
            "metrics": True,
            "return_job": False,
        }
        self._tell("ret", self._seq, body)
        if self._seq % SAMPLES_A_CLOCK == 0:
            self._tell("clock", self._seq, {"skew_ms": 0.5})

    def _on_publish(self, frame: bytes) -> None:
        message = unpack(frame)
        if message.type == "working":  # on none: every job is answered when it comes
            self._tell("working", 0, {"jids": [], "more": False})
        elif message.type == "job":
            self._answer(message.body)
        elif message.type == "pillar":  # it is compiled, or another: we ask for it as agents do
            self._seq += 1
            self._tell("call", self._seq, {"cmd": "pillar", "args": {}})

    def _answer(self, job: dict[str, Any]) -> None:
        self._seq += 1
        body = {"jid": job["jid"], "fun": job["fun"], "fun_args": job["arg"], "return": True}
        self._tell("ret", self._seq, {**body, "retcode": 0, "success": True, "duration_ms": 0.1})

    def _tell(self, kind: str, seq: int, body: dict[str, Any]) -> None:
        self._ret.send(pack(kind, seq, body))
        self._sockets.read(self._ret, self._on_ret)  # a send may swallow the signal of what has come


def sample(numbers: int, slot: int) -> dict[str, dict[str, float]]:
    """Return so many numbers in groups, which change with *slot*."""
    groups: dict[str, dict[str, float]] = {}
    for number in range(numbers):
        groups.setdefault(f"group{number // NUMBERS_A_GROUP}", {})[f"number{number}"] = (slot % 1000) + number / 7
    return groups


def main() -> int:
    """Run the agents."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--first", type=int, default=0, help="number of the first")
    parser.add_argument("--every", type=float, default=0.0, metavar="S", help="seconds between scheduled samples")
    parser.add_argument("--numbers", type=int, default=0, help="in a sample")
    parser.add_argument("--server-key", required=True)
    parser.add_argument("--ret", required=True, metavar="HOST:PORT")
    parser.add_argument("--publish", metavar="HOST:PORT")
    parser.add_argument("--raw", action="store_true")
    options = parser.parse_args()
    count = options.count * (1 if options.raw else 2)
    allow_files(count * FILES_A_SOCKET + 64)
    sockets = Sockets(count, options.server_key)
    numbers = range(options.first, options.first + options.count)
    if options.raw:
        agents: list[object] = [_echo(sockets, options.ret) for _ in numbers]
    else:
        agents = [Agent(sockets, f"sim{number:05d}", options) for number in numbers]
    sockets.run()
    del agents
    return 0


def _echo(sockets: Sockets, endpoint: str) -> Socket:
    """Connect a socket that sends back whatever comes."""
    made: list[Socket] = []
    made.append(sockets.connect(endpoint, zmq.curve_keypair(), lambda frame: made[0].send(frame)))
    made[0].send(RAW_HELLO)
    return made[0]


def allow_files(count: int) -> None:
    """Let this process have so many files open, as far as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))


if __name__ == "__main__":
    sys.exit(main())
