"""The server: store, receivers and HTTP in one process and one event loop."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import socket
import threading
import time

from saltern.complaints import Complaints
from saltern.descriptors import accept_quietly, connections_that_fit
from saltern.errors import StoreError
from saltern.http.protocol import http_protocol
from saltern_graphite.events.store import FILE as EVENTS_FILE
from saltern_graphite.events.store import EventStore
from saltern_graphite.http.server import HttpServer
from saltern_graphite.index.follower import Follower
from saltern_graphite.process.options import ServerOptions
from saltern_graphite.process.run_file import remove_run_file, write_run_file
from saltern_graphite.receivers.address import show_address
from saltern_graphite.receivers.batch import BatchConnection
from saltern_graphite.receivers.connection import Connection
from saltern_graphite.receivers.gate import Gate
from saltern_graphite.receivers.intake import Intake
from saltern_graphite.receivers.line import LineConnection
from saltern_graphite.receivers.listener import Listener
from saltern_graphite.receivers.pickle import PickleConnection
from saltern_graphite.receivers.read_buffer import ReadBuffer
from saltern_graphite.receivers.udp import UdpReceiver
from saltern_graphite.rules.name_lists import RELOAD_EVERY_S
from saltern_graphite.store.store import Store
from saltern_graphite.tags.registry import Registry
from saltern_graphite.telemetry.self_metrics import SelfMetrics

DRAIN_S = 0.1  # at the end, for what senders have sent already
NOTICE_EVERY_S = 10.0
KEPT_DESCRIPTORS = 320
"""For everything that is no connection: up to 256 Whisper files that are written at once, the log, files being read,
pipes to writers, sockets."""

log = logging.getLogger(__name__)


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
        self._http: HttpServer | None = None
        self._tags: Registry | None = None
        self._events: EventStore | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._announced = False
        self._notices = Complaints(log, logging.WARNING)
        self._stopping = threading.Event()
        self._follower = Follower(store.index, store.whisper_dir, store)
        ports = 1 + sum(one is not None for one in (options.line, options.pickle, options.batch))  # and HTTP
        self._max_connections = connections_that_fit(options.max_connections, ports, KEPT_DESCRIPTORS)
        self.endpoints: dict[str, object] = {}
        """Where it listens: ``line``, ``pickle``, ``batch``, ``udp`` as host:port, ``http`` as a URL, and ``pid``."""

    async def start(self) -> None:
        """Start everything; on return all of it listens and the run file says where.

        Raises ``StoreError`` when the folder or an address can't be used, ``ConfigError`` when the file of
        credentials or the access log can't.
        """
        read_only = self._options.read_only
        names, counters = self._store.names, self._store.counters
        self._tags = tags = Registry(
            self._root,
            self._store.whisper_dir,
            read_only=read_only,
            known=names.awake,
            waits=self._store.waits,
            forget=self._store.forget,
            counters=counters,
        )
        tags.index.on_removed = names.announce_again
        self._store.parts["tags"] = tags.health
        self._events = events = EventStore.open(
            os.path.join(self._root, EVENTS_FILE), read_only=read_only, count=counters.add
        )
        self._store.parts["events"] = events.health
        self._store.on_new_metric = tags.met
        self._store.on_release = tags.settle
        self._http = http = HttpServer(self._store, self._options.http_settings, tags.index, events)
        accept_quietly(asyncio.get_running_loop(), Complaints(log, logging.WARNING))
        if self._options.read_only:
            self._store.reload_schemas()
        else:
            await self._start_receiving()
        self._follower.start(after=self._store.index.start_build(self._store.whisper_dir, self._stopping))
        tags.start()
        refused = functools.partial(self._store.counters.add, "connectionsRefused")
        protocol = http_protocol(self._max_connections, refused, self._buffer)
        self.endpoints["http"] = await http.start(*self._options.http, protocol)
        self.endpoints["pid"] = os.getpid()
        log.info("listening: %s", " ".join(f"{name}={where}" for name, where in self.endpoints.items()))
        if not self._options.read_only:
            self._tasks.append(asyncio.create_task(self._report()))
            self._tasks.append(asyncio.create_task(self._watch_name_lists()))
            self._announced = self._announce()

    async def stop(self) -> None:
        """Stop accepting, take what was sent, stop HTTP, and flush what fits; the log keeps the rest."""
        self._stopping.set()
        for listener in self._listeners:
            listener.stop_accepting()
        if self._gate is not None:
            self._gate.open_for_good()
            await asyncio.sleep(DRAIN_S)
        for receiver in (*self._listeners, self._udp):
            if receiver is not None:
                receiver.close()
        for task in self._tasks:
            task.cancel()
        flushing = asyncio.get_running_loop().run_in_executor(None, self._store.stop)
        if self._http is not None:
            await self._http.stop()
        await flushing
        await asyncio.get_running_loop().run_in_executor(None, self._close_databases)
        if self._announced:
            remove_run_file(self._root)

    def _announce(self) -> bool:
        """Write the run file; return whether it could be: for those who look for it we are not there otherwise."""
        try:
            write_run_file(self._root, self.endpoints)
        except StoreError as error:
            self._notices.say("run file", "%s: those who look there do not find this server", error)
            return False
        return True

    def _close_databases(self) -> None:
        self._follower.stop()
        if self._tags is not None:
            self._tags.stop()
        if self._events is not None:
            self._events.close()

    async def _start_receiving(self) -> None:
        loop = asyncio.get_running_loop()
        self._gate = gate = Gate(loop, lambda: self._store.full)
        self._store.on_room = gate.open_soon
        await loop.run_in_executor(None, self._store.start)
        intake = Intake(self._store, gate, Complaints(log, logging.WARNING, again_s=NOTICE_EVERY_S), self._buffer)
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

    def reload_http(self) -> None:
        """Read the credentials again."""
        if self._http is not None:
            self._http.reload()

    async def _watch_name_lists(self) -> None:
        while True:
            await asyncio.sleep(RELOAD_EVERY_S)
            if not self._announced:
                self._announced = self._announce()
            if not self._store.replaying:  # another thread adds names then
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
        unknown = isinstance(error, socket.gaierror) or not error.errno
        why = error.strerror if unknown else os.strerror(error.errno or 0)  # asyncio's own text tells it all again
        raise StoreError(f"can't listen on {show_address(*address)} for {name}: {why}") from error
