"""Writing a Whisper file whole: under a temporary name, forced to the disk, then under its own."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence

import numpy as np
import whisper

from saltern.errors import StoreError
from saltern_graphite.durability import sync_folder, write_all
from saltern_graphite.reader import SLOT
from saltern_graphite.tools.points import Points
from saltern_graphite.whisper_file import POINT, Archive, Layout, read_layout

UNFINISHED_PREFIX = ".saltern-"
"""Begins the name of a file that is not whole yet; nothing that ends so is ever taken for a metric."""
UNFINISHED_SUFFIX = ".tmp"
_HOLE = bytes(65_536)


def layout_of(archives: Sequence[tuple[int, int]], method: str, x_files_factor: float) -> Layout:
    """Return the layout that a file of these *archives* (seconds per point, points) has, as a header holds it."""
    offset = whisper.metadataSize + whisper.archiveInfoSize * len(archives)
    placed = []
    for step, points in archives:
        placed.append(Archive(offset, step, points))
        offset += points * POINT.size
    return Layout(method, float(np.float32(x_files_factor)), tuple(placed))


@contextlib.contextmanager
def rebuilt(folder: str, layout: Layout, archives: Sequence[Points], like: os.stat_result) -> Iterator[str]:
    """Give the path of a new file in *folder*, whole and on the disk; it is gone at the end unless it was renamed.

    Owner and mode are those of *like*. Raises ``OSError``, or ``StoreError`` when the owner can't be kept.
    """
    path = os.path.join(folder, f"{UNFINISHED_PREFIX}{os.getpid()}{UNFINISHED_SUFFIX}")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)  # a process of the same number left it
    try:
        steps = [(archive.step, archive.points) for archive in layout.archives]
        whisper.create(path, steps, layout.x_files_factor, layout.method, sparse=True)
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            if read_layout(fd, path) != layout:
                raise StoreError(f"{path}: the whisper library made another header than was asked for")
            for archive, points in zip(layout.archives, archives, strict=True):
                _write_ring(fd, archive, points)
            _take_after(fd, path, like)
            os.fsync(fd)
        finally:
            os.close(fd)
        yield path
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def add_new(path: str, layout: Layout, archives: Sequence[Points], folder_like: str) -> bool:
    """Create the file *path* with all its points; return ``False`` when there is one already.

    New folders, and the file, belong to the owner of the folder *folder_like*, an ancestor. Raises ``OSError``.
    """
    folder = os.path.dirname(path)
    owner = os.stat(folder_like)
    _make_folders(folder, owner)
    like = os.stat_result((stat.S_IFREG | 0o644, 0, 0, 1, owner.st_uid, owner.st_gid, 0, 0, 0, 0))
    with rebuilt(folder, layout, archives, like) as unfinished:
        try:
            os.link(unfinished, path)  # unlike a rename, it leaves a file alone that came meanwhile
        except FileExistsError:
            return False
    sync_folder(folder)
    return True


def write_slots(fd: int, path: str, archive: Archive, points: Points) -> None:
    """Write *points* into the ring *archive* of the open file *fd*, one by one, as an update would."""
    (base, _) = POINT.unpack(os.pread(fd, POINT.size, archive.offset))
    for time, value in zip(points.times.tolist(), points.values.tolist(), strict=True):
        base = base or time
        place = (time - base) // archive.step % archive.points
        os.pwrite(fd, POINT.pack(time, value), archive.offset + place * POINT.size)


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


def _make_folders(folder: str, owner: os.stat_result) -> None:
    missing = []
    while not os.path.isdir(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    for path in reversed(missing):
        try:
            os.mkdir(path)
        except FileExistsError:
            continue
        if (os.geteuid(), os.getegid()) != (owner.st_uid, owner.st_gid):
            _give(path, owner)


def _give(folder: str, owner: os.stat_result) -> None:
    """Give a folder just made to *owner*, if we may: that very folder, whatever has its name by now."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if os.fstat(fd).st_uid == os.geteuid():
            with contextlib.suppress(PermissionError):
                os.fchown(fd, owner.st_uid, owner.st_gid)
    finally:
        os.close(fd)
