"""Writing points into Whisper files that are open.

Files of one layout are written together, late points too, as long as nothing is unusual. All others, and files at which
anything went wrong, go through :func:`saltern_graphite.whisper.update.update_open` one by one. Either way the bytes are
the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise, repeat
from typing import NamedTuple

import numpy as np

from saltern_graphite.whisper.aggregate import Chosen, Values
from saltern_graphite.whisper.file import (
    CorruptFile,
    Layout,
    header_bytes,
    header_size,
    parse_header,
    read_layout,
)
from saltern_graphite.whisper.late import first_in_time, open_spans
from saltern_graphite.whisper.ring import Rows, Times
from saltern_graphite.whisper.update import LAST_TIME, LateMode, oldest_stored, update_open, write_points

MOST_ARCHIVES = 8
"""Files with more are written one by one, which takes ten times as long."""
_LOOK_BYTES = header_bytes(MOST_ARCHIVES) + 4  # the header and the first slot's time

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

    def write_open(self, files: Times, fds: list[int], groups: Iterable[Group]) -> Chosen:
        """Write the points of *files*, places in the batch, which are open as *fds*; nothing is raised for one of them.

        As columns what is in *groups* and can be, the others one by one. Returns which were written as columns; of
        these *groups* has the bases now.
        """
        together = np.zeros(len(files), np.bool_)
        for layout, group, bases in groups:
            usual = self._usual(layout, files[group])
            if not usual.any():
                continue
            chosen, known = group[usual], bases[usual]
            opened = fds if len(chosen) == len(fds) else [fds[place] for place in chosen.tolist()]
            together[chosen] = self._write_group(layout, files[chosen], opened, known)
            bases[usual] = known
        for place in np.flatnonzero(~together).tolist():
            self._write_single(int(files[place]), fds[place])
        return together

    def _usual(self, layout: Layout, files: Times) -> Chosen:
        """Return which *files* have points, those in time within one round of every ring."""
        if not _is_regular(layout) or not len(self.times):
            return np.zeros(len(files), np.bool_)
        archives = layout.archives
        starts, stops = self.bounds[files], self.bounds[files + 1]
        oldest, newest = self.times[np.minimum(starts, len(self.times) - 1)], self.times[stops - 1]
        usual: Chosen = (stops > starts) & (oldest >= archives[-1].step) & (newest <= LAST_TIME)
        for level, archive in enumerate(archives):
            # From when on points go to this archive; in the mode combine, late ones go another way.
            since = first_in_time(archives, self.now) if self.late == "combine" else self.now - archive.retention
            first = oldest.copy()
            for row in np.flatnonzero(usual & (oldest < since)).tolist():
                own = self.times[starts[row] : stops[row]]
                first[row] = own[min(int(np.searchsorted(own, since)), len(own) - 1)]
            for ring in archives[level:]:
                usual &= newest - newest % ring.step - (first - first % ring.step) < ring.retention
            if self.late == "combine":
                break
        return usual

    def _write_group(self, layout: Layout, files: Times, fds: list[int], bases: Times) -> bool:
        """Write *files* of one *layout* as columns; return whether that went well."""
        counts = self.bounds[files + 1] - self.bounds[files]
        rows = np.repeat(np.arange(len(files)), counts)
        if files[-1] - files[0] + 1 == len(files):  # neighbours: a slice will do
            points: Times | slice = slice(self.bounds[files[0]], self.bounds[files[-1] + 1])
        else:
            points = np.arange(len(rows)) + np.repeat(self.bounds[files] - np.cumsum(counts) + counts, counts)
        times = self.times[points]
        try:
            rows_of_all = Rows(rows, times, self.values[points])
            write_points(fds, layout, bases, rows_of_all, self.now, self.late)
        except (OSError, CorruptFile):
            return False  # one of them is at fault; each by itself tells which
        self.result.stored[files] = counts
        late = rows[times < first_in_time(layout.archives, self.now)]
        if len(late):
            outside = np.bincount(rows[times < oldest_stored(layout, self.now, self.late)], minlength=len(files))
            self.result.outside[files] = outside
            self.result.stored[files] -= outside
            for file in files[np.unique(late)].tolist() if self.late == "combine" else ():
                points = slice(self.bounds[file], self.bounds[file + 1])
                if spans := open_spans(layout.archives, self.times[points].tolist(), self.now):
                    self.result.open_spans[file] = spans
        return True

    def _write_single(self, file: int, fd: int) -> None:
        path, points = self.paths[file], slice(self.bounds[file], self.bounds[file + 1])
        columns = self.times[points], self.values[points]
        try:
            update = update_open(fd, path, read_layout(fd, path), *columns, self.now, late=self.late)
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
        return None, header_bytes(0)
    return layout, size if layout else header_bytes(0)


@lru_cache(maxsize=256)
def _is_regular(layout: Layout) -> bool:
    """Return whether each slot rolls up from a whole number of finer ones that one round of their ring holds."""
    return all(
        coarse.step % finer.step == 0 and finer.step < coarse.step <= finer.retention
        for finer, coarse in pairwise(layout.archives)
    )
