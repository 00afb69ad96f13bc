"""``format=json``: what Grafana reads."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import numpy as np

from saltern_graphite.render.downsample import downsample
from saltern_graphite.render.formats.base import Answer, Options
from saltern_graphite.render.points import timestamps
from saltern_graphite.series import Series

_INFINITY = "1e9999"
"""JSON has no infinity; this overflows to one in every reader."""


def render(series: Sequence[Series], options: Options) -> Answer:
    """``[{"target", "tags", "datapoints": [[value | null, epoch seconds], …]}, …]``."""
    if options.max_data_points is not None:
        series = downsample(series, options.max_data_points)
    if not any(len(one.values) for one in series):
        series = []
    parts = []
    for one in series:
        points = _points(one, options.no_null_points)
        if points or not options.no_null_points:
            head = json.dumps({"target": one.name, "tags": dict(one.tags)})
            parts.append(f'{head[:-1]}, "datapoints": [{", ".join(points)}]}}')
    body = f"[{', '.join(parts)}]"
    if options.pretty:
        body = json.dumps(json.loads(body), indent=2).replace("Infinity", _INFINITY)
    if options.jsonp is not None:
        return Answer(f"{options.jsonp}({body})".encode(), "text/javascript")
    return Answer(body.encode(), "application/json")


def _points(series: Series, no_null_points: bool) -> list[str]:
    times = timestamps(series)
    known = np.isfinite(series.values)
    if known.all():  # the usual case: C does all of the work
        return [f"[{value!r}, {time}]" for value, time in zip(series.values.tolist(), times, strict=False)]
    return [
        f"[{_number(value)}, {time}]"
        for value, time in zip(series.values.tolist(), times, strict=False)
        if not (no_null_points and math.isnan(value))
    ]


def _number(value: float) -> str:
    if math.isnan(value):
        return "null"
    if math.isinf(value):
        return _INFINITY if value > 0 else f"-{_INFINITY}"
    return repr(value)
