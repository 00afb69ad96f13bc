"""The agent, put together: what happens when the master says something, a slot is due, or a job is over."""

from __future__ import annotations

import fnmatch
import logging
import os
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from saltern.__about__ import __version__
from saltern.complaints import Complaints
from saltern.digest import digest_of
from saltern.errors import IdError, WireError
from saltern.ids import JidSource, jid_of
from saltern.kept_id import keep_id
from saltern.pki import KeyPair
from saltern.wire import MAX_MESSAGE_BYTES, Message, pack
from saltern_agent.accountant import Accountant
from saltern_agent.background import Background
from saltern_agent.begun import Begun
from saltern_agent.calls import Calls
from saltern_agent.channel import UP, Address, Channel
from saltern_agent.clock import Clock
from saltern_agent.custom_modules import CustomModules
from saltern_agent.executor import Executor
from saltern_agent.facts import Facts
from saltern_agent.held_jobs import HeldJobs
from saltern_agent.isolate import Isolated
from saltern_agent.jobs import Current, Job, Outcome, read_job
from saltern_agent.ledger import Ledger
from saltern_agent.link import Timing
from saltern_agent.loader import Loader
from saltern_agent.loader.marks import Marks
from saltern_agent.loop import Loop, Timer
from saltern_agent.memory import Memory
from saltern_agent.origin import Origin
from saltern_agent.outbox import Outbox, refusals
from saltern_agent.return_to import names_of
from saltern_agent.returns import Return
from saltern_agent.runner import Runner
from saltern_agent.schedule import Run, Schedule
from saltern_agent.services import Services
from saltern_agent.spool import Spool
from saltern_agent.sync import grains_folders, marks_file, module_folders, returners_folders, utils_folders
from saltern_agent.timekeeper import Timekeeper
from saltern_agent.upkeep import Upkeep

if TYPE_CHECKING:
    from saltern.config import MinionOptions
    from saltern_agent.returners import Returners

log = logging.getLogger(__name__)

TICK_S = 1.0
FIRST_SYNC_S = 2.0  # how long the first samples wait for the modules that they may need
CLOCK_SET_S = 0.5  # timers of the schedule are set anew after a jump of this much
MAX_TOLD = 1000  # of the values of one generator


