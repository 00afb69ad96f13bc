"""Stretches of a column, each to become one number."""

from __future__ import annotations

import numpy as np

from saltern_graphite.series.aggregation import Indexes, Reducer, enough_known
from saltern_graphite.series.series import Values


class Spans:
    """The places ``starts[i] … stops[i] - 1`` for each i. Series on one grid may share it: finding out is dear.

    Spans of one size are reduced together; grids give very few sizes.
    """

    def __init__(self, starts: Indexes, stops: Indexes) -> None:
        self._starts = starts
        self._stops = stops
        self._sizes = stops - starts
        self._groups = [
            (chosen, starts[chosen] + np.arange(size)[:, np.newaxis])
            for size in np.unique(self._sizes)
            if size > 0 and len(chosen := np.flatnonzero(self._sizes == size))
        ]
        """For each size: which spans have it, and their places, one span a column."""

    def reduced(self, reducer: Reducer, values: Values, total: float, share: float) -> Values:
        """*reducer* over each span of *values*.

        A span is NaN when it is empty or when less than *share* of *total* (the values that a full span would
        hold) is known.
        """
        wanted = enough_known(self._known(values), total, share)
        answer = np.full(len(self._sizes), np.nan)
        for chosen, places in self._groups:
            mine = wanted[chosen]
            if mine.all():
                answer[chosen] = reducer(values.take(places))
            elif mine.any():
                answer[chosen[mine]] = reducer(values.take(places[:, mine]))
        return answer

    def _known(self, values: Values) -> Values:
        """How many values of each span are known."""
        known = ~np.isnan(values)
        if known.all():
            return self._sizes.astype(np.float64)
        running = np.concatenate(([0], np.cumsum(known)))
        return (running[self._stops] - running[self._starts]).astype(np.float64)
