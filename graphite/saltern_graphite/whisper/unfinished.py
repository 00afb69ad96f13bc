"""A Whisper file in the making: under another name in its folder, locked, until it is linked to its own.

The other name is ``.new-`` and a digest of the file's own. What a crash leaves under it is in nobody's way: no tool
takes it for a metric, and it is taken over, emptied first, when the file is created the next time, as it will be when
the log is replayed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass

from saltern_graphite.whisper.durability import write_all

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
_MODE = 0o644
_DIGEST_BYTES = 12


@dataclass(slots=True)
class UnfinishedFile:
    """The open file *fd*, called *name* (a path), that is to be at *path*."""

    fd: int
    name: str
    path: str

    def link(self) -> None:
        """Give the file its own name. Raises ``FileExistsError`` where there is one already, or another ``OSError``."""
        os.link(self.name, self.path)

    def close(self) -> None:
        """Take the other name away and only then the lock. If it can't be, the next to make the file takes it over."""
        with suppress(OSError):
            os.unlink(self.name)
        os.close(self.fd)


def begin_file(path: str, header: bytes, size: int, made_in: set[str]) -> UnfinishedFile:
    """Begin the file that is to be at *path*: *header*, then a hole up to *size* bytes.

    Folders are made as needed, and those in which one was made added to *made_in*. Raises ``BlockingIOError`` when
    another program is at work on it, or another ``OSError``; nothing is left behind then.
    """
    folder, own = os.path.split(path)
    digest = hashlib.blake2b(os.fsencode(own), digest_size=_DIGEST_BYTES).hexdigest()
    name = os.path.join(folder, f".new-{digest}")
    try:
        fd = os.open(name, _FLAGS, _MODE)
    except FileNotFoundError:
        _make_folders(folder, made_in)
        fd = os.open(name, _FLAGS, _MODE)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        raise
    file = UnfinishedFile(fd, name, path)
    try:
        if os.lseek(fd, 0, os.SEEK_END):  # left by a crash
            os.ftruncate(fd, 0)
            os.lseek(fd, 0, os.SEEK_SET)
        write_all(fd, header)
        os.ftruncate(fd, size)
    except BaseException:
        file.close()
        raise
    return file


def _make_folders(folder: str, made_in: set[str]) -> None:
    parent = os.path.dirname(folder)
    try:
        os.mkdir(folder)
    except FileExistsError:
        return
    except FileNotFoundError:
        _make_folders(parent, made_in)
        with suppress(FileExistsError):
            os.mkdir(folder)
    made_in.add(parent)
