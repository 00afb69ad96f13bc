"""Writing points into many Whisper files at once: several times as quick as one after the other.

A point costs one open, ten reads and writes and one close, in a file of three archives; these take most of the time. Of
each file the size and the header are looked at every time: another program may have put a different file there.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from saltern_graphite.whisper_columns import Times, Values
from saltern_graphite.whisper_open import Batch, BatchResult
from saltern_graphite.whisper_ring import FAST_FLAGS, open_file
from saltern_graphite.whisper_update import LateMode

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
) -> BatchResult:
    """Write points into the files *paths*: ``times[ends[i - 1]:ends[i]]`` and as many *values* are those of file *i*.

    *times*, epoch seconds, are sorted and differ within a file. *now* and *late* mean what they mean to
    :func:`whisper_update.update`. Nothing is raised for a file: see ``failures``, ``FileNotFoundError`` among them.
    Such a file may hold some of its points already; to write them again does no harm. Raises ``ValueError`` when the
    columns don't match.
    """
    bounds = np.concatenate(([0], np.asarray(ends, np.int64)))
    if len(bounds) != len(paths) + 1 or bounds[-1] != len(times) or len(times) != len(values):
        raise ValueError(f"{len(paths)} files, {len(ends)} ends, {len(times)} times and {len(values)} values: no batch")
    batch = Batch(paths, bounds, np.asarray(times, np.int64), np.asarray(values, np.float64), now, late)
    first = 0
    while first < len(paths):
        roomy = int(np.searchsorted(bounds, bounds[first] + POINTS_AT_ONCE, side="right")) - 1
        first = _write(batch, first, min(max(roomy, first + 1), first + FILES_AT_ONCE, len(paths)))
    return batch.result


def _write(batch: Batch, first: int, stop: int) -> int:
    """Write the files from *first* to *stop*, or up to where descriptors ran out; return the next one's place."""
    files: list[int] = []
    fds: list[int] = []
    try:
        for file in range(first, stop):
            try:
                fds.append(os.open(batch.paths[file], FAST_FLAGS))
            except OSError as error:
                if error.errno in _NO_MORE_DESCRIPTORS and fds:
                    stop = file
                    break
                fd = _open_again(batch, file, error)
                if fd is None:
                    continue
                fds.append(fd)
            files.append(file)
        if fds:
            batch.write_open(np.array(files), fds)
    finally:
        for fd in fds:
            os.close(fd)
    return stop


def _open_again(batch: Batch, file: int, error: OSError) -> int | None:
    """Open what didn't open with the fast flags, or note why not."""
    try:
        if error.errno == errno.EPERM:
            return open_file(batch.paths[file])
    except OSError as again:
        error = again
    batch.result.failures.append((file, error))
    return None
