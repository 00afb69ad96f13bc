"""``maxDataPoints``: no more points than a chart has pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from saltern_graphite.series.aggregation import consolidation, reduce_groups
from saltern_graphite.series.series import Series


def downsample(series: Sequence[Series], most: int) -> list[Series]:
    """*series* coarsened, each by its own consolidation, to at most about *most* points over all their span.

    Groups are aligned to multiples of their length, so that a refreshed chart doesn't jitter; what comes before the
    first is left out. As in Graphite a group begins with the value one step before its time: ``from`` is exclusive
    and ``until`` inclusive here as everywhere. With *most* 1 all values become one.
    """
    if not series:
        return []
    span = max(one.end for one in series) - min(one.start for one in series)
    with np.errstate(all="ignore"):
        return [_coarsened(one, span, most) for one in series]


def _coarsened(series: Series, span: int, most: int) -> Series:
    if most <= 1:
        return _grouped(series, max(len(series.values), 1), 0, series.start)
    points = span / series.step
    if points <= most:
        return series
    width = math.ceil(points / most)
    seconds = width * series.step
    nudge = seconds + series.start % series.step - series.start % seconds
    return _grouped(series, width, max(nudge // series.step - 1, 0), series.start + nudge)


def _grouped(series: Series, width: int, dropped: int, start: int) -> Series:
    reducer = consolidation(series.consolidation)
    values = reduce_groups(reducer, series.values[dropped:], width, series.x_files_factor)
    return series.derived(series.name, values, start=start, step=series.step * width, path=series.path)
