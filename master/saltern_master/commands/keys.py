"""``key.*``: the keys of minions, by ``saltern.key_functions``, which serve where no master runs too."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

from saltern.key_functions import KeyFunctions
from saltern_master.auth.need import Need
from saltern_master.commands.context import Context
from saltern_master.commands.params import params_of
from saltern_master.commands.registry import Command

_SHOWING = frozenset({"key.list_all", "key.list", "key.name_match", "key.finger", "key.print", "key.resolve"})


def _declared(name: str, method: Callable[..., Any]) -> Command:
    """Return the command for a function of the key store's: it is run in a thread, then the keyring looks."""

    async def call(context: Context, **arguments: Any) -> Any:
        function = KeyFunctions(context.services.keystore).table()[name]
        try:
            return await asyncio.to_thread(function, **arguments)
        finally:
            if name not in _SHOWING:
                await context.services.key_refresh.now()

    call.__doc__ = inspect.getdoc(method)
    return Command(f"wheel.{name}", Need.WHEEL, params_of(method, bound=True), call, name not in _SHOWING, True)


def commands(functions: KeyFunctions) -> tuple[Command, ...]:
    """Return a command for each of *functions*."""
    return tuple(_declared(name, method) for name, method in functions.table().items())
