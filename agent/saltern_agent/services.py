"""What modules may ask of the agent: ``__opts__['__agent__']``, by the contract in ``saltern_modules._agent``."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from saltern.complaints import Complaints
from saltern.errors import WireError
from saltern.plain import Plain
from saltern.wire import pack
from saltern_agent.jobs import Current
from saltern_agent.loader import Loader

if TYPE_CHECKING:
    from saltern_agent.minion import Minion
    from saltern_modules._agent import Synced

log = logging.getLogger(__name__)


class LocalServices:
    """What needs no running agent; the rest says so."""

    def __init__(self, current: Current) -> None:
        self._current = current
        self._loader: Loader | None = None

    def __deepcopy__(self, memo: dict[int, Any]) -> LocalServices:
        """Return this: a copy of a module's options is one of the options, not of the agent."""
        return self

    def serve(self, loader: Loader) -> None:
        """Use *loader*, which is made after this object because its modules are given it."""
        self._loader = loader

    @property
    def loader(self) -> Loader:
        """The modules of this agent."""
        assert self._loader is not None
        return self._loader

    def functions(self, modules: Iterable[str] | None = None) -> dict[str, Callable[..., Any]]:
        """Return the functions of *modules* by ``module.function``; of all by default, which loads them all."""
        return self.loader.functions(modules)

    def returners(self) -> dict[str, Callable[..., Any]]:
        """Return every function of returners, by ``returner.function``; loads all of them."""
        return self.loader.returners()

    def load_errors(self) -> dict[str, str]:
        """Return the modules that are not there, each with its reason."""
        return self.loader.load_errors()

    def refresh_modules(self) -> bool:
        """Forget every loaded module, so that the next call loads it anew."""
        self.loader.forget()
        return True

    def event_frame(self, seq: int, data: dict[str, Any], tag: str, max_bytes: int) -> bytes:
        """Return the message that sends an event, without secrets. Raises ``WireError`` when it is too large."""
        strikeout = self.loader.strikeout()
        if strikeout:
            data = strikeout.value(Plain().of(data))
        try:
            return pack("event", seq, {"tag": tag, "data": data}, max_bytes)
        except WireError:
            return pack("event", seq, {"tag": tag, "data": Plain().of(data)}, max_bytes)

    def current_job(self) -> dict[str, Any]:
        """Return the calling thread's job: ``jid``, ``fun``, and ``schedule`` when a schedule started it."""
        job = self._current.job
        if job is None:
            return {}
        described = {"jid": job.jid, "fun": job.fun}
        if "schedule" in job.extra:
            described["schedule"] = job.extra["schedule"]
        return described

    def devices(self) -> dict[str, int]:
        """Return how many devices this agent speaks for: none."""
        return {}

    def device_state(self) -> dict[str, Any] | None:
        """Return how the device is that the minion stands for: it stands for none."""
        return None

    def device_reconnect(self) -> bool:
        """Do nothing, for there is no device."""
        return False

    def register_child(self, pid: int) -> None:
        """Say that process group *pid* belongs to the current job, so that killing the job reaches it."""
        if self._current.job is not None:
            self._current.job.register_child(pid)

    def forget_child(self, pid: int) -> None:
        """Say that *pid* has ended."""
        if self._current.job is not None:
            self._current.job.forget_child(pid)


class Services(LocalServices):
    """Everything, asked of a minion of a running agent; every method may be called from any thread but the loop's."""

    def __init__(self, minion: Minion) -> None:
        super().__init__(minion.current)
        self._minion = minion
        self._host = minion.host
        self._not_sent = Complaints(log)

    def module_versions(self) -> dict[str, dict[str, str | None]]:
        """Return the synced modules as ``{name: {'digest': sha256 hex, 'commit': git id or None}}``."""
        return self._host.modules.sync.versions()

    def refresh_modules(self) -> bool:
        """Forget every loaded module, so that the next call loads it anew."""
        self._minion.forget_modules()
        return True

    def sync_modules(self, kinds: Sequence[str]) -> Synced:
        """Fetch what the master has of *kinds*: ``modules``, ``utils``."""
        return self._host.modules.fetch(kinds)

    def refresh_grains(self) -> bool:
        """Collect the grains again, and tell the master."""
        self._minion.facts.refresh()
        return True

    def refresh_pillar(self) -> bool:
        """Fetch the pillar again."""
        self._minion.refresh_pillar()
        return True

    def running(self) -> list[dict[str, Any]]:
        """Return the jobs running now: ``jid``, ``fun``, ``arg``, ``pid``, ``tid``, ``started``, ``user``, ``waiting``.

        ``waiting``: it hasn't begun, because no worker is free.
        Arguments of jobs that the calling job may not see are ``***``.
        """
        return self._minion.runner.running(self._current.job)

    def kill_job(self, jid: str, signal: int) -> str:
        """End the job *jid* with *signal*; return a line that says what was done.

        Raises ``CommandError`` for one that the calling job may not end.
        """
        return self._minion.runner.kill_for(self._current.job, jid, signal)

    def schedule(self) -> dict[str, dict[str, Any]]:
        """Return each scheduled job's definition together with its state."""
        jobs: dict[str, dict[str, Any]] = self._host.loop.ask(self._minion.scheduled)
        return jobs

    def schedule_modify(self, name: str, job: dict[str, Any] | None) -> bool:
        """Override the job *name* on this minion, or delete it when *job* is None."""
        return bool(self._host.loop.ask(lambda: self._minion.schedule.modify(name, job)))

    def schedule_run(self, name: str) -> str:
        """Run the scheduled job *name* now; return its jid."""
        return str(self._host.loop.ask(lambda: self._minion.run_scheduled_now(name)))

    def fire_event(self, data: dict[str, Any], tag: str) -> bool:
        """Send an event to the master's bus; return whether it was accepted for sending.

        It is kept like a return while the master is away. One that is too large is not accepted, nor one of a device
        that fires more than its share.
        """
        try:
            frame = self.event_frame(0, data, tag, self._minion.max_return_bytes)
        except WireError as error:
            self._not_sent.say(tag, f"event {tag} was not sent: {error}")
            return False
        if not self._minion.may_send(len(frame)):
            return False
        self._host.loop.post(lambda: self._minion.send_later(frame))
        return True

    def request(self, command: str, **kwargs: Any) -> Any:
        """Call the master: ``file_list``, ``file_hash``, ``file_chunk``, ``pillar``. Raises ``ChannelError``."""
        return self._minion.request(command, kwargs)

    def connected(self) -> bool:
        """Say whether the channel to the master is up."""
        return self._host.connected

    def queue_stats(self) -> dict[str, int]:
        """Return ``pending``, ``spooled``, ``spool_bytes``, ``dropped`` and ``skipped`` of the agent's returns.

        And of jobs how many are ``waiting`` for a worker, and were ``refused`` because there was none.
        """
        return self._minion.queue_stats()

    def devices(self) -> dict[str, int]:
        """Return how many devices this agent speaks for, and how they are and calls to them; nothing without any.

        ``served``, ``up``, ``down``, ``hung``; of calls ``running``, ``waiting``, ``slow``, ``refused``; ``threads``.
        """
        return {} if self._host.devices is None else self._host.devices.stats()

    def device_state(self) -> dict[str, Any] | None:
        """Return how the device is that the minion stands for; ``None`` for a host."""
        return self._minion.device_state()

    def device_reconnect(self) -> bool:
        """Close the device and open it anew, and don't wait for that; return whether the minion stands for one."""
        return self._minion.device_reconnect()
