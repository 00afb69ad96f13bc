"""What a form asks for is done once, however often its button is pressed."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any

from saltern_web.session.console import Console

MOST = 10_000
ROOM = "run.once"


class Once:
    """What became of the last forms, by their numbers."""

    def __init__(self) -> None:
        self._done: OrderedDict[str, asyncio.Task[str]] = OrderedDict()

    async def do(self, number: str, work: Callable[[], Coroutine[Any, Any, str]]) -> str:
        """Return what *work* gives, or gave when *number* was here before. What failed may be tried again."""
        task = self._done.get(number)
        if task is None or (task.done() and _failed(task)):
            task = self._done[number] = asyncio.ensure_future(work())
            task.add_done_callback(_failed)  # who pressed the button may have left
            while len(self._done) > MOST:
                self._done.popitem(last=False)
        return await asyncio.shield(task)


def _failed(task: asyncio.Task[str]) -> bool:
    return task.cancelled() or task.exception() is not None


def once_of(console: Console) -> Once:
    """Return the one of *console*."""
    return console.held(ROOM, Once)
