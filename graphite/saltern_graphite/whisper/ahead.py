"""Fetching ahead: what is about to be read and written comes from the disk for all files at once.

Where there are more files than the system has memory for their blocks, each look at a file waits for the disk, and a
batch waits for one block after the other. When the last batch did, the next one names all its blocks first: the disk
then has hundreds of them to read at a time.
"""

from __future__ import annotations

import os
import resource
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import repeat

import numpy as np

from saltern_graphite.whisper.file import SLOT, CorruptFile, Layout
from saltern_graphite.whisper.open_files import Group
from saltern_graphite.whisper.ring import Ring, Times, place_of

SHARE = 0.5
"""Of the files of a batch: if so many blocks were read from the disk for it, the next one fetches ahead."""
SECTORS_A_BLOCK = 8
HEAD_BYTES = 64


def blocks_read() -> float:
    """Return how many blocks this thread has had read from disks (of the process, where threads aren't told apart)."""
    who = getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)
    return resource.getrusage(who).ru_inblock / SECTORS_A_BLOCK


class ReadAhead:
    """Knows whether it is worth while, and what is to be fetched. For one thread."""

    def __init__(self, count: Callable[[], float] = blocks_read) -> None:
        self._count = count
        self._layout: Layout | None = None
        self.wanted = False

    @contextmanager
    def watching(self, files: int) -> Iterator[None]:
        """Watch how much a batch of *files* has to wait for the disk."""
        before = self._count()
        yield
        self.wanted = self._count() - before >= files * SHARE

    def fetch_heads(self, fds: Sequence[int]) -> None:
        """Have the files' headers fetched, and the beginnings of their archives, if they are like those before."""
        archives = self._layout.archives[1:] if self._layout else ()
        for offset in (0, *(archive.offset for archive in archives)):
            _fetch(fds, repeat(offset), repeat(HEAD_BYTES))

    def fetch_slots(self, fds: Sequence[int], group: Group, oldest: Times, newest: Times) -> None:
        """Have the slots fetched of a *group*, open as *fds*, from *oldest* to *newest* (times); its bases are read."""
        self._layout = group.layout
        with suppress(OSError, CorruptFile):  # whoever writes the file is told
            for level, archive in enumerate(group.layout.archives):
                ring = Ring(fds, archive, group.bases[:, level]).look()
                width = group.layout.archives[min(level + 1, group.bases.shape[1] - 1)].step  # of what is rolled up
                first = oldest - oldest % width
                places = place_of(archive, ring.bases, first)
                slots = np.minimum((newest - first + width) // archive.step + 1, archive.points - places)
                offsets, sizes = archive.offset + places * SLOT.itemsize, slots * SLOT.itemsize
                _fetch(fds, offsets.tolist(), sizes.tolist())


def _fetch(fds: Sequence[int], offsets: Iterable[int], sizes: Iterable[int]) -> None:
    if hasattr(os, "posix_fadvise"):
        deque(map(os.posix_fadvise, fds, offsets, sizes, repeat(os.POSIX_FADV_WILLNEED)), maxlen=0)
