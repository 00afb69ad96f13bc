"""One device that a host speaks for: a minion whose functions speak with it through its proxymodule."""

from __future__ import annotations

import logging
import time
from collections import ChainMap
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from saltern.digest import digest_of
from saltern.errors import FunctionNotFound
from saltern.ids import jid_of
from saltern.wire import pack_any
from saltern_agent.calls import CALL_TIMEOUT_S
from saltern_agent.credentials import with_credentials
from saltern_agent.devices.allowance import Allowance
from saltern_agent.devices.aside import LaneOrAside
from saltern_agent.devices.connection import CLOSED, HANGS, NEW, NOT_OURS, OPENING, UP, Connection
from saltern_agent.devices.device_facts import DeviceFacts
from saltern_agent.devices.own_times import times_of
from saltern_agent.envelope import enveloped
from saltern_agent.executor import FAILED
from saltern_agent.held_jobs import HeldJobs
from saltern_agent.jobs import Job, Outcome
from saltern_agent.loader.tenant import Tenant
from saltern_agent.minion import Minion, Records
from saltern_agent.proxied import Proxied
from saltern_agent.returns import pack_return, same_for_all
from saltern_agent.schedule import Run

if TYPE_CHECKING:
    from saltern.config import MinionOptions
    from saltern_agent.devices.devices import Devices
    from saltern_agent.services import Services

log = logging.getLogger(__name__)

UNKNOWN_TYPE = "?"
"""The proxytype of a device whose pillar says none: for it are only modules that are for every kind of device."""

CONTROL_TYPE = "deltaproxy"
"""In Salt, that of a proxy which only holds others: there is nothing to open."""

MOVE_S = 10.0
"""What runs when another host is to have the device may take so long: less than a slot, and than the master waits."""

GOODBYE_S = 1.5
"""So long may it take to close what another host may have in a moment: less than the master waits beyond a lease."""

OF_THE_LIMIT = 0.8
"""Of the time that a call to the device may take: how long the master is waited for."""

SPEAKS = "test.ping"
"""It is for every kind of device, and speaks with it all the same."""
SAMPLES = "stats.collect"
"""So does this one, while it is up."""


