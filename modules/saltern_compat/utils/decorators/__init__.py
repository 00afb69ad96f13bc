"""``salt.utils.decorators``: functions that are there only with what they need, and the like."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from saltern_compat.utils import versions

Function = TypeVar("Function", bound=Callable[..., Any])

MARK = "__depends__"
"""Where a module keeps what its functions need: ``[(name, is_met, fallback)]``; the loader asks when it is loaded."""


class depends:
    """Decorate a function that needs *dependencies*: names in its module, or with ``retcode`` commands that end so.

    Without them it isn't there, or ``fallback_function`` is there for it. ``version``: the least of a library.
    """

    def __init__(self, *dependencies: Any, **kwargs: Any) -> None:
        self.dependencies = dependencies
        self.params = kwargs

    def __call__(self, function: Function) -> Function:
        """Take note of it in the module that is being loaded."""
        found = sys._getframe(1).f_globals
        kept = found.setdefault(MARK, [])
        for one in self.dependencies:
            kept.append(
                (function.__name__, lambda one=one: self._met(one, found), self.params.get("fallback_function"))
            )
        return function

    def _met(self, one: Any, names: dict[str, Any]) -> bool:
        if "retcode" in self.params or "nonzero_retcode" in self.params:
            code = _retcode(one)
            if "retcode" in self.params:
                return bool(self.params["retcode"] == code)
            return bool(self.params["nonzero_retcode"]) == (code != 0)
        if one is True:
            return True
        there = names.get(one) if isinstance(one, str) else one
        if there and "version" in self.params:
            order = versions.version_cmp(getattr(there, "__version__", ""), self.params["version"])
            return order is not None and order >= 0
        return bool(there)


Depends = depends


def _retcode(command: str) -> int:
    import shlex
    import subprocess

    try:
        return subprocess.run(  # the module's own words, split without a shell
            shlex.split(command), stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60
        ).returncode
    except (OSError, subprocess.TimeoutExpired):
        return -1


def memoize(func: Function) -> Function:
    """Decorate a function that is to keep what it returned for the same arguments."""
    kept: dict[str, Any] = {}

    @wraps(func)
    def memoized(*args: Any, **kwargs: Any) -> Any:
        key = ",".join([*map(str, args), *(f"{name}={kwargs[name]}" for name in sorted(kwargs))])
        if key not in kept:
            kept[key] = func(*args, **kwargs)
        return kept[key]

    return memoized  # type: ignore[return-value]  # it takes what the function takes


def timing(function: Function) -> Function:
    """Return *function*: the agent measures all that it runs."""
    return function


def ignores_kwargs(*kwarg_names: str) -> Callable[[Function], Function]:
    """Decorate a function that isn't given the keywords *kwarg_names*."""

    def decorate(function: Function) -> Function:
        @wraps(function)
        def without(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **{name: value for name, value in kwargs.items() if name not in kwarg_names})

        return without  # type: ignore[return-value]

    return decorate


def require_one_of(*kwarg_names: str) -> Callable[[Function], Function]:
    """Decorate a function that needs just one of the keywords *kwarg_names*."""
    return _counted(kwarg_names, needed=True)


def allow_one_of(*kwarg_names: str) -> Callable[[Function], Function]:
    """Decorate a function that takes at most one of the keywords *kwarg_names*."""
    return _counted(kwarg_names, needed=False)


def _counted(names: tuple[str, ...], *, needed: bool) -> Callable[[Function], Function]:
    from saltern_compat.exceptions import SaltInvocationError

    def decorate(function: Function) -> Function:
        @wraps(function)
        def checked(*args: Any, **kwargs: Any) -> Any:
            given = [name for name in names if kwargs.get(name)]
            if len(given) > 1:
                raise SaltInvocationError(f"Only one of the following is allowed: {', '.join(names)}")
            if needed and not given:
                raise SaltInvocationError(f"One of the following must be provided: {', '.join(names)}")
            return function(*args, **kwargs)

        return checked  # type: ignore[return-value]

    return decorate


def ensure_unicode_args(function: Function) -> Function:
    """Return *function*: texts are texts."""
    return function


class is_deprecated:
    """Decorate a function whose name will be gone with the release *version*; *with_successor* is to be used then."""

    def __init__(self, globals: Any, version: Any, with_successor: str | None = None, **kwargs: Any) -> None:
        self._version, self._successor = version, with_successor

    def __call__(self, function: Function) -> Function:
        """Return it as it is."""
        return function


class with_deprecated(is_deprecated):
    """Decorate a function that takes the place of an older one."""

    def __init__(self, globals: Any, version: Any, with_name: str | None = None, **kwargs: Any) -> None:
        super().__init__(globals, version, with_name)
