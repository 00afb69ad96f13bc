"""Why a handshake failed: another key is said only where that is known."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator

import pytest
import zmq

from saltern.pki import KeyPair, fingerprint
from saltern_agent import handshake
from saltern_agent.cause import CUT, KEY, REFUSED, SILENT, STRANGE
from saltern_agent.handshake import GREETING_BYTES, HELLO_BYTES, hello_for, why_it_failed
from support.ports import free_port

HOST = "127.0.0.1"
RESET = struct.pack("ii", 1, 0)
GREETING = handshake._greeting(as_server=True)

Serve = Callable[[Callable[[socket.socket], object]], int]


def pair() -> KeyPair:
    return KeyPair(*(half.decode() for half in zmq.curve_keypair()))


@pytest.fixture
def master() -> Iterator[tuple[int, str]]:
    """A CURVE server of libzmq's own: its port and its public key."""
    keys = pair()
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
        router.linger = 0
        router.curve_server = True
        router.curve_secretkey = keys.secret.encode()
        yield router.bind_to_random_port(f"tcp://{HOST}"), keys.public


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a far end that does *act* with each connection; return its port."""
    stopped = threading.Event()
    listeners: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def start(act: Callable[[socket.socket], object]) -> int:
        listener = socket.create_server((HOST, 0))
        listener.settimeout(0.05)

        def run() -> None:
            while not stopped.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                connection.settimeout(30)
                with connection:
                    act(connection)

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        listeners.append(listener)
        port: int = listener.getsockname()[1]
        return port

    yield start
    stopped.set()
    for thread in threads:
        thread.join(20)
    for listener in listeners:
        listener.close()


def read(connection: socket.socket, length: int) -> None:
    while length:
        length -= len(connection.recv(length))


def greets(connection: socket.socket) -> None:
    connection.sendall(GREETING)
    read(connection, GREETING_BYTES)


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def test_another_key_is_known(master: tuple[int, str]) -> None:
    port, _ = master
    pinned = pair().public
    cause = why_it_failed(HOST, port, pair(), pinned)
    assert cause.kind == KEY
    assert f"another key than the pinned one, {fingerprint(pinned)}" in cause.text


def test_the_right_key_is_known_too(master: tuple[int, str]) -> None:
    port, public = master
    cause = why_it_failed(HOST, port, pair(), public)
    assert cause.kind == CUT
    assert "has the pinned key" in cause.text


def test_a_reset_or_an_end_at_any_moment_is_no_other_key(serve: Serve) -> None:
    def at(length: int, *, by_reset: bool) -> Callable[[socket.socket], None]:
        def act(connection: socket.socket) -> None:
            connection.sendall(GREETING[:length])
            read(connection, GREETING_BYTES)
            if by_reset:
                reset(connection)

        return act

    def after_hello(connection: socket.socket) -> None:
        greets(connection)
        read(connection, HELLO_BYTES)
        reset(connection)

    for act in (at(0, by_reset=False), at(0, by_reset=True), at(30, by_reset=False), after_hello, reset):
        cause = why_it_failed(HOST, serve(act), pair(), pair().public)
        assert cause.kind == CUT, cause


def test_one_end_right_after_our_part_is_not_enough(serve: Serve) -> None:
    seen = []

    def once(connection: socket.socket) -> None:
        seen.append(connection)
        greets(connection)
        read(connection, HELLO_BYTES)
        if len(seen) > 1:
            connection.sendall(b"\x04\xa8\x07WELCOME")

    assert why_it_failed(HOST, serve(once), pair(), pair().public).kind == CUT
    assert len(seen) == 2


@pytest.mark.parametrize(
    ("banner", "said"),
    [
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "SSH-2.0"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n" + b"x" * 200, "HTTP/1.1 400"),
        (GREETING.replace(b"CURVE", b"NULL\0"), "NULL"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "x15"),
    ],
)
def test_what_is_no_master_is_said(serve: Serve, banner: bytes, said: str) -> None:
    def act(connection: socket.socket) -> None:
        read(connection, GREETING_BYTES)
        connection.sendall(banner)

    cause = why_it_failed(HOST, serve(act), pair(), pair().public)
    assert (cause.kind, said in cause.text) == (STRANGE, True), cause


def test_silence(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshake, "ANSWER_S", 0.2)
    over = threading.Event()
    try:
        assert why_it_failed(HOST, serve(lambda _: over.wait(10)), pair(), pair().public).kind == SILENT
    finally:
        over.set()


def test_a_far_end_that_drips_is_silence_too(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshake, "ANSWER_S", 0.3)
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        for number in range(GREETING_BYTES):
            connection.sendall(GREETING[number : number + 1])
            if over.wait(0.05):
                return

    try:
        assert why_it_failed(HOST, serve(drip), pair(), pair().public).kind == SILENT
    finally:
        over.set()


def test_a_master_that_has_just_gone() -> None:
    assert why_it_failed(HOST, free_port(), pair(), pair().public).kind == REFUSED


def test_the_hello_is_libzmqs_own_and_holds_no_secret() -> None:
    keys = pair()
    hello = hello_for(keys, pair().public)
    assert len(hello) == HELLO_BYTES
    assert hello.startswith(b"\x04\xc8\x05HELLO")
    assert keys.secret.encode() not in hello
