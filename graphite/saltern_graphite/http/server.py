"""Our application behind uvicorn, in the loop that everything else runs in."""

from __future__ import annotations

import asyncio
import logging

from saltern.errors import ConfigError, StoreError
from saltern.http.access_log import AccessLog
from saltern.http.hosts import Hosts
from saltern.http.serving import Serving, learn_own_name, listen
from saltern_graphite.events.store import EventStore
from saltern_graphite.http.app import create_app
from saltern_graphite.http.credentials import Credentials
from saltern_graphite.http.settings import HttpSettings
from saltern_graphite.receivers.address import show_address
from saltern_graphite.store.store import Store
from saltern_graphite.tags.index import TagIndex

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
        self._serving: Serving | None = None

    async def start(self, host: str, port: int, protocol: type[asyncio.Protocol]) -> str:
        """Listen and return the URL. Raises ``StoreError`` when the address can't be used."""
        try:
            sock = listen(host, port)
        except OSError as error:
            where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            raise StoreError(f"can't listen on {where} for http: {error.strerror}") from error
        hosts = Hosts((*self._settings.hosts, host))
        learn_own_name(hosts)
        app = create_app(
            self._store, self._settings, self._credentials, self._log, hosts=hosts, tags=self._tags, events=self._events
        )
        self._serving = Serving(app, sock, protocol)
        await self._serving.start(lambda: self._store.counters.add("connectionsIdle"), self._settings.request_within_s)
        return f"http://{show_address(*sock.getsockname()[:2])}"

    async def stop(self) -> None:
        """Give answers under way a moment, then close everything; does nothing before :meth:`start`."""
        if self._serving is not None:
            await self._serving.stop()
        if self._log is not None:
            self._log.close()

    def reload(self) -> None:
        """Read the credentials again, or say why not and keep the old ones."""
        if self._credentials is not None:
            try:
                self._credentials.reload()
            except ConfigError as error:
                log.error("the credentials stay as they were: %s", error)
