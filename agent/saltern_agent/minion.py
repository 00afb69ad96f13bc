"""One minion of a host: its modules, grains, pillar and schedule, and the jobs that it runs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from saltern.digest import digest_of
from saltern.ids import JidSource, jid_of
from saltern.named import NamedTuple
from saltern.wire import MAX_MESSAGE_BYTES
from saltern_agent.accounts import Accounts
from saltern_agent.begun import Begun
from saltern_agent.credentials import with_credentials
from saltern_agent.envelope import ENVELOPE_BYTES
from saltern_agent.executor import Executor
from saltern_agent.held_jobs import HeldJobs
from saltern_agent.jobs import Current, Job, Outcome
from saltern_agent.kept_schedule import KeptSchedule
from saltern_agent.loader import Loader
from saltern_agent.loop import Timer
from saltern_agent.origin import Origin, name_of
from saltern_agent.return_to import names_of
from saltern_agent.returns import Return
from saltern_agent.runner import Runner
from saltern_agent.schedule import Definition, Run, Schedule, parse
from saltern_agent.services import Services

if TYPE_CHECKING:
    from saltern.config import MinionOptions
    from saltern_agent.host import Host
    from saltern_agent.returners import Returners
    from saltern_agent.worker_pools import Workers

log = logging.getLogger(__name__)

MAX_TOLD = 1000  # of the values of one generator


class Records(NamedTuple):
    """What is kept of a minion: its account, which slots were begun, its schedule."""

    accounts: Accounts
    begun: Begun
    schedule: KeptSchedule


class Facts(Protocol):
    """The grains of a minion."""

    grains: dict[str, Any]

    def refresh(self) -> None:
        """Collect them again and tell the master, from a worker."""


class Minion:
    """A minion with the options *options* on *host*; *records* is what is kept of it.

    *load* makes its loader of what its modules may ask of the agent; *current* tells both of them which job is running.
    *pools* are the threads for its jobs, *parsed* and *say* what ``Schedule`` takes. *voice* is how it is called where
    its messages go by another's connection, ``""`` where they go by its own. Methods are for the loop's thread unless
    they say otherwise.
    """

    facts: Facts

    def __init__(
        self,
        host: Host,
        options: MinionOptions,
        records: Records,
        current: Current,
        load: Callable[[Services], Loader],
        pools: Workers,
        *,
        voice: str = "",
        parsed: Callable[[str, Any], Definition] = parse,
        say: Callable[[int, str], None] = log.log,
    ) -> None:
        self.host = host
        self.id = options["id"]
        self.options = options
        self.current = current
        self.voice = voice
        self.pillar: dict[str, Any] = {}
        self.pillar_digest = ""
        """Of the pillar that came last, empty before the first."""
        self.services = Services(self)
        self.loader = load(self.services)
        self.services.serve(self.loader)
        self.executor = Executor(self.loader, current, progress=self._progress)
        self.ledger, self.begun, kept = records
        self.schedule = Schedule(
            options["id"],
            kept,
            host.loop.later,
            self._start_run,
            host.clock.now,
            begun=self.begun,
            ledger=self.ledger,
            device=bool(voice),
            parsed=parsed,
            say=say,
        )
        self.max_return_bytes = min(options["max_return_bytes"], MAX_MESSAGE_BYTES - (ENVELOPE_BYTES if voice else 0))
        self.runner = Runner(
            host.loop,
            self._execute,
            self._version_of,
            self._returned,
            pools=pools,
            max_return_bytes=self.max_return_bytes,
        )
        self.held = HeldJobs(host.loop, self._begin)
        self.schedule_digest = ""
        """Of the master's schedule that was last taken."""
        self._returners: Returners | None = None  # made when a job names one
        self._default_returners = names_of(options.get("return"))
        self._jids = JidSource()
        self._schedule_to_come: Any = None
        self._mine_timer: Timer | None = None

    # what another kind of minion does otherwise

    def _begin(self, job: Job) -> None:
        """Run a job that the master sent; there is a pillar."""
        self.runner.start(job)

    def _execute(self, job: Job) -> Outcome | Coroutine[Any, Any, Outcome]:
        """Run a job in a worker's thread, or return what is to be awaited for it."""
        return self.executor.run(job)

    def _aside(self, failure: str, work: Callable[[], object]) -> None:
        """Do *work* in a worker; *failure* says in the log what didn't happen when it raised."""
        self.host.background.do(failure, work)

    def begin(self) -> None:
        """Do what comes before the host connects."""

    def look(self) -> None:
        """Look after what others may have changed, every minute."""

    def forget_modules(self) -> None:
        """Load every module anew when it is needed next; from any thread."""
        self.loader.forget()

    def skew_learned(self) -> None:
        """Heed what is known by now of how far the clock is off."""

    def close(self) -> None:
        """End it, after the host's channel: what it has to keep is written."""

    # what its modules ask for, by way of services

    def send_later(self, frame: bytes, origin: Origin | None = None) -> None:
        """Queue a return or an event; a loss of it is counted for *origin*."""
        self.host.send_later(frame, origin, voice=self.voice)

    def may_send(self, size: int) -> bool:
        """Return whether its functions may send *size* bytes now of their own accord, from any thread."""
        return True

    def request(self, command: str, args: dict[str, Any]) -> Any:
        """Call the master, from a worker. Raises ``ChannelError``."""
        return self.host.calls.request(command, args, minion=self.voice)

    def refresh_pillar(self, *, fresh: bool = True) -> None:
        """Fetch the pillar again, from a worker; *fresh*: as its files say now. Raises ``ChannelError``."""
        pillar = self.request("pillar", {"fresh": True} if fresh else {})
        self.host.loop.ask(partial(self.take_pillar, pillar))
        self.host.loop.ask(self.mine_soon)

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
        return {**self.host.outbox.stats(), "skipped": self.schedule.skipped, **jobs, **returners}

    def scheduled(self) -> dict[str, dict[str, Any]]:
        """Return every scheduled job's definition and state."""
        spooled = self.host.outbox.spooled
        jobs = self.schedule.describe()
        return {name: {**job, "spooled": spooled(name_of(name, self.voice))} for name, job in jobs.items()}

    def device_state(self) -> dict[str, Any] | None:
        """Return how a device is, from any thread; ``None`` for a host."""
        return None

    def device_reconnect(self) -> bool:
        """Close and open a device anew, from any thread; return whether this is one."""
        return False

    # jobs

    def start(self, job: Job) -> None:
        """Run a job that the master sent, once there is a pillar."""
        if self._default_returners:
            job.ret = job.ret.also(self._default_returners)
        self.held.start(job)

    def _version_of(self, function: str) -> dict[str, str | None] | None:
        return self.host.modules.version_of(function, self.loader)

    def _progress(self, job: Job, number: int, value: Any) -> None:
        """Tell the master of a value that a generator yielded, from a worker; not for ever, nor of the schedule's."""
        if job.about and number < MAX_TOLD:
            self.services.fire_event({"return": value}, f"salt/job/{job.jid}/prog/{self.id}/{number}")

    def _start_run(self, run: Run) -> bool:
        return self._start_scheduled(run.name, run.job(jid_of(run.jid_epoch_s)))

    def _start_scheduled(self, name: str, job: Job) -> bool:
        return self.runner.start_scheduled(job, partial(self.schedule.finished, name))

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

            self._returners = Returners(self.id, self.loader.returner)
        self._returners.offer(answer.frame, answer.to)

    # schedule, pillar, mine

    def take_schedule(self, schedule: Any) -> None:
        """Keep the master's schedule until it is installed."""
        self._schedule_to_come = schedule
        self.schedule_digest = digest_of(schedule)

    def install_schedule(self, *, at_once: bool = True) -> None:
        """Take over the schedule that came, unless that was done."""
        schedule, self._schedule_to_come = self._schedule_to_come, None
        if isinstance(schedule, dict):
            self.schedule.install(schedule, at_once=at_once)

    def take_pillar(self, pillar: Any) -> None:
        """Use the pillar that the master sent."""
        self.pillar = with_credentials(pillar) if isinstance(pillar, dict) else {}
        self.pillar_digest = digest_of(pillar)
        self.loader.set_pillar(self.pillar)
        self.held.pillar_came()

    def mine_soon(self) -> None:
        """Put what is configured into the mine, now and again after each interval."""
        if self._mine_timer is not None:
            self._mine_timer.cancel()
            self._mine_timer = None
        if self.options["mine_functions"] or self.pillar.get("mine_functions"):
            interval_s = self.options["mine_interval"] * 60
            self._mine_timer = self.host.loop.later(interval_s, self.mine_soon)
            if self.host.connected:
                self._aside("the mine was not updated", self._update_mine)

    def _update_mine(self) -> None:
        outcome = self.executor.run(Job(self._jids.next(), "mine.update", [], {}, user="schedule"))
        if outcome.failed is not None:
            whose = f"{self.voice}: " if self.voice else ""
            log.warning("%sthe mine was not updated: %s", whose, outcome.failed)
