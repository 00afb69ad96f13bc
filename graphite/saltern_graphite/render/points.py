"""A series' points as Graphite pairs them."""

from __future__ import annotations

from saltern_graphite.series import Series


def timestamps(series: Series) -> range:
    """The times of the series' values: no more than there are values, and none after its end."""
    stop = min(series.end + 1, series.start + len(series.values) * series.step)
    return range(series.start, stop, max(series.step, 1))
