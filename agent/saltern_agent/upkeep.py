"""Looking after the agent's memory and files: what could not be written, or was removed, is written again."""

from __future__ import annotations

from collections.abc import Callable

from saltern_agent.loop import Loop, Timer
from saltern_agent.spool import Spool
from saltern_agent.state_file import StateFile

EVERY_S = 60.0
TROUBLED_S = 5.0  # while something can't be written


class Upkeep:
    """*look* is called each time before files are tried again; *spool* heals with the outbox."""

    def __init__(self, loop: Loop, spool: Spool, look: Callable[[], None]) -> None:
        self._loop = loop
        self._spool = spool
        self._files: list[StateFile] = []
        self._look = look
        self._timer: Timer | None = None

    def also(self, file: StateFile) -> None:
        """Look after *file* too."""
        self._files.append(file)

    @property
    def troubled(self) -> bool:
        """Whether something can't be written."""
        return not (self._spool.usable and all(file.kept for file in self._files))

    def start(self) -> None:
        """Begin, or take note of trouble that may be new."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.later(TROUBLED_S if self.troubled else EVERY_S, self._run)

    def _run(self) -> None:
        try:
            self._look()
            for file in self._files:
                file.retry()
        finally:
            self.start()
