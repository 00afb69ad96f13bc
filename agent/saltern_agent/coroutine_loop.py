"""One loop of coroutines in a thread of its own, and another thread that sees whether it goes round.

A coroutine function that does what waits without ``await`` (``time.sleep``, a socket that blocks) holds the loop, and
with it everybody whose coroutines are there. That can't be undone, as a thread that hangs outside Python can't be
ended. So after some seconds the loop is left to whoever holds it; all others are told, and another loop is begun.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import TYPE_CHECKING, Any

from saltern.complaints import Complaint
from saltern.errors import CommandError
from saltern_agent.jobs import interrupt

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Task
    from weakref import WeakKeyDictionary

log = logging.getLogger(__name__)

CLOSE_S = 2.0  # for coroutines to end when all is closed
LOOK_S, LOOKS, LONG_LOOKS = 1.0, 4, 20
"""A loop that hasn't gone round while it was looked at so often, so long each time, is held. Not by the clock alone:
a machine that was suspended is looked at anew. Where no task runs it is likelier that this process has no processor."""

Done = Callable[[Any, BaseException | None], None]


class CoroutineLoop:
    """A loop, which runs from the start on."""

    def __init__(
        self,
        held: Callable[[CoroutineLoop, Task[Any] | None], bool],
        over: Callable[[CoroutineLoop], None],
        whose: Callable[[Context | None], Any],
    ) -> None:
        """*held* is told, in another thread, that a task holds it, and returns whether it is left to that.

        *over* is told when its thread ends; *whose* tells whom what is run in a context, or in this one, belongs to.
        """
        import asyncio  # 7 MB, for hosts with coroutines
        from weakref import WeakKeyDictionary

        self.loop: AbstractEventLoop = asyncio.new_event_loop()
        self.ends: set[End] = set()
        """What is awaited here and not told yet."""
        self._owners: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()  # of tasks, those too that modules begin
        self._held = held
        self._over = over
        self._whose = whose
        self._busy = threading.Event()
        self._complaint = Complaint(log, logging.WARNING)
        self.loop.set_exception_handler(self._failed)
        self.loop.set_task_factory(self._task)
        self.thread = threading.Thread(target=self._run, name="coroutines", daemon=True)
        self.thread.start()
        threading.Thread(target=self._watch, name="coroutines: watch", daemon=True).start()

    def start(self, awaitable: Awaitable[Any], done: Done, context: Context) -> Callable[[], None]:
        """Await *awaitable* in *context*, then call *done*; return what cancels it, from any thread."""
        tasks: list[Task[None]] = []
        end = End(awaitable, done, self.ends, self._whose(context))

        def create() -> None:
            task = end.task = self.loop.create_task(end.reach(), context=context)
            task.add_done_callback(end.never_begun, context=context)
            tasks.append(task)

        def cancel() -> None:
            for task in tasks:
                task.cancel()

        self.loop.call_soon_threadsafe(create)
        self._busy.set()
        return lambda: post(self.loop, cancel)

    def end(self) -> None:
        """Cancel what runs, and end the loop when that is over."""
        post(self.loop, lambda: self.loop.create_task(_end(self.loop)))

    def join(self) -> None:
        """Wait until it has ended, for a while."""
        if self.thread.ident != threading.get_ident():
            self.thread.join(CLOSE_S)

    def leave(self, holder: Task[Any] | None, why: str) -> None:
        """Tell all but the *holder* *why* nothing comes of what they await, and end it as soon as he lets go."""
        whose = self.owner(holder)
        for end in tuple(self.ends):
            if end.task is None or (end.task is not holder and (whose is None or end.whose is not whose)):
                end.tell(None, CommandError(why))
        self.end()
        interrupt(self.thread.ident or 0)

    def owner(self, task: Task[Any] | None) -> Any:
        """Return whose *task* is."""
        return None if task is None else self._owners.get(task)

    def where(self) -> str:
        """Return in which function its thread is now."""
        frame = sys._current_frames().get(self.thread.ident or 0)
        return f"{frame.f_code.co_name} ({frame.f_code.co_filename}:{frame.f_lineno})" if frame else "?"

    def _run(self) -> None:
        while True:
            try:
                self.loop.run_forever()
                break
            except BaseException as error:  # a task of a module's own called sys.exit: that ends nobody else
                self._complaint.say(f"a task of a module ended by {type(error).__name__}: {error}")
        self.loop.close()
        self._busy.set()
        self._over(self)

    def _watch(self) -> None:
        """Look whether the loop goes round, while there is something in it."""
        import asyncio

        pause = threading.Event()
        while self._busy.wait() and not self.loop.is_closed():
            self._busy.clear()
            while self.ends and not self.loop.is_closed():
                went_round = threading.Event()
                post(self.loop, went_round.set)
                looks = 0
                while not went_round.wait(LOOK_S) and not self.loop.is_closed():
                    looks += 1
                    holder = asyncio.current_task(self.loop)
                    if looks == (LOOKS if holder is not None else LONG_LOOKS) and self._held(self, holder):
                        return
                pause.wait(LOOK_S)

    def _task(self, loop: AbstractEventLoop, coroutine: Any, **given: Any) -> Task[Any]:
        import asyncio

        task: Task[Any] = asyncio.Task(coroutine, loop=loop, **given)
        self._owners[task] = self._whose(given.get("context"))
        return task

    def _failed(self, loop: AbstractEventLoop, told: dict[str, Any]) -> None:
        """Say in a line what asyncio has nobody to tell."""
        error = told.get("exception")
        why = f": {type(error).__name__}: {error}" if error is not None else ""
        self._complaint.say("%s", f"a task of a module: {told.get('message', 'it failed')}{why}".split("\n")[0])


class End:
    """Has *done* told of what *awaitable*, which is *whose*, comes to, once; it is one of *ends* until then."""

    __slots__ = ("_awaitable", "_begun", "_done", "_ends", "task", "whose")

    def __init__(self, awaitable: Awaitable[Any], done: Done, ends: set[End], whose: Any) -> None:
        self._awaitable = awaitable
        self._done = [done]
        self._ends = ends
        self._begun = False
        self.whose = whose
        self.task: Any = None
        ends.add(self)

    async def reach(self) -> None:
        """Await it."""
        self._begun = True
        try:
            value, error = await self._awaitable, None
        except BaseException as raised:  # SystemExit would end the loop
            value, error = None, raised
        self.tell(value, error)

    def never_begun(self, task: Task[None]) -> None:
        """Heed a task that was cancelled before its first step."""
        if not self._begun:
            from asyncio import CancelledError

            if hasattr(self._awaitable, "close"):
                self._awaitable.close()
            self.tell(None, CancelledError())

    def tell(self, value: Any, error: BaseException | None) -> None:
        """Tell what it came to, unless that was done."""
        self._ends.discard(self)
        try:
            done = self._done.pop()  # of two threads one gets it
        except IndexError:
            return
        done(value, error)


def post(loop: AbstractEventLoop, call: Callable[[], object]) -> None:
    """Call *call* in the loop's thread; in one that is closed nothing runs that would need it."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call)


async def _end(loop: AbstractEventLoop) -> None:
    import asyncio

    tasks = asyncio.all_tasks(loop) - {asyncio.current_task(loop)}
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=CLOSE_S / 2)
    await asyncio.sleep(0)  # those that are told of what has ended just now come next
    loop.stop()
