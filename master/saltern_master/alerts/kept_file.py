"""A file that is written whole and read once: set aside when it is broken, and never written over unread.

A msgpack map with a ``version``; what else is in it, its user knows.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from saltern.complaints import Trouble
from saltern.errors import WireError
from saltern.files import make_folder, write_atomic
from saltern.set_aside import of_the_file, set_aside
from saltern.wire import pack_value, unpack_value

VERSION = 1

_log = logging.getLogger(__name__)
Content = TypeVar("Content")


class KeptFile(Generic[Content]):
    """The file at *path*, whose content messages call *what*, in the plural.

    *read* makes it of the map; ``ValueError``, ``TypeError``, ``KeyError`` and ``AttributeError`` say that it is none.
    """

    def __init__(self, path: str, what: str, read: Callable[[Any], Content], max_bytes: int) -> None:
        self.path = path
        self._what = what
        self._read = read
        self._max_bytes = max_bytes
        self._trouble = Trouble(_log)
        self.set_aside = 0
        self.unread = False
        """Whether there is a file that can't be read just now: it isn't to be written over."""

    @property
    def failures(self) -> int:
        """How often it could not be read or written."""
        return self._trouble.count

    def load(self) -> Content | None:
        """Return what the file holds. One that is broken is set aside, and counts as none.

        ``None``: there is none, or it can't be read just now (``unread``).
        """
        self.unread = False
        try:
            with open(self.path, "rb") as stream:
                saved = unpack_value(stream.read(self._max_bytes))
            if saved["version"] != VERSION:
                raise ValueError(f"version {saved['version']!r:.20}")
            content = self._read(saved)
        except FileNotFoundError:
            return None
        except (WireError, ValueError, TypeError, KeyError, AttributeError) as error:
            self._put_aside(f"it holds no {self._what}: {type(error).__name__}: {error!s:.200}")
            return None
        except OSError as error:
            if of_the_file(error):
                self._put_aside(f"it holds no {self._what}: {error.strerror}")
            else:
                self.unread = True
                self._trouble.met(f"{self.path}: the {self._what} can't be read just now: {error.strerror}")
            return None
        self._trouble.over(f"{self.path}: the {self._what} can be read again")
        return content

    def write(self, content: Mapping[str, Any]) -> str:
        """Write the map *content*; return why that can't be, else ``""``: then the old file stays."""
        data = pack_value({"version": VERSION, **content})
        if len(data) > self._max_bytes:
            return self._unwritten(f"the {self._what} would be over {self._max_bytes:,} bytes")
        try:
            make_folder(os.path.dirname(self.path), 0o700)
            if os.path.isdir(self.path):
                self._put_aside("it is no file")
            write_atomic(self.path, data, 0o600)
        except OSError as error:
            return self._unwritten(f"the {self._what} can't be saved: {error.strerror or error}")
        self._trouble.over(f"{self.path}: the {self._what} are saved again")
        return ""

    def _unwritten(self, why: str) -> str:
        self._trouble.met(f"{self.path}: {why}")
        return why

    def _put_aside(self, why: str) -> None:
        try:
            set_aside(self.path, why)
            self.set_aside += 1
        except OSError as error:
            _log.error("%s: %s, and it can't be set aside: %s", self.path, why, error.strerror)
