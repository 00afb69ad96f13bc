"""Work of a plugin's own code, in a thread of its own and for so long: what hangs hangs there alone."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from saltern_web.plugins.names import PluginFault

T = TypeVar("T")
SECONDS = 5.0
MOST_HUNG, MOST_HUNG_OF_ONE = 64, 2
"""Threads that are left behind, of all plugins and of one, beyond which no more is begun."""

_hung: dict[int, str] = {}
"""Whose each is."""


class _Over(BaseException):
    """The time is over; no ``except Exception`` of a plugin keeps it."""


async def limited(work: Callable[[], T], what: str, whose: str, seconds: float = SECONDS) -> T:
    """Return what *work* returns, or raise what it raises. Raises ``PluginFault`` for *what* when it takes too long.

    *whose*: the plugin's path. What takes too long is ended wherever it is in Python; a call that never comes back from
    elsewhere keeps its thread.
    """
    hung = list(_hung.values())
    if len(hung) >= MOST_HUNG or hung.count(whose) >= MOST_HUNG_OF_ONE:
        raise PluginFault(f"{what}: not begun: what was begun before hangs still; mend it, and start the console again")
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()
    thread = threading.Thread(target=_run, args=(work, loop, done), name="plugin", daemon=True)
    thread.start()
    try:
        return await asyncio.wait_for(done, seconds)
    except TimeoutError:
        _end(thread, whose)
        raise PluginFault(f"{what}: it took over {seconds:g} s, and was ended") from None


def _run(work: Callable[[], T], loop: asyncio.AbstractEventLoop, done: asyncio.Future[T]) -> None:
    try:
        try:
            outcome: Any = (work(), None)
        except _Over:
            return
        except BaseException as error:
            outcome = (None, error)
        with contextlib.suppress(RuntimeError):  # the console has ended meanwhile
            loop.call_soon_threadsafe(_tell, done, *outcome)
    except _Over:  # it came to its end at that very moment
        return
    finally:
        _hung.pop(threading.get_ident(), None)


def _tell(done: asyncio.Future[Any], value: Any, error: BaseException | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(value)
    elif isinstance(error, Exception) and not isinstance(error, StopIteration):
        done.set_exception(error)
    else:  # SystemExit and its like are a plugin's own affair
        done.set_exception(PluginFault(f"it ended by {type(error).__name__}"))


def _end(thread: threading.Thread, whose: str) -> None:
    if thread.ident is not None and thread.is_alive():
        _hung[thread.ident] = whose
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(_Over))
