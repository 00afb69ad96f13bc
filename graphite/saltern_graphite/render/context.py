"""What a function may know of the request that it serves."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from typing import Protocol

from saltern.errors import FunctionError
from saltern_graphite.series import Series, Values
from saltern_graphite.target import Call, Expression


class Evaluation(Protocol):
    """Turns expressions into series; the evaluator of the request."""

    x_files_factor: float
    """Which share of values must be known, from here on in the target: ``setXFilesFactor`` changes it."""

    @property
    def stacks(self) -> MutableMapping[str, Values]:
        """The running totals of ``stacked`` by stack name; they add up across the request's targets."""
        ...

    def series(self, expression: Expression, context: Context) -> list[Series]:
        """The series that *expression* stands for in *context*."""
        ...

    def apply(self, name: str, series: list[Series], context: Context, *more: list[Series]) -> list[Series]:
        """The function called *name* on *series*, and *more* lists, its other arguments at their defaults."""
        ...

    def tagged(self, expressions: Sequence[str], path: str, context: Context) -> list[Series]:
        """The series whose tags pass all *expressions*; *path* is how they were asked for."""
        ...

    def event_times(self, tags: Sequence[str], start: int, end: int) -> list[int]:
        """When there was an event with all of *tags* in ``[start, end)``, in epoch seconds, sorted."""
        ...

    def knows(self, name: str) -> bool:
        """Whether there is a function called *name*."""
        ...

    def spend_points(self, points: int) -> None:
        """Account for *points* about to be made; raises ``FunctionError`` beyond the request's limit."""
        ...

    def check(self) -> None:
        """To be called between long steps; raises ``GraphiteError`` when the request is to be given up."""
        ...


@dataclass(frozen=True)
class Context:
    """The request's window and settings. Immutable: a function that looks further makes its own.

    ``start`` (exclusive, as in Whisper), ``end`` and ``now`` are epoch seconds. ``call`` is the call that is being
    evaluated, None outside of any.
    """

    start: int
    end: int
    now: int
    zone: tzinfo
    evaluation: Evaluation
    template: Mapping[str, str] = field(default_factory=dict)
    call: Call | None = None

    @property
    def x_files_factor(self) -> float:
        """Which share of values must be known for one value made of them, where nothing closer says."""
        return self.evaluation.x_files_factor

    def window(self, start: int, end: int | None = None) -> Context:
        """The same request over another window; ``FunctionError`` for one that would end before it begins."""
        end = self.end if end is None else end
        if end < start:
            raise FunctionError(f"there is nothing from {start} until {end}: the end is before the start")
        return replace(self, start=start, end=end)

    def synthetic(self, name: str, values: Values, step: int, *, path: str | None = None) -> Series:
        """A series over the window that comes from no metric."""
        return self.result(name, values, self.start, self.end, step, path=path)

    def result(self, name: str, values: Values, start: int, end: int, step: int, *, path: str | None = None) -> Series:
        """A new series that inherits nothing but the request's settings; *path* is *name* unless given."""
        return Series(name, start, end, step, values, path or name, {"name": name}, x_files_factor=self.x_files_factor)


@dataclass(frozen=True, slots=True)
class Deferred:
    """An argument that the function evaluates itself, in a window of its choice."""

    expression: Expression
    context: Context

    def evaluate(self, context: Context | None = None) -> list[Series]:
        """The argument's series, over the request's window or *context*'s."""
        return self.context.evaluation.series(self.expression, context or self.context)
