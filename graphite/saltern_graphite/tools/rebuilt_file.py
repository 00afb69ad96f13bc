"""Writing a Whisper file whole: under a temporary name, forced to the disk, then under its own."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence

import numpy as np

from saltern.errors import StoreError
from saltern.files import make_folder
from saltern_graphite.tools.contents import opened
from saltern_graphite.tools.points import Points
from saltern_graphite.whisper.durability import sync_folder, write_all
from saltern_graphite.whisper.file import SLOT, Archive, Layout, read_layout
from saltern_graphite.whisper.ring import Rows, ring_of

UNFINISHED_PREFIX = ".saltern-"
"""Begins the name of a file that is not whole yet; nothing that ends so is ever taken for a metric."""
UNFINISHED_SUFFIX = ".tmp"
FOLDER_MODE = 0o750
_HOLE = bytes(65_536)


@contextlib.contextmanager
def rebuilt(target: str, layout: Layout, archives: Sequence[Points], like: os.stat_result) -> Iterator[str]:
    """Give the path of a new file beside *target*, whole and on the disk; it is gone at the end unless it was renamed.

    Owner and mode are those of *like*. Raises ``OSError``, or ``StoreError`` when the owner can't be kept, or no such
    file can be.
    """
    import whisper  # it starts programs to find the C library: not in every process that may come to need it

    path = os.path.join(os.path.dirname(target), f"{UNFINISHED_PREFIX}{os.getpid()}{UNFINISHED_SUFFIX}")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)  # a process of the same number left it
    try:
        steps = [(archive.step, archive.points) for archive in layout.archives]
        try:
            whisper.create(path, steps, layout.x_files_factor, layout.method, sparse=True)
        except whisper.InvalidConfiguration as error:
            raise StoreError(f"{target}: no file can have its archives: {error}") from None
        with opened(path, os.O_RDWR) as fd:
            if read_layout(fd, path) != layout:
                raise StoreError(f"{path}: the whisper library made another header than was asked for")
            for archive, points in zip(layout.archives, archives, strict=True):
                _write_ring(fd, archive, points)
            _take_after(fd, path, like)
            os.fsync(fd)
        yield path
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def add_new(path: str, layout: Layout, archives: Sequence[Points], folder_like: str) -> bool:
    """Create the file *path* with all its points; return ``False`` when there is one already.

    The file belongs to the owner of the folder *folder_like*, an ancestor. Raises ``OSError``.
    """
    folder = os.path.dirname(path)
    owner = os.stat(folder_like)
    _make_folders(folder)
    like = os.stat_result((stat.S_IFREG | 0o644, 0, 0, 1, owner.st_uid, owner.st_gid, 0, 0, 0, 0))
    with rebuilt(path, layout, archives, like) as unfinished:
        try:
            os.link(unfinished, path)  # unlike a rename, it leaves a file alone that came meanwhile
        except FileExistsError:
            return False
    sync_folder(folder)
    return True


def write_slots(fd: int, path: str, archive: Archive, points: Points) -> None:
    """Write *points* into the ring *archive* of the open file *fd*; *path* is for messages."""
    ring_of(fd, path, archive).write(Rows(np.zeros_like(points.times), points.times, points.values))


def _write_ring(fd: int, archive: Archive, points: Points) -> None:
    """Write *points*, which span no more than the ring, from slot 0 on; blocks without a point stay a hole."""
    if not len(points):
        return
    places = (points.times - points.times[0]) // archive.step
    slots = np.zeros(int(places[-1]) + 1, dtype=SLOT)
    slots["time"][places] = points.times
    slots["value"][places] = points.values
    data = memoryview(slots.tobytes())
    for begin in range(0, len(data), len(_HOLE)):
        block = data[begin : begin + len(_HOLE)]
        if block != _HOLE[: len(block)]:
            os.lseek(fd, archive.offset + begin, os.SEEK_SET)
            write_all(fd, block)


def _take_after(fd: int, path: str, like: os.stat_result) -> None:
    """Give the open file *fd* the owner and mode of *like*."""
    own = os.fstat(fd)
    if (own.st_uid, own.st_gid) != (like.st_uid, like.st_gid):
        try:
            os.fchown(fd, like.st_uid, like.st_gid)
        except PermissionError:
            folder = os.path.dirname(path)
            raise StoreError(
                f"{folder}: files here belong to user {like.st_uid}, group {like.st_gid}: run this as that user or root"
            ) from None
    os.fchmod(fd, stat.S_IMODE(like.st_mode))


def _make_folders(folder: str) -> None:
    """Make *folder* and those above it, as needed, each its parent's owner's, as far as we may."""
    if not os.path.isdir(folder):
        _make_folders(os.path.dirname(folder))
        make_folder(folder, FOLDER_MODE, inherit=True)
