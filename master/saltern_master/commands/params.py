"""The parameters of a command, taken from its handler's annotations, and what they accept."""

from __future__ import annotations

import inspect
import math
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin, get_type_hints

from saltern.errors import ArgumentError
from saltern.visible import shown

Check = Callable[[Any], Any]
"""Returns a value that will do, or raises a ``SalternError`` that says what would."""

_NAMES: dict[type, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    bytes: "bytes",
    list: "a list",
    dict: "a map",
    type(None): "nothing",
}
POSITIONAL, NAMED = "*", "**"
"""Marks, in ``Annotated``, of parameters that take all other arguments: a list, and a map."""
_NO_DEFAULT = inspect.Parameter.empty


class Param(NamedTuple):
    """One parameter: *kinds* are the types that it takes, empty when any value will do."""

    name: str
    kinds: tuple[type, ...]
    checks: tuple[Check, ...]
    default: Any = _NO_DEFAULT
    rest: str = ""
    """``POSITIONAL`` or ``NAMED`` for one that takes what is left."""

    @property
    def required(self) -> bool:
        """Whether it has to be given."""
        return self.default is _NO_DEFAULT and not self.rest

    def accept(self, value: Any) -> Any:
        """Return *value* as the handler gets it. Raises ``ArgumentError``, or what a check raises."""
        if self.kinds:
            value = self._typed(value)
        if value is not None:
            for check in self.checks:
                value = check(value)
        return value

    def _typed(self, value: Any) -> Any:
        kind = type(value)
        if kind is float and float in self.kinds and not math.isfinite(value):
            raise ArgumentError(f"{self.name} must be a finite number, not {value!r}")
        if kind in self.kinds:
            return value
        if kind is int:
            if float in self.kinds:
                return _float(self.name, value)
            if str in self.kinds:  # a command line reads 0815 as text and 815 as a number
                return str(value)
        if value is None and type(None) in self.kinds:
            return None
        wanted = " or ".join(_NAMES.get(k, k.__name__) for k in self.kinds if k is not type(None))
        raise ArgumentError(f"{self.name} must be {wanted}, not {shown(value, 60)}")

    def shown(self) -> str:
        """Return the parameter as a signature shows it."""
        if self.rest:
            return self.rest + self.name
        return self.name if self.required else f"{self.name}={self.default!r}"


def params_of(handler: Callable[..., Any], *, bound: bool = False) -> tuple[Param, ...]:
    """Return the parameters of *handler*, but its first, which is the context; of a *bound* method all.

    An annotation is a plain type, several of them (``str | None``), ``Any``, or ``Annotated[type, check, …]``.
    """
    hints = get_type_hints(handler, include_extras=True)
    parameters = list(inspect.signature(handler).parameters.values())[0 if bound else 1 :]
    return tuple(_param(p.name, hints[p.name], p.default) for p in parameters)


def bind(params: tuple[Param, ...], args: list[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return a value for every parameter by its name. Raises ``ArgumentError`` naming what is wrong."""
    rest = {param.rest: param.name for param in params if param.rest}
    params = tuple(param for param in params if not param.rest)
    if len(args) > len(params) and POSITIONAL not in rest:
        raise ArgumentError(f"takes {_count(len(params))} at most, {len(args)} were given")
    names = [param.name for param in params]
    given = dict(zip(names, args, strict=False))
    others: dict[str, Any] = {}
    for name, value in kwargs.items():
        if name in given:
            raise ArgumentError(f"multiple values for argument {name!r}")
        if name in names:
            given[name] = value
        elif NAMED in rest:
            others[name] = value
        else:
            raise ArgumentError(f"got an unexpected keyword argument {name!r:.60}")
    for param in params:
        if param.required and param.name not in given:
            raise ArgumentError(f"missing a required argument: {param.name!r}")
    bound = {p.name: p.accept(given[p.name]) if p.name in given else p.default for p in params}
    left = {POSITIONAL: args[len(params) :], NAMED: others}
    return {**bound, **{name: left[kind] for kind, name in rest.items()}}


def _param(name: str, hint: Any, default: Any) -> Param:
    checks: tuple[Check, ...] = ()
    if get_origin(hint) is Annotated:
        hint, *extras = get_args(hint)
        if extras[0] in (POSITIONAL, NAMED):
            return Param(name, (), (), rest=extras[0])
        checks = tuple(extras)
    kinds: tuple[type, ...] = ()
    if hint is not Any:
        members = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
        kinds = tuple(_plain(get_origin(member) or member) for member in members)
    return Param(name, kinds, checks, default)


def _plain(kind: Any) -> type:
    """Return the type that arrives by msgpack for one that a signature names."""
    plain: type = {Sequence: list, Mapping: dict}.get(kind, kind)
    return plain


def _float(name: str, value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        raise ArgumentError(f"{name} is too large") from None


def _count(number: int) -> str:
    return f"{number} argument{'' if number == 1 else 's'}"
