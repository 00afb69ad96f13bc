"""Writing points into many Whisper files at once: several times as quick as one after the other.

A point costs one open, ten reads and writes and one close, in a file of three archives; these take most of the time. Of
each file the size and the header are looked at every time: another program may have put a different file there. Half of
it is saved with files that are held open: see :mod:`saltern_graphite.whisper.held`.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from saltern_graphite.whisper.aggregate import Values
from saltern_graphite.whisper.ahead import ReadAhead
from saltern_graphite.whisper.held import HeldFiles
from saltern_graphite.whisper.open_files import Batch, BatchResult, Group, by_layout
from saltern_graphite.whisper.ring import FAST_FLAGS, Times, open_file
from saltern_graphite.whisper.update import LateMode

__all__ = ["BatchResult", "update_batch"]

FILES_AT_ONCE = 256
"""Descriptors open at a time; many systems allow a process 1024."""
POINTS_AT_ONCE = 65_536
"""Points worked on at a time (about 10 MB); a file with more has a turn of its own."""

_NO_MORE_DESCRIPTORS = (errno.EMFILE, errno.ENFILE)


def update_batch(
    paths: Sequence[str],
    ends: Sequence[int] | npt.NDArray[np.int64],
    times: Times,
    values: Values,
    now: int,
    *,
    late: LateMode = "combine",
    held: HeldFiles | None = None,
    ahead: ReadAhead | None = None,
) -> BatchResult:
    """Write points into the files *paths*: ``times[ends[i - 1]:ends[i]]`` and as many *values* are those of file *i*.

    *times*, epoch seconds, are sorted and differ within a file. *now* and *late* mean what they mean to
    :func:`saltern_graphite.whisper.update.update`. Nothing is raised for a file: see ``failures``,
    ``FileNotFoundError`` among them. Such a file may hold some of its points already; to write them again does no harm.
    Files stay open in *held*, as far as there is room; *ahead* knows whether the disk should hear of blocks first.
    Raises ``ValueError`` when the columns don't match.
    """
    bounds = np.concatenate(([0], np.asarray(ends, np.int64)))
    if len(bounds) != len(paths) + 1 or bounds[-1] != len(times) or len(times) != len(values):
        raise ValueError(f"{len(paths)} files, {len(ends)} ends, {len(times)} times and {len(values)} values: no batch")
    batch = Batch(paths, bounds, np.asarray(times, np.int64), np.asarray(values, np.float64), now, late)
    if held is None:
        held = HeldFiles(0)
    if ahead is None:
        ahead = ReadAhead()
    first = 0
    while first < len(paths):
        roomy = int(np.searchsorted(bounds, bounds[first] + POINTS_AT_ONCE, side="right")) - 1
        stop = min(max(roomy, first + 1), first + FILES_AT_ONCE, len(paths))
        with ahead.watching(stop - first):
            _write(batch, np.arange(first, stop), held, ahead)
        first = stop
    return batch.result


def _write(batch: Batch, files: Times, held: HeldFiles, ahead: ReadAhead) -> None:
    """Write *files*, places in the batch: those held open first, then the others, as many at a time as can be open."""
    rows = held.find([batch.paths[file] for file in files.tolist()])
    known = rows >= 0
    if known.any():
        _write_held(batch, files[known], rows[known], held)
    others: list[int] = files[~known].tolist()
    while others:
        others = _write_opened(batch, others, held, ahead)


def _write_held(batch: Batch, files: Times, rows: Times, held: HeldFiles) -> None:
    groups = list(held.groups(rows))
    together = batch.write_open(files, held.descriptors(rows), groups)
    for group in groups:
        held.learn(rows, group)
    for file in files[~together].tolist():  # something is unusual: it is looked at anew the next time
        held.let_go(batch.paths[file])


def _write_opened(batch: Batch, files: list[int], held: HeldFiles, ahead: ReadAhead) -> list[int]:
    """Open and write *files*; return those for which no descriptor was left."""
    opened: list[int] = []
    fds: list[int] = []
    kept: set[int] = set()
    left: list[int] = []
    try:
        for place, file in enumerate(files):
            try:
                fds.append(os.open(batch.paths[file], FAST_FLAGS))
            except OSError as error:
                if error.errno in _NO_MORE_DESCRIPTORS and (fds or len(held)):
                    held.close()
                    left = files[place:]
                    break
                fd = _open_again(batch, file, error)
                if fd is None:
                    continue
                fds.append(fd)
            opened.append(file)
        if fds:
            groups = _grouped(batch, np.array(opened), fds, ahead)
            together = batch.write_open(np.array(opened), fds, groups)
            for layout, places, bases in groups:
                for place, known in zip(places.tolist(), bases, strict=True):
                    if together[place] and held.hold(batch.paths[opened[place]], fds[place], layout, known):
                        kept.add(fds[place])
    finally:
        for fd in fds:
            if fd not in kept:
                os.close(fd)
    return left


def _grouped(batch: Batch, opened: Times, fds: list[int], ahead: ReadAhead) -> list[Group]:
    """Return the groups of the files *opened* as *fds*."""
    if not ahead.wanted:
        return list(by_layout(fds))
    ahead.fetch_heads(fds)
    groups = list(by_layout(fds))
    for group in groups:
        starts, stops = batch.bounds[opened[group.places]], batch.bounds[opened[group.places] + 1]
        if (stops > starts).all():
            own = [fds[place] for place in group.places.tolist()]
            ahead.fetch_slots(own, group, batch.times[starts], batch.times[stops - 1])
    return groups


def _open_again(batch: Batch, file: int, error: OSError) -> int | None:
    """Open what didn't open with the fast flags, or note why not."""
    try:
        if error.errno == errno.EPERM:
            return open_file(batch.paths[file])
    except OSError as again:
        error = again
    batch.result.failures.append((file, error))
    return None
