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

INVITE = "key.invite"
_PRIVATE = frozenset({INVITE, "key.gen", "key.gen_accept"})
"""Their answers let hosts in."""
_SHOWN = "list_all list name_match glob_match finger finger_master print key_str master_key_str gen resolve delegated"
_WITH_DEVICES = frozenset({"key.list_all", "key.list"})
_SHOWING = frozenset(f"key.{name}" for name in _SHOWN.split())


def _declared(name: str, method: Callable[..., Any]) -> Command:
    """Return the command for a function of the key store's: it is run in a thread, then the keyring looks."""

    async def call(context: Context, **arguments: Any) -> Any:
        devices = context.services.keyring.delegations.all() if name in _WITH_DEVICES else {}
        functions = KeyFunctions(context.services.keystore, lambda: devices)
        if name == INVITE:
            arguments = {**_own_ports(context), **{one: value for one, value in arguments.items() if value != 0}}
        try:
            return await asyncio.to_thread(functions.table()[name], **arguments)
        finally:
            for act, minion_id in functions.changed:
                context.services.bus.publish("salt/key", {"result": True, "act": act, "id": minion_id})
            if name not in _SHOWING:
                await context.services.key_refresh.now()

    call.__doc__ = inspect.getdoc(method)
    params = params_of(method, bound=True)
    return Command(f"wheel.{name}", Need.WHEEL, params, call, name not in _SHOWING, True, name in _PRIVATE)


def _own_ports(context: Context) -> dict[str, int]:
    """Return where an invitation sends agents, unless it names other ports."""
    options = context.services.options
    return {"publish_port": options["publish_port"], "ret_port": options["ret_port"]}


def commands(functions: KeyFunctions) -> tuple[Command, ...]:
    """Return a command for each of *functions*."""
    return tuple(_declared(name, method) for name, method in functions.table().items())
