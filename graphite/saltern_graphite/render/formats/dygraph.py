"""``format=dygraph``: one table of all series, as the Dygraphs of browsers read it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from saltern_graphite.render.formats.base import Answer, Options, answer, json_text, nullable
from saltern_graphite.series.series import Series

Times = npt.NDArray[np.int64]


def render(series: Sequence[Series], options: Options) -> Answer:
    """``{"labels": ["Time", name, …], "data": [[epoch milliseconds, value | null, …], …]}``; ``{}`` for no series.

    There is a row for each time that any series has a value for. (graphite-web takes the rows of the first series
    and fails where another one has more or fewer.)
    """
    if not series:
        return answer(b"{}", options)
    times, columns = _table(series)
    rows = list(zip((1000 * times).tolist(), *map(nullable, columns), strict=True))
    labels = ["Time", *(one.name for one in series)]
    return answer(f'{{"labels" : {json_text(labels)}, "data" : {json_text(rows)}}}'.encode(), options)


def _times(series: Series) -> Times:
    times = np.arange(series.start, max(series.end, series.start + 1), max(series.step, 1), dtype=np.int64)
    return times[: len(series.values)]


def _table(series: Sequence[Series]) -> tuple[Times, list[npt.NDArray[np.float64]]]:
    """The rows' times and a column for each series, NaN where it has nothing to say."""
    first = _times(series[0])
    if all(_alike(one, series[0]) for one in series):
        return first, [one.values[: len(first)] for one in series]
    own = [_times(one) for one in series]
    times = np.unique(np.concatenate(own))
    columns = []
    for one, known in zip(series, own, strict=True):
        column = np.full(len(times), np.nan)
        column[np.searchsorted(times, known)] = one.values[: len(known)]
        columns.append(column)
    return times, columns


def _alike(one: Series, other: Series) -> bool:
    """The same grid, or one moved by less than a step: their rows belong together."""
    same = one.step == other.step and len(one.values) == len(other.values)
    return same and len(_times(one)) == len(_times(other)) and abs(one.start - other.start) < max(one.step, 1)
