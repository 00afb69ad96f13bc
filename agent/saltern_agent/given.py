"""What a function is given: a job's arguments, by Salt's rules for keywords.

Of a job that somebody sent, a positional text of the form ``name=value`` becomes a keyword here (programs send it so),
its value read as YAML; a map that is marked with ``__kwarg__`` is keywords too. A schedule's arguments are as they are.
Keywords must be parameters of the function, unless it takes ``**kwargs``: then it is told who published what as well,
as ``__pub_jid`` and the like.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import CodeType
from typing import Any

from saltern.errors import ArgumentError
from saltern.sent_keywords import sent_keywords

VARKEYWORDS = 0x08  # of a code object's flags


def given(
    function: Callable[..., Any],
    args: list[Any],
    kwarg: Mapping[str, Any],
    published: Callable[[], Mapping[str, Any]],
    *,
    sent: bool = True,
) -> tuple[list[Any], dict[str, Any]]:
    """Return what *function* is called with; *sent*: whether by somebody, not by a schedule.

    *published* tells what is known of the job, for functions that take any keyword.

    Raises ``ArgumentError`` for keywords that it doesn't take.
    """
    names, takes_any = _parameters(function)
    positional: list[Any] = []
    keywords: dict[str, Any] = {}
    for arg in args:
        found = sent_keywords(arg) if sent else None
        if found is None:
            positional.append(arg)
        else:
            keywords.update(found)
    keywords.update(kwarg)
    if names is not None and not takes_any:
        unknown = [f"{name}={value}" for name, value in keywords.items() if name not in names]
        if unknown:
            raise ArgumentError(f"The following keyword arguments are not valid: {', '.join(unknown)}")
    if takes_any:
        keywords.update(published())
    return positional, keywords


def is_bare(function: Callable[..., Any], args: list[Any], kwarg: Mapping[str, Any]) -> bool:
    """Return whether *function* is sure to be called with nothing, as most are that are asked often."""
    if args or kwarg:
        return False
    code: CodeType | None = getattr(function, "__code__", None)
    return code is not None and not code.co_flags & VARKEYWORDS


def _parameters(function: Callable[..., Any]) -> tuple[frozenset[str] | None, bool]:
    """Return the names that *function* takes and whether it takes any other; ``None``: that can't be told.

    ``inspect`` would tell too, for a megabyte that the agent then keeps.
    """
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    code: CodeType | None = getattr(function, "__code__", None)
    if code is None:
        return None, False
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return frozenset(names), bool(code.co_flags & VARKEYWORDS)
