"""What is done in one go, or waits in between for what is to be awaited; written once, for threads and coroutines.

Such a function is a generator: it yields what it wants to be awaited, and is sent what that comes to.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, TypeVar

Result = TypeVar("Result")
Steps = Generator[Awaitable[Any], Any, Result]


def to_the_end(steps: Steps[Result], wait: Callable[[Awaitable[Any]], Any]) -> Result:
    """Return what *steps* come to, each by *wait*, which the calling thread does."""
    value: Any = None
    error: BaseException | None = None
    while True:
        try:
            awaitable = steps.send(value) if error is None else steps.throw(error)
        except StopIteration as stop:
            result: Result = stop.value
            return result
        try:
            value, error = wait(awaitable), None
        except BaseException as raised:
            value, error = None, raised


def begun(steps: Steps[Result]) -> Result | Coroutine[Any, Any, Result]:
    """Return what *steps* come to, or, when something is to be awaited, a coroutine that comes to it.

    That is to be awaited in the context of the call: ``Context.run`` is for both.
    """
    try:
        awaitable = steps.send(None)
    except StopIteration as stop:
        result: Result = stop.value
        return result
    return _carried(steps, awaitable)


async def _carried(steps: Steps[Result], awaitable: Awaitable[Any]) -> Result:
    while True:
        value: Any = None
        error: BaseException | None = None
        try:
            value = await awaitable
        except BaseException as raised:
            error = raised
        try:
            awaitable = steps.send(value) if error is None else steps.throw(error)
        except StopIteration as stop:
            result: Result = stop.value
            return result