class Device(Minion):
    """The device *minion_id* among *devices*; *records* is what is kept of it.

    *voice* is its id when its host's connection speaks for it. *given* is its ``proxy:`` where its pillar has none,
    *own* are options of its own.
    """

    facts: DeviceFacts
    loader: Tenant

    def __init__(
        self,
        devices: Devices,
        minion_id: str,
        records: Records,
        *,
        voice: str,
        given: Mapping[str, Any] | None = None,
        own: Mapping[str, Any] | None = None,
    ) -> None:
        self.devices = devices
        self.boot = time.time()
        self.proxied: Proxied | None = None
        self.proxy: dict[str, Any] = {}
        """How it is spoken with: ``proxy:`` of its pillar."""
        self._given = dict(given or {})
        self._named = False
        self._fault = ""  # what is wrong with ``proxy:`` of its pillar
        self.keep_alive_s = 0.0  # how often it is asked whether it still works; 0: never
        self._changes = False  # whether it is being closed so as to be opened in another way
        self._allowance: Allowance | None = None  # made with the first event that its functions fire
        self._events_refused = 0
        self._loaded = False  # whether its own part of the schedule was taken up
        self._schedule_waits: bool | None = None  # whether it is to run at once, once it is known how the device is
        self.lane = devices.lanes.lane(minion_id, devices.host.options["device_timeout"])
        self._own = {"id": minion_id, "grains": {}, "mine_functions": {}, **(own or {})}
        super().__init__(
            devices.host,
            cast("MinionOptions", ChainMap(self._own, cast("dict[str, Any]", devices.host.options))),
            records,
            devices.current,
            self._load,
            LaneOrAside(self.lane.pools, self._is_aside),
            voice=voice,
            parsed=devices.definitions.parsed,
            say=devices.said.log,
        )
        self.connection = Connection(self)
        self.facts = DeviceFacts(self)
        self.held = HeldJobs(self.host.loop, self._begin, says=False)
        self.held.await_pillar()
        self.facts.look_again()

    # what the master tells

    def brief(self, body: Mapping[str, Any]) -> None:
        """Take the schedule, and the pillar when it is there."""
        self._named = body.get("named") is True
        self.take_schedule(body.get("schedule"))
        if "pillar" in body:
            self.take_pillar(body["pillar"])
        if self.host.synced:
            self.install_schedule()

    def take_schedule(self, schedule: Any) -> None:
        """Keep the master's schedule until it is installed; equal ones of several devices are kept once."""
        self._schedule_to_come, self.schedule_digest = self.devices.definitions.schedule(schedule)

    def take_pillar(self, pillar: Any) -> None:
        """Use the pillar that the master sent; when it says otherwise how to speak with the device, open it anew."""
        self.pillar = with_credentials(pillar) if isinstance(pillar, dict) else {}
        self.pillar_digest = digest_of(pillar)
        self.loader.set_pillar(self.pillar)
        if self.host.synced:
            self.configure()
        self.mine_soon()

    def configure(self) -> None:
        """Speak with the device as its pillar says now; modules are there."""
        said = self.pillar.get("proxy", self._given or None)
        fault = _fault(said)
        proxy: dict[str, Any] = said if said and not fault else {}
        if proxy == self.proxy and self.connection.phase not in (NEW, CLOSED):
            if fault:
                self.connection.broken(fault)
            return
        self.proxy, self._fault = proxy, fault
        self._change()

    def _change(self) -> None:
        """Close it, and be what ``proxy`` says by then."""
        if self.proxied is None:
            self._become()
        elif not self._changes:
            self._changes = True
            self.connection.close(self._become, phase=OPENING)

    def _become(self) -> None:
        """Be what ``proxy`` says from now on: what was before is closed."""
        self._changes = False
        if self.connection.phase == CLOSED:
            return
        self.loader.configure(self._opts(self.services))
        self.facts.begin()
        self.lane.limit_s, self.keep_alive_s, faults = times_of(self.proxy, cast("dict[str, Any]", self.host.options))
        for fault in faults:
            self.devices.said.log(logging.WARNING, f"{self.id}: proxy: {fault}")
        self.proxied = None
        if self._fault:
            self.connection.broken(self._fault)
        elif self.proxy["proxytype"] == CONTROL_TYPE:
            self.connection.without()
        else:
            self.proxied = Proxied(self.loader)
            self.connection.open(self.proxied)

    def install_schedule(self, *, at_once: bool = True) -> None:
        """Take over the schedule that came, once it is known how the device is."""
        if self.connection.known:
            super().install_schedule(at_once=at_once)
        else:
            self._schedule_waits = at_once or bool(self._schedule_waits)

    # what the connection tells

    def came_up(self) -> None:
        """It is open, and its grains are there."""
        self._changed()
        self.mine_soon()
        self._say_state("device/up")
        self.devices.said.log(logging.INFO, f"{self.id}: is up")

    def went_down(self, why: str, *, news: bool) -> None:
        """It can't be spoken with any more (*news*), or for another reason than before."""
        self._changed()
        if news:
            self._say_state("device/down")
        self.devices.said.log(logging.WARNING, f"{self.id}: is down: {why}")

    def _changed(self) -> None:
        self.facts.look_again()
        self.tell()
        self.held.pillar_came()
        at_once, self._schedule_waits = self._schedule_waits, None
        if at_once is not None:
            self._load_schedule()
            super().install_schedule(at_once=at_once)

    def _say_state(self, tag: str) -> None:
        self.send_later(self.services.event_frame(0, self.state_grain(), tag, self.max_return_bytes))

    def _load_schedule(self) -> None:
        if not self._loaded:
            self._loaded = True
            self.schedule.load()

    def forget_modules(self) -> None:
        """Load every module anew, its proxymodule too: so it is closed, and opened by that; from any thread."""

        def close() -> None:
            if self.proxied is not None:
                self._change()

        self.host.loop.post(close)

    # what it tells

    def tell(self) -> None:
        """Have the master hear of its grains."""
        if self.voice:
            self.devices.introductions.news(self.id)
        else:
            self.host.channel.attach()

    def attach_frame(self) -> bytes:
        """Return the message that tells the master of it."""
        have = {"schedule": self.schedule_digest, "pillar": self.pillar_digest}
        known = {key: digest for key, digest in have.items() if digest}
        body = {"boot": self.boot, "grains": self.facts.told(), "have": known}
        return enveloped(self.voice, pack_any("attach", 0, body))

    def state_grain(self) -> dict[str, Any]:
        """Return how it is: ``up``, ``since`` (epoch s), ``error`` (empty when it is up) and its ``host``.

        With ``latency_ms`` of the last call to it by then, ``None`` before the first.
        """
        connection = self.connection
        return {
            "up": connection.up,
            "since": round(connection.since),
            "error": connection.error,
            "host": self.host.options["id"],
            "latency_ms": connection.latency_ms,
        }

    def among(self, body: Mapping[str, Any]) -> list[str]:
        """Return which of the jobs that a ``working`` message asks for run here, or wait to."""
        asked = body.get("jids")
        jids = [jid for jid in asked if isinstance(jid, str)] if isinstance(asked, list) else []
        return [*self.runner.among(jids), *self.held.among(jids)]

    def device_state(self) -> dict[str, Any] | None:
        """Return the same, with ``state``, ``proxytype``, ``hung`` (1 or 0) and what was counted; from any thread."""
        connection = self.connection
        return {
            **self.state_grain(),
            "state": connection.phase,
            "proxytype": self.loader.proxytype,
            "hung": int(self.lane.hung),
            "calls": connection.calls,
            "failures": connection.failures,
            "events_refused": self._events_refused,
        }

    def device_reconnect(self) -> bool:
        """Close and open it anew, from any thread."""
        self.host.loop.post(self.connection.anew)
        return True

    def may_send(self, size: int) -> bool:
        """Return whether its functions may send *size* bytes now of their own accord, from any thread."""
        if self._allowance is None:
            self._allowance = Allowance()
        if self._allowance.takes(size):
            return True
        self._events_refused += 1
        if self._events_refused == 1:
            text = f"{self.id}: its functions fire more events than are taken of one device: some are refused"
            self.host.loop.post(partial(self.devices.said.log, logging.WARNING, text))
        return False

    # jobs

    def request(self, command: str, args: dict[str, Any]) -> Any:
        """Call the master, for less than a call to the device may take: one that hangs is the master's fault then."""
        limit_s = min(CALL_TIMEOUT_S, OF_THE_LIMIT * (self.lane.limit_s or CALL_TIMEOUT_S))
        return self.host.calls.request(command, args, limit_s, minion=self.voice)

    def _is_aside(self) -> bool:
        """Whether it can't be spoken with: what doesn't need it is run elsewhere."""
        if self.lane.hung:
            self.host.loop.post(self.connection.hangs)
            return True
        return self.connection.phase != UP

    def _begin(self, job: Job) -> None:
        """Run a job, or answer at once that the device is down."""
        if self._is_aside() and self._is_known_to_need_it(job):
            self._returned(self._refused(job))
        else:
            self.runner.start(job)

    def _start_run(self, run: Run) -> bool:
        if not self.devices.may_speak(self.id):  # whoever may has this slot
            self.host.loop.post(partial(self.schedule.finished, run.name))
            return True
        if not self._is_aside():
            return super()._start_run(run)
        job = run.job(jid_of(run.jid_epoch_s))
        if not self._is_known_to_need_it(job):
            return self._start_scheduled(run.name, job)
        self._returned(self._refused(job))
        self.host.loop.post(partial(self.schedule.finished, run.name))
        return True

    def _execute(self, job: Job) -> Any:
        """Run a job in its lane, or aside."""
        if not self.devices.may_speak(self.id):
            return same_for_all(job, f"{self.id} was not asked: {NOT_OURS}", FAILED)
        if self._is_aside() and any(self._needs(fun) for fun, _ in job.functions()):
            return self._down(job)
        began = time.perf_counter()
        outcome = self.executor.begin(job)
        return self._timed(began, job, outcome) if isinstance(outcome, Outcome) else self._awaited(began, job, outcome)

    async def _awaited(self, began: float, job: Job, coming: Any) -> Outcome:
        return self._timed(began, job, await coming)

    def _timed(self, began: float, job: Job, outcome: Outcome) -> Outcome:
        """Count a job that spoke with the device, and doubt that it works when that failed."""
        names = (job.fun,) if isinstance(job.fun, str) else job.fun
        for fun in () if outcome.missing else names:
            if fun == SAMPLES or self._needs(fun):
                break
        else:
            return outcome
        failed = outcome.failed is not None
        self.connection.timed(began, failed=failed)
        if failed or outcome.retcode != 0:
            self.host.loop.post(self.connection.doubt)
        return outcome

    def _refused(self, job: Job) -> Any:
        return pack_return(job, self._down(job), None, self.max_return_bytes)

    def _down(self, job: Job) -> Outcome:
        connection = self.connection
        if connection.phase == UP:
            text = f"{self.id} is down: {HANGS}"
        elif connection.error:
            since = datetime.fromtimestamp(connection.since, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
            text = f"{self.id} is down since {since}: {connection.error}"
        else:
            text = f"{self.id} is not open yet"
        return same_for_all(job, text, FAILED)

    def _is_known_to_need_it(self, job: Job) -> bool:
        needs, kind = self.devices.needs, self.loader.proxytype
        return any(fun == SPEAKS or needs.get((kind, fun.partition(".")[0])) for fun, _ in job.functions())

    def _needs(self, fun: str) -> bool:
        """Return whether the function *fun* speaks with the device, in a worker: its module may have to be loaded."""
        if fun == SPEAKS or fun in self.lane.pools.control:
            return fun == SPEAKS
        key = self.loader.proxytype, fun.partition(".")[0]
        known = self.devices.needs.get(key)
        if known is None:
            try:
                module = getattr(self.loader.function(fun), "__globals__", {})
            except FunctionNotFound:
                return False  # which is then said
            said = module.get("__proxyenabled__")
            bundled = str(module.get("__name__")).startswith("saltern_modules.")
            known = self.devices.needs[key] = not (bundled and said and "*" in said)
        return known

    def _aside(self, failure: str, work: Callable[[], object]) -> None:
        def done(_: Any, error: BaseException | None) -> None:
            if error is not None:
                log.warning("%s: %s: %s", self.id, failure, error)

        if not self._is_aside():
            self.lane.submit(work, done)

    # its end

    def end(self, then: Callable[[], None], *, at_once: bool) -> None:
        """Serve it no more: close it when what runs is over, or is given up, *at_once* or soon, and call *then*."""
        self.schedule.stop()
        if self._mine_timer is not None:
            self._mine_timer.cancel()
        taken = f"{self.id} was taken from this host"
        self.runner.leave_out(taken)
        for job in self.held.taken_out():
            outcome = same_for_all(job, f"{taken} before the job began", FAILED)
            self._returned(pack_return(job, outcome, None, self.max_return_bytes))
        give_up = partial(self.lane.give_up, f"{taken} while the job was running")
        if at_once:
            give_up()  # before it is closed, which has its time all the same
        self.connection.close(partial(self._ended, then, taken))
        self.host.loop.later(GOODBYE_S if at_once else MOVE_S, give_up)

    def _ended(self, then: Callable[[], None], taken: str) -> None:
        self.runner.close(taken)
        self.lane.close()
        self.loader.close()
        then()

    # options

    def _opts(self, services: Services) -> dict[str, Any]:
        proxy = self.proxy if self.proxy.get("proxytype") else {**self.proxy, "proxytype": UNKNOWN_TYPE}
        own = {**self._own, "proxyid": self.id, "proxy": proxy, "proxy_named": self._named}
        return {**own, "cachedir": self.devices.cachedir_of(self.id), "__agent__": services}

    def _load(self, services: Services) -> Tenant:
        return Tenant(self.devices.library, self._opts(services), self.devices.current)


def _fault(proxy: Any) -> str:
    """Return what is wrong with a device's ``proxy:``, empty when nothing is."""
    if proxy is None:
        return (
            "its pillar has no proxy: it is to say how the device is spoken with, as in proxy: {proxytype: http_json}"
        )
    if not isinstance(proxy, dict):
        return f"its pillar's proxy: must be a mapping with a proxytype, not {type(proxy).__name__}"
    proxytype = proxy.get("proxytype")
    if not isinstance(proxytype, str) or not proxytype.replace("_", "").isalnum():
        return "its pillar's proxy: names no proxytype, as in proxy: {proxytype: http_json, url: …}"
    return ""
