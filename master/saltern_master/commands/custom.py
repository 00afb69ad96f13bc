"""Runners of the operator's own as commands: found by name when they are called, each call in a child process.

One of the master's own functions is never replaced: what manages keys and jobs is what it always was. Whether there is
such a function, and takes the arguments, only the child knows; it is asked before the call is told of.
"""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import re
import socket
from typing import Any

from saltern.errors import CommandError, FunctionNotFound, RequestTimeout
from saltern_master.auth.caller import Caller
from saltern_master.auth.need import Need
from saltern_master.commands.context import Context, Services
from saltern_master.commands.master import Args, Kwargs
from saltern_master.commands.params import params_of
from saltern_master.commands.registry import Answered, Command, Registry
from saltern_master.commands.runs import about_bytes
from saltern_master.custom.child import MAX_ANSWER_BYTES, Child
from saltern_master.custom.places import RUNNERS

MAX_RUN_S = 3600.0
MAX_EVENTS = 1000
"""Of one call; more are counted."""
MAX_TOLD_BYTES = 64 * 1024
DOCS_WITHIN_S = 20.0
_NAME = re.compile(r"runner\.([\w-]{1,100}\.\w{1,100})")
_TAG = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
_KEPT = ("new", "ret")
"""Steps that are the master's to tell of."""


class OwnRunners:
    """Makes a command of any name that *registry* doesn't have; *services* are the parts of the master."""

    def __init__(self, services: Services, registry: Registry) -> None:
        self._services = services
        self._registry = registry

    def command(self, name: str) -> Command | None:
        """Return the command by which *name* is called if it is there, or ``None`` for what can be no runner."""
        found = _NAME.fullmatch(name)
        if found is None:
            return None
        return Command(
            name, Need.OWN_RUNNER, params_of(_taken), _taken, True, True, prepare=functools.partial(self._prepare, name)
        )

    def holds(self, function: str) -> bool:
        """Return whether there is a file for *function*."""
        return function.partition(".")[0] in self._services.own_places.stems(RUNNERS)

    async def _prepare(self, name: str, caller: Caller, bound: dict[str, Any]) -> Command:
        """Return the command that runs *name* in a child, which is there and has found the function.

        Raises ``FunctionNotFound``, ``ArgumentError``, ``CommandError``, ``Busy``.
        """
        services = self._services
        folders = await asyncio.to_thread(services.own_places.all_folders)
        stems = await asyncio.to_thread(services.own_places.stems, RUNNERS)
        if not stems:
            raise self._registry.unknown(name, lambda one: services.policy.may_call(caller, one))
        function = name.partition(".")[2]
        child = await services.own_children.start(caller.principal, f"runner {function} for {caller}")
        try:
            request = {
                "do": "run",
                "fun": function,
                "arg": bound["args"],
                "kwarg": bound["kwargs"],
                "user": caller.user,
                "opts": options_of(services),
                "folders": folders,
                "built_in": [one.function for one in self._registry.offered_by("runner")],
                "max_bytes": MAX_ANSWER_BYTES,
            }
            await child.send(request, secrets=True)
            await child.receive()
        except BaseException as error:
            services.own_children.release(child, finished=False)
            if type(error) is FunctionNotFound and function.partition(".")[0] not in stems:
                raise self._registry.unknown(name, lambda one: services.policy.may_call(caller, one)) from None
            raise
        let_go = functools.partial(services.own_children.release, child, finished=False)
        handler = functools.partial(_run, child)
        return dataclasses.replace(self.command(name) or _NOBODY, handler=handler, prepare=None, let_go=let_go)


async def _taken(context: Context, args: Args, kwargs: Kwargs) -> None:
    """Take what a runner is given."""


_NOBODY = Command("", Need.OWN_RUNNER, (), _taken, True, True)


async def _run(child: Child, context: Context, args: Args, kwargs: Kwargs) -> Answered:
    """Have *child* run what it has found, and return what it returned."""
    finished = False
    events = 0
    try:
        async with asyncio.timeout(MAX_RUN_S) as limit:
            await child.send({"jid": context.jid})
            while "return" not in (message := await child.receive()):
                events += 1
                if events <= MAX_EVENTS:
                    _tell(context, message)
        finished = True
        return Answered(message["return"], bool(message.get("success")), str(message.get("printed", "")))
    except CommandError:
        finished = True  # it said so, or has ended
        raise
    except TimeoutError:
        if limit.expired():
            raise RequestTimeout(f"it was ended after {MAX_RUN_S:g} s") from None
        raise
    finally:
        context.services.own_children.release(child, finished=finished)


def _tell(context: Context, message: dict[str, Any]) -> None:
    """Publish an event of a runner's, below its own tag."""
    step, data = str(message.get("event", "")).strip("/"), message.get("data")
    if not context.jid or step in _KEPT or _TAG.fullmatch(step) is None:
        return
    data = data if isinstance(data, dict) else {"data": data}
    size = about_bytes(data, MAX_TOLD_BYTES)
    context.services.bus.publish(f"salt/run/{context.jid}/{step}", data, size=size + 256)


def options_of(services: Services) -> dict[str, Any]:
    """Return the master's options as a runner sees them."""
    return {**services.options, "id": f"{socket.gethostname()}_master"}


async def docs_of_own(context: Context) -> dict[str, str]:
    """Return the documentation of those runners that the caller may call."""
    services = context.services
    if not services.policy.names_runners(context.caller):
        return {}
    if not await asyncio.to_thread(services.own_places.stems, RUNNERS):
        return {}
    child = await services.own_children.start(context.caller.principal, "the documentation of runners")
    finished = False
    try:
        async with asyncio.timeout(DOCS_WITHIN_S):
            folders = await asyncio.to_thread(services.own_places.all_folders)
            await child.send({"do": "docs", "opts": options_of(services), "folders": folders}, secrets=True)
            docs: dict[str, str] = (await child.receive())["docs"]
        finished = True
    except TimeoutError:
        raise RequestTimeout(f"runners were not loaded within {DOCS_WITHIN_S:g} s") from None
    finally:
        services.own_children.release(child, finished=finished)
    return {name: text for name, text in docs.items() if services.policy.may_call(context.caller, _of(name))}


def _of(function: str) -> Command:
    return dataclasses.replace(_NOBODY, name=f"runner.{function}")
