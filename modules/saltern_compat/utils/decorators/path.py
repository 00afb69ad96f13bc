"""``salt.utils.decorators.path``: functions that need a program."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, TypeVar

from saltern_compat.exceptions import CommandNotFoundError
from saltern_compat.utils import path

Function = TypeVar("Function", bound=Callable[..., Any])


def which(exe: str) -> Callable[[Function], Function]:
    """Decorate a function that raises ``CommandNotFoundError`` when there is no program *exe*."""
    return _needs(lambda: path.which(exe), f"The '{exe}' binary was not found in $PATH.")


def which_bin(exes: Iterable[str]) -> Callable[[Function], Function]:
    """Decorate a function that raises ``CommandNotFoundError`` when there is none of the programs *exes*."""
    known = list(exes)
    return _needs(lambda: path.which_bin(known), f"None of provided binaries({known}) was not found in $PATH.")


def _needs(there: Callable[[], str | None], said: str) -> Callable[[Function], Function]:
    def decorate(function: Function) -> Function:
        @wraps(function)
        def checked(*args: Any, **kwargs: Any) -> Any:
            if there() is None:
                raise CommandNotFoundError(said)
            return function(*args, **kwargs)

        return checked  # type: ignore[return-value]  # it takes what the function takes

    return decorate
