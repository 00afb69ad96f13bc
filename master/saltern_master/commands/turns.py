"""Threads for what must not run on the loop: few, and shared in turns.

Every principal has a queue of its own, and the queues are served one after the other, so that one who asks for ten
thousand things makes nobody else wait longer than for one of them.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import Any, NamedTuple

from saltern.errors import Busy


class _Work(NamedTuple):
    done: asyncio.Future[Any]
    call: Callable[[], Any]


class Turns:
    """*threads* threads; a principal may use a quarter of them, and have *waiting* calls in all."""

    def __init__(self, name: str, threads: int, waiting: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._free = threads
        self._each = max(1, threads // 4)
        self._waiting = waiting
        self._queues: OrderedDict[str, deque[_Work]] = OrderedDict()
        self._running: dict[str, int] = {}
        self._closed = False
        self.refused = 0

    async def run(self, principal: str, call: Callable[[], Any]) -> Any:
        """Return what *call* returns, in a thread, when it is its turn. Raises ``Busy``, and what it raises."""
        queue = self._queues.get(principal)
        if len(queue or ()) + self._running.get(principal, 0) >= self._waiting:
            self.refused += 1
            raise Busy(f"{self._waiting} of your calls are being answered: try again")
        if self._closed:
            raise Busy("the master is stopping")
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if queue is None:
            queue = self._queues[principal] = deque()
        queue.append(_Work(done, call))
        self._serve()
        return await done

    def close(self) -> None:
        """Take no more, and turn away what waits; what runs is not waited for."""
        self._closed = True
        waiting = [work for queue in self._queues.values() for work in queue]
        self._queues.clear()
        for work in waiting:
            if not work.done.done():
                work.done.set_exception(Busy("the master is stopping"))
        self._pool.shutdown(wait=False)

    def _serve(self) -> None:
        """Start what may run, one of each principal at a time."""
        held: set[str] = set()
        while self._free and len(held) < len(self._queues):
            principal, queue = next(iter(self._queues.items()))
            if self._running.get(principal, 0) >= self._each:
                self._queues.move_to_end(principal)
                held.add(principal)
                continue
            work = queue.popleft()
            self._queues.move_to_end(principal)
            if not queue:
                del self._queues[principal]
            if not work.done.cancelled():
                self._start(principal, work)

    def _start(self, principal: str, work: _Work) -> None:
        self._free -= 1
        self._running[principal] = self._running.get(principal, 0) + 1
        running = asyncio.get_running_loop().run_in_executor(self._pool, _result, work.call)
        running.add_done_callback(lambda ended: self._ended(principal, work, ended))

    def _ended(self, principal: str, work: _Work, ended: asyncio.Future[Any]) -> None:
        self._free += 1
        left = self._running.pop(principal) - 1
        if left:
            self._running[principal] = left
        error = ended.exception()
        if not work.done.done():
            if error is not None:
                work.done.set_exception(error)
            else:
                work.done.set_result(ended.result())
        self._serve()


def _result(call: Callable[[], Any]) -> Any:
    """Return what *call* returns. What no future can hold, or would end more than the call, is a ``RuntimeError``."""
    try:
        return call()
    except BaseException as error:
        if isinstance(error, Exception) and not isinstance(error, (StopIteration, CancelledError)):
            raise
        raise RuntimeError(f"{type(error).__name__} was raised") from error
