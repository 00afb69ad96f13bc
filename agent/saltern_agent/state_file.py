"""A file of the agent's own state: written whole, and once more when it could not be, or is gone."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable
from typing import Any, TypeVar

from saltern.complaints import Complaint
from saltern.errors import WireError
from saltern.files import make_folder, write_atomic
from saltern.set_aside import bound_aside, foreign_aside, set_aside
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
        self._packed: bytes | None = None
        self._kept = True

    @property
    def kept(self) -> bool:
        """Whether what was last written is on disk, as far as is known."""
        return self._kept

    def read(self, parse: Callable[[Any], T]) -> T | None:
        """Return what *parse* makes of the value in the file, or ``None`` when there is none.

        A file that makes no sense is set aside. *parse* may raise ``KeyError``, ``TypeError``, ``ValueError``,
        ``AttributeError``.
        """
        foreign_aside(self.path)
        try:
            with open(self.path, "rb") as stream:
                packed = stream.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            log.error("%s: %s can't be read: %s", self.path, self._what, error.strerror)
            return None
        try:
            value = parse(unpack_value(packed, secrets=True))
        except (WireError, TypeError, KeyError, ValueError, AttributeError):
            with contextlib.suppress(OSError):
                set_aside(self.path, f"{self._what} can't be read")
                bound_aside(os.path.dirname(self.path), MAX_ASIDE_BYTES)
            return None
        self._packed = packed
        return value

    def write(self, value: Any) -> None:
        """Keep *value*, now or when that is possible (``retry``)."""
        self._packed = pack_value(value, secrets=True)
        self._write()

    def retry(self) -> None:
        """Write what could not be written, or is no longer there."""
        if self._packed is not None and not (self._kept and os.path.lexists(self.path)):
            self._write()

    def _write(self) -> None:
        assert self._packed is not None
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
