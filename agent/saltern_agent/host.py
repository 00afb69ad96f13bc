"""The program on a host: one loop, channel, outbox and spool for its minions, of which the host itself is the first."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from saltern.__about__ import __version__
from saltern.complaints import Complaints
from saltern.digest import digest_of
from saltern.errors import IdError, WireError
from saltern.kept_id import keep_id
from saltern.pki import KeyPair
from saltern.wire import MAX_MESSAGE_BYTES, Message, pack
from saltern_agent.accountant import Accountant
from saltern_agent.background import Background
from saltern_agent.calls import Calls
from saltern_agent.channel import UP, Address, Channel
from saltern_agent.clock import Clock
from saltern_agent.custom_modules import CustomModules
from saltern_agent.jobs import Current, read_job
from saltern_agent.ledger import Ledger
from saltern_agent.link import Timing
from saltern_agent.loop import Loop, Timer
from saltern_agent.memory import Memory
from saltern_agent.origin import Origin
from saltern_agent.outbox import Outbox, refusals
from saltern_agent.own_minion import OwnMinion
from saltern_agent.pools import Pools
from saltern_agent.spool import Spool
from saltern_agent.timekeeper import Timekeeper
from saltern_agent.upkeep import Upkeep

if TYPE_CHECKING:
    from saltern.config import MinionOptions
    from saltern_agent.devices.devices import Devices
    from saltern_agent.devices.ledgers import Ledgers
    from saltern_agent.minion import Minion

log = logging.getLogger(__name__)

TICK_S = 1.0
FIRST_SYNC_S = 2.0  # how long the first samples wait for the modules that they may need
CROWD_S = 0.005  # returns of many devices wait so long for one another, unless they fill a message
CLOCK_SET_S = 0.5  # timers of the schedule are set anew after a jump of this much


class Host:
    """One agent. ``run`` it until ``stop`` is called. ``own`` is the minion that the host itself is.

    Raises ``SpoolInUse`` when another agent uses its spool.
    """

    def __init__(self, options: MinionOptions, keys: KeyPair, master_key: str) -> None:
        self.options = options
        self.boot = time.time()
        self.current = Current()
        self.loop = Loop()
        self.devices: Devices | None = None
        """Those that it speaks for, once the master has said that there are any."""
        self.synced = False
        """Whether what the master has of modules is here, as far as that was waited for."""
        cachedir = options["cachedir"]
        self.calls = Calls(self.loop.post, self.send_now)
        self.clock = Clock(os.path.join(cachedir, "clock"), correct=options["correct_clock"])
        self.timekeeper = Timekeeper(self.clock, self.loop.later, self.send_now, self._clock_learned)
        self._ledgers: Ledgers | None = None
        self._crowd_at = float("-inf")  # when the first of a crowd's returns came last
        self.ledger = Ledger(os.path.join(cachedir, "ledger"))
        self.spool = Spool(
            os.path.join(cachedir, "spool"),
            options["spool_max_bytes"],
            options["spool_max_hours"] * 3600,
            lost=self._lost,
            notes=os.path.join(cachedir, "spool.notes"),
        )
        self.outbox = Outbox(
            self.spool, self.send_now, max_bytes=options["outbox_max_bytes"], lost=self._lost, post=self._send_crowd
        )
        self.accountant = Accountant(self.ledger, self.outbox, self.loop.later)
        self.memory = Memory()
        self.pools = Pools(options["worker_threads"], over=self.memory.look)
        self.background = Background(self.loop, self.pools.background)
        self.upkeep = Upkeep(self.loop, self.spool, self._look)
        self.own = self._make_own()
        self.modules = CustomModules(
            options,
            self.loop,
            self.background,
            self.own.services,
            self._take_modules,
            self._forget_modules,
            self._modules_settled,
            self._regrain,
        )
        self.upkeep.also(self.modules.sync.index)
        address = Address(options["master"], options["publish_port"], options["ret_port"], master_key)
        pending_retry_s = options["pending_retry_interval"]
        self.channel = Channel(self.loop, address, keys, Timing.of(options), self, pending_retry_s=pending_retry_s)
        self._keys = keys
        self._id_kept = False
        self._tick_timer: Timer | None = None
        self._complaints = Complaints(log)

    def run(self) -> None:
        """Work until ``stop``; then write what wasn't acknowledged to the spool."""
        self.own.begin()
        self.channel.open()
        self._tick()
        self.upkeep.start()
        try:
            self.loop.run()
        finally:
            self.own.runner.close()
            if self.devices is not None:
                self.devices.close()
            self.loop.close()
            self.channel.close()
            self.outbox.close()
            self.own.close()

    def stop(self) -> None:
        """End ``run`` soon; may be called from any thread and from signal handlers."""
        self.loop.post(self.loop.stop)

    @property
    def connected(self) -> bool:
        """Whether the channel to the master is up."""
        return self.channel.state == UP

    def send_now(self, frame: bytes) -> bool:
        """Send what nobody keeps, by the connection for returns; return whether it was taken."""
        return self.channel.send(frame)

    def send_later(self, frame: bytes, origin: Origin | None = None, *, voice: str = "") -> None:
        """Queue a return or an event; a loss of it is counted for *origin*; for the device *voice* with others."""
        if voice:
            self.outbox.put_soon(voice, frame, origin)
            return
        self.outbox.put(frame, origin)
        self._sending()

    def _sending(self) -> None:
        self.timekeeper.sending()
        self._tick_soon()

    def _send_crowd(self, send: Callable[[], None]) -> None:
        """Have the outbox *send* what comes now in one go; of a crowd, what comes in a moment."""
        now = time.monotonic()
        if now - self._crowd_at > 2 * CROWD_S:
            self.loop.post(send)
        else:
            self.loop.later(CROWD_S, send)
        self._crowd_at = now
        self.loop.post(self._sending)

    # what the channel tells

    def hello(self) -> dict[str, Any]:
        """Return the body of a ``hello``; a master that doesn't know us yet is told no more."""
        self.timekeeper.greeting()
        return {"id": self.options["id"], "version": __version__, "boot": self.boot}

    def attachment(self) -> dict[str, Any]:
        """Return the body of an ``attach``: what this minion is, and digests of what it has from the master."""
        have = {
            "schedule": self.own.schedule_digest,
            "pillar": self.own.pillar_digest or digest_of({}),
            **self.modules.have(),
        }
        return {"boot": self.boot, "grains": self.own.facts.grains, "have": have}

    def welcomed(self, body: dict[str, Any]) -> None:
        """The master took us in: send what waits, take over its schedule, pillar and modules."""
        self._keep_id()
        self.timekeeper.welcomed(body)
        limit = body.get("max_message_bytes")
        self.outbox.opened(limit if isinstance(limit, int) else MAX_MESSAGE_BYTES)
        self.accountant.opened()
        self.calls.opened()
        if "pillar" in body:
            self.own.take_pillar(body["pillar"])
        else:
            self.own.held.await_pillar()
        self.own.mine_soon()
        self.own.take_schedule(body.get("schedule"))
        if self.modules.welcomed(body):
            self.loop.later(FIRST_SYNC_S, self._modules_settled)
        else:
            self._modules_settled()
        if self.devices is not None:
            self.devices.welcomed()

    def attached(self, *, anew: bool) -> None:
        """Jobs were asked for; *anew*: of a master, or on a connection, that has heard of no device yet."""
        if anew and self.devices is not None:
            self.devices.attached()

    def lost(self) -> None:
        """The channel is away: nothing can be sent."""
        if self.devices is not None:
            self.devices.lost()
        self.calls.closed()
        self.timekeeper.closed()
        self.outbox.closed()
        self.accountant.closed()

    def received(self, message: Message) -> None:
        """Do what the master says."""
        handle = self._HANDLERS.get(message.type)
        if handle is None:
            log.debug("a message of the unknown type %.40s was ignored", message.type)
        else:
            handle(self, message)

    def _ack(self, message: Message) -> None:
        self.outbox.ack(message.seq, refusals(message.body))
        if self._tick_timer is not None and not self._wants_tick:
            self._tick_timer.cancel()
            self._tick_timer = None

    def _reply(self, message: Message) -> None:
        self.calls.reply(message.seq, message.body)

    def _clock(self, message: Message) -> None:
        self.timekeeper.answered(message)

    def _job(self, message: Message) -> None:
        try:
            job = read_job(message.body)
        except (WireError, IdError) as error:
            self._complaints.say(f"job: {error}", f"a job was ignored: {error}")
            return
        self.own.start(job)

    def _new_schedule(self, message: Message) -> None:
        self.own.take_schedule(message.body.get("schedule"))
        self._install_schedule(at_once=False)

    def _working(self, message: Message) -> None:
        """Say which of the master's jobs are worked on here.

        While returns wait to be sent, one of those may be a job's: then that is said, and the answer comes again when
        the master has them. When the master asks for all, it is told all that it started, and that is all.
        """
        runner = self.own.runner
        if message.body.get("all") is True:
            pids = runner.asked_for()
            self.send_now(pack("working", message.seq, {"jids": list(pids), "pids": pids}))
            return
        asked = message.body.get("jids")
        jids = [jid for jid in asked if isinstance(jid, str)] if isinstance(asked, list) else []
        unsent = self.outbox.pending > 0
        self.send_now(pack("working", message.seq, {"jids": runner.among(jids), "more": unsent}))
        if unsent:
            self.outbox.when_acknowledged(
                lambda: self.send_now(pack("working", message.seq, {"jids": runner.among(jids)}))
            )

    def _new_modules(self, message: Message) -> None:
        self.modules.announced(message.body)

    def _new_pillar(self, message: Message) -> None:
        self.background.do("the pillar was not fetched", partial(self.own.refresh_pillar, fresh=False))

    def _devices(self, message: Message) -> None:
        if self.devices is None and message.body.get("devices"):
            from saltern_agent.devices.devices import Devices  # for hosts that have any

            self.devices = Devices(self)
            self.devices.attached()
        if self.devices is not None:
            self.devices.listed(message.body)

    def _for_devices(self, message: Message) -> None:
        if self.devices is not None:
            self.devices.received(message.body)

    def _lease(self, message: Message) -> None:
        if self.devices is not None:
            self.devices.leased(message.seq)

    _HANDLERS: dict[str, Callable[[Host, Message], None]] = {  # noqa: RUF012  # never changed
        "ack": _ack,
        "reply": _reply,
        "clock": _clock,
        "job": _job,
        "schedule": _new_schedule,
        "modules": _new_modules,
        "pillar": _new_pillar,
        "working": _working,
        "devices": _devices,
        "for": _for_devices,
        "lease": _lease,
    }

    # small steps

    def _make_own(self) -> Minion:
        """Return the minion that the host itself is."""
        own = OwnMinion(self)
        self.upkeep.also(own.kept.file)
        return own

    def _lost(self, origins: list[Origin]) -> None:
        """Have losses counted, each for its minion."""
        own = [origin for origin in origins if not origin.minion]
        if own:
            self.ledger.drop(own)
        if len(own) < len(origins):
            self.device_ledgers.drop([origin for origin in origins if origin.minion])

    @property
    def device_ledgers(self) -> Ledgers:
        """The accounts of devices."""
        if self._ledgers is None:
            from saltern_agent.devices.ledgers import Ledgers  # for hosts that have, or had, any

            self._ledgers = Ledgers(os.path.join(self.options["cachedir"], "devices", "ledger"))
        return self._ledgers

    def _take_modules(self, changed: list[str], refused: dict[str, str]) -> Mapping[str, str]:
        """Load anew what changed on disk, for all; return what is passed over, and why."""
        if changed and self.devices is not None:
            self.devices.modules_changed(changed)
        return self.own.loader.take(changed, refused)

    def _forget_modules(self, changed: list[str]) -> None:
        """Load anew what changed on disk, by another program's doing."""
        self.own.loader.forget(changed)
        if self.devices is not None:
            self.devices.modules_changed(changed)

    def _regrain(self) -> None:
        """Have the grains of all collected again, from a worker: functions that add some are others."""
        self.own.facts.refresh()
        if self.devices is not None:
            self.devices.regrain()

    def _modules_settled(self) -> None:
        """Begin what needs modules: they are here, or were waited for long enough."""
        self.synced = True
        self._install_schedule()
        if self.devices is not None:
            self.devices.synced()

    def _install_schedule(self, *, at_once: bool = True) -> None:
        self.own.install_schedule(at_once=at_once)
        if self.upkeep.troubled:
            self.upkeep.start()

    def _clock_learned(self, moved_s: float) -> None:
        """The master's time is known, or known better, which set our own by *moved_s*."""
        if abs(moved_s) >= CLOCK_SET_S:
            log.info("the time that samples are stamped with was set by %+.1f s, to the master's", moved_s)
            self.own.schedule.clock_was_set()
            if self.devices is not None:
                self.devices.clock_was_set()
        self.own.skew_learned()

    def _keep_id(self) -> None:
        """Keep the id that the master took us in by, beside the key: the host's name may change."""
        if not self._id_kept:
            self._id_kept = True
            try:
                keep_id(self.options["pki_dir"], self.options["id"], self._keys.public)
            except OSError as error:
                log.error("%s: the id can't be kept beside the key: %s", error.filename, error.strerror)

    def _tick(self) -> None:
        """Look after the outbox for as long as there is something in it; an idle agent isn't woken up."""
        try:
            self.outbox.tick()
            self.ledger.save()
            if self._ledgers is not None:
                self._ledgers.save(at_once=False)
        finally:
            self._tick_timer = None
            self._tick_soon()

    @property
    def _wants_tick(self) -> bool:
        unsaved = self._ledgers is not None and self._ledgers.unsaved
        return self.outbox.pending > 0 or self.ledger.unsaved or unsaved

    def _tick_soon(self) -> None:
        if self._tick_timer is None and self._wants_tick:
            self._tick_timer = self.loop.later(TICK_S, self._tick)

    def _look(self) -> None:
        self.memory.look()
        self.own.look()
        self.outbox.tick()
        self._tick_soon()
        self.modules.look()
