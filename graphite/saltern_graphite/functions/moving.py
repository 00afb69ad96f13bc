"""Calculate: aggregations over a window that moves along the series."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from saltern_graphite.evaluation.context import Context, Deferred
from saltern_graphite.evaluation.times import parse_interval
from saltern_graphite.functions.params import Aggregation, PointsOrTime
from saltern_graphite.functions.registry import Function, function
from saltern_graphite.series.aggregation import Reducer, aggregation, enough_known
from saltern_graphite.series.series import Series, Values

GROUP = "Calculate"
_CELLS_AT_ONCE = 1 << 21
"""How many numbers of the windows are laid out at a time (16 MiB), for aggregations without a shortcut."""


def _scanned(values: Values, width: int, scan: Callable[[Values], Values], join: Callable[..., Values]) -> Values:
    """An associative operation over each window of *width* values, in time independent of the width.

    The column is cut into blocks of *width*; running results from each block's start and back from its end meet
    in every window. *scan* is the running operation along axis 1, *join* the operation itself.
    """
    count = len(values) - width + 1
    blocks = -(-len(values) // width)
    padded = np.concatenate((values, np.zeros(blocks * width - len(values))))
    rows = padded.reshape(blocks, width)
    forward = scan(rows).reshape(-1)[width - 1 : width - 1 + count]
    backward = scan(rows[:, ::-1])[:, ::-1].reshape(-1)[:count]
    joined = join(backward, forward)
    joined[::width] = forward[::width]  # there the window is a block: both running results are all of it
    return joined


def _window_sums(values: Values, width: int) -> Values:
    return _scanned(values, width, lambda rows: np.add.accumulate(rows, axis=1), np.add)


def _window_counts(values: Values, width: int) -> Values:
    """How many values of each window are known."""
    known = ~np.isnan(values)
    if known.all():
        return np.full(len(values) - width + 1, float(width))
    return _window_sums(known.astype(np.float64), width)


def _window_maxima(values: Values, width: int) -> Values:
    lowered = np.where(np.isnan(values), -np.inf, values)
    return _scanned(lowered, width, lambda rows: np.maximum.accumulate(rows, axis=1), np.maximum)


def _window_minima(values: Values, width: int) -> Values:
    return -_window_maxima(-values, width)


def _window_totals(values: Values, width: int) -> Values:
    return _window_sums(np.where(np.isnan(values), 0.0, values), width)


def _window_averages(values: Values, width: int) -> Values:
    return _window_totals(values, width) / _window_counts(values, width)


def _window_products(values: Values, width: int) -> Values:
    return _laid_out(aggregation("multiply"), np.where(np.isnan(values), 1.0, values), width)


def _laid_out(reducer: Reducer, values: Values, width: int) -> Values:
    """*reducer* over each window of *width* values written out, as many at a time as memory should bear."""
    windows: npt.NDArray[np.float64] = np.lib.stride_tricks.sliding_window_view(values, width)
    at_once = max(_CELLS_AT_ONCE // width, 1)
    parts = [reducer(windows[begin : begin + at_once].T) for begin in range(0, len(windows), at_once)]
    return np.concatenate(parts)


_ON_WINDOWS: Mapping[str, Callable[[Values, int], Values]] = {
    "average": _window_averages,
    "avg": _window_averages,
    "avg_zero": _window_averages,
    "sum": _window_totals,
    "total": _window_totals,
    "max": _window_maxima,
    "min": _window_minima,
    "multiply": _window_products,
}
"""Aggregations with a shortcut, and those that see a window's known values only and so differ from the usual."""


def moving(values: Values, width: int, func: str, share: float) -> Values:
    """*func* over every window of *width* values; missing where less than *share* of a window is known."""
    if width < 1 or len(values) < width:
        return np.empty(0)
    known = _window_counts(values, width)
    shortcut = _ON_WINDOWS.get(func.removesuffix("Series"))
    answer = shortcut(values, width) if shortcut else _laid_out(aggregation(func), values, width)
    return np.where(enough_known(known, width, share), answer, np.nan)


def preview_of(source: Deferred, window: int | str) -> tuple[int, str]:
    """How many seconds earlier the data of a moving *window* begins, and how the window shows in names."""
    if isinstance(window, str):
        return abs(parse_interval(window)), f'"{window}"'
    return max((one.step for one in source.evaluate()), default=1) * abs(window), str(window)


def _move(context: Context, source: Deferred, window: int | str, func: str, share: float | None) -> list[Series]:
    """The moving *func* of each series, from data that begins one window earlier.

    A window given in points is as long as that many of the coarsest series' steps. The window at a time includes
    that time's own value.
    """
    aggregation(func)
    preview, shown = preview_of(source, window)
    tag = f"moving{func.capitalize()}"
    results = []
    for one in source.evaluate(context.window(context.start - preview)):
        width = preview // one.step if isinstance(window, str) else abs(window)
        asked = one.x_files_factor if share is None else share
        unused = preview // one.step - width  # more than 0: finer than the series the window was measured by
        absent = min(max(unused, 0), _absent(one, context.start - preview))
        values = moving(one.values[1 + max(unused, 0) - absent :], width, func, asked)
        start = one.start + preview - absent * one.step
        on_grid = one.start % one.step == 0  # as what comes from a file is; a constant line's step is the window's
        if unused < 0 and on_grid and len(values):  # so far back the file is coarser: the window is longer than meant
            start = one.start + width * one.step
        if width < 1:
            values = np.full(len(one.values), np.nan)
        name = f"{tag}({one.name},{shown})"
        results.append(one.derived(name, values, start=start, tags={tag: window}))
    return results


def _absent(series: Series, asked: int) -> int:
    """How many values *series* begins later than after *asked*, because its file doesn't reach back that far."""
    first = asked - asked % series.step + series.step
    return max(series.start - first, 0) // series.step


@function("movingWindow", GROUP, example="servers.*.load, '5min', 'median'")
def moving_window(
    context: Context,
    source: Deferred,
    window: PointsOrTime,
    func: Aggregation = "average",
    x_files_factor: float | None = None,
) -> list[Series]:
    """*func* over the last *windowSize* points, or over the last stretch of time, at each point."""
    return _move(context, source, window, func, x_files_factor)


def _moving(name: str, func: str, words: str, example: str, over: str = "of") -> Function:
    """The function *name*: movingWindow with *func*."""
    does = f"The {words} {over} the last *windowSize* points, or {over} the last stretch of time, at each point."

    @function(name, GROUP, does=does, example=example)
    def moved(
        context: Context, source: Deferred, window: PointsOrTime, x_files_factor: float | None = None
    ) -> list[Series]:
        return _move(context, source, window, func, x_files_factor)

    return moved


moving_average = _moving("movingAverage", "average", "mean", "servers.*.load, '5min'", "over")
moving_sum = _moving("movingSum", "sum", "sum", "requests.count, '1h'", "over")
moving_min = _moving("movingMin", "min", "least", "disk.free, '1d'")
moving_max = _moving("movingMax", "max", "greatest", "servers.*.load, 10")
moving_median = _moving("movingMedian", "median", "median", "response.time, '10min'")
