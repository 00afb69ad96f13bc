"""Where a device's jobs run: in its lane while it can be spoken with, and aside while it can't.

Aside are a few threads that all devices of a host share. What runs there must not speak with the device.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from saltern_agent.devices.device_pools import DevicePools
from saltern_agent.job_queue import JobQueue
from saltern_agent.pools import CONTROL_THREADS

if TYPE_CHECKING:
    from saltern_agent.worker_pools import PoolOfWorkers


class Everything(frozenset[str]):
    """Holds every name."""

    __slots__ = ()

    def __contains__(self, name: object) -> bool:
        return True


EVERYTHING = Everything()


class LaneOrAside:
    """What ``Runner`` takes as ``pools``: those of a lane, *inside*, unless *aside* says that nothing may run there."""

    __slots__ = ("_aside", "_inside")

    def __init__(self, inside: DevicePools, aside: Callable[[], bool]) -> None:
        self._inside = inside
        self._aside = aside

    @property
    def jobs(self) -> PoolOfWorkers:
        """For jobs that were asked for: aside they are run beyond the limit, as ``control`` says."""
        return self._inside.jobs

    @property
    def scheduled(self) -> PoolOfWorkers:
        """For those of the schedule."""
        return BesideLane(self._inside.jobs) if self._aside() else self._inside.scheduled

    @property
    def control(self) -> frozenset[str]:
        """The functions that are run beside the lane."""
        return EVERYTHING if self._aside() else self._inside.control

    @property
    def busy(self) -> str:
        """Why a job waits."""
        return self._inside.busy

    @property
    def refusal(self) -> str:
        """Why no job is taken by the lane."""
        return self._inside.refusal

    def queue(self) -> JobQueue:
        """Return what holds jobs that wait."""
        return self._inside.queue()

    @property
    def limited(self) -> bool:
        """Whether the lane ends what lasts too long."""
        return self._inside.limited and not self._aside()

    def wait(self, freed: Callable[[], None], *, first: bool = False) -> None:
        """Call *freed* when a thread is free."""
        self._inside.wait(freed, first=first)

    def leave(self, freed: Callable[[], None]) -> None:
        """Don't."""
        self._inside.leave(freed)

    def turn_over(self, *, found: bool) -> None:
        """End a turn."""
        self._inside.turn_over(found=found)

    def background(self, call: Callable[[], None]) -> bool:
        """Run *call* beside the lane; return whether there was a thread."""
        return self._inside.background(call)


class BesideLane:
    """Scheduled jobs while nothing may run in the lane."""

    __slots__ = ("_jobs",)

    def __init__(self, jobs: PoolOfWorkers) -> None:
        self._jobs = jobs

    def submit(
        self,
        call: Callable[[], Any],
        *,
        beyond: int = 0,
        limit_s: float | None = None,
        failed: Callable[[str], None] | None = None,
    ) -> bool:
        """Run *call* beside it; return whether there was a thread."""
        return self._jobs.submit(call, beyond=CONTROL_THREADS)

    def abandon(self) -> None:
        """Say that a call hangs for ever."""
        self._jobs.abandon()
