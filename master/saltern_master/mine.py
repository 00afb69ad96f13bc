"""The mine: what minions put there for others to read, a file each in one folder, bounded for each.

A file is a map in msgpack: the ``key`` that its minion had, and ``data``, an entry by name: its ``value``, and
``allow_tgt`` with ``allow_tgt_type`` when it is for some minions alone. What an earlier key of the minion left is
nobody's. Methods may be called from any thread.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from saltern.errors import ArgumentError, JournalError, MessageTooLarge, WireError, os_errors
from saltern.files import make_folder, write_private
from saltern.ids import check_minion_id
from saltern.wire import pack_value, unpack_value
from saltern_master.keyring import Keyring

MAX_BYTES = 1024 * 1024
"""Of one minion."""
MAX_ENTRIES = 1000
MAX_NAME_CHARACTERS = 512
MAX_FUNCTIONS = 100
MAX_ANSWER_BYTES = 8 * 1024 * 1024

Entry = Mapping[str, Any]


class Mine:
    """The files in *folder*."""

    def __init__(self, folder: str, keyring: Keyring) -> None:
        self._folder = folder
        self._keyring = keyring
        self._writing = threading.Lock()

    def store(self, minion_id: str, key: str, data: Mapping[str, Any], *, clear: bool = False) -> None:
        """Put entries there, beside those that there are or, with *clear*, in their place.

        Raises ``ArgumentError``, ``MessageTooLarge`` over the bound (then nothing changes), ``JournalError``.
        """
        for name, entry in data.items():
            if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME_CHARACTERS:
                raise ArgumentError(f"an entry of the mine has a name of 1 to {MAX_NAME_CHARACTERS} characters")
            if not isinstance(entry, dict) or "value" not in entry:
                raise ArgumentError(f"the mine's entry {name!r:.80} has no value")
        with self._writing:
            kept = {} if clear else self._read(minion_id, key)
            self._write(minion_id, key, {**kept, **data})

    def delete(self, minion_id: str, key: str, name: str) -> None:
        """Delete one entry. Raises ``JournalError``."""
        with self._writing:
            kept = self._read(minion_id, key)
            if kept.pop(name, None) is not None:
                self._write(minion_id, key, kept)

    def forget(self, minion_id: str) -> None:
        """Delete all that a minion put there."""
        with contextlib.suppress(OSError):
            os.unlink(self._path(minion_id))

    def get(
        self, minions: Iterable[str], functions: Iterable[str], may_see: Callable[[Entry], bool] = lambda _: True
    ) -> dict[str, dict[str, Any]]:
        """Return the values of *functions* by function and minion, of the entries that the asker *may_see*.

        Raises ``MessageTooLarge`` when there is more than can be answered.
        """
        wanted = list(functions)
        found: dict[str, dict[str, Any]] = {}
        size = 0
        for minion_id in minions:
            data, read = self._read_any(minion_id)
            for function in wanted:
                entry = data.get(function)
                if isinstance(entry, dict) and "value" in entry and may_see(entry):
                    found.setdefault(function, {})[minion_id] = entry["value"]
                    size += read
                    read = 0
            if size > MAX_ANSWER_BYTES:
                raise MessageTooLarge(f"over {MAX_ANSWER_BYTES:,} bytes of the mine: ask for fewer minions at once")
        return found

    def _write(self, minion_id: str, key: str, data: Mapping[str, Any]) -> None:
        packed = pack_value({"key": key, "data": dict(data)})
        if len(packed) > MAX_BYTES or len(data) > MAX_ENTRIES:
            raise MessageTooLarge(
                f"{len(packed):,} bytes in {len(data):,} entries for the mine: "
                f"a minion may have {MAX_BYTES:,} bytes in {MAX_ENTRIES:,}"
            )
        with os_errors(JournalError, self._folder, "the mine can't be written"):
            make_folder(self._folder, 0o700)
            write_private(self._path(minion_id), packed)

    def _read(self, minion_id: str, key: str) -> dict[str, Any]:
        kept, data, _ = self._load(minion_id)
        return data if kept == key else {}

    def _read_any(self, minion_id: str) -> tuple[dict[str, Any], int]:
        """Return what a minion has there, by the key that is accepted for it, and how large that is."""
        key, data, size = self._load(minion_id)
        return (data, size) if data and self._keyring.minion_of(key) == minion_id else ({}, 0)

    def _load(self, minion_id: str) -> tuple[str, dict[str, Any], int]:
        try:
            with open(self._path(minion_id), "rb") as stream:
                packed = stream.read(2 * MAX_BYTES)
            kept = unpack_value(packed)
            key, data = kept["key"], kept["data"]
        except (OSError, WireError, ValueError, TypeError, KeyError):
            return "", {}, 0  # there is none, or it is broken: the minion's next update writes it anew
        return (key, data, len(packed)) if isinstance(key, str) and isinstance(data, dict) else ("", {}, 0)

    def _path(self, minion_id: str) -> str:
        return os.path.join(self._folder, check_minion_id(minion_id))
