"""Threads that work on requests, and what happens when the work takes too long or its client goes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from starlette.requests import Request

from saltern_graphite.evaluation.deadline import ClientGone, Deadline

_UNWATCHED_S = 0.05
"""Most answers are ready by then; only those that aren't have their client watched."""

T = TypeVar("T")


class Workers:
    """At most *threads* requests are worked on at a time; others wait their turn, and their time runs too."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="render")

    async def run(self, request: Request, deadline: Deadline, work: Callable[[], T]) -> T:
        """What *work* returns, for *request*, in a thread.

        Raises ``TookTooLong`` at the end of *deadline*, though *work* itself may notice it a little later, and
        ``ClientGone`` when the client went away. Work that was not begun by then never is.
        """

        def begin() -> T:
            deadline.check()
            return work()

        job = self._pool.submit(begin)
        done = asyncio.wrap_future(job)
        done.add_done_callback(_retrieve)
        try:
            await asyncio.wait((done,), timeout=min(_UNWATCHED_S, deadline.left))
            if not done.done():
                await _wait(request, done, deadline)
            return done.result()
        finally:
            if not done.done():
                deadline.cancel()
                job.cancel()


async def _wait(request: Request, done: asyncio.Future[T], deadline: Deadline) -> None:
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait((done, gone), timeout=deadline.left, return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
    if done.done():
        return
    raise ClientGone("the client went away before its answer was ready") if gone.done() else deadline.passed()


async def _gone(request: Request) -> None:
    """Return when the client of *request* has gone. Its body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _retrieve(done: asyncio.Future[T]) -> None:
    """Look at what became of work that nobody waits for: asyncio complains otherwise."""
    if not done.cancelled():
        done.exception()
