"""The master, put together: what it is made of, and in which order the parts come up and go down.

    channel ── hub ── inbox ── journal ──┬── job keeper ── job store (SQL)
            │   │        │               ├── returners ── databases of others'
    local ──┤   │        └── bus ──┐     └── shipping engine ── shipper ── Carbon
            └───┴── dispatcher     ├── those who follow events
                      └ commands   └── annotations ── /events/ of a Graphite

``Master(options)`` builds the parts, ``run`` starts them, waits for ``stop`` and ends them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable

from saltern.config import MasterOptions
from saltern.errors import KeyStoreError, os_errors
from saltern.files import make_folder
from saltern.ids import JidSource
from saltern.key_functions import KeyFunctions
from saltern.keystore import KeyStore
from saltern.pki import own_keys
from saltern_master.account.accounting import Accounting
from saltern_master.account.keeper import AccountKeeper
from saltern_master.alert_marks import AlertMarks
from saltern_master.alerts.engine import AlertEngine
from saltern_master.alerts.sources.http import HttpSource
from saltern_master.annotations.engine import annotation_engine
from saltern_master.annotations.places import Places as SeriesPlaces
from saltern_master.audit.book import audit_book
from saltern_master.auth.audit import Audit
from saltern_master.auth.doorkeeper import Doorkeeper
from saltern_master.auth.powers import Powers
from saltern_master.briefing import Briefing
from saltern_master.bus import EventBus
from saltern_master.clocks import Clocks
from saltern_master.commands.custom import OwnRunners
from saltern_master.commands.dispatcher import Dispatcher
from saltern_master.commands.runs import Runs
from saltern_master.commands.table import command_table
from saltern_master.counters import counters_of
from saltern_master.custom.child import Children
from saltern_master.custom.places import Places
from saltern_master.custom.sync import Sync
from saltern_master.deadletters import DeadLetters
from saltern_master.entrances.channel.hub import Hub
from saltern_master.entrances.channel.ports import Ports
from saltern_master.entrances.local import LocalEntrance
from saltern_master.fileserver import FileServer, Pushed, Uploads
from saltern_master.fleet import Fleet
from saltern_master.inbox import Inbox
from saltern_master.jobs.configured import configured_store
from saltern_master.jobs.keeper import configured_keeper
from saltern_master.jobs.publisher import Publisher
from saltern_master.jobs.tracker import Tracker
from saltern_master.journal.configured import configured_journal
from saltern_master.key_refresh import KeyRefresh
from saltern_master.keyring import configured_keyring
from saltern_master.mine import Mine
from saltern_master.overview import Overview
from saltern_master.parts import run_parts
from saltern_master.presence import Present
from saltern_master.ready import say_ready
from saltern_master.returners.configured import Returners
from saltern_master.self_metrics import SelfMetrics
from saltern_master.shipping.engine import shipping_engine
from saltern_master.suites.configured import Suites
from saltern_master.targeting import Known, Targets
from saltern_master.webhooks.engine import WebhookEngine


class Master:
    """One master; its parts are what commands use (``commands.context.Services``)."""

    def __init__(self, options: MasterOptions) -> None:
        """Build every part; nothing listens yet. Raises ``ConfigError``, ``KeyStoreError``."""
        self.options = options
        self.endpoints: dict[str, str] = {}
        self._stopping = asyncio.Event()
        self._make_keys_and_rights(options)
        self._make_jobs(options)
        self._make_files_and_briefing(options)
        self._make_channel(options)
        self._make_readers_of_the_journal(options)
        self._make_alerts(options)
        self._make_entrances(options)

    def _make_keys_and_rights(self, options: MasterOptions) -> None:
        """Make what knows who somebody is, and what he may."""
        with os_errors(KeyStoreError, options["pki_dir"], "can't be made; set root_dir for another place"):
            make_folder(options["pki_dir"], 0o700)
        self.keystore = KeyStore(options["pki_dir"])
        self.keystore.create()
        self.keys = own_keys(options["pki_dir"], "master")
        self.powers = Powers()
        self.audit_book = audit_book(options)
        self.audit = Audit(self.audit_book)
        self.doorkeeper = Doorkeeper(options, self.powers, self.audit)
        self.policy = self.doorkeeper.policy
        self.tokens = self.doorkeeper.tokens
        self.logins = self.doorkeeper.logins
        self.registry = command_table(KeyFunctions(self.keystore))
        self.keyring = configured_keyring(options, self.keystore)

    def _make_jobs(self, options: MasterOptions) -> None:
        """Make what jobs go through, from the one door to the journal, and the account of what became of samples."""
        self.fleet = Fleet(self._in_cache("grains"), self.keyring)
        self.bus = EventBus(options["event_queue_length"])
        self.journal = configured_journal(options)
        self.accounting = Accounting(self._in_cache("accounting"))
        self.accounting.load()
        self.account_keeper = AccountKeeper(self.accounting, self.journal)
        self.tracker = Tracker(self.bus, self.fleet.send, options["timeout"], send_many=self.fleet.send_many)
        self.inbox = Inbox(self.journal, self.bus, self.tracker, self.fleet.answer)
        self.jids = JidSource()
        self.publisher = Publisher(self.fleet, self.bus, self.inbox, self.tracker, self.jids)
        self.runs = Runs(self.bus, self.inbox, self.publisher.next_jid)
        own = OwnRunners(self, self.registry)
        self.dispatcher = Dispatcher(self.registry, self.policy, self, self.runs, own, self.audit)

    def _make_files_and_briefing(self, options: MasterOptions) -> None:
        """Make what files are served from, and what minions are told: schedule, pillar, modules."""
        self.files = FileServer(options)
        self.own_places = Places(options)
        self.own_children = Children(options)
        self.own_sync = Sync(self.files, self.own_places, self.own_children)
        self.uploads, self.pushed = Uploads(self._in_cache("uploads")), Pushed(options)
        self.briefing = Briefing(options, self.keyring, self.fleet, self.files, self.accounting, self.powers)
        self.targets = Targets(options, Known(self.fleet.grains_facts, self.briefing.pillar_facts))
        self.policy.covered_by = self.targets.covered_by
        self.briefing.on_check.append(self.doorkeeper.checked)
        self.briefing.on_reload += (self.targets.reread, self._look_at_targets)
        self._look_at_targets()

    def _make_channel(self, options: MasterOptions) -> None:
        """Make the channel to the agents, and what hears what they say."""
        self.clocks = Clocks(self.fleet, self.bus, options["max_clock_skew"])
        self.hub = Hub(
            self.keyring, self.fleet, self.inbox, self.bus, self.tracker, self.dispatcher, self.briefing, self.clocks
        )
        self.mine = Mine(self._in_cache("mine"), self.keyring)
        self.module_states = self.briefing.module_states
        self.inbox.on_modules = self.module_states.heard
        forgets = self.mine.forget, self.briefing.forget, self.module_states.forget
        self.hub.on_removed += forgets
        self.hub.hosts.on_removed += (*forgets, lambda device: self.accounting.forget([device]))
        self.present = Present(self.fleet, self.bus) if options["presence_events"] else None
        self.key_refresh = KeyRefresh(self.keyring, self.accounting, self.hub.keys_changed)

    def _make_readers_of_the_journal(self, options: MasterOptions) -> None:
        """Make those who take returns on from the journal: to SQL, to Carbon, to others' databases."""
        self.dead_letters = DeadLetters(self._in_cache("dead_letters"))
        self.job_store = configured_store(options)
        self.keeper = configured_keeper(options, self.job_store, self.journal, self.dead_letters)
        self.returners = Returners(options, self.journal, self.bus, self.dead_letters)
        self.suites = Suites(options, self.journal, self.dead_letters)
        self.engine = shipping_engine(options, self.journal, self.dead_letters, self.inbox.put_lost)

    def _make_alerts(self, options: MasterOptions) -> None:
        """Make what tells people and dashboards of what happens."""
        self.series_places = SeriesPlaces(options["metric_pattern"], self.keyring.minions)
        self.annotations = annotation_engine(options, self.bus, self.keyring.minions)
        source = HttpSource(options["render_url"])
        self.alerts = AlertEngine(options, source, self.bus.publish, steady=time.monotonic, places=self.series_places)
        marks = AlertMarks(lambda: self.alerts.listing(), self.series_places)
        self.overview = Overview(self.keyring, self.fleet, self.accounting, self.briefing, marks, self.policy.groups)
        self.webhooks = WebhookEngine(options, self.bus, self.keyring.minions)
        self.briefing.on_reload += (self.alerts.reread, self.webhooks.reread)

    def _make_entrances(self, options: MasterOptions) -> None:
        """Make where programs and agents come in; and the master's own metrics, which tell of all of it."""
        self.local = LocalEntrance(options["sock_dir"], self.dispatcher, self.policy, self.logins)
        self.briefing.on_reload.append(self.local.reread)
        self.ports = Ports(options, self.keys, self.hub)
        interval_s = options["self_metrics_interval"]
        told = self.inbox, self.account_keeper, self.clocks, counters_of(self)
        self.self_metrics = SelfMetrics(*told, interval_s, [self.suites.points])

    def _in_cache(self, name: str) -> str:
        return os.path.join(self.options["cachedir"], name)

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Start, call *ready*, serve until ``stop``, and end cleanly. Raises ``ChannelError`` without a port."""
        self.fleet.load()
        self.uploads.load()
        self.tokens.load()
        self.keyring.refresh(force=True)
        await self.briefing.load()
        await self.keeper.tell_of_earlier_jobs(self.tracker)
        async with contextlib.AsyncExitStack() as ending:  # in reverse: the socket for local programs goes first
            ending.callback(self.audit_book.close)
            for part in (self.job_store, self.returners, self.suites, self.journal, self.account_keeper, self.ports):
                ending.callback(part.close)
            ending.callback(self.inbox.flush_now)
            ending.callback(self.fleet.files.write_all)
            self.endpoints = self.ports.open()
            ending.push_async_callback(self.own_children.stop)
            ending.callback(self.dispatcher.close)
            ending.callback(self.doorkeeper.close)
            ending.push_async_callback(self.local.stop)
            await self.local.start()
            say_ready(self.options["sock_dir"], self.endpoints, self.keys.public)
            ready()
            parts = (self.keeper, self.tracker, self.key_refresh, self.briefing, self.self_metrics, self.alerts)
            others = (self.uploads, self.tokens, self.account_keeper, self.engine, self.annotations, self.present)
            of_fleet = (self.fleet.files, self.fleet.grains_facts, self.briefing.pillars, self.hub.hosts)
            all_parts = (*parts, *of_fleet, *others, self.webhooks, self.suites.feeder, *self.returners.parts)
            await run_parts(all_parts, self._stopping)

    def owner_of(self, jid: str) -> str | None:
        """Return who began a job (``Caller.holder``), as far as it is remembered."""
        return self.tracker.owner(jid)

    def ran_by(self, jid: str) -> str | None:
        """Return who began a function on the master, likewise."""
        return self.runs.owner(jid)

    def _look_at_targets(self, options: object = None) -> None:
        """Say which targets of grants can't be understood, with the nodegroups in force."""
        self.doorkeeper.say_faulty_targets(self.targets.fault)

    def stop(self) -> None:
        """End ``run``; safe from a signal handler of the loop."""
        self._stopping.set()

    def reload(self) -> None:
        """Read the configuration again, and alert rules before they are evaluated next."""
        self.briefing.reload()
