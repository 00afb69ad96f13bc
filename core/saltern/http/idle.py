"""Connections on which no request comes are closed.

uvicorn closes those that are silent after an answer. One that never sends its first request, or only half of one,
would keep its place for ever, and places are few: a crowd of them would shut everyone else out.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from uvicorn.server import ServerState

REQUEST_WITHIN_S = 20.0


class IdleWatch:
    """Looks after the connections of *state*; each that it closes is told to *closed*."""

    def __init__(
        self, state: ServerState, closed: Callable[[], None], request_within_s: float = REQUEST_WITHIN_S
    ) -> None:
        self._state = state
        self._closed = closed
        self._within_s = request_within_s
        self._waiting: dict[Any, float] = {}
        """Connections that have no request, and since when at least."""

    async def run(self) -> None:
        """Look now and then, until cancelled."""
        while True:
            await asyncio.sleep(self._within_s / 4)
            self.look(time.monotonic())

    def look(self, now: float) -> None:
        """Close the connections that have had no request for too long at *now*, in seconds."""
        idle = {one for one in self._state.connections if _is_idle(one)}
        self._waiting = {one: self._waiting.get(one, now) for one in idle}
        for connection, since in self._waiting.items():
            if now - since >= self._within_s:
                connection.transport.abort()
                self._closed()


def _is_idle(connection: Any) -> bool:
    """Whether no request is under way on *connection*, nor uvicorn's own time after an answer.

    One that is closed, but whose client doesn't read what is still to be sent, is idle, too.
    """
    if connection.transport.is_closing():
        return True
    if not hasattr(connection, "cycle"):
        return False  # a WebSocket, which was asked for
    cycle = connection.cycle
    return (cycle is None or cycle.response_complete) and connection.timeout_keep_alive_task is None
