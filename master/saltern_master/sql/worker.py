"""A thread for one thing that may hang, as a database does: nobody waits with it, not even the program's end."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

_Result = TypeVar("_Result")


class Worker:
    """One thread, which begins with the first call and does them in order. ``asyncio.to_thread`` would share few."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls: SimpleQueue[tuple[asyncio.AbstractEventLoop, asyncio.Future[Any], Callable[[], Any]]] = (
            SimpleQueue()
        )
        self._thread: threading.Thread | None = None

    async def run(self, call: Callable[[], _Result]) -> _Result:
        """Return what *call* returns; raise what it raises. Who is cancelled meanwhile doesn't end the call."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[_Result] = loop.create_future()
        self._calls.put((loop, done, call))
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
        return await done

    def _work(self) -> None:
        while True:
            loop, done, call = self._calls.get()
            result: Any = None
            error: BaseException | None = None
            if not done.cancelled():
                try:
                    result = call()
                except BaseException as raised:
                    error = raised
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(_tell, done, result, error)
            del loop, done, call, result, error


def _tell(done: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if done.done():
        return
    if error is not None:
        done.set_exception(error)
    else:
        done.set_result(result)
