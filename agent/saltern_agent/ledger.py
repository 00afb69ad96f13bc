"""What became of the slots that brought the master no sample: the host's own account, kept over restarts and kills.

Everything is written before what it is about is given up: a kill in between leaves a slot that is noted as dropped
and arrives all the same, which the master counts as received.

::

    cachedir/ledger   magic 7 | version u8 | crc32 u32, big-endian, of the rest | msgpack of the rest
    rest              {name: {dropped, skipped, failed, error, error_at, notes}}
    notes             [[interval in seconds, dropped, skipped], …], these two as [[first, last], …], both included
    first, last       slots, as multiples of the interval
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from binascii import crc32
from collections.abc import Callable
from typing import Any

from saltern.complaints import Complaint
from saltern.errors import WireError
from saltern.files import make_folder, write_atomic
from saltern.set_aside import foreign_aside, of_the_file, set_aside
from saltern.wire import pack_value, unpack_value
from saltern_agent.accounts import Accounts

log = logging.getLogger(__name__)

HEAD = b"SALTLDG\x01"
CRC_BYTES = 4


class Ledger(Accounts):
    """The ledger in the file *path*, written at every change."""

    def __init__(self, path: str, clock: Callable[[], float] = time.time) -> None:
        super().__init__(clock)
        self._file = AccountFile(path, self.rows, self.restore)

    @property
    def unsaved(self) -> bool:
        """Whether there is something that could not be written."""
        return self._file.unsaved

    def save(self) -> None:
        """Write it, when there is something new."""
        self._file.save()

    def _changed(self, *, at_once: bool = False) -> None:
        self._file.unsaved = True
        self._file.save()


class AccountFile:
    """A file of accounts: *rows* returns what is to be kept, *restore* takes it up, now or when it can be read.

    One that can't be read is set aside and begun anew, one that can't be written is tried again by ``save``; both are
    said once.
    """

    def __init__(self, path: str, rows: Callable[[], dict[str, Any]], restore: Callable[[Any], None]) -> None:
        self.unsaved = False
        self._path = path
        self._rows = rows
        self._restore = restore
        self._not_written = Complaint(log)
        self._not_read = Complaint(log)
        self._loaded = False
        self._load()

    def save(self) -> None:
        """Write it, when there is something new."""
        if not self._loaded:
            self._load()  # else what was kept would be written over
        if not (self.unsaved and self._loaded):
            return
        rest = pack_value(self._rows())
        try:
            make_folder(os.path.dirname(self._path), 0o700)
            foreign_aside(self._path)
            write_atomic(self._path, HEAD + crc32(rest).to_bytes(CRC_BYTES, "big") + rest, mode=0o600)
        except OSError as error:
            self._not_written.say(f"{self._path}: can't be written: {error.strerror}: the account is kept in memory")
            return
        self.unsaved = False
        self._not_written.over(f"{self._path}: is written again")

    def _load(self) -> None:
        try:
            with open(self._path, "rb") as stream:
                kept = stream.read()
        except FileNotFoundError:
            self._loaded = True
            return
        except OSError as error:
            self._loaded = of_the_file(error)
            then = "begins anew" if self._loaded else "is kept in memory until it can"
            self._not_read.say(f"{self._path}: can't be read, the account {then}: {error.strerror}")
            return
        self._loaded = True
        self._not_read.over(f"{self._path}: can be read again")
        rest = kept[len(HEAD) + CRC_BYTES :]
        try:
            if kept[: len(HEAD)] != HEAD or int.from_bytes(kept[len(HEAD) :][:CRC_BYTES], "big") != crc32(rest):
                raise ValueError("it is damaged, or of another version")
            self._restore(unpack_value(rest))
        except (WireError, ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            with contextlib.suppress(OSError):
                set_aside(self._path, f"the account begins anew: {error}")
