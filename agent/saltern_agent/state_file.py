"""A file of the agent's own state: written whole, and once more when it could not be, or is gone.

One that is there and can't be read just now is not written over: it is read when that can be done.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable
from typing import Any, TypeVar

from saltern.complaints import Complaint
from saltern.errors import WireError
from saltern.files import make_folder, write_atomic
from saltern.set_aside import bound_aside, foreign_aside, of_the_file, set_aside
from saltern.wire import pack_value, unpack_value

log = logging.getLogger(__name__)

T = TypeVar("T")

MAX_ASIDE_BYTES = 4 * 1024 * 1024  # of what was set aside in the file's folder


class StateFile:
    """The file *path*, readable by its owner alone; *what* it keeps is for the log."""

    def __init__(self, path: str, what: str) -> None:
        self.path = path
        self._what = what
        self._not_kept = Complaint(log)
        self._not_read = Complaint(log)
        self.unread = False
        """Whether there is a file that can't be read just now."""
        self.read_late: Callable[[], object] = lambda: None
        """Called by ``retry`` while there is: whoever has the file reads it, and writes what is newer."""
        self._packed: bytes | None = None
        self._kept = True

    @property
    def kept(self) -> bool:
        """Whether what was last written is on disk, as far as is known."""
        return self._kept and not self.unread

    def read(self, parse: Callable[[Any], T]) -> T | None:
        """Return what *parse* makes of the value in the file, or ``None`` when there is none.

        A file that makes no sense, or is none, is set aside. For one that can't be read just now see ``unread``.
        *parse* may raise ``KeyError``, ``TypeError``, ``ValueError``, ``AttributeError``.
        """
        foreign_aside(self.path)
        self.unread = False
        try:
            with open(self.path, "rb") as stream:
                packed = stream.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            if of_the_file(error):
                self._put_aside(f"{self._what} can't be read: {error.strerror}")
            else:
                self.unread = True
                self._not_read.say(f"{self.path}: {self._what} can't be read just now: {error.strerror}")
            return None
        self._not_read.over(f"{self.path}: {self._what} can be read again")
        try:
            value = parse(unpack_value(packed, secrets=True))
        except (WireError, TypeError, KeyError, ValueError, AttributeError):
            self._put_aside(f"{self._what} can't be read")
            return None
        self._packed = packed
        return value

    def write(self, value: Any) -> None:
        """Keep *value*, now or when that is possible (``retry``)."""
        self._packed = pack_value(value, secrets=True)
        self._write()

    def retry(self) -> None:
        """Write what could not be written, or is no longer there; read what could not be read."""
        if self.unread:
            self.read_late()
        if self._packed is not None and not (self._kept and os.path.lexists(self.path)):
            self._write()

    def _write(self) -> None:
        assert self._packed is not None
        if self.unread:
            return
        try:
            foreign_aside(os.path.dirname(self.path), folder=True)
            make_folder(os.path.dirname(self.path), 0o700)
            foreign_aside(self.path)
            write_atomic(self.path, self._packed, mode=0o600)
        except OSError as error:
            self._kept = False
            self._not_kept.say(f"{self.path}: {self._what} can't be kept: {error.strerror}")
            return
        self._kept = True
        self._not_kept.over(f"{self.path}: {self._what} is kept again")

    def _put_aside(self, why: str) -> None:
        with contextlib.suppress(OSError):
            set_aside(self.path, why)
            bound_aside(os.path.dirname(self.path), MAX_ASIDE_BYTES)
