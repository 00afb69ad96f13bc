"""Watches on folders: the system tells when something was made, renamed or deleted in them. Linux's inotify(7) alone.

Nothing is told of what is written into files. A system has a bound on watches, which all programs of a user share.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import struct
import sys
from collections.abc import Mapping, Set
from types import MappingProxyType
from typing import Any, NamedTuple

from saltern_graphite.rules.metric_name import SUFFIX

MOST = 50_000
"""Each watch keeps about a kilobyte of the system's memory."""
SHARE = 2
"""Others get as much of the system's bound."""
LIMIT_FILE = "/proc/sys/fs/inotify/max_user_watches"
READ_BYTES = 1 << 16

_MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 0x40, 0x80, 0x100, 0x200
_OVERFLOW, _IGNORED, _ONLY_FOLDERS, _EXCLUDE_UNLINKED = 0x4000, 0x8000, 0x1000000, 0x4000000
_MASK = _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE | _ONLY_FOLDERS | _EXCLUDE_UNLINKED
_FILE = SUFFIX.encode()
_EVENT = struct.Struct("iIII")  # watch, mask, cookie, bytes of the name that follows


class Told(NamedTuple):
    """The folders in which something *changed*, and whether more was to tell than there was room for: *overflow*.

    *came*: for some of these, the names that came into them and may be folders, perhaps in the place of others.
    """

    changed: set[int]
    overflow: bool
    came: Mapping[int, Set[str]] = MappingProxyType({})


class Watches:
    """Watches on at most *most* folders, each with its number. For one thread. ``OSError`` if there can be none."""

    def __init__(self, most: int) -> None:
        self._libc: Any = ctypes.CDLL(None, use_errno=True)
        self._most = most
        self._folders: dict[int, int] = {}
        self._refused = False
        self.fd: int = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        """Readable when there is something to tell."""
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    def __len__(self) -> int:
        return len(self._folders)

    @property
    def room(self) -> bool:
        """Whether there may be one more."""
        return not self._refused and len(self._folders) < self._most

    def try_again(self) -> None:
        """Forget that the system had no more: other programs may have ended since."""
        self._refused = False

    def add(self, number: int, path: str) -> int:
        """Watch the folder *number* at *path*; return its watch, -1 if that can't be.

        One folder by two paths has one watch, which tells of the path that was given last.
        """
        watch: int = self._libc.inotify_add_watch(self.fd, os.fsencode(path), _MASK)
        if watch < 0:
            self._refused = ctypes.get_errno() in (errno.ENOSPC, errno.ENOMEM)
            return -1
        self._folders[watch] = number
        return watch

    def has(self, watch: int, number: int) -> bool:
        """Return whether *watch* is on the folder *number*, still."""
        return self._folders.get(watch) == number

    def remove(self, watch: int, number: int) -> None:
        """End a *watch*, unless it is on another folder than *number* by now."""
        if self._folders.get(watch) == number:
            del self._folders[watch]
            self._libc.inotify_rm_watch(self.fd, watch)

    def read(self) -> Told:
        """Return what there is to tell, at once."""
        changed: set[int] = set()
        came: dict[int, set[str]] = {}
        overflow = False
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self.fd, READ_BYTES):
                place = 0
                while place < len(data):
                    watch, mask, _, size = _EVENT.unpack_from(data, place)
                    place += _EVENT.size + size
                    overflow = overflow or bool(mask & _OVERFLOW)
                    number = self._folders.pop(watch, None) if mask & _IGNORED else self._folders.get(watch)
                    if number is not None:
                        changed.add(number)
                        name = data[place - size : place].rstrip(b"\0")
                        if mask & (_CREATE | _MOVED_TO) and not name.endswith(_FILE):
                            came.setdefault(number, set()).add(os.fsdecode(name))
        return Told(changed, overflow, came)

    def close(self) -> None:
        """End all."""
        os.close(self.fd)


def open_watches(most: int | None = None) -> Watches | None:
    """Return watches on at most *most* folders, by default a part of what the system lets us; ``None`` if on none."""
    if sys.platform != "linux":
        return None
    with contextlib.suppress(OSError, ValueError, AttributeError):  # the last: a C library without inotify
        if most is None:
            with open(LIMIT_FILE, encoding="ascii") as file:
                most = min(MOST, int(file.read()) // SHARE)
        return Watches(most) if most > 0 else None
    return None
