"""Targets that functions write: evaluated like a request's own, within its limits."""

from __future__ import annotations

from dataclasses import replace

from saltern.errors import FunctionError, TargetSyntaxError
from saltern_graphite.evaluation.context import Context
from saltern_graphite.evaluation.target.parser import parse
from saltern_graphite.series.series import Series

MAX_NESTING = 8
"""How deep targets may write targets; one that writes itself ends here."""

MAX_CHARS = 64_000
"""The longest target that is taken."""

_COST_POINTS = 1_000
"""What one counts for in the request's limit of points, so that no number of empty ones is free."""

_SHOWN_CHARS = 200


def evaluate_text(text: str, context: Context) -> list[Series]:
    """The series of the target *text* over *context*'s window.

    Raises ``FunctionError``, which quotes it, if it does not parse or can't be evaluated.
    """
    shown = text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"
    inner = replace(context, nesting=context.nesting + 1)
    if inner.nesting > MAX_NESTING:
        raise FunctionError(f"targets write targets more than {MAX_NESTING} deep, here {shown!r}")
    if len(text) > MAX_CHARS:
        raise FunctionError(f"{shown!r} is {len(text)} characters long: {MAX_CHARS} are allowed")
    context.evaluation.spend_points(_COST_POINTS)
    try:
        return context.evaluation.series(parse(text), inner)
    except (FunctionError, TargetSyntaxError) as error:
        raise FunctionError(f"in the target {shown!r}: {error}") from None
