"""Asking minions which jobs they work on: what they say now, whatever the master believes."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from saltern.wire import pack

ANSWER_WITHIN_S = 2.0
FIRST_NUMBER = 1 << 40
"""Of the questions; the tracker's, about jobs that it waits for, are below."""


class Survey:
    """Questions under way. *send* sends minions a frame, and returns those that it could not be sent to."""

    def __init__(self, send: Callable[[Sequence[str], bytes], Collection[str]]) -> None:
        self._send = send
        self._numbers = itertools.count(FIRST_NUMBER)
        self._awaited: dict[int, set[str]] = {}
        self._found: dict[int, dict[str, dict[str, int | None]]] = {}
        self._over: dict[int, asyncio.Event] = {}

    async def ask(self, minions: Iterable[str], within_s: float = ANSWER_WITHIN_S) -> dict[str, dict[str, int | None]]:
        """Return what minions work on: by jid, their ids and the processes that do it (``None`` for unknown ones).

        Who says nothing *within_s* is left out.
        """
        number = next(self._numbers)
        frame = pack("working", number, {"jids": [], "all": True})
        asked = list(minions)
        self._awaited[number] = set(asked).difference(self._send(asked, frame))
        self._found[number], self._over[number] = {}, asyncio.Event()
        try:
            if self._awaited[number]:
                async with asyncio.timeout(within_s):
                    await self._over[number].wait()
        except TimeoutError:
            pass
        finally:
            found = self._found.pop(number)
            del self._awaited[number], self._over[number]
        return found

    def answered(self, number: int, minion_id: str, jids: Iterable[str], pids: Mapping[str, int]) -> None:
        """Take a minion's answer to question *number*; nobody else's counts, nor a second one."""
        awaited = self._awaited.get(number)
        if awaited is None or minion_id not in awaited:
            return
        awaited.discard(minion_id)
        for jid in jids:
            self._found[number].setdefault(jid, {})[minion_id] = pids.get(jid)
        if not awaited:
            self._over[number].set()
