"""Writing into files by ``file``: at their ends, in their midst, anew. All raise ``OSError``."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from typing import Any

from saltern_modules import _rewriting
from saltern_modules._rewriting import NEW_MODE, Place, opened, place_of, rewrite, write_all


def put(path: str, data: bytes) -> None:
    """Have *path* hold *data*."""
    rewrite(path, data)


def content_of(path: str) -> bytes:
    """Return what is in the file *path*, nothing when it can't be read because it isn't there."""
    with contextlib.suppress(FileNotFoundError):
        return _rewriting.content_of(path)
    return b""


def append(path: str, data: bytes) -> None:
    """Add *data* to the file *path*, after the end of a line; what can't be added whole isn't added."""
    with place_of(path) as place:
        fd = opened(_there(place, path), os.O_RDWR | os.O_APPEND)
        try:
            size = os.fstat(fd).st_size
            if size and os.pread(fd, 1, size - 1) != b"\n":
                data = b"\n" + data
            try:
                write_all(fd, data)
            except OSError:
                with contextlib.suppress(OSError):
                    if os.fstat(fd).st_size <= size + len(data):
                        os.ftruncate(fd, size)
                raise
        finally:
            os.close(fd)


def put_at(path: str, data: bytes, offset: int) -> int:
    """Write *data* at *offset*; return how many bytes went there."""
    with place_of(path) as place:
        fd = opened(_there(place, path), os.O_WRONLY)
        try:
            written = os.pwrite(fd, data, offset)
            os.fsync(fd)
            return written
        finally:
            os.close(fd)


def cut(path: str, length: int) -> None:
    """Have the file *path* be *length* bytes long."""
    with place_of(path) as place:
        fd = opened(_there(place, path), os.O_RDWR)
        try:
            os.ftruncate(fd, length)
        finally:
            os.close(fd)


def touch(path: str, atime: Any, mtime: Any) -> None:
    """Make the file *path* unless something is there, and set its times; ``None`` is now."""
    with place_of(path) as place:
        if place.status is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with contextlib.suppress(FileExistsError):
                made = os.open(place.name, flags, NEW_MODE, dir_fd=place.at)
                try:
                    os.fchmod(made, NEW_MODE)
                finally:
                    os.close(made)
        times = None
        if atime is not None or mtime is not None:
            now = time.time()
            times = (now if atime is None else atime, now if mtime is None else mtime)
        os.utime(place.name or ".", times, dir_fd=place.at, follow_symlinks=False)


def _there(place: Place, path: str) -> Place:
    if place.status is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    return place
