"""What ``Runner`` needs of the threads that jobs run in: the process's, or a device's lane. For type checkers alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from saltern_agent.job_queue import JobQueue

Work = Callable[[], Any]
"""Runs a job. Returns whether its thread may be used again, or a coroutine that comes to that, where the pool of
threads awaits one."""


class PoolOfWorkers(Protocol):
    """Threads for jobs: ``workers.Pool``, or a device's lane."""

    def submit(
        self, call: Work, *, beyond: int = 0, limit_s: float | None = None, failed: Callable[[str], None] | None = None
    ) -> bool:
        """Run *call*; return whether there was a thread for it, *beyond* the limit by as many if need be.

        A pool with limits of its own ends it after *limit_s*, and tells *failed* why it was ended, or never begun.
        """
        ...

    def abandon(self) -> None:
        """Say that a call hangs for ever."""
        ...


class Workers(Protocol):
    """What runs a minion's jobs: ``pools.Pools``, the process's; or ``devices.device_pools.DevicePools``."""

    @property
    def jobs(self) -> PoolOfWorkers:
        """For jobs that were asked for."""
        ...

    @property
    def scheduled(self) -> PoolOfWorkers:
        """For those of the schedule."""
        ...

    @property
    def control(self) -> frozenset[str]:
        """The functions that are run beyond the limit."""
        ...

    @property
    def busy(self) -> str:
        """Why a job waits, in a few words."""
        ...

    @property
    def refusal(self) -> str:
        """Why no job is taken; empty when some are."""
        ...

    def queue(self) -> JobQueue:
        """Return what holds jobs that wait."""
        ...

    @property
    def limited(self) -> bool:
        """Whether the pools end, by themselves, what lasts too long."""
        ...

    def wait(self, freed: Callable[[], None], *, first: bool = False) -> None:
        """Call *freed* when a thread is free."""
        ...

    def leave(self, freed: Callable[[], None]) -> None:
        """Don't."""
        ...

    def turn_over(self, *, found: bool) -> None:
        """End a turn: *found* a thread, or no need for one."""
        ...

    def background(self, call: Callable[[], None]) -> bool:
        """Run *call* beyond the limit; return whether there was a thread."""
        ...
