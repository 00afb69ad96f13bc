"""Records that people put and take away, in a file: what was answered with success is there after a ``kill -9``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Hashable, Mapping
from typing import Any, Generic, TypeVar

from saltern.errors import CommandError
from saltern_master.alerts.kept_file import KeptFile

Record = TypeVar("Record")


class KeptRecords(Generic[Record]):
    """Those of the file at *path*, which messages call *what*, by *key*; *read* and *written* are their plain forms.

    Other threads may look at ``all``, which is never changed but replaced.
    """

    def __init__(
        self,
        path: str,
        what: str,
        key: Callable[[Record], Hashable],
        read: Callable[[Mapping[str, Any]], Record],
        written: Callable[[Record], dict[str, Any]],
        max_bytes: int,
    ) -> None:
        self._file = KeptFile(path, what, self._read, max_bytes)
        self._what = what
        self._key = key
        self._read_one = read
        self._written = written
        self._turn = asyncio.Lock()
        self._unsaved = False
        self.all: Mapping[Any, Record] = {}

    @property
    def unread(self) -> bool:
        """Whether they can't be read just now."""
        return self._file.unread

    @property
    def failures(self) -> int:
        """How often they could not be saved or read."""
        return self._file.failures

    @property
    def set_aside(self) -> int:
        """How often a broken file was set aside."""
        return self._file.set_aside

    def load(self) -> None:
        """Read the file."""
        self.all = self._file.load() or {}

    async def put(self, record: Record) -> None:
        """Keep *record*. Raises ``CommandError``, and nothing has changed, when it can't be saved."""
        await asyncio.shield(asyncio.create_task(self._change({self._key(record): record}, ())))

    async def remove(self, key: Hashable) -> None:
        """Remove what is under *key*. Raises ``CommandError``, and it stays, when that can't be saved."""
        await asyncio.shield(asyncio.create_task(self._change({}, (key,))))

    def take(self, records: Mapping[Any, Record]) -> None:
        """Have *records*, others than before; ``tend`` saves them."""
        self.all = records
        self._unsaved = True

    async def tend(self) -> None:
        """Save what could not be saved yet, and read what could not be read."""
        async with self._turn:
            if self.unread:
                await asyncio.to_thread(self.load)
            elif self._unsaved:
                records = self.all
                if not await asyncio.to_thread(self._write, records.values()):
                    self._unsaved = self.all is not records

    async def _change(self, put: Mapping[Any, Record], removed: Collection[Hashable]) -> None:
        async with self._turn:
            if self.unread:
                await asyncio.to_thread(self.load)
                if self.unread:
                    raise CommandError(f"the {self._what} can't be read just now: the master's log says why")
            records = self._changed(put, removed)
            if why := await asyncio.to_thread(self._write, records.values()):
                raise CommandError(why)
            self.all = self._changed(put, removed)  # some may have ended meanwhile

    def _changed(self, put: Mapping[Any, Record], removed: Collection[Hashable]) -> dict[Any, Record]:
        return {key: one for key, one in {**self.all, **put}.items() if key not in removed}

    def _write(self, records: Collection[Record]) -> str:
        return self._file.write({"records": [self._written(one) for one in records]})

    def _read(self, saved: Any) -> dict[Any, Record]:
        return {self._key(one): one for one in map(self._read_one, saved["records"])}