class Agent:
    """One agent. ``run`` it until ``stop`` is called.

    Raises ``SpoolInUse`` when another agent uses its spool.
    """

    def __init__(self, options: MinionOptions, keys: KeyPair, master_key: str) -> None:
        self.options = options
        self.boot = time.time()
        self.current = Current()
        self.pillar: dict[str, Any] = {}
        self.loop = Loop()
        cachedir = options["cachedir"]
        services = Services(self)
        opts: dict[str, Any] = {**options, "__agent__": services}
        marks = Marks(marks_file(options), keep=True)
        folders = module_folders(options), self.current, utils_folders(options), marks, returners_folders(options)
        self.loader = Loader(opts, *folders, grains_folders(options))
        services.serve(self.loader)
        self.executor = Executor(self.loader, self.current, progress=partial(self._progress, services))
        self.calls = Calls(self.loop.post, self._send)
        self.clock = Clock(os.path.join(cachedir, "clock"), correct=options["correct_clock"])
        self.timekeeper = Timekeeper(self.clock, self.loop.later, self._send, self._clock_learned)
        self.ledger = Ledger(os.path.join(cachedir, "ledger"))
        self.begun = Begun(os.path.join(cachedir, "slots"))
        self.schedule = Schedule(
            options["id"],
            os.path.join(cachedir, "schedule"),
            self.loop.later,
            self._start_run,
            self.clock.now,
            begun=self.begun,
            ledger=self.ledger,
        )
        self.spool = Spool(
            os.path.join(cachedir, "spool"),
            options["spool_max_bytes"],
            options["spool_max_hours"] * 3600,
            lost=self.ledger.drop,
            notes=os.path.join(cachedir, "spool.notes"),
        )
        self.outbox = Outbox(self.spool, self._send, max_bytes=options["outbox_max_bytes"], lost=self.ledger.drop)
        self.accountant = Accountant(self.ledger, self.outbox, self.loop.later)
        self.memory = Memory()
        self.runner = Runner(
            self.loop,
            self._execute,
            lambda function: self.modules.version_of(function),
            self._returned,
            threads=options["worker_threads"],
            max_return_bytes=min(options["max_return_bytes"], MAX_MESSAGE_BYTES),
            over=self.memory.look,
        )
        self._held = HeldJobs(self.loop, self.runner.start)
        self.background = Background(self.loop, self.runner.background)
        self.facts = Facts(
            options, self.loop, self.loader, self.background, self.clock.skew_s, lambda: self.channel.attach()
        )
        self.modules = CustomModules(
            options, self.loop, self.loader, self.background, services, self._install_schedule, self.facts.refresh
        )
        self.upkeep = Upkeep(self.loop, self.spool, [self.schedule.file, self.modules.sync.index], self._look)
        address = Address(options["master"], options["publish_port"], options["ret_port"], master_key)
        pending_retry_s = options["pending_retry_interval"]
        self.channel = Channel(self.loop, address, keys, Timing.of(options), self, pending_retry_s=pending_retry_s)
        self._isolated = Isolated(opts, MAX_MESSAGE_BYTES)
        self._returners: Returners | None = None  # made when a job names one
        self._default_returners = names_of(options.get("return"))
        self._keys = keys
        self._id_kept = False
        self._jids = JidSource()
        self._schedule_to_come: Any = None
        self._schedule_digest = ""
        self._tick_timer: Timer | None = None
        self._mine_timer: Timer | None = None
        self._complaints = Complaints(log)

    def run(self) -> None:
        """Work until ``stop``; then write what wasn't acknowledged to the spool."""
        self.executor.capture_output()
        self.facts.begin()
        self.schedule.load()
        self.channel.open()
        self._tick()
        self.upkeep.start()
        try:
            self.loop.run()
        finally:
            self.runner.close()
            self.loop.close()
            self.channel.close()
            self.outbox.close()
            self.ledger.save()
            self.begun.close()
            self.loader.close()

    def stop(self) -> None:
        """End ``run`` soon; may be called from any thread and from signal handlers."""
        self.loop.post(self.loop.stop)

    # what modules ask for, by way of services

    @property
    def connected(self) -> bool:
        """Whether the channel to the master is up."""
        return self.channel.state == UP

    def refresh_pillar(self, *, fresh: bool = True) -> None:
        """Fetch the pillar again, from a worker; *fresh*: as its files say now. Raises ``ChannelError``."""
        pillar = self.calls.request("pillar", {"fresh": True} if fresh else {})
        self.loop.ask(partial(self._set_pillar, pillar))
        self.loop.ask(self._mine_soon)

    def run_scheduled_now(self, name: str) -> str:
        """Run the scheduled job *name* beside its slots; return its jid. Raises ``CommandError``."""
        run = self.schedule.run_now(name)
        jid = self._jids.next()
        self.runner.start_scheduled(run.job(jid))
        return jid

    def queue_stats(self) -> dict[str, int]:
        """Return what waits to be sent, and what never was."""
        jobs = {"waiting": self.runner.waiting, "refused": self.runner.refused}
        dropped, failed = (self._returners.dropped, self._returners.failed) if self._returners else (0, 0)
        returners = {"returners_dropped": dropped, "returners_failed": failed}
        return {**self.outbox.stats(), "skipped": self.schedule.skipped, **jobs, **returners}

    def scheduled(self) -> dict[str, dict[str, Any]]:
        """Return every scheduled job's definition and state."""
        jobs = self.schedule.describe()
        return {name: {**job, "spooled": self.outbox.spooled(name)} for name, job in jobs.items()}

    def send_later(self, frame: bytes, origin: Origin | None = None) -> None:
        """Queue a return or an event; a loss of it is counted for *origin*."""
        self.outbox.put(frame, origin)
        self.timekeeper.sending()
        self._tick_soon()

    # what the channel tells

    def hello(self) -> dict[str, Any]:
        """Return the body of a ``hello``; a master that doesn't know us yet is told no more."""
        self.timekeeper.greeting()
        return {"id": self.options["id"], "version": __version__, "boot": self.boot}

    def attachment(self) -> dict[str, Any]:
        """Return the body of an ``attach``: what this minion is, and digests of what it has from the master."""
        have = {
            "schedule": self._schedule_digest,
            "pillar": digest_of(self.pillar),
            "modules": self.modules.digest,
        }
        return {"boot": self.boot, "grains": self.facts.grains, "have": have}

    def welcomed(self, body: dict[str, Any]) -> None:
        """The master took us in: send what waits, take over its schedule, pillar and modules."""
        self._keep_id()
        self.timekeeper.welcomed(body)
        limit = body.get("max_message_bytes")
        self.outbox.opened(limit if isinstance(limit, int) else MAX_MESSAGE_BYTES)
        self.accountant.opened()
        self.calls.opened()
        if "pillar" in body:
            self._set_pillar(body["pillar"])
        else:
            self._held.await_pillar()
        self._mine_soon()
        self._take_schedule(body.get("schedule"))
        if self.modules.welcomed(body):
            self.loop.later(FIRST_SYNC_S, self._install_schedule)
        else:
            self._install_schedule()

    def lost(self) -> None:
        """The channel is away: nothing can be sent."""
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
        if self._default_returners:
            job.ret = job.ret.also(self._default_returners)
        log.info("job %s: %s for %s", job.jid, job.fun, job.user or "the master")
        self._held.start(job)

    def _new_schedule(self, message: Message) -> None:
        self._take_schedule(message.body.get("schedule"))
        self._install_schedule(at_once=False)

    def _working(self, message: Message) -> None:
        """Say which of the master's jobs are worked on here.

        While returns wait to be sent, one of those may be a job's: then that is said, and the answer comes again when
        the master has them. When the master asks for all, it is told all that it started, and that is all.
        """
        if message.body.get("all") is True:
            pids = self.runner.asked_for()
            self._send(pack("working", message.seq, {"jids": list(pids), "pids": pids}))
            return
        asked = message.body.get("jids")
        jids = [jid for jid in asked if isinstance(jid, str)] if isinstance(asked, list) else []
        unsent = self.outbox.pending > 0
        self._send(pack("working", message.seq, {"jids": self.runner.among(jids), "more": unsent}))
        if unsent:
            self.outbox.when_acknowledged(
                lambda: self._send(pack("working", message.seq, {"jids": self.runner.among(jids)}))
            )

    def _new_modules(self, message: Message) -> None:
        self.modules.announced(message.body)

    def _new_pillar(self, message: Message) -> None:
        self.background.do("the pillar was not fetched", partial(self.refresh_pillar, fresh=False))

    _HANDLERS: dict[str, Callable[[Agent, Message], None]] = {  # noqa: RUF012  # never changed
        "ack": _ack,
        "reply": _reply,
        "clock": _clock,
        "job": _job,
        "schedule": _new_schedule,
        "modules": _new_modules,
        "pillar": _new_pillar,
        "working": _working,
    }

    # jobs

    def _execute(self, job: Job) -> Outcome:
        """Run a job, in a worker's thread or from there in a process of its own."""
        self.modules.heed_others()
        self.facts.look()
        patterns = self.options["isolate_functions"]
        if job.isolate or any(fnmatch.fnmatchcase(fun, pattern) for fun, _ in job.functions() for pattern in patterns):
            return self._isolated.run(job, self.facts.grains, self.pillar)
        return self.executor.run(job)

    def _progress(self, services: Services, job: Job, number: int, value: Any) -> None:
        """Tell the master of a value that a generator yielded, from a worker; not for ever, nor of the schedule's."""
        if job.about and number < MAX_TOLD:
            services.fire_event({"return": value}, f"salt/job/{job.jid}/prog/{self.options['id']}/{number}")

    def _start_run(self, run: Run) -> bool:
        return self.runner.start_scheduled(run.job(jid_of(run.jid_epoch_s)), partial(self.schedule.finished, run.name))

    def _returned(self, answer: Return) -> None:
        if answer.origin is not None:
            self.ledger.ran(answer.origin.schedule, answer.function, answer.failed)
        self.send_later(answer.frame, answer.origin)
        if answer.to.names:
            self._hand_over(answer)

    def _hand_over(self, answer: Return) -> None:
        """Offer a return to its returners, now that the outbox has it."""
        if self._returners is None:
            from saltern_agent.returners import Returners  # for hosts that use any

            self._returners = Returners(self.options["id"], self.loader.returner)
        self._returners.offer(answer.frame, answer.to)

    # schedule, grains, pillar

    def _take_schedule(self, schedule: Any) -> None:
        self._schedule_to_come = schedule
        self._schedule_digest = digest_of(schedule)

    def _install_schedule(self, *, at_once: bool = True) -> None:
        """Take over the schedule that came, unless that was done."""
        schedule, self._schedule_to_come = self._schedule_to_come, None
        if isinstance(schedule, dict):
            self.schedule.install(schedule, at_once=at_once)
        if self.upkeep.troubled:
            self.upkeep.start()

    def _clock_learned(self, moved_s: float) -> None:
        """The master's time is known, or known better, which set our own by *moved_s*."""
        if abs(moved_s) >= CLOCK_SET_S:
            log.info("the time that samples are stamped with was set by %+.1f s, to the master's", moved_s)
            self.schedule.clock_was_set()
        self.facts.skew_learned()

    def _keep_id(self) -> None:
        """Keep the id that the master took us in by, beside the key: the host's name may change."""
        if not self._id_kept:
            self._id_kept = True
            try:
                keep_id(self.options["pki_dir"], self.options["id"], self._keys.public)
            except OSError as error:
                log.error("%s: the id can't be kept beside the key: %s", error.filename, error.strerror)

    def _set_pillar(self, pillar: Any) -> None:
        self.pillar = pillar if isinstance(pillar, dict) else {}
        self.loader.set_pillar(self.pillar)
        self._held.pillar_came()

    def _mine_soon(self) -> None:
        """Put what is configured into the mine, now and again after each interval."""
        if self._mine_timer is not None:
            self._mine_timer.cancel()
            self._mine_timer = None
        if self.options["mine_functions"] or self.pillar.get("mine_functions"):
            interval_s = self.options["mine_interval"] * 60
            self._mine_timer = self.loop.later(interval_s, self._mine_soon)
            if self.connected:
                self.background.do("the mine was not updated", self._update_mine)

    def _update_mine(self) -> None:
        outcome = self.executor.run(Job(self._jids.next(), "mine.update", [], {}, user="schedule"))
        if outcome.failed is not None:
            log.warning("the mine was not updated: %s", outcome.failed)

    # small steps

    def _send(self, frame: bytes) -> bool:
        return self.channel.send(frame)

    def _tick(self) -> None:
        """Look after the outbox for as long as there is something in it; an idle agent isn't woken up."""
        try:
            self.outbox.tick()
            self.ledger.save()
        finally:
            self._tick_timer = None
            self._tick_soon()

    @property
    def _wants_tick(self) -> bool:
        return self.outbox.pending > 0 or self.ledger.unsaved

    def _tick_soon(self) -> None:
        if self._tick_timer is None and self._wants_tick:
            self._tick_timer = self.loop.later(TICK_S, self._tick)

    def _look(self) -> None:
        self.memory.look()
        self.facts.look()
        self.outbox.tick()
        self._tick_soon()
        self.modules.look()
