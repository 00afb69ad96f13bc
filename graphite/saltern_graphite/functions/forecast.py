"""Calculate: what a series was to be expected to do, by Holt-Winters smoothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import numpy as np

from saltern.errors import FunctionError
from saltern_graphite.evaluation.context import Context, Deferred
from saltern_graphite.evaluation.times import parse_interval
from saltern_graphite.functions.graph import between
from saltern_graphite.functions.grid import stacked_rows
from saltern_graphite.functions.holt_winters import analyse
from saltern_graphite.functions.params import NumberAsWritten, Param, ParamType
from saltern_graphite.functions.registry import function
from saltern_graphite.series.series import Series, Values

GROUP = "Calculate"
_Bootstrap = Annotated[str, Param(ParamType.INTERVAL, "bootstrapInterval", suggestions=("7d", "30d"))]
_Season = Annotated[str, Param(ParamType.INTERVAL, suggestions=("1d", "7d"))]

_MIN_SEASON = 2
"""Steps of the shortest season. A shorter one, as for a series with a value a day, is taken for it, as in Graphite."""


class _Smoothed:
    """Series with their predictions and deviations, over a window that begins *bootstrap* earlier."""

    def __init__(self, context: Context, source: Deferred, bootstrap: str, seasonality: str) -> None:
        self.preview_s = parse_interval(bootstrap)
        if self.preview_s < 0:
            raise FunctionError(f"bootstrapInterval must not be negative, as {bootstrap!r} is")
        self.series = source.evaluate(context.window(context.start - self.preview_s))
        self.predictions: list[Values] = [np.empty(0)] * len(self.series)
        self.deviations: list[Values] = [np.empty(0)] * len(self.series)
        by_step: dict[int, list[int]] = {}
        for index, one in enumerate(self.series):
            by_step.setdefault(one.step, []).append(index)
        for step, indexes in by_step.items():
            # the next prediction looks back to one step after the season's beginning: one step is no season, two are
            self._analyse(context, indexes, max(parse_interval(seasonality) // step, _MIN_SEASON))

    def _analyse(self, context: Context, indexes: list[int], season: int) -> None:
        rows = stacked_rows([self.series[index].values for index in indexes])
        predictions, deviations = analyse(rows, season, context.evaluation.check)
        for row, index in enumerate(indexes):
            first, last = self.preview_s // self.series[index].step, len(self.series[index].values)
            self.predictions[index] = predictions[row, first:last]
            self.deviations[index] = deviations[row, first:last]

    def forecasts(self) -> list[Series]:
        """The predictions, from the beginning of the request on."""
        tags = {"holtWintersForecast": 1, "holtWintersDeviation": 1}
        return [
            one.derived(f"holtWintersForecast({one.name})", values, start=one.start + self.preview_s, tags=tags)
            for one, values in zip(self.series, self.predictions, strict=True)
        ]

    def bands(self, delta: float) -> list[Series]:
        """For each series a lower and an upper band, *delta* deviations off the predictions; they keep its path."""
        tags = dict.fromkeys(
            ("holtWintersForecast", "holtWintersDeviation", "holtWintersConfidenceUpper", "holtWintersConfidenceLower"),
            1,
        )
        results = []
        for one, forecast, deviation in zip(self.series, self.predictions, self.deviations, strict=True):
            margin = delta * deviation
            start = one.start + self.preview_s
            for label, values in (("Lower", forecast - margin), ("Upper", forecast + margin)):
                name = f"holtWintersConfidence{label}({one.name})"
                results.append(one.derived(name, values, start=start, path=one.path, tags=tags))
        return results


@function("holtWintersForecast", GROUP, example="site.requests, '7d', '1d'")
def holt_winters_forecast(
    context: Context, source: Deferred, bootstrap: _Bootstrap = "7d", seasonality: _Season = "1d"
) -> list[Series]:
    """What each value was expected to be, from the values before it: their level, trend and season.

    It learns from *bootstrapInterval* before the window asked for.
    """
    return _Smoothed(context, source, bootstrap, seasonality).forecasts()


@function("holtWintersConfidenceBands", GROUP, example="site.requests, 3")
def holt_winters_confidence_bands(
    context: Context,
    source: Deferred,
    delta: NumberAsWritten = 3,
    bootstrap: _Bootstrap = "7d",
    seasonality: _Season = "1d",
) -> list[Series]:
    """A lower and an upper line for each series: *delta* usual deviations below and above the forecast."""
    return _Smoothed(context, source, bootstrap, seasonality).bands(delta)


@function("holtWintersConfidenceArea", GROUP, example="site.requests, 3")
def holt_winters_confidence_area(
    context: Context,
    source: Deferred,
    delta: NumberAsWritten = 3,
    bootstrap: _Bootstrap = "7d",
    seasonality: _Season = "1d",
) -> list[Series]:
    """The area between the confidence bands of one series."""
    smoothed = _Smoothed(context, source, bootstrap, seasonality)
    if len(smoothed.series) != 1:
        raise FunctionError(f"seriesList must be exactly one series, not {len(smoothed.series)}")
    area = between(smoothed.bands(delta), "holtWintersConfidenceArea")
    return [replace(one, path=one.name) for one in area]


def _outside(series: Series, lower: Series, upper: Series) -> Values:
    """By how much each value lies outside the bands; 0 inside, and where value or band is missing.

    Bands of another step (from an archive that reaches further back) are compared by time, others place by place.
    """
    places = np.arange(len(series.values))
    if lower.step != series.step:
        places = (series.start + places * series.step - lower.start) // lower.step
    known = (places >= 0) & (places < len(lower.values))
    low, high = np.full(len(places), np.nan), np.full(len(places), np.nan)
    low[known], high[known] = lower.values[places[known]], upper.values[places[known]]
    values = series.values
    return np.where(values > high, values - high, np.where(values < low, values - low, 0.0))


@function("holtWintersAberration", GROUP, example="site.requests, 3")
def holt_winters_aberration(
    context: Context,
    source: Deferred,
    delta: NumberAsWritten = 3,
    bootstrap: _Bootstrap = "7d",
    seasonality: _Season = "1d",
) -> list[Series]:
    """By how much each value lies above the upper or (negative) below the lower confidence band; 0 inside."""
    bands = {band.name: band for band in _Smoothed(context, source, bootstrap, seasonality).bands(delta)}
    results = []
    for one in source.evaluate():
        lower = bands.get(f"holtWintersConfidenceLower({one.name})")
        upper = bands.get(f"holtWintersConfidenceUpper({one.name})")
        values = _outside(one, lower, upper) if lower and upper else np.zeros(len(one.values))
        results.append(one.derived(f"holtWintersAberration({one.name})", values, tags={"holtWintersAberration": 1}))
    return results
