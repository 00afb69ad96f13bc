"""Answers of the tag index that are given again for as long as nothing changes."""

from __future__ import annotations

import threading
from collections import OrderedDict

MAX_FINDS_REMEMBERED = 64
MAX_NAMES_REMEMBERED = 20_000
"""Longer answers are not remembered."""


class Found:
    """Names by the expressions that found them. Any thread may use it."""

    def __init__(self) -> None:
        self.version = 0
        """Another number after each change of the index."""
        self._lock = threading.Lock()
        self._names: OrderedDict[tuple[str, ...], list[str]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._names)

    def get(self, key: tuple[str, ...]) -> tuple[int, list[str] | None]:
        """The version now, and what is remembered for *key*."""
        with self._lock:
            return self.version, self._names.get(key)

    def keep(self, key: tuple[str, ...], names: list[str], version: int) -> None:
        """Remember *names*, which were looked for in this *version*."""
        if len(names) > MAX_NAMES_REMEMBERED:
            return
        with self._lock:
            if version == self.version:  # nothing was written while we looked
                self._names[key] = names
                if len(self._names) > MAX_FINDS_REMEMBERED:
                    self._names.popitem(last=False)

    def change(self) -> None:
        """Forget all: the index is another now."""
        with self._lock:
            self.version += 1
            self._names.clear()
