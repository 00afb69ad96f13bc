"""Special: events as a line."""

from __future__ import annotations

import numpy as np

from saltern_graphite.functions.params import Param, ParamType
from saltern_graphite.functions.registry import function
from saltern_graphite.render.context import Context
from saltern_graphite.series import Series


@function("events", "Special", Param("tags", ParamType.STRING, required=True, multiple=True))
def events(context: Context, *tags: str) -> list[Series]:
    """How many events there were in each second, of those with all the *tags*; of all with ``'*'``.

    ``drawAsInfinite(events('deploy', 'production'))``
    """
    seconds = context.end - context.start
    context.evaluation.spend_points(seconds)
    times = context.evaluation.event_times(() if tags == ("*",) else tags, context.start, context.end)
    places = np.array(times, dtype=np.int64) - context.start
    counts = np.bincount(places, minlength=seconds).astype(np.float64)
    counts[counts == 0] = np.nan
    name = 'events("' + '", "'.join(tags) + '")'
    line = context.result(name, counts, context.start, context.end, 1)
    return [line.derived(name, consolidation="sum")]
