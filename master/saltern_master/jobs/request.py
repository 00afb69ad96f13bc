"""A job as it is asked for: its functions and their arguments, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.errors import ArgumentError
from saltern_master.auth.indirect import named_returners, scheduled_functions

MAX_FUNCTIONS = 100
MAX_NAME_CHARS = 512


def functions_of(request: Mapping[str, Any]) -> list[str]:
    """Return the functions in *request* (``fun``, a name or a list of names, and ``arg``).

    Raises ``ArgumentError`` for no function, and for arguments that don't fit several of them.
    """
    fun, arg = request.get("fun"), request.get("arg") or []
    names: list[Any] = fun if isinstance(fun, list) else [fun]
    if not names or not all(isinstance(name, str) and name for name in names):
        raise ArgumentError("a job needs a function, as in test.ping")
    if len(names) > MAX_FUNCTIONS:
        raise ArgumentError(f"a job has at most {MAX_FUNCTIONS} functions, not {len(names):,}")
    for name in names:
        if len(name) > MAX_NAME_CHARS or not name.isprintable():
            raise ArgumentError(
                f"{name[:40]!r} is no function: a name has at most {MAX_NAME_CHARS} printable characters"
            )
    if isinstance(fun, list):
        if not all(isinstance(item, list) for item in arg):
            raise ArgumentError("several functions need a list of argument lists, one for each function")
        if arg and len(arg) != len(fun):
            raise ArgumentError(f"{len(fun)} functions need {len(fun)} argument lists, not {len(arg)}")
    return names


def indirect_of(request: Mapping[str, Any]) -> list[str]:
    """Return what the functions in *request* would make run in their turn, and the returners that it names.

    Who asks needs a right to them too.
    """
    fun, arg, kwarg = request["fun"], request.get("arg") or [], request.get("kwarg") or {}
    returners = named_returners(request.get("ret"))
    if isinstance(fun, str):
        return returners + scheduled_functions(fun, arg, kwarg)
    return returners + [
        f for number, name in enumerate(fun) for f in scheduled_functions(name, arg[number] if arg else [], kwarg)
    ]


def arguments(arg: list[Any] | None, kwarg: Mapping[str, Any] | None) -> list[Any]:
    """Return what a function is given as Salt writes it: keywords last, in a dict with the mark ``__kwarg__``."""
    given = list(arg or ())
    return [*given, {**kwarg, "__kwarg__": True}] if kwarg else given
