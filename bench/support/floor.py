"""The floor under a fleet: as many sockets with ZeroMQ and CURVE, a bare ``ROUTER`` here, and no application."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import zmq

from saltern.wire import pack
from support.programs import HOST
from support.report import say
from support.simulated import simulated

RAW_TIMEOUT_MS = 60_000
JOB = {"fun": "test.ping", "arg": [], "kwarg": {}, "user": "root", "isolate": False, "timeout": None}
RETURN = {"fun": "test.ping", "fun_args": [], "return": True, "retcode": 0, "success": True, "duration_ms": 0.1}
JID = "20250101000000000000"


class Floor:
    """A bare ``ROUTER`` and the routing ids of the sockets that are connected to it."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        public, secret = zmq.curve_keypair()
        self.public_key = public.decode()
        self._peers: list[bytes] = []
        self._socket = context.socket(zmq.ROUTER)
        self._socket.linger = 0
        self._socket.rcvtimeo = RAW_TIMEOUT_MS
        self._socket.backlog = 4096
        self._socket.curve_server = True
        self._socket.curve_publickey, self._socket.curve_secretkey = public, secret
        self.endpoint = f"{HOST}:{self._socket.bind_to_random_port(f'tcp://{HOST}')}"
        # The frames come back as they were sent: they are as long as a job and a return are on average.
        job, answer = pack("job", 0, {"jid": JID, **JOB}), pack("ret", 1000, {"jid": JID, **RETURN})
        self._frame = bytes((len(job) + len(answer)) // 2)

    def gather(self, count: int) -> None:
        """Wait until *count* sockets have said hello."""
        while len(self._peers) < count:
            self._peers.append(self._socket.recv_multipart()[0])

    def round(self) -> float:
        """Send a frame to all, take all answers, and return the seconds."""
        began = time.perf_counter()
        for peer in self._peers:
            self._socket.send_multipart((peer, self._frame))
        for _ in self._peers:
            self._socket.recv_multipart()
        return time.perf_counter() - began


@contextlib.contextmanager
def floor(count: int) -> Iterator[tuple[Floor, float]]:
    """Connect *count* bare sockets until the block ends; yield the floor and the seconds that connecting took."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    try:
        bare = Floor(context)
        began = time.perf_counter()
        with simulated(count, "--raw", "--ret", bare.endpoint, "--server-key", bare.public_key):
            bare.gather(count)
            seconds = time.perf_counter() - began
            say(f"{count} bare sockets connected after {seconds:.1f} s")
            yield bare, seconds
    finally:
        context.destroy(linger=0)
