"""What a minion may ask of the master: this table, and nothing that isn't in it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from saltern.errors import SalternError

log = logging.getLogger(__name__)

Call = Callable[[str, dict[str, Any]], Any]
"""A function of the minion's id (as its key proves it) and the arguments that it sent."""

MAX_CALLS_AT_ONCE = 64


class CallTable:
    """The calls by name; they may block and run in threads, at most 64 at once."""

    def __init__(self, calls: dict[str, Call]) -> None:
        self._calls = calls
        self._slots = asyncio.Semaphore(MAX_CALLS_AT_ONCE)

    async def answer(self, minion_id: str, cmd: object, args: object) -> dict[str, Any]:
        """Return ``{"result": …}`` or ``{"error": one line}``; never raises for anything a minion sends."""
        call = self._calls.get(cmd) if isinstance(cmd, str) else None
        if call is None or not isinstance(args, dict):
            log.warning("minion %s asked for %r, which no minion may", minion_id, cmd)
            return {"error": f"{cmd!r:.80} is not a call that minions may make"}
        try:
            async with self._slots:
                return {"result": await asyncio.to_thread(call, minion_id, args)}
        except SalternError as error:
            return {"error": str(error)}
        except (KeyError, TypeError, ValueError) as error:
            return {"error": f"{cmd} was called wrongly: {type(error).__name__}: {error}"}
