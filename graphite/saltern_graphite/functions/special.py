"""Special: how a series is treated later, and series that come from no metric."""

from __future__ import annotations

import hashlib

import numpy as np

from saltern.errors import FunctionError
from saltern_graphite.functions.alias import path_slice
from saltern_graphite.functions.arithmetic import previous_known
from saltern_graphite.functions.params import Param, ParamType, series_list
from saltern_graphite.functions.registry import function
from saltern_graphite.render.context import Context
from saltern_graphite.series import Series, SeriesList

GROUP = "Special"
_NAME = Param("name", ParamType.STRING, required=True)
_STEP = Param("step", ParamType.INTEGER, default=60)


def consolidated_by(series: SeriesList, func: str) -> list[Series]:
    """*series*, to be coarsened by *func* from here on."""
    return [
        one.derived(f'consolidateBy({one.name},"{func}")', consolidation=func, tags={"consolidateBy": func})
        for one in series
    ]


@function(
    "consolidateBy",
    GROUP,
    series_list(),
    Param(
        "consolidationFunc",
        ParamType.STRING,
        required=True,
        options=("sum", "average", "avg", "avg_zero", "min", "max", "first", "last"),
    ),
)
def consolidate_by(context: Context, series: SeriesList, func: str) -> list[Series]:
    """How several values become one, when there are more than were asked for or when steps differ.

    ``consolidateBy(errors.count, 'sum')``
    """
    return consolidated_by(series, func)


@function("cumulative", GROUP, series_list())
def cumulative(context: Context, series: SeriesList) -> list[Series]:
    """The same as ``consolidateBy(…, 'sum')``.

    ``cumulative(errors.count)``
    """
    return consolidated_by(series, "sum")


@function(
    "setXFilesFactor",
    GROUP,
    series_list(),
    Param("xFilesFactor", ParamType.FLOAT, required=True),
    aliases=("xFilesFactor",),
)
def set_x_files_factor(context: Context, series: SeriesList, share: float) -> list[Series]:
    """Which share of the values must be known for what later becomes one value of them.

    ``sumSeries(setXFilesFactor(servers.*.load, 0.5))``
    """
    context.evaluation.x_files_factor = share
    return [one.with_x_files_factor(share) for one in series]


@function("changed", GROUP, series_list())
def changed(context: Context, series: SeriesList) -> list[Series]:
    """1 where the value differs from the last known one before it, else 0.

    ``changed(deployed.version)``
    """
    results = []
    for one in series:
        before = np.concatenate(([np.nan], previous_known(one.values)[:-1]))
        known = ~np.isnan(one.values) & ~np.isnan(before)
        values = (known & (one.values != before)).astype(np.float64)[: len(one.values)]
        results.append(one.derived(f"changed({one.name})", values))
    return results


@function("fallbackSeries", GROUP, series_list(), series_list("fallback"))
def fallback_series(context: Context, series: SeriesList, fallback: SeriesList) -> list[Series]:
    """The first list, or the second where the first is empty.

    ``fallbackSeries(servers.*.errors, constantLine(0))``
    """
    return list(series or fallback)


@function(
    "substr",
    GROUP,
    series_list(),
    Param("start", ParamType.NODE, default=0),
    Param("stop", ParamType.NODE, default=0),
)
def substr(context: Context, series: SeriesList, start: int, stop: int) -> list[Series]:
    """Calls each series after elements *start* to *stop* of its path.

    ``substr(servers.web01.cpu.user, 1, 3)``
    """
    return [one.renamed(path_slice(one.name, start, stop)) for one in series]


def constant(context: Context, value: float) -> Series:
    """A straight line over the window, in three points."""
    step = max((context.end - context.start) // 2, 1)
    return context.synthetic(str(value), np.full(3, value), step, path=f"constantLine({value})")


@function("constantLine", GROUP, Param("value", ParamType.FLOAT, required=True))
def constant_line(context: Context, value: float) -> list[Series]:
    """A straight line.

    ``constantLine(100)``
    """
    return [constant(context, value)]


def _ticks(context: Context, step: int) -> int:
    """How many points of *step* seconds the window has."""
    if step < 1:
        raise FunctionError(f"step must be 1 or more seconds, not {step}")
    count = -(-(context.end - context.start) // step)
    context.evaluation.spend_points(count)
    return count


@function("randomWalkFunction", GROUP, _NAME, _STEP, aliases=("randomWalk",))
def random_walk(context: Context, name: str, step: int) -> list[Series]:
    """A line that wanders, for trying things out. The same name and window give the same line.

    ``randomWalk('noise')``
    """
    seed = hashlib.blake2b(f"{name} {context.start}".encode(), digest_size=8).digest()
    steps = np.random.default_rng(int.from_bytes(seed)).random(_ticks(context, step)) - 0.5
    return [context.synthetic(name, np.cumsum(steps) - steps[:1], step)]


@function("timeFunction", "Transform", _NAME, _STEP, aliases=("time",))
def time_function(context: Context, name: str, step: int) -> list[Series]:
    """The time itself, in epoch seconds.

    ``timeFunction('now', 60)``
    """
    values = context.start + step * np.arange(_ticks(context, step), dtype=np.float64)
    return [context.synthetic(name, values, step)]
