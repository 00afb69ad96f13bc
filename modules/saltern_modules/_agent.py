"""What an execution module may ask of the agent that runs it.

The agent puts an object of this shape into ``__opts__['__agent__']``. It is not there under
``saltern-call --local`` and in tests: :func:`connected` then says so in one line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, cast

from saltern.errors import CommandError
from saltern.named import NamedTuple

AGENT_KEY = "__agent__"
COROUTINE = 0x80
"""Of a code object's flags: it is a coroutine function's (``inspect`` knows too, for a megabyte)."""


class Synced(NamedTuple):
    """What a sync came to, each beginning with its kind (``modules.mypkg``) or path (``_modules/README``).

    ``changed`` came, went or are others now; ``told`` has a line for each that was refused, left out, or isn't used,
    with the reason; ``failed``: whether one of those was meant to be a module and can't be one.
    """

    changed: list[str]
    told: list[str]
    failed: bool


class Agent(Protocol):
    """The running agent, as its modules see it. Every method may be called from any thread."""

    def functions(self, modules: Iterable[str] | None = None) -> dict[str, Callable[..., Any]]:
        """Return the functions of *modules* by ``module.function``; of all by default, which loads them all."""

    def returners(self) -> dict[str, Callable[..., Any]]:
        """Return every function of returners, by ``returner.function``; loads all of them."""

    def load_errors(self) -> dict[str, str]:
        """Return the modules that are not there, each with its reason."""

    def module_versions(self) -> dict[str, dict[str, str | None]]:
        """Return the synced modules as ``{name: {'digest': sha256 hex, 'commit': git id or None}}``."""

    def sync_modules(self, kinds: Sequence[str]) -> Synced:
        """Fetch what the master has of *kinds*: ``modules``, ``utils``."""

    def refresh_modules(self) -> bool:
        """Forget every loaded module, so that the next call loads it anew."""

    def refresh_grains(self) -> bool:
        """Collect the grains again."""

    def refresh_pillar(self) -> bool:
        """Fetch the pillar again."""

    def running(self) -> list[dict[str, Any]]:
        """Return the jobs running now: ``jid``, ``fun``, ``arg``, ``pid``, ``tid``, ``started``, ``user``, ``waiting``.

        ``waiting``: it hasn't begun, because no worker is free.
        Arguments of jobs that the calling job may not see are ``***``.
        """

    def kill_job(self, jid: str, signal: int) -> str:
        """End the job *jid* with *signal*; return a line that says what was done.

        Raises ``CommandError`` for one that the calling job may not end.
        """

    def schedule(self) -> dict[str, dict[str, Any]]:
        """Return each scheduled job's definition together with its state.

        The state is ``source`` (``master`` or ``local``), ``next_slot`` and ``last_slot`` (seconds since the
        epoch, or None: of the slot that was begun last), ``running`` (bool), and, counted over restarts,
        ``dropped`` (returns that were lost here), ``skipped`` (slots without a run: the last one was not over, or no
        worker was free), ``failed`` (runs that made no sample); ``spooled`` (returns that the master has not
        acknowledged), and ``last_error`` (``{'text': …, 'when': epoch s}`` of the last run that failed, or None).
        """

    def schedule_modify(self, name: str, job: dict[str, Any] | None) -> bool:
        """Override the job *name* on this minion, or delete it when *job* is None."""

    def schedule_run(self, name: str) -> str:
        """Run the scheduled job *name* now; return its jid."""

    def fire_event(self, data: dict[str, Any], tag: str) -> bool:
        """Send an event to the master's bus; return whether it was accepted for sending."""

    def request(self, command: str, **kwargs: Any) -> Any:
        """Call the master: ``file_list``, ``file_hash``, ``file_chunk``, ``pillar``."""

    def current_job(self) -> dict[str, Any]:
        """Return the calling thread's job: ``jid``, ``fun``, and ``schedule`` when a schedule started it."""

    def register_child(self, pid: int) -> None:
        """Say that process group *pid* belongs to the current job, so that killing the job reaches it."""

    def forget_child(self, pid: int) -> None:
        """Say that *pid* has ended."""

    def connected(self) -> bool:
        """Say whether the channel to the master is up."""

    def devices(self) -> dict[str, int]:
        """Return how many devices the agent speaks for, and how they are; nothing when there are none."""

    def device_state(self) -> dict[str, Any] | None:
        """Return how it is with the device that this minion stands for, ``None`` for a host.

        ``state`` (``new``, ``opening``, ``up``, ``down``, ``closed``), ``up``, ``since`` (epoch s), ``error`` (one
        line), ``host``, ``proxytype``, ``hung`` (bool), ``latency_ms`` (or None), ``calls``, ``failures``.
        """

    def device_reconnect(self) -> bool:
        """Begin to connect the device anew; return whether it was begun."""


def present(opts: Mapping[str, Any]) -> Agent | None:
    """Return the agent in *opts*, or None when the function runs without one."""
    return cast("Agent | None", opts.get(AGENT_KEY))


def connected(opts: Mapping[str, Any], function: str) -> Agent:
    """Return the agent in *opts*; raises ``CommandError`` naming *function* when there is none."""
    agent = present(opts)
    if agent is None:
        raise CommandError(f"{function} needs a running agent: there is none here (saltern-call --local?)")
    return agent


def proxytype(opts: Mapping[str, Any]) -> str:
    """Return what kind of device the minion with *opts* stands for, empty for a host."""
    proxy = opts.get("proxy") if opts.get("proxyid") else None
    return str(proxy.get("proxytype") or "") if isinstance(proxy, Mapping) else ""


def begun(function: Callable[..., Any], *args: Any) -> Any:
    """Return what a *function* of ``__proxy__`` returns; of a coroutine function what is to be awaited.

    Who returns that holds no thread while the device takes its time.
    """
    inner = getattr(function, "__wrapped__", None)
    waits = inner is not None and getattr(inner, "__code__", None) is not None and inner.__code__.co_flags & COROUTINE
    return inner(*args) if waits and inner is not None else function(*args)
