"""The coroutines of modules: all of a process run in one loop, in a thread of its own that the first one starts.

A coroutine function may be a function of an execution module or of a proxymodule, and a function may return something
to be awaited. Who calls one through ``__salt__`` or ``__proxy__`` gets what is natural there: in a coroutine, what it
then awaits; elsewhere, the value, for which its thread waits. A function that isn't one but is called by a coroutine
gets what is to be awaited too, and has to return it: nothing may wait in the loop's thread.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Awaitable, Callable
from contextvars import Context, copy_context
from functools import wraps
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from saltern.errors import CommandError

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Task

    from saltern_agent.coroutine_loop import CoroutineLoop, Done

log = logging.getLogger(__name__)

MAX_LEFT = 64
"""Loops that were left to who holds them, and haven't ended."""


def is_awaitable(value: Any) -> bool:
    """Return whether *value* is to be awaited."""
    return hasattr(type(value), "__await__")


class Coroutines:
    """A loop, started when the first coroutine comes; it then stays, for what coroutines keep is bound to it.

    Where one holds it (``coroutine_loop.py``) another is begun, and whoever did so has his coroutines in a second loop
    from then on, together with others of that kind: nobody else waits for him again.
    """

    def __init__(self, whose: Callable[[Context | None], Any] = lambda context: None) -> None:
        """*whose* tells, of a context or of this one, whom what is run in it belongs to; ``None`` where nobody knows.

        What it returns has a ``name``.
        """
        self.on_left: Callable[[], None] = lambda: None
        """Called, in some thread, when a loop was left: what was bound to it is of no use any more."""
        self._whose = whose
        self._lock = threading.Lock()
        self._loops: dict[bool, CoroutineLoop] = {}  # by whether it is for those who hold theirs
        self._left: set[CoroutineLoop] = set()
        self._holders: WeakSet[Any] = WeakSet()
        self._process = 0
        self._closed = False

    def begin(self, context: Context | None = None) -> AbstractEventLoop:
        """Return the loop for what is run in *context*; it runs. Raises ``CommandError`` when this is closed."""
        with self._lock:
            return self._begin(context).loop

    def _begin(self, context: Context | None) -> CoroutineLoop:
        if self._process != os.getpid():  # a fork has no other threads
            self._loops, self._left, self._process = {}, set(), os.getpid()
        apart = self._whose(context) in self._holders if self._holders else False
        found = self._loops.get(apart)
        if found is None:
            if self._closed:
                raise CommandError("no coroutine is run any more: the agent is being stopped")
            from saltern_agent.coroutine_loop import CoroutineLoop  # for hosts with coroutines

            found = self._loops[apart] = CoroutineLoop(self._is_held, self._over, self._whose)
        return found

    def start(self, awaitable: Awaitable[Any], done: Done, context: Context) -> Callable[[], None]:
        """Await *awaitable* in *context*, then call *done* there with its value or what it raised.

        Return what cancels it, from any thread. Raises ``CommandError`` when this is closed. When the loop is left,
        *done* is called in another thread, with a ``CommandError``.
        """
        with self._lock:  # so that all that has begun is there to be cancelled when this is closed
            return self._begin(context).start(awaitable, done, context)

    def wait(self, awaitable: Awaitable[Any], cancelled_by: Callable[[Callable[[], None]], Any] | None = None) -> Any:
        """Return what *awaitable* comes to, or raise what it raises; the calling thread waits.

        *cancelled_by* is told what cancels it. Raises ``CommandError`` in a loop's own thread.
        """
        if self.here():
            raise CommandError("a coroutine is waited for in the thread that runs coroutines: await it")
        ended = threading.Event()
        found: list[tuple[Any, BaseException | None]] = []

        def done(value: Any, error: BaseException | None) -> None:
            found.append((value, error))
            ended.set()

        cancel = self.start(awaitable, done, copy_context())
        if cancelled_by is not None:
            cancelled_by(cancel)
        ended.wait()
        value, error = found[0]
        if error is not None:
            raise error
        return value

    def here(self) -> bool:
        """Return whether the calling thread is a loop's."""
        me = threading.get_ident()
        return any(one.thread.ident == me for one in (*self._loops.values(), *tuple(self._left)))

    def close(self) -> None:
        """Cancel what runs and end the loops; their threads are waited for, for a while."""
        with self._lock:
            self._closed = True
            loops, self._loops = list(self._loops.values()), {}
            if self._process != os.getpid():
                return
            for one in loops:
                one.end()
        for one in loops:
            one.join()

    def _is_held(self, loop: CoroutineLoop, holder: Task[Any] | None) -> bool:
        whose = loop.owner(holder)
        who = f"{whose.name}: " if whose is not None else ""
        with self._lock:
            known = next((apart for apart, one in self._loops.items() if one is loop), None)
            if known is None or len(self._left) >= MAX_LEFT:
                return self._closed
            del self._loops[known]
            self._left.add(loop)
            if whose is not None:
                self._holders.add(whose)
        log.warning(
            "%sa coroutine function waits without await, in %s: others go on in another loop", who, loop.where()
        )
        loop.leave(holder, "the loop of coroutines was held by another one")
        self.on_left()
        return True

    def _over(self, loop: CoroutineLoop) -> None:
        with self._lock:
            self._left.discard(loop)


def natural(function: Callable[..., Any], coroutines: Callable[[], Coroutines]) -> Callable[..., Any]:
    """Return the coroutine function *function* as it is to be called: by a coroutine as it is, by others to its end."""

    @wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        value = function(*args, **kwargs)
        return value if in_a_loop() else coroutines().wait(value)

    return called


def in_a_loop() -> bool:
    """Return whether a coroutine is running in the calling thread, whichever loop's."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return False
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def canceller() -> Callable[[], None]:
    """Return what cancels the coroutine that calls this, from any thread."""
    import asyncio

    from saltern_agent.coroutine_loop import post

    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None
    return lambda: post(loop, task.cancel)
