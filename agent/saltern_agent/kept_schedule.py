"""Where a minion's schedule is kept: the master's, as it was last sent, and what was changed here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from saltern_agent.state_file import StateFile

Parts = tuple[dict[str, Any], dict[str, Any]]
"""The master's schedule, and what overlays it here: jobs by name, ``None`` for one that is deleted."""


class KeptSchedule(Protocol):
    """Keeps both parts, as far as it can."""

    @property
    def unread(self) -> bool:
        """Whether there is something that can't be read just now."""

    def on_late(self, load: Callable[[], object]) -> None:
        """Call *load* when that can be read."""

    def read(self) -> Parts | None:
        """Return what was kept; ``None`` when there is nothing."""

    def write(self, master: dict[str, Any], local: dict[str, Any]) -> None:
        """Keep these."""


class ScheduleFile:
    """A host's own: both parts in the file *path*, so that it samples before it finds its master."""

    def __init__(self, path: str) -> None:
        self.file = StateFile(path, "the schedule")

    @property
    def unread(self) -> bool:
        """Whether the file can't be read just now."""
        return self.file.unread

    def on_late(self, load: Callable[[], object]) -> None:
        """Call *load* when it can be read."""
        self.file.read_late = load

    def read(self) -> Parts | None:
        """Return what is in the file; ``None`` when there is none."""
        return self.file.read(lambda kept: (dict(kept["master"]), dict(kept["local"])))

    def write(self, master: dict[str, Any], local: dict[str, Any]) -> None:
        """Keep these."""
        self.file.write({"master": master, "local": local})
