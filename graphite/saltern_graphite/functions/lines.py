"""Lines that come from no metric."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np

from saltern.errors import FunctionError
from saltern_graphite.evaluation.context import Context
from saltern_graphite.evaluation.times import MAX_EPOCH_S
from saltern_graphite.functions.params import Number
from saltern_graphite.functions.registry import function
from saltern_graphite.series.series import Series

_IDENTITY_STEP_S = 60


def constant(context: Context, value: float) -> Series:
    """A straight line over the window, in three points."""
    step = max((context.end - context.start) // 2, 1)
    return context.synthetic(str(value), np.full(3, value), step, path=f"constantLine({value})")


@function("constantLine", "Special", example="100")
def constant_line(context: Context, value: float) -> list[Series]:
    """A straight line."""
    return [constant(context, value)]


def _ticks(context: Context, step: int) -> int:
    """How many points of *step* seconds the window has."""
    if not 1 <= step <= MAX_EPOCH_S:
        raise FunctionError(f"step must be from 1 to {MAX_EPOCH_S} seconds, not {step}")
    count = -(-(context.end - context.start) // step)
    context.evaluation.spend_points(count)
    return count


@function("randomWalkFunction", "Special", aliases=("randomWalk",))
def random_walk(context: Context, name: str, step: int = 60) -> list[Series]:
    """A line that wanders, for trying things out. The same name and window give the same line.

    ``randomWalk('noise')``
    """
    seed = hashlib.blake2b(f"{name} {context.start}".encode(), digest_size=8).digest()
    steps = np.random.default_rng(int.from_bytes(seed)).random(_ticks(context, step)) - 0.5
    return [context.synthetic(name, np.cumsum(steps) - steps[:1], step)]


@function("timeFunction", "Transform", aliases=("time",), example="'now', 60")
def time_function(context: Context, name: str, step: int = 60) -> list[Series]:
    """The time itself, in epoch seconds."""
    values = context.start + step * np.arange(_ticks(context, step), dtype=np.float64)
    return [context.synthetic(name, values, step)]


@function("identity", "Calculate", example="'now'")
def identity(context: Context, name: str) -> list[Series]:
    """The time itself, in epoch seconds, once a minute."""
    line = time_function(context, name, _IDENTITY_STEP_S)[0]
    return [replace(line, path=f'identity("{name}")')]


@function("sinFunction", "Transform", aliases=("sin",), example="'wave', 2")
def sin_function(context: Context, name: str, amplitude: Number = 1, step: int = 60) -> list[Series]:
    """The sine of the time in seconds, *amplitude* high, once every *step* seconds."""
    line = time_function(context, name, step)[0]
    return [replace(line, values=np.sin(line.values) * amplitude)]


@function("events", "Special")
def events(context: Context, *tags: str) -> list[Series]:
    """How many events there were in each second, of those with all the *tags*; of all with ``'*'``.

    ``drawAsInfinite(events('deploy', 'production'))``
    """
    seconds = context.end - context.start
    context.evaluation.spend_points(seconds)
    times = context.evaluation.source.event_times(() if tags == ("*",) else tags, context.start, context.end)
    places = np.array(times, dtype=np.int64) - context.start
    counts = np.bincount(places, minlength=seconds).astype(np.float64)
    counts[counts == 0] = np.nan
    name = 'events("' + '", "'.join(tags) + '")'
    line = context.result(name, counts, context.start, context.end, 1)
    return [line.derived(name, consolidation="sum")]
