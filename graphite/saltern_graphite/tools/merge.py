"""The points of one file brought into another, slot by slot, through every archive.

What only one of them knows is taken; where both know a slot, the receiving file's stays (or gives way, when asked).
A coarse slot below which something changed is rolled up anew as long as all its finer slots can still be there.
Where they are gone, the maximum, minimum and their like are joined, and of other methods the receiving file's
value stays: how many points are behind either is not known any more.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from saltern_graphite.tools.contents import Contents
from saltern_graphite.tools.points import Points, overlay, roll_up
from saltern_graphite.tools.reshape import Source, reshape, window
from saltern_graphite.whisper import aggregate
from saltern_graphite.whisper.file import Layout
from saltern_graphite.whisper.late import oldest_interval
from saltern_graphite.whisper.ring import Times


def clip(contents: Contents, since: int, until: int) -> Contents:
    """Return *contents* with only the slots that lie within *since* and *until*, epoch seconds, both included.

    A slot of the finest archive counts by its time, one of a coarser archive must lie within as a whole.
    """
    archives = []
    for place, (archive, points) in enumerate(zip(contents.layout.archives, contents.archives, strict=True)):
        end = points.times + (archive.step - 1 if place else 0)
        archives.append(points.only((points.times >= since) & (end <= until)))
    return replace(contents, archives=tuple(archives))


def merge(into: Contents, given: Contents, now: int, *, overwrite: bool = False) -> list[Points]:
    """Return the archives that the file of *into* has with the points of *given*, of whatever layout that is."""
    layout = into.layout
    merged: list[Points] = []
    changed: Times = np.empty(0, np.int64)
    finer: Source | None = None
    for archive, own, source in zip(layout.archives, into.archives, reshape(given, layout, now), strict=True):
        points = overlay([own, source.points] if overwrite else [source.points, own])
        if finer is not None:
            if layout.method in aggregate.MONOTONE and not overwrite:
                joined = _joined(own, source.points, layout.method)
                points = overlay([points, joined.only(joined.times < finer.whole)])
            points = _rolled_in(points, merged[-1], changed, finer, source, layout)
        points = window(points, archive, now)
        changed = points.without(own).times
        if overwrite:  # what is below them counts, whether it changed now or at an earlier run
            changed = np.union1d(changed, source.points.times)
        merged.append(points)
        whole = max(oldest_interval(archive, now), source.whole)
        finer = Source(archive.step, points, whole)
    return merged


def _joined(own: Points, given: Points, method: str) -> Points:
    """Return the slots that both know, each rolled up from the two."""
    own, given = own.at(given.times), given.at(own.times)
    values, _ = aggregate.roll_up(
        method, np.stack((own.values, given.values), axis=1), np.ones((len(own), 2), dtype=np.bool_)
    )
    return Points(own.times, values)


def _rolled_in(points: Points, fine: Points, changed: Times, finer: Source, source: Source, layout: Layout) -> Points:
    """Return the coarse *points* with the slots anew below which *fine* has *changed*."""
    step = source.step
    slots = np.unique(changed - changed % step)
    below = fine.only(np.isin(fine.times - fine.times % step, slots))
    rolled, shares = roll_up(below, finer.step, step, layout.method)
    rolled = rolled.only(layout.enough(shares))
    whole = rolled.times >= finer.whole
    return overlay([rolled.only(~whole), points, rolled.only(whole)])
