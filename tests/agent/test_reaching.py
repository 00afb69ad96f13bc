"""A real agent that can't reach its master says why, within moments, and finds it by itself when that is over."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from support.ports import free_port

Make = Callable[..., Any]
HOST = "127.0.0.1"
RESET = struct.pack("ii", 1, 0)


class Between:
    """What is between an agent and its master: hands on *after* bytes of the agent's, then cuts; ``None``: all."""

    def __init__(self, port: int) -> None:
        self.after: int | None = 0
        self.cuts = 0
        self._to = port
        self._listener = socket.create_server((HOST, 0))
        self._listener.settimeout(0.05)
        self.port: int = self._listener.getsockname()[1]
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(20)
        self._listener.close()

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                near, _ = self._listener.accept()
            except TimeoutError:
                continue
            far = socket.create_connection((HOST, self._to))
            left = self.after
            near.settimeout(0.05)
            far.settimeout(0.05)  # before either is pumped: the other may end both at once
            for one, other, bound in ((near, far, left), (far, near, None)):
                thread = threading.Thread(target=self._pump, args=(one, other, bound))
                self._threads.append(thread)
                thread.start()

    def _pump(self, one: socket.socket, other: socket.socket, left: int | None) -> None:
        try:
            while not self._over.is_set() and left != 0:
                try:
                    data = one.recv(4096 if left is None else left)
                except TimeoutError:
                    continue
                if not data:
                    break
                other.sendall(data)
                left = None if left is None else left - len(data)
            if left == 0:
                self.cuts += 1
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        except OSError:
            pass
        finally:
            for end in (one, other):
                end.close()


@pytest.fixture
def between(master: Any) -> Iterator[Between]:
    made = Between(master.ret_port)
    yield made
    made.close()


def test_a_connection_that_is_cut_during_the_handshake_is_no_other_key(
    master: Any, make_agent: Make, between: Between
) -> None:
    agent = make_agent(ret_port=between.port)
    agent.start()
    for after in (1, 30, 64, 100, 264, 300):
        between.after, cuts = after, between.cuts
        wait_until(lambda cuts=cuts: between.cuts >= cuts + 3)
    agent.wait_logged("cut")
    between.after = None
    assert master.run("test.ping")["return"] is True
    log = agent.logged()
    assert "another key" not in log
    assert log.count(": connected, after ") == 1


def wait_until(true: Callable[[], object]) -> None:
    """Wait for what a thread of this test counts."""
    deadline = time.monotonic() + 40
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_key_that_is_another_one_is_said_at_the_first_attempt(master: Any, make_agent: Make) -> None:
    agent = make_agent(master_key="a" * 40, reconnect_interval=600.0, reconnect_interval_max=600.0)
    agent.start()
    agent.wait_logged("the master there has another key than the pinned one")


def test_each_cause_has_its_line(master: Any, make_agent: Make) -> None:
    never = {"reconnect_interval": 600.0, "reconnect_interval_max": 600.0}
    with socket.create_server((HOST, 0), backlog=0) as full:
        queued = [socket.socket() for _ in range(4)]
        for connection in queued:
            connection.setblocking(False)
            connection.connect_ex(full.getsockname())
        for number, (options, text) in enumerate(
            (
                ({"master": "no.such.name.invalid"}, "'no.such.name.invalid'"),
                ({"ret_port": free_port()}, "the connection is refused (127.0.0.1: connection refused)"),
                ({"ret_port": full.getsockname()[1]}, "silence so far: the host is off, or a firewall drops"),
                ({"master_key": "a" * 40}, "another key than the pinned one"),
            )
        ):
            agent = make_agent(f"host{number}", **never, **options)
            agent.start()
            agent.wait_logged(text)
            assert agent.stop() == 0
        for connection in queued:
            connection.close()


def test_a_port_that_is_no_masters(make_agent: Make) -> None:
    with socket.create_server((HOST, 0)) as listener:
        agent = make_agent(ret_port=listener.getsockname()[1])
        agent.start()
        for _ in range(3):
            listener.settimeout(20)
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")
        agent.wait_logged("what listens there is no saltern-master: it says b'SSH-2.0-OpenSSH")


def test_a_port_for_jobs_that_is_closed_is_a_line_of_its_own(master: Any, make_agent: Make) -> None:
    agent = make_agent(publish_port=free_port())
    agent.start()
    agent.wait_logged("no jobs come: the connection is refused")
    assert ": connected" in agent.logged()


def test_the_masters_address_in_brackets(master: Any, make_agent: Make) -> None:
    agent = make_agent(master="[127.0.0.1]")
    agent.start()
    assert master.run("test.ping")["return"] is True
