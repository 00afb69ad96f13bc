"""Points that come after the finest archive has gone on: rolled up as if they had come in time.

The library writes such points straight into the coarser archive that still reaches back to them; of several in one
slot the last wins. Here they pass through every finer archive first, as it would have been: within a slot of the
finest the last wins, each slot of the next is the roll-up of those by the file's method, given that as many
are known as its xFilesFactor asks for, and so on. Slots that a finer archive *holds* still, though they are out
of its retention by the clock, take part. Nothing is written where a newer point lives.

**What a caller must pass.** The archive that a late point goes to knows only the roll-up of its slot. So all points of
that slot that the finer archive doesn't hold have to come in one call; a backfill in several calls passes those of the
slots it touched again (:func:`open_spans` says which). Writing the same points again changes nothing.

Where the finer slots have been overwritten, what was rolled up from them can't be computed anew. Then

* max, min, absmax and absmin take the value already there as one more;
* a slot that gets points out of the finer archive's retention is computed from these: the caller's promise;
* a slot that gets points only within it, at its very end, keeps its value. A point sent twice does no harm so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from saltern_graphite.whisper.aggregate import MONOTONE, Chosen, roll_up
from saltern_graphite.whisper.file import Archive, Layout
from saltern_graphite.whisper.ring import Ring, Rows, Times, first_of_each, last_of_each

_FAR = 1 << 33
"""No two times lie so far apart: multiples of it keep the times of files apart."""


def oldest_interval(archive: Archive, now: int) -> int:
    """Return the start of the oldest slot of *archive* that isn't the present one's by now."""
    return now - now % archive.step - archive.retention + archive.step


def first_in_time(archives: Sequence[Archive], now: int) -> int:
    """Return from when on points are in time: all slots they roll up into lie within the next finer archive."""
    first = oldest_interval(archives[0], now)
    for finer, coarse in pairwise(archives):
        oldest = oldest_interval(finer, now)
        first = max(first, oldest + -oldest % coarse.step)
    return first


def open_spans(archives: Sequence[Archive], times: Iterable[int], now: int) -> list[tuple[int, int]]:
    """Return from when to when points must be passed again along with later ones, *times* being those passed, sorted.

    For each late time it is the slot that it has in the finest archive that reaches back to it by *now*, or in a
    coarser one where that slot isn't rolled up from a whole archive. What is in time need not be passed again.
    """
    in_time = first_in_time(archives, now)
    levels = [(coarse.step, oldest_interval(finer, now)) for finer, coarse in pairwise(archives)]
    found: dict[tuple[int, int], None] = {}
    for time in times:
        if time >= in_time:
            break
        for step, oldest in reversed(levels):
            slot = time - time % step
            if slot < oldest:
                found[slot, slot + step] = None
                break
    return list(found)


def write_late(rings: Sequence[Ring], layout: Layout, rows: Rows, now: int) -> None:
    """Write points into *rings*, those of the open files.

    Times are sorted within a file, all of them before :func:`first_in_time` and none out of every archive. Everything
    is read before anything is written: what is written may fall on slots that are read.
    """
    files, times, _ = rows
    slots = times - times % layout.archives[0].step
    changed = rows._replace(times=slots).only(last_of_each(files, slots))
    planned = [changed]
    for finer, coarse in pairwise(rings):
        slots = times - times % coarse.archive.step
        first = first_of_each(files, slots)
        late = times[first] < oldest_interval(finer.archive, now)
        changed = _rolled_up(layout, finer, coarse, changed, files[first], slots[first], late)
        planned.append(changed)
    for ring, changed in zip(rings, planned, strict=True):
        kept = changed.times >= oldest_interval(ring.archive, now)
        if kept.any():
            ring.write(changed.only(kept))


def _rolled_up(
    layout: Layout, finer: Ring, coarse: Ring, changed: Rows, files: Times, starts: Times, late: Chosen
) -> Rows:
    """Return which slots of *coarse*, of those at *starts* in *files*, become another, and what.

    *finer* gets *changed*; *late* says which of the coarse slots get points out of its retention.
    """
    if not len(changed.files):
        return changed
    below, expected = finer.read_below(files, starts, coarse.archive.step)
    sought, told = expected + (files * _FAR)[:, np.newaxis], changed.times + changed.files * _FAR
    near = np.minimum(np.searchsorted(told, sought), len(told) - 1)
    fresh = told[near] == sought
    values = np.where(fresh, changed.values[near], below["value"])
    known = fresh | (below["time"] == expected)
    rolled, shares = roll_up(layout.method, values, known)
    news = fresh.any(axis=1)
    written = news & layout.enough(shares)
    rows = np.flatnonzero(news & (~fresh & (below["time"] > expected)).any(axis=1))
    if len(rows):  # some of what they were rolled up from is overwritten
        before = coarse.read(files[rows], starts[rows], 1)[:, 0]
        there = before["time"] == starts[rows]
        rows, before = rows[there], before[there]
        if layout.method in MONOTONE:
            values, known = np.insert(values[rows], 0, before["value"], axis=1), np.insert(known[rows], 0, True, axis=1)
            rolled[rows], _ = roll_up(layout.method, values, known)
            written[rows] = True
        else:
            written[rows] &= late[rows]
    return Rows(files, starts, rolled).only(written)
