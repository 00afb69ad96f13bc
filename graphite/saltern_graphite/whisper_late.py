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

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from saltern_graphite.whisper_aggregate import aggregate
from saltern_graphite.whisper_file import Archive, Layout
from saltern_graphite.whisper_ring import Rings

_MONOTONE = ("max", "min", "absmax", "absmin")


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


def write_late(rings: Rings, layout: Layout, points: Sequence[tuple[int, float]], now: int) -> None:
    """Write *points*, sorted by time, all of them before :func:`first_in_time` and none out of every archive.

    Everything is read before anything is written: what is written may fall on slots that are read.
    """
    finest = layout.archives[0]
    changed = {time - time % finest.step: value for time, value in points}
    planned = [(finest, changed)]
    for finer, coarse in pairwise(layout.archives):
        oldest = oldest_interval(finer, now)
        late = dict.fromkeys(time - time % coarse.step for time, _ in points if time < oldest)
        touched = dict.fromkeys(time - time % coarse.step for time, _ in points)
        rolled: dict[int, float] = {}
        for start in touched:
            value = _rolled_up(rings, layout, finer, coarse, start, changed, start in late)
            if value is not None:
                rolled[start] = value
        planned.append((coarse, rolled))
        changed = rolled
    for archive, slots in planned:
        oldest = oldest_interval(archive, now)
        rings.write(archive, {time: value for time, value in slots.items() if time >= oldest})


def _rolled_up(
    rings: Rings, layout: Layout, finer: Archive, coarse: Archive, start: int, changed: Mapping[int, float], late: bool
) -> float | None:
    """Return what the slot at *start* of *coarse* becomes, ``None`` if it stays; *changed* are new slots of *finer*."""
    count = coarse.step // finer.step
    known: list[float] = []
    news = overwritten = False
    for place, (found, value) in enumerate(rings.slots(finer, start, count)):
        time = start + place * finer.step
        if time in changed:
            known.append(changed[time])
            news = True
        elif found == time:
            known.append(value)
        elif found > time:
            overwritten = True
    if not news:
        return None
    before = rings.value(coarse, start) if overwritten else None
    if before is not None:
        if layout.method in _MONOTONE:
            return aggregate(layout.method, [before, *known], count)
        if not late:
            return None
    return aggregate(layout.method, known, count) if len(known) / count >= layout.x_files_factor else None
