"""Reads ``/proc`` and ``/sys`` for the collectors of one sampler, as cheaply as Python can.

A kernel file is opened once and read with ``pread`` from its start ever after: opening and closing is
most of the cost of a small one. What was read is kept for the rest of the sample, since several
collectors look at ``/proc/stat``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

READ_SIZE = 16384
"""Bytes. A larger buffer is given back only in parts, and keeps a tenth of a megabyte for ever."""

WHOLE_BELOW = 2048
"""Bytes. The kernel fills a page (4096) before it returns, so a shorter first read is the whole file."""

MAX_BYTES = 4 << 20
"""No file is read further than this."""


class Source:
    """Files under a ``/proc`` and a ``/sys`` root, kept open between samples."""

    def __init__(self, proc_root: str = "/proc", sys_root: str = "/sys") -> None:
        self.proc_root = proc_root
        self.sys_root = sys_root
        self.told: dict[str, dict[str, Any]] = {}
        """What each collector gave last, by its name: for one that works on with another's numbers."""

        self._descriptors: dict[str, int] = {}
        self._sample: dict[str, bytes] = {}

    def begin(self) -> None:
        """Forget what the last sample read."""
        self._sample.clear()

    def read(self, name: str, *, optional: bool = False) -> bytes:
        """Return ``<proc_root>/<name>`` as it was when this sample first asked for it.

        With *optional*, a file that is not there (or not for us) gives ``b""``. Raises ``OSError``.
        """
        data = self._sample.get(name)
        if data is None:
            try:
                data = self._pread(name)
            except OSError:
                self._close(name)
                if not optional:
                    raise
                return b""
            self._sample[name] = data
        return data

    def _pread(self, name: str) -> bytes:
        descriptor = self._descriptors.get(name)
        if descriptor is None:
            descriptor = os.open(f"{self.proc_root}/{name}", os.O_RDONLY | os.O_CLOEXEC)
            self._descriptors[name] = descriptor
        data = os.pread(descriptor, READ_SIZE, 0)
        if len(data) < WHOLE_BELOW:
            return data
        while len(data) < MAX_BYTES:
            more = os.pread(descriptor, READ_SIZE, len(data))
            if not more:
                break
            data += more
        return data

    def _close(self, name: str) -> None:
        descriptor = self._descriptors.pop(name, None)
        if descriptor is not None:
            os.close(descriptor)

    def close(self) -> None:
        """Close every file; a later read opens it again."""
        for name in list(self._descriptors):
            self._close(name)

    def __del__(self, at_the_end: Callable[[], bool] = sys.is_finalizing) -> None:
        if not at_the_end():  # then this module's own names may be gone, and every file is closed anyway
            self.close()


def read_once(path: str, size: int = 4096) -> bytes:
    """Return the first *size* bytes of a file that is not worth keeping open. Raises ``OSError``."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, size)
    finally:
        os.close(descriptor)


def read_whole(path: str, size: int) -> bytes:
    """Return a file that the kernel gives out by pages, *size* bytes of it and a few more. Raises ``OSError``."""
    parts = []
    left = size
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        while left > 0 and (part := os.read(descriptor, READ_SIZE)):
            parts.append(part)
            left -= len(part)
    finally:
        os.close(descriptor)
    return b"".join(parts)
