"""A port over loopback: what a peer that doesn't read costs, and what the others feel of it."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import zmq

from saltern.errors import ChannelError
from saltern.pki import KeyPair
from saltern_master.entrances.channel.gate import Gate
from saltern_master.entrances.channel.port import LARGE_BYTES_IN_FLIGHT, SMALL_BYTES, Limits, Peer, Port
from support.masters import until

MIB = 1024 * 1024
CHUNKS = 900


def new_keys() -> KeyPair:
    public, secret = (half.decode() for half in zmq.curve_keypair())
    return KeyPair(public, secret)


class Loopback:
    """A port, and what came over it by the first bytes of the message."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], keys: KeyPair, interface: str = "127.0.0.1") -> None:
        self._context = context
        self._keys = keys
        self._sockets: list[zmq.Socket[bytes]] = []
        self.peers: dict[bytes, Peer] = {}
        self.gone: list[Peer] = []
        self.failing = False
        """Whether who is told of messages and ends fails."""
        self.gate = Gate(context, lambda _port, _key: True)
        self.port = Port(context, "ret", keys, Limits(16 * MIB, 60, 120), self._note, self._ended)
        self.endpoint = self.port.bind(interface, 0)

    def _note(self, peer: Peer, frame: bytes) -> None:
        if self.failing:
            raise RuntimeError("the message")
        self.peers[frame] = peer

    def _ended(self, peer: Peer) -> None:
        self.gone.append(peer)
        if self.failing:
            raise RuntimeError("its end")

    def connect(self) -> zmq.Socket[bytes]:
        """Return a new connection, which holds no more than it must of what it sends or hasn't read."""
        mine = new_keys()
        socket = self._context.socket(zmq.DEALER)
        self._sockets.append(socket)
        socket.linger = 0
        socket.sndhwm = socket.rcvhwm = 1
        socket.ipv6 = self.endpoint.startswith("[")
        socket.curve_serverkey = self._keys.public.encode()
        socket.curve_publickey, socket.curve_secretkey = mine.public.encode(), mine.secret.encode()
        socket.connect(f"tcp://{self.endpoint}")
        return socket

    def close(self) -> None:
        """Close the port and every connection."""
        for socket in self._sockets:
            socket.close()
        self.port.close()
        self.gate.close()

    async def peer(self, socket: zmq.Socket[bytes], name: bytes) -> Peer:
        socket.send(name)
        await until(lambda: name in self.peers)
        return self.peers[name]


@asynccontextmanager
async def loopback(interface: str = "127.0.0.1") -> AsyncIterator[Loopback]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    made = Loopback(context, new_keys(), interface)
    loop = asyncio.get_running_loop()
    made.gate.start(loop)
    made.port.start(loop)
    try:
        yield made
    finally:
        made.close()
        context.destroy(linger=0)


