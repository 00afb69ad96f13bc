"""Transform: parts of the window, and other windows drawn over it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from saltern.errors import FunctionError
from saltern_graphite.functions.moment import moment
from saltern_graphite.functions.params import Param, ParamType, series_list
from saltern_graphite.functions.registry import function
from saltern_graphite.render.context import Context, Deferred
from saltern_graphite.render.times import parse_interval
from saltern_graphite.series import Series, SeriesList

GROUP = "Transform"
MAX_SHIFTS = 1_000
"""How many windows ``timeStack`` draws over one another at most."""

_SUGGESTIONS = ("1h", "6h", "12h", "1d", "2d", "7d", "14d", "30d")


@function(
    "timeSlice",
    GROUP,
    series_list(),
    Param("startSliceAt", ParamType.DATE, required=True),
    Param("endSliceAt", ParamType.DATE, default="now"),
)
def time_slice(context: Context, series: SeriesList, start_text: str, end_text: str) -> list[Series]:
    """Keeps the values from *startSliceAt* to *endSliceAt*; the others become missing.

    ``timeSlice(servers.web01.load, '00:00 20240610', '12:00 20240610')``
    """
    start = moment("startSliceAt", start_text, context)
    end = moment("endSliceAt", end_text, context)
    results = []
    for one in series:
        # Graphite's clock begins with the window, not with the first value
        times = context.start + one.step * np.arange(len(one.values))
        values = np.where((times >= start) & (times <= end), one.values, np.nan)
        tags = {**one.tags, "timeSliceStart": str(start), "timeSliceEnd": str(end)}
        results.append(replace(one, name=f"timeSlice({one.name}, {start}, {end})", values=values, tags=tags))
    return results


@function(
    "timeStack",
    GROUP,
    series_list(),
    Param("timeShiftUnit", ParamType.INTERVAL, default="1d", suggestions=_SUGGESTIONS),
    Param("timeShiftStart", ParamType.INTEGER, default=0),
    Param("timeShiftEnd", ParamType.INTEGER, default=7),
    deferred=True,
)
def time_stack(context: Context, source: Deferred, unit: str, first: int, stop: int) -> list[Series]:
    """The values of several times, drawn over one another: *timeShiftStart* units ago up to, but without,
    *timeShiftEnd* units ago.

    ``timeStack(sales.count, '1w', 0, 4)``
    """
    unit = f"-{unit}" if unit[0].isdigit() else unit
    if stop - first > MAX_SHIFTS:
        raise FunctionError(f"timeShiftStart to timeShiftEnd are {stop - first} shifts: {MAX_SHIFTS} are allowed")
    shown = source.evaluate()
    if not shown:
        return []
    results = []
    for count in range(first, stop):
        delta = parse_interval(unit) * count
        for one in source.evaluate(context.window(context.start + delta, context.end + delta)):
            results.append(
                one.derived(
                    f"timeShift({one.name}, {unit}, {count})",
                    start=shown[0].start,
                    end=shown[0].end,
                    tags={"timeShiftUnit": unit, "timeShift": count},
                )
            )
    return results
