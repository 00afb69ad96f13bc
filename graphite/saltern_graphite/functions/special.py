"""Special: how a series is treated later, and what is like nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import numpy as np

from saltern_graphite.evaluation.context import Context
from saltern_graphite.functions.alias import path_slice
from saltern_graphite.functions.arithmetic import previous_known
from saltern_graphite.functions.params import Node, Param, ParamType
from saltern_graphite.functions.registry import function
from saltern_graphite.series.series import Series, SeriesList

GROUP = "Special"
_OPTIONS = ("sum", "average", "avg", "avg_zero", "min", "max", "first", "last")
_Fallback = Annotated[SeriesList, Param(ParamType.SERIES, "fallback")]
_Consolidation = Annotated[str, Param(ParamType.STRING, "consolidationFunc", options=_OPTIONS)]


def _consolidated(one: Series, func: str) -> Series:
    return one.derived(f'consolidateBy({one.name},"{func}")', consolidation=func, tags={"consolidateBy": func})


@function("consolidateBy", GROUP, example="errors.count, 'sum'")
def consolidate_by(one: Series, func: _Consolidation) -> Series:
    """How several values become one, when there are more than were asked for or when steps differ."""
    return _consolidated(one, func)


@function("cumulative", GROUP, example="errors.count")
def cumulative(one: Series) -> Series:
    """The same as ``consolidateBy(…, 'sum')``."""
    return _consolidated(one, "sum")


@function("setXFilesFactor", GROUP, aliases=("xFilesFactor",))
def set_x_files_factor(context: Context, series: SeriesList, x_files_factor: float) -> list[Series]:
    """Which share of the values must be known for what later becomes one value of them.

    ``sumSeries(setXFilesFactor(servers.*.load, 0.5))``
    """
    context.evaluation.x_files_factor = share = x_files_factor
    return [replace(one, tags={**one.tags, "xFilesFactor": str(share)}, x_files_factor=share) for one in series]


@function("changed", GROUP, example="deployed.version")
def changed(one: Series) -> Series:
    """1 where the value differs from the last known one before it, else 0."""
    before = np.concatenate(([np.nan], previous_known(one.values)[:-1]))
    known = ~np.isnan(one.values) & ~np.isnan(before)
    values = (known & (one.values != before)).astype(np.float64)[: len(one.values)]
    return one.derived(f"changed({one.name})", values)


@function("fallbackSeries", GROUP, example="servers.*.errors, constantLine(0)")
def fallback_series(series: SeriesList, fallback: _Fallback) -> list[Series]:
    """The first list, or the second where the first is empty."""
    return list(series or fallback)


@function("substr", GROUP, example="servers.web01.cpu.user, 1, 3")
def substr(one: Series, start: Node = 0, stop: Node = 0) -> Series:
    """Calls each series after elements *start* to *stop* of its path."""
    return one.renamed(path_slice(one.name, start, stop))


@function("seriesByTag", GROUP, example="'name=disk.used', 'datacenter=~dc[12]', 'rack!='")
def series_by_tag(context: Context, *tag_expressions: str) -> list[Series]:
    """The series whose tags pass all expressions: ``tag=value``, ``tag!=value``, ``tag=~regex`` or ``tag!=~regex``.

    An empty value stands for a tag that a series doesn't have; one expression at least must need a value. Regular
    expressions are anchored at their beginning.
    """
    return context.evaluation.tagged(tag_expressions, context.call.text if context.call else "", context)
