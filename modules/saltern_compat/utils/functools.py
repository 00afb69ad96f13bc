"""``salt.utils.functools``: functions under other names and with other globals."""

from __future__ import annotations

from collections.abc import Iterable
from types import FunctionType
from typing import Any

from saltern_compat.utils.args import get_function_argspec


def namespaced_function(function: Any, global_dict: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
    """Return *function* with *global_dict* as its globals, which get the names that they lack."""
    if not isinstance(function, FunctionType):
        return function
    for name, value in function.__globals__.items():
        global_dict.setdefault(name, value)
    made = FunctionType(function.__code__, global_dict, function.__name__, function.__defaults__, function.__closure__)
    made.__kwdefaults__ = function.__kwdefaults__
    made.__doc__ = function.__doc__
    made.__module__ = str(global_dict.get("__name__", function.__module__))
    vars(made).update(vars(function))
    return made


def alias_function(fun: Any, name: str, doc: str | None = None) -> Any:
    """Return *fun* as one that is called *name*."""
    made = FunctionType(fun.__code__, fun.__globals__, str(name), fun.__defaults__, fun.__closure__)
    made.__kwdefaults__ = fun.__kwdefaults__
    vars(made).update(vars(fun))
    made.__doc__ = doc or f"\nThis function is an alias of ``{fun.__name__}``.\n{fun.__doc__ or ''}"
    return made


def parse_function(function_arguments: Iterable[Any]) -> dict[str, Any]:
    """Return ``args`` and ``kwargs`` of a list in which mappings are keywords."""
    given = list(function_arguments)
    kwargs = {name: value for one in given if isinstance(one, dict) for name, value in one.items()}
    return {"args": [one for one in given if not isinstance(one, dict)], "kwargs": kwargs}


def call_function(salt_function: Any, *args: Any, **kwargs: Any) -> Any:
    """Call a function with what it takes. Raises ``SaltInvocationError`` for an argument that is missing."""
    from saltern_compat.exceptions import SaltInvocationError

    spec = get_function_argspec(salt_function)
    needed = spec.args[: len(spec.args) - len(spec.defaults or ())]
    missing = [name for name in needed[len(args) :] if name not in kwargs]
    if missing:
        raise SaltInvocationError(f"Missing arguments: {', '.join(missing)}")
    known = kwargs if spec.keywords else {name: value for name, value in kwargs.items() if name in spec.args}
    return salt_function(*args, **known)
