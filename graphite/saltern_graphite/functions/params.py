"""Parameters of render functions: their types, and how an argument is made to fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

from saltern.errors import FunctionError
from saltern_graphite.evaluation.context import Deferred
from saltern_graphite.evaluation.times import parse_interval
from saltern_graphite.series.aggregation import AGGREGATIONS
from saltern_graphite.series.series import Series

Argument = list[Series] | Deferred | float | int | str | bool | None
"""What an evaluated argument can be."""


class ParamType(Enum):
    """The types that Graphite's ``/functions`` names; editors choose their input field by them."""

    ANY = "any"
    AGGREGATION = "aggFunc"
    AGGREGATION_OR_FUNCTION = "aggOrSeriesFunc"
    BOOLEAN = "boolean"
    DATE = "date"
    FLOAT = "float"
    INTEGER = "integer"
    INTEGER_OR_INF = "intOrInf"
    INTEGER_OR_INTERVAL = "intOrInterval"
    INTERVAL = "interval"
    NODE = "node"
    NODE_OR_TAG = "nodeOrTag"
    SERIES = "seriesList"
    SERIES_LISTS = "seriesLists"
    STRING = "string"
    TAG = "tag"


_COMBINING = (
    "asPercent", "averageSeries", "averageSeriesWithWildcards", "countSeries", "diffSeries", "diffSeriesLists",
    "maxSeries", "minSeries", "multiplySeries", "multiplySeriesLists", "multiplySeriesWithWildcards", "pct",
    "powSeries", "rangeOfSeries", "stddevSeries", "sumSeries", "sumSeriesLists", "sumSeriesWithWildcards",
)  # fmt: skip
"""The functions that editors offer as callbacks; any other is taken as well."""

MAX_WINDOW_POINTS = 10**9
_SHOWN_CHARS = 100
"""So much of a long argument is repeated in an error."""


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter. ``multiple``: it takes all the remaining positional arguments.

    ``also``: another name that it may be given by: graphite-web's code takes that one, its documentation says
    ``name``. ``unsaid``: what stands for a required one that is left out, where graphite-web goes on without it.
    ``shown``: what ``/functions`` says of it otherwise than it is.
    """

    name: str
    type: ParamType
    required: bool = False
    default: Argument = None
    multiple: bool = False
    options: tuple[str, ...] = ()
    suggestions: tuple[str | int, ...] = ()
    also: str = ""
    unsaid: Argument = None
    shown: Mapping[str, object] = field(default_factory=dict)

    def accept(self, argument: Argument) -> Argument:
        """*argument* as this parameter's type; ``FunctionError`` says why it doesn't fit."""
        wanted, coerce = _TYPES[self.type]
        if argument is None:
            if self.unsaid is not None:
                return self.unsaid
            if self.required or self.multiple:
                raise FunctionError(f"{self.name} must be given: {wanted}")
            return self.default
        try:
            accepted = coerce(argument)
        except FunctionError as error:
            raise FunctionError(f"{self.name}: {error}") from None
        except (ValueError, TypeError, OverflowError):
            raise FunctionError(f"{self.name} must be {wanted}, not {_described(argument)}") from None
        if self.options and accepted not in self.options:
            raise FunctionError(f"{self.name} must be one of {', '.join(self.options)}, not {accepted!r}")
        return accepted

    def as_json(self) -> dict[str, object]:
        """The parameter in the shape of graphite-web's ``/functions``."""
        answer: dict[str, object] = {"name": self.name, "type": self.type.value}
        if self.required:
            answer["required"] = True
        if self.default is not None:
            answer["default"] = self.default
        if self.multiple:
            answer["multiple"] = True
        options = self.options
        if self.type in (ParamType.AGGREGATION, ParamType.AGGREGATION_OR_FUNCTION):
            options = tuple(AGGREGATIONS)
        if self.type is ParamType.AGGREGATION_OR_FUNCTION:
            options += _COMBINING
        if options:
            answer["options"] = sorted(options)
        if self.suggestions:
            answer["suggestions"] = list(self.suggestions)
        return {**answer, **self.shown}


class ShownInteger(Param):
    """A number that ``/functions`` calls an integer, as Graphite does, where fractions work as well."""

    __slots__ = ()

    def accept(self, argument: Argument) -> Argument:
        """*argument* itself if it is a float, else an integer; ``FunctionError`` says why it doesn't fit."""
        return argument if isinstance(argument, float) else super().accept(argument)


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


def _described(argument: Argument) -> str:
    """*argument* as a user would call it."""
    if isinstance(argument, list | Deferred):
        return "a series list"
    shown = repr(argument)
    return shown if len(shown) <= _SHOWN_CHARS else f"{shown[:_SHOWN_CHARS]}…"


def _boolean(argument: Argument) -> bool:
    if isinstance(argument, str) and argument.lower() in ("true", "false"):
        return argument.lower() == "true"
    if isinstance(argument, bool | int | float) and argument in (0, 1):
        return bool(argument)
    raise ValueError


def _number(argument: Argument) -> float:
    if isinstance(argument, list | Deferred) or argument is None:
        raise TypeError
    return float(argument)


def _integer(argument: Argument) -> int:
    """An integer; a float that is whole, as a template's variable may make it, is one."""
    if isinstance(argument, float) and argument.is_integer():
        return int(argument)
    if not isinstance(argument, int | str):
        raise TypeError
    return int(argument)


def _integer_or_inf(argument: Argument) -> float | int:
    return argument if isinstance(argument, float) else _number(argument)


def _interval(argument: Argument) -> str:
    if not isinstance(argument, str) or not argument.strip("+-"):
        raise TypeError
    parse_interval(argument)
    return argument


def _integer_or_interval(argument: Argument) -> int | str:
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
    if isinstance(argument, list | Deferred):
        raise TypeError
    return str(argument)


def _node_or_tag(argument: Argument) -> int | str:
    return argument if isinstance(argument, str) else _integer(argument)


def _series(argument: Argument) -> list[Series] | Deferred:
    if not isinstance(argument, list | Deferred):
        raise TypeError
    return argument


_TYPES: Mapping[ParamType, tuple[str, Callable[[Argument], Argument]]] = MappingProxyType(
    {
        ParamType.ANY: ("a number or a series list", lambda argument: argument),
        ParamType.AGGREGATION: (f"an aggregation ({', '.join(AGGREGATIONS)})", _aggregation),
        ParamType.AGGREGATION_OR_FUNCTION: ("the name of an aggregation or function", _string),
        ParamType.BOOLEAN: ("true or false", _boolean),
        ParamType.DATE: ("a time, in quotes", _string),
        ParamType.FLOAT: ("a number", _number),
        ParamType.INTEGER: ("an integer", _integer),
        ParamType.INTEGER_OR_INF: ("an integer or inf", _integer_or_inf),
        ParamType.INTEGER_OR_INTERVAL: (
            "a number of points, or an interval in quotes such as '5min'",
            _integer_or_interval,
        ),
        ParamType.INTERVAL: ("an interval in quotes, such as '1h'", _interval),
        ParamType.NODE: ("the number of a path element", _integer),
        ParamType.NODE_OR_TAG: ("the number of a path element, or a tag in quotes", _node_or_tag),
        ParamType.SERIES: ("a series list", _series),
        ParamType.SERIES_LISTS: ("series lists", _series),
        ParamType.STRING: ("a string in quotes", _string),
        ParamType.TAG: ("a tag in quotes", _string),
    }
)
"""What each type takes, in words, and what makes an argument one; that raises for what can't be."""


def series_list(name: str = "seriesList", *, required: bool = True, multiple: bool = False) -> Param:
    """A parameter that takes series."""
    return Param(name, ParamType.SERIES, required=required, multiple=multiple)


def text(name: str) -> Param:
    """A parameter that takes a string and must be given."""
    return Param(name, ParamType.STRING, required=True)


def flag(name: str) -> Param:
    """A parameter that is false unless it is given."""
    return Param(name, ParamType.BOOLEAN, default=False)


SERIES = series_list()
"""The parameter that nearly every function begins with."""
SERIES_LISTS = series_list("seriesLists", multiple=True)
FUNC = Param("func", ParamType.AGGREGATION, required=True)
FUNC_OR_AVERAGE = Param("func", ParamType.AGGREGATION, default="average")
N = Param("n", ParamType.FLOAT, required=True)
NODES = Param("nodes", ParamType.NODE_OR_TAG, multiple=True)
POINTS_OR_TIME = Param(
    "windowSize",
    ParamType.INTEGER_OR_INTERVAL,
    required=True,
    suggestions=(5, 7, 10, "1min", "5min", "10min", "30min", "1hour"),
)
SEARCH, REPLACE = text("search"), text("replace")
SHARE = Param("xFilesFactor", ParamType.FLOAT)
STEP = Param("step", ParamType.INTEGER, default=60)
