"""Transform: parts of the window, and other windows drawn over it."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import numpy as np

from saltern.errors import FunctionError
from saltern_graphite.evaluation.context import Context, Deferred
from saltern_graphite.evaluation.times import parse_interval
from saltern_graphite.functions.params import Moment, Param, ParamType
from saltern_graphite.functions.registry import function
from saltern_graphite.series.local_time import local_time
from saltern_graphite.series.series import Series, SeriesList

GROUP = "Transform"
MAX_SHIFTS = 1_000
"""How many windows ``timeStack`` draws over one another at most."""

_HOUR_S = 3600
_SUGGESTIONS = ("1h", "6h", "12h", "1d", "2d", "7d", "14d", "30d")
_Shift = Annotated[str, Param(ParamType.INTERVAL, "timeShift", suggestions=_SUGGESTIONS)]
_Unit = Annotated[str, Param(ParamType.INTERVAL, "timeShiftUnit", suggestions=_SUGGESTIONS)]
_AlignDst = Annotated[bool, Param(ParamType.BOOLEAN, also="alignDST")]


@function("timeSlice", GROUP, example="servers.web01.load, '00:00 20240610', '12:00 20240610'")
def time_slice(
    context: Context, series: SeriesList, start_slice_at: Moment, end_slice_at: Moment = "now"
) -> list[Series]:
    """Keeps the values from *startSliceAt* to *endSliceAt*; the others become missing."""
    start = context.moment("startSliceAt", start_slice_at)
    end = context.moment("endSliceAt", end_slice_at)
    results = []
    for one in series:
        # Graphite's clock begins with the window, not with the first value
        times = context.start + one.step * np.arange(len(one.values))
        values = np.where((times >= start) & (times <= end), one.values, np.nan)
        tags = {**one.tags, "timeSliceStart": str(start), "timeSliceEnd": str(end)}
        results.append(replace(one, name=f"timeSlice({one.name}, {start}, {end})", values=values, tags=tags))
    return results


def _ago(interval: str) -> str:
    """*interval* as it counts: back, unless it has a sign."""
    return f"-{interval}" if interval[0].isdigit() else interval


def _summer_time(epoch: int, context: Context) -> bool:
    return bool(local_time(epoch, context.zone).dst())


def _across_clock_change(context: Context, delta: int) -> int:
    """Seconds to add so that a shift across a change of clocks keeps the time of day."""
    here = {_summer_time(context.start, context), _summer_time(context.end, context)}
    there = {_summer_time(context.start + delta, context), _summer_time(context.end + delta, context)}
    if here == {True} and there == {False}:
        return _HOUR_S
    if here == {False} and there == {True}:
        return -_HOUR_S
    return 0


@function("timeShift", GROUP, example="sales.count, '7d'")
def time_shift(
    context: Context, source: Deferred, shift: _Shift, reset_end: bool = True, align_dst: _AlignDst = False
) -> list[Series]:
    """The values of an earlier (or, with ``+``, later) time, drawn over the window asked for."""
    shift = _ago(shift)
    delta = parse_interval(shift)
    if align_dst:
        delta += _across_clock_change(context, delta)
    unshifted = source.evaluate()
    if not unshifted:
        return []
    start, end = unshifted[0].start, unshifted[0].end
    results = []
    for one in source.evaluate(context.window(context.start + delta, context.end + delta)):
        results.append(
            one.derived(
                f'timeShift({one.name}, "{shift}")',
                start=start,
                end=end if reset_end else one.end - one.start + start,
                tags={"timeShift": shift},
                path=one.path,
            )
        )
    return results


@function("timeStack", GROUP, example="sales.count, '1w', 0, 4")
def time_stack(
    context: Context, source: Deferred, unit: _Unit = "1d", time_shift_start: int = 0, time_shift_end: int = 7
) -> list[Series]:
    """The values of several times, drawn over one another: *timeShiftStart* units ago up to, but without,
    *timeShiftEnd* units ago.
    """
    unit = _ago(unit)
    if time_shift_end - time_shift_start > MAX_SHIFTS:
        raise FunctionError(
            f"timeShiftStart to timeShiftEnd are {time_shift_end - time_shift_start} shifts: {MAX_SHIFTS} are allowed"
        )
    shown = source.evaluate()
    if not shown:
        return []
    results = []
    for count in range(time_shift_start, time_shift_end):
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
