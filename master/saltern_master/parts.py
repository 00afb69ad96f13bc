"""The parts of the master: those that work all the time are started together, kept alive and ended together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Protocol

from saltern.errors import SalternError

log = logging.getLogger(__name__)

STOP_WITHIN_S = 1.5
AGAIN_S = 1.0


class Part(Protocol):
    """Works until it is cancelled."""

    async def run(self) -> None:
        """Work."""


class Counting(Protocol):
    """Counts what it does."""

    def metrics(self) -> Mapping[str, float]:
        """Return the counters by name."""


Counters = Mapping[str, Iterable[Counting | None]]
"""Who counts what is published below ``saltern.master.<name>``; ``None`` for a part that isn't wanted."""


async def run_parts(parts: Iterable[Part | None], until: asyncio.Event) -> None:
    """Run *parts*, each kept alive, until *until* is set; then end them within a moment."""
    tasks = [asyncio.create_task(_kept_alive(part)) for part in parts if part is not None]
    await until.wait()
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=STOP_WITHIN_S)


async def _kept_alive(part: Part) -> None:
    """Run a part for ever; one that fails is named in the log and begun again."""
    while True:
        try:
            await part.run()
        except SalternError as error:
            log.error("%s", error)
        except Exception:
            log.exception("%s failed and is begun again", type(part).__name__)
        await asyncio.sleep(AGAIN_S)
