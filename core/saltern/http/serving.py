"""uvicorn with an application of ours, in the loop that everything else runs in."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import Callable, Generator
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from saltern.http.hosts import Hosts
from saltern.http.idle import IdleWatch

STARTS_S = 10.0
STOPS_S = 0.4
_BACKLOG = 512


class Serving:
    """One application on one socket: :meth:`start`, then :meth:`stop`, both in one event loop."""

    def __init__(
        self, app: ASGIApp, sock: socket.socket, protocol: type[asyncio.Protocol], *, ws: str = "none", **config: Any
    ) -> None:
        """*protocol*: ``saltern.http.protocol``; *config*: more for uvicorn."""
        # uvicorn's warnings are of requests that are no HTTP: who sends them hears so, and could fill the log with them
        quiet: dict[str, Any] = {"log_config": None, "log_level": "error", "access_log": False, "lifespan": "off"}
        settings: dict[str, Any] = {**quiet, "timeout_graceful_shutdown": 1, "http": protocol, "ws": ws, **config}
        self.config = uvicorn.Config(app, **settings)
        self._socket = sock
        self._server: _Uvicorn | None = None
        self._serving: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None

    async def start(self, idle: Callable[[], None], request_within_s: float) -> None:
        """Serve; *idle* is told of each connection closed as it sent no request within *request_within_s*."""
        self._server = _Uvicorn(self.config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        async with asyncio.timeout(STARTS_S):
            while not self._server.started and not self._serving.done():
                await asyncio.sleep(0.01)
        watch = IdleWatch(self._server.server_state, idle, request_within_s)
        self._watching = asyncio.create_task(watch.run())

    async def stop(self) -> None:
        """Give answers under way a moment, then close everything; does nothing before :meth:`start`."""
        if self._watching is not None:
            self._watching.cancel()
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await asyncio.wait([self._serving], timeout=STOPS_S)
            self._server.force_exit = True
            self._serving.cancel()
            await asyncio.wait([self._serving], timeout=STOPS_S)


ANY_IPV6 = "::"


def listen(host: str, port: int, backlog: int = _BACKLOG) -> socket.socket:
    """Return a socket that listens on an address; ``::`` takes IPv4 clients too. Raises ``OSError``."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    both = host == ANY_IPV6 and socket.has_dualstack_ipv6()
    try:
        sock = socket.create_server((host, port), family=family, backlog=backlog, dualstack_ipv6=both)
    except socket.gaierror:
        raise
    except OSError as error:  # whose text tells the address again, in Python's words
        raise type(error)(error.errno, os.strerror(error.errno)) if error.errno else error from None
    # asyncio does this only for sockets that name their protocol; else an answer waits 40 ms for an acknowledgement
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def learn_own_name(hosts: Hosts) -> None:
    """Have *hosts* admit this machine's name with its domain, soon: it may have to be asked for."""
    threading.Thread(target=_learn_name, args=(hosts,), name="own name", daemon=True).start()


def _learn_name(hosts: Hosts) -> None:
    with contextlib.suppress(OSError, UnicodeError):
        hosts.add(socket.getfqdn())


class _Uvicorn(uvicorn.Server):
    """uvicorn without its signal handlers: the signals are ours."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Capture none."""
        yield
