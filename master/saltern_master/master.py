"""The master, put together: what it is made of, and in which order the parts come up and go down.

    ports ── hub ── inbox ── journal ──┬── job keeper ── job store (SQL)
               │       └──── bus       └── graphite engine ── shipper ── Carbon
               │              ├── local server (command line, Python API)
               │              ├── annotations ── /events/ of a Graphite
               │              └── …
               └── calls: files, pillar, schedule

``Master(options)`` builds the parts, ``run`` starts them, waits for ``stop`` and ends them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import resource
import time
from collections.abc import Callable, Coroutine
from typing import Any

import zmq

from saltern.__about__ import __version__
from saltern.config import MasterOptions, master_config
from saltern.config.load import config_stamp
from saltern.errors import ChannelError, FileServerError, SalternError
from saltern.files import write_atomic
from saltern.ids import check_env, check_path
from saltern.key_functions import KeyFunctions
from saltern.keystore import KeyStore
from saltern.pki import fingerprint, own_keys
from saltern.wire import pack_any
from saltern_master.accounting import Accounting
from saltern_master.alerts.engine import AlertEngine
from saltern_master.alerts.sources.http import HttpSource
from saltern_master.annotations.engine import annotation_engine
from saltern_master.bus import EventBus
from saltern_master.calls import CallTable
from saltern_master.entrances.channel.gate import Gate
from saltern_master.entrances.channel.hub import PUBLISH, RET, Hub
from saltern_master.entrances.channel.port import Limits, Port
from saltern_master.fileserver.server import FileServer
from saltern_master.fleet import Fleet
from saltern_master.inbox import Inbox
from saltern_master.jobs.keeper import JobKeeper
from saltern_master.jobs.publisher import Publisher
from saltern_master.jobs.stores.sqlite import SqlJobStore
from saltern_master.journal import Journal
from saltern_master.keyring import Keyring
from saltern_master.local.authorisation import Authorisation
from saltern_master.local.server import LocalServer
from saltern_master.pillar import Pillar
from saltern_master.runners import alerts, fileserver, jobs, manage, metrics
from saltern_master.schedules import Schedules
from saltern_master.self_metrics import Part, SelfMetrics
from saltern_master.shipping.engine import ShippingEngine
from saltern_master.shipping.names import Pattern
from saltern_master.shipping.shippers import make_shipper

log = logging.getLogger(__name__)

KEYS_LOOK_EVERY_S = 1.0
CONFIG_LOOK_EVERY_S = 1.0
WANTED_DESCRIPTORS = 65536
STOP_WITHIN_S = 1.5
PART_AGAIN_S = 1.0


class Master:
    """One master."""

    def __init__(self, options: MasterOptions) -> None:
        """Build every part; nothing listens yet. Raises ``ConfigError``, ``KeyStoreError``, ``JournalError``."""
        self.options = options
        _make_folders(options)
        store = KeyStore(options["pki_dir"])
        store.create()
        self._keys = own_keys(options["pki_dir"], "master")
        self._store = store
        self.keyring = Keyring(
            store,
            auto_accept=options["auto_accept"],
            max_pending=options["max_pending_keys"],
            max_pending_per_address=options["max_pending_keys_per_address"],
            pending_ttl_s=options["pending_key_hours"] * 3600,
        )
        self.bus = EventBus(options["event_queue_length"])
        cache = options["cachedir"]
        self.journal = Journal(
            os.path.join(cache, "journal"), options["journal_max_bytes"], options["journal_max_hours"] * 3600
        )
        self.journal.open()
        self.accounting = Accounting(os.path.join(cache, "accounting"))
        self.fleet = Fleet(os.path.join(cache, "grains"), self.keyring)
        self.inbox = Inbox(self.journal, self.bus, self.fleet.answer)
        self.schedules = Schedules(options["schedule"], options["conf_file"])
        self.pillar = Pillar(options["pillar_files"], options["config_dir"])
        self.files = FileServer(options)
        self._modules_digest = ""
        self.hub = Hub(
            self.keyring, self.fleet, self.inbox, self.bus, CallTable(self._calls()), self.accounting, self._welcome
        )
        self.job_store = SqlJobStore(options["job_db"])
        self.keeper = JobKeeper(
            self.job_store,
            self.journal.reader("jobs"),
            options["keep_jobs_hours"] * 3600,
            metric_returns=options["store_metric_returns"],
        )
        self.publisher = Publisher(self.keyring, self.fleet, self.bus, self.keeper)
        self.engine = self._graphite_engine()
        self.annotations = annotation_engine(options, self.bus, self.keyring.minions)
        self.alerts = AlertEngine(options, HttpSource(options["render_url"]), self.bus.publish)
        self._local = LocalServer(
            options["sock_dir"],
            self.bus,
            self.publisher,
            self._wheel(),
            self._runners(),
            Authorisation(options["publisher_acl"]),
            open_to_users=bool(options["publisher_acl"]),
        )
        self._self_metrics = SelfMetrics(
            self.inbox, self.accounting, self._counters(), options["self_metrics_interval"]
        )
        self._stopping = asyncio.Event()
        self.endpoints: dict[str, str] = {}

    async def run(self) -> None:
        """Start, serve until ``stop``, and end cleanly. Raises ``ChannelError`` when a port can't be had."""
        _raise_descriptor_limit()
        loop = asyncio.get_running_loop()
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        context.set(zmq.MAX_SOCKETS, WANTED_DESCRIPTORS)
        limits = Limits(
            self.options["max_message_bytes"],
            self.options["heartbeat_interval"],
            self.options["heartbeat_timeout"],
        )
        self.accounting.load()
        self.fleet.load()
        self.keyring.refresh(force=True)
        self._modules_digest = await asyncio.to_thread(self._digest_of_modules)
        async with contextlib.AsyncExitStack() as ending:  # in reverse: the socket for local programs goes first
            ending.callback(context.destroy, linger=0)
            ending.callback(self._close_stores)
            gate = Gate(context, self.hub.admit)
            ending.callback(gate.close)
            ret = Port(context, RET, self._keys, limits, self.hub.on_ret_message, self.hub.on_gone)
            ending.callback(ret.close)
            publish = Port(context, PUBLISH, self._keys, limits, self.hub.on_publish_message, self.hub.on_gone)
            ending.callback(publish.close)
            ending.callback(self.inbox.flush_now)
            gate.start(loop)
            self.endpoints = {
                "ret": ret.bind(self.options["interface"], self.options["ret_port"]),
                "publish": publish.bind(self.options["interface"], self.options["publish_port"]),
            }
            ret.start(loop)
            publish.start(loop)
            ending.push_async_callback(self._local.stop)
            await self._local.start()
            self._say_ready()
            await self._work()

    def _close_stores(self) -> None:
        self.accounting.save()
        self.journal.close()
        self.job_store.close()

    def stop(self) -> None:
        """End ``run``; safe from a signal handler of the loop."""
        self._stopping.set()

    async def update_files(self) -> bool:
        """Look for new files in every backend; tell the minions when modules changed. Return whether any did."""
        changed = await asyncio.to_thread(self._update_files)
        if changed:
            frame = pack_any("modules", 0, {"digest": self._modules_digest})
            for minion in self.fleet.present():
                self.fleet.send(minion, frame)
        return changed

    async def _work(self) -> None:
        parts: list[Callable[[], Coroutine[Any, Any, None]]] = [
            self.keeper.run,
            self._watch_keys,
            self._watch_files,
            self._watch_config,
            self._self_metrics.run,
            self.alerts.run,
        ]
        parts += [engine.run for engine in (self.engine, self.annotations) if engine is not None]
        tasks = [asyncio.create_task(_kept_alive(part)) for part in parts]
        await self._stopping.wait()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=STOP_WITHIN_S)

    def reload(self) -> None:
        """Read the configuration again and put ``schedule`` and ``pillar_files`` into force, minions told at once.

        A fault is logged and everything stays as it was. Other options wait for a restart.
        """
        try:
            fresh = master_config(self.options["conf_file"])
            schedules = Schedules(fresh["schedule"], fresh["conf_file"])
            pillar = Pillar(fresh["pillar_files"], fresh["config_dir"])
        except SalternError as error:
            log.error("the configuration stays as it was: %s", error)
            return
        self.schedules, self.pillar = schedules, pillar
        for minion_id in self.fleet.present():
            schedule = schedules.of(minion_id, self.fleet.grains)
            self.accounting.expect(minion_id, schedule, time.time())
            self.fleet.send(minion_id, pack_any("schedule", 0, {"schedule": schedule}, secrets=True))
            self.fleet.send(minion_id, pack_any("pillar", 0, {}))
        log.info("the configuration was read again: schedule and pillar are in force")

    async def _watch_config(self) -> None:
        stamp = config_stamp(self.options["conf_file"])
        while True:
            await asyncio.sleep(CONFIG_LOOK_EVERY_S)
            now = config_stamp(self.options["conf_file"])
            if now != stamp:
                stamp = now
                self.reload()

    async def _watch_keys(self) -> None:
        while True:
            self.refresh_keys()
            await asyncio.sleep(KEYS_LOOK_EVERY_S)

    def refresh_keys(self) -> None:
        """Take in what changed in the key store, whoever changed it."""
        change = self.keyring.refresh()
        if change.added or change.removed:
            self.hub.keys_changed(change)
            self.accounting.forget(set(change.removed.values()) - set(change.added.values()))

    async def _watch_files(self) -> None:
        """Look for new files again and again; the first look, which may wait for a git server, is not waited for."""
        while True:
            try:
                await self.update_files()
            except FileServerError as error:
                log.warning("%s", error)
            await asyncio.sleep(self.options["fileserver_update_interval"])

    def _digest_of_modules(self) -> str:
        return str(self.files.modules("base")["digest"])

    def _update_files(self) -> bool:
        self.files.update()
        digest = self._digest_of_modules()
        changed = digest != self._modules_digest
        self._modules_digest = digest
        return changed

    def _welcome(self, minion_id: str) -> dict[str, Any]:
        schedule = self.schedules.of(minion_id, self.fleet.grains)
        self.accounting.expect(minion_id, schedule, time.time())
        return {
            "schedule": schedule,
            "pillar": self.pillar.of(minion_id),
            "modules": self._modules_digest,
            "sync_on_change": self.options["sync_on_change"],
            "max_message_bytes": self.options["max_message_bytes"],
            "time": time.time(),
        }

    def _calls(self) -> dict[str, Callable[[str, dict[str, Any]], Any]]:
        """Return all that a minion may call; the first argument is its id, as its key proves it."""

        def env(args: dict[str, Any]) -> str:
            return check_env(args.get("saltenv") or "base")

        return {
            "ping": lambda minion_id, args: True,
            "pillar": lambda minion_id, args: self.pillar.of(minion_id),
            "schedule": lambda minion_id, args: self.schedules.of(minion_id, self.fleet.grains),
            "modules": lambda minion_id, args: self.files.modules(env(args)),
            "file_list": lambda minion_id, args: self.files.file_list(env(args)),
            "file_hash": lambda minion_id, args: self.files.file_hash(env(args), check_path(args["path"])),
            "file_chunk": lambda minion_id, args: self.files.file_chunk(
                env(args), check_path(args["path"]), str(args["hsum"]), int(args["offset"])
            ),
        }

    def _wheel(self) -> dict[str, Callable[..., Any]]:
        def live(function: Callable[..., Any]) -> Callable[..., Any]:
            def called(**kwargs: Any) -> Any:
                result = function(**kwargs)
                self.refresh_keys()
                return result

            return called

        return {name: live(function) for name, function in KeyFunctions(self._store).table().items()}

    def _runners(self) -> dict[str, Callable[..., Any]]:
        return {
            **jobs.functions(self.job_store),
            **manage.functions(self.keyring, self.fleet),
            **metrics.functions(self.engine, self.accounting),
            **fileserver.functions(self.files, self.update_files),
            **alerts.functions(self.alerts),
            "doc.runner": self._runner_docs,
        }

    def _runner_docs(self) -> dict[str, str]:
        """Show what each runner does: ``saltern-run -d``"""
        return {name: (function.__doc__ or "").strip() for name, function in sorted(self._runners().items())}

    def _counters(self) -> dict[str, Part]:
        counters: dict[str, Part] = {
            "minions": self.hub.metrics,
            "bus": self.bus.metrics,
            "inbox": self.inbox.metrics,
            "journal": self.journal.metrics,
            "jobs": lambda: {"published": self.publisher.published, **self.keeper.metrics()},
            "alerts": self.alerts.metrics,
        }
        if self.engine is not None:
            counters["graphite"] = self.engine.metrics
        if self.annotations is not None:
            counters["annotations"] = self.annotations.metrics
        return counters

    def _graphite_engine(self) -> ShippingEngine | None:
        options = self.options
        pattern = Pattern(options["metric_pattern"])
        shipper = make_shipper(options["carbon_protocol"], options["carbon_host"], options["carbon_port"])
        return ShippingEngine(self.journal.reader("graphite"), shipper, pattern) if shipper else None

    def _say_ready(self) -> None:
        """Write where we listen to ``<sock_dir>/master.json`` and say it in the log."""
        endpoints = {
            **self.endpoints,
            "sock_dir": self.options["sock_dir"],
            "pid": os.getpid(),
            "version": __version__,
        }
        path = os.path.join(self.options["sock_dir"], "master.json")
        try:
            write_atomic(path, json.dumps(endpoints, indent=1).encode())
        except OSError as error:
            raise ChannelError(f"{path}: can't be written: {error.strerror}") from None
        log.info(
            "master %s is ready: jobs on %s, returns on %s, key %s",
            __version__,
            self.endpoints["publish"],
            self.endpoints["ret"],
            fingerprint(self._keys.public),
        )


async def _kept_alive(part: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a part of the master for ever; one that fails is named in the log and begun again."""
    while True:
        try:
            await part()
        except SalternError as error:
            log.error("%s", error)
        except Exception:
            log.exception("a part of the master failed and is begun again")
        await asyncio.sleep(PART_AGAIN_S)


def _make_folders(options: MasterOptions) -> None:
    for path in (options["pki_dir"], options["cachedir"], options["sock_dir"], os.path.dirname(options["job_db"])):
        try:
            os.makedirs(path, mode=0o700, exist_ok=True)
        except OSError as error:
            raise ChannelError(
                f"{path}: can't be made: {error.strerror}: run as another user or set root_dir"
            ) from None


def _raise_descriptor_limit() -> None:
    """Two connections an agent need descriptors: take as many as the system gives."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, WANTED_DESCRIPTORS)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
