"""Parameters of render functions: what their annotations say, their types, and how an argument is made to fit."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from saltern.errors import FunctionError
from saltern_graphite.evaluation.context import Context, Deferred
from saltern_graphite.evaluation.target.nodes import PathExpression
from saltern_graphite.evaluation.times import parse_interval
from saltern_graphite.series.aggregation import AGGREGATIONS
from saltern_graphite.series.series import Series, SeriesList

Argument = list[Series] | Deferred | PathExpression | float | int | str | bool | None
"""What an evaluated argument can be; a path only where no series are wanted: ``5.e1`` is one in Graphite's grammar."""

_COMBINING = (
    "asPercent", "averageSeries", "averageSeriesWithWildcards", "countSeries", "diffSeries", "diffSeriesLists",
    "maxSeries", "minSeries", "multiplySeries", "multiplySeriesLists", "multiplySeriesWithWildcards", "pct",
    "powSeries", "rangeOfSeries", "stddevSeries", "sumSeries", "sumSeriesLists", "sumSeriesWithWildcards",
)  # fmt: skip
"""The functions that editors offer as callbacks; any other is taken as well."""

MAX_WINDOW_POINTS = 10**9
_SHOWN_CHARS = 100
"""So much of a long argument is repeated in an error."""


class WrittenInteger(int):
    """A whole number that shows as it was written: ``5.0`` and ``5.5`` count as 5, and name the result so."""

    _text: str

    def __new__(cls, written: float) -> WrittenInteger:
        """The integer part of *written*."""
        number = super().__new__(cls, int(written))
        number._text = str(written)
        return number

    def __str__(self) -> str:
        return self._text

    def __format__(self, style: str) -> str:
        return format(self._text, style)


def _boolean(argument: Argument) -> bool:
    if isinstance(argument, str) and argument.lower() in ("true", "false"):
        return argument.lower() == "true"
    if isinstance(argument, bool | int | float) and argument in (0, 1):
        return bool(argument)
    raise ValueError


def _number(argument: Argument) -> float:
    if isinstance(argument, list | Deferred | PathExpression) or argument is None:
        raise TypeError
    return float(argument)


def _integer(argument: Argument) -> int:
    """An integer; a float that is whole, as a template's variable may make it, is one."""
    if isinstance(argument, float) and argument.is_integer():
        return int(argument)
    if not isinstance(argument, int | str):
        raise TypeError
    return int(argument)


def _number_as_written(argument: Argument) -> float:
    """A number that Graphite calls an integer, where fractions work as well; integers stay what they are."""
    try:
        return argument if isinstance(argument, float) else _integer(argument)
    except ValueError:
        return _number(argument)


def _interval(argument: Argument) -> str:
    if not isinstance(argument, str) or not argument.strip("+-"):
        raise TypeError
    parse_interval(argument)
    return argument


def _window(argument: Argument) -> int | str:
    if isinstance(argument, str):
        return _interval(argument)
    window = WrittenInteger(argument) if isinstance(argument, float | bool) else _integer(argument)
    if abs(window) > MAX_WINDOW_POINTS:
        raise FunctionError(f"over {MAX_WINDOW_POINTS} points are more than any file has")
    return window


def _aggregation(argument: Argument) -> str:
    if not isinstance(argument, str) or argument.removesuffix("Series") not in AGGREGATIONS:
        raise ValueError
    return argument


def _string(argument: Argument) -> str:
    if isinstance(argument, list | Deferred | PathExpression):
        raise TypeError
    return str(argument)


def _node_or_tag(argument: Argument) -> int | str:
    return argument if isinstance(argument, str) else _integer(argument)


def _series(argument: Argument) -> list[Series] | Deferred:
    if not isinstance(argument, list | Deferred):
        raise TypeError
    return argument


class ParamType(Enum):
    """What a parameter takes: as Graphite's ``/functions`` calls it (editors choose their input field by that), in
    words, and what makes an argument one, or raises for what can't be."""

    ANY = "any", "a number or a series list", lambda argument: argument
    AGGREGATION = "aggFunc", f"an aggregation ({', '.join(AGGREGATIONS)})", _aggregation
    AGGREGATION_OR_FUNCTION = "aggOrSeriesFunc", "the name of an aggregation or function", _string
    BOOLEAN = "boolean", "true or false", _boolean
    DATE = "date", "a time, in quotes", _string
    FLOAT = "float", "a number", _number
    INTEGER = "integer", "an integer", _integer
    INTEGER_OR_FLOAT = "integer", "a number", _number_as_written
    INTEGER_OR_INF = "intOrInf", "an integer or inf", _number
    INTEGER_OR_INTERVAL = "intOrInterval", "a number of points, or an interval in quotes such as '5min'", _window
    INTERVAL = "interval", "an interval in quotes, such as '1h'", _interval
    NODE = "node", "the number of a path element", _integer
    NODE_OR_TAG = "nodeOrTag", "the number of a path element, or a tag in quotes", _node_or_tag
    SERIES = "seriesList", "a series list", _series
    SERIES_LISTS = "seriesLists", "series lists", _series
    STRING = "string", "a string in quotes", _string
    TAG = "tag", "a tag in quotes", _string

    def __init__(self, graphite: str, wanted: str, coerce: Callable[[Argument], Argument]) -> None:
        self.graphite = graphite
        self.wanted = wanted
        self.coerce = coerce


