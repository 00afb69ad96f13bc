"""Special: how a series is treated later, and what is like nothing else."""

from __future__ import annotations

import numpy as np

from saltern_graphite.evaluation.context import Context
from saltern_graphite.functions.alias import path_slice
from saltern_graphite.functions.arithmetic import previous_known
from saltern_graphite.functions.params import SERIES, Param, ParamType, series_list
from saltern_graphite.functions.registry import for_each, function
from saltern_graphite.series.series import Series, SeriesList

GROUP = "Special"


def _consolidated(one: Series, func: str) -> Series:
    return one.derived(f'consolidateBy({one.name},"{func}")', consolidation=func, tags={"consolidateBy": func})


@for_each(
    "consolidateBy",
    GROUP,
    Param(
        "consolidationFunc",
        ParamType.STRING,
        required=True,
        options=("sum", "average", "avg", "avg_zero", "min", "max", "first", "last"),
    ),
)
def consolidate_by(one: Series, func: str) -> Series:
    """How several values become one, when there are more than were asked for or when steps differ.

    ``consolidateBy(errors.count, 'sum')``
    """
    return _consolidated(one, func)


@for_each("cumulative", GROUP)
def cumulative(one: Series) -> Series:
    """The same as ``consolidateBy(…, 'sum')``.

    ``cumulative(errors.count)``
    """
    return _consolidated(one, "sum")


@function(
    "setXFilesFactor", GROUP, SERIES, Param("xFilesFactor", ParamType.FLOAT, required=True), aliases=("xFilesFactor",)
)
def set_x_files_factor(context: Context, series: SeriesList, share: float) -> list[Series]:
    """Which share of the values must be known for what later becomes one value of them.

    ``sumSeries(setXFilesFactor(servers.*.load, 0.5))``
    """
    context.evaluation.x_files_factor = share
    return [one.with_x_files_factor(share) for one in series]


@for_each("changed", GROUP)
def changed(one: Series) -> Series:
    """1 where the value differs from the last known one before it, else 0.

    ``changed(deployed.version)``
    """
    before = np.concatenate(([np.nan], previous_known(one.values)[:-1]))
    known = ~np.isnan(one.values) & ~np.isnan(before)
    values = (known & (one.values != before)).astype(np.float64)[: len(one.values)]
    return one.derived(f"changed({one.name})", values)


@function("fallbackSeries", GROUP, SERIES, series_list("fallback"))
def fallback_series(context: Context, series: SeriesList, fallback: SeriesList) -> list[Series]:
    """The first list, or the second where the first is empty.

    ``fallbackSeries(servers.*.errors, constantLine(0))``
    """
    return list(series or fallback)


@for_each("substr", GROUP, Param("start", ParamType.NODE, default=0), Param("stop", ParamType.NODE, default=0))
def substr(one: Series, start: int, stop: int) -> Series:
    """Calls each series after elements *start* to *stop* of its path.

    ``substr(servers.web01.cpu.user, 1, 3)``
    """
    return one.renamed(path_slice(one.name, start, stop))


@function("seriesByTag", GROUP, Param("tagExpressions", ParamType.STRING, required=True, multiple=True))
def series_by_tag(context: Context, *expressions: str) -> list[Series]:
    """The series whose tags pass all expressions: ``tag=value``, ``tag!=value``, ``tag=~regex`` or ``tag!=~regex``.

    An empty value stands for a tag that a series doesn't have; one expression at least must need a value. Regular
    expressions are anchored at their beginning.

    ``seriesByTag('name=disk.used', 'datacenter=~dc[12]', 'rack!=')``
    """
    written = (context.call.text or str(context.call)) if context.call else ""
    return context.evaluation.tagged(expressions, written, context)
