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

from saltern.complaints import Complaint
from saltern.errors import CommandError

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Task

log = logging.getLogger(__name__)

CLOSE_S = 2.0  # for coroutines to end when all is closed

Done = Callable[[Any, BaseException | None], None]


def is_awaitable(value: Any) -> bool:
    """Return whether *value* is to be awaited."""
    return hasattr(type(value), "__await__")


class Coroutines:
    """A loop, started when the first coroutine comes; it then stays, for what coroutines keep is bound to it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._process = 0
        self._closed = False
        self._complaint = Complaint(log, logging.WARNING)

    def begin(self) -> AbstractEventLoop:
        """Return the loop, which runs. Raises ``CommandError`` when this is closed."""
        with self._lock:
            return self._begin()

    def _begin(self) -> AbstractEventLoop:
        if self._loop is None or self._process != os.getpid():  # a fork has no other threads
            if self._closed:
                raise CommandError("no coroutine is run any more: the agent is being stopped")
            import asyncio  # 7 MB, for hosts with coroutines

            self._loop = asyncio.new_event_loop()
            self._loop.set_exception_handler(self._failed)
            self._process = os.getpid()
            self._thread = threading.Thread(target=self._run, args=(self._loop,), name="coroutines", daemon=True)
            self._thread.start()
        return self._loop

    def start(self, awaitable: Awaitable[Any], done: Done, context: Context) -> Callable[[], None]:
        """Await *awaitable* in *context*, then call *done* there with its value or what it raised.

        Return what cancels it, from any thread. Raises ``CommandError`` when this is closed.
        """
        tasks: list[Task[None]] = []

        def create() -> None:
            end = _End(awaitable, done)
            task = loop.create_task(end.reach(), context=context)
            task.add_done_callback(end.never_begun, context=context)
            tasks.append(task)

        def cancel() -> None:
            for task in tasks:
                task.cancel()

        with self._lock:  # so that all that has begun is there to be cancelled when this is closed
            loop = self._begin()
            loop.call_soon_threadsafe(create)
        return lambda: _post(loop, cancel)

    def wait(self, awaitable: Awaitable[Any], cancelled_by: Callable[[Callable[[], None]], Any] | None = None) -> Any:
        """Return what *awaitable* comes to, or raise what it raises; the calling thread waits.

        *cancelled_by* is told what cancels it. Raises ``CommandError`` in the loop's own thread.
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
        """Return whether the calling thread is the loop's."""
        return self._thread is not None and self._thread.ident == threading.get_ident()

    def close(self) -> None:
        """Cancel what runs and end the loop; the thread is waited for, for a while."""
        with self._lock:
            self._closed = True
            loop, thread, self._loop = self._loop, self._thread, None
            if loop is None or thread is None or self._process != os.getpid():
                return
            _post(loop, lambda: loop.create_task(_end(loop)))
        if thread.ident != threading.get_ident():
            thread.join(CLOSE_S)

    def _run(self, loop: AbstractEventLoop) -> None:
        while True:
            try:
                loop.run_forever()
                break
            except BaseException as error:  # a task of a module's own called sys.exit: that ends nobody else
                self._complaint.say(f"a task of a module ended by {type(error).__name__}: {error}")
        loop.close()

    def _failed(self, loop: AbstractEventLoop, told: dict[str, Any]) -> None:
        """Say in a line what asyncio has nobody to tell."""
        error = told.get("exception")
        why = f": {type(error).__name__}: {error}" if error is not None else ""
        self._complaint.say("%s", f"a task of a module: {told.get('message', 'it failed')}{why}".split("\n")[0])


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

    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None
    return lambda: _post(loop, task.cancel)


class _End:
    """Has *done* told of what *awaitable* comes to, once."""

    __slots__ = ("_awaitable", "_begun", "_done")

    def __init__(self, awaitable: Awaitable[Any], done: Done) -> None:
        self._awaitable = awaitable
        self._done = done
        self._begun = False

    async def reach(self) -> None:
        self._begun = True
        try:
            value, error = await self._awaitable, None
        except BaseException as raised:  # SystemExit would end the loop
            value, error = None, raised
        self._done(value, error)

    def never_begun(self, task: Task[None]) -> None:
        """Heed a task that was cancelled before its first step."""
        if not self._begun:
            from asyncio import CancelledError

            if hasattr(self._awaitable, "close"):
                self._awaitable.close()
            self._done(None, CancelledError())


async def _end(loop: AbstractEventLoop) -> None:
    import asyncio

    tasks = asyncio.all_tasks(loop) - {asyncio.current_task(loop)}
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=CLOSE_S / 2)
    await asyncio.sleep(0)  # those that are told of what has ended just now come next
    loop.stop()


def _post(loop: AbstractEventLoop, call: Callable[[], object]) -> None:
    """Call *call* in the loop's thread; in one that is closed nothing runs that would need it."""
    import contextlib

    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call)
