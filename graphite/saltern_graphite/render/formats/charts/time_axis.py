"""The time axis: round times of the request's zone, as many as there is room for."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone, tzinfo

import numpy as np
from matplotlib import dates
from matplotlib.axes import Axes

from saltern.errors import GraphiteError
from saltern_graphite.render.formats.charts.style import measure
from saltern_graphite.series.local_time import local_time

DAY_S = 86400
"""matplotlib counts in days."""
_SHORT_S = 6 * 3600
_LONG_S = 36 * 3600
_GAP_PX = 14
"""Between two labels."""
_MINOR = 4
"""Fine lines for each label, about."""
_MAX_FORMAT_CHARS = 100
_FINEST = {dates.SECONDLY: 1800, dates.MINUTELY: DAY_S, dates.HOURLY: 20 * DAY_S, dates.DAILY: 1000 * DAY_S}
"""Up to which length of a chart, in seconds, it may be what labels differ in."""
_LEAST = 0.45
"""Of as many labels as there is room for; with fewer of one unit, the next finer one is taken."""
_CLOSE = 0.8
"""Of the usual distance: what is closer to the next label, as the 31st is to the 1st, is left out."""


def scale_times(axes: Axes, start: float, end: float, zone: tzinfo, width: float, wanted: str) -> None:
    """Let *axes* go from *start* to *end* (epoch seconds) on about *width* pixels.

    *wanted* is a strftime format for the labels. ``GraphiteError`` for one that strftime refuses, or dateless times.
    """
    of_day = "%H:%M" if end - start <= _LONG_S else "%a %H:%M"
    usual = ("%Y", "%b %Y", "%b %d", of_day, of_day, "%H:%M:%S")
    units = (dates.YEARLY, dates.MONTHLY, dates.DAILY, dates.HOURLY, dates.MINUTELY, dates.SECONDLY)
    formats = {unit: wanted or style for unit, style in zip(units, usual, strict=True)}
    first, _ = local_time(start, zone), local_time(end, zone)
    most = {unit: max(int(width / (measure(_shown(first, style)) + _GAP_PX)), 1) + 1 for unit, style in formats.items()}
    # minutes go on through a change of clocks; hours and days are what the clock on the wall shows
    steady = zone if end - start > _SHORT_S else timezone(first.utcoffset() or timedelta())
    finest = next((unit for unit, longest in _FINEST.items() if end - start < longest), dates.MONTHLY)
    axes.set_xlim(start / DAY_S, end / DAY_S)
    for room, minor in ((_MINOR, True), (1, False)):
        enough = max(_LEAST * (room * most[finest] - 1), 1)
        ticks = {unit: room * most[unit] for unit in most}
        locator = dates.AutoDateLocator(steady, enough, ticks)  # type: ignore[no-untyped-call]  # dates has no types
        locator.intervald |= {unit: [1, 2, 5, 10, 15, 30] for unit in (dates.MINUTELY, dates.SECONDLY)}
        locator.intervald[dates.MICROSECONDLY] = [1_000_000]
        locator.set_axis(axes.xaxis)
        times = np.array([day for day in locator() if start <= round(day * DAY_S) <= end])
        steps = np.diff(times)
        far = np.append(steps >= _CLOSE * np.median(steps), True) if len(steps) else slice(None)
        axes.set_xticks(times[far], minor=minor)
    formatter = dates.AutoDateFormatter(locator, zone)  # type: ignore[no-untyped-call]  # as above
    formatter.scaled = dict(zip(formatter.scaled, (*formats.values(), formats[dates.SECONDLY]), strict=True))
    axes.xaxis.set_major_formatter(formatter)


def _shown(time: datetime, style: str) -> str:
    if len(style) > _MAX_FORMAT_CHARS:
        raise GraphiteError(f"xFormat has {len(style)} characters: {_MAX_FORMAT_CHARS} are allowed")
    try:
        return time.strftime(style)
    except ValueError:
        raise GraphiteError(f"xFormat must be a format for times such as %H:%M, not {style!r}") from None
