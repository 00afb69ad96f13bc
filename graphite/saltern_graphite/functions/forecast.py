"""Calculate: what a series was to be expected to do, by Holt-Winters smoothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, NamedTuple

import numpy as np

from saltern.errors import FunctionError
from saltern_graphite.evaluation.context import Context, Deferred
from saltern_graphite.evaluation.times import parse_interval
from saltern_graphite.functions.graph import between
from saltern_graphite.functions.grid import stacked_rows
from saltern_graphite.functions.holt_winters import analyse
from saltern_graphite.functions.params import Number, Param, ParamType
from saltern_graphite.functions.registry import function
from saltern_graphite.series.series import Series, Values

GROUP = "Calculate"
_Bootstrap = Annotated[str, Param(ParamType.INTERVAL, "bootstrapInterval", suggestions=("7d", "30d"))]
_Season = Annotated[str, Param(ParamType.INTERVAL, suggestions=("1d", "7d"))]

_TAGS = dict.fromkeys(("holtWintersForecast", "holtWintersDeviation"), 1)
_BAND_TAGS = {**_TAGS, "holtWintersConfidenceUpper": 1, "holtWintersConfidenceLower": 1}
_MIN_SEASON = 2
"""Steps of the shortest season. A shorter one, as for a series with a value a day, is taken for it, as in Graphite."""


class _Smoothed(NamedTuple):
    """A series with its predictions and deviations from *start*, the beginning of the request, on."""

    series: Series
    start: int
    prediction: Values
    deviation: Values

    def forecast(self) -> Series:
        """The predictions."""
        name = f"holtWintersForecast({self.series.name})"
        return self.series.derived(name, self.prediction, start=self.start, tags=_TAGS)

    def bands(self, delta: float) -> list[Series]:
        """A lower and an upper band, *delta* deviations off the predictions; they keep the series' path."""
        margin, one = delta * self.deviation, self.series
        return [
            one.derived(
                f"holtWintersConfidence{which}({one.name})", band, start=self.start, path=one.path, tags=_BAND_TAGS
            )
            for which, band in (("Lower", self.prediction - margin), ("Upper", self.prediction + margin))
        ]


def _smoothed(context: Context, source: Deferred, bootstrap: str, seasonality: str) -> list[_Smoothed]:
    """The series of *source*, smoothed over a window that begins *bootstrap* earlier."""
    preview_s = parse_interval(bootstrap)
    if preview_s < 0:
        raise FunctionError(f"bootstrapInterval must not be negative, as {bootstrap!r} is")
    series = source.evaluate(context.window(context.start - preview_s))
    smoothed: dict[int, _Smoothed] = {}
    for step in {one.step for one in series}:
        places = [place for place, one in enumerate(series) if one.step == step]
        # the next prediction looks back to one step after the season's beginning: one step is no season, two are
        season = max(parse_interval(seasonality) // step, _MIN_SEASON)
        predictions, deviations = analyse(
            stacked_rows([series[place].values for place in places]), season, context.evaluation.check
        )
        for row, place in enumerate(places):
            one, wanted = series[place], slice(preview_s // step, len(series[place].values))
            smoothed[place] = _Smoothed(one, one.start + preview_s, predictions[row, wanted], deviations[row, wanted])
    return [smoothed[place] for place in range(len(series))]


@function("holtWintersForecast", GROUP, example="site.requests, '7d', '1d'")
def holt_winters_forecast(
    context: Context, source: Deferred, bootstrap: _Bootstrap = "7d", seasonality: _Season = "1d"
) -> list[Series]:
    """What each value was expected to be, from the values before it: their level, trend and season.

    It learns from *bootstrapInterval* before the window asked for.
    """
    return [one.forecast() for one in _smoothed(context, source, bootstrap, seasonality)]


@function("holtWintersConfidenceBands", GROUP, example="site.requests, 3")
def holt_winters_confidence_bands(
    context: Context, source: Deferred, delta: Number = 3, bootstrap: _Bootstrap = "7d", seasonality: _Season = "1d"
) -> list[Series]:
    """A lower and an upper line for each series: *delta* usual deviations below and above the forecast."""
    return [band for one in _smoothed(context, source, bootstrap, seasonality) for band in one.bands(delta)]


@function("holtWintersConfidenceArea", GROUP, example="site.requests, 3")
def holt_winters_confidence_area(
    context: Context, source: Deferred, delta: Number = 3, bootstrap: _Bootstrap = "7d", seasonality: _Season = "1d"
) -> list[Series]:
    """The area between the confidence bands of one series."""
    smoothed = _smoothed(context, source, bootstrap, seasonality)
    if len(smoothed) != 1:
        raise FunctionError(f"seriesList must be exactly one series, not {len(smoothed)}")
    area = between(smoothed[0].bands(delta), "holtWintersConfidenceArea")
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
    context: Context, source: Deferred, delta: Number = 3, bootstrap: _Bootstrap = "7d", seasonality: _Season = "1d"
) -> list[Series]:
    """By how much each value lies above the upper or (negative) below the lower confidence band; 0 inside."""
    smoothed = _smoothed(context, source, bootstrap, seasonality)
    bands = {band.name: band for one in smoothed for band in one.bands(delta)}
    results = []
    for one in source.evaluate():
        lower = bands.get(f"holtWintersConfidenceLower({one.name})")
        upper = bands.get(f"holtWintersConfidenceUpper({one.name})")
        values = _outside(one, lower, upper) if lower and upper else np.zeros(len(one.values))
        results.append(one.derived(f"holtWintersAberration({one.name})", values, tags={"holtWintersAberration": 1}))
    return results
