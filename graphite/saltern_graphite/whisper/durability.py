"""Getting written bytes onto the disk itself."""

from __future__ import annotations

import ctypes
import os

FSYNC_POLICIES = ("never", "interval", "always")
SYNC_INTERVAL_S = 1.0


def sync_file_system(path: str) -> None:
    """Wait until everything written to the file system that holds *path* is on its disk.

    One call stands for an fsync of each of thousands of Whisper files. Raises ``OSError`` when the disk failed.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "syncfs"):
        os.sync()
        return
    fd = os.open(path, os.O_RDONLY)
    try:
        if libc.syncfs(fd) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), path)
    finally:
        os.close(fd)


def sync_folder(path: str) -> None:
    """Make the names just created, renamed or removed in the folder *path* survive a power cut."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_all(fd: int, data: bytes | memoryview) -> None:
    """Write all of *data* to *fd*, where a single write may stop short."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
