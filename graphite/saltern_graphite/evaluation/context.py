"""What a function may know of the request that it serves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from typing import TYPE_CHECKING

from saltern.errors import FunctionError, GraphiteError
from saltern_graphite.evaluation.target.nodes import Call, Expression
from saltern_graphite.evaluation.times import parse_time
from saltern_graphite.series.series import Series, Values

if TYPE_CHECKING:
    from saltern_graphite.evaluation.evaluator import Evaluator


@dataclass(frozen=True)
class Context:
    """The request's window and settings. Immutable: a function that looks further makes its own.

    ``start`` (exclusive, as in Whisper), ``end`` and ``now`` are epoch seconds. ``call`` is the call that is being
    evaluated, None outside of any; ``nesting`` says how deep in targets that targets wrote.
    """

    start: int
    end: int
    now: int
    zone: tzinfo
    evaluation: Evaluator
    template: Mapping[str, str] = field(default_factory=dict)
    call: Call | None = None
    nesting: int = 0

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

    def moment(self, param: str, text: str) -> int:
        """The time that *text* means here, in epoch seconds; ``FunctionError`` names *param* if it means none."""
        try:
            return parse_time(text, self.zone, self.now)
        except GraphiteError as error:
            raise FunctionError(f"{param}: {error}") from None

    def synthetic(self, name: str, values: Values, step: int, *, path: str | None = None) -> Series:
        """A series over the window that comes from no metric."""
        return self.result(name, values, self.start, self.end, step, path=path)

    def result(self, name: str, values: Values, start: int, end: int, step: int, *, path: str | None = None) -> Series:
        """A new series that inherits nothing but the request's settings; *path* is *name* unless given."""
        self.evaluation.spend_names((name,))
        return Series(name, start, end, step, values, path or name, {"name": name}, x_files_factor=self.x_files_factor)


@dataclass(frozen=True, slots=True)
class Deferred:
    """An argument that the function evaluates itself, in a window of its choice."""

    expression: Expression
    context: Context

    def evaluate(self, context: Context | None = None) -> list[Series]:
        """The argument's series, over the request's window or *context*'s."""
        return self.context.evaluation.series(self.expression, context or self.context)