@dataclass(frozen=True, slots=True, eq=False)
class Param:
    """One parameter. ``multiple``: it takes all the remaining positional arguments.

    ``also``: another name that it may be given by: graphite-web's code takes that one, its documentation says
    ``name``. ``unsaid``: what stands for a required one that is left out, where graphite-web goes on without it.
    ``shown``: what ``/functions`` says of it otherwise than it is.
    """

    type: ParamType
    name: str = ""
    required: bool = True
    default: Argument = None
    multiple: bool = False
    options: tuple[str, ...] = ()
    suggestions: tuple[str | int, ...] = ()
    also: str = ""
    unsaid: Argument = None
    shown: Mapping[str, object] = field(default_factory=dict)

    def accept(self, argument: Argument) -> Argument:
        """*argument* as this parameter's type; ``FunctionError`` says why it doesn't fit."""
        if argument is None:
            if self.unsaid is not None:
                return self.unsaid
            if self.required or self.multiple:
                raise FunctionError(f"{self.name} must be given: {self.type.wanted}")
            return self.default
        try:
            accepted = self.type.coerce(argument)
        except FunctionError as error:
            raise FunctionError(f"{self.name}: {error}") from None
        except (ValueError, TypeError, OverflowError):
            raise FunctionError(f"{self.name} must be {self.type.wanted}, not {_described(argument)}") from None
        if self.options and accepted not in self.options:
            raise FunctionError(f"{self.name} must be one of {', '.join(self.options)}, not {accepted!r}")
        return accepted

    def as_json(self) -> dict[str, object]:
        """The parameter in the shape of graphite-web's ``/functions``."""
        told = {
            "required": self.required or None,
            "default": self.default,
            "multiple": self.multiple or None,
            "options": sorted(self.options) or None,
            "suggestions": list(self.suggestions) or None,
        }
        known = {key: value for key, value in told.items() if value is not None}
        return {"name": self.name, "type": self.type.graphite, **known, **self.shown}


def _described(argument: Argument) -> str:
    """*argument* as a user would call it."""
    if isinstance(argument, list | Deferred):
        return "a series list"
    if isinstance(argument, PathExpression):
        return f"the metric {argument.text[:_SHOWN_CHARS]!r}"
    shown = repr(argument)
    return shown if len(shown) <= _SHOWN_CHARS else f"{shown[:_SHOWN_CHARS]}…"


_PLAIN: Mapping[object, Param] = {
    bool: Param(ParamType.BOOLEAN),
    float: Param(ParamType.FLOAT),
    int: Param(ParamType.INTEGER),
    str: Param(ParamType.STRING),
    **dict.fromkeys((Series, SeriesList, Deferred), Param(ParamType.SERIES, "seriesList")),
}
"""What an annotation declares that says nothing more; a function that takes one series is given each of a list."""

Aggregation = Annotated[str, Param(ParamType.AGGREGATION, shown={"options": sorted(AGGREGATIONS)})]
Callback = Annotated[
    str, Param(ParamType.AGGREGATION_OR_FUNCTION, shown={"options": sorted((*AGGREGATIONS, *_COMBINING))})
]
Count = Annotated[float, Param(ParamType.INTEGER_OR_INF)]
Lists = Annotated[SeriesList, Param(ParamType.SERIES, "seriesLists")]
Moment = Annotated[str, Param(ParamType.DATE)]
Node = Annotated[int, Param(ParamType.NODE)]
NodeOrTag = Annotated[int | str, Param(ParamType.NODE_OR_TAG)]
Nodes = Annotated[int | str, Param(ParamType.NODE_OR_TAG, "nodes", required=False)]
Number = Annotated[float, Param(ParamType.INTEGER_OR_FLOAT)]
PointsOrTime = Annotated[
    int | str,
    Param(
        ParamType.INTEGER_OR_INTERVAL, "windowSize", suggestions=(5, 7, 10, "1min", "5min", "10min", "30min", "1hour")
    ),
]
Tag = Annotated[str, Param(ParamType.TAG)]


def params_of(implementation: Callable[..., object]) -> tuple[Param, ...]:
    """The parameters that the annotations of *implementation* declare: all but its ``Context``.

    One is called as it is in Python, in camel case, unless its annotation says otherwise. It must be given if it has no
    default there.
    """
    hints = get_type_hints(implementation, include_extras=True)
    params = []
    for name, own in inspect.signature(implementation).parameters.items():
        if hints[name] is not Context:
            declared = _declared(hints[name])
            called = declared.name or re.sub("_([a-z])", lambda letter: letter[1].upper(), name)
            required = declared.required and own.default is own.empty
            default = None if own.default is own.empty else own.default
            multiple = own.kind is own.VAR_POSITIONAL
            params.append(replace(declared, name=called, required=required, default=default, multiple=multiple))
    return tuple(params)


def _declared(hint: Any) -> Param:
    """What *hint* says of a parameter, which may also be left out if it says so."""
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (one for one in get_args(hint) if one is not NoneType)
    return hint.__metadata__[0] if get_origin(hint) is Annotated else _PLAIN[hint]
