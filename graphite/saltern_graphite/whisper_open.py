"""Writing points into Whisper files that are open.

Files of one layout are written together (:mod:`whisper_columns`), as long as their points lie in the first archive and
nothing is unusual. All others, late points first of all, and files at which anything went wrong, go through
:func:`whisper_update.update_open` one by one. Either way the bytes are the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise, repeat
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from saltern_graphite.whisper_columns import Columns, Times, Unfinished, Values
from saltern_graphite.whisper_file import Archive, CorruptFile, Layout, header_size, parse_header, read_layout
from saltern_graphite.whisper_late import first_in_time
from saltern_graphite.whisper_update import LAST_TIME, LateMode, update_open

_HEAD_BYTES = 16
_ARCHIVE_BYTES = 12
MOST_ARCHIVES = 4
"""Files with more are written one by one."""
_LOOK_BYTES = _HEAD_BYTES + MOST_ARCHIVES * _ARCHIVE_BYTES + 4  # the header and the first slot's time

Failure = OSError | CorruptFile


class Group(NamedTuple):
    """Open files of one *layout*: their *places* among the open ones, and *bases* as :class:`Columns` has them."""

    layout: Layout
    places: Times
    bases: Times


@dataclass(slots=True)
class BatchResult:
    """What became of a batch.

    *failures* are files (places in the batch) that couldn't be written, and why; their points are in neither count.
    """

    stored: Times
    """Points written, for each file."""
    outside: Times
    """Points older than every archive, for each file."""
    failures: list[tuple[int, Failure]] = field(default_factory=list)
    open_spans: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    """For files that got late points: from when to when these are to be passed again with later ones."""


@dataclass(slots=True)
class Batch:
    """Points for files: *times* and *values* from ``bounds[i]`` to ``bounds[i + 1]`` are those of ``paths[i]``."""

    paths: Sequence[str]
    bounds: Times
    times: Times
    values: Values
    now: int
    late: LateMode
    result: BatchResult = field(init=False)

    def __post_init__(self) -> None:
        count = len(self.paths)
        self.result = BatchResult(np.zeros(count, np.int64), np.zeros(count, np.int64))

    def write_open(self, files: Times, fds: list[int], groups: Iterable[Group]) -> npt.NDArray[np.bool_]:
        """Write the points of *files*, places in the batch, which are open as *fds*; nothing is raised for one of them.

        As columns what is in *groups* and can be, the others one by one. Returns which were written as columns; of
        these *groups* has the bases now.
        """
        together = np.zeros(len(files), np.bool_)
        for layout, group, bases in groups:
            usual = self._usual(layout, files[group])
            known = bases
            if usual is not None:
                group, known = group[usual], bases[usual]
            if len(group):
                chosen = fds if len(group) == len(fds) else [fds[place] for place in group.tolist()]
                together[group] = True
                together[group[self._write_group(layout, files[group], chosen, known)]] = False
            if usual is not None:
                bases[usual] = known
        written = files[together]
        self.result.stored[written] = self.bounds[written + 1] - self.bounds[written]
        for place in np.flatnonzero(~together).tolist():
            self._write_single(int(files[place]), fds[place])
        return together

    def _usual(self, layout: Layout, files: Times) -> npt.NDArray[np.bool_] | None:
        """Return which *files* have points, all in time and within one round of every ring; ``None``: all of them."""
        if not _is_regular(layout) or not len(self.times):
            return np.zeros(len(files), np.bool_)
        archives = layout.archives
        starts, stops = self.bounds[files], self.bounds[files + 1]
        filled = stops > starts
        oldest, newest = self.times[np.minimum(starts, len(self.times) - 1)], self.times[stops - 1]
        first, last = max(first_in_time(archives, self.now), archives[-1].step), LAST_TIME
        low, high = int(oldest.min()), int(newest.max())
        if first <= low and high <= last and filled.all() and all(_in_one_round(low, high, ring) for ring in archives):
            return None
        usual = filled & (oldest >= first) & (newest <= last)
        for archive in archives:
            usual &= _in_one_round(oldest, newest, archive)
        return usual

    def _write_group(self, layout: Layout, files: Times, fds: list[int], bases: Times) -> list[int]:
        """Write *files* of one *layout* as columns; return the places in *files* of those left to be written singly."""
        counts = self.bounds[files + 1] - self.bounds[files]
        rows = np.repeat(np.arange(len(files)), counts)
        if files[-1] - files[0] + 1 == len(files):  # neighbours: a slice will do
            start, stop = self.bounds[files[0]], self.bounds[files[-1] + 1]
            times, values = self.times[start:stop], self.values[start:stop]
        else:
            chosen = np.arange(len(rows)) + np.repeat(self.bounds[files] - np.cumsum(counts) + counts, counts)
            times, values = self.times[chosen], self.values[chosen]
        try:
            return Columns(fds, layout, bases).write(rows, times, values)
        except (OSError, Unfinished):
            return list(range(len(files)))  # one of them is at fault; each by itself tells which

    def _write_single(self, file: int, fd: int) -> None:
        start, stop = self.bounds[file], self.bounds[file + 1]
        points = zip(self.times[start:stop].tolist(), self.values[start:stop].tolist(), strict=True)
        path = self.paths[file]
        try:
            update = update_open(fd, path, read_layout(fd, path), points, self.now, late=self.late)
        except (OSError, CorruptFile) as error:
            self.result.failures.append((file, error))
            return
        self.result.stored[file] = update.stored
        self.result.outside[file] = update.outside
        if update.open_spans:
            self.result.open_spans[file] = update.open_spans


def by_layout(fds: Sequence[int]) -> Iterator[Group]:
    """Yield the whole files among *fds* by their layout. Of the bases only those of the first archives are known."""
    try:
        heads = list(map(os.pread, fds, repeat(_LOOK_BYTES), repeat(0)))
        sizes = np.fromiter(map(os.lseek, fds, repeat(0), repeat(os.SEEK_END)), np.int64, len(fds))
    except OSError:
        return
    data = b"".join(heads)
    if len(data) != len(fds) * _LOOK_BYTES:
        data = b"".join([head.ljust(_LOOK_BYTES, b"\0") for head in heads])
    table = np.frombuffer(data, np.uint8).reshape(-1, _LOOK_BYTES)
    left = np.arange(len(fds))
    while len(left):
        layout, size = _layout_of(heads[left[0]])
        alike = (table[left, :size] == table[left[0], :size]).all(axis=1)
        group, left = left[alike], left[~alike]
        if layout is None:
            continue
        group = group[sizes[group] >= layout.end]
        if not len(group):
            continue
        bases = np.zeros((len(group), len(layout.archives)), np.int64)
        bases[:, 0] = table[group, size : size + 4].view(">u4")[:, 0]
        yield Group(layout, group, bases)


def _layout_of(head: bytes) -> tuple[Layout | None, int]:
    """Return the layout that a file beginning with *head* has, if the columns can do it, and the header's bytes."""
    try:
        size = header_size(head)
        layout = parse_header(head[:size]) if size + 4 <= len(head) else None
    except CorruptFile:
        return None, _HEAD_BYTES
    return layout, size if layout else _HEAD_BYTES


def _in_one_round(oldest: Any, newest: Any, ring: Archive) -> Any:
    """Return whether the slots of two times, single or in columns, and all between have places of their own."""
    return newest - newest % ring.step - (oldest - oldest % ring.step) < ring.retention


@lru_cache(maxsize=256)
def _is_regular(layout: Layout) -> bool:
    """Return whether each slot rolls up from a whole number of finer ones that one round of their ring holds."""
    return all(
        coarse.step % finer.step == 0 and finer.step < coarse.step <= finer.retention
        for finer, coarse in pairwise(layout.archives)
    )
