"""Render functions: how one is declared, and the library that holds them all."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, get_type_hints

from saltern.errors import FunctionError
from saltern_graphite.evaluation.context import Context, Deferred
from saltern_graphite.functions.params import Argument, Param, ParamType, params_of
from saltern_graphite.series.series import Series

Implementation = Callable[..., list[Series]]

_MODULE = "graphite.render.functions"
"""Where graphite-web has its functions; clients read it, and ours are theirs to them."""
_SIGNATURES: Mapping[str, str] = {
    "aggregateWithWildcards": "seriesList, func, *positions",
    "highest": "seriesList, n=1, func='average'",
    "legendValue": "seriesList, *valueTypes",
    "lowest": "seriesList, n=1, func='average'",
    "powSeries": "*seriesLists",
    "stacked": "seriesLists, stackName='__DEFAULT__'",
    "timeShift": "seriesList, timeShift, resetEnd=True, alignDST=False",
}
"""Where graphite-web shows other names in a function's head than in the list of its parameters."""


@dataclass(frozen=True)
class Function:
    """One function of the render API: what it is called, what it takes, what it does.

    ``deferred``: the first argument is handed over unevaluated, as a :class:`Deferred`, for functions that
    look at another window than the request's.
    """

    name: str
    group: str
    params: tuple[Param, ...]
    implementation: Implementation
    aliases: tuple[str, ...]
    deferred: bool
    description: str

    def __call__(self, context: Context, *args: object) -> list[Series]:
        """Call the implementation as it stands, for functions built on others."""
        return self.implementation(context, *args)

    def param_at(self, index: int) -> Param | None:
        """The parameter that takes positional argument *index*, if any does."""
        if index < len(self.params):
            return self.params[index]
        return self.params[-1] if self.params and self.params[-1].multiple else None

    def param_named(self, name: str) -> Param:
        """The parameter called *name*; ``FunctionError`` with the nearest one otherwise."""
        names = {spelling: param for param in self.params for spelling in (param.name, param.also) if spelling}
        if name not in names:
            raise FunctionError(f"has no argument {name[:100]!r}{_nearest(name[:100], names)}")
        return names[name]

    def bind(self, args: list[Argument], kwargs: Mapping[str, Argument]) -> list[Argument]:
        """Check and coerce arguments: one value for each parameter, then those of a repeated last one.

        Raises ``FunctionError`` naming the parameter.
        """
        bound: list[Argument] = []
        for index, argument in enumerate(args):
            param = self.param_at(index)
            if param is None:
                raise FunctionError(f"takes {len(self.params)} arguments at most, {len(args)} were given")
            bound.append(param.accept(argument))
        named = {self.param_named(name).name: argument for name, argument in kwargs.items()}
        for param in self.params[len(args) :]:
            if param.name in named or not param.multiple:
                bound.append(param.accept(named.pop(param.name, None)))
            elif param.required:
                param.accept(None)
        if named:
            raise FunctionError(f"argument {next(iter(named))!r} is given twice")
        return bound

    def as_json(self, name: str) -> dict[str, object]:
        """The function under *name* (its own or an alias), in the shape of graphite-web's ``/functions``."""
        return {
            "name": name,
            "function": f"{name}({_SIGNATURES.get(self.name) or ', '.join(map(_signature, self.params))})",
            "description": self.description,
            "module": _MODULE,
            "group": self.group,
            "params": [param.as_json() for param in self.params],
        }


def function(
    name: str, group: str, *, aliases: tuple[str, ...] = (), does: str = "", example: str = ""
) -> Callable[[Callable[..., Any]], Function]:
    """Declare a render function. Its annotations say what it takes (:mod:`.params`), and its docstring, or *does*, is
    its documentation for users, with the arguments of an *example*.

    It is given the request's :class:`Context` if it begins with one. One that takes a single :class:`Series`, and the
    arguments behind the list, makes a new series of each.
    """

    def declare(make: Callable[..., Any]) -> Function:
        hints = get_type_hints(make)
        first = next(iter(hints.values()))

        @functools.wraps(make)
        def implementation(context: Context, *args: Any) -> list[Series]:
            if first is Series:
                return [make(one, *args[1:]) for one in args[0]]
            made: list[Series] = make(context, *args) if first is Context else make(*args)
            return made

        description = does or inspect.getdoc(make) or ""
        description += f"\n\n``{name}({example})``" if example else ""
        deferred = Deferred in hints.values()
        return Function(name, group, params_of(make), implementation, aliases, deferred, description)

    return declare


def declared_in(module: ModuleType) -> list[Function]:
    """The functions that are declared in *module*, without those that it imports."""
    values = vars(module).values()
    return [one for one in values if isinstance(one, Function) and one.implementation.__module__ == module.__name__]


def pie_mode(name: str, does: str) -> Function:
    """What a pie chart can make of each series, as ``/functions`` describes it; the chart does it by itself."""
    series = Param(ParamType.SERIES, "series", shown={"type": "series"})
    return Function(name, "Pie", (series,), lambda context, *args: [], (), False, does)


class Library(dict[str, Function]):
    """Every function by each of its names, aliases included."""

    def __init__(self, functions: Iterable[Function]) -> None:
        super().__init__((name, one) for one in functions for name in (one.name, *one.aliases))

    def find(self, name: str) -> Function:
        """The function called *name*; ``FunctionError`` with the nearest name otherwise."""
        found = self.get(name)
        if found is None:
            raise FunctionError(f"there is no function {name[:100]!r}{_nearest(name[:100], self)}")
        return found

    def as_json(self, *, grouped: bool = False, group: str | None = None) -> dict[str, object]:
        """All functions by name, or by group and name; only those of *group* when it is given."""
        chosen = {name: one for name, one in self.items() if group is None or one.group == group}
        if not grouped:
            return {name: one.as_json(name) for name, one in chosen.items()}
        by_group: dict[str, dict[str, object]] = {}
        for name, one in chosen.items():
            by_group.setdefault(one.group, {})[name] = one.as_json(name)
        return dict(by_group)


def _nearest(name: str, names: Iterable[str]) -> str:
    matches = difflib.get_close_matches(name, list(names), n=1, cutoff=0.6)
    return f": did you mean {matches[0]!r}?" if matches else ""


def _signature(param: Param) -> str:
    if param.multiple:
        return f"*{param.name}"
    if param.required:
        return param.name
    default = param.default
    return f"{param.name}={'inf' if default == float('inf') else repr(default)}"
