"""Connections through us, and what can be done to them."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from chaos.link import Link, carry
from support.ports import free_port

WAIT_S = 40.0
MOMENT_S = 0.3


@pytest.fixture
def echo() -> Iterator[int]:
    """Run a server that sends back what it gets, on the port that this is."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()

    def answer(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while data := connection.recv(1000):
                connection.sendall(data)

    thread = threading.Thread(target=serve)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(WAIT_S)


@pytest.fixture
def way(echo: int) -> tuple[Link, int]:
    ours = free_port()
    link = Link({ours: echo})
    carry([link])
    return link, ours


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=WAIT_S)


def told(connection: socket.socket, text: bytes) -> bytes:
    connection.sendall(text)
    return connection.recv(1000)


def gone(connection: socket.socket) -> bool:
    """Wait for the end of a connection; return whether that came."""
    try:
        return connection.recv(1000) == b""
    except ConnectionError:
        return True


def test_it_carries_both_ways_and_ends_with_the_connection(way: tuple[Link, int]) -> None:
    _, port = way
    with connected(port) as connection:
        assert told(connection, b"one") == b"one"
        connection.shutdown(socket.SHUT_WR)
        assert gone(connection)


def test_a_cut_ends_what_is_there_and_lets_nothing_begin_until_it_is_joined(way: tuple[Link, int]) -> None:
    link, port = way
    with connected(port) as connection:
        assert told(connection, b"one") == b"one"
        link.cut()
        assert gone(connection)
    with connected(port) as connection:
        assert gone(connection)
    link.join()
    with connected(port) as connection:
        assert told(connection, b"two") == b"two"


def test_a_reset_ends_what_is_there_and_no_more(way: tuple[Link, int]) -> None:
    link, port = way
    with connected(port) as connection:
        assert told(connection, b"one") == b"one"
        link.reset()
        assert gone(connection)
    with connected(port) as connection:
        assert told(connection, b"two") == b"two"


def test_what_is_stalled_comes_later(way: tuple[Link, int]) -> None:
    link, port = way
    with connected(port) as connection:
        assert told(connection, b"one") == b"one"
        link.stall()
        connection.sendall(b"two")
        connection.settimeout(MOMENT_S)
        with pytest.raises(TimeoutError):
            connection.recv(1000)
        link.flow()
        connection.settimeout(WAIT_S)
        assert connection.recv(1000) == b"two"


def test_what_is_delayed_or_throttled_arrives(way: tuple[Link, int]) -> None:
    link, port = way
    link.delay_s, link.bytes_a_second = 0.05, 1000
    with connected(port) as connection:
        assert told(connection, b"one") == b"one"


def test_nobody_behind_is_nobody_here() -> None:
    ours = free_port()
    carry([Link({ours: free_port()})])
    with connected(ours) as connection:
        assert gone(connection)
