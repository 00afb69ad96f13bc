"""One file's points in the archives of another layout.

Every archive of the new layout is first thought of as endless, and made of, best first:

1. the old archive of the same step, as it is;
2. the next finer new archive, rolled up by the new method, where no point of it can have been overwritten yet;
3. old archives of steps in between, the finest that is whole;
4. what is left of any of these.

When the method changes, 2 goes before 1: a roll-up is worked out anew as far as its points are still there. Then each
archive is cut to its window. So a point that grows too old for a fine archive is already in the coarser ones,
rolled up as if it had come in time. Points of old archives coarser than every new one go to the coarsest.

The xFilesFactor applies as it does to points that come in time: where a finer new archive keeps what is not rolled up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from saltern_graphite.tools.contents import Contents
from saltern_graphite.tools.points import Points, no_points, overlay, roll_up
from saltern_graphite.whisper.file import Archive, Layout
from saltern_graphite.whisper.late import oldest_interval


@dataclass(frozen=True, slots=True)
class Source:
    """*points*, a slot every *step* seconds; from the time *whole* on none of them can have been overwritten."""

    step: int
    points: Points
    whole: float


def reshape(contents: Contents, new: Layout, now: int) -> list[Source]:
    """Return *contents* as the archives of the layout *new*, not yet cut to their windows; see the module."""
    old = [
        Source(archive.step, points, oldest_interval(archive, now))
        for archive, points in zip(contents.layout.archives, contents.archives, strict=True)
    ]
    anew = contents.layout.method != new.method
    made: list[Source] = []
    finer_step = 0
    for archive in new.archives:
        between = [source for source in old if finer_step < source.step < archive.step]
        exact = next((source for source in old if source.step == archive.step), None)
        kept_from = oldest_interval(new.archives[len(made) - 1], now) if made else inf
        made.append(_archive(archive.step, exact, made[-1] if made else None, between, new, kept_from, anew))
        finer_step = archive.step
    coarsest = made[-1]
    for source in old:
        if source.step > coarsest.step:
            coarsest = Source(coarsest.step, _take_in(coarsest, source), coarsest.whole)
    return [*made[:-1], coarsest]


def spread(sources: Sequence[Source], new: Layout, now: int) -> list[Source]:
    """Return *sources* with each point that only a coarser archive knows in all finer slots of its interval as well.

    Of a sum each slot gets an equal share, of everything else the value: rolled up again it is the same. Only slots
    within the window of the finer archive, and not in the future, get one.
    """
    done = [sources[-1]]
    for fine, archive in zip(sources[-2::-1], new.archives[-2::-1], strict=True):
        coarse = done[-1]
        first = np.searchsorted(fine.points.times, coarse.points.times)
        after = np.searchsorted(fine.points.times, coarse.points.times + coarse.step)
        oldest = oldest_interval(archive, now)
        lonely = coarse.points.only((first == after) & (coarse.points.times >= oldest) & (coarse.points.times <= now))
        counts = np.minimum(coarse.step // fine.step, (now - lonely.times) // fine.step + 1)
        values = lonely.values / counts if new.method == "sum" else lonely.values
        places = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        added = Points(np.repeat(lonely.times, counts) + places * fine.step, np.repeat(values, counts))
        done.append(Source(fine.step, overlay([added, fine.points]), fine.whole))
    return done[::-1]


def window(points: Points, archive: Archive, now: int) -> Points:
    """Return the *points* that the ring *archive* has at *now*: the newest of each slot, none too old."""
    if not len(points):
        return points
    oldest = max(oldest_interval(archive, now), int(points.times[-1]) - archive.retention + archive.step)
    return points.only(points.times >= oldest)


def windows(sources: Sequence[Source], layout: Layout, now: int) -> list[Points]:
    """Return the points of *sources* cut to the archives of *layout*."""
    return [window(source.points, archive, now) for source, archive in zip(sources, layout.archives, strict=True)]


def _archive(
    step: int,
    exact: Source | None,
    finer: Source | None,
    between: Sequence[Source],
    new: Layout,
    kept_from: float,
    anew: bool,
) -> Source:
    """Return the endless new archive of *step* seconds; *kept_from* is where the window of *finer* begins."""
    whole: list[Points] = []
    partial: list[Points] = []
    sources = between if finer is None else [finer, *between]
    for source in sources:
        points, shares = roll_up(source.points, source.step, step, new.method)
        if source is finer:
            enough = new.enough(shares) | (points.times < kept_from)
            points = points.only(enough)
        complete = points.times >= source.whole
        whole.append(points.only(complete))
        partial.append(points.only(~complete))
    whole.reverse()  # the last of an overlay wins: the finest
    known = exact.points if exact else no_points()
    layers = [*partial, known, *whole] if anew else [*partial, *whole, known]
    reaches = [source.whole for source in (*sources, exact) if source]
    return Source(step, overlay(layers), min(reaches, default=inf))


def _take_in(fine: Source, coarse: Source) -> Points:
    """Return the points of *fine* and those of *coarse* whose whole interval it knows nothing of."""
    first = np.searchsorted(fine.points.times, coarse.points.times)
    after = np.searchsorted(fine.points.times, coarse.points.times + coarse.step)
    left = coarse.points.only(first == after)
    return overlay([Points(left.times - left.times % fine.step, left.values), fine.points])
