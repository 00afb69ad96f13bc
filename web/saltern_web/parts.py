"""A part of a page that comes by a call of its own: it may fail, or be late, and the rest is shown all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from saltern.errors import SalternError
from saltern.visible import visible
from saltern_web.api.errors import LoggedOut, NotAllowed

MAX_SAID = 300
HIDDEN = "This isn't shown to you: nothing grants it."
LATE = "The master is still putting this together."

T = TypeVar("T")


@dataclass(frozen=True)
class Part(Generic[T]):
    """What was asked for, or in ``said`` why it isn't there."""

    value: T | None = None
    said: str = ""
    allowed: bool = True
    late: bool = False


async def if_granted(granted: bool, ask: Callable[[], Awaitable[T]]) -> T:
    """Return what *ask* gives. Raises ``NotAllowed`` where the master would refuse it, and keep a record of that."""
    if not granted:
        raise NotAllowed(HIDDEN)
    return await ask()


async def part(asking: Awaitable[T], within_s: float) -> Part[T]:
    """Return what *asking* gives within some seconds. Raises ``LoggedOut`` alone: then no part has anything."""
    try:
        return Part(await asyncio.wait_for(asking, within_s))
    except TimeoutError:
        return Part(said=LATE, late=True)
    except LoggedOut:
        raise
    except NotAllowed:
        return Part(said=HIDDEN, allowed=False)
    except SalternError as error:
        return Part(said=visible(" ".join(str(error).split()))[:MAX_SAID])
