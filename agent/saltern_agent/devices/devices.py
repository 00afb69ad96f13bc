"""The devices of one host: which of them it serves, what the master says to them, and what they share.

By docs/protocol.md, "Devices"::

    list ──▶ new ──attach──▶ briefed ──modules are there──▶ opened ──▶ attach again, schedule
             list without it ──▶ ended: jobs answered, closed ──all is acknowledged──▶ released
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from saltern.complaints import Complaints
from saltern.errors import IdError, WireError
from saltern.ids import check_minion_id
from saltern.wire import Message, pack, unpack
from saltern_agent.alike import Alike
from saltern_agent.begun import Begun
from saltern_agent.devices.at_work import AtWork
from saltern_agent.devices.copied_job import copied
from saltern_agent.devices.definitions import Definitions
from saltern_agent.devices.departures import Departures
from saltern_agent.devices.device import Device
from saltern_agent.devices.heap import Heap
from saltern_agent.devices.introductions import Introductions
from saltern_agent.devices.lanes import Lanes
from saltern_agent.devices.lease import DEFAULT_S, Lease
from saltern_agent.devices.local_schedules import LocalSchedules
from saltern_agent.devices.openings import Openings
from saltern_agent.devices.pillar_calls import PillarCalls
from saltern_agent.devices.rationed import Rationed
from saltern_agent.devices.struck_log import strike_log
from saltern_agent.jobs import Job, read_job
from saltern_agent.loader.bound import CarriedCurrent
from saltern_agent.loader.marks import Marks
from saltern_agent.loader.shared_library import SharedLibrary
from saltern_agent.loader.slot import Slot
from saltern_agent.loader.source import PROXY
from saltern_agent.minion import Records
from saltern_agent.sync import folders_by_kind

if TYPE_CHECKING:
    from saltern_agent.host import Host

log = logging.getLogger(__name__)

MAX_DEVICES = 20_000
MAX_RECORDS = 100_000  # of slots that were begun
DELIVERIES = 200  # messages to single devices in one step of the loop
WINDOW, MAX_WINDOW = 64, 1024
"""Of the outbox: so many messages may be on their way for a host itself, and for one of many devices."""

LOOK_S = 1.0  # a look costs more than a short call
CLOSE_S = 3.0  # for devices to be closed when the agent ends


class Devices:
    """The devices of *host*. Methods are for the loop's thread unless they say otherwise."""

    def __init__(self, host: Host) -> None:
        self.host = host
        options = cast("dict[str, Any]", host.options)
        self._folder = os.path.join(options["cachedir"], "devices")
        self.current = CarriedCurrent()
        self.library = SharedLibrary(
            options,
            folders_by_kind(options),
            Marks(os.path.join(options["cachedir"], "loading_for_devices"), keep=True),
        )
        self.lanes = Lanes(
            options["device_threads"],
            options["device_slow_threads"],
            over=self._call_over,
            coroutines=self.library.coroutines(),
        )
        self.library.coroutines().on_left = partial(host.loop.post, self._loop_left)
        strike_log(self.library)
        self._look_at = 0.0
        self.definitions = Definitions()
        self.needs: dict[tuple[str, str], bool] = {}
        """By proxytype and module, whether its functions speak with the device, as far as that is known."""
        self.openings = Openings()
        later = host.loop.later
        self._heap = Heap(later)
        self.said = Rationed(
            log, later, "lines about single devices were left out: saltern-run manage.devices shows all"
        )
        self.members: dict[str, Device] = {}
        self.ledgers = host.device_ledgers
        self.ledgers.say = self.said.log
        self.ledgers.noted = host.accountant.noted
        host.accountant.of_devices = self.ledgers.report
        self._begun = Begun(os.path.join(self._folder, "slots"), MAX_RECORDS)
        self._schedules = LocalSchedules(os.path.join(self._folder, "schedules"))
        host.upkeep.also(self._schedules.file)
        self.introductions = Introductions(self._begin, self._tell, later)
        self.departures = Departures(host.outbox.when_acknowledged, host.send_now, later)
        self.pillar_calls = PillarCalls(host.calls, later, self._pillar_came)
        self._at_work = AtWork(host)
        self.lease = Lease(host.send_now, later, self._settle)
        self._wanted: dict[str, None] = {}
        self._shared: frozenset[str] = frozenset()
        self._ending: dict[str, Device] = {}
        self._inbox: deque[tuple[Device, Message]] = deque()
        self._complaints = Complaints(log)

    def _call_over(self) -> None:
        """Look after memory now and then, in the thread in which a call has just ended."""
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + LOOK_S
            self.host.memory.look()

    # what the host tells

    def listed(self, body: Mapping[str, Any]) -> None:
        """Serve the devices of a ``devices`` message, and no others."""
        wanted = self._ids(body.get("devices"))
        shared = frozenset(self._ids(body.get("shared"))) & wanted.keys()
        if wanted.keys() != self._wanted.keys():
            log.info("devices that this host is to serve: %d, %d of them shared", len(wanted), len(shared))
        for name in self._wanted.keys() - wanted.keys():
            if name not in self.members and name not in self._ending:  # it was not begun with yet
                self.departures.add(name)
        self._wanted, self._shared = wanted, shared
        asked, lease_s = body.get("asked"), body.get("lease")
        self.lease.listed(
            asked if isinstance(asked, int) else 0,
            float(lease_s) if isinstance(lease_s, (int, float)) else DEFAULT_S,
            wanted=bool(shared),
        )
        self._settle()

    def leased(self, question: int) -> None:
        """The master has granted a lease."""
        self.lease.answered(question)

    def received(self, body: Mapping[str, Any]) -> None:
        """Heed what the master says to devices, in the order in which it came."""
        frame = body.get("message")
        try:
            if not isinstance(frame, bytes):
                raise WireError("there is no message in it")
            message = unpack(frame, secrets=True)
        except WireError as error:
            self._complaints.say("for", f"a message to devices was ignored: {error}")
            return
        if message.type not in self._HANDLERS:
            log.debug("a message of the unknown type %.40s to devices was ignored", message.type)
            return
        minions = body.get("minions")
        named = [name for name in minions if isinstance(name, str)] if isinstance(minions, list) else []
        found = [device for name in named if (device := self.members.get(name)) is not None]
        if message.type == "job" and found:
            try:
                job = read_job(message.body)
            except (WireError, IdError) as error:
                self._complaints.say("job", f"a job for devices was ignored: {error}")
                return
            job.alike = None if job.arg or job.kwarg else Alike()
            self.say_job(job, found)
            message = Message("job", 0, {"job": job})
        begins = not self._inbox
        self._inbox.extend((device, message) for device in found)
        if begins:
            self._deliver()

    def welcomed(self) -> None:
        """The master took the host in: say what is served."""
        # Not what is closed: who claims what another has by now would be given it.
        self.host.send_now(pack("serving", 0, {"devices": [*self._spoken_for(), *self._ending]}))
        self.departures.again()
        self.lease.ask()

    def attached(self) -> None:
        """The host has asked for jobs on a new connection, or since a welcome: so do its devices."""
        self.introductions.opened(self._spoken_for())

    def lost(self) -> None:
        """The channel is away."""
        self.introductions.closed()
        self.departures.closed()
        self.pillar_calls.closed()

    def synced(self) -> None:
        """Modules are there: devices can be opened."""
        for device in self.members.values():
            if device.pillar_digest:
                device.configure()
            device.install_schedule()

    def modules_changed(self, changed: Sequence[str]) -> None:
        """Load anew what changed on disk; from any thread.

        Devices whose proxymodule is among that are opened anew.
        """
        before = self._proxymodules()
        self.library.forget(changed)
        gone = before - self._proxymodules()
        self.needs.clear()
        for device in list(self.members.values()):
            anew = not gone.isdisjoint(device.loader.states)
            device.loader.settle()
            if anew or device.loader.proxytype in changed:
                self.host.loop.post(device.connection.anew)

    def regrain(self) -> None:
        """Collect their grains again, of those that are up; from any thread."""
        for device in list(self.members.values()):
            if device is not self.host.own:
                device.facts.refresh()

    def _loop_left(self) -> None:
        for device in self.members.values():
            device.connection.loop_left()

    def _proxymodules(self) -> set[Slot]:
        """Return the sources of proxymodules, those that were loaded anew being others."""
        return {slot for slots in list(self.library.shelves[PROXY].slots.values()) for slot in slots}

    def clock_was_set(self) -> None:
        """Have all wait for their next slots by what the clock shows now."""
        for device in self.members.values():
            device.schedule.clock_was_set()

    def may_speak(self, name: str) -> bool:
        """Return whether the device *name* may be spoken with at this moment; from any thread."""
        return name not in self._shared or self.lease.good

    def close(self) -> None:
        """End all, before the outbox is closed: jobs are answered, and devices closed as far as that goes quickly."""
        self.lease.close()
        left = len(self.members)
        closed = threading.Event()
        lock = threading.Lock()

        def over(_: object, __: object) -> None:
            nonlocal left
            with lock:
                left -= 1
                if not left:
                    closed.set()

        for device in self.members.values():
            device.runner.close()
            close = partial(device.proxied.begin, "close") if device.proxied and device.connection.up else None
            if close is None or not device.lane.submit(close, over, first=True):
                over(None, None)
        if self.members and not closed.wait(CLOSE_S):
            log.warning("devices that were not closed within %g s: %d", CLOSE_S, left)
        self.lanes.close()
        self.ledgers.save()
        self._begun.close()

    def say_job(self, job: Job, devices: Sequence[Device]) -> None:
        """Log that *job* is for *devices*."""
        some = ", ".join(device.id for device in devices[:3])
        more = f" and {len(devices) - 3} more" if len(devices) > 3 else ""
        log.info("job %s: %s for %s, on %s%s", job.jid, job.fun, job.user or "the master", some, more)

    # what they are, for the host's own modules

    def stats(self) -> dict[str, int]:
        """Return how many devices there are, are up, are down and hang, and how it is with calls to them."""
        members = list(self.members.values())
        calls = {name: count for name, count in self.lanes.stats().items() if name != "given_up"}
        up = sum(1 for device in members if device.connection.up and not device.lane.hung)
        return {"served": len(members), "up": up, "down": len(members) - up, **calls}

    def cachedir_of(self, device: str) -> str:
        """Return a folder of a device's own, which isn't there before somebody makes it."""
        return os.path.join(self._folder, device)

    # the list

    def _settle(self) -> None:
        """Begin what is to be served and isn't, and end what isn't to be."""
        served = {name for name in self._wanted if name not in self._shared or self.lease.held}
        for name in [name for name, device in self.members.items() if device.voice and name not in served]:
            self._end(name)
        self.departures.forget(served)
        new = [name for name in self._wanted if name in served and name not in self.members]
        self.host.outbox.window = min(max(WINDOW, len(served)), MAX_WINDOW)
        self.introductions.retain(served)
        self.introductions.add(name for name in new if name not in self._ending)

    def _spoken_for(self) -> list[str]:
        """Return the devices for which this host speaks."""
        return [name for name, device in self.members.items() if device.voice]

    def _is_served(self, name: str) -> bool:
        return name in self._wanted and (name not in self._shared or self.lease.held)

    def _begin(self, name: str) -> None:
        """Make a device, when it isn't there yet."""
        if name not in self.members:
            records = Records(self.ledgers.of(name), self._begun, self._schedules.of(name))
            self.members[name] = Device(self, name, records, voice=name)
            self._heap.changed()

    def _end(self, name: str) -> None:
        device = self.members.pop(name)
        self.introductions.remove(name)
        self._ending[name] = device
        device.end(partial(self._ended, name), at_once=name in self._wanted)  # another may have it in a moment

    def _ended(self, name: str) -> None:
        self._ending.pop(name, None)
        self._heap.changed()
        self.ledgers.forget(name)
        if self._is_served(name):
            self.introductions.add([name])
        else:
            self.departures.add(name)

    def _tell(self, name: str) -> bool:
        device = self.members.get(name)
        return device is None or self.host.channel.ask(device.attach_frame())

    # what the master says to them

    def _deliver(self) -> None:
        """Hand over messages; many take several steps of the loop, between which others have theirs."""
        questions: dict[int, tuple[Message, list[Device]]] = {}
        for _ in range(min(DELIVERIES, len(self._inbox))):
            device, message = self._inbox.popleft()
            if self.members.get(device.id) is not device:
                continue
            if message.type == "working":
                questions.setdefault(message.seq, (message, []))[1].append(device)
                continue
            self._HANDLERS[message.type](self, device, message)
        for message, asked in questions.values():
            self._at_work.answer(message, asked)
        if self._inbox:
            self.host.loop.post(self._deliver)

    def _job(self, device: Device, message: Message) -> None:
        device.start(copied(message.body["job"]))

    def _schedule(self, device: Device, message: Message) -> None:
        device.take_schedule(message.body.get("schedule"))
        if self.host.synced:
            device.install_schedule(at_once=False)

    def _pillar(self, device: Device, message: Message) -> None:
        self.pillar_calls.ask(device.id)

    def _brief(self, device: Device, message: Message) -> None:
        self.introductions.briefed(device.id)  # first: there may be news at once
        device.brief(message.body)

    def _answer_working(self, device: Device, message: Message) -> None:
        """Is done for all at once."""

    _HANDLERS: dict[str, Callable[[Devices, Device, Message], None]] = {  # noqa: RUF012  # never changed
        "job": _job,
        "working": _answer_working,
        "schedule": _schedule,
        "pillar": _pillar,
        "brief": _brief,
    }

    def _pillar_came(self, name: str, pillar: Any) -> None:
        device = self.members.get(name)
        if device is not None:
            device.take_pillar(pillar)

    def _ids(self, listed: Any) -> dict[str, None]:
        """Return the ids in a list, in order; what can't be one is said."""
        found: dict[str, None] = {}
        for name in listed if isinstance(listed, list) else ():
            if len(found) >= MAX_DEVICES:
                self._complaints.say("many", f"over {MAX_DEVICES:,} devices are listed: those beyond are not served")
                break
            try:
                found.setdefault(check_minion_id(name))
            except IdError as error:
                self._complaints.say("id", f"a device is not served: {error}")
        return found
