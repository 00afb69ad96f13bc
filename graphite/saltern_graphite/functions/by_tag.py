"""Special: series found by their tags."""

from __future__ import annotations

from saltern_graphite.functions.params import Param, ParamType
from saltern_graphite.functions.registry import function
from saltern_graphite.render.context import Context
from saltern_graphite.series import Series


@function("seriesByTag", "Special", Param("tagExpressions", ParamType.STRING, required=True, multiple=True))
def series_by_tag(context: Context, *expressions: str) -> list[Series]:
    """The series whose tags pass all expressions: ``tag=value``, ``tag!=value``, ``tag=~regex`` or ``tag!=~regex``.

    An empty value stands for a tag that a series doesn't have; one expression at least must need a value. Regular
    expressions are anchored at their beginning.

    ``seriesByTag('name=disk.used', 'datacenter=~dc[12]', 'rack!=')``
    """
    written = (context.call.text or str(context.call)) if context.call else ""
    return context.evaluation.tagged(expressions, written, context)
