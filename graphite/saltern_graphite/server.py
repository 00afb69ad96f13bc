"""The server: store, receivers and HTTP in one process and one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections.abc import Generator

import uvicorn

from saltern.errors import StoreError
from saltern_graphite.descriptors import accept_quietly, connections_that_fit, http_protocol
from saltern_graphite.gate import Gate
from saltern_graphite.http.app import create_app
from saltern_graphite.name_lists import RELOAD_EVERY_S
from saltern_graphite.notices import Notices
from saltern_graphite.options import ServerOptions
from saltern_graphite.receivers.address import show_address
from saltern_graphite.receivers.batch import BatchConnection
from saltern_graphite.receivers.connection import Connection
from saltern_graphite.receivers.intake import Intake
from saltern_graphite.receivers.line import LineConnection
from saltern_graphite.receivers.listener import Listener
from saltern_graphite.receivers.pickle import PickleConnection
from saltern_graphite.receivers.read_buffer import ReadBuffer
from saltern_graphite.receivers.udp import UdpReceiver
from saltern_graphite.run_file import remove_run_file, write_run_file
from saltern_graphite.self_metrics import SelfMetrics
from saltern_graphite.store import Store

HTTP_STARTS_S = 10.0
HTTP_STOPS_S = 0.4
DRAIN_S = 0.1  # at the end, for what senders have sent already
NOTICE_EVERY_S = 10.0

log = logging.getLogger(__name__)


class _HttpServer(uvicorn.Server):
    """uvicorn without its signal handlers: the signals are ours."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


class Server:
    """Runs *store* behind its sockets; :meth:`start`, then :meth:`stop`, both in one event loop.

    *root* is where ``run/graphite.json`` goes. A read-only server opens nothing but HTTP and writes nothing.
    """

    def __init__(self, root: str, store: Store, options: ServerOptions) -> None:
        self._root = root
        self._store = store
        self._options = options
        self._listeners: list[Listener] = []
        self._udp: UdpReceiver | None = None
        self._buffer = ReadBuffer()
        self._gate: Gate | None = None
        self._http: _HttpServer | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._announced = False
        ports = 1 + sum(one is not None for one in (options.line, options.pickle, options.batch))  # and HTTP
        self._max_connections = connections_that_fit(options.max_connections, ports)
        self.endpoints: dict[str, object] = {}
        """Where it listens: ``line``, ``pickle``, ``batch``, ``udp`` as host:port, ``http`` as a URL, and ``pid``."""

    async def start(self) -> None:
        """Start everything; on return all of it listens and the run file says where.

        Raises ``StoreError`` when the folder or an address can't be used.
        """
        accept_quietly(asyncio.get_running_loop(), Notices(log))
        if self._options.read_only:
            self._store.reload_schemas()
        else:
            await self._start_receiving()
        self._store.index.start_build(self._store.whisper_dir)
        await self._start_http()
        self.endpoints["pid"] = os.getpid()
        log.info("listening: %s", " ".join(f"{name}={where}" for name, where in self.endpoints.items()))
        if not self._options.read_only:
            self._tasks.append(asyncio.create_task(self._report()))
            self._tasks.append(asyncio.create_task(self._watch_name_lists()))
            write_run_file(self._root, self.endpoints)
            self._announced = True

    async def stop(self) -> None:
        """Stop accepting, take what was sent, stop HTTP, and flush what fits; the log keeps the rest."""
        for listener in self._listeners:
            listener.stop_accepting()
        if self._gate is not None:
            self._gate.open_for_good()
            await asyncio.sleep(DRAIN_S)
        for receiver in (*self._listeners, self._udp):
            if receiver is not None:
                receiver.close()
        for task in self._tasks[1:]:
            task.cancel()
        flushing = asyncio.get_running_loop().run_in_executor(None, self._store.stop)
        await self._stop_http()
        await flushing
        if self._announced:
            remove_run_file(self._root)

    async def _start_receiving(self) -> None:
        loop = asyncio.get_running_loop()
        self._gate = gate = Gate(loop, lambda: self._store.full)
        self._store.on_room = gate.open_soon
        await loop.run_in_executor(None, self._store.start)
        intake = Intake(self._store, gate, Notices(log, NOTICE_EVERY_S), self._buffer)
        options = self._options
        drivers: dict[str, tuple[tuple[str, int] | None, type[Connection]]] = {
            "line": (options.line, LineConnection),
            "pickle": (options.pickle, PickleConnection),
            "batch": (options.batch, BatchConnection),
        }
        for name, (address, driver) in drivers.items():
            if address is None:
                continue
            listener = Listener(
                driver, intake, max_connections=self._max_connections, idle_timeout_s=options.idle_timeout_s
            )
            self._listeners.append(listener)
            self.endpoints[name] = await _listen(name, listener, address)
        self._store.counters.gauge(
            "activeConnections", lambda: float(sum(len(listener.connections) for listener in self._listeners))
        )
        if self._options.udp is not None:
            self._udp = UdpReceiver(intake)
            self.endpoints["udp"] = await _listen("udp", self._udp, self._options.udp)

    async def _start_http(self) -> None:
        host, port = self._options.http
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            sock = socket.create_server((host, port), family=family, backlog=512)
        except OSError as error:
            raise StoreError(f"can't listen on {host}:{port} for http: {error.strerror}") from error
        # asyncio does this only for sockets that name their protocol; else an answer waits 40 ms for an acknowledgement
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        config = uvicorn.Config(
            create_app(self._store), log_config=None, log_level="warning", access_log=False, lifespan="off",
            timeout_graceful_shutdown=1,
            http=http_protocol(
                self._max_connections, lambda: self._store.counters.add("connectionsRefused"), self._buffer.asked
            ),
        )  # fmt: skip
        self._http = _HttpServer(config)
        serving = asyncio.create_task(self._http.serve(sockets=[sock]))
        self._tasks.insert(0, serving)
        async with asyncio.timeout(HTTP_STARTS_S):
            while not self._http.started and not serving.done():
                await asyncio.sleep(0.01)
        self.endpoints["http"] = f"http://{show_address(*sock.getsockname()[:2])}"

    async def _stop_http(self) -> None:
        if self._http is None:
            return
        serving = self._tasks[0]
        self._http.should_exit = True
        await asyncio.wait([serving], timeout=HTTP_STOPS_S)
        self._http.force_exit = True
        serving.cancel()
        await asyncio.wait([serving], timeout=HTTP_STOPS_S)

    async def _watch_name_lists(self) -> None:
        while True:
            await asyncio.sleep(RELOAD_EVERY_S)
            if not self._store.full:  # nor is the last run's log still being read back, by another thread
                self._store.name_lists.reload()

    async def _report(self) -> None:
        """Feed our own metrics to the store, on every whole interval."""
        metrics = SelfMetrics(self._store)
        while True:
            interval = self._options.self_metrics_interval_s or metrics.interval_s()
            await asyncio.sleep(interval - time.time() % interval)
            sample = metrics.sample()
            if self._store.full:
                continue
            try:
                self._store.accept(list(sample), [time.time()] * len(sample), list(sample.values()))
            except StoreError as error:
                log.debug("own metrics are left out: %s", error)


async def _listen(name: str, receiver: Listener | UdpReceiver, address: tuple[str, int]) -> str:
    try:
        return show_address(*await receiver.start(*address))
    except OSError as error:
        raise StoreError(f"can't listen on {show_address(*address)} for {name}: {error.strerror}") from error
