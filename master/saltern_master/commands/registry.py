"""Commands: how one is declared, and the registry that holds them all."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType, ModuleType
from typing import Any, NamedTuple

from saltern.errors import ArgumentError, FunctionNotFound
from saltern_master.auth.need import Need
from saltern_master.commands.params import Param, bind, params_of

Handler = Callable[..., Any]
"""Takes a ``Context`` and the parameters; a coroutine function runs on the loop, any other in a thread."""


class Reach(Enum):
    """Which minions a runner or wheel function is about: what becomes of a right that is good for some groups alone."""

    EVERY = "every"
    """Any there are: who is limited to some groups may not call it. So is whatever says nothing else."""
    VISIBLE = "visible"
    """Those that its caller may see: it asks ``Context.visible``, and tells of no other."""
    NONE = "none"
    """None: what it shows is the same for everyone who may call it."""


class Answered(NamedTuple):
    """What a handler returns that knows itself whether its work was well done; others return the value alone.

    *printed*: for the caller to see, and nobody else.
    """

    value: Any
    success: bool
    printed: str = ""


@dataclass(frozen=True)
class Command:
    """One command: what it is called, what it takes, who may, what it does.

    ``name`` is the client that offers it and Salt's name there: ``wheel.key.accept``, ``runner.jobs.list_jobs``.
    ``changes``: each call is audited. ``is_async`` was found out when it was declared. ``private``: what it returns is
    its caller's alone, and in no event. ``reach``: which minions it is about. ``prepare``, of what runs elsewhere, sees
    whether it is there and takes its arguments, and returns the command that runs it; ``let_go`` is called when that
    isn't run after all.
    """

    name: str
    need: Need
    params: tuple[Param, ...]
    handler: Handler
    changes: bool
    is_async: bool
    private: bool = False
    prepare: Callable[..., Awaitable[Command]] | None = None
    let_go: Callable[[], None] = lambda: None
    reach: Reach = Reach.EVERY

    @property
    def client(self) -> str:
        """The client that offers it: ``runner``, ``wheel``, ``minion``, ``job``, ``event``."""
        return self.name.partition(".")[0]

    @property
    def function(self) -> str:
        """Its name there."""
        return self.name.partition(".")[2]

    @property
    def description(self) -> str:
        """The handler's docstring."""
        return inspect.getdoc(self.handler) or ""

    def bind(self, args: list[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return a checked value for each parameter. Raises ``ArgumentError``, or what a check raises."""
        try:
            return bind(self.params, args, kwargs)
        except ArgumentError as error:
            usage = f"{self.function}({', '.join(param.shown() for param in self.params)})"
            raise ArgumentError(f"{self.function} was called wrongly: {error}: it is {usage}") from None


def command(
    name: str, need: Need, *, changes: bool = False, private: bool = False, reach: Reach = Reach.EVERY
) -> Callable[[Handler], Command]:
    """Declare a command. Its handler's docstring is its documentation for users."""

    def declare(handler: Handler) -> Command:
        is_async = inspect.iscoroutinefunction(handler)
        return Command(name, need, params_of(handler), handler, changes, is_async, private, reach=reach)

    return declare


class Registry:
    """Every command by its name."""

    def __init__(self, modules: Iterable[ModuleType], more: Iterable[Command] = ()) -> None:
        """*modules* are looked through for declared commands; *more* are made otherwise."""
        found = [value for module in modules for value in vars(module).values() if isinstance(value, Command)]
        found += more
        self._commands = MappingProxyType({one.name: one for one in found})

    def get(self, name: str) -> Command | None:
        """Return the command called *name*, or ``None``."""
        return self._commands.get(name)

    def offered_by(self, client: str) -> list[Command]:
        """Return the commands of one client, by name."""
        return sorted((one for one in self._commands.values() if one.client == client), key=lambda one: one.name)

    def unknown(self, name: str, shown: Callable[[Command], bool]) -> FunctionNotFound:
        """Return the error for a name that isn't there, with the nearest that is, of those that may be *shown*."""
        client, _, function = name.partition(".")
        names = [one.function for one in self.offered_by(client) if shown(one)]
        if not names:
            return FunctionNotFound(f"{name!r:.80} is not something the master does")
        return FunctionNotFound(f"{function!r:.80} is not a {client} function: {_hint(client, function[:100], names)}")


def _hint(client: str, wrong: str, names: list[str]) -> str:
    """Return what to try instead of *wrong*: the module is looked for first, then the function in it."""
    module, _, function = wrong.partition(".")
    modules = sorted({name.partition(".")[0] for name in names})
    same = [name for name in names if name.partition(".")[2] in (wrong, function)]
    near = difflib.get_close_matches(module, modules, 1)
    if near and (function or not same):
        own = [name.removeprefix(f"{near[0]}.") for name in names if name.startswith(f"{near[0]}.")]
        close = difflib.get_close_matches(function, own, 1, 0.5)
        return f"did you mean {near[0]}.{close[0]}?" if close else f"{near[0]} has {', '.join(own)}"
    if same:
        return f"did you mean {same[0]}?"
    return f"saltern-run {'-d' if client == 'runner' else 'doc.wheel'} lists them"
