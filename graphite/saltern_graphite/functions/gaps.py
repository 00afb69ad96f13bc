"""Transform: missing values, and what stands in for them."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np

from saltern_graphite.functions.arithmetic import previous_known
from saltern_graphite.functions.grid import stacked_rows
from saltern_graphite.functions.params import Count, Param, ParamType
from saltern_graphite.functions.registry import function
from saltern_graphite.series.aggregation import Indexes, aggregation, known_counts
from saltern_graphite.series.series import Series, SeriesList, Values
from saltern_graphite.series.spans import Spans

GROUP = "Transform"
_Reference = Annotated[SeriesList, Param(ParamType.SERIES, "referenceSeries")]


def _known_around(values: Values) -> tuple[Indexes, Indexes]:
    """For each place, that of the known value before it or there, else -1; and of the one after, else the length."""
    places = np.arange(len(values))
    known = ~np.isnan(values)
    before = np.maximum.accumulate(np.where(known, places, -1))
    return before, np.minimum.accumulate(np.where(known, places, len(places))[::-1])[::-1]


def interpolated(values: Values, limit: float) -> Values:
    """*values* with straight lines across gaps of up to *limit* points; gaps at either end stay."""
    before, after = _known_around(values)
    width = after - before
    filled = np.flatnonzero(np.isnan(values) & (before >= 0) & (after < len(values)) & (width - 1 <= limit))
    left, right = values[before[filled]], values[after[filled]]
    answer = values.copy()
    answer[filled] = left + (filled - before[filled]) * (right - left) / width[filled]
    return answer


@function("interpolate", GROUP, example="battery.charge, 10")
def interpolate(one: Series, limit: Count = math.inf) -> Series:
    """Fills gaps of up to *limit* points with a straight line from the value before to the one after."""
    return one.derived(f"interpolate({one.name})", interpolated(one.values, limit))


@function("keepLastValue", GROUP, example="battery.charge, 4")
def keep_last_value(one: Series, limit: Count = math.inf) -> Series:
    """Fills gaps of up to *limit* points with the value before them; longer gaps stay."""
    before, after = _known_around(one.values)
    filled = np.isnan(one.values) & (after - before - 1 <= limit)
    values = np.where(filled, previous_known(one.values), one.values)
    return one.derived(f"keepLastValue({one.name})", values)


@function("transformNull", GROUP, example="errors.count, 0")
def transform_null(series: SeriesList, default: float = 0, reference: _Reference | None = None) -> list[Series]:
    """Puts *default* where values are missing; with *referenceSeries* only where one of those is known."""
    shown = f"{default:g}"
    tags: dict[str, object] = {"transformNull": default}
    fill: Values | None = None
    if reference:
        shown += ",referenceSeries"
        tags["referenceSeries"] = 1
        fill = np.where(known_counts(stacked_rows([one.values for one in reference])) > 0, default, np.nan)
    results = []
    for one in series:
        values, filling = one.values, np.full(len(one.values), float(default))
        if fill is not None:
            values, filling = stacked_rows([one.values, fill])
        filled = np.where(np.isnan(values), filling, values)[: len(one.values)]
        results.append(one.derived(f"transformNull({one.name},{shown})", filled, tags=tags))
    return results


@function("isNonNull", GROUP)
def is_non_null(one: Series) -> Series:
    """1 where there is a value, 0 where there is none.

    ``sumSeries(isNonNull(servers.*.heartbeat))``
    """
    known = (~np.isnan(one.values)).astype(np.float64)
    return one.derived(f"isNonNull({one.name})", known, tags={"isNonNull": 1})


def _period(values: Values) -> tuple[int, int] | None:
    """Where the first value stands and how many steps lie between values, if they look regular.

    Graphite's guess: from the first two values that are not 0, confirmed by a third one that stands alone where it
    should.
    """
    something = ~np.isnan(values) & (values != 0)
    seen = np.flatnonzero(something)[:2]
    if len(seen) < 2:
        return None
    first, second = seen.tolist()
    third = 2 * second - first
    if second - first < 2 or third > len(values) - 2 or not something[third]:
        return None
    alone = np.isnan(values[third - 1]) and np.isnan(values[third + 1])
    return (first, second - first) if alone else None


def compressed(series: Series) -> Series:
    """*series* at the step at which it really has values, if that can be told, else *series* itself."""
    period = _period(series.values)
    if period is None:
        return series
    first, width = period
    size = min(len(series.values), -(-(series.end - series.start) // series.step))
    start, step = series.start + first * series.step, width * series.step
    count = max(-(-(series.end - start) // step), 0)
    starts = np.minimum(first + width * np.arange(count, dtype=np.int64), size)
    stops = np.minimum(starts + width, size)
    values = Spans(starts, stops).reduced(aggregation("last"), series.values, width, series.x_files_factor)
    return series.derived(series.name, values, start=start, end=start + step * (count - 1), step=step)


@function("compressPeriodicGaps", GROUP)
def compress_periodic_gaps(one: Series) -> Series:
    """Where values come regularly, but less often than there are places for them: leaves out the places between.

    ``derivative(compressPeriodicGaps(servers.web01.bytes))``
    """
    return compressed(one.derived(f"compressPeriodicGaps({one.name})"))
