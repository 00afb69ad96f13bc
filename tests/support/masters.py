"""A master in this process, and agents that speak the protocol by hand."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from typing import Any

import zmq

from saltern.config import MasterOptions
from saltern.pki import KeyPair
from saltern.wire import Message, pack_any, unpack
from saltern_master.master import Master

WAIT_S = 30.0


class FakeAgent:
    """One agent's two sockets, used by hand. *key* makes it someone that was here before."""

    def __init__(self, master: Master, minion_id: str, key: KeyPair | None = None) -> None:
        self.id = minion_id
        if key is None:
            public, secret = (half.decode() for half in zmq.curve_keypair())
            key = KeyPair(public, secret)
        self.key = key
        self._master = master
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.ret = self._connect("ret")
        self.jobs: zmq.Socket[bytes] | None = None

    def _connect(self, port: str) -> zmq.Socket[bytes]:
        socket = self._context.socket(zmq.DEALER)
        socket.linger = 0
        socket.curve_serverkey = self._master.keys.public.encode()
        socket.curve_publickey = self.key.public.encode()
        socket.curve_secretkey = self.key.secret.encode()
        socket.connect(f"tcp://{self._master.endpoints[port]}")
        return socket

    def send(self, type_: str, seq: int = 0, **body: Any) -> None:
        self.ret.send(pack_any(type_, seq, body))

    def hello(self, **more: Any) -> None:
        self.send("hello", id=self.id, version="test", grains={"os": "Test", "id": self.id}, boot=1.0, **more)

    async def receive(self, socket: zmq.Socket[bytes] | None = None) -> Message:
        socket = socket or self.ret
        async with asyncio.timeout(WAIT_S):
            while True:
                with contextlib.suppress(zmq.Again):
                    return unpack(socket.recv(zmq.DONTWAIT), secrets=True)
                await asyncio.sleep(0.002)

    async def nothing_comes(self, seconds: float = 0.2) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.receive()
                return False
        return True

    async def call(self, cmd: Any, **args: Any) -> dict[str, Any]:
        self.send("call", 5, cmd=cmd, args=args)
        reply = await self.receive()
        assert (reply.type, reply.seq) == ("reply", 5)
        return reply.body

    async def join(self) -> Message:
        """Say hello, attach, and return the welcome."""
        self.hello()
        welcome = await self.receive()
        assert welcome.type == "welcome", welcome
        self.jobs = self._connect("publish")
        self.jobs.send(pack_any("attach", 0, {"boot": 1.0}))
        await until(lambda: self._master.fleet.is_present(self.id))
        return welcome

    def give_back(self, job: dict[str, Any], value: Any, seq: int = 1, **more: Any) -> None:
        body = {"jid": job["jid"], "fun": job["fun"], "fun_args": job.get("arg", []), "return": value}
        self.send("ret", seq, **body, retcode=0, success=True, duration_ms=0.1, **more)

    def close(self) -> None:
        self._context.destroy(linger=0)


async def until(true: Callable[[], Any]) -> Any:
    """Wait for something that happens by itself."""
    async with asyncio.timeout(WAIT_S):
        while not (result := true()):
            await asyncio.sleep(0.005)
    return result


@contextlib.asynccontextmanager
async def running(options: MasterOptions) -> AsyncIterator[Master]:
    """Run a master in this loop."""
    master = Master(options)
    task = asyncio.create_task(master.run())
    try:
        await until(lambda: task.done() or os.path.exists(os.path.join(options["sock_dir"], "master.json")))
        if task.done():
            task.result()
        yield master
    finally:
        master.stop()
        await task
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(options["sock_dir"], "master.json"))
