"""``format=rickshaw``: series as the Rickshaw charts of browsers read them."""

from __future__ import annotations

from collections.abc import Sequence

from saltern_graphite.render.formats.base import Answer, Options, answer, json_text, nullable
from saltern_graphite.series.series import Series


def render(series: Sequence[Series], options: Options) -> Answer:
    """``[{"target", "datapoints": [{"x": epoch seconds, "y": value | null}, …]}, …]``."""
    lines = []
    for one in series:
        times = range(one.start, one.end, max(one.step, 1))
        points = [{"x": time, "y": value} for time, value in zip(times, nullable(one.values), strict=False)]
        lines.append({"target": one.name, "datapoints": points})
    return answer(json_text(lines, 2 if options.pretty else None).encode(), options)
