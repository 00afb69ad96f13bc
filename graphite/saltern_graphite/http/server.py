"""uvicorn with our application, in the loop that everything else runs in."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Generator

import uvicorn

from saltern.errors import ConfigError, StoreError
from saltern_graphite.events.store import EventStore
from saltern_graphite.http.access_log import AccessLog
from saltern_graphite.http.app import create_app
from saltern_graphite.http.credentials import Credentials
from saltern_graphite.http.hosts import Hosts
from saltern_graphite.http.idle import IdleWatch
from saltern_graphite.http.settings import HttpSettings
from saltern_graphite.receivers.address import show_address
from saltern_graphite.store import Store
from saltern_graphite.tags.index import TagIndex

STARTS_S = 10.0
STOPS_S = 0.4
_BACKLOG = 512

log = logging.getLogger(__name__)


class HttpServer:
    """The HTTP side of one server: :meth:`start`, then :meth:`stop`, both in one event loop.

    Raises ``ConfigError`` when the file of credentials or the access log of *settings* can't be used.
    """

    def __init__(self, store: Store, settings: HttpSettings, tags: TagIndex, events: EventStore) -> None:
        self._store = store
        self._tags = tags
        self._events = events
        self._settings = settings
        self._credentials = None if settings.auth_file is None else Credentials(settings.auth_file)
        self._log = None if settings.access_log is None else AccessLog(settings.access_log, store.counters.add)
        self._server: _Uvicorn | None = None
        self._serving: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int, protocol: type[asyncio.Protocol]) -> str:
        """Listen and return the URL. Raises ``StoreError`` when the address can't be used."""
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            sock = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        except OSError as error:
            raise StoreError(f"can't listen on {host}:{port} for http: {error.strerror}") from error
        # asyncio does this only for sockets that name their protocol; else an answer waits 40 ms for an acknowledgement
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # uvicorn's warnings are of requests that are no HTTP: who sends them hears so, and could fill the log with them
        hosts = Hosts((*self._settings.hosts, host))
        threading.Thread(target=_learn_name, args=(hosts,), name="own name", daemon=True).start()
        app = create_app(
            self._store, self._settings, self._credentials, self._log, hosts=hosts, tags=self._tags, events=self._events
        )
        config = uvicorn.Config(
            app,
            log_config=None, log_level="error", access_log=False, lifespan="off", timeout_graceful_shutdown=1,
            http=protocol, ws="none",
        )  # fmt: skip
        self._server = _Uvicorn(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[sock]))
        async with asyncio.timeout(STARTS_S):
            while not self._server.started and not self._serving.done():
                await asyncio.sleep(0.01)
        idle = IdleWatch(
            self._server.server_state,
            lambda: self._store.counters.add("connectionsIdle"),
            self._settings.request_within_s,
        )
        self._watching = asyncio.create_task(idle.run())
        return f"http://{show_address(*sock.getsockname()[:2])}"

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
        if self._log is not None:
            self._log.close()

    def reload(self) -> None:
        """Read the credentials again, or say why not and keep the old ones."""
        if self._credentials is not None:
            try:
                self._credentials.reload()
            except ConfigError as error:
                log.error("the credentials stay as they were: %s", error)


def _learn_name(hosts: Hosts) -> None:
    """Add this machine's name with its domain, which may have to be asked for."""
    with contextlib.suppress(OSError, UnicodeError):
        hosts.add(socket.getfqdn())


class _Uvicorn(uvicorn.Server):
    """uvicorn without its signal handlers: the signals are ours."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield
