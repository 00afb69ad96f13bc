"""Evaluation: from parsed targets to series."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo

import numpy as np

from saltern.errors import FunctionError
from saltern_graphite.evaluation.context import Context, Deferred
from saltern_graphite.evaluation.deadline import Deadline
from saltern_graphite.evaluation.source import SeriesSource
from saltern_graphite.evaluation.target.nodes import Call, Expression, Literal, PathExpression, Template, fill
from saltern_graphite.functions import Function, Library
from saltern_graphite.functions.params import Argument, ParamType
from saltern_graphite.series.series import Series, Values
from saltern_graphite.tags.tagged_name import tags_of

_FREE_NAME_CHARS = 1_000
_CHARS_A_POINT = 4


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may cost; ``seconds`` from its arrival to its answer."""

    series: int = 20_000
    points: int = 50_000_000
    target_chars: int = 64_000
    targets: int = 1_000
    depth: int = 64
    seconds: float = 30.0


class LocatedError(FunctionError):
    """A function's error that says where in its target the call stands."""


class Evaluator:
    """Evaluates the targets of one request. Not for use by several threads.

    ``stored_method``: consolidate a metric by its file's own method where the target doesn't say otherwise, so
    that sums stay sums on long ranges. Graphite always averages: pass False for that.
    """

    def __init__(
        self,
        source: SeriesSource,
        library: Library,
        limits: Limits | None = None,
        *,
        stored_method: bool = True,
        deadline: Deadline | None = None,
    ) -> None:
        self.source = source
        self.library = library
        self._limits = limits or Limits()
        self._stored_method = stored_method
        self._deadline = deadline or Deadline(self._limits.seconds)
        self._series_left = self._limits.series
        self._points_left = self._limits.points
        self._fetched: dict[tuple[str, int, int, float], list[Series]] = {}
        self._asked_share = 0.0
        self.x_files_factor = 0.0
        """Which share of values must be known, from here on in the target: ``setXFilesFactor`` changes it."""
        self.stacks: dict[str, Values] = {}
        """The running totals of ``stacked`` by stack name; they add up across the request's targets."""

    def context(
        self,
        start: int,
        end: int,
        now: int,
        zone: tzinfo,
        *,
        x_files_factor: float = 0.0,
        template: Mapping[str, str] | None = None,
    ) -> Context:
        """The context of a request over ``(start, end]``."""
        self._asked_share = self.x_files_factor = x_files_factor
        return Context(start, end, now, zone, self, template or {})

    def evaluate(self, expression: Expression, context: Context) -> list[Series]:
        """The series that a whole target stands for. Raises ``FunctionError`` with the column of the call.

        What ``setXFilesFactor`` sets holds for the rest of its target; with Graphite also for the targets after it.
        """
        self.x_files_factor = self._asked_share
        with np.errstate(all="ignore"):  # missing and infinite values are data here
            return self.series(expression, context)

    def series(self, expression: Expression, context: Context) -> list[Series]:
        """The series that *expression* stands for in *context*."""
        if isinstance(expression, PathExpression):
            return self._metrics(expression.text, context)
        if isinstance(expression, Call):
            return self._call(expression, context)
        if isinstance(expression, Template):
            return self.series(fill(expression, context.template), context)
        if isinstance(expression.value, str):  # a template's variable may stand for a path
            return self._metrics(expression.value, context)
        raise FunctionError(f"expected a series list, not {expression.value!r}")

    def apply(self, name: str, series: list[Series], context: Context, *more: list[Series]) -> list[Series]:
        """The function called *name* on *series*, and *more* lists, its other arguments at their defaults."""
        function = self.library.find(name)
        if function.deferred:
            raise FunctionError(f"{name} can't be used as a callback")
        try:
            return function(context, *function.bind([series, *more], {}))
        except FunctionError as error:
            raise FunctionError(f"callback {name}: {error}") from None

    def tagged(self, expressions: Sequence[str], path: str, context: Context) -> list[Series]:
        """The series whose tags pass all *expressions*; *path* is how they were asked for."""
        return self._cached(path, context, lambda: self.source.tagged(expressions, self._limits.series))

    def spend_points(self, points: int) -> None:
        """Account for *points* about to be made; raises ``FunctionError`` beyond the request's limit."""
        self._points_left -= points
        if self._points_left < 0:
            raise FunctionError(
                f"this takes over {self._limits.points} points: ask for fewer series or a shorter range"
            )
        self.check()

    def spend_names(self, names: Iterable[str]) -> None:
        """Account for long *names* as for points: each function around another may make several of one.

        Raises ``FunctionError`` when they come to more than the request's limit.
        """
        self._points_left -= sum(len(name) for name in names if len(name) > _FREE_NAME_CHARS) // _CHARS_A_POINT
        if self._points_left < 0:
            raise FunctionError("the names that this makes are too long: give shorter ones before, as alias does")

    def check(self) -> None:
        """To be called between long steps; raises ``TookTooLong`` or ``ClientGone`` when it is time to give up."""
        self._deadline.check()

    def _call(self, call: Call, context: Context) -> list[Series]:
        where = f"column {call.column}"
        try:
            function = self.library.find(call.name)
            where += f": {call.name}"
            args = [self._argument(function, index, argument, context) for index, argument in enumerate(call.args)]
            kwargs = {
                name: self._value(argument, context, function.param_named(name).type) for name, argument in call.kwargs
            }
            self.check()
            made = function(replace(context, call=call), *function.bind(args, kwargs))
            self.spend_names(one.name for one in made)
            return made
        except LocatedError:
            raise
        except FunctionError as error:
            raise LocatedError(f"{where}: {error}") from None

    def _argument(self, function: Function, index: int, argument: Expression, context: Context) -> Argument:
        if index == 0 and function.deferred:
            return Deferred(argument, context)
        param = function.param_at(index)
        return self._value(argument, context, ParamType.ANY if param is None else param.type)

    def _value(self, argument: Expression, context: Context, wanted: ParamType) -> Argument:
        path = wanted in (ParamType.SERIES, ParamType.SERIES_LISTS)
        if isinstance(argument, Literal) and not (path and isinstance(argument.value, str)):
            return argument.value
        if isinstance(argument, PathExpression) and not path and wanted is not ParamType.ANY:
            return argument  # its parameter takes none: nothing is read to say so
        return self.series(argument, context)

    def _metrics(self, pattern: str, context: Context) -> list[Series]:
        return self._cached(pattern, context, lambda: self.source.match(pattern, self._limits.series))

    def _cached(self, path: str, context: Context, find: Callable[[], list[str]]) -> list[Series]:
        """What was read for *path* before in this request, else the metrics that *find* names, read now."""
        key = (path, context.start, context.end, context.x_files_factor)
        known = self._fetched.get(key)
        if known is None:
            known = self._fetched[key] = self._fetch(find(), path, context)
        return list(known)

    def _fetch(self, names: list[str], path: str, context: Context) -> list[Series]:
        self._series_left -= len(names)
        if self._series_left < 0:
            raise FunctionError(f"the request takes over {self._limits.series} series: narrow its patterns")
        series = []
        for name in names:
            self.check()
            found = self.source.fetch(name, context.start, context.end, context.now)
            if found is None:
                continue
            self.spend_points(len(found.values))
            series.append(
                Series(
                    name,
                    found.start,
                    found.end,
                    found.step,
                    found.values,
                    path,
                    tags_of(name) if ";" in name else {"name": name},
                    found.method if self._stored_method else "average",
                    context.x_files_factor,
                )
            )
        return series
