"""Writing points into a Whisper file, rolled up into every archive.

There are two modes, by ``late``:

``whisper``
    The file ends byte for byte as by ``update_many`` of the whisper library with the same points and *now*. There is
    one exception: the library writes a run of neighbouring slots longer than the ring (points far in the future)
    over the next archive; here it goes round.
``combine``
    The same bytes for points in time. Points older than the first archive, which the library writes straight into a
    coarser one, the last of a slot winning, end in the coarser archives as if they had come in time:
    :mod:`saltern_graphite.whisper.late` says how, and what a caller must pass. And where the library goes by the age
    alone, so that at the very end of an archive an old point destroys the newest one, which has the same place in the
    ring, a point here goes to the finest archive that has a slot of its own for it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from saltern_graphite.whisper.aggregate import Chosen, Values
from saltern_graphite.whisper.columns import Columns, no_bases
from saltern_graphite.whisper.file import Layout, read_layout
from saltern_graphite.whisper.late import first_in_time, oldest_interval, open_spans, write_late
from saltern_graphite.whisper.ring import Ring, RingOf, Rows, Times, open_file

LateMode = Literal["combine", "whisper"]
LAST_TIME = 2**32 - 1
"""The last second that a slot can hold (in the year 2106)."""


@dataclass(frozen=True, slots=True)
class Update:
    """What became of the points: *stored* ones, and those *outside* every archive."""

    stored: int
    outside: int
    open_spans: list[tuple[int, int]] = field(default_factory=list)
    """Late points from when to when are to be passed again with later ones: see
    :mod:`saltern_graphite.whisper.late`."""


def update(path: str, points: Iterable[tuple[int, float]], now: int, *, late: LateMode = "combine") -> Update:
    """Write *points* ((epoch seconds, value); of one slot the later in time wins) into the file *path*.

    *now*, epoch seconds, is what ages are counted from; points in the future go to the finest archive. Raises
    ``FileNotFoundError``, :class:`CorruptFile` or another ``OSError``; the same points may then be written again.
    """
    given = list(points)
    times, values = np.array([time for time, _ in given], np.int64), np.array([value for _, value in given], np.float64)
    fd = open_file(path)
    try:
        return update_open(fd, path, read_layout(fd, path), times, values, now, late=late)
    finally:
        os.close(fd)


def update_open(
    fd: int, path: str, layout: Layout, times: Times, values: Values, now: int, *, late: LateMode = "combine"
) -> Update:
    """Do what :func:`update` does to the open file *fd* of *layout*; *path* is for messages."""
    # The library's order: of points in the very same second the first given wins.
    order = np.argsort(-times, kind="stable")[::-1]
    order = order[slice(*np.searchsorted(times[order], (1, LAST_TIME + 1)))]
    fitting, values = times[order], values[order]
    if len(fitting):
        rows = Rows(np.zeros_like(fitting), fitting, values)
        write_points([fd], layout, no_bases(1, layout), rows, now, late, path)
    stored = int(np.count_nonzero(fitting >= oldest_stored(layout, now, late)))
    spans = [] if late == "whisper" else open_spans(layout.archives, fitting.tolist(), now)
    return Update(stored, len(times) - stored, spans)


def oldest_stored(layout: Layout, now: int, late: LateMode) -> int:
    """Return from when on points are stored: older ones are outside every archive."""
    last = layout.archives[-1]
    return now - last.retention if late == "whisper" else oldest_interval(last, now)


def write_points(
    fds: Sequence[int],
    layout: Layout,
    bases: Times,
    rows: Rows,
    now: int,
    late: LateMode,
    path: str = "",
    ring_of: RingOf = Ring,
) -> None:
    """Write points, none of them older than 1970, into open files; all else is as with :class:`Columns`."""
    if late == "whisper":  # each to the finest archive as old as it, the finest archive first
        newer = LAST_TIME + 1
        for level, archive in enumerate(layout.archives):
            _write(
                fds, layout, bases, rows, (rows.times < newer) & (rows.times >= now - archive.retention), path, level
            )
            newer = min(newer, now - archive.retention)
        return
    in_time = rows.times >= first_in_time(layout.archives, now)
    if not in_time.all():
        kept = ~in_time & (rows.times >= oldest_stored(layout, now, late))
        if kept.any():
            rings = [
                ring_of(fds, archive, bases[:, level], path).look() for level, archive in enumerate(layout.archives)
            ]
            write_late(rings, layout, rows.only(kept), now)
    _write(fds, layout, bases, rows, in_time, path, ring_of=ring_of)


def _write(
    fds: Sequence[int],
    layout: Layout,
    bases: Times,
    rows: Rows,
    chosen: Chosen,
    path: str,
    finest: int = 0,
    ring_of: RingOf = Ring,
) -> None:
    """Write the *chosen* ones of *rows* into the archive *finest*, rolled up into every coarser one."""
    if chosen.all():
        Columns(fds, layout, bases, path, ring_of).write(rows, finest)
    elif chosen.any():
        going_on, files = np.unique(rows.files[chosen], return_inverse=True)
        known = bases[going_on]
        columns = Columns([fds[file] for file in going_on.tolist()], layout, known, path, ring_of)
        columns.write(rows.only(chosen)._replace(files=files), finest)
        bases[going_on] = known
