"""Blocking clients for programs of asyncio: each call in a thread, ended when the call is cancelled.

A class of asynchronous methods is made of one of blocking methods::

    class AsyncThing(Threaded[Thing]):
        cmd = awaited(Thing.cmd)          # a coroutine
        cmd_iter = iterated(Thing.cmd_iter)  # an asynchronous generator
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, Protocol, TypeVar

R = TypeVar("R")
END = object()


class Interruptible(Protocol):
    """A blocking client whose calls can be ended from another thread."""

    def interrupt(self) -> None:
        """End the calls under way: they raise an error."""


C = TypeVar("C", bound=Interruptible)


class Threaded(Generic[C]):
    """Makes one blocking client for each call, and runs it in one of *most* threads; usable in ``async with``."""

    def __init__(self, make: Callable[[], C], most: int) -> None:
        self._make = make
        self._pool = ThreadPoolExecutor(most, thread_name_prefix="saltern-client")

    async def __aenter__(self) -> Any:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Start no more calls; those under way end when they are done, or cancelled."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def run(self, client: C, call: Callable[[], R]) -> R:
        """Return what *call*, of *client*'s, returns. When this is cancelled, the client's calls are ended."""
        begun = self._pool.submit(call)
        running = asyncio.wrap_future(begun)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            running.add_done_callback(_heeded)
            if not begun.cancel():
                self.end(client, running)
            raise

    def end(self, client: C, running: asyncio.Future[Any]) -> None:
        """End *client*'s calls, of which *running* is one."""
        client.interrupt()

    def client(self) -> C:
        """Return a new blocking client."""
        return self._make()


def awaited(method: Callable[..., R]) -> Callable[..., Coroutine[Any, Any, R]]:
    """Return the coroutine function for a blocking *method*."""

    @functools.wraps(method)
    async def call(self: Threaded[Any], /, *args: Any, **kwargs: Any) -> R:
        client = self.client()
        return await self.run(client, lambda: method(client, *args, **kwargs))

    return call


def iterated(method: Callable[..., Iterator[R]]) -> Callable[..., AsyncIterator[R]]:
    """Return the asynchronous generator function for a *method* that returns an iterator.

    The next member is fetched when it is asked for. One that isn't used up is closed (``aclose``).
    """

    @functools.wraps(method)
    async def iterate(self: Threaded[Any], /, *args: Any, **kwargs: Any) -> AsyncIterator[R]:
        client = self.client()
        members = method(client, *args, **kwargs)
        try:
            while (member := await self.run(client, lambda: next(members, END))) is not END:
                yield member  # type: ignore[misc]
        finally:
            client.interrupt()
            close = getattr(members, "close", None)
            if close is not None:
                with contextlib.suppress(ValueError):  # its last step is running still, and ends by the interruption
                    close()

    return iterate


def _heeded(running: asyncio.Future[Any]) -> None:
    """Take the error of a call that was ended: nobody waits for it."""
    if not running.cancelled():
        running.exception()
