"""Transform: the same metrics at another time."""

from __future__ import annotations

from datetime import datetime

from saltern_graphite.functions.params import Param, ParamType, series_list
from saltern_graphite.functions.registry import function
from saltern_graphite.render.context import Context, Deferred
from saltern_graphite.render.times import parse_interval
from saltern_graphite.series import Series

_HOUR_S = 3600
_SUGGESTIONS = ("1h", "6h", "12h", "1d", "2d", "7d", "14d", "30d")


def _summer_time(epoch: int, context: Context) -> bool:
    return bool(datetime.fromtimestamp(epoch, context.zone).dst())


def _across_clock_change(context: Context, delta: int) -> int:
    """Seconds to add so that a shift across a change of clocks keeps the time of day."""
    here = {_summer_time(context.start, context), _summer_time(context.end, context)}
    there = {_summer_time(context.start + delta, context), _summer_time(context.end + delta, context)}
    if here == {True} and there == {False}:
        return _HOUR_S
    if here == {False} and there == {True}:
        return -_HOUR_S
    return 0


@function(
    "timeShift",
    "Transform",
    series_list(),
    Param("timeShift", ParamType.INTERVAL, required=True, suggestions=_SUGGESTIONS),
    Param("resetEnd", ParamType.BOOLEAN, default=True),
    Param("alignDst", ParamType.BOOLEAN, default=False, also="alignDST"),
    deferred=True,
)
def time_shift(context: Context, source: Deferred, shift: str, reset_end: bool, align_dst: bool) -> list[Series]:
    """The values of an earlier (or, with ``+``, later) time, drawn over the window asked for.

    ``timeShift(sales.count, '7d')``
    """
    shift = f"-{shift}" if shift[0].isdigit() else shift
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
