"""The scheduled jobs of a minion: the master's, overlaid by the minion's own, kept on disk (``kept_schedule.py``).

The last schedule that the master sent is in ``cachedir/schedule``, so that an agent that starts while its master is
away samples all the same, into the spool. Which slot was begun last is on disk before it is run (``begun.py``), and
what came of those that weren't, or brought no sample, in the ledger (``ledger.py``).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

from saltern.errors import CommandError, ConfigError
from saltern.named import NamedTuple
from saltern_agent.accounts import Accounts
from saltern_agent.begun import Begun
from saltern_agent.jobs import Job
from saltern_agent.kept_schedule import KeptSchedule
from saltern_agent.origin import Origin
from saltern_agent.own_values import own
from saltern_agent.return_to import NOWHERE, ReturnTo, return_to
from saltern_agent.slots import Slots, slot_epoch_s, stable_hash

log = logging.getLogger(__name__)

MAX_WAIT_S = 60.0  # after a step of the clock a job is at most this late
MIN_SECONDS = 0.1
MAX_SECONDS = 366 * 86400.0
MAX_NAME_CHARACTERS = 512  # of what the master takes in returns and accounts
LOCAL_DEFAULTS = {"metrics": False, "return_job": True}
"""Of a job that only this minion has: somebody wants to see its returns."""


class Definition(NamedTuple):
    """What a scheduled job does."""

    function: str
    seconds: float
    args: list[Any]
    kwargs: dict[str, Any]
    metrics: bool
    return_job: bool
    enabled: bool
    ret: ReturnTo = NOWHERE

    def described(self) -> dict[str, Any]:
        """Return it as ``parse`` takes it."""
        described = self._asdict()
        del described["ret"]
        to = {"returner": ",".join(self.ret.names), "return_config": self.ret.config, "return_kwargs": self.ret.kwargs}
        return described | {key: value for key, value in to.items() if value}


KEYS = (*(key for key in Definition._fields if key != "ret"), "returner", "return_config", "return_kwargs")
"""Of a definition, as schedules and ``schedule.add`` write it."""


class Run(NamedTuple):
    """One run of a scheduled job that is due: ``jid_epoch_s`` is what its jid is made of, ``device`` whose it is."""

    name: str
    definition: Definition
    slot_epoch_s: float
    jid_epoch_s: float
    device: str = ""

    @property
    def origin(self) -> Origin:
        """What a loss of its return is counted for."""
        return Origin(self.name, self.definition.seconds, self.slot_epoch_s, self.device)

    def job(self, jid: str) -> Job:
        """Return what a worker does for it, as *jid*."""
        definition = self.definition
        extra = {
            "schedule": self.name,
            "slot": self.slot_epoch_s,
            "metrics": definition.metrics,
            "return_job": definition.return_job,
        }
        args, kwargs = own(definition.args), own(definition.kwargs)
        job = Job(jid, definition.function, args, kwargs, user="schedule", extra=extra, origin=self.origin, about={})
        job.ret = definition.ret
        return job


class Cancellable(Protocol):
    """A timer."""

    def cancel(self) -> None:
        """Never fire."""


class Entry:
    """A scheduled job and its state.

    ``running`` until ``Schedule.finished``; ``key`` is its name in the record of what was begun, ``series`` how many
    slots were skipped one after the other.
    """

    __slots__ = ("definition", "key", "running", "series", "slots", "source", "timer")

    def __init__(self, name: str, definition: Definition, slots: Slots, source: str, device: str) -> None:
        self.definition = definition
        self.slots = slots
        self.source = source
        key = f"{float(definition.seconds)}/{name}"
        self.key = stable_hash(f"{device}\0{key}" if device else key)
        self.running = False
        self.series = 0
        self.timer: Cancellable | None = None


class Schedule:
    """Fires the jobs of one minion; *device*: that is not the host itself.

    *later* sets a timer, *start* starts a run and returns whether there was a worker for it, *kept* is where the
    schedule is kept; *begun* remembers slots over restarts, *ledger* what was skipped. ``skipped`` counts slots whose
    predecessor was still running, or that had no worker, since the start. *parsed* is ``parse``, or one that remembers;
    *say* logs a line at a level.
    """

    def __init__(
        self,
        minion_id: str,
        kept: KeptSchedule,
        later: Callable[[float, Callable[[], None]], Cancellable],
        start: Callable[[Run], bool],
        clock: Callable[[], float] = time.time,
        *,
        begun: Begun,
        ledger: Accounts,
        device: bool = False,
        parsed: Callable[[str, Any], Definition] | None = None,
        say: Callable[[int, str], None] = log.log,
    ) -> None:
        self.skipped = 0
        self._begun = begun
        self._ledger = ledger
        self._minion_id = minion_id
        self._device = minion_id if device else ""
        self._whose = f"{minion_id}: " if device else ""
        self._parsed = parsed or parse
        self._say = say
        self._kept = kept
        kept.on_late(self.load)
        self._later = later
        self._start = start
        self._clock = clock
        self._entries: dict[str, Entry] = {}
        self._master: dict[str, Any] = {}
        self._local: dict[str, Any] = {}  # None for a job of the master's that is deleted here

    def load(self) -> None:
        """Take up the schedule that was kept, if there is one, and run its jobs for the current slot.

        What the master said, or somebody changed here, since that could not be read is newer.
        """
        late = self._kept.unread
        kept = self._kept.read()
        if kept is not None:
            self._master, self._local = self._master or kept[0], {**kept[1], **self._local}
            self._apply(at_once=True)
        if late and not self._kept.unread:
            self._save()

    def install(self, master: Mapping[str, Any], *, at_once: bool) -> None:
        """Take over the master's whole schedule; jobs that are as before go on undisturbed.

        New jobs run for the current slot when *at_once*, and otherwise wait for their phase.
        """
        if master != self._master:
            self._master = master if isinstance(master, dict) else dict(master)  # perhaps that of many devices
            self._save()
        self._apply(at_once=at_once)

    def modify(self, name: str, job: Mapping[str, Any] | None) -> bool:
        """Override the job *name* here, or delete it when *job* is ``None``; return whether that changed anything.

        Raises ``ConfigError`` for a job that can't be run.
        """
        if job is None:
            if name not in self._entries:
                return False
            self._local.pop(name, None)
            if name in self._master:
                self._local[name] = None
        else:
            given = {key: value for key, value in job.items() if key in KEYS}
            base = self._local.get(name) or self._master.get(name) or LOCAL_DEFAULTS
            merged = {**base, **given}
            self._parsed(name, merged)
            if self._local.get(name) == merged:
                return False
            self._local[name] = merged
        self._save()
        self._apply(at_once=False)
        return True

    def stop(self) -> None:
        """Fire nothing any more."""
        for name in list(self._entries):
            self._remove(name)

    def clock_was_set(self) -> None:
        """Look at the clock anew: every job waits for its next slot by what it shows now."""
        for name, entry in self._entries.items():
            if entry.timer is not None:
                entry.timer.cancel()
                self._arm(name, entry)

    def run_now(self, name: str) -> Run:
        """Return a run of the job *name* beside its slots. Raises ``CommandError`` for an unknown name."""
        entry = self._entries.get(name)
        if entry is None:
            raise CommandError(f"there is no scheduled job {name!r}: there are {', '.join(self._entries) or 'none'}")
        now = self._clock()
        slot = int(now // entry.slots.interval_s)
        return Run(name, entry.definition, entry.slots.epoch_s(slot), now, self._device)

    def finished(self, name: str) -> None:
        """Say that the run of *name* is over."""
        entry = self._entries.get(name)
        if entry is not None:
            entry.running = False

    def describe(self) -> dict[str, dict[str, Any]]:
        """Return every job's definition and state.

        As ``saltern_modules._agent.Agent.schedule`` promises, but for what waits in the outbox.
        """
        now = self._clock()
        return {
            name: {
                **entry.definition.described(),
                "source": entry.source,
                "running": entry.running,
                "next_slot": _next_slot(entry, now) if entry.definition.enabled else None,
                "last_slot": self._last_begun(entry),
                **self._ledger.of(name),
            }
            for name, entry in self._entries.items()
        }

    def _apply(self, *, at_once: bool) -> None:
        wanted = {**self._master, **self._local}
        for name in [name for name in self._entries if wanted.get(name) is None]:
            self._remove(name)
        for name, job in wanted.items():
            if job is None:
                continue
            try:
                definition = self._parsed(name, job)
            except ConfigError as error:
                self._say(logging.ERROR, f"{self._whose}{error}")
                self._remove(name)
                continue
            self._put(name, definition, "local" if name in self._local else "master", at_once)
        self._ledger.retain(self._entries)

    def _put(self, name: str, definition: Definition, source: str, at_once: bool) -> None:
        old = self._entries.get(name)
        if old is not None and old.definition == definition:
            old.source = source
            return
        entry = Entry(name, definition, Slots(f"{self._minion_id}/{name}", definition.seconds), source, self._device)
        last = self._last_begun(entry)
        if last is not None:
            entry.slots.last = round(last / definition.seconds)
        goes_on = False
        if old is not None:
            entry.running, entry.series = old.running, old.series
            if old.definition.seconds == definition.seconds:
                entry.slots.last = old.slots.last
                goes_on = old.definition.enabled
            self._remove(name)
        self._entries[name] = entry
        if not definition.enabled:
            return
        now = self._clock()
        if not at_once:
            if not goes_on:
                entry.slots.due(now)  # as if run: it waits for its phase
        elif (slot := entry.slots.current(now)) is not None:
            self._begin(name, entry, slot)
        self._arm(name, entry)

    def _remove(self, name: str) -> None:
        entry = self._entries.pop(name, None)
        if entry is not None and entry.timer is not None:
            entry.timer.cancel()

    def _arm(self, name: str, entry: Entry) -> None:
        wait_s = min(entry.slots.wait_s(self._clock()), MAX_WAIT_S)
        entry.timer = self._later(wait_s, partial(self._fire, name, entry))

    def _fire(self, name: str, entry: Entry) -> None:
        try:
            slot = entry.slots.due(self._clock())
            if slot is not None:
                self._begin(name, entry, slot)
        finally:
            self._arm(name, entry)

    def _begin(self, name: str, entry: Entry, slot: int) -> None:
        slots = entry.slots
        run = Run(name, entry.definition, slots.epoch_s(slot), slots.jid_epoch_s(slot), self._device)
        self._begun.begin(entry.key, run.slot_epoch_s)
        if entry.running or not self._start(run):
            entry.series += 1
            self.skipped += 1
            if entry.series == 1:
                reason = "its last run isn't over" if entry.running else "no worker is free"
                self._say(logging.WARNING, f"{self._whose}schedule: {name}: a slot was skipped: {reason}")
            self._ledger.skip(run.origin)
            return
        entry.running = True
        if entry.series:
            text = f"schedule: {name}: runs again, after slots that were skipped: {entry.series}"
            self._say(logging.INFO, f"{self._whose}{text}")
            entry.series = 0

    def _last_begun(self, entry: Entry) -> float | None:
        slot = self._begun.last(entry.key)
        return None if slot is None else slot_epoch_s(round(slot / entry.slots.interval_s), entry.slots.interval_s)

    def _save(self) -> None:
        self._kept.write(self._master, self._local)


def parse(name: str, job: Any) -> Definition:
    """Return the definition of the scheduled job *name*. Raises ``ConfigError`` that says what is wrong."""
    where = f"schedule: {name}"
    if not isinstance(job, Mapping):
        raise ConfigError(f"{where}: must be a mapping with function and seconds, not {job!r:.60}")
    if not (isinstance(name, str) and 0 < len(name) <= MAX_NAME_CHARACTERS and name.isprintable()):
        raise ConfigError(f"schedule: {name!r:.60}: a name is 1 to {MAX_NAME_CHARACTERS} printable characters")
    function, seconds = job.get("function"), job.get("seconds")
    args, kwargs = job.get("args") or [], job.get("kwargs") or {}
    if not isinstance(function, str) or "." not in function:
        raise ConfigError(f"{where}: function must be like stats.collect, not {function!r:.60}")
    if not isinstance(seconds, (int, float)) or not MIN_SECONDS <= seconds <= MAX_SECONDS:
        raise ConfigError(f"{where}: seconds must be between {MIN_SECONDS} and a year, not {seconds!r:.60}")
    if not isinstance(args, list) or not isinstance(kwargs, Mapping):
        raise ConfigError(f"{where}: args must be a list and kwargs a mapping")
    return Definition(
        function,
        seconds,
        list(args),
        {str(key): value for key, value in kwargs.items()},
        metrics=bool(job.get("metrics", True)),
        return_job=job.get("return_job", False) not in (False, None, "nocache"),
        enabled=bool(job.get("enabled", True)),
        ret=return_to(job.get("returner"), job.get("return_config"), job.get("return_kwargs")),
    )


def _next_slot(entry: Entry, now: float) -> float:
    fires_at = now + entry.slots.wait_s(now)
    return entry.slots.epoch_s(int((fires_at - entry.slots.phase_s) / entry.slots.interval_s + 0.5))
