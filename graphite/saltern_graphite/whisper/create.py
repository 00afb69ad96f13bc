"""Creating many Whisper files at once, each with its first points; a file appears whole or not at all.

Each is written under another name and then linked to its own (:mod:`saltern_graphite.whisper.unfinished`). Slots are
left as a hole, so that a new file costs a block for each archive with points, whatever its retentions.

To measure: ext4 doesn't reuse an inode within minutes of its deletion and searches long for another. Where thousands of
files have just been removed, a new one takes a millisecond instead of a tenth of one.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from saltern_graphite.rules.schemas import Retention
from saltern_graphite.whisper.aggregate import Values
from saltern_graphite.whisper.durability import sync_file_system, sync_folder
from saltern_graphite.whisper.file import header_of
from saltern_graphite.whisper.open_files import Batch, BatchResult, Failure, by_layout
from saltern_graphite.whisper.ring import Times
from saltern_graphite.whisper.unfinished import UnfinishedFile, begin_file
from saltern_graphite.whisper.update import LateMode

FILES_AT_ONCE = 256
"""Files begun before the first is finished: they wait for one sync, and each has a descriptor open."""

_NO_MORE_DESCRIPTORS = (errno.EMFILE, errno.ENFILE)
_NO_TIMES: Times = np.empty(0, np.int64)
_NO_VALUES: Values = np.empty(0)


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file to be made at *path*, its archives *retentions*, finest first, rolled up by *method*, one of Whisper's.

    *times* (epoch seconds, sorted, different) and *values* are its first points.
    """

    path: str
    retentions: tuple[Retention, ...]
    method: str
    x_files_factor: float
    times: Times = field(default_factory=lambda: _NO_TIMES)
    values: Values = field(default_factory=lambda: _NO_VALUES)


def create_batch(
    requests: Sequence[NewFile], now: int, *, sync: bool = False, late: LateMode = "combine"
) -> BatchResult:
    """Make the files that *requests* ask for, and the folders above them.

    *now* and *late* are for the first points, as in :func:`saltern_graphite.whisper.update.update`. With *sync* the
    files survive a power cut: they are synced together, up to :data:`FILES_AT_ONCE` at a time, before they get their
    names, and then the folders.

    Nothing is raised for a file. ``failures`` of the result tells of those not made: ``FileExistsError`` where there is
    one, which stays as it is; ``BlockingIOError`` where another program is making it; any other ``OSError``. Nothing
    of them is left behind, unless it is a folder that couldn't be synced: then the file is there.
    """
    result = BatchResult(np.zeros(len(requests), np.int64), np.zeros(len(requests), np.int64))
    first = 0
    while first < len(requests):
        first = _create(_Making(requests, now, late, result), first, sync)
    result.failures.sort(key=lambda failure: failure[0])
    return result


def _create(making: _Making, first: int, sync: bool) -> int:
    """Make files from the request *first* on; return the next one's place."""
    try:
        stop = making.begin(first)
        making.write_points()
        if sync:
            making.sync_files()
        making.link()
    finally:
        making.close()
    if sync:
        making.sync_folders()
    return stop


class _Making:
    """The files being made, by the places of their *requests*; those that fail leave."""

    def __init__(self, requests: Sequence[NewFile], now: int, late: LateMode, result: BatchResult) -> None:
        self._requests = requests
        self._now = now
        self._late = late
        self._result = result
        self._begun: list[UnfinishedFile] = []
        self._files: dict[int, UnfinishedFile] = {}
        self._made_in: set[str] = set()

    def begin(self, first: int) -> int:
        """Begin files from the request *first* on, as many as may be; return the next one's place."""
        for place in range(first, min(first + FILES_AT_ONCE, len(self._requests))):
            request = self._requests[place]
            try:
                header, size = header_of(request.retentions, request.method, request.x_files_factor)
                file = begin_file(request.path, header, size, self._made_in)
            except OSError as error:
                if error.errno in _NO_MORE_DESCRIPTORS and self._begun:
                    return place
                self._result.failures.append((place, error))
                continue
            self._begun.append(file)
            self._files[place] = file
        return min(first + FILES_AT_ONCE, len(self._requests))

    def write_points(self) -> None:
        """Write the first points."""
        if not self._files:
            return
        places = list(self._files)
        wanted = [self._requests[place] for place in places]
        bounds = np.cumsum([0, *(len(request.times) for request in wanted)], dtype=np.int64)
        times = np.concatenate([request.times for request in wanted])
        values = np.concatenate([request.values for request in wanted])
        batch = Batch([file.name for file in self._begun], bounds, times, values, self._now, self._late)
        fds = [file.fd for file in self._begun]
        batch.write_open(np.arange(len(places)), fds, by_layout(fds))
        self._result.stored[places], self._result.outside[places] = batch.result.stored, batch.result.outside
        for number, span in batch.result.open_spans.items():
            self._result.open_spans[places[number]] = span
        for number, error in batch.result.failures:
            self._fail(places[number], error)

    def sync_files(self) -> None:
        """Wait until the files are on the disk, all on one file system at once."""
        devices: dict[int, list[int]] = {}
        for place, file in self._files.items():
            devices.setdefault(os.fstat(file.fd).st_dev, []).append(place)
        for places in devices.values():
            try:
                sync_file_system(os.path.dirname(self._files[places[0]].path))
            except OSError as error:
                for place in places:
                    self._fail(place, error)

    def link(self) -> None:
        """Give the files their names."""
        for place, file in list(self._files.items()):
            try:
                file.link()
            except OSError as error:
                self._fail(place, error)

    def close(self) -> None:
        """Close all files and take their other names away."""
        for file in self._begun:
            file.close()

    def sync_folders(self) -> None:
        """Make the names of the files last, and those of new folders."""
        for folder in self._made_in.union(os.path.dirname(file.path) for file in self._files.values()):
            try:
                sync_folder(folder)
            except OSError as error:
                for place, file in list(self._files.items()):
                    if file.path.startswith(os.path.join(folder, "")):
                        self._fail(place, error)

    def _fail(self, place: int, error: Failure) -> None:
        del self._files[place]
        self._result.stored[place] = self._result.outside[place] = 0
        self._result.open_spans.pop(place, None)
        self._result.failures.append((place, error))
