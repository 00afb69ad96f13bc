"""What a function may know of the request that it serves."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from typing import Protocol

from saltern_graphite.series import Series, Values
from saltern_graphite.target import Expression


class Evaluation(Protocol):
    """Turns expressions into series; the evaluator of the request."""

    @property
    def stacks(self) -> MutableMapping[str, Values]:
        """The running totals of ``stacked`` by stack name; they add up across the request's targets."""
        ...

    def series(self, expression: Expression, context: Context) -> list[Series]:
        """The series that *expression* stands for in *context*."""
        ...

    def apply(self, name: str, series: list[Series], context: Context) -> list[Series]:
        """The function called *name* on *series*, its other arguments at their defaults."""
        ...

    def knows(self, name: str) -> bool:
        """Whether there is a function called *name*."""
        ...

    def spend_points(self, points: int) -> None:
        """Account for *points* about to be made; raises ``FunctionError`` beyond the request's limit."""
        ...


@dataclass(frozen=True)
class Context:
    """The request's window and settings. Immutable: a function that looks further makes its own.

    ``start`` (exclusive, as in Whisper), ``end`` and ``now`` are epoch seconds.
    """

    start: int
    end: int
    now: int
    zone: tzinfo
    evaluation: Evaluation
    x_files_factor: float = 0.0
    template: Mapping[str, str] = field(default_factory=dict)

    def window(self, start: int, end: int | None = None) -> Context:
        """The same request over another window."""
        return replace(self, start=start, end=self.end if end is None else end)

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
