"""Whose call is running, in a process whose minions share their modules.

That is said where a job begins, and holds for all that runs in it: in its thread, and in the coroutines that it begins.
A thread that a function starts by itself is nobody's, unless what it does is ``carried`` there.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, TypeVar

from saltern.errors import ModuleError
from saltern_agent.jobs import Current

if TYPE_CHECKING:
    from saltern_agent.loader.tenant import Tenant


Result = TypeVar("Result")


class Nobodys(ModuleError):
    """What belongs to a minion was asked for where no minion's call is running."""


class Nobody:
    """Stands for no minion at all. ``asked``: whether something of a minion's was asked for meanwhile."""

    __slots__ = ("asked",)

    def __init__(self) -> None:
        self.asked = False


BOUND: ContextVar[Tenant | Nobody | None] = ContextVar("minion", default=None)


class Binding:
    """While this is entered, what modules have is that of *whose*."""

    __slots__ = ("_token", "_whose")

    def __init__(self, whose: Tenant | Nobody) -> None:
        self._whose = whose
        self._token: Token[Tenant | Nobody | None] | None = None

    def __enter__(self) -> None:
        self._token = BOUND.set(self._whose)

    def __exit__(self, *_: object) -> None:
        assert self._token is not None
        BOUND.reset(self._token)


CarriedCurrent = Current
"""The job that a thread or a coroutine works on; of all minions that share their modules."""


def tenant() -> Tenant:
    """Return whose call is running. Raises ``Nobodys``."""
    found = BOUND.get()
    if found is None or isinstance(found, Nobody):
        if found is not None:
            found.asked = True
        raise Nobodys("no minion's call is running here: a thread of your own runs contextvars.copy_context().run")
    return found


def bound() -> Tenant | None:
    """Return whose call is running, ``None`` for nobody's, who is marked as having asked."""
    found = BOUND.get()
    if isinstance(found, Nobody):
        found.asked = True
        return None
    return found


def unasked() -> Tenant | None:
    """Return the same without a mark: for what is no minion's value."""
    found = BOUND.get()
    return None if isinstance(found, Nobody) else found


def carried(call: Callable[..., Result]) -> Callable[..., Result]:
    """Return *call* as it is to be made in another thread: bound as the caller is now."""
    whose = BOUND.get()
    if whose is None:
        return call

    def bound_call(*args: object, **kwargs: object) -> Result:
        with Binding(whose):
            return call(*args, **kwargs)

    return bound_call