def resident_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as stream:
        return int(stream.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def next_frame(socket: zmq.Socket[bytes]) -> bytes:
    await until(lambda: bool(socket.poll(0)))
    return socket.recv(zmq.DONTWAIT)


def test_a_peer_that_does_not_read_has_a_bound_in_bytes() -> None:
    async def scenario() -> None:
        async with loopback() as made:
            deaf, other = made.connect(), made.connect()
            peer, neighbour = await made.peer(deaf, b"deaf"), await made.peer(other, b"other")
            before = resident_bytes()
            sent = []
            for number in range(CHUNKS):
                if peer.send(number.to_bytes(4, "big") * (MIB // 4)):
                    sent.append(number)
                assert peer.bytes_in_flight() <= LARGE_BYTES_IN_FLIGHT
                await asyncio.sleep(0)
            assert resident_bytes() - before < 64 * MIB
            assert 8 <= len(sent) < 64  # what its kernel took, and the bound
            assert made.port.send_refused == CHUNKS - len(sent)
            # Nobody else feels it.
            assert neighbour.send(b"job")
            assert await next_frame(other) == b"job"
            # What was taken arrives, and then there is room again.
            for number in sent:
                assert (await next_frame(deaf))[:4] == number.to_bytes(4, "big")
            await until(lambda: not peer.bytes_in_flight())
            assert peer.send(b"x" * MIB)
            assert len(await next_frame(deaf)) == MIB

    asyncio.run(scenario())


def test_small_messages_to_a_peer_that_does_not_read_have_a_bound() -> None:
    async def scenario() -> None:
        async with loopback() as made:
            deaf = made.connect()
            peer = await made.peer(deaf, b"deaf")
            before = resident_bytes()
            sent = sum(peer.send(bytes(SMALL_BYTES)) for _ in range(20_000))
            assert resident_bytes() - before < 64 * MIB
            assert 500 < sent < 5_000
            assert made.port.send_refused == 20_000 - sent
            for _ in range(sent):
                await next_frame(deaf)
            assert peer.send(b"again")

    asyncio.run(scenario())


def test_one_message_may_be_larger_than_the_bound() -> None:
    async def scenario() -> None:
        async with loopback() as made:
            socket = made.connect()
            peer = await made.peer(socket, b"here")
            assert peer.send(bytes(LARGE_BYTES_IN_FLIGHT + MIB))
            assert len(await next_frame(socket)) == LARGE_BYTES_IN_FLIGHT + MIB

    asyncio.run(scenario())


def test_a_send_to_a_peer_that_is_gone_is_no_refusal() -> None:
    async def scenario() -> None:
        async with loopback() as made:
            socket = made.connect()
            peer = await made.peer(socket, b"leaving")
            socket.close()
            await until(lambda: made.gone == [peer])
            assert not peer.send(b"small")
            assert not peer.send(bytes(MIB))
            assert made.port.send_refused == 0

    asyncio.run(scenario())


def test_a_peer_that_sends_faster_than_it_is_read_waits_itself() -> None:
    async def scenario() -> None:
        async with loopback() as made:
            socket = made.connect()
            await made.peer(socket, b"here")
            # The loop doesn't turn: nothing is read. What it takes all the same is in kernels, and 16 in libzmq.
            before = resident_bytes()
            taken = 0
            while socket.poll(500, zmq.POLLOUT):
                socket.send((b"%04d" % taken) * (MIB // 4))
                taken += 1
                assert taken < 100
            assert resident_bytes() - before < 64 * MIB
            assert len(made.peers) == 1
            await until(lambda: len(made.peers) == 1 + taken)

    asyncio.run(scenario())


@pytest.mark.parametrize("interface", ["text", "", "300.1.1.1", "192.0.2.1", "2001:db8::1"])
def test_an_interface_that_is_no_address_of_ours_is_named(interface: str) -> None:
    with zmq.Context[zmq.Socket[bytes]]() as context:
        port = Port(context, "ret", new_keys(), Limits(16 * MIB, 60, 120), lambda *_: None, lambda _: None)
        with pytest.raises(ChannelError, match=rf"^interface: '{interface}' is no address of this host: give one, or "):
            port.bind(interface, 0)
        port.close()


def test_a_peer_has_its_address() -> None:
    async def scenario(interface: str) -> str:
        async with loopback(interface) as made:
            return (await made.peer(made.connect(), b"here")).address

    assert asyncio.run(scenario("127.0.0.1")) == "127.0.0.1"
    assert asyncio.run(scenario("::1")) == "::1"


def test_what_fails_with_one_message_or_one_end_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        async with loopback() as made:
            one, other, third = made.connect(), made.connect(), made.connect()
            await made.peer(one, b"one")
            await made.peer(other, b"other")
            made.failing = True
            third.send(b"bad")
            await until(lambda: "RuntimeError: the message" in caplog.text)
            for socket in (one, other):  # both ends may be told in one turn
                socket.close()
            await until(lambda: len(made.gone) == 2)
            made.failing = False
            await made.peer(third, b"good")
            await made.peer(made.connect(), b"new")

    asyncio.run(run())
    assert caplog.text.count("RuntimeError: its end") == 2


def test_a_message_whose_sender_can_not_be_told_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        async with loopback() as made:
            socket = made.connect()
            await made.peer(socket, b"one")
            with monkeypatch.context() as patched:
                patched.setattr(Port, "_peer", _failing)
                socket.send(b"two")
                socket.send(b"three")
                await until(lambda: caplog.text.count("a message from somebody on the ret port failed") == 2)
            await made.peer(socket, b"four")
            assert made.gone == []

    asyncio.run(run())


def test_a_socket_that_can_not_be_read_once_is_read_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        async with loopback() as made:
            socket = made.connect()
            await made.peer(socket, b"one")
            receive = made.port._socket.recv_multipart
            failures = [zmq.ZMQError(errno.EINTR), zmq.ZMQError(errno.EINTR)]

            def interrupted(*args: Any, **kwargs: Any) -> Any:
                if failures:
                    raise failures.pop()
                return receive(*args, **kwargs)

            monkeypatch.setattr(made.port._socket, "recv_multipart", interrupted)
            await made.peer(socket, b"two")
            assert not failures

    asyncio.run(run())
    assert "the ret port can't be read" in caplog.text


def _failing(*_: object) -> None:
    raise RuntimeError("who is this?")
