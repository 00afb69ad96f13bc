"""What modules may ask of the agent: ``__opts__['__agent__']``, by the contract in ``saltern_modules._agent``."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from saltern.complaints import Complaints
from saltern.errors import ChannelError, CommandError, WireError
from saltern.plain import Plain
from saltern.wire import pack
from saltern_agent import grains
from saltern_agent.jobs import Current
from saltern_agent.loader import Loader
from saltern_agent.sync import Sync

if TYPE_CHECKING:
    from saltern.config import MinionOptions
    from saltern_agent.agent import Agent
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

    def register_child(self, pid: int) -> None:
        """Say that process group *pid* belongs to the current job, so that killing the job reaches it."""
        if self._current.job is not None:
            self._current.job.register_child(pid)

    def forget_child(self, pid: int) -> None:
        """Say that *pid* has ended."""
        if self._current.job is not None:
            self._current.job.forget_child(pid)


class Services(LocalServices):
    """Everything, asked of a running agent; every method may be called from any thread but the loop's."""

    def __init__(self, agent: Agent) -> None:
        super().__init__(agent.current)
        self._agent = agent
        self._not_sent = Complaints(log)

    def module_versions(self) -> dict[str, dict[str, str | None]]:
        """Return the synced modules as ``{name: {'digest': sha256 hex, 'commit': git id or None}}``."""
        return self._agent.modules.sync.versions()

    def sync_modules(self, kinds: Sequence[str]) -> Synced:
        """Fetch what the master has of *kinds*: ``modules``, ``utils``."""
        return self._agent.modules.fetch(kinds)

    def refresh_grains(self) -> bool:
        """Collect the grains again, and tell the master."""
        self._agent.facts.refresh()
        return True

    def refresh_pillar(self) -> bool:
        """Fetch the pillar again."""
        self._agent.refresh_pillar()
        return True

    def running(self) -> list[dict[str, Any]]:
        """Return the jobs running now: ``jid``, ``fun``, ``arg``, ``pid``, ``tid``, ``started``, ``user``, ``waiting``.

        ``waiting``: it hasn't begun, because no worker is free.
        Arguments of jobs that the calling job may not see are ``***``.
        """
        return self._agent.runner.running(self._current.job)

    def kill_job(self, jid: str, signal: int) -> str:
        """End the job *jid* with *signal*; return a line that says what was done.

        Raises ``CommandError`` for one that the calling job may not end.
        """
        return self._agent.runner.kill_for(self._current.job, jid, signal)

    def schedule(self) -> dict[str, dict[str, Any]]:
        """Return each scheduled job's definition together with its state."""
        jobs: dict[str, dict[str, Any]] = self._agent.loop.ask(self._agent.scheduled)
        return jobs

    def schedule_modify(self, name: str, job: dict[str, Any] | None) -> bool:
        """Override the job *name* on this minion, or delete it when *job* is None."""
        return bool(self._agent.loop.ask(lambda: self._agent.schedule.modify(name, job)))

    def schedule_run(self, name: str) -> str:
        """Run the scheduled job *name* now; return its jid."""
        return str(self._agent.loop.ask(lambda: self._agent.run_scheduled_now(name)))

    def fire_event(self, data: dict[str, Any], tag: str) -> bool:
        """Send an event to the master's bus; return whether it was accepted for sending.

        It is kept like a return while the master is away. One that is too large is not accepted.
        """
        try:
            frame = self.event_frame(0, data, tag, self._agent.options["max_return_bytes"])
        except WireError as error:
            self._not_sent.say(tag, f"event {tag} was not sent: {error}")
            return False
        self._agent.loop.post(lambda: self._agent.send_later(frame))
        return True

    def request(self, command: str, **kwargs: Any) -> Any:
        """Call the master: ``file_list``, ``file_hash``, ``file_chunk``, ``pillar``. Raises ``ChannelError``."""
        return self._agent.calls.request(command, kwargs)

    def connected(self) -> bool:
        """Say whether the channel to the master is up."""
        return self._agent.connected

    def queue_stats(self) -> dict[str, int]:
        """Return ``pending``, ``spooled``, ``spool_bytes``, ``dropped`` and ``skipped`` of the agent's returns.

        And of jobs how many are ``waiting`` for a worker, and were ``refused`` because there was none.
        """
        return self._agent.queue_stats()


class CallServices(LocalServices):
    """What ``saltern-call`` offers while it is connected: what can be asked of the master, but no schedule, no jobs.

    *fire* sends an event's message and returns when the master has it. What is synced is for the running agent too.
    """

    def __init__(
        self,
        current: Current,
        options: MinionOptions,
        request: Callable[[str, dict[str, Any]], Any],
        fire: Callable[[bytes], None],
    ) -> None:
        super().__init__(current)
        self._options = options
        self._request = request
        self._fire = fire

    def sync_modules(self, kinds: Sequence[str]) -> Synced:
        """Fetch what the master has of *kinds*: ``modules``, ``utils``. The running agent uses it from then on."""
        return self._sync().run(kinds)

    def module_versions(self) -> dict[str, dict[str, str | None]]:
        """Return the synced modules as ``{name: {'digest': sha256 hex, 'commit': git id or None}}``."""
        return self._sync().versions()

    def refresh_grains(self) -> bool:
        """Collect the grains again, for this call; the running agent sees by itself when their file has changed."""
        self.loader.set_grains(grains.of_a_call(self._options, self.loader))
        return True

    def refresh_pillar(self) -> bool:
        """Fetch the pillar again, for this call; the running agent is told by the master when it has changed."""
        pillar = self.request("pillar", fresh=True)
        self.loader.set_pillar(pillar if isinstance(pillar, dict) else {})
        return True

    def fire_event(self, data: dict[str, Any], tag: str) -> bool:
        """Send an event to the master's bus. Raises ``CommandError`` when it is too large, or the master refuses it."""
        try:
            self._fire(self.event_frame(1, data, tag, self._options["max_return_bytes"]))
        except (WireError, ChannelError) as error:
            raise CommandError(f"event {tag} was not sent: {error}") from None
        return True

    def _sync(self) -> Sync:
        return Sync(self._options["cachedir"], self.request, self.loader.take)

    def request(self, command: str, **kwargs: Any) -> Any:
        """Call the master: ``file_list``, ``file_hash``, ``file_chunk``, ``pillar``. Raises ``ChannelError``."""
        return self._request(command, kwargs)

    def connected(self) -> bool:
        """Say whether the channel to the master is up."""
        return True

    def __getattr__(self, name: str) -> Any:
        raise CommandError(f"{name} needs the running agent: use saltern on the master instead of saltern-call")
