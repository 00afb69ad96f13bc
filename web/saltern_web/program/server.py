"""The program's parts, started and stopped in order: the socket, the site, uvicorn."""

from __future__ import annotations

import asyncio
import logging
import socket

from saltern.complaints import Complaints
from saltern.descriptors import accept_quietly, connections_that_fit
from saltern.errors import ChannelError
from saltern.http.certificate import Certificate
from saltern.http.hosts import Hosts
from saltern.http.protocol import http_protocol
from saltern.http.serving import Serving, learn_own_name, listen
from saltern_web.program.settings import WebOptions

MAX_CONNECTIONS = 2000
SHARE = 4
"""One address has a fourth of them at the most, unless a proxy asks for all."""
KEPT_DESCRIPTORS = 512
"""For the connections to the API, and the database."""
REQUEST_WITHIN_S = 20.0
QUIET = "critical"

log = logging.getLogger(__name__)


class Server:
    """:meth:`start`, then :meth:`stop`, both in one event loop; Django is set up before."""

    def __init__(self, options: WebOptions) -> None:
        """Raises ``ConfigError`` for a certificate that can't be used."""
        from saltern_web.session.console import Console

        self._options = options
        self._console = Console(options)
        self._certificate = Certificate(options["ssl_crt"], options["ssl_key"], options["ssl_chain"])
        self._tls = self._certificate.context() if options["ssl_crt"] else None
        self._serving: Serving | None = None

    async def start(self) -> str:
        """Listen and return the URL. Raises ``ChannelError`` when the address can't be used."""
        from saltern_web.app import create_app

        options = self._options
        try:
            sock = listen(options["host"], options["port"])
        except OSError as error:
            where = f"{options['host']}:{options['port']}"
            raise ChannelError(f"can't listen on {where} for http: {error.strerror or error}") from None
        hosts = Hosts((*options["hosts"], options["host"]))
        learn_own_name(hosts)
        most = connections_that_fit(MAX_CONNECTIONS, 1, KEPT_DESCRIPTORS)
        accept_quietly(asyncio.get_running_loop(), Complaints(log, logging.WARNING))
        count = self._console.counters.add
        share = most if options["trusted_proxies"] else most // SHARE
        protocol = http_protocol(most, lambda: count("connectionsRefused"), share=share)
        self._serving = Serving(
            create_app(self._console, hosts), sock, protocol, log_level=QUIET, server_header=False,
            proxy_headers=bool(options["trusted_proxies"]), forwarded_allow_ips=options["trusted_proxies"] or None,
        )  # fmt: skip
        self._serving.config.load()
        self._serving.config.ssl = self._tls
        await self._serving.start(lambda: count("connectionsIdle"), REQUEST_WITHIN_S)
        return f"{'https' if self._tls else 'http'}://{_shown(sock)}"

    async def stop(self) -> None:
        """Give answers under way a moment, then close everything."""
        if self._serving is not None:
            await self._serving.stop()
        await self._console.close()

    def reload(self) -> None:
        """Read the certificate again, or say why not and keep the old one."""
        log.info("SIGHUP: the certificate is read again; what the configuration says needs a restart")
        if self._tls is not None:
            self._certificate.reread(self._tls)


def _shown(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
