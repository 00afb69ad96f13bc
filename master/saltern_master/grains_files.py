"""The minions' grains on disk: a file each, named by the minion, a map of ``key`` and ``grains`` in msgpack."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from saltern.complaints import Trouble
from saltern.errors import WireError
from saltern.files import write_private
from saltern.ids import check_minion_id
from saltern.set_aside import bound_aside, folder_instead, is_aside, set_aside
from saltern.wire import unpack_value

log = logging.getLogger(__name__)

MAX_GRAINS_BYTES = 1024 * 1024
MAX_ASIDE_BYTES = 16 * 1024 * 1024
WRITE_AGAIN_S = 10.0
WRITTEN_A_TURN = 20


class Kept(NamedTuple):
    """What is kept of a minion."""

    minion_id: str
    key: str
    grains: dict[str, Any]


class GrainsFiles:
    """The files in one folder. What can't be written is kept here until it can be; what is no grains is set aside."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._trouble = Trouble(log)
        self._unwritten: dict[str, bytes] = {}
        self._later: dict[str, bytes] = {}
        self._set_aside = 0

    def read(self) -> Iterator[Kept]:
        """Yield what is on disk; a folder that can't be used holds nothing, and the log says so."""
        try:
            self._set_aside += folder_instead(self._folder, 0o700)
        except OSError as error:
            self._trouble.met(f"{self._folder}: grains can't be kept here: {error.strerror or error}")
        names: list[str] = []
        with contextlib.suppress(OSError):
            names = os.listdir(self._folder)
        for name in names:
            if is_aside(name):
                continue
            path = os.path.join(self._folder, name)
            try:
                check_minion_id(name)
                with open(path, "rb") as stream:
                    kept: Any = unpack_value(stream.read(2 * MAX_GRAINS_BYTES))
                key, grains = kept["key"], kept["grains"]
                if not (isinstance(key, str) and isinstance(grains, dict)):
                    raise TypeError("no text and map")
            except (ValueError, TypeError, KeyError, WireError, IsADirectoryError) as error:
                self._put_aside(path, f"it holds no grains: {type(error).__name__}: {error}")
            except OSError as error:
                log.warning("grains of %s can't be read: %s", name, error.strerror)
            else:
                yield Kept(name, key, grains)

    def write(self, minion_id: str, packed: bytes, *, looks: bool = True) -> bool:
        """Write a minion's *packed* key and grains, now or when that can be; return whether they are on disk.

        *looks*: at the folder first.
        """
        path = os.path.join(self._folder, check_minion_id(minion_id))
        try:
            if looks:
                folder_instead(self._folder, 0o700)
            if os.path.isdir(path):
                self._put_aside(path, "it is no file")
            write_private(path, packed)
        except OSError as error:
            self._unwritten[minion_id] = packed
            self._trouble.met(f"{self._folder}: can't be written, so grains are in memory alone: {error.strerror}")
            return False
        self._unwritten.pop(minion_id, None)
        self._later.pop(minion_id, None)
        if not self._unwritten:
            self._trouble.over(f"{self._folder}: all grains are on disk again")
        return True

    def write_later(self, minion_id: str, packed: bytes) -> None:
        """Write a minion's *packed* key and grains within ``WRITE_AGAIN_S``, only the last ones that come till then.

        For a device: thousands come with their host at once, and tell theirs again when the master is started again.
        """
        self._later[minion_id] = packed

    def write_all(self) -> None:
        """Write what was to be written later."""
        for minion_id, packed in list(self._later.items()):
            self.write(minion_id, packed)

    def delete(self, minion_id: str) -> None:
        """Delete a minion's file."""
        self._unwritten.pop(minion_id, None)
        self._later.pop(minion_id, None)
        try:
            os.unlink(os.path.join(self._folder, check_minion_id(minion_id)))
        except FileNotFoundError:
            pass
        except OSError as error:
            log.warning("grains of %s can't be deleted: %s", minion_id, error.strerror)

    async def run(self) -> None:
        """Write what could not be written, when it can be, and what may be written later."""
        while True:
            await asyncio.sleep(WRITE_AGAIN_S)
            await self.write_again()

    async def write_again(self) -> None:
        """Write what is not on disk yet, until something fails."""
        later, self._later = self._later, {}
        self._unwritten |= later
        for number, minion_id in enumerate(sorted(self._unwritten), 1):
            packed = self._unwritten.get(minion_id)
            if packed is not None and not self.write(minion_id, packed, looks=number % WRITTEN_A_TURN == 1):
                return
            if number % WRITTEN_A_TURN == 0:
                await asyncio.sleep(0)

    def metrics(self) -> dict[str, float]:
        """Return how many minions' grains are in memory alone, and how many files were set aside."""
        return {"grains_unwritten": len(self._unwritten), "grains_set_aside": self._set_aside}

    def _put_aside(self, path: str, why: str) -> None:
        try:
            set_aside(path, why)
            self._set_aside += 1
            bound_aside(self._folder, MAX_ASIDE_BYTES)
        except OSError as error:
            log.warning("%s: %s, and it can't be set aside: %s", path, why, error.strerror)
