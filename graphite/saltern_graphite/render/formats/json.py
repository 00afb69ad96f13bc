"""``format=json``: what Grafana reads.

Numbers become text in C, a series at a time; the text between two of them, a time each, is the same for all series on
one grid and is made once.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import orjson

from saltern_graphite.render.formats.base import INFINITY, Answer, Options, answer, json_text
from saltern_graphite.series.aggregation import coarsened
from saltern_graphite.series.series import Series, Values


def render(series: Sequence[Series], options: Options) -> Answer:
    """``[{"target", "tags", "datapoints": [[value | null, epoch seconds], …]}, …]``."""
    if options.max_data_points is not None:
        series = downsample(series, options.max_data_points)
    if not any(len(one.values) for one in series):
        series = []
    seams: dict[range, list[bytes]] = {}
    parts: list[bytes] = []
    for one in series:
        points = _points(one, seams, known_only=options.no_null_points)
        if points.numbers or not options.no_null_points:
            parts.append(_written(one, points, b", " if parts else b"["))
    body = b"".join((*parts, b"]" if parts else b"[]"))
    if options.pretty:
        body = json_text(json.loads(body), indent=2).encode()
    return answer(body, options)


class _Points(NamedTuple):
    """The *numbers*, and what follows each of them: its time, and the beginning of the next."""

    numbers: list[bytes]
    between: list[bytes]


def _points(series: Series, seams: dict[range, list[bytes]], *, known_only: bool) -> _Points:
    """All points, or those that have a value; *seams* remembers what stands between all numbers on each grid."""
    grid = series.times()
    values = series.values[: len(grid)]
    if known_only:
        known = np.flatnonzero(~np.isnan(values))
        return _Points(_numbers(values[known]), _seams(grid, known))
    if grid not in seams:
        seams[grid] = _seams(grid, np.arange(len(grid)))
    return _Points(_numbers(values), seams[grid])


def _seams(grid: range, places: npt.NDArray[np.int64]) -> list[bytes]:
    times = grid.start + grid.step * places
    text = orjson.dumps(times, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]
    return (b", " + text.replace(b",", b"], [|, ") + b"]]}").split(b"|")


def _written(series: Series, points: _Points, before: bytes) -> bytes:
    """One series as JSON, behind *before*: all in one go, as each copy of the text would be felt."""
    head = json.dumps({"target": series.name, "tags": dict(series.tags)}).encode()
    if not points.numbers:
        return b'%b%b, "datapoints": []}' % (before, head[:-1])
    pieces = [b'%b%b, "datapoints": [[' % (before, head[:-1])] * (1 + 2 * len(points.numbers))
    pieces[1::2] = points.numbers
    pieces[2::2] = points.between
    return b"".join(pieces)


def _numbers(values: Values) -> list[bytes]:
    """The *values* as JSON writes them; null for NaN."""
    if not len(values):
        return []
    text = orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY)
    numbers = text[1:-1].split(b",")
    for place in np.flatnonzero(np.isinf(values)).tolist():
        numbers[place] = f"{'-' * bool(values[place] < 0)}{INFINITY}".encode()
    return numbers


def downsample(series: Sequence[Series], most: int) -> list[Series]:
    """``maxDataPoints``: *series* coarsened, each by its own consolidation, to about *most* points over all their span.

    Groups are aligned to multiples of their length, so that a refreshed chart doesn't jitter; what comes before the
    first is left out. As in Graphite a group begins with the value one step before its time: ``from`` is exclusive
    and ``until`` inclusive here as everywhere. With *most* 1 all values become one.
    """
    if not series:
        return []
    span = max(one.end for one in series) - min(one.start for one in series)
    return [_aligned(one, span, most) for one in series]


def _aligned(series: Series, span: int, most: int) -> Series:
    if most <= 1:
        return coarsened(series, max(len(series.values), 1))
    points = span / series.step
    if points <= most:
        return series
    width = math.ceil(points / most)
    seconds = width * series.step
    nudge = seconds + series.start % series.step - series.start % seconds
    return coarsened(series, width, skipped=max(nudge // series.step - 1, 0), start=series.start + nudge)
