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

_ACTS = {f"key.{act}{how}": act for act in ("accept", "reject", "delete") for how in ("", "_keys")}
_PRIVATE = frozenset({"key.invite", "key.gen", "key.gen_accept"})
"""Their answers let hosts in."""
_SHOWING = frozenset({"key.list_all", "key.list", "key.name_match", "key.finger", "key.print", "key.resolve"})


def _declared(name: str, method: Callable[..., Any]) -> Command:
    """Return the command for a function of the key store's: it is run in a thread, then the keyring looks."""

    async def call(context: Context, **arguments: Any) -> Any:
        function = KeyFunctions(context.services.keystore).table()[name]
        try:
            answer = await asyncio.to_thread(function, **arguments)
            _tell(context, name, answer)
            return answer
        finally:
            if name not in _SHOWING:
                await context.services.key_refresh.now()

    call.__doc__ = inspect.getdoc(method)
    params = params_of(method, bound=True)
    return Command(f"wheel.{name}", Need.WHEEL, params, call, name not in _SHOWING, True, name in _PRIVATE)


def commands(functions: KeyFunctions) -> tuple[Command, ...]:
    """Return a command for each of *functions*."""
    return tuple(_declared(name, method) for name, method in functions.table().items())


def _tell(context: Context, name: str, answer: Any) -> None:
    """Say on the bus of each minion whose key was changed what became of it: ``salt/key``."""
    act = _ACTS.get(name)
    done = answer.get("done", answer) if act and isinstance(answer, dict) else {}
    for minion_ids in done.values():
        for minion_id in minion_ids:
            context.services.bus.publish("salt/key", {"result": True, "act": act, "id": minion_id})
