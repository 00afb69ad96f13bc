"""The program's parts, started and stopped in order: the socket, the application, uvicorn."""

from __future__ import annotations

import asyncio
import logging
import socket

from saltern.complaints import Complaints
from saltern.config import MasterOptions
from saltern.descriptors import accept_quietly, connections_that_fit
from saltern.errors import ChannelError
from saltern.http.access_log import AccessLog
from saltern.http.certificate import Certificate
from saltern.http.hosts import Hosts
from saltern.http.protocol import http_protocol
from saltern.http.serving import Serving, learn_own_name, listen
from saltern_api.app import create_app
from saltern_api.counters import Counters
from saltern_api.event_feed import EventFeed
from saltern_api.graphite.store import MetricStore
from saltern_api.master import LocalMaster, Master
from saltern_api.settings import ApiSettings
from saltern_api.working import Workers

MAX_CONNECTIONS = 2000
SHARE = 2
"""One address has half of them at the most, unless a proxy asks for all."""
KEPT_DESCRIPTORS = 64
"""For everything that is no connection of a client's, beside those of each thread to the master."""
OF_A_THREAD = 3
REQUEST_WITHIN_S = 20.0
WS_MAX_BYTES = 64 * 1024
QUIET = "critical"
"""uvicorn's own log: faults of the application are in ours, and the rest is of clients."""

log = logging.getLogger(__name__)


class Server:
    """:meth:`start`, then :meth:`stop`, both in one event loop."""

    def __init__(self, options: MasterOptions, settings: ApiSettings, master: Master | None = None) -> None:
        """Raises ``ConfigError`` for an access log, a certificate or a ``render_url`` that can't be used."""
        self._settings = settings
        self._counters = counters = Counters()
        self._workers = Workers(master or LocalMaster(options), settings.thread_pool)
        self._feed = EventFeed(options["sock_dir"], counters, settings.max_streams, settings.max_streams_per_user)
        self._store = MetricStore(options["render_url"])
        self._certificate = Certificate(settings.ssl_crt, settings.ssl_key, settings.ssl_chain)
        self._tls = self._certificate.context() if settings.tls else None
        self._log = AccessLog(settings.log_access_file, counters.add) if settings.log_access_file else None
        self._serving: Serving | None = None
        counters.gauge("requestsWorking", "Requests that are worked on.", lambda: self._workers.working)
        counters.gauge("requestsWaiting", "Requests that wait for a thread.", lambda: self._workers.waiting)
        counters.gauge("streams", "Streams of events that are open.", lambda: self._feed.streams)

    async def start(self) -> str:
        """Listen and return the URL. Raises ``ChannelError`` when the address can't be used."""
        settings = self._settings
        try:
            sock = listen(settings.host, settings.port, settings.socket_queue_size)
        except OSError as error:
            where = f"{settings.host}:{settings.port}"
            raise ChannelError(f"can't listen on {where} for http: {error.strerror or error}") from None
        hosts = Hosts((*settings.hosts, settings.host))
        learn_own_name(hosts)
        app = create_app(
            settings, self._workers, self._feed, self._counters, self._store, hosts=hosts, access_log=self._log
        )
        most = connections_that_fit(MAX_CONNECTIONS, 1, KEPT_DESCRIPTORS + OF_A_THREAD * settings.thread_pool)
        accept_quietly(asyncio.get_running_loop(), Complaints(log, logging.WARNING))
        share = most if settings.trusted_proxies else most // SHARE
        protocol = http_protocol(most, lambda: self._counters.add("connectionsRefused"), share=share)
        self._serving = Serving(
            app, sock, protocol, ws="websockets-sansio", ws_max_size=WS_MAX_BYTES, log_level=QUIET, proxy_headers=False,
            server_header=False,
        )  # fmt: skip
        self._serving.config.load()
        self._serving.config.ssl = self._tls
        await self._serving.start(lambda: self._counters.add("connectionsIdle"), REQUEST_WITHIN_S)
        scheme = "https" if self._tls else "http"
        return f"{scheme}://{_shown(sock)}"

    async def stop(self) -> None:
        """Give answers under way a moment, then close everything."""
        self._feed.end()
        self._workers.stop()
        if self._serving is not None:
            await self._serving.stop()
        self._workers.close()
        await self._store.close()
        if self._log is not None:
            await asyncio.to_thread(self._log.close)

    def reload(self) -> None:
        """Read the certificate again, or say why not and keep the old one; connections that are there keep theirs."""
        if self._tls is not None:
            self._certificate.reread(self._tls)


def _shown(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
