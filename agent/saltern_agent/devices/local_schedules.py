"""What was changed of devices' schedules on their host: one small file, for the rest comes from the master.

A device can't be spoken with before the master has told how, and that comes together with its schedule.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from saltern_agent.kept_schedule import Parts
from saltern_agent.state_file import StateFile

MAX_DEVICES = 20_000
"""Whose schedules were changed here; the oldest change is forgotten then."""


class LocalSchedules:
    """What overlays the schedule of each device, in the file *path*: written when one is changed."""

    def __init__(self, path: str) -> None:
        self.file = StateFile(path, "what was changed of devices' schedules")
        self._parts: dict[str, dict[str, Any]] = {}
        self._late: dict[str, Callable[[], object]] = {}
        self.file.read_late = self._read_late
        self._read()

    def of(self, device: str) -> LocalSchedule:
        """Return where the schedule of *device* is kept."""
        return LocalSchedule(self, device)

    def part(self, device: str) -> dict[str, Any] | None:
        """Return what overlays the schedule of *device*; ``None``: nothing."""
        return self._parts.get(device)

    def keep(self, device: str, local: dict[str, Any]) -> None:
        """Keep what overlays the schedule of *device*."""
        if local == self._parts.get(device, {}):
            return
        self._parts.pop(device, None)
        if local:
            self._parts[device] = dict(local)
            while len(self._parts) > MAX_DEVICES:
                del self._parts[next(iter(self._parts))]
        self.file.write(self._parts)

    def on_late(self, device: str, load: Callable[[], object]) -> None:
        """Call *load* when the file can be read, if it can't be now."""
        if self.file.unread:
            self._late[device] = load

    def _read(self) -> None:
        kept = self.file.read(lambda kept: {str(device): dict(local) for device, local in kept.items()})
        self._parts = {**(kept or {}), **self._parts}

    def _read_late(self) -> None:
        self._read()
        if not self.file.unread:
            late, self._late = self._late, {}
            for load in late.values():
                load()


class LocalSchedule:
    """What overlays the schedule of one device among *schedules*."""

    __slots__ = ("_device", "_schedules")

    def __init__(self, schedules: LocalSchedules, device: str) -> None:
        self._schedules = schedules
        self._device = device

    @property
    def unread(self) -> bool:
        """Whether it can't be read just now."""
        return self._schedules.file.unread

    def on_late(self, load: Callable[[], object]) -> None:
        """Call *load* when it can be read."""
        self._schedules.on_late(self._device, load)

    def read(self) -> Parts | None:
        """Return nothing of the master's, and what overlays it here; ``None``: nothing does."""
        local = self._schedules.part(self._device)
        return None if local is None else ({}, dict(local))

    def write(self, master: dict[str, Any], local: dict[str, Any]) -> None:
        """Keep what overlays the master's."""
        self._schedules.keep(self._device, local)
