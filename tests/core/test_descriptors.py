"""When no descriptor is left for a new connection."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket

import pytest

from saltern.complaints import Complaints
from saltern.descriptors import accept_quietly, connections_that_fit, most_descriptors

BACKLOG = 512
TURNS = 500


class Exhausted(socket.socket):
    """A listening socket of a process that may open nothing more."""

    tried = 0

    def accept(self) -> tuple[socket.socket, object]:
        self.tried += 1
        raise OSError(errno.EMFILE, "Too many open files")


def test_the_loop_looks_away_from_connections_that_it_can_not_take(caplog: pytest.LogCaptureFixture) -> None:
    """It tries what the queue may hold, then nothing for a while: not at every turn."""

    async def run() -> int:
        loop = asyncio.get_running_loop()
        accept_quietly(loop, Complaints(logging.getLogger("descriptors"), logging.WARNING))
        sock = Exhausted()
        sock.bind(("127.0.0.1", 0))
        server = await loop.create_server(asyncio.Protocol, sock=sock, backlog=BACKLOG)
        with socket.create_connection(sock.getsockname()):
            while not sock.tried:
                await asyncio.sleep(0)
            for _ in range(TURNS):
                await asyncio.sleep(0)
        server.close()
        return sock.tried

    assert asyncio.run(run()) < TURNS * BACKLOG / 10
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("new connections wait: Too many open files; ")


def test_connections_get_what_log_files_and_writers_can_spare() -> None:
    assert connections_that_fit(1, 4, 320) == 1
    assert 1 <= connections_that_fit(10**9, 4, 320) < most_descriptors() / 4
