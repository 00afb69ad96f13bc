"""Compilations of pillars, asked of processes with one set of settings at a time, and what is known of files that hang.

A file that took too long for a minion is left alone for that one until files change, and for all when it was so for
``MAX_HANGS`` of them. A fault is logged once until then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from saltern_master.pillar.pool import PillarTimeout, Pool
from saltern_master.pillar.settings import Settings

log = logging.getLogger(__name__)

MAX_HANGS = 5
"""Minions for which a file may hang before it is left alone for all, until files change: it must not cost hours."""
MAX_SAID = 1000
"""Faults that are remembered as said."""


class Compilations:
    """Asked of up to *size* processes that compile by *settings*; *grains* returns those of a minion."""

    def __init__(self, settings: Settings, size: int, grains: Callable[[str], Mapping[str, Any]]) -> None:
        self.settings = settings
        self.size = size
        self.generation = 0
        """Goes up when files, or what is in git, are others: what a process remembers of them is of no more use."""
        self._grains = grains
        self._pool: Pool | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._said: dict[str, None] = {}
        self._hung: dict[str, set[str]] = {}
        """Files and external pillars that took too long, and for whom: they are his own claims, perhaps."""
        self._apart: dict[str, asyncio.Lock] = {}
        self._seconds = 0.0
        self._ended = 0

    def replace(self, settings: Settings, size: int) -> None:
        """Compile by other settings from now on; processes that are at work end after it."""
        self.settings, self.size = settings, size
        pool, self._pool = self._pool, None
        if pool is not None:
            self._seconds += pool.seconds
            self._ended += pool.ended
            closing = asyncio.get_running_loop().create_task(pool.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
        self.files_changed()

    def files_changed(self) -> None:
        """Try again what hung, and say again what is wrong."""
        self.generation += 1
        self._said.clear()
        self._hung.clear()

    async def ask(self, minion_id: str, **how: Any) -> dict[str, Any]:
        """Return what a minion's pillar compiles to: ``pillar``, packed, its ``digest``, ``errors``, what it hangs on.

        *how* is what ``Pillars.made`` takes, or ``top``. Raises ``CommandError`` when it can't be compiled at all.
        """
        if self._pool is None:
            self._pool = Pool(self.settings, self.size)
        refused = [at for at, whose in self._hung.items() if minion_id in whose or len(whose) >= MAX_HANGS]
        request = {"grains": self._grains(minion_id), **how, "id": minion_id, "generation": self.generation}
        try:
            answer = await self._pool.ask({**request, "refused": refused})
        except PillarTimeout as error:
            if error.place:
                self._hung.setdefault(error.place, set()).add(minion_id)
            raise
        self.say(answer.get("log", ()))
        return answer

    async def ask_apart(self, minion_id: str, **how: Any) -> dict[str, Any]:
        """Do so for one of a minion's pillars at a time, so that it keeps no other waiting."""
        turn = self._apart.setdefault(minion_id, asyncio.Lock())
        try:
            async with turn:
                return await self.ask(minion_id, **how)
        finally:
            if not turn.locked():
                self._apart.pop(minion_id, None)

    def say(self, lines: Iterable[str]) -> None:
        """Log what is wrong, each once until files change."""
        for line in lines:
            if line not in self._said:
                if len(self._said) >= MAX_SAID:
                    self._said.clear()
                self._said[line] = None
                log.error("pillar: %s", line)

    def metrics(self) -> dict[str, float]:
        """Return the seconds spent on compiling, and how many processes were ended, or died, at work."""
        pool = self._pool
        return {
            "seconds": self._seconds + (pool.seconds if pool is not None else 0.0),
            "processes_ended": self._ended + (pool.ended if pool is not None else 0),
        }

    async def end(self) -> None:
        """End all processes now."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await asyncio.shield(pool.kill())
        await asyncio.gather(*self._closing, return_exceptions=True)
